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
  root,
  round,
  SINGLE,
  times,
  valueOf,
} from './fp-reference.ts';

const MSR_FPCR_X0 = 0xd51b4400;
const MSR_FPSR_X1 = 0xd51b4421;
const HVC = 0xd4000002;
const IXC = 16;

interface Outcome {
  readonly low: bigint;
  readonly high: bigint;
  readonly fpsr: number;
}

/** Executes `word` at EL1 between writes of FPCR and FPSR and an exit. */
class Runner {
  readonly #board = new TestBoard();

  constructor(word: number) {
    this.#board.write(RAM_BASE, [MSR_FPCR_X0, MSR_FPSR_X1, word, HVC]);
  }

  /** `v` are V0 and following as 64-bit halves, low first; gives V0 and FPSR. */
  run(o: { fpcr?: number; fpsr: number; v: readonly (readonly [bigint, bigint])[] }): Outcome {
    const b = this.#board;
    b.set('x0', BigInt(o.fpcr ?? 0));
    b.set('x1', BigInt(o.fpsr ?? 0));
    o.v.forEach(([low, high], i) => {
      b.view.setBigUint64(b.vcpu + V_OFFSET + 16 * i, low, true);
      b.view.setBigUint64(b.vcpu + V_OFFSET + 16 * i + 8, high, true);
    });
    b.set('pc', BigInt(RAM_BASE));
    b.set32('exitRequest', 0);
    expect(b.engine.run(b.vcpu, 100)).toBe('request');
    const half = (at: number) => b.view.getBigUint64(b.vcpu + V_OFFSET + at, true);
    return { low: half(0), high: half(8), fpsr: Number(b.get('FPSR')) };
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
            const value = exact(valueOf(fmt, a), valueOf(fmt, b), valueOf(fmt, c));
            fc.pre(value.numerator !== 0n);
            // FNMUL negates what FPMul gave.
            const want = name === 'FNMUL' ? negated(fmt, round(fmt, mode, minus(value))) : round(fmt, mode, value);
            const got = runner.run({ fpcr: mode << 22, fpsr, v: [0n, a, b, c].map((e) => [e, 0n]) });
            expect(got).toEqual({ low: want.bits, high: 0n, fpsr: want.flags | fpsr });
          }),
          { numRuns: 1500, seed: 1 },
        );
      });
    }
    test(`FSQRT, ${precision} precision`, () => {
      const runner = new Runner((0x1e21c020 | bit) >>> 0);
      fc.assert(
        fc.property(finite(fmt), modes, (bits, { mode, fpsr }) => {
          const a = bits & ((1n << BigInt(fmt.bits - 1)) - 1n);
          const want = round(fmt, mode, root(valueOf(fmt, a)));
          const got = runner.run({ fpcr: mode << 22, fpsr, v: [0n, a].map((e) => [e, 0n]) });
          expect(got).toEqual({ low: want.bits, high: 0n, fpsr: want.flags | fpsr });
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

/** Instructions with a native path, Rd = V0, Rn = V1, Rm = V2, single precision; `q`: a vector form, run with Q = 0 and 1. */
const NATIVE: readonly { name: string; word: number; q?: true }[] = [
  { name: 'FADD vector', word: 0x0e22d420, q: true },
  { name: 'FSUB vector', word: 0x0ea2d420, q: true },
  { name: 'FABD vector', word: 0x2ea2d420, q: true },
  { name: 'FMUL vector', word: 0x2e22dc20, q: true },
  { name: 'FMULX vector', word: 0x0e22dc20, q: true },
  { name: 'FDIV vector', word: 0x2e22fc20, q: true },
  { name: 'FSQRT vector', word: 0x2ea1f820, q: true },
  { name: 'FADDP vector', word: 0x2e22d420, q: true },
  { name: 'FMLA vector', word: 0x0e22cc20, q: true },
  { name: 'FMUL by element', word: 0x0f829020, q: true },
  { name: 'FADDP scalar', word: 0x7e30d820 },
  { name: 'SCVTF vector', word: 0x0e21d820, q: true },
  { name: 'UCVTF vector', word: 0x2e21d820, q: true },
  { name: 'FCVTZS vector', word: 0x0ea1b820, q: true },
  { name: 'FCVTNU vector', word: 0x2e21a820, q: true },
  { name: 'FCVTPS vector', word: 0x0ea1a820, q: true },
  { name: 'FRINTX vector', word: 0x2e219820, q: true },
  { name: 'FRECPS vector', word: 0x0e22fc20, q: true },
  { name: 'FRSQRTS vector', word: 0x0ea2fc20, q: true },
  { name: 'FCVTZU scalar', word: 0x7ea1b820 },
  { name: 'FRINTI scalar', word: 0x1e27c020 },
];

describe('native arithmetic changes neither results nor flags', () => {
  for (const { name, word, q } of NATIVE) {
    for (const [precision, fmt] of FORMATS) {
      for (const Q of q ? (fmt === DOUBLE ? [1] : [0, 1]) : [0]) {
        test(`${name}, ${precision} precision${q ? `, Q = ${Q}` : ''}`, () => {
          const runner = new Runner((word | (Q << 30) | (fmt === DOUBLE ? DOUBLE_BIT : 0)) >>> 0);
          fc.assert(
            fc.property(register(fmt), register(fmt), register(fmt), (...v) => {
              const bySoftFloat = runner.run({ fpsr: 0, v });
              const natively = runner.run({ fpsr: IXC, v });
              expect(natively).toEqual({ ...bySoftFloat, fpsr: bySoftFloat.fpsr | IXC });
            }),
            { numRuns: 250, seed: 1 },
          );
        });
      }
    }
  }
});
