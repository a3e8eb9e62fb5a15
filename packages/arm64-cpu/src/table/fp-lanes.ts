/** What floating-point semantics work over: lanes of single or double precision, natively or by soft-float helper. */
import { constantOf, DOUBLE, type Format, FPCR_FZ, SINGLE } from '../core/fp-format.ts';
import {
  and,
  asF32,
  asF64,
  asI32,
  asI64,
  type Expr,
  eq,
  eqz,
  extS,
  extU,
  fop,
  geU,
  i32,
  i64,
  konst,
  or,
  shl,
  shrU,
  sub,
  wrap,
} from '../wasm/expr.ts';
import { laneOp, lanes, type SimdOp, simdOp } from '../wasm/simd-ops.ts';
import type { Fields } from './row.ts';
import type { Sem } from './sem.ts';
import { everySecond, splatK, vAnd, vAndNot, vOr } from './simd-lanes.ts';

/** `count` lanes of `fmt`: a scalar has one. */
export interface Lanes {
  readonly x: Sem;
  readonly fmt: Format;
  readonly count: 1 | 2 | 4;
  /** A vector register's part, even with one operand per lane; a scalar is a Wasm float. */
  readonly vector: boolean;
}

const formatOf = (double: number): Format => (double === 1 ? DOUBLE : SINGLE);

/** A scalar of SINGLE (0) or DOUBLE (1). */
export const scalarLanes = (x: Sem, double: number): Lanes => ({ x, fmt: formatOf(double), count: 1, vector: false });

/** A vector by the fields `Q` and, unless `double` is given, `sz`. */
export function vectorLanes(x: Sem, f: Fields, double = f.sz!): Lanes {
  const count = double === 1 ? 2 : f.Q === 1 ? 4 : 2;
  return { x, fmt: formatOf(double), count, vector: true };
}

/** 64-bit vectors have no lanes of double precision. */
export const hasArrangement = (f: Fields): boolean => f.sz === 0 || f.Q === 1;

const bytesOf = (l: Lanes): 4 | 8 => (l.fmt === DOUBLE ? 8 : 4);
const isHalfRegister = (l: Lanes): boolean => l.vector && l.count * bytesOf(l) === 8;

/** One source: a lane's bits as i32 or i64, and all of it as a v128 (lower half doubled in 64-bit vectors) or a float. */
export interface Operand {
  lane(i: number): Expr;
  native(): Expr;
}

/** A source that is at hand as a v128 in any case; of a scalar only lane 0 counts. */
export interface WideOperand extends Operand {
  wide(): Expr;
}

const floatOf = (l: Lanes, field: string, offset: number | Expr = 0): Expr =>
  l.x.vPart(l.fmt === DOUBLE ? 'f64' : 'f32', field, offset);

/** The register `field`. */
export function register(l: Lanes, field: string): WideOperand {
  const wide = () => (isHalfRegister(l) ? simdOp('i64x2.splat', l.x.vPart('i64', field)) : l.x.V(field));
  return {
    lane: (i) => l.x.vPart(l.fmt.t, field, i * bytesOf(l)),
    native: () => (l.vector ? wide() : floatOf(l, field)),
    wide,
  };
}

/** One element of the register `field`, at byte `offset`, for every lane. */
export function element(l: Lanes, field: string, offset: Expr): WideOperand {
  const value = l.x.tmp(l.x.vPart(l.fmt.t, field, offset));
  const wide = () => simdOp(l.fmt === DOUBLE ? 'i64x2.splat' : 'i32x4.splat', value);
  const scalar = () => (l.fmt === DOUBLE ? asF64(value) : asF32(value));
  return { lane: () => value, native: () => (l.vector ? wide() : scalar()), wide };
}

