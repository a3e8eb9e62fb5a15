/** What all soft-float helpers stand on: flags, flushing, NaNs and FPRoundBase (Arm ARM shared pseudocode). */
import { stateOffset } from '../state.ts';
import {
  add,
  and,
  eq,
  eqz,
  extU,
  geU,
  gtS,
  i32,
  i64,
  leS,
  load,
  ltU,
  ne,
  or,
  select,
  shl,
  shrU,
  sub,
} from '../wasm/expr.ts';
import type { FunctionBuilder } from '../wasm/function-builder.ts';
import {
  ARITHMETIC,
  bit,
  DOUBLE,
  type Format,
  FPCR_AHP,
  FPCR_DN,
  FPCR_FZ,
  HALF,
  IDC,
  IOC,
  IXC,
  OFC,
  ROUND,
  SINGLE,
  SoftFloat,
  shiftRightSticky,
  UFC,
} from './fp-format.ts';
import type { CoreHelper, CoreModule } from './helper.ts';

/** FPCR bits that native arithmetic does not know: AHP, DN, FZ, RMode. */
const FPCR_MODES = 0x07c00000;

const FPSR = stateOffset('FPSR');

const flagHelpers: CoreHelper[] = [
  {
    // Native arithmetic raises no flags. It is used where it can raise none but IXC, which is set already.
    name: 'fpRecompute',
    params: ['i32'],
    results: [],
    build(f) {
      const plain = eqz(and(load('i32', f.param(0), stateOffset('FPCR')), i32(FPCR_MODES)));
      const inexact = ne(and(load('i32', f.param(0), FPSR), i32(IXC)), i32(0));
      f.store('i32', f.param(0), and(plain, inexact), stateOffset('fpFast'));
    },
  },
  {
    name: 'fpSetFlags',
    params: ['i32', 'i32'],
    results: [],
    build(f, m) {
      f.store('i32', f.param(0), or(load('i32', f.param(0), FPSR), f.param(1)), FPSR);
      f.callVoid(m.fn('fpRecompute'), f.param(0));
    },
  },
];

/** Under FPCR.FZ: a denormal operand becomes a zero of its sign, and IDC is set. */
const flush = (fmt: Format): CoreHelper => ({
  name: `fpFlush${fmt.letter}`,
  params: ['i32', 'i64'],
  results: ['i64'],
  build(f, m) {
    const s = new SoftFloat(f, m, fmt);
    const a = f.param(1);
    // Zero wraps around and is no denormal.
    f.if(ltU(sub(s.abs(a), i64(1)), i64((1n << BigInt(fmt.fraction)) - 1n)), () => {
      s.raise(IDC);
      f.ret(and(a, i64(fmt.signBit)));
    });
    f.ret(a);
  },
});

/** FPProcessNaNs of three operands of which one is a NaN: the first signalling one, else the first quiet one. */
const processNaNs = (fmt: Format): CoreHelper => ({
  name: `fpProcessNaNs${fmt.letter}`,
  params: ['i32', 'i64', 'i64', 'i64'],
  results: ['i64'],
  build(f, m) {
    const s = new SoftFloat(f, m, fmt);
    const isDefault = f.tmp(and(s.fpcr, i32(FPCR_DN)));
    const answer = (a: ReturnType<typeof f.param>) =>
      f.ret(select(isDefault, i64(fmt.defaultNaN), or(a, i64(fmt.quietBit))));
    for (const a of [f.param(1), f.param(2), f.param(3)]) {
      f.if(and(s.isNaN(a), eqz(and(a, i64(fmt.quietBit)))), () => {
        s.raise(IOC);
        answer(a);
      });
    }
    f.if(s.isNaN(f.param(1)), () => answer(f.param(1)));
    f.if(s.isNaN(f.param(2)), () => answer(f.param(2)));
    answer(f.param(3));
  },
});

