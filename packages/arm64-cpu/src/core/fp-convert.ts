/** Soft-float conversions: between formats, to and from integers, to integral values. */
import {
  add,
  and,
  clz,
  type Expr,
  eq,
  eqz,
  extU,
  geU,
  gtS,
  gtU,
  i32,
  i64,
  leS,
  ltS,
  ne,
  not,
  or,
  select,
  shl,
  shrU,
  sub,
  wrap,
} from '../wasm/expr.ts';
import type { FunctionBuilder } from '../wasm/function-builder.ts';
import {
  ARITHMETIC,
  bit,
  constantOf,
  DOUBLE,
  type Format,
  FPCR_AHP,
  FPCR_DN,
  HALF,
  IOC,
  IXC,
  ROUND,
  SINGLE,
  SoftFloat,
  signature,
} from './fp-format.ts';
import type { CoreHelper, CoreModule } from './helper.ts';

/** FPConvertNaN with the flags and the default of FPConvert: the top of the fraction stays, and the NaN becomes quiet. */
function returnConvertedNaN(s: SoftFloat, to: SoftFloat, a: Expr): void {
  const { f, fmt } = s;
  f.if(eqz(and(a, i64(fmt.quietBit))), () => s.raise(IOC));
  f.if(and(s.fpcr, i32(FPCR_DN)), () => to.ret(i64(to.fmt.defaultNaN)));
  const narrower = fmt.fraction - to.fmt.fraction;
  const fraction = and(a, i64((1n << BigInt(fmt.fraction)) - 1n));
  const moved = narrower > 0 ? shrU(fraction, i64(narrower)) : shl(fraction, i64(-narrower));
  to.ret(or(or(moved, i64(to.fmt.infinity | to.fmt.quietBit)), to.signBits(s.sign(a))));
}

/** FPConvert; with `mode` its rounding mode is that one, else FPCR's. */
const convert = (name: string, from: Format, into: Format, mode?: number): CoreHelper => ({
  name,
  params: signature(from, 1),
  results: [into.t],
  build(f: FunctionBuilder, m: CoreModule) {
    const s = new SoftFloat(f, m, from);
    const to = new SoftFloat(f, m, into);
    const [a] = s.operands(1) as [Expr];
    const alternative = f.tmp(and(s.fpcr, i32(FPCR_AHP)));
    const special = () => {
      if (into === HALF) {
        f.if(alternative, () => {
          s.raise(IOC);
          to.ret(or(to.signBits(s.sign(a)), select(s.isNaN(a), i64(0), i64(HALF.signBit - 1n))));
        });
      }
      f.if(s.isNaN(a), () => returnConvertedNaN(s, to, a));
      to.ret(or(to.signBits(s.sign(a)), i64(into.infinity)));
    };
    const isSpecial = geU(s.abs(a), i64(from.infinity));
    // The alternative half-precision format has neither infinities nor NaNs.
    f.if(from === HALF ? and(isSpecial, eqz(alternative)) : isSpecial, special);
    f.if(s.isZero(a), () => to.ret(to.signBits(s.sign(a))));
    const { exp, sig } = s.normalize(f.tmp(s.abs(a)));
    to.returnRounded(s.sign(a), f.get(exp), f.get(sig), mode === undefined ? s.mode : i32(mode));
  },
});

/** Bits of the last parameter of fpToFixed and of fpFromFixed. */
export const INTEGER = { UNSIGNED: 1, WIDE: 2 } as const;

/** Whether to round up a magnitude of which `rest` is lost (i64 not zero, compared with `half`); `odd` is its lowest bit. */
function roundsUp(rest: Expr, half: Expr, odd: Expr, sign: Expr, mode: Expr): Expr {
  const nearest = or(gtU(rest, half), and(eq(rest, half), or(odd, eq(mode, i32(ROUND.TIEAWAY)))));
  const directed = eq(mode, select(sign, i32(ROUND.NEGINF), i32(ROUND.POSINF)));
  return select(or(eq(mode, i32(ROUND.TIEEVEN)), eq(mode, i32(ROUND.TIEAWAY))), nearest, directed);
}

