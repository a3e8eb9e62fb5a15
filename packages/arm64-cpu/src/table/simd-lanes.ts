import type { Expr } from '../wasm/expr.ts';
import { add, extS, extU, i32, i64, or, shl, v128, wrap } from '../wasm/expr.ts';
import { hasLanes, laneOp, lanes, shuffle, simdOp } from '../wasm/simd-ops.ts';
import type { Fields } from './row.ts';
import type { Sem } from './sem.ts';

/**
 * What an operation on vectors works over: `size` is log2 of the lane's bytes, `width` the bits of the registers
 * that take part, from the lowest (128, 64, or one lane's in scalar forms).
 */
export interface Shape {
  readonly x: Sem;
  readonly size: number;
  readonly width: number;
}

/** A result, and the lanes (all ones or any bit set) in which it was saturated. Only the shape's width of both counts. */
export interface Result {
  readonly value: Expr;
  readonly sat?: Expr;
}

/** Bits of a lane. */
export const laneBits = (size: number): number => 8 << size;

/** The shape of a vector instruction with fields `size` and `Q`. */
export const vectorShape = (x: Sem, f: Fields, size = f.size!): Shape => ({ x, size, width: f.Q ? 128 : 64 });
/** The shape of a scalar instruction. */
export const scalarShape = (x: Sem, size: number): Shape => ({ x, size, width: laneBits(size) });

export const ZERO = v128(0n, 0n);
export const ONES = v128(-1n, -1n);

export const vAnd = (a: Expr, b: Expr): Expr => simdOp('v128.and', a, b);
/** a AND NOT b. */
export const vAndNot = (a: Expr, b: Expr): Expr => simdOp('v128.andnot', a, b);
export const vOr = (a: Expr, b: Expr): Expr => simdOp('v128.or', a, b);
export const vXor = (a: Expr, b: Expr): Expr => simdOp('v128.xor', a, b);
export const vNot = (a: Expr): Expr => simdOp('v128.not', a);
/** Bits of `a` where `mask` is 1, of `b` where it is 0. */
export const vSelect = (mask: Expr, a: Expr, b: Expr): Expr => simdOp('v128.bitselect', a, b, mask);

/** The constant `k` in every lane. */
export function splatK(size: number, k: bigint): Expr {
  const bits = laneBits(size);
  let half = 0n;
  for (let at = 0; at < 64; at += bits) half |= BigInt.asUintN(bits, k) << BigInt(at);
  return v128(half, half);
}

/** The most negative value of a signed lane, in every lane. */
export const minS = (size: number): Expr => splatK(size, 1n << BigInt(laneBits(size) - 1));
/** The greatest value of a signed lane, in every lane. */
export const maxS = (size: number): Expr => splatK(size, (1n << BigInt(laneBits(size) - 1)) - 1n);

export const vAdd = (size: number, a: Expr, b: Expr): Expr => lanes(size, 'add', a, b);
export const vSub = (size: number, a: Expr, b: Expr): Expr => lanes(size, 'sub', a, b);
/** Lanes shifted by `count` (i32), which is less than the lane's bits. */
export const vShl = (size: number, a: Expr, count: Expr): Expr => lanes(size, 'shl', a, count);
export const vShr = (size: number, signed: boolean, a: Expr, count: Expr): Expr =>
  lanes(size, signed ? 'shr_s' : 'shr_u', a, count);
/** The sign of every lane: all ones or zero. */
export const vSign = (size: number, a: Expr): Expr => vShr(size, true, a, i32(laneBits(size) - 1));

/** A comparison by its Wasm name, also unsigned on 64-bit lanes, which Wasm lacks. Lanes of all ones or zero. */
export function compare(size: number, name: string, a: Expr, b: Expr): Expr {
  if (hasLanes(size, name)) return lanes(size, name, a, b);
  const flip = minS(size);
  return lanes(size, name.replace('_u', '_s'), vXor(a, flip), vXor(b, flip));
}

