import type { Expr } from '../wasm/expr.ts';
import { i32, v128 } from '../wasm/expr.ts';
import { lanes, shuffle, simdOp } from '../wasm/simd-ops.ts';
import { satAdd, satSub } from './simd-integer-ops.ts';
import type { Result, Shape } from './simd-lanes.ts';
import {
  laneBits,
  maxS,
  minS,
  splatK,
  vAdd,
  vAnd,
  vAndNot,
  vOr,
  vSelect,
  vShl,
  vShr,
  vSign,
  vSub,
  vXor,
  ZERO,
} from './simd-lanes.ts';

/** An operation on one source register, read once already; `d` reads the destination. */
export type UnaryOp = (s: Shape, a: Expr, d: () => Expr) => Result;

/** An operation that is one Wasm instruction on lanes. */
export const nativeUnary =
  (name: string): UnaryOp =>
  ({ size }, a) => ({ value: lanes(size, name, a) });

/** A comparison with zero by its Wasm name. */
export const compareZero =
  (name: string): UnaryOp =>
  ({ size }, a) => ({ value: lanes(size, name, a, ZERO) });

/** Lanes in reverse order within groups of `bytes` bytes. */
export const reverse =
  (bytes: number): UnaryOp =>
  ({ size }, a) => {
    const mask = bytes - (1 << size);
    return {
      value: shuffle(
        a,
        a,
        Array.from({ length: 16 }, (_, i) => i ^ mask),
      ),
    };
  };

/** ABS and NEG, whose one overflow, the least number, becomes the greatest. */
export const saturatingUnary =
  (name: 'abs' | 'neg'): UnaryOp =>
  ({ x, size }, a) => {
    const sat = x.tmp(lanes(size, 'eq', a, minS(size)));
    return { value: vAdd(size, lanes(size, name, a), sat), sat };
  };

/** SUQADD: a signed destination plus an unsigned number is an unsigned sum once the destination's sign is flipped. */
export const signedPlusUnsigned: UnaryOp = (s, a, d) => {
  const flip = minS(s.size);
  const sum = satAdd(false)(s, s.x.tmp(vXor(d(), flip)), a, d);
  return { ...sum, value: vXor(sum.value, flip) };
};

/** USQADD: an unsigned destination plus a signed number adds or subtracts its magnitude. */
export const unsignedPlusSigned: UnaryOp = (s, a, d) => {
  const { x, size } = s;
  const negative = x.tmp(vSign(size, a));
  const acc = d();
  const up = satAdd(false)(s, acc, a, d);
  const down = satSub(false)(s, acc, x.tmp(lanes(size, 'abs', a)), d);
  return {
    value: vSelect(negative, down.value, up.value),
    sat: vSelect(negative, down.sat ?? ZERO, up.sat ?? ZERO),
  };
};

/** Sums of neighbours, of twice the lane size; added to the destination where `accumulate`. */
export const pairwiseLong =
  (signed: boolean, accumulate: boolean): UnaryOp =>
  ({ size }, a, d) => {
    const wide = size + 1;
    const count = i32(laneBits(size));
    const even = signed
      ? vShr(wide, true, vShl(wide, a, count), count)
      : vAnd(a, splatK(wide, (1n << BigInt(laneBits(size))) - 1n));
    const sum = vAdd(wide, even, vShr(wide, signed, a, count));
    return { value: accumulate ? vAdd(wide, d(), sum) : sum };
  };

/** The value of `table` (sixteen bytes) for the low and the high four bits of every byte. */
function nibbles(a: Expr, table: (n: number) => number): { low: Expr; high: Expr } {
  let [bottom, top] = [0n, 0n];
  for (let n = 0; n < 8; n++) {
    bottom |= BigInt(table(n)) << BigInt(8 * n);
    top |= BigInt(table(n + 8)) << BigInt(8 * n);
  }
  const look = (index: Expr): Expr => simdOp('i8x16.swizzle', v128(bottom, top), index);
  return { low: look(vAnd(a, splatK(0, 15n))), high: look(vShr(0, false, a, i32(4))) };
}

/** Bits of every byte in reverse order. */
export const reverseBits: UnaryOp = (_s, a) => {
  const { low, high } = nibbles(a, (n) => ((n & 1) << 3) | ((n & 2) << 1) | ((n & 4) >> 1) | ((n & 8) >> 3));
  return { value: vOr(vShl(0, low, i32(4)), high) };
};

/** Leading zeros of every lane: those of the upper half, and those of the lower one where the upper is zero. */
function leadingZeros({ x, size }: Shape, a: Expr): Expr {
  const { low, high } = nibbles(a, (n) => (n === 0 ? 4 : Math.clz32(n) - 28));
  const top = x.tmp(high);
  let count = x.tmp(vAdd(0, top, vAnd(low, lanes(0, 'eq', top, splatK(0, 4n)))));
  for (let wide = 1; wide <= size; wide++) {
    const half = laneBits(wide - 1);
    const upper = x.tmp(vShr(wide, false, count, i32(half)));
    const lower = vAnd(count, splatK(wide, (1n << BigInt(half)) - 1n));
    count = x.tmp(vAdd(wide, upper, vAnd(lower, lanes(wide, 'eq', upper, splatK(wide, BigInt(half))))));
  }
  return count;
}

export const countLeadingZeros: UnaryOp = (s, a) => ({ value: leadingZeros(s, a) });

/** Bits behind the sign bit that equal it. */
export const countLeadingSigns: UnaryOp = (s, a) => {
  const changes = s.x.tmp(vXor(a, vShr(s.size, true, a, i32(1))));
  return { value: vSub(s.size, leadingZeros(s, changes), splatK(s.size, 1n)) };
};

/**
 * What a narrowing operation makes of a wide lane, before its low half is taken: `size` is the narrow lane's size.
 * Saturation is given per wide lane.
 */
export type NarrowOp = (x: Shape['x'], size: number, a: Expr) => Result;

export const truncate: NarrowOp = (_x, _size, a) => ({ value: a });

/** Signed lanes to signed ones half as wide. */
export const saturateSigned: NarrowOp = (x, size, a) => {
  const wide = size + 1;
  const count = i32(laneBits(size));
  const t = x.tmp(a);
  const sat = x.tmp(lanes(wide, 'ne', t, vShr(wide, true, vShl(wide, t, count), count)));
  // The greatest narrow number, or with the sign flipped in its low half the least.
  return { value: vSelect(sat, vXor(vSign(wide, t), maxS(size)), t), sat };
};

/** Unsigned lanes to unsigned ones half as wide. */
export const saturateUnsigned: NarrowOp = (x, size, a) => {
  const wide = size + 1;
  const t = x.tmp(a);
  const sat = x.tmp(lanes(wide, 'ne', vShr(wide, false, t, i32(laneBits(size))), ZERO));
  return { value: vOr(t, sat), sat };
};

/** Signed lanes to unsigned ones half as wide: negative numbers become zero. */
export const saturateToUnsigned: NarrowOp = (x, size, a) => {
  const wide = size + 1;
  const t = x.tmp(a);
  const sat = x.tmp(lanes(wide, 'ne', vShr(wide, false, t, i32(laneBits(size))), ZERO));
  return { value: vAndNot(vOr(t, sat), vSign(wide, t)), sat };
};