/** The even (`odd` 0) or odd lanes of Rn and Rm one after the other. */
export function pairs(l: Lanes, odd: 0 | 1): WideOperand {
  const half = l.count / 2;
  const size = l.fmt === DOUBLE ? 3 : 2;
  const wide = (): Expr => {
    if (!isHalfRegister(l)) return everySecond(size, l.x.V('Rn'), l.x.V('Rm'), odd === 1);
    const low = simdOp('i64x2.splat', l.x.vPart('i64', 'Rn'));
    const both = l.x.tmp(laneOp('i64x2.replace_lane', 1, low, l.x.vPart('i64', 'Rm')));
    return everySecond(size, both, both, odd === 1);
  };
  return {
    lane: (i) => l.x.vPart(l.fmt.t, i < half ? 'Rn' : 'Rm', ((2 * i + odd) % l.count) * bytesOf(l)),
    native: wide,
    wide,
  };
}

/** Lane 0 or 1 of Rn, the operands of scalar pairwise instructions. */
export const halfOf = (l: Lanes, which: 0 | 1): Operand => ({
  lane: () => l.x.vPart(l.fmt.t, 'Rn', which * bytesOf(l)),
  native: () => floatOf(l, 'Rn', which * bytesOf(l)),
});

/** The number `value` (exact in single precision) in every lane. */
export const constant = (l: Lanes, value: number): Operand => ({
  lane: () => konst(l.fmt.t, constantOf(l.fmt, value)),
  native: () => native.constant(l, constantOf(l.fmt, value)),
});

/** Opcodes of the scalar float instructions: f32, f64. */
const SCALAR = {
  abs: [0x8b, 0x99],
  neg: [0x8c, 0x9a],
  ceil: [0x8d, 0x9b],
  floor: [0x8e, 0x9c],
  trunc: [0x8f, 0x9d],
  nearest: [0x90, 0x9e],
  sqrt: [0x91, 0x9f],
  add: [0x92, 0xa0],
  sub: [0x93, 0xa1],
  mul: [0x94, 0xa2],
  div: [0x95, 0xa3],
  min: [0x96, 0xa4],
  max: [0x97, 0xa5],
} as const;
/** A native instruction of scalars and vectors, by its Wasm name. */
export type NativeOp = keyof typeof SCALAR;

const COMPARE = { eq: [0x5b, 0x61], ne: [0x5c, 0x62], lt: [0x5d, 0x63], gt: [0x5e, 0x64], ge: [0x60, 0x66] } as const;
export type NativeCompare = keyof typeof COMPARE;

const isDouble = (l: Lanes): 0 | 1 => (l.fmt === DOUBLE ? 1 : 0);
const shapeOf = (l: Lanes): string => (l.fmt === DOUBLE ? 'f64x2' : 'f32x4');

/** Native arithmetic on floats or v128, by lanes. It must not give the bits of a NaN: check its results. */
export const native = {
  op(l: Lanes, name: NativeOp, ...args: Expr[]): Expr {
    if (l.vector) return simdOp(`${shapeOf(l)}.${name}` as SimdOp, ...args);
    return fop(l.fmt === DOUBLE ? 'f64' : 'f32', SCALAR[name][isDouble(l)], ...args);
  },
  /** Lanes of ones or zero in a v128, or 0 or 1 in an i32. */
  compare(l: Lanes, name: NativeCompare, a: Expr, b: Expr): Expr {
    return l.vector ? simdOp(`${shapeOf(l)}.${name}` as SimdOp, a, b) : fop('i32', COMPARE[name][isDouble(l)], a, b);
  },
  /** 1 if the comparison holds in every lane. */
  every(l: Lanes, mask: Expr): Expr {
    if (!l.vector) return mask;
    return simdOp(l.fmt === DOUBLE ? 'i64x2.all_true' : 'i32x4.all_true', mask);
  },
  /** a * b + c, rounded once, or with `negate` c - a * b; as wide operands, and so is the result. */
  fused(l: Lanes, negate: boolean, a: Expr, b: Expr, c: Expr): Expr {
    return simdOp(`${shapeOf(l)}.relaxed_${negate ? 'nmadd' : 'madd'}` as SimdOp, a, b, c);
  },
  constant(l: Lanes, bits: bigint): Expr {
    if (l.vector) return splatK(l.fmt === DOUBLE ? 3 : 2, bits);
    return l.fmt === DOUBLE ? asF64(i64(bits)) : asF32(i32(Number(bits)));
  },
};

