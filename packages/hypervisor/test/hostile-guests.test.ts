import { ROWS } from '@dom0less/arm64-cpu';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { A, Bench, image, print, systemOff } from './board.ts';

/** An instruction word that some row of the table allocates, with random fields. */
const instruction = fc.record({ row: fc.nat(ROWS.length - 1), bits: fc.nat(0xffffffff) }).map(({ row, bits }) => {
  let word = 0;
  let used = 0;
  for (const piece of ROWS[row]!.pattern.split(/\s+/)) {
    const isFixed = /^[01x]+$/.test(piece);
    const size = isFixed ? piece.length : Number(piece.split(':')[1] ?? 1);
    const value = isFixed ? Number.parseInt(piece.replaceAll('x', '0'), 2) : bits >>> (used & 15);
    word = ((word << size) | (value & (2 ** size - 1))) >>> 0;
    used += size;
  }
  return word;
});

/** Forty boards are made, each with an engine. */
const LONG_MS = 120_000;

describe('a guest that executes anything', () => {
  it(
    'harms nobody but itself',
    () => {
      fc.assert(
        fc.property(fc.array(fc.oneof(instruction, fc.nat(0xffffffff)), { minLength: 1, maxLength: 60 }), (code) => {
          // Registers that point to devices, memory, and nowhere.
          const registers = [A.movz(1, 0x2200, 16), A.movz(2, 0x300, 16), A.movk(2, 0x1000), A.movz(3, 0x4100, 16)];
          const bad = { kernel: image([...registers, ...code]), cpus: 2 };
          const bench = new Bench([bad, { kernel: image([...print('alive\n'), ...systemOff()]) }]);
          // A turn has 16 slices at most.
          for (let n = 0; n < 24; n++) {
            bench.pcpu.step();
            bench.board.pump();
            bench.ms += 1;
          }
          expect(bench.output(2)).toBe('alive\n');
          expect(bench.states()[1]).toBe('poweroff');
        }),
        { numRuns: 40 },
      );
    },
    LONG_MS,
  );
});
