import type { Expr } from '../wasm/expr.ts';
import { i32 } from '../wasm/expr.ts';
import { hasLanes, lanes } from '../wasm/simd-ops.ts';
import type { Result, Shape } from './simd-lanes.ts';
import {
  compare,
  everySecond,
  extend,
  extmul,
  lane,
  laneBits,
  maxS,
  minS,
  perLane,
  splatK,
  vAdd,
  vAnd,
  vAndNot,
  vNot,
  vOr,
  vSelect,
  vShl,
  vShr,
  vSign,
  vSub,
  vXor,
  ZERO,
} from './simd-lanes.ts';

/** An operation on two source registers, each read once already; `d` reads the destination. */
export type Op = (s: Shape, a: Expr, b: Expr, d: () => Expr) => Result;

const of = (value: Expr): Result => ({ value });

/** An operation that is one Wasm instruction. */
export const native =
  (name: string): Op =>
  ({ size }, a, b) =>
    of(lanes(size, name, a, b));

/** A comparison by its Wasm name. */
export const comparison =
  (name: string): Op =>
  ({ size }, a, b) =>
    of(compare(size, name, a, b));

export const testBits: Op = ({ size }, a, b) => of(lanes(size, 'ne', vAnd(a, b), ZERO));

/** (a + b) / 2 without the carry's loss: the common bits plus half of the differing ones. */
export const halvingAdd =
  (signed: boolean): Op =>
  ({ size }, a, b) =>
    of(vAdd(size, vAnd(a, b), vShr(size, signed, vXor(a, b), i32(1))));

/** (a + b + 1) / 2. */
export const roundingHalvingAdd =
  (signed: boolean): Op =>
  ({ size }, a, b) =>
    of(vSub(size, vOr(a, b), vShr(size, signed, vXor(a, b), i32(1))));

/** (a - b) / 2, as a - b = (a XOR b) - 2 (b AND NOT a). */
export const halvingSub =
  (signed: boolean): Op =>
  ({ size }, a, b) =>
    of(vSub(size, vShr(size, signed, vXor(a, b), i32(1)), vAndNot(b, a)));

/** The saturated value of signed lanes that overflowed away from the sign of `a`'s lane. */
const saturated = (size: number, a: Expr): Expr => vXor(vSign(size, a), maxS(size));

/** Saturating addition or subtraction by Wasm's own instruction, which 8- and 16-bit lanes have. */
function nativeSat({ x, size }: Shape, name: 'add' | 'sub', signed: boolean, a: Expr, b: Expr): Result {
  const value = x.tmp(lanes(size, `${name}_sat_${signed ? 's' : 'u'}`, a, b));
  return { value, sat: vXor(value, lanes(size, name, a, b)) };
}

/** The sum, saturated. */
export const satAdd =
  (signed: boolean): Op =>
  (s, a, b) => {
    const { x, size } = s;
    if (hasLanes(size, 'add_sat_s')) return nativeSat(s, 'add', signed, a, b);
    const sum = x.tmp(vAdd(size, a, b));
    if (!signed) {
      const sat = x.tmp(compare(size, 'lt_u', sum, a));
      return { value: vOr(sum, sat), sat };
    }
    const sat = x.tmp(vSign(size, vAnd(vXor(a, sum), vXor(b, sum))));
    return { value: vSelect(sat, saturated(size, a), sum), sat };
  };

/** The difference, saturated. */
export const satSub =
  (signed: boolean): Op =>
  (s, a, b) => {
    const { x, size } = s;
    if (hasLanes(size, 'add_sat_s')) return nativeSat(s, 'sub', signed, a, b);
    const difference = x.tmp(vSub(size, a, b));
    if (!signed) {
      const sat = x.tmp(compare(size, 'lt_u', a, b));
      return { value: vAndNot(difference, sat), sat };
    }
    const sat = x.tmp(vSign(size, vAnd(vXor(a, b), vXor(a, difference))));
    return { value: vSelect(sat, saturated(size, a), difference), sat };
  };

