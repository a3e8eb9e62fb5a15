/** FPMulAdd and the fused steps of reciprocals, with a 128-bit intermediate sum. */

import { stateOffset } from '../state.ts';
import {
  add,
  and,
  asF32,
  asF64,
  asI32,
  asI64,
  clz,
  type Expr,
  eq,
  eqz,
  extU,
  f64,
  fop,
  gtU,
  i32,
  i64,
  load,
  ltS,
  ltU,
  ne,
  or,
  select,
  shl,
  shrU,
  sub,
  wrap,
  xor,
} from '../wasm/expr.ts';
import type { FunctionBuilder, Var } from '../wasm/function-builder.ts';
import { ARITHMETIC, bit, constantOf, type Format, multiply128, SINGLE, SoftFloat, signature } from './fp-format.ts';
import type { CoreHelper } from './helper.ts';

/** What the helper is to compute: FPMulAdd, FPRecipStepFused or FPRSqrtStepFused (whose sum is halved before rounding). */
export const FUSED = { MULADD: 0, RECIPS: 1, RSQRTS: 2 } as const;

/** A 128-bit unsigned number in two locals. */
interface Wide {
  readonly hi: Var;
  readonly lo: Var;
}

/** Shifts right by `count` (i32); bit 0 collects what falls out. */
function shiftWide(f: FunctionBuilder, { hi, lo }: Wide, count: Expr): void {
  const n = f.local('i32');
  f.set(n, count);
  f.if(gtU(f.get(n), i32(63)), () => {
    f.set(lo, or(f.get(hi), bit(ne(f.get(lo), i64(0)))));
    f.set(hi, i64(0));
    f.set(n, sub(f.get(n), i32(64)));
  });
  f.if(
    gtU(f.get(n), i32(63)),
    () => f.set(lo, bit(ne(f.get(lo), i64(0)))),
    () =>
      f.if(f.get(n), () => {
        const up = extU(sub(i32(64), f.get(n)));
        const down = extU(f.get(n));
        const lost = bit(ne(shl(f.get(lo), up), i64(0)));
        f.set(lo, or(or(shrU(f.get(lo), down), shl(f.get(hi), up)), lost));
        f.set(hi, shrU(f.get(hi), down));
      }),
  );
}

/** Shifts left by `count` (i64, 1 to 63). */
function shiftWideLeft(f: FunctionBuilder, { hi, lo }: Wide, count: Expr): void {
  f.set(hi, or(shl(f.get(hi), count), shrU(f.get(lo), sub(i64(64), count))));
  f.set(lo, shl(f.get(lo), count));
}

/** Brings the leading one of a number that is not zero to bit 126 and returns it rounded. */
function returnWide(s: SoftFloat, v: Wide, sign: Expr, exp: Var, halve: Expr): void {
  const { f } = s;
  f.if(eqz(f.get(v.hi)), () => {
    f.set(v.hi, f.get(v.lo));
    f.set(v.lo, i64(0));
    f.set(exp, sub(f.get(exp), i32(64)));
  });
  f.if(
    ltS(f.get(v.hi), i64(0)),
    () => {
      shiftWide(f, v, i32(1));
      f.set(exp, add(f.get(exp), i32(1)));
    },
    () => {
      const shift = f.tmp(sub(clz(f.get(v.hi)), i64(1)));
      f.if(ne(shift, i64(0)), () => shiftWideLeft(f, v, shift));
      f.set(exp, sub(f.get(exp), wrap(shift)));
    },
  );
  s.returnRounded(sign, sub(f.get(exp), halve), or(f.get(v.hi), bit(ne(f.get(v.lo), i64(0)))));
}

