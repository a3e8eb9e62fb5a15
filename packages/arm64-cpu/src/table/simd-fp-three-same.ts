/** AdvSIMD three same on floats, its scalar forms, pairwise and across lanes (Arm ARM C4.1.96). */
import { i32 } from '../wasm/expr.ts';
import { halfOf, hasArrangement, pairs, register, scalarLanes, soft, vectorLanes } from './fp-lanes.ts';
import * as op from './fp-ops.ts';
import type { Row } from './row.ts';

interface ThreeSame {
  readonly name: string;
  readonly U: 0 | 1;
  /** Bit 23. */
  readonly a: 0 | 1;
  readonly opcode: string;
  readonly op: op.FusedOp;
  readonly form?: 'scalar too' | 'pairwise';
}

const TABLE: readonly ThreeSame[] = [
  { name: 'FMAXNM', U: 0, a: 0, opcode: '11000', op: op.fmaxnm },
  { name: 'FMLA', U: 0, a: 0, opcode: '11001', op: op.fmla(false) },
  { name: 'FADD', U: 0, a: 0, opcode: '11010', op: op.fadd },
  { name: 'FMULX', U: 0, a: 0, opcode: '11011', op: op.fmulx, form: 'scalar too' },
  { name: 'FCMEQ', U: 0, a: 0, opcode: '11100', op: op.fcompare('eq'), form: 'scalar too' },
  { name: 'FMAX', U: 0, a: 0, opcode: '11110', op: op.fmax },
  { name: 'FRECPS', U: 0, a: 0, opcode: '11111', op: op.frecps, form: 'scalar too' },
  { name: 'FMINNM', U: 0, a: 1, opcode: '11000', op: op.fminnm },
  { name: 'FMLS', U: 0, a: 1, opcode: '11001', op: op.fmla(true) },
  { name: 'FSUB', U: 0, a: 1, opcode: '11010', op: op.fsub },
  { name: 'FMIN', U: 0, a: 1, opcode: '11110', op: op.fmin },
  { name: 'FRSQRTS', U: 0, a: 1, opcode: '11111', op: op.frsqrts, form: 'scalar too' },
  { name: 'FMAXNMP', U: 1, a: 0, opcode: '11000', op: op.fmaxnm, form: 'pairwise' },
  { name: 'FADDP', U: 1, a: 0, opcode: '11010', op: op.fadd, form: 'pairwise' },
  { name: 'FMUL', U: 1, a: 0, opcode: '11011', op: op.fmul },
  { name: 'FCMGE', U: 1, a: 0, opcode: '11100', op: op.fcompare('ge'), form: 'scalar too' },
  { name: 'FACGE', U: 1, a: 0, opcode: '11101', op: op.fcompare('ge', true), form: 'scalar too' },
  { name: 'FMAXP', U: 1, a: 0, opcode: '11110', op: op.fmax, form: 'pairwise' },
  { name: 'FDIV', U: 1, a: 0, opcode: '11111', op: op.fdiv },
  { name: 'FMINNMP', U: 1, a: 1, opcode: '11000', op: op.fminnm, form: 'pairwise' },
  { name: 'FABD', U: 1, a: 1, opcode: '11010', op: op.fabd, form: 'scalar too' },
  { name: 'FCMGT', U: 1, a: 1, opcode: '11100', op: op.fcompare('gt'), form: 'scalar too' },
  { name: 'FACGT', U: 1, a: 1, opcode: '11101', op: op.fcompare('gt', true), form: 'scalar too' },
  { name: 'FMINP', U: 1, a: 1, opcode: '11110', op: op.fmin, form: 'pairwise' },
];

const vectorRow = (i: ThreeSame): Row => ({
  name: `${i.name}_asimdsame`,
  pattern: `0 Q ${i.U} 01110 ${i.a} sz 1 Rm:5 ${i.opcode} 1 Rn:5 Rd:5`,
  asm: `${i.name.toLowerCase()} <Vd.Tf>, <Vn.Tf>, <Vm.Tf>`,
  when: hasArrangement,
  cold: true,
  sem: (x, f) => {
    const l = vectorLanes(x, f);
    if (i.form === 'pairwise') i.op(l, pairs(l, 0), pairs(l, 1));
    else i.op(l, register(l, 'Rn'), register(l, 'Rm'));
  },
});

const scalarRow = (i: ThreeSame): Row => ({
  name: `${i.name}_asisdsame`,
  pattern: `01 ${i.U} 11110 ${i.a} sz 1 Rm:5 ${i.opcode} 1 Rn:5 Rd:5`,
  asm: `${i.name.toLowerCase()} <fd>, <fn>, <fm>`,
  cold: true,
  sem: (x, f) => {
    const l = scalarLanes(x, f.sz!);
    i.op(l, register(l, 'Rn'), register(l, 'Rm'));
  },
});

/** Across a vector or a pair of lanes: mnemonic without suffix, bit 23, opcode, and fpMinMax's last operand. */
const REDUCTIONS = [
  { name: 'FMAXNM', a: 0, opcode: '01100', op: op.fmaxnm, minMax: 2 },
  { name: 'FADD', a: 0, opcode: '01101', op: op.fadd },
  { name: 'FMAX', a: 0, opcode: '01111', op: op.fmax, minMax: 0 },
  { name: 'FMINNM', a: 1, opcode: '01100', op: op.fminnm, minMax: 3 },
  { name: 'FMIN', a: 1, opcode: '01111', op: op.fmin, minMax: 1 },
] as const;

const scalarPairwiseRows = REDUCTIONS.flatMap((i) =>
  ['S', 'D'].map(
    (letter, sz): Row => ({
      name: `${i.name}P_asisdpair_${letter.toLowerCase()}`,
      pattern: `01 1 11110 ${i.a} ${sz} 11000 ${i.opcode} 10 Rn:5 Rd:5`,
      asm: `${i.name.toLowerCase()}p <${letter}d>, <Vn.2${letter}>`,
      cold: true,
      sem: (x) => {
        const l = scalarLanes(x, sz);
        i.op(l, halfOf(l, 0), halfOf(l, 1));
      },
    }),
  ),
);

const acrossRows = REDUCTIONS.flatMap((i): Row[] => {
  if (!('minMax' in i)) return [];
  return [
    {
      name: `${i.name}V_asimdall`,
      pattern: `0 1 1 01110 ${i.a} 0 11000 ${i.opcode} 10 Rn:5 Rd:5`,
      asm: `${i.name.toLowerCase()}v <Sd>, <Vn.4S>`,
      cold: true,
      // By halves, as Reduce() does: it decides which NaN comes out.
      sem: (x) => {
        const l = scalarLanes(x, 0);
        const at = (n: number) => x.vPart('i32', 'Rn', 4 * n);
        const low = soft(l, 'fpMinMax', at(0), at(1), i32(i.minMax));
        const high = soft(l, 'fpMinMax', at(2), at(3), i32(i.minMax));
        x.setVScalar('Rd', soft(l, 'fpMinMax', low, high, i32(i.minMax)));
      },
    },
  ];
});

export const rows: readonly Row[] = [
  ...TABLE.map(vectorRow),
  ...TABLE.filter((i) => i.form === 'scalar too').map(scalarRow),
  ...scalarPairwiseRows,
  ...acrossRows,
];
