/**
 * Self-hosted debug (Arm ARM D2): breakpoints, watchpoints and software step, and the two other things that are looked
 * for before an instruction runs: PSTATE.IL and an SP that is not aligned.
 *
 * None of it costs anything while it is off. Where an instruction must be looked at there is no code TLB entry, so the
 * jump to it comes to `fetch`, which lets it run alone; where data is watched there is no TLB entry, so the access
 * comes to the slow way.
 */
import { BREAKPOINTS, CONTEXT_BREAKPOINTS, stateOffset, WATCHPOINTS } from '../state.ts';
import {
  add,
  and,
  clz,
  ctz,
  type Expr,
  eq,
  eqz,
  extU,
  gtU,
  i32,
  i64,
  ltU,
  ne,
  not,
  or,
  select,
  shl,
  shrU,
  sub,
  wrap,
  xor,
} from '../wasm/expr.ts';
import type { FunctionBuilder } from '../wasm/function-builder.ts';
import type { CoreHelper, CoreModule } from './helper.ts';
import { ACCESS_ATOMIC, ACCESS_EL0, ACCESS_WRITE, field, setField } from './memory.ts';

/** MDSCR_EL1's fields that count here. */
const MDSCR_SS = 1;
const MDSCR_KDE = 1 << 13;
const MDSCR_MDE = 1 << 15;
const OSLSR_OSLK = 2;
const PSTATE_D = 1 << 9;
const SPSR_SS = 1 << 21;
/** SCTLR_EL1.SA and SA0. */
const SCTLR_SA = 8;
const SCTLR_SA0 = 16;

/**
 * `debugOn`: what the debug registers have switched on, whatever the exception level and PSTATE.D. `debugActive` has the
 * first two where they count at the present exception level, and the other two.
 */
export const DEBUG_STEP = 1;
export const DEBUG_BREAKPOINTS = 2;
export const DEBUG_WATCHPOINTS = 4;
export const ACTIVE_ILLEGAL = 8;
export const ACTIVE_SP = 16;
/** What keeps every instruction alone; breakpoints do so to those of their pages only. */
export const ACTIVE_ALWAYS = DEBUG_STEP | ACTIVE_ILLEGAL | ACTIVE_SP;

/** `stepState`: an instruction runs in the active-not-pending state; one ran; it was a load-exclusive. */
const STEP_UNDER_WAY = 1;
const STEP_RAN = 2;
const STEP_EXCLUSIVE = 4;

/** What `decodeAlone` tells of an instruction. */
export const ALONE_USES_SP = 1;
export const ALONE_EXCLUSIVE = 2;

/** What `lookAt` gives: the page may run as always, the instruction runs alone, or an exception is pending. */
export const LOOK_ON = 0;
export const LOOK_ALONE = 1;
export const LOOK_FAULT = 2;

/** Exception classes from EL0; from EL1 one more. */
const EC_ILLEGAL_STATE = 0x0e;
const EC_SP_ALIGNMENT = 0x26;
const EC_BREAKPOINT = 0x30;
const EC_STEP = 0x32;
const EC_WATCHPOINT = 0x34;
const FSC_DEBUG = 0x22;
const ISS_ISV = 1 << 24;
const ISS_EX = 1 << 6;
const ISS_WNR = 1 << 6;
const IL = 1n << 25n;

const has = (e: Expr, bits: number): Expr => ne(and(e, i32(bits)), i32(0));
const low = (cpu: Expr, name: string): Expr => field(cpu, name, 'i32');

/** Whether SP is not a multiple of 16 where SCTLR_EL1 has such an SP fault. */
const spIsOff = (cpu: Expr): Expr => {
  const checked = select(low(cpu, 'el'), i32(SCTLR_SA), i32(SCTLR_SA0));
  return and(ne(and(low(cpu, 'sp'), i32(15)), i32(0)), ne(and(low(cpu, 'SCTLR_EL1'), checked), i32(0)));
};

