import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { V_OFFSET } from '../src/state.ts';
import { RAM_BASE, TestBoard } from './board.ts';
import {
  type Binary,
  DOUBLE,
  minus,
  over,
  plus,
  type Rational,
  rationalOf,
  root,
  round,
  SINGLE,
  times,
} from './fp-reference.ts';

const MSR_FPCR_X0 = 0xd51b4400;
const MSR_FPSR_X1 = 0xd51b4421;
const HVC = 0xd4000002;
const IXC = 16;

interface Outcome {
  readonly low: bigint;
  readonly high: bigint;
  readonly x2: bigint;
  readonly fpsr: number;
}

/** Executes `word` at EL1 between writes of FPCR and FPSR and an exit. */
class Runner {
  readonly #board = new TestBoard();

  constructor(word: number) {
    this.#board.write(RAM_BASE, [MSR_FPCR_X0, MSR_FPSR_X1, word, HVC]);
  }

  /** `v` are V0 and following as 64-bit halves, low first; gives V0, X2 and FPSR. */
  run(o: { fpcr?: number; fpsr: number; v: readonly (readonly [bigint, bigint])[] }): Outcome {
    const b = this.#board;
    b.set('x0', BigInt(o.fpcr ?? 0));
    b.set('x1', BigInt(o.fpsr));
    b.set('x2', 0n);
    o.v.forEach(([low, high], i) => {
      b.view.setBigUint64(b.vcpu + V_OFFSET + 16 * i, low, true);
      b.view.setBigUint64(b.vcpu + V_OFFSET + 16 * i + 8, high, true);
    });
    b.set('pc', BigInt(RAM_BASE));
    b.set32('exitRequest', 0);
    expect(b.engine.run(b.vcpu, 100)).toBe('request');
    const half = (at: number) => b.view.getBigUint64(b.vcpu + V_OFFSET + at, true);
    return { low: half(0), high: half(8), x2: b.get('x2'), fpsr: Number(b.get('FPSR')) };
  }
}

/** Finite numbers other than zero, dense where rounding, overflow, underflow and cancellation have their edges. */
function finite(fmt: Binary): fc.Arbitrary<bigint> {
  const top = 2 * fmt.bias;
  const fraction = BigInt(fmt.fraction);
  const all = (1n << fraction) - 1n;
  const exponent = fc.oneof(
    fc.integer({ min: fmt.bias - 3, max: fmt.bias + 3 }),
    fc.integer({ min: fmt.bias - fmt.fraction - 3, max: fmt.bias + fmt.fraction + 3 }),
    fc.integer({ min: 0, max: 3 }),
    fc.integer({ min: top - 3, max: top }),
    fc.integer({ min: 0, max: top }),
  );
  const low = fc.oneof(
    fc.bigInt({ min: 0n, max: all }),
    fc.constantFrom(0n, 1n, 2n, all, all - 1n, 1n << (fraction - 1n), (1n << (fraction - 1n)) + 1n),
    fc.bigInt({ min: 0n, max: 7n }).map((n) => n << (fraction - 3n)),
  );
  return fc
    .tuple(fc.bigInt({ min: 0n, max: 1n }), exponent, low)
    .map(([s, e, f]) => (s << BigInt(fmt.bits - 1)) | (BigInt(e) << fraction) | f)
    .filter((bits) => (bits & ((1n << BigInt(fmt.bits - 1)) - 1n)) !== 0n);
}

interface Operation {
  readonly name: string;
  /** Encoding with Rd = V0, Rn = V1, Rm = V2, Ra = V3, single precision. */
  readonly word: number;
  readonly exact: (a: Rational, b: Rational, c: Rational) => Rational;
}
const OPERATIONS: readonly Operation[] = [
  { name: 'FADD', word: 0x1e222820, exact: plus },
  { name: 'FSUB', word: 0x1e223820, exact: (a, b) => plus(a, minus(b)) },
  { name: 'FMUL', word: 0x1e220820, exact: times },
  { name: 'FNMUL', word: 0x1e228820, exact: (a, b) => minus(times(a, b)) },
  { name: 'FDIV', word: 0x1e221820, exact: over },
  { name: 'FMADD', word: 0x1f020c20, exact: (a, b, c) => plus(c, times(a, b)) },
  { name: 'FNMSUB', word: 0x1f228c20, exact: (a, b, c) => plus(minus(c), times(a, b)) },
];
const DOUBLE_BIT = 0x0040_0000;
const FORMATS = [
  ['single', SINGLE, 0],
  ['double', DOUBLE, DOUBLE_BIT],
] as const;

