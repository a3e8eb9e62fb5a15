/** AdvSIMD two-register miscellaneous on floats, and its scalar forms (Arm ARM C4.1.96). */

import { and, asF32, asF64, type Expr, i32, wrap, xor } from '../wasm/expr.ts';
import { simdOp } from '../wasm/simd-ops.ts';
import {
  FCVT_ROUNDINGS,
  FRINT,
  fits,
  fromFixed,
  fromIntegerNative,
  roundToIntegral,
  toFixed,
  truncateNative,
} from './fp-convert.ts';
import {
  bitsOf,
  constant,
  hasArrangement,
  isFast,
  type Lanes,
  magnitudeMask,
  native,
  register,
  scalarLanes,
  signMask,
  vectorLanes,
  writeLanes,
  writeNative,
} from './fp-lanes.ts';
import * as op from './fp-ops.ts';
import type { Row } from './row.ts';

interface TwoReg {
  readonly name: string;
  readonly U: 0 | 1;
  /** Bit 23. */
  readonly a: 0 | 1;
  readonly opcode: string;
  readonly op: op.UnaryOp;
  readonly form?: 'scalar too' | 'scalar';
  /** Compares with zero, which the assembly text names. */
  readonly zero?: true;
}

/** A lane's bits as a float. */
const floatBits = (l: Lanes, e: Expr): Expr => (l.fmt.t === 'i64' ? asF64(e) : asF32(e));

/** Integers of the lanes' width to floats. */
const fromInteger =
  (unsigned: 0 | 1): op.UnaryOp =>
  (l, a) =>
    l.x.expect(
      [isFast(l.x)],
      undefined,
      () => {
        if (l.vector && l.fmt.t === 'i32')
          writeNative(l, simdOp(`f32x4.convert_i32x4_${unsigned ? 'u' : 's'}`, a.native()));
        else writeLanes(l, (i) => bitsOf(fromIntegerNative(l, a.lane(i), unsigned)));
      },
      () => writeLanes(l, (i) => fromFixed(l, a.lane(i), i32(0), unsigned)),
    );

/** Floats to integers of the lanes' width. */
const toInteger =
  (r: (typeof FCVT_ROUNDINGS)[number], unsigned: 0 | 1): op.UnaryOp =>
  (l, a) => {
    const { x } = l;
    const wide = l.fmt.t === 'i64' ? 1 : 0;
    const byHelper = () =>
      writeLanes(l, (i) => {
        const e = toFixed(l, a.lane(i), i32(0), r.mode, wide, unsigned);
        return wide ? e : wrap(e);
      });
    if (!r.native) return byHelper();
    if (l.vector && !wide) {
      const value = x.tmp(r.letter === 'Z' ? a.native() : native.op(l, r.native, a.native()));
      const truncated = simdOp(`i32x4.trunc_sat_f32x4_${unsigned ? 'u' : 's'}`, value);
      x.expect([isFast(x), fits(l, value, 0, unsigned)], undefined, () => writeNative(l, truncated), byHelper);
      return;
    }
    const scalar = { ...l, vector: false };
    const values = Array.from({ length: l.count }, (_, i) => {
      const e = floatBits(l, a.lane(i));
      return x.tmp(r.letter === 'Z' ? e : native.op(scalar, r.native!, e));
    });
    x.expect(
      [isFast(x), ...values.map((e) => fits(scalar, e, wide, unsigned))],
      undefined,
      () => writeLanes(l, (i) => truncateNative(l, values[i]!, wide, unsigned)),
      byHelper,
    );
  };

const compareZero =
  (how: 'eq' | 'ge' | 'gt', reversed = false): op.UnaryOp =>
  (l, a) => {
    const zero = constant(l, 0);
    if (reversed) op.fcompare(how)(l, zero, a);
    else op.fcompare(how)(l, a, zero);
  };