/** Runs `debugMode` where anything calls for it: behind a change of PSTATE or SP. */
export function lookAtMode(f: FunctionBuilder, m: CoreModule, cpu: Expr): void {
  const wanted = or(or(low(cpu, 'debugOn'), low(cpu, 'pstateIL')), low(cpu, 'debugActive'));
  f.if(or(wanted, and(low(cpu, 'sp'), i32(15))), () => f.callVoid(m.fn('debugMode'), cpu));
}

/** Pends an exception of the present instruction; `fromEl1` is added to the class at EL1. */
function pend(f: FunctionBuilder, cpu: Expr, ec: number, iss: Expr, byLevel = true): void {
  const esr = or(shl(extU(byLevel ? add(i32(ec), low(cpu, 'el')) : i32(ec)), i64(26)), or(extU(iss), i64(IL)));
  setField(f, cpu, 'faultEsr', esr);
  setField(f, cpu, 'faultKind', i32(1));
  setField(f, cpu, 'faultReturnsNext', i32(0));
}

/** debugEnabled(cpu, el, daif): 1 where debug exceptions are enabled from `el`, for `debugOn` not 0 (Arm ARM D2.4). */
const debugEnabled: CoreHelper = {
  name: 'debugEnabled',
  params: ['i32', 'i32', 'i32'],
  results: ['i32'],
  build(f) {
    const [cpu, el, daif] = [f.param(0), f.param(1), f.param(2)];
    const fromEl1 = and(has(low(cpu, 'MDSCR_EL1'), MDSCR_KDE), eqz(and(daif, i32(PSTATE_D))));
    f.ret(select(el, fromEl1, i32(1)));
    f.unreachable();
  },
};

/**
 * debugChanged(cpu, written): computes `debugOn` anew. TLB entries that break- and watchpoints do not allow go: where a
 * register was written, or what the registers have on is not what it was.
 */
const debugChanged: CoreHelper = {
  name: 'debugChanged',
  params: ['i32', 'i32'],
  results: [],
  build(f, m) {
    const [cpu, written] = [f.param(0), f.param(1)];
    const on = f.local('i32');
    f.set(on, i32(0));
    const mdscr = low(cpu, 'MDSCR_EL1');
    // The OS Double Lock holds unless DBGPRCR_EL1.CORENPDRQ.
    const doubleLock = and(low(cpu, 'OSDLR_EL1'), eqz(and(low(cpu, 'DBGPRCR_EL1'), i32(1))));
    const locked = or(and(low(cpu, 'OSLSR_EL1'), i32(OSLSR_OSLK)), doubleLock);
    f.if(and(has(mdscr, MDSCR_SS | MDSCR_MDE), eqz(locked)), () => {
      f.set(on, and(mdscr, i32(MDSCR_SS)));
      f.if(has(mdscr, MDSCR_MDE), () => {
        const any = (kind: string, count: number): Expr =>
          and(
            Array.from({ length: count }, (_, n) => low(cpu, `${kind}${n}_EL1`)).reduce((a, b) => or(a, b)),
            i32(1),
          );
        const found = or(
          shl(any('DBGBCR', BREAKPOINTS), i32(Math.log2(DEBUG_BREAKPOINTS))),
          shl(any('DBGWCR', WATCHPOINTS), i32(Math.log2(DEBUG_WATCHPOINTS))),
        );
        f.set(on, or(f.get(on), found));
      });
    });
    const before = f.tmp(low(cpu, 'debugOn'));
    setField(f, cpu, 'debugOn', f.get(on));
    const changed = or(written, ne(before, f.get(on)));
    const counts = has(or(before, f.get(on)), DEBUG_BREAKPOINTS | DEBUG_WATCHPOINTS);
    f.if(and(ne(changed, i32(0)), counts), () => {
      f.callVoid(m.fn('flushAll'), field(cpu, 'pcpu', 'i32'));
    });
    f.callVoid(m.fn('debugMode'), cpu);
  },
};

