import type { Row } from './row.ts';
import { readV, scalarShape, writeResult } from './simd-lanes.ts';
import { narrowScalar } from './simd-narrow.ts';
import { NARROWING, TWO_REG_MISC } from './simd-two-reg-misc.ts';

const pattern = (U: number, opcode: string): string => `01 ${U} 11110 size:2 10000 ${opcode} 10 Rn:5 Rd:5`;

/** AdvSIMD scalar two-register miscellaneous on integers (Arm ARM C4.1.96). */
export const rows: readonly Row[] = [
  ...TWO_REG_MISC.filter((i) => i.scalar).map(
    (i): Row => ({
      name: `${i.name}_asisdmisc`,
      pattern: pattern(i.U, i.opcode),
      asm: `${i.name.toLowerCase()} <vd>, <vn>${i.zero ? ', #0' : ''}`,
      when: (f) => i.scalar!.includes(String(f.size)),
      cold: true,
      sem: (x, f) => {
        const shape = scalarShape(x, f.size!);
        writeResult(
          shape,
          i.op(shape, readV(x, 'Rn'), () => readV(x, 'Rd')),
        );
      },
    }),
  ),
  ...NARROWING.filter(([name]) => name !== 'XTN').map(
    ([name, U, opcode, narrow]): Row => ({
      name: `${name}_asisdmisc`,
      pattern: pattern(U, opcode),
      asm: `${name.toLowerCase()} <vd>, <van>`,
      when: (f) => f.size !== 3,
      cold: true,
      sem: (x, f) => narrowScalar(x, f.size!, narrow, readV(x, 'Rn')),
    }),
  ),
];
