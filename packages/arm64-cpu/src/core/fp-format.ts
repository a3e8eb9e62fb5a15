import { stateOffset } from '../state.ts';
import {
  add,
  and,
  clz,
  type Expr,
  eq,
  eqz,
  extU,
  gtU,
  i32,
  i64,
  load,
  mul,
  ne,
  or,
  shl,
  shrU,
  sub,
  type ValType,
  wrap,
} from '../wasm/expr.ts';
import type { FunctionBuilder, Var } from '../wasm/function-builder.ts';
import type { CoreModule } from './helper.ts';

/** An IEEE 754 binary interchange format. Inside the soft-float code every format's bits are a zero-extended i64. */
export interface Format {
  /** Suffix of the helpers' names. */
  readonly letter: 'H' | 'S' | 'D';
  readonly bits: number;
  /** Width of the fraction field. */
  readonly fraction: number;
  readonly bias: number;
  /** Biased exponent of infinities and NaNs. */
  readonly maxExponent: number;
  /** The type that carries the format's bits between semantics and helpers. */
  readonly t: 'i32' | 'i64';
  readonly signBit: bigint;
  /** Positive infinity. */
  readonly infinity: bigint;
  readonly quietBit: bigint;
  /** FPDefaultNaN(): positive and quiet. */
  readonly defaultNaN: bigint;
}

function format(letter: 'H' | 'S' | 'D', exponent: number, fraction: number, t: 'i32' | 'i64'): Format {
  const f = BigInt(fraction);
  const infinity = ((1n << BigInt(exponent)) - 1n) << f;
  return {
    letter,
    bits: 1 + exponent + fraction,
    fraction,
    bias: 2 ** (exponent - 1) - 1,
    maxExponent: 2 ** exponent - 1,
    t,
    signBit: 1n << BigInt(exponent + fraction),
    infinity,
    quietBit: 1n << (f - 1n),
    defaultNaN: infinity | (1n << (f - 1n)),
  };
}

export const HALF = format('H', 5, 10, 'i32');
export const SINGLE = format('S', 8, 23, 'i32');
export const DOUBLE = format('D', 11, 52, 'i64');
/** The formats that arithmetic exists in (FEAT_FP16 adds half precision, which the engine does not have). */
export const ARITHMETIC = [SINGLE, DOUBLE] as const;

/** The bits of `value` (exact in the format: small integers and halves of them). */
export function constantOf(fmt: Format, value: number): bigint {
  const view = new DataView(new ArrayBuffer(8));
  if (fmt.bits === 64) view.setFloat64(0, value);
  else view.setFloat32(0, value);
  return fmt.bits === 64 ? view.getBigUint64(0) : BigInt(view.getUint32(0));
}

/** FPSR cumulative exception bits. */
export const IOC = 1;
export const DZC = 2;
export const OFC = 4;
export const UFC = 8;
export const IXC = 16;
export const IDC = 128;

/** FPCR bits. */
export const FPCR_AHP = 1 << 26;
export const FPCR_DN = 1 << 25;
export const FPCR_FZ = 1 << 24;

/** Rounding modes: the first four are FPCR.RMode's values. */
export const ROUND = { TIEEVEN: 0, POSINF: 1, NEGINF: 2, ZERO: 3, TIEAWAY: 4, ODD: 5 } as const;

/** The body of a soft-float helper under construction: parameter 0 is the vCPU's address, `fmt` the operands' format. */
export class SoftFloat {
  readonly f: FunctionBuilder;
  readonly m: CoreModule;
  readonly fmt: Format;

  constructor(f: FunctionBuilder, m: CoreModule, fmt: Format) {
    this.f = f;
    this.m = m;
    this.fmt = fmt;
  }

  get cpu(): Expr {
    return this.f.param(0);
  }

  /** The low word of FPCR. */
  get fpcr(): Expr {
    return load('i32', this.cpu, stateOffset('FPCR'));
  }

  /** FPCR.RMode, a value of `ROUND`. */
  get mode(): Expr {
    return and(shrU(this.fpcr, i32(22)), i32(3));
  }

  /** Sets bits of FPSR. */
  raise(flags: number | Expr): void {
    this.f.callVoid(this.m.fn('fpSetFlags'), this.cpu, typeof flags === 'number' ? i32(flags) : flags);
  }

  /** Parameters `first` and following as i64, denormals flushed where FPCR.FZ says so (FPUnpack). */
  operands(count: number, first = 1): Expr[] {
    const { f, fmt } = this;
    const vars = Array.from({ length: count }, (_, i) => {
      const v = f.local('i64');
      const p = f.param(first + i);
      f.set(v, p.t === 'i32' ? extU(p) : p);
      return v;
    });
    if (fmt !== HALF) {
      f.if(and(this.fpcr, i32(FPCR_FZ)), () => {
        for (const v of vars) f.set(v, f.call(this.m.fn(`fpFlush${fmt.letter}`), this.cpu, f.get(v)));
      });
    }
    return vars.map((v) => f.get(v));
  }

