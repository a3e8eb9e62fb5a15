/** Instruction vectors in a domU, MMU on, by a guest that knows nothing of the engine: a selection. */
import { expect, it } from 'vitest';
import { Bench } from './board.ts';
import { vectorGuest } from './vector-guest.ts';
import { vectorTests } from './vectors.ts';

vectorTests(150);

it('a case with another result than the engine gives is told by its number', () => {
  const result = { pc: 1, nzcv: 0, fpsr: 0, fpcr: 0, x: [[1, 5n] as [number, bigint]], v: [], memory: [] };
  const movx1 = { className: '', words: [0xd28000a1], fpcr: 0, nzcv: 0, x: [], v: [], memory: [], result };
  const memory: [number, Uint8Array][] = [[0x123, Uint8Array.of(1)]];
  const others = [
    { ...result, x: [[1, 6n] as [number, bigint]] },
    { ...result, pc: 0 },
    { ...result, fpsr: 1 },
    { ...result, memory },
  ];
  const { kernel } = vectorGuest([movx1, ...others.map((other) => ({ ...movx1, result: other }))]);
  const bench = new Bench([{ kernel }]);
  expect(bench.run()).toBe('done');
  const [wrong, totals] = bench.output().trim().split(':');
  // Each case is there twice: with FPSR.IXC clear, and set.
  const numbers = wrong!
    .trim()
    .split(' ')
    .map((text) => Number.parseInt(text, 16));
  expect(numbers).toEqual([2, 3, 4, 5, 6, 7, 8, 9]);
  expect(
    totals!
      .trim()
      .split(' ')
      .map((text) => Number.parseInt(text, 16)),
  ).toEqual([2, 8]);
});