/** FPToFixed: (cpu, bits, fbits, mode, kind), saturated to 32 or 64 bits; a 32-bit result is in the low half. */
const toFixed = (fmt: Format): CoreHelper => ({
  name: `fpToFixed${fmt.letter}`,
  params: [...signature(fmt, 1), 'i32', 'i32', 'i32'],
  results: ['i64'],
  build(f, m) {
    const s = new SoftFloat(f, m, fmt);
    const [a] = s.operands(1) as [Expr];
    const [fbits, mode, kind] = [f.param(2), f.param(3), f.param(4)];
    f.if(s.isNaN(a), () => {
      s.raise(IOC);
      f.ret(i64(0));
    });
    f.if(s.isZero(a), () => f.ret(i64(0)));
    const { exp, sig } = s.normalize(f.tmp(s.abs(a)));
    const sign = f.tmp(s.sign(a));
    const unsigned = f.tmp(and(kind, i32(INTEGER.UNSIGNED)));
    const width = f.tmp(select(and(kind, i32(INTEGER.WIDE)), i64(64), i64(32)));
    f.set(exp, add(f.get(exp), fbits));
    const integer = f.local('i64');
    const rest = f.local('i64');
    f.set(rest, i64(0));
    // Places to the right of the point among the significand's 63.
    const places = f.tmp(sub(i32(62), f.get(exp)));
    f.if(
      leS(places, i32(0)),
      () => f.set(integer, shl(f.get(sig), bit(ltS(places, i32(0))))),
      () => {
        f.set(integer, select(gtS(places, i32(63)), i64(0), shrU(f.get(sig), extU(places))));
        // Left-aligned: one half is bit 63. Below one quarter any value will do.
        f.set(rest, select(gtS(places, i32(63)), i64(1), shl(f.get(sig), extU(sub(i32(64), places)))));
      },
    );
    f.if(ne(f.get(rest), i64(0)), () => {
      const up = roundsUp(f.get(rest), i64(1n << 63n), wrap(and(f.get(integer), i64(1))), sign, mode);
      f.set(integer, add(f.get(integer), bit(up)));
    });
    const ones = shrU(i64(-1), sub(i64(64), width));
    const maxSigned = add(shrU(ones, i64(1)), bit(sign));
    const limit = f.tmp(select(unsigned, select(sign, i64(0), ones), maxSigned));
    const signed = (e: Expr) => select(sign, sub(i64(0), e), e);
    f.if(or(gtU(f.get(integer), limit), gtS(f.get(exp), i32(63))), () => {
      s.raise(IOC);
      f.ret(signed(limit));
    });
    f.if(ne(f.get(rest), i64(0)), () => s.raise(IXC));
    f.ret(signed(f.get(integer)));
  },
});

/** FixedToFP: (cpu, integer, fbits, kind); a signed 32-bit integer comes sign-extended. */
const fromFixed = (fmt: Format): CoreHelper => ({
  name: `fpFromFixed${fmt.letter}`,
  params: ['i32', 'i64', 'i32', 'i32'],
  results: [fmt.t],
  build(f, m) {
    const s = new SoftFloat(f, m, fmt);
    const value = f.param(1);
    f.if(eqz(value), () => s.ret(i64(0)));
    const sign = f.tmp(and(ltS(value, i64(0)), eqz(and(f.param(3), i32(INTEGER.UNSIGNED)))));
    const magnitude = f.tmp(select(sign, sub(i64(0), value), value));
    const zeros = f.tmp(clz(magnitude));
    const sig = select(
      eqz(zeros),
      or(shrU(magnitude, i64(1)), and(magnitude, i64(1))),
      shl(magnitude, sub(zeros, i64(1))),
    );
    s.returnRounded(sign, sub(sub(i32(63), wrap(zeros)), f.param(2)), sig);
  },
});

/** FPRoundInt: (cpu, bits, mode, exact); inexact raises its flag only if `exact`. */
const roundInt = (fmt: Format): CoreHelper => ({
  name: `fpRoundInt${fmt.letter}`,
  params: [...signature(fmt, 1), 'i32', 'i32'],
  results: [fmt.t],
  build(f, m) {
    const s = new SoftFloat(f, m, fmt);
    const [a] = s.operands(1) as [Expr];
    const [mode, exact] = [f.param(2), f.param(3)];
    s.returnNaN(a);
    const abs = f.tmp(s.abs(a));
    const exp = f.tmp(sub(wrap(shrU(abs, i64(fmt.fraction))), i32(fmt.bias)));
    f.if(or(eqz(abs), gtS(exp, i32(fmt.fraction - 1))), () => s.ret(a));
    const sign = f.tmp(s.sign(a));
    f.if(ltS(exp, i32(0)), () => {
      f.if(exact, () => s.raise(IXC));
      const up = roundsUp(abs, i64(constantOf(fmt, 0.5)), i32(0), sign, mode);
      s.ret(or(select(up, i64(constantOf(fmt, 1)), i64(0)), s.signBits(sign)));
    });
    const unit = f.tmp(shl(i64(1), extU(sub(i32(fmt.fraction), exp))));
    const rest = f.tmp(and(abs, sub(unit, i64(1))));
    f.if(eqz(rest), () => s.ret(a));
    f.if(exact, () => s.raise(IXC));
    // Where the unit is the leading one, the bit at its place is the exponent's lowest, which is set as well.
    const odd = ne(and(abs, unit), i64(0));
    const up = roundsUp(rest, shrU(unit, i64(1)), odd, sign, mode);
    s.ret(add(and(a, not(sub(unit, i64(1)))), select(up, unit, i64(0))));
  },
});

export const helpers: readonly CoreHelper[] = [
  convert('fpConvertHS', HALF, SINGLE),
  convert('fpConvertHD', HALF, DOUBLE),
  convert('fpConvertSH', SINGLE, HALF),
  convert('fpConvertSD', SINGLE, DOUBLE),
  convert('fpConvertDH', DOUBLE, HALF),
  convert('fpConvertDS', DOUBLE, SINGLE),
  convert('fpConvertOddDS', DOUBLE, SINGLE, ROUND.ODD),
  ...ARITHMETIC.flatMap((fmt) => [toFixed(fmt), fromFixed(fmt), roundInt(fmt)]),
];