/** FPCR of a rounding mode, FPSR before (IXC set: native arithmetic may be used). */
const modes = fc.record({ mode: fc.constantFrom(0, 0, 1, 2, 3), fpsr: fc.constantFrom(0, IXC) });

describe('results are the exact ones rounded once, and flags follow', () => {
  for (const [precision, fmt, bit] of FORMATS) {
    for (const { name, word, exact } of OPERATIONS) {
      test(`${name}, ${precision} precision`, () => {
        const runner = new Runner((word | bit) >>> 0);
        fc.assert(
          fc.property(finite(fmt), finite(fmt), finite(fmt), modes, (a, b, c, { mode, fpsr }) => {
            const value = exact(rationalOf(fmt, a), rationalOf(fmt, b), rationalOf(fmt, c));
            fc.pre(value.numerator !== 0n);
            // FNMUL negates what FPMul gave.
            const want = name === 'FNMUL' ? negated(fmt, round(fmt, mode, minus(value))) : round(fmt, mode, value);
            const got = runner.run({ fpcr: mode << 22, fpsr, v: [0n, a, b, c].map((e) => [e, 0n]) });
            expect(got).toEqual({ low: want.bits, high: 0n, x2: 0n, fpsr: want.flags | fpsr });
          }),
          { numRuns: 3000, seed: 1 },
        );
      });
    }
    test(`FSQRT, ${precision} precision`, () => {
      const runner = new Runner((0x1e21c020 | bit) >>> 0);
      fc.assert(
        fc.property(finite(fmt), modes, (bits, { mode, fpsr }) => {
          const a = bits & ((1n << BigInt(fmt.bits - 1)) - 1n);
          const want = round(fmt, mode, root(rationalOf(fmt, a)));
          const got = runner.run({ fpcr: mode << 22, fpsr, v: [0n, a].map((e) => [e, 0n]) });
          expect(got).toEqual({ low: want.bits, high: 0n, x2: 0n, fpsr: want.flags | fpsr });
        }),
        { numRuns: 500, seed: 1 },
      );
    });
  }
});

const negated = (fmt: Binary, r: { bits: bigint; flags: number }) => ({
  bits: r.bits ^ (1n << BigInt(fmt.bits - 1)),
  flags: r.flags,
});

test('a product that rounds up to the least normal number underflows', () => {
  for (const [, fmt, bit] of FORMATS) {
    const least = 1n << BigInt(fmt.fraction);
    const belowOne = (BigInt(fmt.bias) << BigInt(fmt.fraction)) - 1n;
    const v = [0n, belowOne, least, 0n].map((e): [bigint, bigint] => [e, 0n]);
    for (const word of [0x1e220820, 0x1f020c20]) {
      const got = new Runner(word | bit).run({ fpsr: IXC, v });
      expect(got).toEqual({ low: least, high: 0n, x2: 0n, fpsr: IXC | 8 });
    }
  }
});

/** Any bits, special values among them. */
function anyBits(fmt: Binary): fc.Arbitrary<bigint> {
  const infinity = BigInt(2 * fmt.bias + 1) << BigInt(fmt.fraction);
  const sign = 1n << BigInt(fmt.bits - 1);
  const special = [0n, infinity, infinity + 1n, infinity | (1n << BigInt(fmt.fraction - 1)), 1n];
  return fc.oneof(
    { weight: 4, arbitrary: finite(fmt) },
    { weight: 1, arbitrary: fc.constantFrom(...special, ...special.map((b) => b | sign)) },
  );
}
const register = (fmt: Binary): fc.Arbitrary<[bigint, bigint]> =>
  fmt === DOUBLE
    ? fc.tuple(anyBits(DOUBLE), anyBits(DOUBLE))
    : fc
        .tuple(anyBits(SINGLE), anyBits(SINGLE), anyBits(SINGLE), anyBits(SINGLE))
        .map(([a, b, c, d]) => [a | (b << 32n), c | (d << 32n)]);

