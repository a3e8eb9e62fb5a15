import type { Expr } from '../wasm/expr.ts';
import type { Row } from './row.ts';
import type { Op } from './simd-integer-ops.ts';
import * as op from './simd-integer-ops.ts';
import { readV, vAnd, vAndNot, vectorShape, vNot, vOr, vSelect, vXor, writeResult } from './simd-lanes.ts';

/** An instruction with two sources and a destination of one arrangement. */
export interface ThreeSame {
  readonly name: string;
  readonly U: 0 | 1;
  readonly opcode: string;
  /** Values of `size` that are allocated in the vector form. */
  readonly sizes: string;
  /** The same of the scalar form, where there is one. */
  readonly scalar?: string;
  readonly op: Op;
}

const ALL = '0123';

/** A signed instruction and the unsigned one beside it. */
function both(
  suffix: string,
  opcode: string,
  sizes: string,
  make: (signed: boolean) => Op,
  scalar?: string,
): ThreeSame[] {
  return [true, false].map((signed) => {
    const name = `${signed ? 'S' : 'U'}${suffix}`;
    return { name, U: signed ? 0 : 1, opcode, sizes, op: make(signed), ...(scalar ? { scalar } : {}) };
  });
}

const shift = (suffix: string, opcode: string, scalar: string): ThreeSame[] =>
  both(suffix, opcode, ALL, (signed) => op.shiftByRegister(`simd${signed ? 'S' : 'U'}${suffix}`, signed), scalar);

const sign = (signed: boolean): string => (signed ? 's' : 'u');

/** AdvSIMD three same, without the bitwise ones (Arm ARM C4.1.96). */
export const THREE_SAME: readonly ThreeSame[] = [
  ...both('HADD', '00000', '012', op.halvingAdd),
  ...both('QADD', '00001', ALL, op.satAdd, ALL),
  ...both('RHADD', '00010', '012', op.roundingHalvingAdd),
  ...both('HSUB', '00100', '012', op.halvingSub),
  ...both('QSUB', '00101', ALL, op.satSub, ALL),
  { name: 'CMGT', U: 0, opcode: '00110', sizes: ALL, scalar: '3', op: op.comparison('gt_s') },
  { name: 'CMHI', U: 1, opcode: '00110', sizes: ALL, scalar: '3', op: op.comparison('gt_u') },
  { name: 'CMGE', U: 0, opcode: '00111', sizes: ALL, scalar: '3', op: op.comparison('ge_s') },
  { name: 'CMHS', U: 1, opcode: '00111', sizes: ALL, scalar: '3', op: op.comparison('ge_u') },
  ...shift('SHL', '01000', '3'),
  ...shift('QSHL', '01001', ALL),
  ...shift('RSHL', '01010', '3'),
  ...shift('QRSHL', '01011', ALL),
  ...both('MAX', '01100', '012', (signed) => op.native(`max_${sign(signed)}`)),
  ...both('MIN', '01101', '012', (signed) => op.native(`min_${sign(signed)}`)),
  ...both('ABD', '01110', '012', op.absoluteDifference),
  ...both('ABA', '01111', '012', (signed) => op.accumulate('add', op.absoluteDifference(signed))),
  { name: 'ADD', U: 0, opcode: '10000', sizes: ALL, scalar: '3', op: op.native('add') },
  { name: 'SUB', U: 1, opcode: '10000', sizes: ALL, scalar: '3', op: op.native('sub') },
  { name: 'CMTST', U: 0, opcode: '10001', sizes: ALL, scalar: '3', op: op.testBits },
  { name: 'CMEQ', U: 1, opcode: '10001', sizes: ALL, scalar: '3', op: op.comparison('eq') },
  { name: 'MLA', U: 0, opcode: '10010', sizes: '012', op: op.accumulate('add', op.multiply) },
  { name: 'MLS', U: 1, opcode: '10010', sizes: '012', op: op.accumulate('sub', op.multiply) },
  { name: 'MUL', U: 0, opcode: '10011', sizes: '012', op: op.multiply },
  { name: 'PMUL', U: 1, opcode: '10011', sizes: '0', op: op.polynomialMultiply },
  ...both('MAXP', '10100', '012', (signed) => op.pairwise(`max_${sign(signed)}`)),
  ...both('MINP', '10101', '012', (signed) => op.pairwise(`min_${sign(signed)}`)),
  { name: 'SQDMULH', U: 0, opcode: '10110', sizes: '12', scalar: '12', op: op.doublingMultiplyHigh(false) },
  { name: 'SQRDMULH', U: 1, opcode: '10110', sizes: '12', scalar: '12', op: op.doublingMultiplyHigh(true) },
  { name: 'ADDP', U: 0, opcode: '10111', sizes: ALL, op: op.pairwise('add') },
];