/** FPCR.FZ is 0 (i32): operands are taken as they are. */
export const noFlush = (x: Sem): Expr => eqz(and(x.state('FPCR', 'i32'), i32(FPCR_FZ)));
/** Native arithmetic rounds as FPCR says, and IXC, the one flag that a plain result may raise, is set already. */
export const isFast = (x: Sem): Expr => x.state('fpFast', 'i32');

/** A lane of a float vector, or a float as it is: the lowest lane of a wide result where a scalar is wanted. */
export const narrowed = (l: Lanes, wide: Expr): Expr =>
  l.vector ? wide : laneOp(`${shapeOf(l)}.extract_lane` as SimdOp, 0, wide);

/** Lanes of ones, or 1, where the magnitude of the float is outside [least, infinity); it is used once. */
function outside(l: Lanes, r: Expr, least: bigint): Expr {
  const { bits, infinity } = l.fmt;
  if (l.vector) {
    // Without their signs, and turned so that a signed comparison tells.
    const size = l.fmt === DOUBLE ? 3 : 2;
    const turned = lanes(
      size,
      'sub',
      lanes(size, 'shl', r, i32(1)),
      splatK(size, 2n * least - (1n << BigInt(bits - 1))),
    );
    return lanes(size, 'gt_s', turned, splatK(size, 2n * (infinity - least) - 1n - (1n << BigInt(bits - 1))));
  }
  // The upper word tells.
  const word = l.fmt === DOUBLE ? wrap(shrU(asI64(r), i64(32))) : asI32(r);
  const upper = (v: bigint): Expr => i32(Number(BigInt.asIntN(32, (2n * v) >> BigInt(bits - 32))));
  return geU(sub(shl(word, i32(1)), upper(least)), upper(infinity - least));
}

/** The least magnitude that is neither tiny nor may become so by rounding. */
const leastPlain = (l: Lanes): bigint => 2n << BigInt(l.fmt.fraction);

/** 1 if no lane of the mask is set. */
const none = (l: Lanes, mask: Expr): Expr => eqz(l.vector ? simdOp('v128.any_true', mask) : mask);
/** Lanes that are NaNs. */
const unordered = (l: Lanes, r: Expr): Expr => native.compare(l, 'ne', r, r);
/** None of the operands is a NaN. */
export const areNumbers = (l: Lanes, ...operands: Expr[]): Expr =>
  none(l, operands.map((e) => unordered(l, e)).reduce(l.vector ? vOr : or));

/** When native results are exact, flags included: what has to hold. Each is given the native result. */
export const check = {
  /** For results that can't be tiny and inexact: every one finite (so was every operand). */
  finite: (l: Lanes, r: Expr): Expr[] => [isFast(l.x), none(l, outside(l, r, 0n))],
  /** Finite and above the least exponent of a normal number: neither overflow nor underflow, before rounding or after. */
  plain: (l: Lanes, r: Expr): Expr[] => [isFast(l.x), none(l, outside(l, r, leastPlain(l)))],
  /** For instructions that don't round: no NaN among the operands. */
  number: (l: Lanes, r: Expr): Expr[] => [noFlush(l.x), areNumbers(l, r)],
  /** For instructions that round and can neither over- nor underflow. */
  fastNumber: (l: Lanes, r: Expr): Expr[] => [isFast(l.x), areNumbers(l, r)],
};
export type Check = (l: Lanes, r: Expr) => Expr[];

