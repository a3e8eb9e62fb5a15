/** Scalar floating-point: data processing, compare, select, immediate, FMOV (Arm ARM C4.1.96). */
import { and, i32, select, xor } from '../wasm/expr.ts';
import {
  areNumbers,
  constant,
  type Lanes,
  magnitudeMask,
  noFlush,
  type Operand,
  register,
  scalarLanes,
  signMask,
  soft,
} from './fp-lanes.ts';
import * as op from './fp-ops.ts';
import type { Fields, Row } from './row.ts';
import type { Sem } from './sem.ts';

/** `ftype` 0 is single, 1 is double precision; 3 is half, which has conversions only. */
const isSingleOrDouble = (f: Fields): boolean => f.ftype! < 2;
const lanesOf = (x: Sem, f: Fields): Lanes => scalarLanes(x, f.ftype!);

function oneSource(name: string, opcode: string, cold: boolean, sem: (l: Lanes, a: Operand) => void): Row {
  return {
    name: `${name}_float`,
    pattern: `00011110 ftype:2 1 ${opcode} 10000 Rn:5 Rd:5`,
    asm: `${name.toLowerCase()} <Fd>, <Fn>`,
    when: isSingleOrDouble,
    cold,
    sem: (x, f) => {
      const l = lanesOf(x, f);
      sem(l, register(l, 'Rn'));
    },
  };
}

function twoSource(name: string, opcode: string, cold: boolean, run: op.BinaryOp): Row {
  return {
    name: `${name}_float`,
    pattern: `00011110 ftype:2 1 Rm:5 ${opcode} 10 Rn:5 Rd:5`,
    asm: `${name.toLowerCase()} <Fd>, <Fn>, <Fm>`,
    when: isSingleOrDouble,
    cold,
    sem: (x, f) => {
      const l = lanesOf(x, f);
      run(l, register(l, 'Rn'), register(l, 'Rm'));
    },
  };
}

/** Ra + Rn * Rm with the signs of the addend and of the product as the instruction's name says. */
function threeSource(name: string, o1: 0 | 1, o0: 0 | 1): Row {
  return {
    name: `${name}_float`,
    pattern: `00011111 ftype:2 ${o1} Rm:5 ${o0} Ra:5 Rn:5 Rd:5`,
    asm: `${name.toLowerCase()} <Fd>, <Fn>, <Fm>, <Fa>`,
    when: isSingleOrDouble,
    cold: true,
    sem: (x, f) => {
      const l = lanesOf(x, f);
      op.multiplyAdd(l, o1 !== o0, register(l, 'Rn'), register(l, 'Rm'), register(l, 'Ra'), o1 === 1);
    },
  };
}

/** Sets NZCV from the comparison of Rn with Rm, or with zero. */
function setCompared(l: Lanes, b: Operand, signalling: boolean): void {
  const { x } = l;
  const a = register(l, 'Rn');
  const [n, m] = [x.tmp(a.native()), x.tmp(b.native())];
  x.expect(
    [noFlush(x), areNumbers(l, n, m)],
    undefined,
    () => x.floatFlags(n, m),
    () => x.setNzcv(soft(l, 'fpCompare', a.lane(0), b.lane(0), i32(signalling ? 1 : 0))),
  );
}

const compareRows = ['FCMP', 'FCMPE'].flatMap((name, signalling): Row[] => [
  {
    name: `${name}_float`,
    pattern: `00011110 ftype:2 1 Rm:5 00 1000 Rn:5 ${signalling}0 000`,
    asm: `${name.toLowerCase()} <Fn>, <Fm>`,
    when: isSingleOrDouble,
    sem: (x, f) => setCompared(lanesOf(x, f), register(lanesOf(x, f), 'Rm'), signalling === 1),
  },
  {
    name: `${name}_zero_float`,
    pattern: `00011110 ftype:2 1 xxxxx 00 1000 Rn:5 ${signalling}1 000`,
    asm: `${name.toLowerCase()} <Fn>, #0.0`,
    when: isSingleOrDouble,
    sem: (x, f) => setCompared(lanesOf(x, f), constant(lanesOf(x, f), 0), signalling === 1),
  },
]);

const conditionalRows: Row[] = [
  ...['FCCMP', 'FCCMPE'].map(
    (name, signalling): Row => ({
      name: `${name}_float`,
      pattern: `00011110 ftype:2 1 Rm:5 cond:4 01 Rn:5 ${signalling} immnzcv:4`,
      asm: `${name.toLowerCase()} <Fn>, <Fm>, <#immnzcv>, <cond>`,
      when: isSingleOrDouble,
      cold: true,
      sem: (x, f) => {
        const l = lanesOf(x, f);
        x.if(
          x.cond(f.cond!),
          () => setCompared(l, register(l, 'Rm'), signalling === 1),
          () => x.setNzcv(x.imm32((g) => g.immnzcv!)),
        );
      },
    }),
  ),
  {
    name: 'FCSEL_float',
    pattern: '00011110 ftype:2 1 Rm:5 cond:4 11 Rn:5 Rd:5',
    asm: 'fcsel <Fd>, <Fn>, <Fm>, <cond>',
    when: isSingleOrDouble,
    cold: true,
    sem: (x, f) => {
      const l = lanesOf(x, f);
      x.setVScalar('Rd', select(x.cond(f.cond!), register(l, 'Rn').lane(0), register(l, 'Rm').lane(0)));
    },
  },
];

