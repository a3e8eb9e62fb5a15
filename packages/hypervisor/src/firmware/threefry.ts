/** Threefry-4x32 with 20 rounds: Salmon et al., "Parallel Random Numbers: As Easy as 1, 2, 3" (2011). */

/** Rotations of the two pairs, by round modulo 8. */
const ROTATIONS = [10, 26, 11, 21, 13, 27, 23, 5, 6, 20, 17, 11, 25, 10, 18, 20];
/** The key schedule's parity word. */
const PARITY = 0x1bd1_1bda;
const ROUNDS = 20;

const rotl = (word: number, by: number): number => (word << by) | (word >>> (32 - by));

/** The four words that `key` makes of `counter`: the same for the same, and like chance otherwise. */
export const threefry = (
  counter: readonly [number, number, number, number],
  key: readonly [number, number, number, number],
): [number, number, number, number] => {
  const keys = [...key, key.reduce((parity, word) => parity ^ word, PARITY)];
  const inject = (round: number): number[] => [0, 1, 2, 3].map((n) => keys[(round + n) % 5]! + (n === 3 ? round : 0));
  let [a, b, c, d] = inject(0).map((word, n) => (word + counter[n]!) | 0) as [number, number, number, number];
  for (let round = 0; round < ROUNDS; round++) {
    const [first, second] = [ROTATIONS[(2 * round) % 16]!, ROTATIONS[(2 * round + 1) % 16]!];
    a = (a + b) | 0;
    b = rotl(b, first) ^ a;
    c = (c + d) | 0;
    d = rotl(d, second) ^ c;
    // The two pairs swap partners behind each round.
    [b, d] = [d, b];
    if (round % 4 !== 3) continue;
    const [ka, kb, kc, kd] = inject((round + 1) / 4) as [number, number, number, number];
    [a, b, c, d] = [(a + ka) | 0, (b + kb) | 0, (c + kc) | 0, (d + kd) | 0];
  }
  return [a >>> 0, b >>> 0, c >>> 0, d >>> 0];
};