  /** Magnitude bits. */
  abs(a: Expr): Expr {
    return and(a, i64(this.fmt.signBit - 1n));
  }

  sign(a: Expr): Expr {
    return wrap(shrU(a, i64(this.fmt.bits - 1)));
  }

  /** Bits of the sign `sign` (i32). */
  signBits(sign: Expr): Expr {
    return shl(extU(sign), i64(this.fmt.bits - 1));
  }

  isInf(a: Expr): Expr {
    return eq(this.abs(a), i64(this.fmt.infinity));
  }

  isZero(a: Expr): Expr {
    return eqz(this.abs(a));
  }

  isNaN(a: Expr): Expr {
    return gtU(this.abs(a), i64(this.fmt.infinity));
  }

  /** Returns FPProcessNaNs of the operands if one of them is a NaN. */
  returnNaN(a: Expr, b?: Expr): void {
    const any = b ? or(this.isNaN(a), this.isNaN(b)) : this.isNaN(a);
    this.f.if(any, () => this.ret(this.processNaNs(a, b ?? a, b ?? a)));
  }

  processNaNs(a: Expr, b: Expr, c: Expr): Expr {
    return this.f.call(this.m.fn(`fpProcessNaNs${this.fmt.letter}`), this.cpu, a, b, c);
  }

  /** Returns the default NaN after an invalid operation. */
  returnInvalid(): void {
    this.raise(IOC);
    this.ret(i64(this.fmt.defaultNaN));
  }

  /** Returns the zero that a sum of exactly zero has: negative if rounding towards minus infinity. */
  returnZeroSum(): void {
    const { f } = this;
    f.if(eq(this.mode, i32(ROUND.NEGINF)), () => this.ret(i64(this.fmt.signBit)));
    this.ret(i64(0));
  }

  /** Returns bits of the helper's format. */
  ret(bits: Expr): void {
    this.f.ret(this.fmt.t === 'i32' ? wrap(bits) : bits);
  }

  /**
   * Splits the magnitude `abs` (finite, not zero) into a significand in [2^62, 2^63) and the exponent that
   * makes the value significand * 2^(exponent - 62).
   */
  normalize(abs: Expr): { exp: Var; sig: Var } {
    const { f, fmt } = this;
    const exp = f.local('i32');
    const sig = f.local('i64');
    f.set(exp, wrap(shrU(abs, i64(fmt.fraction))));
    f.if(
      eqz(f.get(exp)),
      () => {
        const zeros = f.tmp(clz(abs));
        f.set(sig, shl(abs, sub(zeros, i64(1))));
        f.set(exp, sub(i32(64 - fmt.bias - fmt.fraction), wrap(zeros)));
      },
      () => {
        f.set(sig, or(and(shl(abs, i64(62 - fmt.fraction)), i64((1n << 62n) - 1n)), i64(1n << 62n)));
        f.set(exp, sub(f.get(exp), i32(fmt.bias)));
      },
    );
    return { exp, sig };
  }

  /** FPRound: returns (-1)^sign * sig * 2^(exp - 62) for sig in [2^62, 2^63), whose lowest bit may be sticky. */
  returnRounded(sign: Expr, exp: Expr, sig: Expr, mode = this.mode): void {
    this.ret(this.f.call(this.m.fn(`fpRound${this.fmt.letter}`), this.cpu, sign, exp, sig, mode));
  }
}

/** i32 0 or 1 as i64. */
export const bit = (e: Expr): Expr => extU(e);

/** Shifts `v` right by `count` (i32, 0 or more); its lowest bit collects what falls out. `v` is below 2^63. */
export function shiftRightSticky(f: FunctionBuilder, v: Var, count: Expr): void {
  f.if(
    gtU(count, i32(62)),
    () => f.set(v, bit(ne(f.get(v), i64(0)))),
    () =>
      f.if(count, () => {
        const lost = shl(f.get(v), extU(sub(i32(64), count)));
        f.set(v, or(shrU(f.get(v), extU(count)), bit(ne(lost, i64(0)))));
      }),
  );
}

/** The 128-bit product of two i64 (unsigned): its high half from four 32-bit products, its low half. */
export function multiply128(f: FunctionBuilder, a: Expr, b: Expr): { hi: Expr; lo: Expr } {
  const low = (e: Expr) => and(e, i64(0xffffffffn));
  const high = (e: Expr) => shrU(e, i64(32));
  const mid = f.tmp(add(mul(high(a), low(b)), high(mul(low(a), low(b)))));
  const mid2 = f.tmp(add(mul(low(a), high(b)), low(mid)));
  return { hi: f.tmp(add(add(mul(high(a), high(b)), high(mid)), high(mid2))), lo: f.tmp(mul(a, b)) };
}

/** The value type list of a helper with `count` operands in `fmt`. */
export const signature = (fmt: Format, count: number): ValType[] => ['i32', ...Array<ValType>(count).fill(fmt.t)];
