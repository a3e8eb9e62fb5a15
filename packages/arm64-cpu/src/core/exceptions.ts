/** Taking and returning from exceptions to EL1: Arm ARM D1.10 and D1.11. */
import { stateOffset } from '../state.ts';
import {
  add,
  and,
  atomicCode,
  type Expr,
  eq,
  eqz,
  extU,
  i32,
  i64,
  ltU,
  ne,
  node,
  or,
  select,
  shl,
  sub,
  wrap,
} from '../wasm/expr.ts';
import type { FunctionBuilder } from '../wasm/function-builder.ts';
import { lookAtMode } from './debug.ts';
import type { CoreHelper } from './helper.ts';
import { field, setField } from './memory.ts';

/** PSTATE.D, A, I and F at their SPSR_EL1 places. */
export const PSTATE_D = 1 << 9;
export const PSTATE_A = 1 << 8;
export const PSTATE_I = 1 << 7;
export const PSTATE_F = 1 << 6;
const PSTATE_IL = 1 << 20;

/** Offsets from VBAR_EL1 of one group of vectors. */
export const VECTOR_SYNC = 0x000;
export const VECTOR_IRQ = 0x080;
export const VECTOR_FIQ = 0x100;
export const VECTOR_SERROR = 0x180;

/** NZCV as an i32 with N at bit 3, from the lazy flags in memory. */
export const nzcvInMemory = (cpu: Expr): Expr => {
  const n = wrap(shrTop(field(cpu, 'flagN')));
  const z = eqz(field(cpu, 'flagZ'));
  return or(
    or(shl(n, i32(3)), shl(z, i32(2))),
    or(shl(field(cpu, 'flagC', 'i32'), i32(1)), field(cpu, 'flagV', 'i32')),
  );
};
const shrTop = (e: Expr): Expr => ({ t: 'i64', code: [0x88], args: [e, i64(63)] });

const flagBit = (nzcv: Expr, n: number): Expr => and({ t: 'i32', code: [0x76], args: [nzcv, i32(n)] }, i32(1));

/** Writes the lazy flags in memory from an i32 with N at bit 3. */
export function setNzcvInMemory(f: FunctionBuilder, cpu: Expr, value: Expr): void {
  const nzcv = f.tmp(value);
  setField(f, cpu, 'flagN', shl(extU(flagBit(nzcv, 3)), i64(63)));
  setField(f, cpu, 'flagZ', extU(eqz(flagBit(nzcv, 2))));
  setField(f, cpu, 'flagC', flagBit(nzcv, 1));
  setField(f, cpu, 'flagV', flagBit(nzcv, 0));
}

/** setMode(cpu, el, spsel): changes the exception level and the stack pointer that SP means. */
const setMode: CoreHelper = {
  name: 'setMode',
  params: ['i32', 'i32', 'i32'],
  results: [],
  build(f, m) {
    const [cpu, el, spsel] = [f.param(0), f.param(1), f.param(2)];
    // EL0 always uses SP_EL0, so the selector alone tells where SP's value belongs.
    f.if(
      field(cpu, 'spsel', 'i32'),
      () => setField(f, cpu, 'SP_EL1', field(cpu, 'sp')),
      () => setField(f, cpu, 'SP_EL0', field(cpu, 'sp')),
    );
    setField(f, cpu, 'spsel', spsel);
    setField(f, cpu, 'sp', select(spsel, field(cpu, 'SP_EL1'), field(cpu, 'SP_EL0')));
    f.if(ne(field(cpu, 'el', 'i32'), el), () => {
      setField(f, cpu, 'el', el);
      f.callVoid(m.fn('selectTables'), cpu);
    });
    lookAtMode(f, m, cpu);
  },
};

/** takeException(cpu, vector): saves PSTATE and `pc`, enters EL1h with everything masked, and sets `pc` to the vector. */
const takeException: CoreHelper = {
  name: 'takeException',
  params: ['i32', 'i32'],
  results: [],
  build(f, m) {
    const [cpu, vector] = [f.param(0), f.param(1)];
    const el = f.tmp(field(cpu, 'el', 'i32'));
    const spsel = f.tmp(field(cpu, 'spsel', 'i32'));
    const mode = or(shl(el, i32(2)), and(el, spsel));
    const spsr = or(
      or(shl(nzcvInMemory(cpu), i32(28)), field(cpu, 'daif', 'i32')),
      or(or(field(cpu, 'pstateIL', 'i32'), field(cpu, 'pstateSS', 'i32')), mode),
    );
    setField(f, cpu, 'SPSR_EL1', extU(spsr));
    setField(f, cpu, 'ELR_EL1', field(cpu, 'pc'));
    setField(f, cpu, 'daif', i32(PSTATE_D | PSTATE_A | PSTATE_I | PSTATE_F));
    setField(f, cpu, 'pstateIL', i32(0));
    setField(f, cpu, 'pstateSS', i32(0));
    setField(f, cpu, 'stepState', i32(0));
    // From EL0: 0x400; from EL1 with SP_EL1: 0x200; with SP_EL0: 0.
    const group = select(el, select(spsel, i32(0x200), i32(0)), i32(0x400));
    f.callVoid(m.fn('setMode'), cpu, i32(1), i32(1));
    setField(f, cpu, 'pc', add(and(field(cpu, 'VBAR_EL1'), i64(~0x7ffn)), extU(add(group, vector))));
  },
};

