/** Vector files in a domU: the tests of a selection of their cases, and of all. */
import { readdirSync, readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { expect, it } from 'vitest';
import { parseVectors, type VectorCase } from '../../arm64-cpu/test/vector-file.ts';
import { Bench } from './board.ts';
import { vectorGuest } from './vector-guest.ts';

const fixtures = new URL('../../arm64-cpu/test/fixtures/', import.meta.url);
/** Cases in one guest: its image holds them. */
const BATCH = 8000;

/** Runs the cases in a domU; gives the numbers of those that fail, as the guest says. */
function failures(cases: readonly VectorCase[]): { wrong: string[]; passed: number; count: number } {
  const { kernel, count } = vectorGuest(cases);
  const bench = new Bench([{ kernel, memoryKiB: 0x20000 }]);
  expect(bench.run(() => false, 100_000)).toBe('done');
  const [wrong, totals] = bench.output().trim().split(':');
  const [passed] = (totals ?? '').trim().split(' ');
  return { wrong: wrong!.split(' ').filter(Boolean), passed: Number.parseInt(passed!, 16), count };
}

/** A test for each vector file, with at most `limit` cases of it, evenly taken. */
export function vectorTests(limit: number): void {
  for (const name of readdirSync(fixtures).filter((file) => file.endsWith('.bin.gz'))) {
    it(`${name} at EL0 of a domU`, { timeout: 600_000 }, () => {
      const all = parseVectors(new Uint8Array(gunzipSync(readFileSync(new URL(name, fixtures)))));
      const step = Math.max(1, Math.ceil(all.length / limit));
      const cases = all.filter((_, n) => n % step === 0);
      for (let from = 0; from < cases.length; from += BATCH) {
        const { wrong, passed, count } = failures(cases.slice(from, from + BATCH));
        expect(wrong).toEqual([]);
        expect(passed).toBe(count);
      }
    });
  }
}
