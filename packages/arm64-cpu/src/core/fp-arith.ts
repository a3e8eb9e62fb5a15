/** Soft-float addition, subtraction, multiplication, division, square root and the steps between them. */
import {
  add,
  and,
  asI64,
  clz,
  type Expr,
  eq,
  eqz,
  extU,
  fop,
  geU,
  i32,
  i64,
  ltS,
  ltU,
  mul,
  ne,
  or,
  select,
  shl,
  shrS,
  shrU,
  sub,
  wrap,
  xor,
} from '../wasm/expr.ts';
import {
  ARITHMETIC,
  bit,
  constantOf,
  DZC,
  type Format,
  multiply128,
  SoftFloat,
  shiftRightSticky,
  signature,
} from './fp-format.ts';
import type { CoreHelper } from './helper.ts';

const helper = (name: string, fmt: Format, count: number, body: (s: SoftFloat) => void): CoreHelper => ({
  name: name + fmt.letter,
  params: signature(fmt, count),
  results: [fmt.t],
  build: (f, m) => body(new SoftFloat(f, m, fmt)),
});

/** FPAdd, FPSub. */
const sum = (negate: boolean) => (s: SoftFloat) => {
  const { f, fmt } = s;
  const [a, second] = s.operands(2) as [Expr, Expr];
  s.returnNaN(a, second);
  const b = negate ? f.tmp(xor(second, i64(fmt.signBit))) : second;
  f.if(or(s.isInf(a), s.isInf(b)), () => {
    f.if(and(s.isInf(a), s.isInf(b)), () => f.if(ne(a, b), () => s.returnInvalid()));
    s.ret(select(s.isInf(a), a, b));
  });
  f.if(or(s.isZero(a), s.isZero(b)), () => {
    f.if(and(s.isZero(a), s.isZero(b)), () => f.if(ne(a, b), () => s.returnZeroSum()));
    s.ret(select(s.isZero(a), b, a));
  });
  // The greater magnitude comes first.
  const swap = f.tmp(ltU(s.abs(a), s.abs(b)));
  const big = f.tmp(select(swap, b, a));
  const small = f.tmp(select(swap, a, b));
  const { exp, sig } = s.normalize(f.tmp(s.abs(big)));
  const other = s.normalize(f.tmp(s.abs(small)));
  shiftRightSticky(f, other.sig, f.tmp(sub(f.get(exp), f.get(other.exp))));
  f.if(
    eq(s.sign(big), s.sign(small)),
    () => {
      f.set(sig, add(f.get(sig), f.get(other.sig)));
      f.if(ltS(f.get(sig), i64(0)), () => {
        f.set(sig, or(shrU(f.get(sig), i64(1)), and(f.get(sig), i64(1))));
        f.set(exp, add(f.get(exp), i32(1)));
      });
    },
    () => {
      f.set(sig, sub(f.get(sig), f.get(other.sig)));
      f.if(eqz(f.get(sig)), () => s.returnZeroSum());
      const shift = f.tmp(sub(clz(f.get(sig)), i64(1)));
      f.set(sig, shl(f.get(sig), shift));
      f.set(exp, sub(f.get(exp), wrap(shift)));
    },
  );
  s.returnRounded(s.sign(big), f.get(exp), f.get(sig));
};

/** FPMul; with `extended` FPMulX, for which zero times infinity is 2. */
const product = (extended: boolean) => (s: SoftFloat) => {
  const { f, fmt } = s;
  const [a, b] = s.operands(2) as [Expr, Expr];
  s.returnNaN(a, b);
  const sign = f.tmp(xor(s.sign(a), s.sign(b)));
  f.if(or(s.isInf(a), s.isInf(b)), () => {
    f.if(or(s.isZero(a), s.isZero(b)), () => {
      if (extended) s.ret(or(s.signBits(sign), i64(constantOf(fmt, 2))));
      else s.returnInvalid();
    });
    s.ret(or(s.signBits(sign), i64(fmt.infinity)));
  });
  f.if(or(s.isZero(a), s.isZero(b)), () => s.ret(s.signBits(sign)));
  const x = s.normalize(f.tmp(s.abs(a)));
  const y = s.normalize(f.tmp(s.abs(b)));
  const { hi, lo } = multiply128(f, f.get(x.sig), f.get(y.sig));
  // The product is in [2^124, 2^126): its high half has its leading one at bit 60 or 61.
  const shift = f.tmp(sub(clz(hi), i64(1)));
  const exp = sub(add(add(f.get(x.exp), f.get(y.exp)), i32(2)), wrap(shift));
  s.returnRounded(sign, exp, shl(or(hi, bit(ne(lo, i64(0)))), shift));
};

/** The fraction of a double in [1, 2) times a power of two, with its leading one: a 53-bit integer. */
const significand53 = (e: Expr): Expr => or(and(asI64(e), i64((1n << 52n) - 1n)), i64(1n << 52n));
const toF64 = (e: Expr): Expr => fop('f64', 0xb9, e);
/** Significand of a result from its nearest 53-bit integer and the sign of what that integer lacks. */
const withResidue = (nearest: Expr, residue: Expr): Expr =>
  add(shl(nearest, i64(10)), sub(bit(ltS(i64(0), residue)), bit(ltS(residue, i64(0)))));

