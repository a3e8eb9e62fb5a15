import type { Row } from './row.ts';
import { readV, scalarShape, writeResult } from './simd-lanes.ts';
import { narrowScalar } from './simd-narrow.ts';
import { countOperand, NARROWING_SHIFTS, SHIFTS, SIZES } from './simd-shift-imm.ts';
import { rightLessOne, shiftRight } from './simd-shift-ops.ts';

const pattern = (U: number, bits: string, opcode: string): string => `01 ${U} 111110 ${bits} ${opcode} 1 Rn:5 Rd:5`;

/** AdvSIMD scalar shift by immediate on integers (Arm ARM C4.1.96). */
export const rows: readonly Row[] = [
  ...SHIFTS.flatMap((i) =>
    SIZES.filter(({ size }) => i.scalar.includes(size)).map(
      ({ size, suffix, letter, bits }): Row => ({
        name: `${i.name}_asisdshf_${suffix}`,
        pattern: pattern(i.U, bits, i.opcode),
        asm: `${i.name.toLowerCase()} <${letter}d>, <${letter}n>, ${countOperand(i.direction)}`,
        cold: true,
        sem: (x) => {
          const shape = scalarShape(x, size);
          writeResult(shape, i.op(shape, readV(x, 'Rn')));
        },
      }),
    ),
  ),
  ...NARROWING_SHIFTS.filter((i) => /^[SU]Q/.test(i.name)).flatMap((i) =>
    SIZES.slice(0, 3).map(
      ({ size, suffix, letter, bits }): Row => ({
        name: `${i.name}_asisdshf_${suffix}`,
        pattern: pattern(i.U, bits, i.opcode),
        asm: `${i.name.toLowerCase()} <${letter}d>, <${SIZES[size + 1]!.letter}n>, <#rshift>`,
        cold: true,
        sem: (x) => {
          const shifted = shiftRight(x, size + 1, i.signed, i.rounding, x.V('Rn'), rightLessOne(x, size));
          narrowScalar(x, size, i.narrow, shifted);
        },
      }),
    ),
  ),
];