/** deliverFault(cpu): takes the pending synchronous exception; `pc` is the address of the instruction that raised it. */
const deliverFault: CoreHelper = {
  name: 'deliverFault',
  params: ['i32'],
  results: [],
  build(f, m) {
    const cpu = f.param(0);
    const esr = f.tmp(field(cpu, 'faultEsr'));
    setField(f, cpu, 'ESR_EL1', esr);
    // FAR_EL1 is written by aborts, PC alignment faults and watchpoints: classes 0x20 … 0x25, 0x34 and 0x35.
    const ec = { t: 'i64', code: [0x88], args: [esr, i64(26)] } as Expr;
    f.if(or(ltU(sub(ec, i64(0x20)), i64(6)), eq(and(ec, i64(0x3e)), i64(0x34))), () =>
      setField(f, cpu, 'FAR_EL1', field(cpu, 'faultFar')),
    );
    f.if(field(cpu, 'faultReturnsNext', 'i32'), () => {
      setField(f, cpu, 'pc', add(field(cpu, 'pc'), i64(4)));
      f.callVoid(m.fn('stepDone'), cpu);
    });
    setField(f, cpu, 'faultKind', i32(0));
    f.callVoid(m.fn('takeException'), cpu, i32(VECTOR_SYNC));
  },
};

/** exceptionReturn(cpu): ERET: PSTATE from SPSR_EL1 and `pc` from ELR_EL1; an illegal return keeps the level and sets IL. */
const exceptionReturn: CoreHelper = {
  name: 'exceptionReturn',
  params: ['i32'],
  results: [],
  build(f, m) {
    const cpu = f.param(0);
    const spsr = f.tmp(wrap(field(cpu, 'SPSR_EL1')));
    const mode = f.tmp(and(spsr, i32(0x1f)));
    setField(f, cpu, 'pc', f.call(m.fn('branchAddress'), cpu, field(cpu, 'ELR_EL1')));
    // EL0t, EL1t and EL1h are what there is: AArch32 and EL2 are not.
    const legal = f.tmp(or(eqz(mode), eq(and(mode, i32(0x1e)), i32(4))));
    const el = f.tmp(
      select(legal, and({ t: 'i32', code: [0x76], args: [mode, i32(2)] }, i32(1)), field(cpu, 'el', 'i32')),
    );
    setField(f, cpu, 'pstateSS', f.call(m.fn('returnSS'), cpu, spsr, el));
    setField(f, cpu, 'daif', and(spsr, i32(PSTATE_D | PSTATE_A | PSTATE_I | PSTATE_F)));
    setNzcvInMemory(f, cpu, { t: 'i32', code: [0x76], args: [spsr, i32(28)] });
    setField(f, cpu, 'exclusiveAddress', i32(-1));
    setField(f, cpu, 'eventRegister', i32(1));
    setField(f, cpu, 'pstateIL', select(legal, and(spsr, i32(PSTATE_IL)), i32(PSTATE_IL)));
    f.callVoid(m.fn('setMode'), cpu, el, select(legal, and(mode, i32(1)), field(cpu, 'spsel', 'i32')));
  },
};

/**
 * takePending(cpu): takes the unmasked interrupt of highest priority, if any. `pc` is the address of the next instruction, and is the vector's where an exception was taken.
 */
const takePending: CoreHelper = {
  name: 'takePending',
  params: ['i32'],
  results: [],
  build(f, m) {
    const cpu = f.param(0);
    const lines = f.tmp(field(cpu, 'interruptLines', 'i32'));
    const daif = f.tmp(field(cpu, 'daif', 'i32'));
    const open = (line: number, mask: number): Expr =>
      and(ne(and(lines, i32(line)), i32(0)), eqz(and(daif, i32(mask))));
    for (const [line, mask, vector] of [
      [4, PSTATE_A, VECTOR_SERROR],
      [2, PSTATE_F, VECTOR_FIQ],
      [1, PSTATE_I, VECTOR_IRQ],
    ] as const) {
      f.if(open(line, mask), () => {
        // Other threads change the lines too.
        if (line === 4) f.drop(node('i32', atomicCode('and', 'i32', 4, stateOffset('interruptLines')), cpu, i32(~4)));
        f.callVoid(m.fn('stepDone'), cpu);
        f.callVoid(m.fn('takeException'), cpu, i32(vector));
        f.ret();
      });
    }
  },
};

export const helpers: readonly CoreHelper[] = [setMode, takeException, deliverFault, exceptionReturn, takePending];
