import type { Expr } from '../wasm/expr.ts';
import type { Fields, Row } from './row.ts';
import type { Sem } from './sem.ts';
import type { Op } from './simd-integer-ops.ts';
import { accumulate, doublingMultiplyHigh, multiply, roundingDoublingMultiplyAdd } from './simd-integer-ops.ts';
import { laneBits, readV, scalarShape, splat, vectorShape, writeResult } from './simd-lanes.ts';
import type { Accumulation, LongOp } from './simd-long-ops.ts';
import { doublingLongMultiply, longMultiply, writeLong } from './simd-long-ops.ts';

interface SameWidth {
  readonly op: Op;
}
interface Long {
  readonly long: LongOp;
  readonly accumulation: Accumulation;
}
/** An instruction whose second source is one lane for all. */
type ByElement = (SameWidth | Long) & {
  readonly name: string;
  readonly U: 0 | 1;
  readonly opcode: string;
  readonly scalar?: true;
  readonly feature?: 'FEAT_RDM';
};

const longPair = (suffix: string, opcode: string, accumulation: Accumulation): ByElement[] => [
  { name: `S${suffix}`, U: 0, opcode, long: longMultiply(true), accumulation },
  { name: `U${suffix}`, U: 1, opcode, long: longMultiply(false), accumulation },
];

const TABLE: readonly ByElement[] = [
  { name: 'MLA', U: 1, opcode: '0000', op: accumulate('add', multiply) },
  { name: 'MLS', U: 1, opcode: '0100', op: accumulate('sub', multiply) },
  { name: 'MUL', U: 0, opcode: '1000', op: multiply },
  ...longPair('MLAL', '0010', 'add'),
  ...longPair('MLSL', '0110', 'sub'),
  ...longPair('MULL', '1010', 'none'),
  { name: 'SQDMLAL', U: 0, opcode: '0011', long: doublingLongMultiply, accumulation: 'satAdd', scalar: true },
  { name: 'SQDMLSL', U: 0, opcode: '0111', long: doublingLongMultiply, accumulation: 'satSub', scalar: true },
  { name: 'SQDMULL', U: 0, opcode: '1011', long: doublingLongMultiply, accumulation: 'none', scalar: true },
  { name: 'SQDMULH', U: 0, opcode: '1100', op: doublingMultiplyHigh(false), scalar: true },
  { name: 'SQRDMULH', U: 0, opcode: '1101', op: doublingMultiplyHigh(true), scalar: true },
  { name: 'SQRDMLAH', U: 1, opcode: '1101', op: roundingDoublingMultiplyAdd(false), scalar: true, feature: 'FEAT_RDM' },
  { name: 'SQRDMLSH', U: 1, opcode: '1111', op: roundingDoublingMultiplyAdd(true), scalar: true, feature: 'FEAT_RDM' },
];

/** The encodings of the lane: 16-bit lanes take M as an index bit and V0 to V15, 32-bit ones take it as a register bit. */
const LANES = [
  { size: 1, letter: 'H', suffix: 'h', bits: '01 immL immM Rm:4', index: 'immH:immL:immM' },
  { size: 2, letter: 'S', suffix: 's', bits: '10 immL Rm:5', index: 'immH:immL' },
] as const;
type Lane = (typeof LANES)[number];

const laneIndex = (size: number, f: Fields): number =>
  size === 1 ? f.immH! * 4 + f.immL! * 2 + f.immM! : f.immH! * 2 + f.immL!;

/** The chosen lane of Rm in every lane. */
function element(x: Sem, size: number): Expr {
  const at = x.imm32((f) => laneIndex(size, f) << size);
  return x.tmp(splat(size, x.vPart(size === 1 ? 'i32_16u' : 'i32', 'Rm', at)));
}

function semantics(i: ByElement, size: number, scalar: boolean): Row['sem'] {
  return (x, f) => {
    const [n, m] = [readV(x, 'Rn'), element(x, size)];
    if ('op' in i) {
      const shape = scalar ? scalarShape(x, size) : vectorShape(x, f, size);
      writeResult(
        shape,
        i.op(shape, n, m, () => readV(x, 'Rd')),
      );
    } else {
      writeLong(x, size, scalar ? laneBits(size + 1) : 128, i.accumulation, i.long(x, size, f.Q === 1, n, m));
    }
  };
}

function vectorRow(i: ByElement, l: Lane): Row {
  const wide = l.letter === 'H' ? '4S' : '2D';
  const mnemonic = i.name.toLowerCase();
  const operands = 'op' in i ? `${mnemonic} <Vd.T${l.letter}>` : `${mnemonic}<2> <Vd.${wide}>`;
  return {
    name: `${i.name}_asimdelem_${l.suffix}`,
    pattern: `0 Q ${i.U} 01111 ${l.bits} ${i.opcode} immH 0 Rn:5 Rd:5`,
    asm: `${operands}, <Vn.T${l.letter}>, <Vm.${l.letter}[${l.index}]>`,
    ...(i.feature ? { feature: i.feature } : {}),
    cold: true,
    sem: semantics(i, l.size, false),
  };
}

function scalarRow(i: ByElement, l: Lane): Row {
  const wide = l.letter === 'H' ? 'S' : 'D';
  return {
    name: `${i.name}_asisdelem_${l.suffix}`,
    pattern: `01 ${i.U} 11111 ${l.bits} ${i.opcode} immH 0 Rn:5 Rd:5`,
    asm: `${i.name.toLowerCase()} <${'op' in i ? l.letter : wide}d>, <${l.letter}n>, <Vm.${l.letter}[${l.index}]>`,
    ...(i.feature ? { feature: i.feature } : {}),
    cold: true,
    sem: semantics(i, l.size, true),
  };
}

/** AdvSIMD vector x indexed element, and its scalar forms, on integers (Arm ARM C4.1.96). */
export const rows: readonly Row[] = TABLE.flatMap((i) =>
  LANES.flatMap((l) => (i.scalar ? [vectorRow(i, l), scalarRow(i, l)] : [vectorRow(i, l)])),
);
