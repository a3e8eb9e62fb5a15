/** Which instruction words satisfy a condition, as patterns of fixed bits. */

/** Words with `(word & mask) === match`. */
export interface Cube {
  readonly mask: number;
  readonly match: number;
}

/** Bits of a word from the lowest, by place. */
const setBits = (places: readonly number[], value: number): number => {
  let word = 0;
  for (let n = 0; n < places.length; n++) if ((value >>> n) & 1) word |= 1 << places[n]!;
  return word;
};

/** Whether bit `n` of the index ever makes a difference. */
function matters(table: Uint8Array, n: number): boolean {
  for (let i = 0; i < table.length; i++) if ((i >>> n) & 1 && table[i] !== table[i ^ (1 << n)]) return true;
  return false;
}

/** The table over the bits that are left when bit `n`, which makes no difference, is taken away. */
const without = (table: Uint8Array, n: number): Uint8Array =>
  Uint8Array.from({ length: table.length / 2 }, (_, i) => table[((i >>> n) << (n + 1)) | (i & ((1 << n) - 1))]!);

/** What a condition says of each combination of the bits at `places` (at most 20), in order of their number. */
export const tableOf = (places: readonly number[], ask: (word: number) => number): Uint8Array =>
  Uint8Array.from({ length: 2 ** places.length }, (_, i) => ask(setBits(places, i)));

/** Disjoint cubes that hold the words for which the table of a condition on the bits at `places` has no 0. */
export function cubesOf(places: readonly number[], conditions: Uint8Array): Cube[] {
  const cubes: Cube[] = [];
  // Halves until all values of a part are the same; bits that make no difference in a part are no part of its cubes.
  const split = (all: Uint8Array, open: readonly number[], { mask, match }: Cube): void => {
    let table = all;
    let left = open;
    for (let n = left.length - 1; n >= 0; n--) {
      if (matters(table, n)) continue;
      table = without(table, n);
      left = left.filter((_, i) => i !== n);
    }
    if (left.length === 0) {
      if (table[0] !== 0) cubes.push({ mask, match });
      return;
    }
    const half = table.length / 2;
    const bit = 1 << left.at(-1)!;
    const rest = left.slice(0, -1);
    split(table.subarray(0, half), rest, { mask: (mask | bit) >>> 0, match });
    split(table.subarray(half), rest, { mask: (mask | bit) >>> 0, match: (match | bit) >>> 0 });
  };
  split(conditions, places, { mask: 0, match: 0 });
  return cubes;
}
