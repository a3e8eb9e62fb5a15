/** Handlers that are functions of their own. */

import type { CoreModule } from '../core/helper.ts';
import { field, setField } from '../core/memory.ts';
import { RECORD_BYTES } from '../layout.ts';
import { and, type Expr, i32 } from '../wasm/expr.ts';
import type { FuncRef, FunctionBuilder, Label } from '../wasm/function-builder.ts';
import type { Handler } from './handlers.ts';
import { COLD_CHECK, COLD_EVENT, COLD_FAULT, COLD_JUMP, COLD_NEXT, COLD_WAIT } from './outcomes.ts';
import { RecordSpec } from './record.ts';
import { type Exits, type FlagAccess, InterpreterSem } from './sem.ts';

function memoryFlags(f: FunctionBuilder, cpu: Expr): FlagAccess {
  return {
    n: () => field(cpu, 'flagN'),
    z: () => field(cpu, 'flagZ'),
    c: () => field(cpu, 'flagC', 'i32'),
    v: () => field(cpu, 'flagV', 'i32'),
    set: (n, z, c, v) => {
      // All are computed before any is written: they may read the old ones.
      const values = [n, z, c, v].map((e) => f.tmp(e));
      for (const [i, name] of ['flagN', 'flagZ', 'flagC', 'flagV'].entries()) setField(f, cpu, name, values[i]!);
    },
  };
}

/** Exits of handlers that are functions: a number for the main function. Branches are the main function's alone. */
function coldExits(f: FunctionBuilder, spec: RecordSpec, h: Handler): Exits {
  const give = (n: number) => () => f.ret(i32(n));
  return {
    fault: give(COLD_FAULT),
    check: give(COLD_CHECK),
    jump: () => {
      spec.usesFlags = true;
      f.ret(i32(COLD_JUMP));
    },
    wait: give(COLD_WAIT),
    event: give(COLD_EVENT),
    checkSoon: () => {},
    branchTo: () => {},
    branch: () => void spec.target(branchOperand(h)),
  };
}

/** `done`: where an instruction without an exit of its own goes on; else it returns. */
function emitCold(f: FunctionBuilder, m: CoreModule, h: Handler, spec: RecordSpec, done?: Label): void {
  const [cpu, rec] = [f.param(0), f.param(1)];
  const x = new InterpreterSem({
    f,
    module: m,
    spec,
    cpu,
    rec,
    flags: memoryFlags(f, cpu),
    exits: coldExits(f, spec, h),
  });
  h.encoding.row.sem(x, h.fields);
  if (x.ended) return;
  if (done) f.br(done);
  else f.ret(i32(COLD_NEXT));
}

/** Gives the operands of the handler's records. */
export function buildCold(f: FunctionBuilder, m: CoreModule, h: Handler): RecordSpec {
  const spec = new RecordSpec(h.encoding.row.even);
  emitCold(f, m, h, spec);
  f.unreachable();
  return spec;
}

/**
 * An instruction that may take SP off its alignment: `own` is its usual function and the operands of its records, where
 * it has one. Gives the operands of this one's.
 */
export function buildSpMove(
  f: FunctionBuilder,
  m: CoreModule,
  h: Handler,
  own: { readonly ref: FuncRef; readonly spec: RecordSpec } | undefined,
): RecordSpec {
  const cpu = f.param(0);
  const spec = own?.spec ?? new RecordSpec(h.encoding.row.even);
  if (own) {
    const outcome = f.tmp(f.call(own.ref, cpu, f.param(1)));
    f.if(outcome, () => f.ret(outcome));
  } else {
    f.block((done) => emitCold(f, m, h, spec, done));
  }
  f.if(and(field(cpu, 'sp', 'i32'), i32(15)), () => {
    f.callVoid(m.fn('debugMode'), cpu);
    f.ret(i32(COLD_CHECK));
  });
  f.ret(i32(COLD_NEXT));
  f.unreachable();
  return spec;
}

/** What a direct branch's record holds: bytes to the target's record, or to the target from the start of the page. */
export const branchOperand = (h: Handler) => {
  const target = h.encoding.row.target!;
  return h.far
    ? (f: Readonly<Record<string, number>>) => f.pc! + target(f)
    : (f: Readonly<Record<string, number>>) => (target(f) / 4) * RECORD_BYTES;
};
