/** Operations that scalar, vector, pairwise and by-element floating-point rows have in common. */
import { FUSED } from '../core/fp-fma.ts';
import { constantOf } from '../core/fp-format.ts';
import { and, type Expr, i32, konst, xor } from '../wasm/expr.ts';
import {
  areNumbers,
  type Check,
  check,
  compared,
  type Lanes,
  laneMask,
  magnitudeMask,
  type NativeCompare,
  type NativeOp,
  narrowed,
  native,
  nativeOrSoft,
  noFlush,
  type Operand,
  register,
  signMask,
  soft,
  type WideOperand,
  writeLanes,
  writeNative,
} from './fp-lanes.ts';

/** Computes Rd from two operands. */
export type BinaryOp = (l: Lanes, a: Operand, b: Operand) => void;

/** An operation that Wasm has: its native name, when that is exact, and the helper. */
const arithmetic =
  (name: NativeOp, allowed: Check, helper: string, ...extra: number[]): BinaryOp =>
  (l, a, b) => {
    const lane = (i: number): Expr => soft(l, helper, a.lane(i), b.lane(i), ...extra.map(i32));
    if (allowed !== check.plain) return nativeOrSoft(l, native.op(l, name, a.native(), b.native()), allowed, lane);
    const [n, m] = [l.x.tmp(a.native()), l.x.tmp(b.native())];
    nativeOrSoft(l, native.op(l, name, n, m), allowed, lane, name === 'div' ? [n] : [n, m]);
  };

export const fadd = arithmetic('add', check.finite, 'fpAdd');
export const fsub = arithmetic('sub', check.finite, 'fpSub');
export const fmul = arithmetic('mul', check.plain, 'fpMul');
export const fdiv = arithmetic('div', check.plain, 'fpDiv');
export const fmulx = arithmetic('mul', check.plain, 'fpMulX');
export const fmax = arithmetic('max', check.number, 'fpMinMax', 0);
export const fmin = arithmetic('min', check.number, 'fpMinMax', 1);
export const fmaxnm = arithmetic('max', check.number, 'fpMinMax', 2);
export const fminnm = arithmetic('min', check.number, 'fpMinMax', 3);

/** The product negated, a NaN's sign with it. */
export const fnmul: BinaryOp = (l, a, b) => {
  const [n, m] = [l.x.tmp(a.native()), l.x.tmp(b.native())];
  const lane = (i: number): Expr => xor(soft(l, 'fpMul', a.lane(i), b.lane(i)), signMask(l));
  nativeOrSoft(l, native.op(l, 'neg', native.op(l, 'mul', n, m)), check.plain, lane, [n, m]);
};

/** The magnitude of the difference. */
export const fabd: BinaryOp = (l, a, b) =>
  nativeOrSoft(l, native.op(l, 'abs', native.op(l, 'sub', a.native(), b.native())), check.finite, (i) =>
    and(soft(l, 'fpSub', a.lane(i), b.lane(i)), magnitudeMask(l)),
  );

/** Computes Rd from two operands that are at hand as v128. */
export type FusedOp = (l: Lanes, a: WideOperand, b: WideOperand) => void;

/** Rd = c + a * b, or c - a * b, rounded once. */
export function multiplyAdd(
  l: Lanes,
  subtract: boolean,
  a: WideOperand,
  b: WideOperand,
  c: WideOperand,
  negateC = false,
): void {
  const signed = (e: Expr, negate: boolean): Expr => (negate ? xor(e, signMask(l)) : e);
  const lane = (i: number): Expr =>
    soft(l, 'fpMulAdd', signed(c.lane(i), negateC), signed(a.lane(i), subtract), b.lane(i), i32(FUSED.MULADD));
  if (!l.x.fuses) return writeLanes(l, lane);
  const addend = negateC ? native.op({ ...l, vector: true }, 'neg', c.wide()) : c.wide();
  const r = narrowed(l, native.fused(l, subtract, a.wide(), b.wide(), addend));
  nativeOrSoft(l, r, check.plain, lane, [a.native(), b.native()]);
}

/** Rd + a * b, or Rd - a * b. */
export const fmla =
  (subtract: boolean): FusedOp =>
  (l, a, b) =>
    multiplyAdd(l, subtract, a, b, register(l, 'Rd'));

const step =
  (addend: number, kind: number): BinaryOp =>
  (l, a, b) =>
    writeLanes(l, (i) => {
      const first = konst(l.fmt.t, constantOf(l.fmt, addend));
      return soft(l, 'fpMulAdd', first, xor(a.lane(i), signMask(l)), b.lane(i), i32(kind));
    });
/** 2 - a * b. */
export const frecps = step(2, FUSED.RECIPS);
/** (3 - a * b) / 2. */
export const frsqrts = step(3, FUSED.RSQRTS);

/** Lanes of ones where a compares with b as `how`, of magnitudes if `absolute`. */
export const fcompare =
  (how: 'eq' | 'ge' | 'gt', absolute = false): BinaryOp =>
  (l, a, b) => {
    const { x } = l;
    const bits = (e: Expr) => (absolute ? and(e, magnitudeMask(l)) : e);
    const whole = (e: Expr) => x.tmp(absolute ? native.op(l, 'abs', e) : e);
    const [n, m] = [whole(a.native()), whole(b.native())];
    x.expect(
      [noFlush(x), areNumbers(l, n, m)],
      undefined,
      () => {
        const result = native.compare(l, how as NativeCompare, n, m);
        writeNative(l, l.vector ? result : laneMask(l, result));
      },
      () =>
        writeLanes(l, (i) => {
          const nzcv = soft(l, 'fpCompare', bits(a.lane(i)), bits(b.lane(i)), i32(how === 'eq' ? 0 : 1));
          return laneMask(l, compared(nzcv, how));
        }),
    );
  };

/** Computes Rd from one operand. */
export type UnaryOp = (l: Lanes, a: Operand) => void;

export const fsqrt: UnaryOp = (l, a) =>
  nativeOrSoft(l, native.op(l, 'sqrt', a.native()), check.finite, (i) => soft(l, 'fpSqrt', a.lane(i)));

/** An instruction of which only the helper is exact. */
export const estimate =
  (helper: string): UnaryOp =>
  (l, a) =>
    writeLanes(l, (i) => soft(l, helper, a.lane(i)));