/** The cases of NaNs, infinities and zeroes, which return. */
function special(s: SoftFloat, addend: Expr, a: Expr, b: Expr, sign: Expr, step: Expr): void {
  const { f, fmt } = s;
  const invalid = f.tmp(or(and(s.isInf(a), s.isZero(b)), and(s.isZero(a), s.isInf(b))));
  f.if(or(s.isNaN(addend), or(s.isNaN(a), s.isNaN(b))), () => {
    f.if(and(invalid, ne(and(addend, i64(fmt.quietBit)), i64(0))), () => s.returnInvalid());
    s.ret(s.processNaNs(addend, a, b));
  });
  f.if(invalid, () => {
    f.if(eq(step, i32(FUSED.RECIPS)), () => s.ret(i64(constantOf(fmt, 2))));
    f.if(eq(step, i32(FUSED.RSQRTS)), () => s.ret(i64(constantOf(fmt, 1.5))));
    s.returnInvalid();
  });
  f.if(or(s.isInf(a), s.isInf(b)), () => {
    f.if(and(s.isInf(addend), ne(s.sign(addend), sign)), () => s.returnInvalid());
    s.ret(or(s.signBits(sign), i64(fmt.infinity)));
  });
  f.if(s.isInf(addend), () => s.ret(addend));
  f.if(or(s.isZero(a), s.isZero(b)), () => {
    f.if(eq(step, i32(FUSED.RSQRTS)), () => s.ret(i64(constantOf(fmt, 1.5))));
    f.if(and(s.isZero(addend), ne(s.sign(addend), sign)), () => s.returnZeroSum());
    s.ret(addend);
  });
}

const F64 = { add: 0xa0, sub: 0xa1, mul: 0xa2, eq: 0x61, ne: 0x62, gt: 0x64 } as const;
const f64op = (name: keyof typeof F64, a: Expr, b: Expr): Expr =>
  fop(name === 'eq' || name === 'ne' || name === 'gt' ? 'i32' : 'f64', F64[name], a, b);

/** Knuth's TwoSum: the rounded sum and its error, which is exact. */
function twoSum(f: FunctionBuilder, a: Expr, b: Expr): [Expr, Expr] {
  const total = f.tmp(f64op('add', a, b));
  const part = f.tmp(f64op('sub', total, a));
  return [total, f.tmp(f64op('add', f64op('sub', a, f64op('sub', total, part)), f64op('sub', b, part)))];
}

/** a + b rounded to odd: where inexact, of the two neighbours the one with an odd significand. */
function oddSum(f: FunctionBuilder, a: Expr, b: Expr): Expr {
  const [total, error] = twoSum(f, a, b);
  const bits = f.tmp(asI64(total));
  const inexactEven = and(f64op('ne', error, f64(0)), eqz(wrap(and(bits, i64(1)))));
  const outwards = eq(f64op('gt', error, f64(0)), f64op('gt', total, f64(0)));
  return f.tmp(asF64(add(bits, select(inexactEven, select(outwards, i64(1), i64(-1)), i64(0)))));
}

/** Dekker's TwoProduct; exact while nothing over- or underflows. */
function twoProduct(f: FunctionBuilder, a: Expr, b: Expr): [Expr, Expr] {
  const split = (e: Expr): [Expr, Expr] => {
    const scaled = f.tmp(f64op('mul', e, f64(2 ** 27 + 1)));
    const hi = f.tmp(f64op('sub', scaled, f64op('sub', scaled, e)));
    return [hi, f.tmp(f64op('sub', e, hi))];
  };
  const [ah, al] = split(a);
  const [bh, bl] = split(b);
  const total = f.tmp(f64op('mul', a, b));
  const cross = f64op(
    'add',
    f64op('add', f64op('sub', f64op('mul', ah, bh), total), f64op('mul', ah, bl)),
    f64op('mul', al, bh),
  );
  return [total, f.tmp(f64op('add', cross, f64op('mul', al, bl)))];
}

/** Returns `bits` if they are a finite number whose exponent is above the least: nothing but IXC can have been raised. */
function returnIfPlain(s: SoftFloat, bits: Expr): void {
  const { f, fmt } = s;
  const k = (v: bigint) => (fmt === SINGLE ? i32(Number(v)) : i64(v));
  const least = 2n << BigInt(fmt.fraction);
  const range = ltU(sub(and(bits, k(fmt.signBit - 1n)), k(least)), k(fmt.infinity - least));
  f.if(range, () => f.ret(bits));
}

/** Single precision: the product is exact in double precision, and rounding to odd makes the second rounding harmless. */
function fastSingle(s: SoftFloat): void {
  const { f } = s;
  const wide = (i: number) => f.tmp(fop('f64', 0xbb, asF32(f.param(i))));
  const total = oddSum(f, f.tmp(f64op('mul', wide(2), wide(3))), wide(1));
  returnIfPlain(s, f.tmp(asI32(fop('f32', 0xb6, total))));
}