/** A magnitude above the format's range: infinity or the largest finite number, by rounding mode. */
function overflow(f: FunctionBuilder, s: SoftFloat): void {
  const { fmt } = s;
  const [sign, mode] = [f.param(1), f.param(4)];
  if (fmt === HALF) {
    f.if(and(s.fpcr, i32(FPCR_AHP)), () => {
      s.raise(IOC);
      f.ret(or(i64(fmt.signBit - 1n), s.signBits(sign)));
    });
  }
  s.raise(OFC | IXC);
  const toInfinity = or(eqz(mode), eq(mode, select(sign, i32(ROUND.NEGINF), i32(ROUND.POSINF))));
  f.ret(or(sub(i64(fmt.infinity), bit(eqz(toInfinity))), s.signBits(sign)));
}

/** FPRoundBase: (cpu, sign, exp, sig, mode) as `SoftFloat.returnRounded` describes; the result is an i64 in every format. */
const round = (fmt: Format): CoreHelper => ({
  name: `fpRound${fmt.letter}`,
  params: ['i32', 'i32', 'i32', 'i64', 'i32'],
  results: ['i64'],
  build(f: FunctionBuilder, m: CoreModule) {
    const s = new SoftFloat(f, m, fmt);
    const sign = f.param(1);
    const mode = f.param(4);
    const drop = 62 - fmt.fraction;
    const half = 1n << BigInt(drop - 1);
    const exp = f.local('i32');
    const sig = f.params[3]!;
    const tiny = f.local('i32');
    f.set(exp, add(f.param(2), i32(fmt.bias)));
    f.set(tiny, leS(f.get(exp), i32(0)));
    f.if(f.get(tiny), () => {
      if (fmt !== HALF) {
        f.if(and(s.fpcr, i32(FPCR_FZ)), () => {
          s.raise(UFC);
          f.ret(s.signBits(sign));
        });
      }
      shiftRightSticky(f, sig, f.tmp(sub(i32(1), f.get(exp))));
      f.set(exp, i32(1));
    });
    const rest = f.tmp(and(f.get(sig), i64((1n << BigInt(drop)) - 1n)));
    const bits = f.local('i64');
    f.set(bits, shrU(f.get(sig), i64(drop)));
    f.if(ne(rest, i64(0)), () => {
      f.block((done) => {
        f.block((odd) => {
          f.block((directed) => {
            f.block((even) => f.brTable(mode, [even, directed, directed, done, done], odd));
            f.set(bits, shrU(add(f.get(sig), i64(half)), i64(drop)));
            f.if(eq(rest, i64(half)), () => f.set(bits, and(f.get(bits), i64(-2))));
            f.br(done);
          });
          f.set(bits, add(f.get(bits), bit(eq(mode, select(sign, i32(ROUND.NEGINF), i32(ROUND.POSINF))))));
          f.br(done);
        });
        f.set(bits, or(f.get(bits), i64(1)));
      });
    });
    // The significand's leading one carries into the exponent; a rounding carry does so as well.
    f.set(exp, select(gtS(f.get(exp), i32(fmt.maxExponent + 1)), i32(fmt.maxExponent + 1), f.get(exp)));
    f.set(bits, add(f.get(bits), shl(extU(sub(f.get(exp), i32(1))), i64(fmt.fraction))));
    const limit =
      fmt === HALF ? select(and(s.fpcr, i32(FPCR_AHP)), i64(fmt.signBit), i64(fmt.infinity)) : i64(fmt.infinity);
    f.if(geU(f.get(bits), limit), () => overflow(f, s));
    f.if(ne(rest, i64(0)), () => s.raise(or(i32(IXC), select(f.get(tiny), i32(UFC), i32(0)))));
    f.ret(or(f.get(bits), s.signBits(sign)));
  },
});

export const helpers: readonly CoreHelper[] = [
  ...flagHelpers,
  ...ARITHMETIC.map(flush),
  ...[HALF, SINGLE, DOUBLE].flatMap((fmt) => [processNaNs(fmt), round(fmt)]),
];
