/** What runs translated code: from one region to the next, and calls of regions by regions. */
import type { CoreHelper, CoreModule } from '../core/helper.ts';
import { field, setField } from '../core/memory.ts';
import { CODE_TLB_INDEX_BITS, PAGE_REGIONS, PCPU_LEAVES, REGION_LEAVES } from '../layout.ts';
import {
  END_BITS,
  END_CHECK,
  END_FAULT,
  END_INTERPRET,
  END_JUMP,
  END_LEFT,
  END_RETURN,
  endedBy,
  REGION_PARAMS,
  REGION_RESULTS,
} from '../translator/ends.ts';
import {
  add,
  and,
  type Expr,
  eq,
  eqz,
  gtU,
  i32,
  i64,
  load,
  ltS,
  ne,
  node,
  or,
  shl,
  shrU,
  sub,
  wrap,
  xor,
} from '../wasm/expr.ts';
import type { FunctionBuilder, Label, Var } from '../wasm/function-builder.ts';
import { pushU32 } from '../wasm/leb128.ts';
import { OTHERS_TABLE } from '../wasm/module-builder.ts';
import { requested } from './main-function.ts';

/** Calls of regions by regions that may be under way at a time: each takes some hundred bytes of the host's stack. */
const MOST_CALLS = 48;

/** What a region gives: from a call of `region` on. */
interface Ran {
  readonly region: Var;
  readonly left: Var;
  readonly target: Var;
}

/** Calls the function of `region`; what it gives is in `left` and `target`. */
function enter(f: FunctionBuilder, type: number, { region, left, target }: Ran): void {
  const code = [0x11];
  pushU32(code, type);
  code.push(OTHERS_TABLE);
  f.raw([...code, ...target.write, ...left.write], f.param(0), f.get(left), f.get(region));
}

/** Finds the region that begins at the virtual address in `target`, and makes its page the current one; else to `out`. */
function findNext(f: FunctionBuilder, { region, target }: Ran, out: Label): void {
  const cpu = f.param(0);
  f.brIf(out, requested(cpu));
  const index = and(wrap(shrU(f.get(target), i64(12 - 4))), i32((2 ** CODE_TLB_INDEX_BITS - 1) << 4));
  const entry = f.tmp(add(field(cpu, 'tlbCode', 'i32'), index));
  f.brIf(out, node('i32', [0x52], load('i64', entry), and(f.get(target), i64(~0xffcn))));
  const records = f.tmp(load('i32', entry, 8));
  const at = add(records, shrU(and(wrap(f.get(target)), i32(0xffc)), i32(1)));
  f.set(region, load('i32_16u', at, PAGE_REGIONS));
  f.brIf(out, eqz(f.get(region)));
  // The same as the entry's, but does not wait for it.
  setField(f, cpu, 'pageVa', and(f.get(target), i64(~0xfffn)));
  setField(f, cpu, 'pageRecords', records);
}

/** Regions leave flags as they have them: for all others they are settled. */
const settleFlags = (f: FunctionBuilder, m: CoreModule): void =>
  f.if(field(f.param(0), 'flagKind', 'i32'), () => f.callVoid(m.fn('settleFlags'), f.param(0)));

const howOf = (end: Expr): Expr => and(end, i32(2 ** END_BITS - 1));

/**
 * runRegions(cpu, region, left): runs translated code from one region to the next, until there is none for an address,
 * the budget of `left` instructions is used up or the host asks. Gives what is left << END_BITS | how it ended.
 */
function buildRunRegions(f: FunctionBuilder, m: CoreModule, type: number): void {
  const cpu = f.param(0);
  const [, region, left] = f.params as [Var, Var, Var];
  const ran = { region, left, target: f.local('i64') };
  const { target } = ran;
  f.block((leave) => {
    f.loop((again) => {
      enter(f, type, ran);
      f.if(ltS(f.get(left), i32(0)), () => {
        setField(f, cpu, 'regionCalls', i32(0));
        settleFlags(f, m);
        setField(f, cpu, 'pc', f.get(target));
        const end = f.tmp(xor(f.get(left), i32(-1)));
        f.set(left, shrU(end, i32(END_BITS)));
        const how = f.tmp(howOf(end));
        f.if(eq(how, i32(END_INTERPRET)), () => f.callVoid(m.fn('countLeave'), cpu, f.get(region)));
        f.if(or(eq(how, i32(END_INTERPRET)), eq(how, i32(END_LEFT))), () => leaveToInterpreter(f, m, left));
        f.if(eq(how, i32(END_FAULT)), () => f.callVoid(m.fn('deliverFault'), cpu));
        f.if(eq(how, i32(END_RETURN)), () => f.callVoid(m.fn('exceptionReturn'), cpu));
        f.if(field(cpu, 'interruptLines', 'i32'), () => f.callVoid(m.fn('takePending'), cpu));
        f.set(target, field(cpu, 'pc'));
      });
      findNext(f, ran, leave);
      f.br(again);
    });
  });
  settleFlags(f, m);
  setField(f, cpu, 'pc', f.get(target));
  f.ret(shl(f.get(left), i32(END_BITS)));
  f.unreachable();
}

