/** Numbers that are sums of an instruction word's bits, each times a factor: what nearly every operand is. */

/** The bits that a function may depend on: each is set and cleared in the word that it is asked about. */
export interface Bits {
  /** Their places in the word, from the lowest. */
  readonly places: readonly number[];
  /** The function's value with these bits of the word set, and the others of `places` clear. */
  valueAt(word: number): bigint;
}

/** `width` neighbouring bits from `lsb`, as one number, times `factor`. */
export interface Term {
  readonly lsb: number;
  readonly width: number;
  /** The highest bit counts negative. */
  readonly signed: boolean;
  readonly factor: bigint;
}

/** `base` plus all terms, modulo 2^64. */
export interface Sum {
  readonly base: bigint;
  readonly terms: readonly Term[];
}

const wrap = (v: bigint): bigint => BigInt.asIntN(64, v);

/** Pairs of bits whose common effect is not the sum of their effects: for each bit, in how many it is. */
function conflicts({ places, valueAt }: Bits, base: bigint, factors: readonly bigint[]): number[] {
  const counts = places.map(() => 0);
  for (let i = 0; i < places.length; i++) {
    for (let j = 0; j < i; j++) {
      const both = valueAt((1 << places[i]!) | (1 << places[j]!));
      if (wrap(base + factors[i]! + factors[j]!) === both) continue;
      counts[i]!++;
      counts[j]!++;
    }
  }
  return counts;
}

/** Joins neighbouring bits of which each has twice the factor of the one below it. */
function termsOf(places: readonly number[], factors: readonly bigint[]): Term[] {
  const terms: Term[] = [];
  for (let n = 0; n < places.length; n++) {
    const factor = factors[n]!;
    if (factor === 0n) continue;
    const last = terms.at(-1);
    const joins = last && !last.signed && places[n] === last.lsb + last.width;
    const next = last && wrap(last.factor << BigInt(last.width));
    if (joins && factor === next) terms[terms.length - 1] = { ...last, width: last.width + 1 };
    else if (joins && factor === wrap(-next!))
      terms[terms.length - 1] = { ...last, width: last.width + 1, signed: true };
    else terms.push({ lsb: places[n]!, width: 1, signed: false, factor });
  }
  return terms;
}

/**
 * The sum that a function is, or the place of the bit that keeps it from being one most.
 *
 * Each bit, each pair and all bits together are looked at; tests hold the outcome against the function itself.
 */
export function fitSum(bits: Bits): { readonly sum: Sum } | { readonly culprit: number } {
  const { places, valueAt } = bits;
  const base = wrap(valueAt(0));
  const factors = places.map((at) => wrap(valueAt(1 << at) - base));
  const counts = conflicts(bits, base, factors);
  const worst = Math.max(0, ...counts);
  if (worst > 0) return { culprit: places[counts.indexOf(worst)]! };
  const all = places.reduce((word, at) => word | (1 << at), 0);
  if (wrap(factors.reduce((sum, factor) => sum + factor, base)) !== wrap(valueAt(all))) return { culprit: places[0]! };
  return { sum: { base, terms: termsOf(places, factors) } };
}
