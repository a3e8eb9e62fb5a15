/** Drops instructions from a case for as long as the two sides differ. */
import { differing, wordOffset } from './compare.ts';
import { CAUSE, NOP, RECORD_BYTES, recordAt, wordsOf } from './record.ts';

/** What becomes of records. */
export type Run = (records: Uint8Array) => Promise<Uint8Array> | Uint8Array;

/** Records like `record`, each with one more instruction replaced by NOP, which keeps addresses as they are. */
function shorter(record: Uint8Array): Uint8Array[] {
  const words = wordsOf(recordAt(record, 0));
  return words.flatMap((word, n) => {
    if (word === NOP) return [];
    const copy = record.slice();
    recordAt(copy, 0).setUint32(wordOffset(n), NOP, true);
    return [copy];
  });
}

const joined = (records: readonly Uint8Array[]): Uint8Array => {
  const out = new Uint8Array(records.length * RECORD_BYTES);
  records.forEach((r, n) => out.set(r, n * RECORD_BYTES));
  return out;
};

/**
 * The case with as many instructions as possible replaced by NOP. Only cases that both sides bring to their end count:
 * without its base register set up, a store goes anywhere.
 */
export async function shrink(record: Uint8Array, engine: Run, reference: Run): Promise<Uint8Array> {
  let best = record;
  const faults = (r: Uint8Array, n: number): boolean => recordAt(r, n).getUint32(CAUSE, true) !== 0;
  for (;;) {
    const candidates = shorter(best);
    if (candidates.length === 0) return best;
    const all = joined(candidates);
    const [ours, theirs] = [await engine(all), await reference(all)];
    const found = differing(ours, theirs).find((n) => !faults(ours, n) && !faults(theirs, n));
    if (found === undefined) return best;
    best = candidates[found]!;
  }
}
