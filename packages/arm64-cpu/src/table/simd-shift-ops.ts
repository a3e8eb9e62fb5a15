import type { Expr } from '../wasm/expr.ts';
import { i32 } from '../wasm/expr.ts';
import { lanes } from '../wasm/simd-ops.ts';
import type { Fields } from './row.ts';
import type { Sem } from './sem.ts';
import type { Result, Shape } from './simd-lanes.ts';
import {
  laneBits,
  maxS,
  ONES,
  readV,
  splatK,
  vAdd,
  vAnd,
  vAndNot,
  vOr,
  vSelect,
  vShl,
  vShr,
  vSign,
  vXor,
} from './simd-lanes.ts';

/**
 * Shifts by immediates. The field `immb` is immh:immb without its leading one, as wide as log2 of the lane's bits:
 * a left shift's count, or the lane's bits minus a right shift's.
 */
export type ShiftOp = (s: Shape, a: Expr) => Result;

/** The count of a left shift. */
const left = (x: Sem): Expr => x.imm32((f) => f.immb!);
/** The count of a right shift by 1 to the lane's bits, minus one. */
export const rightLessOne = (x: Sem, size: number): Expr => x.imm32((f: Fields) => laneBits(size) - f.immb! - 1);

/** Right shift of lanes of `size` by one more than `lessOne`, in two steps as it may be by all bits. */
export function shiftRight(x: Sem, size: number, signed: boolean, rounding: boolean, a: Expr, lessOne: Expr): Expr {
  const t = x.tmp(vShr(size, signed, a, lessOne));
  const floor = vShr(size, signed, t, i32(1));
  // The last bit that is shifted out rounds to nearest, up in the middle.
  return rounding ? vAdd(size, floor, vAnd(t, splatK(size, 1n))) : floor;
}

/** SSHR, URSHR and their kin; with `accumulate` the destination is added. */
export const right =
  (signed: boolean, rounding: boolean, accumulate: boolean): ShiftOp =>
  ({ x, size }, a) => {
    const shifted = shiftRight(x, size, signed, rounding, a, rightLessOne(x, size));
    return { value: accumulate ? vAdd(size, readV(x, 'Rd'), shifted) : shifted };
  };

export const leftShift: ShiftOp = ({ x, size }, a) => ({ value: vShl(size, a, left(x)) });

/** SLI: the destination's bits below the shifted value stay. */
export const leftInsert: ShiftOp = ({ x, size }, a) => {
  const count = x.tmp(left(x));
  return { value: vOr(vShl(size, a, count), vAndNot(x.V('Rd'), vShl(size, ONES, count))) };
};

/** SRI: the destination's bits above the shifted value stay. */
export const rightInsert: ShiftOp = ({ x, size }, a) => {
  const count = x.tmp(rightLessOne(x, size));
  const mask = shiftRight(x, size, false, false, ONES, count);
  return { value: vSelect(mask, shiftRight(x, size, false, false, a, count), x.V('Rd')) };
};

/** Left shift, saturated where shifting back gives something else. */
export const saturatingLeft =
  (signed: boolean): ShiftOp =>
  ({ x, size }, a) => {
    const count = x.tmp(left(x));
    const shifted = x.tmp(vShl(size, a, count));
    const sat = x.tmp(lanes(size, 'ne', vShr(size, signed, shifted, count), a));
    const limit = signed ? vXor(vSign(size, a), maxS(size)) : ONES;
    return { value: vSelect(sat, limit, shifted), sat };
  };

/** SQSHLU: signed lanes to unsigned results; negative ones saturate to zero, also by a count of zero. */
export const saturatingLeftUnsigned: ShiftOp = (s, a) => {
  const { x, size } = s;
  const negative = x.tmp(vSign(size, a));
  const unsigned = saturatingLeft(false)(s, a);
  return { value: vAndNot(unsigned.value, negative), sat: vOr(unsigned.sat!, negative) };
};
