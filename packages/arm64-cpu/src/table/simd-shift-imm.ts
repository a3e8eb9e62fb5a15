import type { Fields, Row } from './row.ts';
import { extend, readV, vectorShape, vShl, writeResult } from './simd-lanes.ts';
import { narrowVector } from './simd-narrow.ts';
import type { ShiftOp } from './simd-shift-ops.ts';
import * as op from './simd-shift-ops.ts';
import type { NarrowOp } from './simd-unary-ops.ts';
import { saturateSigned, saturateToUnsigned, saturateUnsigned, truncate } from './simd-unary-ops.ts';

/** A shift by an immediate within lanes. */
export interface ShiftImmediate {
  readonly name: string;
  readonly U: 0 | 1;
  readonly opcode: string;
  readonly direction: 'left' | 'right';
  /** Lane sizes of the scalar form. */
  readonly scalar: readonly number[];
  readonly op: ShiftOp;
}

const ALL = [0, 1, 2, 3];

const rights = (suffix: string, opcode: string, rounding: boolean, accumulate: boolean): ShiftImmediate[] =>
  [true, false].map((signed) => ({
    name: `${signed ? 'S' : 'U'}${suffix}`,
    U: signed ? 0 : 1,
    opcode,
    direction: 'right',
    scalar: [3],
    op: op.right(signed, rounding, accumulate),
  }));

const leftOf = (name: string, U: 0 | 1, opcode: string, scalar: readonly number[], run: ShiftOp): ShiftImmediate => ({
  name,
  U,
  opcode,
  direction: 'left',
  scalar,
  op: run,
});

export const SHIFTS: readonly ShiftImmediate[] = [
  ...rights('SHR', '00000', false, false),
  ...rights('SRA', '00010', false, true),
  ...rights('RSHR', '00100', true, false),
  ...rights('RSRA', '00110', true, true),
  { name: 'SRI', U: 1, opcode: '01000', direction: 'right', scalar: [3], op: op.rightInsert },
  leftOf('SHL', 0, '01010', [3], op.leftShift),
  leftOf('SLI', 1, '01010', [3], op.leftInsert),
  leftOf('SQSHLU', 1, '01100', ALL, op.saturatingLeftUnsigned),
  leftOf('SQSHL', 0, '01110', ALL, op.saturatingLeft(true)),
  leftOf('UQSHL', 1, '01110', ALL, op.saturatingLeft(false)),
];

/** A right shift into lanes half as wide. */
export interface ShiftNarrow {
  readonly name: string;
  readonly U: 0 | 1;
  readonly opcode: string;
  /** The shift is arithmetic. */
  readonly signed: boolean;
  readonly rounding: boolean;
  readonly narrow: NarrowOp;
}

const narrowing = (
  suffix: string,
  U: 0 | 1,
  opcode: string,
  signed: boolean,
  narrow: NarrowOp,
  prefix: string,
): ShiftNarrow[] =>
  [false, true].map((rounding) => ({
    name: `${prefix}${rounding ? 'R' : ''}${suffix}`,
    U,
    opcode: `${opcode}${rounding ? 1 : 0}`,
    signed,
    rounding,
    narrow,
  }));

export const NARROWING_SHIFTS: readonly ShiftNarrow[] = [
  ...narrowing('SHRN', 0, '1000', false, truncate, ''),
  ...narrowing('SHRUN', 1, '1000', true, saturateToUnsigned, 'SQ'),
  ...narrowing('SHRN', 0, '1001', true, saturateSigned, 'SQ'),
  ...narrowing('SHRN', 1, '1001', false, saturateUnsigned, 'UQ'),
];

/** The leading one of immh gives the lane's size: suffix of the row's name, letter, and the bits of immh:immb. */
export const SIZES = [
  { size: 0, suffix: 'b', letter: 'B', bits: '0001 immb:3' },
  { size: 1, suffix: 'h', letter: 'H', bits: '001 immb:4' },
  { size: 2, suffix: 's', letter: 'S', bits: '01 immb:5' },
  { size: 3, suffix: 'd', letter: 'D', bits: '1 immb:6' },
] as const;

/** The full register of lanes twice as wide. */
const WIDE = ['8H', '4S', '2D'];

/** The assembler's operand of a shift's count. */
export const countOperand = (direction: 'left' | 'right'): string => (direction === 'left' ? '<#immb>' : '<#rshift>');

const pattern = (U: number, bits: string, opcode: string): string => `0 Q ${U} 011110 ${bits} ${opcode} 1 Rn:5 Rd:5`;

/** AdvSIMD shift by immediate on integers (Arm ARM C4.1.96). */
export const rows: readonly Row[] = [
  ...SHIFTS.flatMap((i) =>
    SIZES.map(
      ({ size, suffix, letter, bits }): Row => ({
        name: `${i.name}_asimdshf_${suffix}`,
        pattern: pattern(i.U, bits, i.opcode),
        asm: `${i.name.toLowerCase()} <Vd.T${letter}>, <Vn.T${letter}>, ${countOperand(i.direction)}`,
        ...(size === 3 ? { when: (f: Fields) => f.Q === 1 } : {}),
        cold: true,
        sem: (x, f) => {
          const shape = vectorShape(x, f, size);
          writeResult(shape, i.op(shape, readV(x, 'Rn')));
        },
      }),
    ),
  ),
  ...NARROWING_SHIFTS.flatMap((i) =>
    SIZES.slice(0, 3).map(
      ({ size, suffix, letter, bits }): Row => ({
        name: `${i.name}_asimdshf_${suffix}`,
        pattern: pattern(i.U, bits, i.opcode),
        asm: `${i.name.toLowerCase()}<2> <Vd.T${letter}>, <Vn.${WIDE[size]}>, <#rshift>`,
        cold: true,
        sem: (x, f) => {
          const shifted = op.shiftRight(x, size + 1, i.signed, i.rounding, x.V('Rn'), op.rightLessOne(x, size));
          narrowVector(x, f, size, i.narrow, shifted);
        },
      }),
    ),
  ),
  ...[true, false].flatMap((signed) =>
    SIZES.slice(0, 3).map(
      ({ size, suffix, letter, bits }): Row => ({
        name: `${signed ? 'S' : 'U'}SHLL_asimdshf_${suffix}`,
        pattern: pattern(signed ? 0 : 1, bits, '10100'),
        asm: `${signed ? 's' : 'u'}shll<2> <Vd.${WIDE[size]}>, <Vn.T${letter}>, <#immb>`,
        cold: true,
        sem: (x, f) => {
          const wide = extend(size, signed, f.Q === 1, x.V('Rn'));
          x.setV(
            'Rd',
            vShl(
              size + 1,
              wide,
              x.imm32((fields) => fields.immb!),
            ),
          );
        },
      }),
    ),
  ),
];