/** Instructions with a native path: Rn = V1, Rm = V2, Rd = V0 or X2. */
interface Native {
  readonly name: string;
  readonly word: number;
  /** The lanes' format. */
  readonly fmt: Binary;
}

const named = (name: string, word: number, fmt: Binary): Native => ({ name, word: word >>> 0, fmt });
/** Both precisions, which bit 22 tells apart. */
const scalar = (name: string, word: number): Native[] => [
  named(`${name}, single precision`, word, SINGLE),
  named(`${name}, double precision`, word | DOUBLE_BIT, DOUBLE),
];
const Q = 1 << 30;
const vector = (name: string, word: number): Native[] => [
  named(`${name}, 2S`, word, SINGLE),
  named(`${name}, 4S`, word | Q, SINGLE),
  named(`${name}, 2D`, word | Q | DOUBLE_BIT, DOUBLE),
];

const NATIVE: readonly Native[] = [
  ...vector('FADD', 0x0e22d420),
  ...vector('FSUB', 0x0ea2d420),
  ...vector('FABD', 0x2ea2d420),
  ...vector('FMUL', 0x2e22dc20),
  ...vector('FMULX', 0x0e22dc20),
  ...vector('FDIV', 0x2e22fc20),
  ...vector('FSQRT', 0x2ea1f820),
  ...vector('FADDP', 0x2e22d420),
  ...vector('FMLA', 0x0e22cc20),
  ...vector('FMUL by element', 0x0f829020),
  ...vector('SCVTF', 0x0e21d820),
  ...vector('UCVTF', 0x2e21d820),
  ...vector('FCVTZS', 0x0ea1b820),
  ...vector('FCVTNU', 0x2e21a820),
  ...vector('FCVTPS', 0x0ea1a820),
  ...vector('FRINTX', 0x2e219820),
  ...vector('FRECPS', 0x0e22fc20),
  ...vector('FRSQRTS', 0x0ea2fc20),
  ...scalar('FADDP of a pair', 0x7e30d820),
  ...scalar('FCVTZU in a SIMD register', 0x7ea1b820),
  ...scalar('FRINTI', 0x1e27c020),
  ...scalar('FCVTZS to Wd', 0x1e380022),
  ...scalar('FCVTZU to Wd', 0x1e390022),
  ...scalar('FCVTZS to Xd', 0x9e380022),
  ...scalar('FCVTZU to Xd', 0x9e390022),
  ...scalar('FCVTMS to Xd', 0x9e300022),
  ...scalar('FCVTPU to Wd', 0x1e290022),
  named('FCVT, single to double', 0x1e22c020, SINGLE),
  named('FCVT, double to single', 0x1e624020, DOUBLE),
  named('FCVTL', 0x0e617820, SINGLE),
  named('FCVTL2', 0x4e617820, SINGLE),
  named('FCVTN', 0x0e616820, DOUBLE),
  named('FCVTN2', 0x4e616820, DOUBLE),
];

describe('native arithmetic changes neither results nor flags', () => {
  for (const { name, word, fmt } of NATIVE) {
    test(name, () => {
      const runner = new Runner(word);
      fc.assert(
        fc.property(register(fmt), register(fmt), register(fmt), (...v) => {
          const bySoftFloat = runner.run({ fpsr: 0, v });
          const natively = runner.run({ fpsr: IXC, v });
          expect(natively).toEqual({ ...bySoftFloat, fpsr: bySoftFloat.fpsr | IXC });
        }),
        { numRuns: 300, seed: 1 },
      );
    });
  }
});
