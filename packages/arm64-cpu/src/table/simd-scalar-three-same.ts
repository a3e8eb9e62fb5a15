import type { Row } from './row.ts';
import { readV, scalarShape, writeResult } from './simd-lanes.ts';
import type { ThreeSame } from './simd-three-same.ts';
import { MULTIPLY_ADD, THREE_SAME } from './simd-three-same.ts';

/** The scalar form of a vector instruction: the same operation on one lane. */
function scalarRow(i: ThreeSame, sizes: string, pattern: string, group: string): Row {
  return {
    name: `${i.name}_${group}`,
    pattern,
    asm: `${i.name.toLowerCase()} <vd>, <vn>, <vm>`,
    when: (f) => sizes.includes(String(f.size)),
    cold: true,
    sem: (x, f) => {
      const shape = scalarShape(x, f.size!);
      writeResult(
        shape,
        i.op(shape, readV(x, 'Rn'), readV(x, 'Rm'), () => readV(x, 'Rd')),
      );
    },
  };
}

/** AdvSIMD scalar three same (Arm ARM C4.1.96). */
export const rows: readonly Row[] = [
  ...THREE_SAME.flatMap((i) =>
    i.scalar === undefined
      ? []
      : [scalarRow(i, i.scalar, `01 ${i.U} 11110 size:2 1 Rm:5 ${i.opcode} 1 Rn:5 Rd:5`, 'asisdsame')],
  ),
  ...MULTIPLY_ADD.map((i) => ({
    ...scalarRow(i, i.sizes, `01 1 11110 size:2 0 Rm:5 1 ${i.opcode} 1 Rn:5 Rd:5`, 'asisdsame2'),
    feature: 'FEAT_RDM' as const,
  })),
];