/** debugMode(cpu): computes `debugActive` anew, and which code TLB is in use. */
const debugMode: CoreHelper = {
  name: 'debugMode',
  params: ['i32'],
  results: [],
  build(f, m) {
    const cpu = f.param(0);
    const active = f.local('i32');
    const on = f.tmp(low(cpu, 'debugOn'));
    const el = f.tmp(low(cpu, 'el'));
    f.set(active, i32(0));
    f.if(on, () => {
      const step = f.call(m.fn('debugEnabled'), cpu, el, low(cpu, 'daif'));
      // PSTATE.D is left to the match of a breakpoint: an entry made while it is set would be there when it is clear.
      const breakpoints = f.call(m.fn('debugEnabled'), cpu, el, i32(0));
      const allowed = or(step, shl(breakpoints, i32(Math.log2(DEBUG_BREAKPOINTS))));
      f.set(active, and(on, allowed));
    });
    f.if(low(cpu, 'pstateIL'), () => f.set(active, or(f.get(active), i32(ACTIVE_ILLEGAL))));
    f.if(spIsOff(cpu), () => f.set(active, or(f.get(active), i32(ACTIVE_SP))));
    setField(f, cpu, 'debugActive', f.get(active));
    // A step that ends where stepping is off leaves PSTATE.SS clear behind it.
    f.if(and(eqz(and(f.get(active), i32(DEBUG_STEP))), and(low(cpu, 'stepState'), i32(STEP_UNDER_WAY))), () => {
      setField(f, cpu, 'stepState', i32(0));
      setField(f, cpu, 'pstateSS', i32(0));
    });
    f.callVoid(m.fn('selectCode'), cpu);
  },
};

/**
 * stepDue(cpu): before an instruction in the software step state: an instruction that ran makes it active-pending. Gives
 * 1 with the exception pending where it is.
 */
const stepDue: CoreHelper = {
  name: 'stepDue',
  params: ['i32'],
  results: ['i32'],
  build(f) {
    const cpu = f.param(0);
    const state = f.tmp(low(cpu, 'stepState'));
    f.if(and(state, i32(STEP_UNDER_WAY)), () => {
      setField(f, cpu, 'pstateSS', i32(0));
      setField(f, cpu, 'stepState', or(and(state, i32(STEP_EXCLUSIVE)), i32(STEP_RAN)));
    });
    f.if(low(cpu, 'pstateSS'), () => f.ret(i32(0)));
    const ran = low(cpu, 'stepState');
    const syndrome = or(i32(ISS_ISV), select(and(ran, i32(STEP_EXCLUSIVE)), i32(ISS_EX), i32(0)));
    pend(f, cpu, EC_STEP, or(select(ran, syndrome, i32(0)), i32(FSC_DEBUG)));
    f.ret(i32(1));
    f.unreachable();
  },
};

/** stepDone(cpu): the instruction under way is complete: PSTATE.SS is clear in what an exception behind it saves. */
const stepDone: CoreHelper = {
  name: 'stepDone',
  params: ['i32'],
  results: [],
  build(f) {
    const cpu = f.param(0);
    f.if(and(low(cpu, 'stepState'), i32(STEP_UNDER_WAY)), () => setField(f, cpu, 'pstateSS', i32(0)));
  },
};

/**
 * returnSS(cpu, spsr, el): PSTATE.SS behind an exception return to `el`: SPSR_EL1.SS where debug exceptions are enabled
 * there and are not here (Arm ARM D2.12.5). For the present PSTATE.
 */
const returnSS: CoreHelper = {
  name: 'returnSS',
  params: ['i32', 'i32', 'i32'],
  results: ['i32'],
  build(f, m) {
    const [cpu, spsr, el] = [f.param(0), f.param(1), f.param(2)];
    f.if(eqz(and(low(cpu, 'debugOn'), i32(DEBUG_STEP))), () => f.ret(i32(0)));
    const here = f.call(m.fn('debugEnabled'), cpu, low(cpu, 'el'), low(cpu, 'daif'));
    const there = f.call(m.fn('debugEnabled'), cpu, el, spsr);
    f.ret(select(and(eqz(here), there), and(spsr, i32(SPSR_SS)), i32(0)));
    f.unreachable();
  },
};

/** VA[48:n] of two addresses are the same: what is above follows from bit 48, or is a tag. `n` is an i32. */
const sameFrom = (a: Expr, b: Expr, n: Expr): Expr => eqz(shrU(shl(xor(a, b), i64(15)), add(extU(n), i64(15))));

