import { laneOp, lanes } from '../wasm/simd-ops.ts';
import type { Row } from './row.ts';
import { everySecond, laneBits, readV, splatK, vAdd, writeNarrow, ZERO } from './simd-lanes.ts';
import type { Accumulation, LongOp } from './simd-long-ops.ts';
import {
  doublingLongMultiply,
  longAbsoluteDifference,
  longAdd,
  longMultiply,
  polynomialLong,
  wideAdd,
  writeLong,
} from './simd-long-ops.ts';

/** An instruction with a destination of wide lanes. */
export interface ThreeLong {
  readonly name: string;
  readonly U: 0 | 1;
  readonly opcode: string;
  readonly sizes: string;
  /** The first source is wide, too. */
  readonly wide?: boolean;
  readonly accumulation: Accumulation;
  readonly op: LongOp;
}

function both(
  suffix: string,
  opcode: string,
  op: (signed: boolean) => LongOp,
  accumulation: Accumulation = 'none',
  wide = false,
): ThreeLong[] {
  return [true, false].map((signed) => ({
    name: `${signed ? 'S' : 'U'}${suffix}`,
    U: signed ? 0 : 1,
    opcode,
    sizes: '012',
    wide,
    accumulation,
    op: op(signed),
  }));
}

const saturating = (name: string, opcode: string, accumulation: Accumulation): ThreeLong => ({
  name,
  U: 0,
  opcode,
  sizes: '12',
  accumulation,
  op: doublingLongMultiply,
});

/** Those that have a scalar form. */
export const DOUBLING: readonly ThreeLong[] = [
  saturating('SQDMLAL', '1001', 'satAdd'),
  saturating('SQDMLSL', '1011', 'satSub'),
  saturating('SQDMULL', '1101', 'none'),
];

const LONG: readonly ThreeLong[] = [
  ...both('ADDL', '0000', (signed) => longAdd('add', signed)),
  ...both('ADDW', '0001', (signed) => wideAdd('add', signed), 'none', true),
  ...both('SUBL', '0010', (signed) => longAdd('sub', signed)),
  ...both('SUBW', '0011', (signed) => wideAdd('sub', signed), 'none', true),
  ...both('ABAL', '0101', longAbsoluteDifference, 'add'),
  ...both('ABDL', '0111', longAbsoluteDifference),
  ...both('MLAL', '1000', longMultiply, 'add'),
  ...both('MLSL', '1010', longMultiply, 'sub'),
  ...both('MULL', '1100', longMultiply),
  ...DOUBLING,
  { name: 'PMULL', U: 0, opcode: '1110', sizes: '0', accumulation: 'none', op: polynomialLong },
];

/** High halves of sums and differences: name, U, opcode, instruction, rounding. */
const NARROW: readonly [string, 0 | 1, string, 'add' | 'sub', boolean][] = [
  ['ADDHN', 0, '0100', 'add', false],
  ['RADDHN', 1, '0100', 'add', true],
  ['SUBHN', 0, '0110', 'sub', false],
  ['RSUBHN', 1, '0110', 'sub', true],
];

const pattern = (U: number, size: string, opcode: string): string =>
  `0 Q ${U} 01110 ${size} 1 Rm:5 ${opcode} 00 Rn:5 Rd:5`;

/** AdvSIMD three different (Arm ARM C4.1.96). */
export const rows: readonly Row[] = [
  ...LONG.map(
    (i): Row => ({
      name: `${i.name}_asimddiff`,
      pattern: pattern(i.U, 'size:2', i.opcode),
      asm: `${i.name.toLowerCase()}<2> <Vd.Ta>, <Vn.${i.wide ? 'Ta' : 'Tb'}>, <Vm.Tb>`,
      when: (f) => i.sizes.includes(String(f.size)),
      cold: true,
      sem: (x, f) => {
        const result = i.op(x, f.size!, f.Q === 1, readV(x, 'Rn'), readV(x, 'Rm'));
        writeLong(x, f.size!, 128, i.accumulation, result);
      },
    }),
  ),
  ...NARROW.map(
    ([name, U, opcode, instruction, rounding]): Row => ({
      name: `${name}_asimddiff`,
      pattern: pattern(U, 'size:2', opcode),
      asm: `${name.toLowerCase()}<2> <Vd.Tb>, <Vn.Ta>, <Vm.Ta>`,
      when: (f) => f.size !== 3,
      cold: true,
      sem: (x, f) => {
        const size = f.size!;
        const value = lanes(size + 1, instruction, x.V('Rn'), x.V('Rm'));
        const half = splatK(size + 1, 1n << BigInt(laneBits(size) - 1));
        writeNarrow(x, f, everySecond(size, rounding ? vAdd(size + 1, value, half) : value, ZERO, true));
      },
    }),
  ),
  {
    name: 'PMULL_asimddiff_1Q',
    pattern: pattern(0, '11', '1110'),
    asm: 'pmull<2> <Vd.1Q>, <Vn.TD>, <Vm.TD>',
    feature: 'FEAT_PMULL',
    cold: true,
    sem: (x, f) => {
      const operand = (field: string) => laneOp('i64x2.extract_lane', f.Q!, x.V(field));
      x.setV('Rd', x.call('simdClmul64', operand('Rn'), operand('Rm')));
    },
  },
];
