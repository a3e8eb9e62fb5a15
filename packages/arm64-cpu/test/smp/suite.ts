/** The tests of several vCPUs: litmus tests, and programs with an invariant of their own. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SmpBoard } from './board.ts';
import { CASES } from './cases.ts';
import { ALLOWED, LITMUS, runLitmus } from './litmus.ts';

/** Litmus tests run `runs` times, in batches of 10,000; the other programs as often as they say. */
export function describeSmp(runs: number, isLong: boolean): void {
  describe('vCPUs that run at the same time', { timeout: isLong ? 1_800_000 : 120_000 }, () => {
    let board: SmpBoard;
    beforeAll(async () => {
      board = await SmpBoard.start(4);
    }, 60_000);
    afterAll(() => board.stop());

    it.each(LITMUS)('$name shows no outcome that is forbidden', async (test) => {
      const { forbidden, outcomes } = await runLitmus(board, test, runs);
      expect(forbidden, JSON.stringify([...outcomes])).toBe(0);
    });

    it.each(ALLOWED)('$name without barriers gives every thread a value that somebody wrote', async (test) => {
      const { outcomes } = await runLitmus(board, test, 10_000);
      for (const key of outcomes.keys()) expect(key).toMatch(/^[01 ]+$/);
    });

    it.each(CASES)('$name', (test) => test.run(board, isLong ? test.longRuns : test.runs));
  });
}
