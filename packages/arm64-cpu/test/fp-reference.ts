/** Rounding of exact rational numbers to IEEE 754 formats, as a reference: nothing is shared with the engine. */

export interface Binary {
  readonly bits: number;
  readonly fraction: number;
  readonly bias: number;
}
export const SINGLE: Binary = { bits: 32, fraction: 23, bias: 127 };
export const DOUBLE: Binary = { bits: 64, fraction: 52, bias: 1023 };

/** A rational number; `denominator` is positive. */
export interface Rational {
  readonly numerator: bigint;
  readonly denominator: bigint;
}

const shifted = (n: bigint, by: number): Rational =>
  by >= 0 ? { numerator: n << BigInt(by), denominator: 1n } : { numerator: n, denominator: 1n << BigInt(-by) };

/** The value of finite bits. */
export function rationalOf(fmt: Binary, bits: bigint): Rational {
  const fraction = BigInt(fmt.fraction);
  const exponent = Number((bits >> fraction) & BigInt(2 * fmt.bias + 1));
  const low = bits & ((1n << fraction) - 1n);
  const significand = exponent === 0 ? low : low | (1n << fraction);
  const sign = bits >> BigInt(fmt.bits - 1) ? -1n : 1n;
  return shifted(sign * significand, Math.max(exponent, 1) - fmt.bias - fmt.fraction);
}

export const plus = (a: Rational, b: Rational): Rational => ({
  numerator: a.numerator * b.denominator + b.numerator * a.denominator,
  denominator: a.denominator * b.denominator,
});
export const minus = (a: Rational): Rational => ({ numerator: -a.numerator, denominator: a.denominator });
export const times = (a: Rational, b: Rational): Rational => ({
  numerator: a.numerator * b.numerator,
  denominator: a.denominator * b.denominator,
});
export const over = (a: Rational, b: Rational): Rational =>
  b.numerator < 0n
    ? { numerator: -a.numerator * b.denominator, denominator: -a.denominator * b.numerator }
    : { numerator: a.numerator * b.denominator, denominator: a.denominator * b.numerator };

function integerRoot(n: bigint): bigint {
  let x = 1n << BigInt(Math.ceil(n.toString(2).length / 2));
  for (;;) {
    const next = (x + n / x) >> 1n;
    if (next >= x) return x;
    x = next;
  }
}

/** The square root, or a number that no rounding tells from it. */
export function root(a: Rational): Rational {
  const places = 1400n;
  const scaled = (a.numerator << (2n * places)) / a.denominator;
  const r = integerRoot(scaled);
  const isExact = r * r === scaled && (a.numerator << (2n * places)) % a.denominator === 0n;
  return { numerator: 2n * r + (isExact ? 0n : 1n), denominator: 1n << (places + 1n) };
}

const UFC = 8;
const IXC = 16;
const OFC = 4;

/** Rounds a number that is not zero. `mode` as FPCR.RMode: nearest even, up, down, to zero. Tininess is seen before rounding. */
export function round(
  fmt: Binary,
  mode: number,
  { numerator, denominator }: Rational,
): { bits: bigint; flags: number } {
  const isNegative = numerator < 0n;
  const n = isNegative ? -numerator : numerator;
  let exponent = n.toString(2).length - denominator.toString(2).length;
  const atLeast = (e: number) => (e >= 0 ? n >= denominator << BigInt(e) : n << BigInt(-e) >= denominator);
  if (!atLeast(exponent)) exponent--;
  const isTiny = exponent < 1 - fmt.bias;
  const unit = Math.max(exponent, 1 - fmt.bias) - fmt.fraction;
  const [top, bottom] = unit >= 0 ? [n, denominator << BigInt(unit)] : [n << BigInt(-unit), denominator];
  let m = top / bottom;
  const twice = 2n * (top % bottom);
  const isInexact = twice !== 0n;
  const away = [
    twice > bottom || (twice === bottom && m % 2n === 1n),
    isInexact && !isNegative,
    isInexact && isNegative,
    false,
  ][mode]!;
  if (away) m++;
  let bits = m;
  if (m >= 1n << BigInt(fmt.fraction)) bits += BigInt(unit + fmt.fraction + fmt.bias - 1) << BigInt(fmt.fraction);
  const infinity = BigInt(2 * fmt.bias + 1) << BigInt(fmt.fraction);
  let flags = (isInexact ? IXC : 0) | (isTiny && isInexact ? UFC : 0);
  if (bits >= infinity) {
    flags = OFC | IXC;
    bits = mode === 0 || mode === (isNegative ? 2 : 1) ? infinity : infinity - 1n;
  }
  return { bits: isNegative ? bits | (1n << BigInt(fmt.bits - 1)) : bits, flags };
}