const bitsOf = (control: Expr, lsb: number, width: number): Expr => and(shrU(control, i32(lsb)), i32(2 ** width - 1));

/** HMC and SSC other than 0 are reserved where there is no EL2 and no EL3. */
const HMC_SSC = 0xe000;
/** Whether an enabled break- or watchpoint counts for the privilege: PMC or PAC has bit 1 for EL0, bit 0 for EL1. */
const countsFor = (control: Expr, isEl0: Expr): Expr =>
  and(and(eqz(and(control, i32(HMC_SSC))), and(control, i32(1))), shrU(bitsOf(control, 1, 2), isEl0));

const FIRST_CONTEXT = BREAKPOINTS - CONTEXT_BREAKPOINTS;
const value = (cpu: Expr, kind: string, n: Expr): Expr => field(add(cpu, shl(n, i32(4))), `${kind}VR0_EL1`);
const control = (cpu: Expr, kind: string, n: Expr): Expr => field(add(cpu, shl(n, i32(4))), `${kind}CR0_EL1`, 'i32');

/** contextMatches(cpu, n): 1 if breakpoint `n` compares CONTEXTIDR_EL1 for others (BT 3) and finds its value there. */
const contextMatches: CoreHelper = {
  name: 'contextMatches',
  params: ['i32', 'i32'],
  results: ['i32'],
  build(f) {
    const [cpu, n] = [f.param(0), f.param(1)];
    f.if(or(ltU(n, i32(FIRST_CONTEXT)), gtU(n, i32(BREAKPOINTS - 1))), () => f.ret(i32(0)));
    const c = f.tmp(control(cpu, 'DBGB', n));
    const programmed = and(and(c, i32(1)), eq(bitsOf(c, 20, 4), i32(3)));
    f.ret(and(programmed, eq(wrap(value(cpu, 'DBGB', n)), low(cpu, 'CONTEXTIDR_EL1'))));
    f.unreachable();
  },
};

/** Runs `body` with each number below `count`, as a local. */
function each(f: FunctionBuilder, count: number, body: (n: Expr) => void): void {
  const n = f.local('i32');
  f.set(n, i32(0));
  f.loop((again) => {
    body(f.get(n));
    f.set(n, add(f.get(n), i32(1)));
    f.brIf(again, ltU(f.get(n), i32(count)));
  });
}

/**
 * breakpointAt(cpu, va): LOOK_FAULT if a breakpoint matches the instruction at `va`; LOOK_ALONE if one is on its page, or
 * for all of a context (Arm ARM D2.9).
 */
const breakpointAt: CoreHelper = {
  name: 'breakpointAt',
  params: ['i32', 'i64'],
  results: ['i32'],
  build(f, m) {
    const [cpu, va] = [f.param(0), f.param(1)];
    const result = f.local('i32');
    f.set(result, i32(LOOK_ON));
    each(f, BREAKPOINTS, (n) => {
      const c = f.tmp(control(cpu, 'DBGB', n));
      const wanted = f.tmp(value(cpu, 'DBGB', n));
      const type = f.tmp(bitsOf(c, 20, 4));
      // Types 0 and 1: address, alone or linked to a context; 2: context. Linked contexts (3) do nothing on their own.
      const isAddress = ltU(type, i32(2));
      const isContext = and(eq(type, i32(2)), gtU(n, i32(FIRST_CONTEXT - 1)));
      f.if(and(c, i32(1)), () => {
        const onPage = or(isContext, and(isAddress, sameFrom(va, wanted, i32(12))));
        f.if(onPage, () => {
          f.set(result, or(f.get(result), i32(LOOK_ALONE)));
          const byContext = and(isContext, eq(wrap(wanted), low(cpu, 'CONTEXTIDR_EL1')));
          const linked = or(eqz(type), f.call(m.fn('contextMatches'), cpu, bitsOf(c, 16, 4)));
          const byAddress = and(and(isAddress, sameFrom(va, wanted, i32(2))), linked);
          const enabled = f.call(m.fn('debugEnabled'), cpu, low(cpu, 'el'), low(cpu, 'daif'));
          const counts = and(countsFor(c, eqz(low(cpu, 'el'))), enabled);
          f.if(and(or(byContext, byAddress), counts), () => {
            pend(f, cpu, EC_BREAKPOINT, i32(FSC_DEBUG));
            f.ret(i32(LOOK_FAULT));
          });
        });
      });
    });
    f.ret(f.get(result));
    f.unreachable();
  },
};

