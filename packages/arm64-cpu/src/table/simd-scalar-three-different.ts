import type { Row } from './row.ts';
import { laneBits, readV } from './simd-lanes.ts';
import { writeLong } from './simd-long-ops.ts';
import { DOUBLING } from './simd-three-different.ts';

/** AdvSIMD scalar three different (Arm ARM C4.1.96). */
export const rows: readonly Row[] = DOUBLING.map((i) => ({
  name: `${i.name}_asisddiff`,
  pattern: `01 0 11110 size:2 1 Rm:5 ${i.opcode} 00 Rn:5 Rd:5`,
  asm: `${i.name.toLowerCase()} <vad>, <vn>, <vm>`,
  when: (f) => i.sizes.includes(String(f.size)),
  cold: true,
  sem: (x, f) => {
    const size = f.size!;
    const result = i.op(x, size, false, readV(x, 'Rn'), readV(x, 'Rm'));
    writeLong(x, size, laneBits(size + 1), i.accumulation, result);
  },
}));
