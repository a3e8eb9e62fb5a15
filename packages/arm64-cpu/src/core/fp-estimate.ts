/** Reciprocal and reciprocal square root estimates (Arm ARM RecipEstimate, RecipSqrtEstimate) and FRECPX. */
import {
  add,
  and,
  divU,
  type Expr,
  eq,
  eqz,
  extU,
  f64,
  fc,
  fop,
  geU,
  gtS,
  i32,
  i64,
  ltU,
  mul,
  or,
  select,
  shl,
  shrS,
  shrU,
  sub,
  wrap,
} from '../wasm/expr.ts';
import { ARITHMETIC, bit, DZC, type Format, FPCR_FZ, IXC, OFC, ROUND, SoftFloat, signature, UFC } from './fp-format.ts';
import type { CoreHelper } from './helper.ts';

const integerEstimates: CoreHelper[] = [
  {
    // RecipEstimate: 256 … 511, an operand in [0.5, 1), to 256 … 511, a result in [1, 2).
    name: 'fpRecipEstimate',
    params: ['i32'],
    results: ['i32'],
    build(f) {
      const a = add(mul(f.param(0), i32(2)), i32(1));
      f.ret(shrU(add(divU(i32(1 << 19), a), i32(1)), i32(1)));
    },
  },
  {
    // RecipSqrtEstimate: 128 … 511, an operand in [0.25, 1), to 256 … 511. The architecture searches the least c
    // with a * c * c >= 2^28; the root is never an integer and double precision tells it from its neighbours.
    name: 'fpRecipSqrtEstimate',
    params: ['i32'],
    results: ['i32'],
    build(f) {
      const n = f.param(0);
      const a = select(ltU(n, i32(256)), add(mul(n, i32(2)), i32(1)), mul(or(n, i32(1)), i32(2)));
      const root = fop('f64', 0x9f, fop('f64', 0xa3, f64(2 ** 28), fop('f64', 0xb8, a)));
      f.ret(shrU(fc('i32', 3, fop('f64', 0x9b, root)), i32(1)));
    },
  },
  {
    name: 'fpUnsignedRecipEstimate',
    params: ['i32'],
    results: ['i32'],
    build(f, m) {
      f.if(eqz(shrU(f.param(0), i32(31))), () => f.ret(i32(-1)));
      f.ret(shl(f.call(m.fn('fpRecipEstimate'), shrU(f.param(0), i32(23))), i32(23)));
    },
  },
  {
    name: 'fpUnsignedRSqrtEstimate',
    params: ['i32'],
    results: ['i32'],
    build(f, m) {
      f.if(eqz(shrU(f.param(0), i32(30))), () => f.ret(i32(-1)));
      f.ret(shl(f.call(m.fn('fpRecipSqrtEstimate'), shrU(f.param(0), i32(23))), i32(23)));
    },
  },
];

const helper = (name: string, fmt: Format, body: (s: SoftFloat) => void): CoreHelper => ({
  name: name + fmt.letter,
  params: signature(fmt, 1),
  results: [fmt.t],
  build: (f, m) => body(new SoftFloat(f, m, fmt)),
});

/** FPRecipEstimate. */
const recipEstimate = (s: SoftFloat) => {
  const { f, fmt } = s;
  const [a] = s.operands(1) as [Expr];
  s.returnNaN(a);
  const abs = f.tmp(s.abs(a));
  const sign = f.tmp(s.sign(a));
  f.if(s.isInf(a), () => s.ret(s.signBits(sign)));
  f.if(eqz(abs), () => {
    s.raise(DZC);
    s.ret(or(s.signBits(sign), i64(fmt.infinity)));
  });
  // Below 2^-(bias + 1) the reciprocal overflows.
  f.if(ltU(abs, i64(1n << BigInt(fmt.fraction - 2))), () => {
    s.raise(OFC | IXC);
    const toInfinity = or(eqz(s.mode), eq(s.mode, select(sign, i32(ROUND.NEGINF), i32(ROUND.POSINF))));
    s.ret(or(sub(i64(fmt.infinity), bit(eqz(toInfinity))), s.signBits(sign)));
  });
  const denormalResult = geU(abs, i64(BigInt(2 * fmt.bias - 1) << BigInt(fmt.fraction)));
  f.if(and(denormalResult, eqz(eqz(and(s.fpcr, i32(FPCR_FZ))))), () => {
    s.raise(UFC);
    s.ret(s.signBits(sign));
  });
  const { exp, sig } = s.normalize(abs);
  const estimate = f.call(s.m.fn('fpRecipEstimate'), wrap(shrU(f.get(sig), i64(54))));
  const fraction = f.tmp(shl(extU(estimate), i64(fmt.fraction - 8)));
  const resultExp = f.tmp(sub(i32(fmt.bias - 1), f.get(exp)));
  f.if(gtS(resultExp, i32(0)), () => {
    const magnitude = add(fraction, shl(extU(sub(resultExp, i32(1))), i64(fmt.fraction)));
    s.ret(or(magnitude, s.signBits(sign)));
  });
  s.ret(or(shrU(fraction, extU(sub(i32(1), resultExp))), s.signBits(sign)));
};

/** FPRSqrtEstimate. */
const rsqrtEstimate = (s: SoftFloat) => {
  const { f, fmt } = s;
  const [a] = s.operands(1) as [Expr];
  s.returnNaN(a);
  f.if(s.isZero(a), () => {
    s.raise(DZC);
    s.ret(or(a, i64(fmt.infinity)));
  });
  f.if(s.sign(a), () => s.returnInvalid());
  f.if(s.isInf(a), () => s.ret(i64(0)));
  const { exp, sig } = s.normalize(a);
  // [0.25, 0.5) for an even exponent, [0.5, 1) for an odd one.
  const places = sub(i64(55), extU(and(f.get(exp), i32(1))));
  const estimate = f.call(s.m.fn('fpRecipSqrtEstimate'), wrap(shrU(f.get(sig), places)));
  const fraction = and(shl(extU(estimate), i64(fmt.fraction - 8)), i64((1n << BigInt(fmt.fraction)) - 1n));
  const resultExp = shrS(sub(i32(2 * fmt.bias - 1), f.get(exp)), i32(1));
  s.ret(or(fraction, shl(extU(resultExp), i64(fmt.fraction))));
};

/** FPRecpX: the exponent's complement, the fraction zero. */
const recipExponent = (s: SoftFloat) => {
  const { fmt } = s;
  const [a] = s.operands(1) as [Expr];
  s.returnNaN(a);
  const exponent = and(a, i64(fmt.infinity));
  const largest = BigInt(fmt.maxExponent - 1) << BigInt(fmt.fraction);
  const result = select(eqz(exponent), i64(largest), sub(i64(fmt.infinity), exponent));
  s.ret(or(result, and(a, i64(fmt.signBit))));
};

export const helpers: readonly CoreHelper[] = [
  ...integerEstimates,
  ...ARITHMETIC.flatMap((fmt) => [
    helper('fpRecipEstimate', fmt, recipEstimate),
    helper('fpRSqrtEstimate', fmt, rsqrtEstimate),
    helper('fpRecpX', fmt, recipExponent),
  ]),
];