/**
 * lookAt(cpu, va): what is due before the instruction at `va`, which may be fetched: a breakpoint, then PSTATE.IL (Arm
 * ARM D1.13.4). Gives LOOK_ON, LOOK_ALONE or LOOK_FAULT.
 */
const lookAt: CoreHelper = {
  name: 'lookAt',
  params: ['i32', 'i64'],
  results: ['i32'],
  build(f, m) {
    const [cpu, va] = [f.param(0), f.param(1)];
    const look = f.local('i32');
    f.set(look, i32(LOOK_ON));
    f.if(and(low(cpu, 'debugActive'), i32(DEBUG_BREAKPOINTS)), () => {
      f.set(look, f.call(m.fn('breakpointAt'), cpu, va));
      f.if(eq(f.get(look), i32(LOOK_FAULT)), () => f.ret(i32(LOOK_FAULT)));
    });
    f.if(low(cpu, 'pstateIL'), () => {
      pend(f, cpu, EC_ILLEGAL_STATE, i32(0), false);
      f.ret(i32(LOOK_FAULT));
    });
    // SP may have become aligned.
    f.if(and(low(cpu, 'debugActive'), i32(ACTIVE_SP)), () => f.callVoid(m.fn('debugMode'), cpu));
    f.ret(or(f.get(look), ne(and(low(cpu, 'debugActive'), i32(ACTIVE_ALWAYS)), i32(0))));
    f.unreachable();
  },
};

/** startAlone(cpu, kind): an instruction of `decodeAlone`'s kind is about to run. Gives 0 with an SP alignment fault pending. */
const startAlone: CoreHelper = {
  name: 'startAlone',
  params: ['i32', 'i32'],
  results: ['i32'],
  build(f) {
    const [cpu, kind] = [f.param(0), f.param(1)];
    const active = f.tmp(low(cpu, 'debugActive'));
    f.if(and(active, i32(DEBUG_STEP)), () => {
      const exclusive = select(and(kind, i32(ALONE_EXCLUSIVE)), i32(STEP_EXCLUSIVE), i32(0));
      setField(f, cpu, 'stepState', or(i32(STEP_UNDER_WAY), exclusive));
    });
    f.if(and(and(active, i32(ACTIVE_SP)), shl(and(kind, i32(ALONE_USES_SP)), i32(Math.log2(ACTIVE_SP)))), () => {
      pend(f, cpu, EC_SP_ALIGNMENT, i32(0), false);
      f.ret(i32(0));
    });
    f.ret(i32(1));
    f.unreachable();
  },
};

/** First byte and last byte, counted from it, that an enabled watchpoint watches (DBGWCR's MASK, else BAS). */
function watchedBytes(f: FunctionBuilder, c: Expr, wanted: Expr): { first: Expr; last: Expr } {
  const mask = f.tmp(bitsOf(c, 24, 5));
  const size = f.tmp(sub(shl(i64(1), extU(mask)), i64(1)));
  // DBGWVR bit 2 set: BAS[3:0] selects bytes of the word there.
  const isWord = f.tmp(wrap(and(wanted, i64(4))));
  const bas = f.tmp(and(bitsOf(c, 5, 8), select(isWord, i32(0xf), i32(0xff))));
  const lowest = ctz(bas);
  const highest = sub(i32(31), clz(bas));
  const first = select(
    gtU(mask, i32(2)),
    and(wanted, not(size)),
    add(and(wanted, not(select(isWord, i64(3), i64(7)))), extU(lowest)),
  );
  const last = select(gtU(mask, i32(2)), size, extU(sub(highest, lowest)));
  return { first: f.tmp(first), last: f.tmp(last) };
}

/** Bits of DBGWCR that select any byte at all: a mask, or BAS. */
const watchesAnything = (c: Expr): Expr => and(and(c, i32(1)), ne(and(c, i32(0xff << 5)), i32(0)));

