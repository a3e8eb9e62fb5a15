import type { Row } from './row.ts';
import { pick, readV, vectorShape, writeResult } from './simd-lanes.ts';
import { arrangement } from './simd-three-same.ts';

/** Index into the operands' lanes (those of Rm from `n` up) of lane `i` among `n`; `part` is 0 for the first form, 1 for the second. */
type Selection = (i: number, n: number, part: number) => number;

const TABLE: readonly [string, string, Selection][] = [
  ['UZP', '01', (i, _n, part) => 2 * i + part],
  ['TRN', '10', (i, n, part) => (i & ~1) + part + (i & 1 ? n : 0)],
  ['ZIP', '11', (i, n, part) => (i >> 1) + (part * n) / 2 + (i & 1 ? n : 0)],
];

/** AdvSIMD permute (Arm ARM C4.1.96). */
export const rows: readonly Row[] = TABLE.flatMap(([name, opcode, select]) =>
  [0, 1].map(
    (part): Row => ({
      name: `${name}${part + 1}_asimdperm`,
      pattern: `0 Q 001110 size:2 0 Rm:5 0 ${part}${opcode} 10 Rn:5 Rd:5`,
      asm: `${name.toLowerCase()}${part + 1} <Vd.T>, <Vn.T>, <Vm.T>`,
      when: arrangement('0123'),
      cold: true,
      sem: (x, f) => {
        const full = 16 >> f.size!;
        const n = f.Q ? full : full / 2;
        // Lanes above those of a 64-bit register are cut off behind.
        const index = (i: number): number => {
          const from = select(i % n, n, part);
          return from < n ? from : full + from - n;
        };
        writeResult(vectorShape(x, f), { value: pick(f.size!, readV(x, 'Rn'), readV(x, 'Rm'), index) });
      },
    }),
  ),
);