/** VFPExpandImm: the number that eight bits stand for, ±n/16 * 2^r with n from 16 to 31 and r from -3 to 4. */
export function expandFpImmediate(imm8: number): number {
  const exponent = ((imm8 >> 4) & 7) ^ 4;
  return (imm8 & 0x80 ? -1 : 1) * (1 + (imm8 & 15) / 16) * 2 ** (exponent - 3);
}

const immediateBits = (l: Lanes, imm8: number): bigint => {
  const view = new DataView(new ArrayBuffer(8));
  if (l.fmt.t === 'i32') view.setFloat32(4, expandFpImmediate(imm8));
  else view.setFloat64(0, expandFpImmediate(imm8));
  return view.getBigUint64(0);
};

const moveRows: Row[] = [
  {
    name: 'FMOV_float_imm',
    pattern: '00011110 ftype:2 1 imm8:8 100 00000 Rd:5',
    asm: 'fmov <Fd>, <#fpimm8>',
    when: isSingleOrDouble,
    sem: (x, f) => {
      const l = lanesOf(x, f);
      x.setVScalar(
        'Rd',
        x.wide(l.fmt.bits, (g) => immediateBits(l, g.imm8!)),
      );
    },
  },
  {
    name: 'FMOV_float_to_gen_32',
    pattern: '00011110 00 1 00 110 000000 Rn:5 Rd:5',
    asm: 'fmov <Wd>, <Sn>',
    sem: (x) => x.setX('Rd', x.vPart('i32', 'Rn')),
  },
  {
    name: 'FMOV_float_to_gen_64',
    pattern: '10011110 01 1 00 110 000000 Rn:5 Rd:5',
    asm: 'fmov <Xd>, <Dn>',
    sem: (x) => x.setX('Rd', x.vPart('i64', 'Rn')),
  },
  {
    name: 'FMOV_float_to_gen_top',
    pattern: '10011110 10 1 01 110 000000 Rn:5 Rd:5',
    asm: 'fmov <Xd>, <Vn.D[1]>',
    cold: true,
    sem: (x) => x.setX('Rd', x.vPart('i64', 'Rn', 8)),
  },
  {
    name: 'FMOV_gen_to_float_32',
    pattern: '00011110 00 1 00 111 000000 Rn:5 Rd:5',
    asm: 'fmov <Sd>, <Wn>',
    sem: (x) => x.setVScalar('Rd', x.X('Rn', 32)),
  },
  {
    name: 'FMOV_gen_to_float_64',
    pattern: '10011110 01 1 00 111 000000 Rn:5 Rd:5',
    asm: 'fmov <Dd>, <Xn>',
    sem: (x) => x.setVScalar('Rd', x.X('Rn', 64)),
  },
  {
    name: 'FMOV_gen_to_float_top',
    pattern: '10011110 10 1 01 111 000000 Rn:5 Rd:5',
    asm: 'fmov <Vd.D[1]>, <Xn>',
    cold: true,
    sem: (x) => x.setVPart(8, 'Rd', x.X('Rn', 64), 8),
  },
];

export const rows: readonly Row[] = [
  oneSource('FMOV', '000000', false, (l, a) => l.x.setVScalar('Rd', a.lane(0))),
  oneSource('FABS', '000001', true, (l, a) => l.x.setVScalar('Rd', and(a.lane(0), magnitudeMask(l)))),
  oneSource('FNEG', '000010', true, (l, a) => l.x.setVScalar('Rd', xor(a.lane(0), signMask(l)))),
  oneSource('FSQRT', '000011', true, op.fsqrt),
  twoSource('FMUL', '0000', false, op.fmul),
  twoSource('FDIV', '0001', false, op.fdiv),
  twoSource('FADD', '0010', false, op.fadd),
  twoSource('FSUB', '0011', false, op.fsub),
  twoSource('FMAX', '0100', true, op.fmax),
  twoSource('FMIN', '0101', true, op.fmin),
  twoSource('FMAXNM', '0110', true, op.fmaxnm),
  twoSource('FMINNM', '0111', true, op.fminnm),
  twoSource('FNMUL', '1000', true, op.fnmul),
  threeSource('FMADD', 0, 0),
  threeSource('FMSUB', 0, 1),
  threeSource('FNMADD', 1, 0),
  threeSource('FNMSUB', 1, 1),
  ...compareRows,
  ...conditionalRows,
  ...moveRows,
];