const TABLE: readonly TwoReg[] = [
  ...FRINT.map((r): TwoReg => ({ name: `FRINT${r.letter}`, U: r.U, a: r.a, opcode: r.vector, op: roundToIntegral(r) })),
  ...FCVT_ROUNDINGS.flatMap((r) =>
    ([0, 1] as const).map(
      (U): TwoReg => ({
        name: `FCVT${r.letter}${U ? 'U' : 'S'}`,
        U,
        a: r.a,
        opcode: r.vector,
        op: toInteger(r, U),
        form: 'scalar too',
      }),
    ),
  ),
  { name: 'SCVTF', U: 0, a: 0, opcode: '11101', op: fromInteger(0), form: 'scalar too' },
  { name: 'UCVTF', U: 1, a: 0, opcode: '11101', op: fromInteger(1), form: 'scalar too' },
  { name: 'FCMGT', U: 0, a: 1, opcode: '01100', op: compareZero('gt'), form: 'scalar too', zero: true },
  { name: 'FCMEQ', U: 0, a: 1, opcode: '01101', op: compareZero('eq'), form: 'scalar too', zero: true },
  { name: 'FCMLT', U: 0, a: 1, opcode: '01110', op: compareZero('gt', true), form: 'scalar too', zero: true },
  { name: 'FCMGE', U: 1, a: 1, opcode: '01100', op: compareZero('ge'), form: 'scalar too', zero: true },
  { name: 'FCMLE', U: 1, a: 1, opcode: '01101', op: compareZero('ge', true), form: 'scalar too', zero: true },
  {
    name: 'FABS',
    U: 0,
    a: 1,
    opcode: '01111',
    op: (l, a) => writeLanes(l, (i) => and(a.lane(i), magnitudeMask(l))),
  },
  { name: 'FNEG', U: 1, a: 1, opcode: '01111', op: (l, a) => writeLanes(l, (i) => xor(a.lane(i), signMask(l))) },
  { name: 'FRECPE', U: 0, a: 1, opcode: '11101', op: op.estimate('fpRecipEstimate'), form: 'scalar too' },
  { name: 'FRSQRTE', U: 1, a: 1, opcode: '11101', op: op.estimate('fpRSqrtEstimate'), form: 'scalar too' },
  { name: 'FSQRT', U: 1, a: 1, opcode: '11111', op: op.fsqrt },
  { name: 'FRECPX', U: 0, a: 1, opcode: '11111', op: op.estimate('fpRecpX'), form: 'scalar' },
];

const zeroOperand = (i: TwoReg): string => (i.zero ? ', #0.0' : '');
const rowName = (i: TwoReg, suffix: string): string => `${i.name}${i.zero ? '_zero' : ''}_${suffix}`;

const vectorRow = (i: TwoReg): Row => ({
  name: rowName(i, 'asimdmisc'),
  pattern: `0 Q ${i.U} 01110 ${i.a} sz 10000 ${i.opcode} 10 Rn:5 Rd:5`,
  asm: `${i.name.toLowerCase()} <Vd.Tf>, <Vn.Tf>${zeroOperand(i)}`,
  when: hasArrangement,
  cold: true,
  sem: (x, f) => {
    const l = vectorLanes(x, f);
    i.op(l, register(l, 'Rn'));
  },
});

const scalarRow = (i: TwoReg): Row => ({
  name: rowName(i, 'asisdmisc'),
  pattern: `01 ${i.U} 11110 ${i.a} sz 10000 ${i.opcode} 10 Rn:5 Rd:5`,
  asm: `${i.name.toLowerCase()} <fd>, <fn>${zeroOperand(i)}`,
  cold: true,
  sem: (x, f) => {
    const l = scalarLanes(x, f.sz!);
    i.op(l, register(l, 'Rn'));
  },
});

/** Estimates of unsigned fixed-point fractions. */
const integerEstimateRows = ['Recip', 'RSqrt'].map(
  (which, U): Row => ({
    name: `${U ? 'URSQRTE' : 'URECPE'}_asimdmisc`,
    pattern: `0 Q ${U} 01110 1 0 10000 11100 10 Rn:5 Rd:5`,
    asm: `${U ? 'ursqrte' : 'urecpe'} <Vd.TS>, <Vn.TS>`,
    cold: true,
    sem: (x, f) => {
      const l = vectorLanes(x, f, 0);
      const a = register(l, 'Rn');
      writeLanes(l, (i) => x.call(`fpUnsigned${which}Estimate`, a.lane(i)));
    },
  }),
);

export const rows: readonly Row[] = [
  ...TABLE.filter((i) => i.form !== 'scalar').map(vectorRow),
  ...TABLE.filter((i) => i.form).map(scalarRow),
  ...integerEstimateRows,
];
