import type { Expr } from '../wasm/expr.ts';
import { lanes, simdOp } from '../wasm/simd-ops.ts';
import type { Row } from './row.ts';
import type { Sem } from './sem.ts';
import { readV, splatK, vectorShape, vOr, vSelect, vSub, writeResult } from './simd-lanes.ts';

/** Bytes of `registers` registers from Rn on, by the indices; zero outside of the table, as a swizzle gives. */
function lookUp(x: Sem, registers: number, index: Expr): Expr {
  let value = simdOp('i8x16.swizzle', x.V('Rn'), index);
  for (let r = 1; r < registers; r++) {
    const part = simdOp('i8x16.swizzle', x.V(`Rn+${r}`), vSub(0, index, splatK(0, BigInt(16 * r))));
    value = vOr(value, part);
  }
  return value;
}

const list = (registers: number): string =>
  Array.from({ length: registers }, (_, r) => (r === 0 ? '<Vn.16B>' : `<Vn+${r}.16B>`)).join(', ');

/** AdvSIMD table lookup (Arm ARM C4.1.96). */
export const rows: readonly Row[] = [1, 2, 3, 4].flatMap((registers) =>
  (['TBL', 'TBX'] as const).map(
    (name, op): Row => ({
      name: `${name}_asimdtbl_L${registers}_${registers}`,
      pattern: `0 Q 001110 000 Rm:5 0 ${(registers - 1).toString(2).padStart(2, '0')} ${op} 00 Rn:5 Rd:5`,
      asm: `${name.toLowerCase()} <Vd.TB>, {${list(registers)}}, <Vm.TB>`,
      cold: true,
      sem: (x, f) => {
        const index = readV(x, 'Rm');
        const found = lookUp(x, registers, index);
        const inside = lanes(0, 'lt_u', index, splatK(0, BigInt(16 * registers)));
        writeResult(vectorShape(x, f, 0), { value: name === 'TBL' ? found : vSelect(inside, found, x.V('Rd')) });
      },
    }),
  ),
);
