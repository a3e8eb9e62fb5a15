/** AdvSIMD conversions that change the lanes' width (FCVTL, FCVTN, FCVTXN) and those to and from fixed point. */
import { ROUND } from '../core/fp-format.ts';
import { type Expr, extU, i64, or, shl, wrap } from '../wasm/expr.ts';
import { laneOp, simdOp } from '../wasm/simd-ops.ts';
import { fromFixed, toFixed } from './fp-convert.ts';
import { assemble, check, type Lanes, register, scalarLanes, vectorLanes, writeLanes } from './fp-lanes.ts';
import type { Fields, Row } from './row.ts';
import type { Sem } from './sem.ts';
import { pick } from './simd-lanes.ts';

/** FCVTL: lanes of the lower or (Q) upper half, to twice the width. */
function lengthen(x: Sem, f: Fields, from: 'H' | 'S'): void {
  const l = vectorLanes(x, { Q: 1 }, from === 'S' ? 1 : 0);
  const base = f.Q === 1 ? 8 : 0;
  if (from === 'H') {
    writeLanes(l, (i) => x.call('fpConvertHS', x.cpu(), x.vPart('i32_16u', 'Rn', base + 2 * i)));
    return;
  }
  const half = f.Q === 1 ? pick(3, x.V('Rn'), x.V('Rn'), () => 1) : x.V('Rn');
  const values = x.tmp(simdOp('f64x2.promote_low_f32x4', half));
  x.expect(
    check.number(l, values),
    undefined,
    () => x.setV('Rd', values),
    () => writeLanes(l, (i) => x.call('fpConvertSD', x.cpu(), x.vPart('i32', 'Rn', base + 4 * i))),
  );
}

/** Writes an i64 to the lower half of Rd, zeroing the upper one, or with Q to the upper half. */
function writeHalf(x: Sem, f: Fields, half: Expr): void {
  if (f.Q === 1) x.setVPart(8, 'Rd', half, 8);
  else x.setVScalar('Rd', half);
}

/** FCVTN and FCVTXN of doubles. */
function narrowDoubles(x: Sem, f: Fields, helper: string): void {
  const soft = (i: number) => x.call(helper, x.cpu(), x.vPart('i64', 'Rn', 8 * i));
  const bySoft = () => writeHalf(x, f, assemble([soft(0), soft(1)]));
  if (helper !== 'fpConvertDS') {
    bySoft();
    return;
  }
  const l = vectorLanes(x, { Q: 0 }, 0);
  const half = x.tmp(laneOp('i64x2.extract_lane', 0, simdOp('f32x4.demote_f64x2_zero', x.V('Rn'))));
  x.expect(check.plain(l, simdOp('i64x2.splat', half)), undefined, () => writeHalf(x, f, half), bySoft);
}

/** FCVTN of singles: four halves. */
function narrowSingles(x: Sem, f: Fields): void {
  const parts = [0, 1, 2, 3].map((i) => extU(x.call('fpConvertSH', x.cpu(), x.vPart('i32', 'Rn', 4 * i))));
  writeHalf(
    x,
    f,
    parts.reduce((all, e, i) => or(all, shl(e, i64(16 * i)))),
  );
}

const widthRows: Row[] = [
  ...(['H', 'S'] as const).map((from, sz): Row => {
    const wide = sz ? '2D' : '4S';
    return {
      name: `FCVTL_asimdmisc_${from.toLowerCase()}`,
      pattern: `0 Q 0 01110 0 ${sz} 10000 10111 10 Rn:5 Rd:5`,
      asm: `fcvtl<2> <Vd.${wide}>, <Vn.T${from}>`,
      cold: true,
      sem: (x, f) => lengthen(x, f, from),
    };
  }),
  {
    name: 'FCVTN_asimdmisc_h',
    pattern: '0 Q 0 01110 0 0 10000 10110 10 Rn:5 Rd:5',
    asm: 'fcvtn<2> <Vd.TH>, <Vn.4S>',
    cold: true,
    sem: narrowSingles,
  },
  {
    name: 'FCVTN_asimdmisc_s',
    pattern: '0 Q 0 01110 0 1 10000 10110 10 Rn:5 Rd:5',
    asm: 'fcvtn<2> <Vd.TS>, <Vn.2D>',
    cold: true,
    sem: (x, f) => narrowDoubles(x, f, 'fpConvertDS'),
  },
  {
    name: 'FCVTXN_asimdmisc',
    pattern: '0 Q 1 01110 0 1 10000 10110 10 Rn:5 Rd:5',
    asm: 'fcvtxn<2> <Vd.TS>, <Vn.2D>',
    cold: true,
    sem: (x, f) => narrowDoubles(x, f, 'fpConvertOddDS'),
  },
  {
    name: 'FCVTXN_asisdmisc',
    pattern: '01 1 11110 0 1 10000 10110 10 Rn:5 Rd:5',
    asm: 'fcvtxn <Sd>, <Dn>',
    cold: true,
    sem: (x) => x.setVScalar('Rd', x.call('fpConvertOddDS', x.cpu(), x.vPart('i64', 'Rn'))),
  },
];

/** Bits behind the point: twice the lane's width less immh:immb. */
const FIXED = [
  { letter: 'S', arrangement: 'TS', bits: '01 immb:5', width: 32 },
  { letter: 'D', arrangement: '2D', bits: '1 immb:6', width: 64 },
] as const;

/** A conversion by fixed point of every lane. */
function fixedLanes(l: Lanes, width: number, toInteger: boolean, unsigned: number): void {
  const a = register(l, 'Rn');
  const fbits = l.x.imm32((f) => width - f.immb!);
  writeLanes(l, (i) => {
    if (!toInteger) return fromFixed(l, a.lane(i), fbits, unsigned);
    const e = toFixed(l, a.lane(i), fbits, ROUND.ZERO, width === 64 ? 1 : 0, unsigned);
    return width === 64 ? e : wrap(e);
  });
}

const fixedRows = ['SCVTF', 'UCVTF', 'FCVTZS', 'FCVTZU'].flatMap((name, n) =>
  FIXED.flatMap((k, double): Row[] => {
    const [toInteger, U] = [n >= 2, n & 1];
    const opcode = toInteger ? '11111' : '11100';
    const mnemonic = name.toLowerCase();
    return [
      {
        name: `${name}_asimdshf_${k.letter.toLowerCase()}`,
        pattern: `0 ${double ? '1' : 'Q'} ${U} 011110 ${k.bits} ${opcode} 1 Rn:5 Rd:5`,
        asm: `${mnemonic} <Vd.${k.arrangement}>, <Vn.${k.arrangement}>, <#rshift>`,
        cold: true,
        sem: (x, f) => fixedLanes(vectorLanes(x, f, double), k.width, toInteger, U),
      },
      {
        name: `${name}_asisdshf_${k.letter.toLowerCase()}`,
        pattern: `01 ${U} 111110 ${k.bits} ${opcode} 1 Rn:5 Rd:5`,
        asm: `${mnemonic} <${k.letter}d>, <${k.letter}n>, <#rshift>`,
        cold: true,
        sem: (x) => fixedLanes(scalarLanes(x, double), k.width, toInteger, U),
      },
    ];
  }),
);

export const rows: readonly Row[] = [...widthRows, ...fixedRows];
