import type { Expr } from '../wasm/expr.ts';
import { v128 } from '../wasm/expr.ts';
import { simdOp } from '../wasm/simd-ops.ts';
import type { Row } from './row.ts';
import { lowHalves } from './simd-integer-ops.ts';
import { readV, splat, splatK, vAdd, vectorShape, vOr, vSub, writeResult } from './simd-lanes.ts';

/** The numbers 0 to 15. */
const IOTA = v128(0x0706_0504_0302_0100n, 0x0f0e_0d0c_0b0a_0908n);

const look = (table: Expr, index: Expr): Expr => simdOp('i8x16.swizzle', table, index);

/** AdvSIMD extract (Arm ARM C4.1.96). */
export const rows: readonly Row[] = [
  {
    name: 'EXT_asimdext_only',
    pattern: '0 Q 101110 000 Rm:5 0 imm4:4 0 Rn:5 Rd:5',
    asm: 'ext <Vd.TB>, <Vn.TB>, <Vm.TB>, <#imm4>',
    check: (f) => f.Q === 1 || f.imm4! < 8,
    cold: true,
    sem: (x, f) => {
      const index = x.tmp(
        vAdd(
          0,
          IOTA,
          splat(
            0,
            x.imm32((fields) => fields.imm4!),
          ),
        ),
      );
      const [n, m] = [readV(x, 'Rn'), readV(x, 'Rm')];
      // A swizzle gives zero for indices outside of its table.
      const value = f.Q ? vOr(look(n, index), look(m, vSub(0, index, splatK(0, 16n)))) : look(lowHalves(n, m), index);
      writeResult(vectorShape(x, f, 0), { value });
    },
  },
];