/** An instruction is the interpreter's to do: gives what `runRegions` gives for that. */
function leaveToInterpreter(f: FunctionBuilder, m: CoreModule, left: Var): void {
  const cpu = f.param(0);
  const ended = (how: number) => f.ret(or(shl(f.get(left), i32(END_BITS)), i32(how)));
  // What moved SP did not look at it.
  f.if(and(field(cpu, 'sp', 'i32'), i32(15)), () => {
    f.callVoid(m.fn('debugMode'), cpu);
    f.if(field(cpu, 'debugActive', 'i32'), () => ended(END_CHECK));
  });
  ended(END_INTERPRET);
}

/**
 * callRegions(cpu, left, target): a region calls what is at the virtual address `target`, and X30 says where it goes on. If
 * translated code comes back there, gives what is left of the budget then, with the region's page as the current one
 * again. In all other cases left is negative, as it is of regions (see translator/ends.ts), and whoever gets it gives it on:
 * frames that are not come back to are dropped with the next exception, request or instruction of the interpreter. So are
 * those whose code is no more: `regionCalls` is then no longer what it was.
 */
function buildCallRegions(f: FunctionBuilder, m: CoreModule, type: number): void {
  const cpu = f.param(0);
  const [, left, target] = f.params as [Var, Var, Var];
  const ran = { region: f.local('i32'), left, target };
  const calls = f.tmp(add(field(cpu, 'regionCalls', 'i32'), i32(1)));
  const link = f.tmp(field(cpu, 'x30'));
  const pageVa = f.tmp(field(cpu, 'pageVa'));
  const records = f.tmp(field(cpu, 'pageRecords', 'i32'));
  const give = (): void => f.raw([0x0f], f.get(left), f.get(target));
  f.block((out) => {
    f.brIf(out, gtU(calls, i32(MOST_CALLS)));
    setField(f, cpu, 'regionCalls', calls);
    f.loop((again) => {
      findNext(f, ran, out);
      enter(f, type, ran);
      f.if(ltS(f.get(left), i32(0)), () => {
        f.if(eq(howOf(f.get(left)), howOf(i32(~END_INTERPRET))), () => {
          f.callVoid(m.fn('countLeave'), cpu, f.get(ran.region));
          f.set(left, sub(f.get(left), i32(END_LEFT - END_INTERPRET)));
        });
        give();
      });
      f.brIf(again, ne(f.get(target), link));
    });
    f.brIf(out, ne(field(cpu, 'regionCalls', 'i32'), calls));
    setField(f, cpu, 'pageVa', pageVa);
    setField(f, cpu, 'pageRecords', records);
    setField(f, cpu, 'regionCalls', sub(calls, i32(1)));
    give();
  });
  f.set(left, endedBy(f.get(left), END_JUMP));
  give();
  f.unreachable();
}

/** countLeave(cpu, region): the region has left an instruction to the interpreter. */
const countLeave: CoreHelper = {
  name: 'countLeave',
  params: ['i32', 'i32'],
  results: [],
  build(f, m) {
    const [cpu, region] = [f.param(0), f.param(1)];
    const at = f.tmp(add(field(cpu, 'pcpu', 'i32'), shl(region, i32(1))));
    const leaves = f.tmp(add(load('i32_16u', at, PCPU_LEAVES), i32(1)));
    f.store('i32_16', at, leaves, PCPU_LEAVES);
    f.if(eq(leaves, i32(REGION_LEAVES)), () => f.callVoid(m.fn('leftOften'), cpu, region));
  },
};

/** The functions of this file, in the order in which they need each other. */
export const REGION_RUNNERS: readonly (Omit<CoreHelper, 'build'> & {
  build(f: FunctionBuilder, m: CoreModule, regionType: number): void;
})[] = [
  countLeave,
  { name: 'runRegions', params: ['i32', ...REGION_PARAMS], results: ['i32'], build: buildRunRegions },
  { name: 'callRegions', params: [...REGION_PARAMS, 'i64'], results: REGION_RESULTS, build: buildCallRegions },
];
