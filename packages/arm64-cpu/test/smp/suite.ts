/** The tests of several vCPUs: litmus tests, and programs with an invariant of their own. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TRANSLATE_ALL } from '../board.ts';
import { SmpBoard } from './board.ts';
import { CASES } from './cases.ts';
import { ALLOWED, LITMUS, runLitmus } from './litmus.ts';

/** How the pCPUs execute code; `share` of the runs each. */
const WAYS = [
  { way: 'interpreted', translate: false, share: 0.1 },
  { way: 'translated when it is run often', translate: true, share: 1 },
  { way: 'translated before it is run', translate: TRANSLATE_ALL, share: 1 },
] as const;

/** Litmus tests run `runs` times, in batches of 10,000; the other programs as often as they say. */
export function describeSmp(runs: number, isLong: boolean): void {
  const timeout = isLong ? 1_800_000 : 120_000;
  describe.each(WAYS)('vCPUs that run at the same time, $way', { timeout }, ({ translate, share }) => {
    let board: SmpBoard;
    beforeAll(async () => {
      board = await SmpBoard.start(4, translate);
    }, 60_000);
    afterAll(() => board.stop());

    it.each(LITMUS)('$name shows no outcome that is forbidden', async (test) => {
      const { forbidden, outcomes } = await runLitmus(board, test, runs * share);
      expect(forbidden, JSON.stringify([...outcomes])).toBe(0);
    });

    it.each(ALLOWED)('$name without barriers gives every thread a value that somebody wrote', async (test) => {
      const { outcomes } = await runLitmus(board, test, 10_000);
      for (const key of outcomes.keys()) expect(key).toMatch(/^[01 ]+$/);
    });

    it.each(CASES)('$name', (test) => {
      // New code in every run makes a module each where all is translated: a millisecond.
      const part = test.writesCode && translate === TRANSLATE_ALL ? 0.1 : share;
      return test.run(board, (isLong ? test.longRuns : test.runs) * part);
    });

    it('every pCPU has translated code, or none has', () => {
      const modules = board.vcpus.map((_, n) => board.modules(n));
      expect(modules.every((count) => count > 0)).toBe(translate !== false);
      if (translate === false) expect(modules).toEqual([0, 0, 0, 0]);
    });
  });
}
