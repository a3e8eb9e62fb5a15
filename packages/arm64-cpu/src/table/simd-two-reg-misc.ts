import { i32 } from '../wasm/expr.ts';
import type { Row } from './row.ts';
import { extend, laneBits, readV, vectorShape, vNot, vShl, writeResult } from './simd-lanes.ts';
import { narrowVector } from './simd-narrow.ts';
import { arrangement } from './simd-three-same.ts';
import type { NarrowOp, UnaryOp } from './simd-unary-ops.ts';
import * as op from './simd-unary-ops.ts';

/** An instruction with one source and a destination. */
export interface TwoRegMisc {
  readonly name: string;
  readonly U: 0 | 1;
  readonly opcode: string;
  readonly sizes: string;
  readonly scalar?: string;
  /** Third operand, `#0` of comparisons. */
  readonly zero?: true;
  /** Arrangement of the destination where it isn't the source's. */
  readonly destination?: 'Tp';
  readonly op: UnaryOp;
}

const ALL = '0123';

const zero = (name: string, U: 0 | 1, opcode: string, comparison: string): TwoRegMisc => ({
  name,
  U,
  opcode,
  sizes: ALL,
  scalar: '3',
  zero: true,
  op: op.compareZero(comparison),
});

const pairs = (name: string, U: 0 | 1, opcode: string, accumulate: boolean): TwoRegMisc => ({
  name,
  U,
  opcode,
  sizes: '012',
  destination: 'Tp',
  op: op.pairwiseLong(U === 0, accumulate),
});

/** AdvSIMD two-register miscellaneous on integers, without those that change the lanes' width (Arm ARM C4.1.96). */
export const TWO_REG_MISC: readonly TwoRegMisc[] = [
  { name: 'REV64', U: 0, opcode: '00000', sizes: '012', op: op.reverse(8) },
  { name: 'REV32', U: 1, opcode: '00000', sizes: '01', op: op.reverse(4) },
  { name: 'REV16', U: 0, opcode: '00001', sizes: '0', op: op.reverse(2) },
  pairs('SADDLP', 0, '00010', false),
  pairs('UADDLP', 1, '00010', false),
  pairs('SADALP', 0, '00110', true),
  pairs('UADALP', 1, '00110', true),
  { name: 'SUQADD', U: 0, opcode: '00011', sizes: ALL, scalar: ALL, op: op.signedPlusUnsigned },
  { name: 'USQADD', U: 1, opcode: '00011', sizes: ALL, scalar: ALL, op: op.unsignedPlusSigned },
  { name: 'CLS', U: 0, opcode: '00100', sizes: '012', op: op.countLeadingSigns },
  { name: 'CLZ', U: 1, opcode: '00100', sizes: '012', op: op.countLeadingZeros },
  { name: 'CNT', U: 0, opcode: '00101', sizes: '0', op: op.nativeUnary('popcnt') },
  { name: 'SQABS', U: 0, opcode: '00111', sizes: ALL, scalar: ALL, op: op.saturatingUnary('abs') },
  { name: 'SQNEG', U: 1, opcode: '00111', sizes: ALL, scalar: ALL, op: op.saturatingUnary('neg') },
  zero('CMGT', 0, '01000', 'gt_s'),
  zero('CMGE', 1, '01000', 'ge_s'),
  zero('CMEQ', 0, '01001', 'eq'),
  zero('CMLE', 1, '01001', 'le_s'),
  zero('CMLT', 0, '01010', 'lt_s'),
  { name: 'ABS', U: 0, opcode: '01011', sizes: ALL, scalar: '3', op: op.nativeUnary('abs') },
  { name: 'NEG', U: 1, opcode: '01011', sizes: ALL, scalar: '3', op: op.nativeUnary('neg') },
];

/** Instructions that halve the lanes' width, with scalar forms where they saturate: name, U, opcode. */
export const NARROWING: readonly [string, 0 | 1, string, NarrowOp][] = [
  ['XTN', 0, '10010', op.truncate],
  ['SQXTUN', 1, '10010', op.saturateToUnsigned],
  ['SQXTN', 0, '10100', op.saturateSigned],
  ['UQXTN', 1, '10100', op.saturateUnsigned],
];

const pattern = (U: number, size: string, opcode: string): string =>
  `0 Q ${U} 01110 ${size} 10000 ${opcode} 10 Rn:5 Rd:5`;

export const rows: readonly Row[] = [
  ...TWO_REG_MISC.map(
    (i): Row => ({
      name: `${i.name}_asimdmisc`,
      pattern: pattern(i.U, 'size:2', i.opcode),
      asm: `${i.name.toLowerCase()} <Vd.${i.destination ?? 'T'}>, <Vn.T>${i.zero ? ', #0' : ''}`,
      when: arrangement(i.sizes),
      cold: true,
      sem: (x, f) => {
        const shape = vectorShape(x, f);
        writeResult(
          shape,
          i.op(shape, readV(x, 'Rn'), () => readV(x, 'Rd')),
        );
      },
    }),
  ),
  ...NARROWING.map(
    ([name, U, opcode, narrow]): Row => ({
      name: `${name}_asimdmisc`,
      pattern: pattern(U, 'size:2', opcode),
      asm: `${name.toLowerCase()}<2> <Vd.Tb>, <Vn.Ta>`,
      when: (f) => f.size !== 3,
      cold: true,
      sem: (x, f) => narrowVector(x, f, f.size!, narrow, readV(x, 'Rn')),
    }),
  ),
  {
    name: 'SHLL_asimdmisc',
    pattern: pattern(1, 'size:2', '10011'),
    asm: 'shll<2> <Vd.Ta>, <Vn.Tb>, <#lanebits>',
    when: (f) => f.size !== 3,
    cold: true,
    sem: (x, f) => {
      const wide = extend(f.size!, false, f.Q === 1, x.V('Rn'));
      x.setV('Rd', vShl(f.size! + 1, wide, i32(laneBits(f.size!))));
    },
  },
  {
    name: 'NOT_asimdmisc',
    pattern: pattern(1, '00', '00101'),
    asm: 'mvn <Vd.TB>, <Vn.TB>',
    cold: true,
    sem: (x, f) => writeResult(vectorShape(x, f, 0), { value: vNot(x.V('Rn')) }),
  },
  {
    name: 'RBIT_asimdmisc',
    pattern: pattern(1, '01', '00101'),
    asm: 'rbit <Vd.TB>, <Vn.TB>',
    cold: true,
    sem: (x, f) => {
      const shape = vectorShape(x, f, 0);
      writeResult(
        shape,
        op.reverseBits(shape, readV(x, 'Rn'), () => readV(x, 'Rd')),
      );
    },
  },
];
