/** How a pCPU enters a vCPU: what `Broadcast.enter` and `leave` do (smp/broadcast.ts), without the host where that is plain. */
import type { CoreModule } from '../core/helper.ts';
import { field } from '../core/memory.ts';
import { presentOf } from '../core/tlb.ts';
import { PCPU_DONE, PCPU_MARK, PCPU_RUNNING, SHARED_LOG_HEAD } from '../layout.ts';
import { atomicCode, atomicLoad, type Expr, i32, load, ne, or } from '../wasm/expr.ts';
import type { FuncRef, FunctionBuilder } from '../wasm/function-builder.ts';

/** enterAndRun(pcpu, cpu, budget): gives what `run` gives. */
export function buildEnterAndRun(f: FunctionBuilder, m: CoreModule, run: FuncRef): void {
  const [pcpu, cpu, budget] = [f.param(0), f.param(1), f.param(2)];
  const setRunning = (vcpu: Expr): void => f.raw(atomicCode('store', 'i32', 4, PCPU_RUNNING), pcpu, vcpu);
  // The order counts: who appends to the log and then finds nobody running need not wait.
  setRunning(cpu);
  const isNew = ne(field(cpu, 'pcpu', 'i32'), pcpu);
  const isShared = ne(presentOf(cpu), load('i32', pcpu, PCPU_MARK));
  const isBehind = ne(atomicLoad('i32', 4, i32(0), SHARED_LOG_HEAD), load('i32', pcpu, PCPU_DONE));
  f.if(or(isNew, or(isShared, isBehind)), () => f.callVoid(m.fn('enter'), cpu));
  const reason = f.tmp(f.call(run, cpu, budget));
  setRunning(i32(0));
  f.ret(reason);
  f.unreachable();
}
