/** Numbers from a seed, and values that arithmetic is likely to get wrong. */

/** A stream of numbers (sfc32) that depends on the seed and on `stream` alone. */
export class Random {
  #a: number;
  #b: number;
  #c = 0x9e3779b9;
  #counter = 1;

  constructor(seed: number, stream: number) {
    this.#a = seed | 0;
    this.#b = stream | 0;
    for (let n = 0; n < 12; n++) this.u32();
  }

  u32(): number {
    const t = (((this.#a + this.#b) | 0) + this.#counter) | 0;
    this.#counter = (this.#counter + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = ((this.#c << 21) | (this.#c >>> 11)) + t;
    return t >>> 0;
  }

  /** Below `n`. */
  below(n: number): number {
    return Math.floor((this.u32() / 2 ** 32) * n);
  }

  /** True once in `n`. */
  oneIn(n: number): boolean {
    return this.below(n) === 0;
  }

  pick<T>(from: readonly T[]): T {
    return from[this.below(from.length)]!;
  }

  bits(n: number): bigint {
    return ((BigInt(this.u32()) << 32n) | BigInt(this.u32())) & ((1n << BigInt(n)) - 1n);
  }
}

/** Bits of exponent and fraction of the floating-point formats by width. */
const FORMATS: Readonly<Record<number, { exponent: number; fraction: number }>> = {
  16: { exponent: 5, fraction: 10 },
  32: { exponent: 8, fraction: 23 },
  64: { exponent: 11, fraction: 52 },
};

/** A floating-point number near an edge: zero, denormal, one, largest, infinity, NaN of both kinds, or random. */
export function floatBits(r: Random, width: 16 | 32 | 64): bigint {
  const { exponent, fraction } = FORMATS[width]!;
  const maxExponent = 2 ** exponent - 1;
  const bias = maxExponent >> 1;
  const exponents = [0, 1, 2, maxExponent, maxExponent - 1, bias, bias + 1, bias - 1, bias - fraction, bias + fraction];
  const e = r.oneIn(3)
    ? r.below(maxExponent + 1)
    : r.oneIn(3)
      ? Math.min(maxExponent, Math.max(0, bias + r.below(2 * fraction + 8) - fraction - 4))
      : r.pick(exponents);
  const ones = (1n << BigInt(fraction)) - 1n;
  const quiet = 1n << BigInt(fraction - 1);
  const f = r.pick([
    () => 0n,
    () => 1n,
    () => ones,
    () => ones - 1n,
    () => quiet,
    () => quiet | 1n,
    () => r.bits(fraction),
    () => r.bits(fraction),
    // A few bits at the top, as small integers have, or at the bottom.
    () => r.bits(4) << BigInt(fraction - 4),
    () => r.bits(6),
  ])();
  return (BigInt(r.below(2)) << BigInt(width - 1)) | (BigInt(e) << BigInt(fraction)) | f;
}

/** An integer near an edge of its width, or random. */
export function integerBits(r: Random, width: 8 | 16 | 32 | 64): bigint {
  const top = 1n << BigInt(width - 1);
  const mask = 2n * top - 1n;
  const value = r.pick([
    () => 0n,
    () => 1n,
    () => mask,
    () => top,
    () => top - 1n,
    () => r.bits(6),
    () => mask - r.bits(6),
    () => 1n << BigInt(r.below(width)),
    () => (1n << BigInt(r.below(width))) - 1n,
    () => r.bits(width),
    () => r.bits(width),
    () => r.bits(width),
  ])();
  return value & mask;
}

const FLOATS = [16, 32, 64, 32, 64] as const;
const INTEGERS = [8, 16, 32, 64] as const;

/** 128 bits as two halves: lanes of one width, numbers of one kind, or random; sometimes all lanes alike. */
export function vectorBits(r: Random): [low: bigint, high: bigint] {
  if (r.oneIn(6)) return [r.bits(64), r.bits(64)];
  const float = r.below(5) < 3;
  const width = float ? r.pick(FLOATS) : r.pick(INTEGERS);
  const lane = (): bigint => (float ? floatBits(r, width as 16 | 32 | 64) : integerBits(r, width));
  const alike = r.oneIn(8) ? lane() : undefined;
  const half = (): bigint => {
    let bits = 0n;
    for (let at = 0; at < 64; at += width) bits |= (alike ?? lane()) << BigInt(at);
    return bits;
  };
  return [half(), half()];
}

/** The sign bits of lanes of 16, 32 and 64 bits, and their lowest bits. */
const SIGNS = [0x8000_8000_8000_8000n, 0x8000_0000_8000_0000n, 0x8000_0000_0000_0000n] as const;
const UNITS = [0x0001_0001_0001_0001n, 0x0000_0001_0000_0001n, 1n] as const;

/** A neighbour of 128 bits: as they are, with the signs turned, or one up or down in a lane: sums of both cancel. */
export function nearBits(r: Random, [low, high]: readonly [bigint, bigint]): [low: bigint, high: bigint] {
  const signs = r.oneIn(2) ? r.pick(SIGNS) : 0n;
  const step = r.pick([0n, 0n, 1n, -1n]) * r.pick(UNITS);
  const near = (half: bigint): bigint => BigInt.asUintN(64, (half ^ signs) + step);
  return [near(low), near(high)];
}