/** FPDiv. */
const quotient = (s: SoftFloat) => {
  const { f, fmt } = s;
  const [a, b] = s.operands(2) as [Expr, Expr];
  s.returnNaN(a, b);
  const sign = f.tmp(xor(s.sign(a), s.sign(b)));
  f.if(or(and(s.isInf(a), s.isInf(b)), and(s.isZero(a), s.isZero(b))), () => s.returnInvalid());
  f.if(or(s.isInf(a), s.isZero(b)), () => {
    f.if(eqz(s.isInf(a)), () => s.raise(DZC));
    s.ret(or(s.signBits(sign), i64(fmt.infinity)));
  });
  f.if(or(s.isZero(a), s.isInf(b)), () => s.ret(s.signBits(sign)));
  const x = s.normalize(f.tmp(s.abs(a)));
  const y = s.normalize(f.tmp(s.abs(b)));
  const n = f.local('i64');
  f.set(n, shrU(f.get(x.sig), i64(10)));
  const d = f.tmp(shrU(f.get(y.sig), i64(10)));
  f.set(x.exp, sub(f.get(x.exp), f.get(y.exp)));
  f.if(ltU(f.get(n), d), () => {
    f.set(n, shl(f.get(n), i64(1)));
    f.set(x.exp, sub(f.get(x.exp), i32(1)));
  });
  // The native quotient of two such integers is the nearest 53-bit one, in [1, 2). The sign of the exact remainder,
  // which fits 64 bits, tells on which side of it the true quotient lies.
  const q = f.tmp(significand53(fop('f64', 0xa3, toF64(f.get(n)), toF64(d))));
  const residue = f.tmp(sub(shl(f.get(n), i64(52)), mul(q, d)));
  s.returnRounded(sign, f.get(x.exp), withResidue(q, residue));
};

/** FPSqrt. */
const squareRoot = (s: SoftFloat) => {
  const { f } = s;
  const [a] = s.operands(1) as [Expr];
  s.returnNaN(a);
  f.if(s.isZero(a), () => s.ret(a));
  f.if(s.sign(a), () => s.returnInvalid());
  f.if(s.isInf(a), () => s.ret(a));
  const { exp, sig } = s.normalize(a);
  // An even exponent and a significand of 53 or 54 bits, whose root is in [2^26, 2^27).
  const odd = f.tmp(and(f.get(exp), i32(1)));
  const n = f.tmp(shl(shrU(f.get(sig), i64(10)), extU(odd)));
  const root = f.tmp(significand53(fop('f64', 0x9f, toF64(n))));
  const residue = f.tmp(sub(shl(n, i64(52)), mul(root, root)));
  s.returnRounded(i32(0), shrS(f.get(exp), i32(1)), withResidue(root, residue));
};

/** True if a < b, neither a NaN. */
const less = (s: SoftFloat, a: Expr, b: Expr): Expr => {
  const magnitudes = xor(ltU(s.abs(a), s.abs(b)), s.sign(a));
  return and(select(eq(s.sign(a), s.sign(b)), magnitudes, s.sign(a)), and(ne(a, b), eqz(eqz(or(s.abs(a), s.abs(b))))));
};

/** FPCompare, giving NZCV: less 8, equal 6, greater 2, unordered 3. A quiet NaN is invalid if `signalling`. */
const compare = (fmt: Format): CoreHelper => ({
  name: `fpCompare${fmt.letter}`,
  params: [...signature(fmt, 2), 'i32'],
  results: ['i32'],
  build(f, m) {
    const s = new SoftFloat(f, m, fmt);
    const [a, b] = s.operands(2) as [Expr, Expr];
    f.if(or(s.isNaN(a), s.isNaN(b)), () => {
      const isSignalling = (e: Expr) => and(s.isNaN(e), eqz(and(e, i64(fmt.quietBit))));
      f.if(or(f.param(3), or(isSignalling(a), isSignalling(b))), () => s.raise(1));
      f.ret(i32(3));
    });
    f.if(or(eq(a, b), eqz(or(s.abs(a), s.abs(b)))), () => f.ret(i32(6)));
    f.ret(select(less(s, a, b), i32(8), i32(2)));
  },
});

/** FPMax, FPMin, FPMaxNum, FPMinNum: parameter 3 has bit 0 for the minimum, bit 1 for the numbers' forms. */
const minMax = (fmt: Format): CoreHelper => ({
  name: `fpMinMax${fmt.letter}`,
  params: [...signature(fmt, 2), 'i32'],
  results: [fmt.t],
  build(f, m) {
    const s = new SoftFloat(f, m, fmt);
    const operands = s.operands(2) as [Expr, Expr];
    const a = f.local('i64');
    const b = f.local('i64');
    f.set(a, operands[0]);
    f.set(b, operands[1]);
    const minimum = and(f.param(3), i32(1));
    f.if(and(f.param(3), i32(2)), () => {
      // A lone quiet NaN counts as the infinity that loses.
      const isQuiet = (e: Expr) => geU(s.abs(e), i64(fmt.infinity | fmt.quietBit));
      const loser = or(i64(fmt.infinity), s.signBits(eqz(minimum)));
      f.if(ne(isQuiet(f.get(a)), isQuiet(f.get(b))), () =>
        f.if(
          isQuiet(f.get(a)),
          () => f.set(a, loser),
          () => f.set(b, loser),
        ),
      );
    });
    s.returnNaN(f.get(a), f.get(b));
    f.if(eqz(or(s.abs(f.get(a)), s.abs(f.get(b)))), () =>
      s.ret(select(minimum, or(f.get(a), f.get(b)), and(f.get(a), f.get(b)))),
    );
    s.ret(select(eq(less(s, f.get(a), f.get(b)), minimum), f.get(a), f.get(b)));
  },
});

export const helpers: readonly CoreHelper[] = ARITHMETIC.flatMap((fmt) => [
  helper('fpAdd', fmt, 2, sum(false)),
  helper('fpSub', fmt, 2, sum(true)),
  helper('fpMul', fmt, 2, product(false)),
  helper('fpMulX', fmt, 2, product(true)),
  helper('fpDiv', fmt, 2, quotient),
  helper('fpSqrt', fmt, 1, squareRoot),
  compare(fmt),
  minMax(fmt),
]);