/** Double precision: Boldo and Melquiond's emulation, for exponents far from over- and underflow. */
function fastDouble(s: SoftFloat): void {
  const { f } = s;
  const exponent = (i: number) => and(wrap(shrU(f.param(i), i64(52))), i32(0x7ff));
  const near = (i: number) => ltU(sub(exponent(i), i32(1023 - 300)), i32(600));
  f.if(and(and(near(2), near(3)), ltU(exponent(1), i32(1023 + 600))), () => {
    const [a, b, c] = [2, 3, 1].map((i) => f.tmp(asF64(f.param(i)))) as [Expr, Expr, Expr];
    const [uh, ul] = twoProduct(f, a, b);
    const [th, tl] = twoSum(f, c, ul);
    const [vh, vl] = twoSum(f, uh, th);
    returnIfPlain(s, f.tmp(asI64(f64op('add', vh, oddSum(f, tl, vl)))));
  });
}

/** (cpu, addend, a, b, step): addend + a * b with one rounding; `step` is a value of `FUSED`. */
const mulAdd = (fmt: Format): CoreHelper => ({
  name: `fpMulAdd${fmt.letter}`,
  params: [...signature(fmt, 3), 'i32'],
  results: [fmt.t],
  build(f, m) {
    const s = new SoftFloat(f, m, fmt);
    const step = f.param(4);
    f.if(and(load('i32', s.cpu, stateOffset('fpFast')), eqz(step)), () =>
      fmt === SINGLE ? fastSingle(s) : fastDouble(s),
    );
    const [addend, a, b] = s.operands(3) as [Expr, Expr, Expr];
    const sign = f.local('i32');
    f.set(sign, xor(s.sign(a), s.sign(b)));
    special(s, addend, a, b, f.get(sign), step);
    const x = s.normalize(f.tmp(s.abs(a)));
    const y = s.normalize(f.tmp(s.abs(b)));
    const p = multiply128(f, f.get(x.sig), f.get(y.sig));
    const big: Wide = { hi: f.local('i64'), lo: f.local('i64') };
    const small: Wide = { hi: f.local('i64'), lo: f.local('i64') };
    const exp = f.local('i32');
    const halve = eq(step, i32(FUSED.RSQRTS));
    // The product's leading one, at bit 124 or 125, goes to bit 126.
    f.set(big.hi, p.hi);
    f.set(big.lo, p.lo);
    const up = f.tmp(sub(clz(p.hi), i64(1)));
    shiftWideLeft(f, big, up);
    f.set(exp, sub(add(add(f.get(x.exp), f.get(y.exp)), i32(2)), wrap(up)));
    f.if(s.isZero(addend), () => returnWide(s, big, f.get(sign), exp, halve));

    const c = s.normalize(f.tmp(s.abs(addend)));
    f.set(small.hi, f.get(c.sig));
    f.set(small.lo, i64(0));
    const distance = f.local('i32');
    f.set(distance, sub(f.get(exp), f.get(c.exp)));
    const subtract = f.tmp(ne(f.get(sign), s.sign(addend)));
    const swap = or(ltS(f.get(distance), i32(0)), and(eqz(f.get(distance)), ltU(f.get(big.hi), f.get(small.hi))));
    f.if(swap, () => {
      f.set(small.hi, f.get(big.hi));
      f.set(small.lo, f.get(big.lo));
      f.set(big.hi, f.get(c.sig));
      f.set(big.lo, i64(0));
      f.set(exp, f.get(c.exp));
      f.set(distance, sub(i32(0), f.get(distance)));
      f.set(sign, s.sign(addend));
    });
    shiftWide(f, small, f.get(distance));
    f.if(
      subtract,
      () => {
        const borrow = f.tmp(bit(ltU(f.get(big.lo), f.get(small.lo))));
        f.set(big.lo, sub(f.get(big.lo), f.get(small.lo)));
        f.set(big.hi, sub(sub(f.get(big.hi), f.get(small.hi)), borrow));
        f.if(eqz(or(f.get(big.hi), f.get(big.lo))), () => s.returnZeroSum());
      },
      () => {
        f.set(big.lo, add(f.get(big.lo), f.get(small.lo)));
        const carry = bit(ltU(f.get(big.lo), f.get(small.lo)));
        f.set(big.hi, add(add(f.get(big.hi), f.get(small.hi)), carry));
      },
    );
    returnWide(s, big, f.get(sign), exp, halve);
  },
});

export const helpers: readonly CoreHelper[] = ARITHMETIC.map(mulAdd);
