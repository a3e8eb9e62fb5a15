import type { Expr } from '../wasm/expr.ts';
import { lanes, shuffle } from '../wasm/simd-ops.ts';
import type { Row } from './row.ts';
import type { Sem } from './sem.ts';
import { clip, laneBits, readV } from './simd-lanes.ts';
import { pairwiseLong } from './simd-unary-ops.ts';

/** Lane 0 of the result is `name` over all lanes in the lowest `bytes` bytes of `a`. */
function reduce(x: Sem, size: number, bytes: number, name: string, a: Expr): Expr {
  let v = a;
  for (let step = bytes / 2; step >= 1 << size; step /= 2) {
    const down = Array.from({ length: 16 }, (_, i) => (i + step) & 15);
    v = x.tmp(lanes(size, name, v, shuffle(v, v, down)));
  }
  return v;
}

/** name, U, opcode, Wasm instruction; long: the sum has twice the lanes' width. */
const TABLE: readonly [string, 0 | 1, string, string, boolean][] = [
  ['SADDLV', 0, '00011', 'add', true],
  ['UADDLV', 1, '00011', 'add', true],
  ['SMAXV', 0, '01010', 'max_s', false],
  ['UMAXV', 1, '01010', 'max_u', false],
  ['SMINV', 0, '11010', 'min_s', false],
  ['UMINV', 1, '11010', 'min_u', false],
  ['ADDV', 0, '11011', 'add', false],
];

/** AdvSIMD across lanes on integers, and the scalar pairwise ADDP (Arm ARM C4.1.96). */
export const rows: readonly Row[] = [
  ...TABLE.map(
    ([name, U, opcode, instruction, long]): Row => ({
      name: `${name}_asimdall`,
      pattern: `0 Q ${U} 01110 size:2 11000 ${opcode} 10 Rn:5 Rd:5`,
      asm: `${name.toLowerCase()} <${long ? 'vad' : 'vd'}>, <Vn.T>`,
      when: (f) => f.size !== 3 && !(f.size === 2 && f.Q === 0),
      cold: true,
      sem: (x, f) => {
        const a = readV(x, 'Rn');
        const shape = { x, size: f.size!, width: 128 };
        const source = long ? x.tmp(pairwiseLong(U === 0, false)(shape, a, () => a).value) : a;
        const size = f.size! + (long ? 1 : 0);
        x.setV('Rd', clip(laneBits(size), reduce(x, size, f.Q ? 16 : 8, instruction, source)));
      },
    }),
  ),
  {
    name: 'ADDP_asisdpair',
    pattern: '01 0 11110 11 11000 11011 10 Rn:5 Rd:5',
    asm: 'addp <Dd>, <Vn.2D>',
    cold: true,
    sem: (x) => x.setV('Rd', clip(64, reduce(x, 3, 16, 'add', readV(x, 'Rn')))),
  },
];
