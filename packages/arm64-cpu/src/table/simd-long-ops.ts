import type { Expr } from '../wasm/expr.ts';
import { i32 } from '../wasm/expr.ts';
import { lanes } from '../wasm/simd-ops.ts';
import type { Sem } from './sem.ts';
import { absoluteDifference, satAdd, satSub } from './simd-integer-ops.ts';
import type { Result, Shape } from './simd-lanes.ts';
import { extend, extmul, readV, vAdd, vAnd, vShl, vShr, vSign, vSub, vXor, writeResult, ZERO } from './simd-lanes.ts';

/**
 * An operation whose result lanes are twice as wide as those of its sources: `size` is the sources' lane size,
 * `high` takes their upper halves. The result fills 128 bits.
 */
export type LongOp = (x: Sem, size: number, high: boolean, a: Expr, b: Expr) => Result;

/** The lanes of both sources, extended. */
export const longAdd =
  (name: 'add' | 'sub', signed: boolean): LongOp =>
  (_x, size, high, a, b) => ({
    value: lanes(size + 1, name, extend(size, signed, high, a), extend(size, signed, high, b)),
  });

/** The wide lanes of the first source and the extended ones of the second. */
export const wideAdd =
  (name: 'add' | 'sub', signed: boolean): LongOp =>
  (_x, size, high, a, b) => ({ value: lanes(size + 1, name, a, extend(size, signed, high, b)) });

/** The difference fits the narrow lane as an unsigned number. */
export const longAbsoluteDifference =
  (signed: boolean): LongOp =>
  (x, size, high, a, b) => {
    const shape: Shape = { x, size, width: 128 };
    const difference = absoluteDifference(signed)(shape, a, b, () => ZERO).value;
    return { value: extend(size, false, high, difference) };
  };

export const longMultiply =
  (signed: boolean): LongOp =>
  (_x, size, high, a, b) => ({ value: extmul(size, signed, high, a, b) });

/** Twice the product, saturated. */
export const doublingLongMultiply: LongOp = (x, size, high, a, b) => {
  const product = x.tmp(extmul(size, true, high, a, b));
  return satAdd(true)({ x, size: size + 1, width: 128 }, product, product, () => ZERO);
};

/** Products of bytes as polynomials over {0, 1}. */
export const polynomialLong: LongOp = (x, _size, high, a, b) => {
  const wide = x.tmp(extend(0, false, high, a));
  const bits = x.tmp(extend(0, false, high, b));
  let sum = ZERO;
  for (let bit = 0; bit < 8; bit++) {
    const mask = vSign(1, vShl(1, bits, i32(15 - bit)));
    sum = x.tmp(vXor(sum, vAnd(vShl(1, wide, i32(bit)), mask)));
  }
  return { value: sum };
};

/** What becomes of a long result: replaces the destination, or is added to it or subtracted from it. */
export type Accumulation = 'none' | 'add' | 'sub' | 'satAdd' | 'satSub';

/** Writes a long operation's result to Rd; `width` is 128, or that of the one lane of a scalar form. */
export function writeLong(x: Sem, size: number, width: number, accumulation: Accumulation, result: Result): void {
  const shape: Shape = { x, size: size + 1, width };
  if (accumulation === 'none') {
    writeResult(shape, result);
    return;
  }
  const d = readV(x, 'Rd');
  const value = x.tmp(result.value);
  if (accumulation === 'add' || accumulation === 'sub') {
    writeResult(shape, { value: accumulation === 'add' ? vAdd(size + 1, d, value) : vSub(size + 1, d, value) });
    return;
  }
  const saturate = accumulation === 'satAdd' ? satAdd(true) : satSub(true);
  const first = result.sat && x.tmp(result.sat);
  const second = saturate(shape, d, value, () => d);
  const sat = first && second.sat ? lanes(0, 'max_u', first, second.sat) : (first ?? second.sat);
  writeResult(shape, sat ? { value: second.value, sat } : { value: second.value });
}

/** Right shift by one with the bit that is lost added: rounds to nearest what was shifted by one less before. */
export const roundLast = (x: Sem, size: number, signed: boolean, a: Expr, one: Expr): Expr => {
  const t = x.tmp(a);
  return vAdd(size, vShr(size, signed, t, i32(1)), vAnd(t, one));
};