/** 1 if the float is a zero. */
export function isZero(e: Expr): Expr {
  const bits = bitsOf(e);
  return eqz(shl(bits, konst(bits.t, 1)));
}

/** 1 if every lane that is not plain is a zero because one of `factors` is. All are used more than once. */
function zeroOrPlain(l: Lanes, r: Expr, factors: readonly Expr[]): Expr {
  if (!l.vector) return and(isZero(r), factors.map(isZero).reduce(or));
  const zero = (e: Expr): Expr => native.compare(l, 'eq', e, native.constant(l, 0n));
  const zeroes = vAnd(zero(r), factors.map(zero).reduce(vOr));
  return none(l, vAndNot(outside(l, r, leastPlain(l)), zeroes));
}

/** Writes a native result to Rd. */
export function writeNative(l: Lanes, r: Expr): void {
  if (!l.vector) l.x.setVScalar('Rd', r);
  else if (isHalfRegister(l)) l.x.setVScalar('Rd', laneOp('i64x2.extract_lane', 0, r));
  else l.x.setV('Rd', r);
}

/** The bits of a float. */
export const bitsOf = (e: Expr): Expr => (e.t === 'f64' ? asI64(e) : asI32(e));

/** 2, 4 (i32) or 2 (i64) lanes as the low i64 or the v128 they make. */
export function assemble(values: readonly Expr[]): Expr {
  const [first, second] = values as [Expr, Expr];
  if (first.t === 'i64') return laneOp('i64x2.replace_lane', 1, simdOp('i64x2.splat', first), second);
  if (values.length === 2) return or(extU(first), shl(extU(second), i64(32)));
  return values.slice(1).reduce((v, e, i) => laneOp('i32x4.replace_lane', i + 1, v, e), simdOp('i32x4.splat', first));
}

/** Writes lanes of bits to Rd: all are computed before, in order. */
export function writeLanes(l: Lanes, lane: (i: number) => Expr): void {
  const values = Array.from({ length: l.count }, (_, i) => l.x.tmp(lane(i)));
  const whole = values.length === 1 ? values[0]! : assemble(values);
  if (whole.t !== 'v128') l.x.setVScalar('Rd', whole);
  else l.x.setV('Rd', whole);
}

/** Calls the lanes' soft-float helper `name` (its format's letter is added). */
export const soft = (l: Lanes, name: string, ...args: Expr[]): Expr =>
  l.x.call(name + l.fmt.letter, l.x.cpu(), ...args);

/** The bits of a float result's sign flipped. */
export const signMask = (l: Lanes): Expr => konst(l.fmt.t, l.fmt.signBit);
/** All bits but the sign. */
export const magnitudeMask = (l: Lanes): Expr => konst(l.fmt.t, l.fmt.signBit - 1n);

/**
 * Rd = the native result where the check allows it, or where it is a zero because one of `factors` is; else lanes by
 * helper.
 */
export function nativeOrSoft(
  l: Lanes,
  r: Expr,
  allowed: Check,
  lane: (i: number) => Expr,
  factors?: readonly Expr[],
): void {
  const result = l.x.tmp(r);
  l.x.expect(
    allowed(l, result),
    factors && (() => zeroOrPlain(l, result, factors)),
    () => writeNative(l, result),
    () => writeLanes(l, lane),
  );
}

/** 0 or 1 (i32) as a lane of zeros or ones. */
export const laneMask = (l: Lanes, e: Expr): Expr => {
  const mask = sub(i32(0), e);
  return l.fmt === DOUBLE ? extS(mask) : mask;
};

/** NZCV (fpCompare's result) as the truth of `how`. */
export const compared = (nzcv: Expr, how: 'eq' | 'ge' | 'gt'): Expr => {
  if (how === 'eq') return eq(nzcv, i32(6));
  return how === 'gt' ? eq(nzcv, i32(2)) : or(eq(nzcv, i32(6)), eq(nzcv, i32(2)));
};