/** `n` lanes of `size` from the concatenation of `a` (low) and `b`, by index. */
export function pick(size: number, a: Expr, b: Expr, index: (lane: number) => number): Expr {
  const bytes = 1 << size;
  const from = Array.from({ length: 16 }, (_, i) => index(i >> size) * bytes + (i & (bytes - 1)));
  return shuffle(a, b, from);
}
/** Lanes 0, 2, 4 … of `a`, then of `b`; with `high` lanes 1, 3, 5 …. */
export const everySecond = (size: number, a: Expr, b: Expr, high = false): Expr =>
  pick(size, a, b, (i) => 2 * i + (high ? 1 : 0));

/** Lanes of twice the size from the low or high half of `a`. */
export function extend(size: number, signed: boolean, high: boolean, a: Expr): Expr {
  const from = ['i8x16', 'i16x8', 'i32x4'][size]!;
  return lanes(size + 1, `extend_${high ? 'high' : 'low'}_${from}_${signed ? 's' : 'u'}`, a);
}
/** Products, of twice the size, of the low or high halves' lanes. */
export function extmul(size: number, signed: boolean, high: boolean, a: Expr, b: Expr): Expr {
  const from = ['i8x16', 'i16x8', 'i32x4'][size]!;
  return lanes(size + 1, `extmul_${high ? 'high' : 'low'}_${from}_${signed ? 's' : 'u'}`, a, b);
}

/** `a` with zeros above its lowest `width` bits. */
export function clip(width: number, a: Expr): Expr {
  if (width === 128) return a;
  return vAnd(a, v128(width === 64 ? -1n : (1n << BigInt(width)) - 1n, 0n));
}

/** Lane `i` as i64, sign- or zero-extended. */
export function lane(size: number, signed: boolean, a: Expr, i: number): Expr {
  if (size === 3) return laneOp('i64x2.extract_lane', i, a);
  const sign = signed ? 's' : 'u';
  const word =
    size === 0
      ? laneOp(`i8x16.extract_lane_${sign}`, i, a)
      : size === 1
        ? laneOp(`i16x8.extract_lane_${sign}`, i, a)
        : laneOp('i32x4.extract_lane', i, a);
  return signed ? extS(word) : extU(word);
}

const REPLACE = ['i8x16.replace_lane', 'i16x8.replace_lane', 'i32x4.replace_lane', 'i64x2.replace_lane'] as const;

/** A vector whose lanes, within the shape's width, are `fn(i)` modulo the lane's size (i64). */
export function perLane({ size, width }: Shape, fn: (i: number) => Expr): Expr {
  let v = ZERO;
  for (let i = 0; i < width / laneBits(size); i++) {
    const value = fn(i);
    v = laneOp(REPLACE[size]!, i, v, size === 3 ? value : wrap(value));
  }
  return v;
}

/** `value` (i32, or i64 where lanes have 64 bits) in every lane. */
export const splat = (size: number, value: Expr): Expr => lanes(size, 'splat', value);

/** FPSR.QC |= 1 where `any` (i32) is 1. */
export function setQc(x: Sem, any: Expr): void {
  x.setState('FPSR', or(x.state('FPSR', 'i64'), shl(extU(any), i64(27))));
}

/** Sets FPSR.QC if a lane was saturated, then writes Rd, with zeros above the shape's width. */
export function writeResult({ x, width }: Shape, { value, sat }: Result): void {
  if (!sat) {
    x.setV('Rd', clip(width, value));
    return;
  }
  const result = x.tmp(clip(width, value));
  setQc(x, simdOp('v128.any_true', clip(width, sat)));
  x.setV('Rd', result);
}

/** The register `field`, read once, here. */
export const readV = (x: Sem, field: string): Expr => x.tmp(x.V(field));

/** Writes `low`, whose upper half is zero, to Rd; with Q to the upper half of Rd and keeps the lower one. */
export function writeNarrow(x: Sem, f: Fields, low: Expr): void {
  x.setV('Rd', f.Q ? pick(3, x.V('Rd'), low, (i) => 2 * i) : low);
}

/** i32 sum of a decoded value and a constant. */
export const plus = (a: Expr, k: number): Expr => add(a, i32(k));
