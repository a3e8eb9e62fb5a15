import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { describeDifferences, differing, rowNames } from '../fuzz/compare.ts';
import { EngineSide } from '../fuzz/engine-side.ts';
import { Generator, MAX_INSTRUCTIONS } from '../fuzz/generate.ts';
import { harness } from '../fuzz/harness.ts';
import { Random } from '../fuzz/random.ts';
import { CAUSE, NOP, PC, RECORD_BYTES, recordAt, WORDS, wordsOf } from '../fuzz/record.ts';
import { FUZZ_ROWS } from '../fuzz/rows.ts';
import { EXCLUSIONS } from '../fuzz/rules.ts';
import { shrink } from '../fuzz/shrink.ts';
import { drawWord } from '../fuzz/words.ts';
import { ROWS } from '../src/table/index.ts';

const SEED = 0x5eed;
const CASES = 400;

const nameWords = (record: DataView): string[] => rowNames(record).filter((_, n) => wordsOf(record)[n] !== NOP);

describe('the generator of the fuzzing command', () => {
  it('makes a case from the seed and its number alone', () => {
    const all = new Generator(SEED).batch(0, 40);
    const tail = new Generator(SEED).batch(25, 15);
    expect(Buffer.from(tail).equals(all.subarray(25 * RECORD_BYTES))).toBe(true);
    expect(differing(all, new Generator(SEED + 1).batch(0, 40))).toHaveLength(40);
  });

  it('makes sequences of 1 to 16 instructions', () => {
    const records = new Generator(SEED).batch(0, CASES);
    const lengths = Array.from({ length: CASES }, (_, n) => wordsOf(recordAt(records, n)).length);
    expect(Math.min(...lengths)).toBe(1);
    expect(Math.max(...lengths)).toBe(MAX_INSTRUCTIONS);
  });

  it('draws words of every row that runs at EL0', () => {
    const r = new Random(SEED, 1);
    const never = FUZZ_ROWS.filter(({ encoding }) => drawWord(r, encoding, [1, 2, 3]) === undefined);
    expect(never.map(({ encoding }) => encoding.row.name)).toEqual([]);
    expect(FUZZ_ROWS.length).toBeGreaterThan(1100);
  });

  it('keeps to the rows that a filter chooses, beside what sets their operands up', () => {
    const records = new Generator(SEED, /^LDADD_64$/).batch(0, 20);
    const names = Array.from({ length: 20 }, (_, n) => rowNames(recordAt(records, n))).flat();
    expect(names).toContain('LDADD_64');
    expect(names.filter((name) => !/^(LDADD_64|MOV[ZNK]|ADD_imm)$/.test(name))).toEqual([]);
    expect(() => new Generator(SEED, /^ERET$/)).toThrow('no row');
  });

  it('has no exclusion that excludes nothing, and docs/fuzzing.md gives the reason of each', () => {
    const docs = readFileSync(new URL('../../../docs/fuzzing.md', import.meta.url), 'utf8');
    for (const { rows, reason } of EXCLUSIONS) {
      expect(ROWS.filter((row) => rows.test(row.name)).length, String(rows)).toBeGreaterThan(0);
      expect(docs).toContain(reason);
    }
  });
});

describe('the engine, run by the fuzzing command', () => {
  const engine = new EngineSide();

  it('brings every case to the BRK behind it, the same way each time', () => {
    const records = new Generator(SEED).batch(0, CASES);
    const results = engine.run(records);
    for (let n = 0; n < CASES; n++) {
      const [before, after] = [recordAt(records, n), recordAt(results, n)];
      expect(after.getBigUint64(CAUSE, true)).toBe(0n);
      expect(after.getBigUint64(PC, true)).toBe(before.getBigUint64(PC, true) + BigInt(4 * wordsOf(before).length));
    }
    expect(differing(results, engine.run(records))).toEqual([]);
  });

  it('is shown to differ from a reference that gets one instruction wrong, by that instruction alone', async () => {
    // The reference knows no SUB: it takes it for a NOP, but leaves the words of the record as they are.
    const wrong = (records: Uint8Array): Uint8Array => {
      const without = records.slice();
      const count = records.length / RECORD_BYTES;
      for (let n = 0; n < count; n++) {
        const names = rowNames(recordAt(records, n));
        names.forEach((name, k) => {
          if (name.startsWith('SUB_')) recordAt(without, n).setUint32(WORDS + 4 * k, NOP, true);
        });
      }
      const results = engine.run(without);
      for (let n = 0; n < count; n++) {
        const at = n * RECORD_BYTES + WORDS;
        results.set(records.subarray(at, at + 128), at);
      }
      return results;
    };
    const records = new Generator(SEED, /^(SUB|EOR|AND)_(imm|addsub|log)/).batch(0, 30);
    const found = differing(engine.run(records), wrong(records));
    expect(found.length).toBeGreaterThan(5);
    for (const n of found) {
      const small = await shrink(records.slice(n * RECORD_BYTES, (n + 1) * RECORD_BYTES), (r) => engine.run(r), wrong);
      expect(nameWords(recordAt(small, 0))).toEqual([expect.stringMatching(/^SUB_/)]);
      const lines = describeDifferences(recordAt(engine.run(small), 0), recordAt(wrong(small), 0));
      expect(lines).toEqual([expect.stringMatching(/^(x\d+|sp): engine [\da-f]{16}, reference [\da-f]{16}$/)]);
    }
  });
});

describe('the program that runs cases under the reference', () => {
  it('is an AArch64 executable that starts inside its segment', () => {
    const file = harness();
    const view = new DataView(file.buffer);
    expect(view.getUint32(0)).toBe(0x7f454c46);
    expect(view.getUint16(18, true)).toBe(183);
    const [offset, va, bytes] = [72, 80, 96].map((at) => Number(view.getBigUint64(at, true)));
    const entry = Number(view.getBigUint64(24, true));
    expect(offset! + bytes!).toBe(file.length);
    expect(entry).toBeGreaterThanOrEqual(va!);
    expect(entry).toBeLessThan(va! + bytes!);
  });
});