/** Shift by the signed low byte of each lane of `b`; helper `name` of core/simd-shift.ts. */
export const shiftByRegister =
  (name: string, signed: boolean): Op =>
  (s, a, b) => {
    const { x, size } = s;
    // The count is the lane's low byte whatever the lane's size.
    const shifted = (i: number): Expr =>
      x.call(name, x.cpu(), lane(size, signed, a, i), lane(0, true, b, i << size), i32(laneBits(size)));
    return of(perLane(s, shifted));
  };

export const absoluteDifference =
  (signed: boolean): Op =>
  ({ size }, a, b) => {
    const sign = signed ? 's' : 'u';
    return of(vSub(size, lanes(size, `max_${sign}`, a, b), lanes(size, `min_${sign}`, a, b)));
  };

/** Adds what `op` gives to the destination, or subtracts it. */
export const accumulate =
  (name: 'add' | 'sub', op: Op): Op =>
  (s, a, b, d) =>
    of(lanes(s.size, name, d(), op(s, a, b, d).value));

/** Low halves of the lanes' products. */
export const multiply: Op = ({ size }, a, b) => {
  if (hasLanes(size, 'mul')) return of(lanes(size, 'mul', a, b));
  return of(everySecond(size, extmul(size, false, false, a, b), extmul(size, false, true, a, b)));
};

/** Products of polynomials over {0, 1}, low byte of each. */
export const polynomialMultiply: Op = ({ x }, a, b) => {
  let sum = ZERO;
  for (let bit = 0; bit < 8; bit++) {
    const mask = vSign(0, vShl(0, b, i32(7 - bit)));
    sum = x.tmp(vXor(sum, vAnd(vShl(0, a, i32(bit)), mask)));
  }
  return of(sum);
};

/** `op` on neighbours: those of `a` give the lower half of the result, those of `b` the upper. */
export const pairwise =
  (name: string): Op =>
  ({ x, size, width }, a, b) => {
    // With 64-bit registers the two lower halves are the operands.
    const low = width === 128 ? a : x.tmp(lowHalves(a, b));
    const high = width === 128 ? b : low;
    return of(lanes(size, name, everySecond(size, low, high), everySecond(size, low, high, true)));
  };

/** The low 64 bits of `a`, then those of `b`. */
export const lowHalves = (a: Expr, b: Expr): Expr => everySecond(3, a, b);

/** High halves of doubled products, rounded or not. The only overflow is the square of the least number. */
export const doublingMultiplyHigh =
  (rounding: boolean): Op =>
  ({ x, size }, a, b) => {
    const least = minS(size);
    const sat = x.tmp(vAnd(lanes(size, 'eq', a, least), lanes(size, 'eq', b, least)));
    if (rounding && size === 1) return { value: lanes(1, 'q15mulr_sat_s', a, b), sat };
    const half = (high: boolean): Expr => {
      const doubled = vShl(size + 1, extmul(size, true, high, a, b), i32(1));
      return rounding ? vAdd(size + 1, doubled, splatK(size + 1, 1n << BigInt(laneBits(size) - 1))) : doubled;
    };
    return { value: vXor(everySecond(size, half(false), half(true), true), sat), sat };
  };

/** FEAT_RDM: destination plus (or minus) the rounded high half of the doubled product, saturated once. */
export const roundingDoublingMultiplyAdd =
  (subtract: boolean): Op =>
  ({ x, size }, a, b, d) => {
    const wide = size + 1;
    const bits = laneBits(size);
    const acc = d();
    const half = (high: boolean): Expr => {
      const product = extmul(size, true, high, a, b);
      const signed = subtract ? lanes(wide, 'neg', product) : product;
      const rounded = vAdd(wide, signed, splatK(wide, 1n << BigInt(bits - 2)));
      return x.tmp(vAdd(wide, vShr(wide, true, rounded, i32(bits - 1)), extend(size, true, high, acc)));
    };
    const [low, high] = [half(false), half(true)];
    const value = x.tmp(everySecond(size, low, high));
    // Saturated where the upper half isn't the sign of the lower one.
    const top = x.tmp(everySecond(size, low, high, true));
    const sat = x.tmp(vNot(lanes(size, 'eq', top, vSign(size, value))));
    return { value: vSelect(sat, saturated(size, top), value), sat };
  };