/** watchedPage(cpu, va): 1 if a byte of the page of `va` is watched. */
const watchedPage: CoreHelper = {
  name: 'watchedPage',
  params: ['i32', 'i64'],
  results: ['i32'],
  build(f) {
    const [cpu, va] = [f.param(0), f.param(1)];
    each(f, WATCHPOINTS, (n) => {
      const c = f.tmp(control(cpu, 'DBGW', n));
      const mask = f.tmp(bitsOf(c, 24, 5));
      const granule = select(gtU(mask, i32(12)), mask, i32(12));
      f.if(and(watchesAnything(c), sameFrom(va, value(cpu, 'DBGW', n), granule)), () => f.ret(i32(1)));
    });
    f.ret(i32(0));
    f.unreachable();
  },
};

/**
 * watch(cpu, va, bytes, access): 0 with a watchpoint exception pending if the access, which nothing else refuses, touches
 * what is watched (Arm ARM D2.10); else 1. FAR_EL1 gets the lowest watched byte that is accessed.
 */
const watch: CoreHelper = {
  name: 'watch',
  params: ['i32', 'i64', 'i32', 'i32'],
  results: ['i32'],
  build(f, m) {
    const [cpu, va, bytes, access] = [f.param(0), f.param(1), f.param(2), f.param(3)];
    f.if(eqz(and(low(cpu, 'debugOn'), i32(DEBUG_WATCHPOINTS))), () => f.ret(i32(1)));
    f.if(eqz(f.call(m.fn('debugEnabled'), cpu, low(cpu, 'el'), low(cpu, 'daif'))), () => f.ret(i32(1)));
    const isEl0 = f.tmp(has(access, ACCESS_EL0));
    const isWrite = f.tmp(and(access, i32(ACCESS_WRITE)));
    const reads = f.tmp(or(eqz(isWrite), and(access, i32(ACCESS_ATOMIC))));
    const top = (e: Expr): Expr => shl(e, i64(15));
    each(f, WATCHPOINTS, (n) => {
      const c = f.tmp(control(cpu, 'DBGW', n));
      f.if(and(watchesAnything(c), countsFor(c, isEl0)), () => {
        // LSC: bit 0 for loads, bit 1 for stores.
        const lsc = f.tmp(bitsOf(c, 3, 2));
        const byLoad = f.tmp(and(and(lsc, i32(1)), ne(reads, i32(0))));
        const byStore = and(shrU(lsc, i32(1)), isWrite);
        const linked = or(eqz(and(c, i32(1 << 20))), f.call(m.fn('contextMatches'), cpu, bitsOf(c, 16, 4)));
        f.if(and(or(byLoad, byStore), linked), () => {
          const { first, last } = watchedBytes(f, c, value(cpu, 'DBGW', n));
          const ahead = f.tmp(sub(first, va));
          const startsInside = f.tmp(ltU(top(ahead), top(extU(bytes))));
          const beginsInside = eqz(gtU(top(sub(va, first)), top(last)));
          f.if(or(startsInside, beginsInside), () => {
            pend(f, cpu, EC_WATCHPOINT, or(select(byLoad, i32(0), i32(ISS_WNR)), i32(FSC_DEBUG)));
            const ahead48 = shrU(top(ahead), i64(15));
            setField(f, cpu, 'faultFar', select(startsInside, add(va, ahead48), va));
            f.ret(i32(0));
          });
        });
      });
    });
    f.ret(i32(1));
    f.unreachable();
  },
};

if (
  stateOffset('DBGBVR1_EL1') !== stateOffset('DBGBVR0_EL1') + 16 ||
  stateOffset('DBGWVR1_EL1') !== stateOffset('DBGWVR0_EL1') + 16
)
  throw new Error('the pairs of debug registers are not side by side');

export const helpers: readonly CoreHelper[] = [
  debugEnabled,
  debugMode,
  debugChanged,
  stepDue,
  stepDone,
  returnSS,
  contextMatches,
  breakpointAt,
  lookAt,
  startAlone,
  watchedPage,
  watch,
];