/** Bitwise instructions, where `size` is part of the opcode: name, U, size. */
const BITWISE: readonly [string, 0 | 1, string, (n: Expr, m: Expr, d: () => Expr) => Expr][] = [
  ['AND', 0, '00', (n, m) => vAnd(n, m)],
  ['BIC', 0, '01', (n, m) => vAndNot(n, m)],
  ['ORR', 0, '10', (n, m) => vOr(n, m)],
  ['ORN', 0, '11', (n, m) => vOr(n, vNot(m))],
  ['EOR', 1, '00', (n, m) => vXor(n, m)],
  ['BSL', 1, '01', (n, m, d) => vSelect(d(), n, m)],
  ['BIT', 1, '10', (n, m, d) => vSelect(m, n, d())],
  ['BIF', 1, '11', (n, m, d) => vSelect(m, d(), n)],
];

/** FEAT_RDM's accumulating forms (three same extra). */
export const MULTIPLY_ADD: readonly ThreeSame[] = [
  { name: 'SQRDMLAH', U: 1, opcode: '0000', sizes: '12', scalar: '12', op: op.roundingDoublingMultiplyAdd(false) },
  { name: 'SQRDMLSH', U: 1, opcode: '0001', sizes: '12', scalar: '12', op: op.roundingDoublingMultiplyAdd(true) },
];

/** True if `size` is among `sizes` and 64-bit lanes fill a whole register. */
export const arrangement =
  (sizes: string) =>
  (f: Readonly<Record<string, number>>): boolean =>
    sizes.includes(String(f.size)) && !(f.size === 3 && f.Q === 0);

const OPERANDS = '<Vd.T>, <Vn.T>, <Vm.T>';

const vectorSem =
  (run: Op): Row['sem'] =>
  (x, f) => {
    const shape = vectorShape(x, f);
    writeResult(
      shape,
      run(shape, readV(x, 'Rn'), readV(x, 'Rm'), () => readV(x, 'Rd')),
    );
  };

export const rows: readonly Row[] = [
  ...THREE_SAME.map(
    (i): Row => ({
      name: `${i.name}_asimdsame`,
      pattern: `0 Q ${i.U} 01110 size:2 1 Rm:5 ${i.opcode} 1 Rn:5 Rd:5`,
      asm: `${i.name.toLowerCase()} ${OPERANDS}`,
      when: arrangement(i.sizes),
      cold: true,
      sem: vectorSem(i.op),
    }),
  ),
  ...MULTIPLY_ADD.map(
    (i): Row => ({
      name: `${i.name}_asimdsame2`,
      pattern: `0 Q 1 01110 size:2 0 Rm:5 1 ${i.opcode} 1 Rn:5 Rd:5`,
      asm: `${i.name.toLowerCase()} ${OPERANDS}`,
      feature: 'FEAT_RDM',
      when: arrangement(i.sizes),
      cold: true,
      sem: vectorSem(i.op),
    }),
  ),
  ...BITWISE.map(
    ([name, U, size, run]): Row => ({
      name: `${name}_asimdsame`,
      pattern: `0 Q ${U} 01110 ${size} 1 Rm:5 00011 1 Rn:5 Rd:5`,
      asm: `${name.toLowerCase()} <Vd.TB>, <Vn.TB>, <Vm.TB>`,
      cold: true,
      sem: (x, f) =>
        writeResult(vectorShape(x, f, 0), {
          value: run(x.V('Rn'), x.V('Rm'), () => x.V('Rd')),
        }),
    }),
  ),
];
