import type { Expr, LoadKind } from '../wasm/expr.ts';
import type { Fields, Row } from './row.ts';
import type { Sem } from './sem.ts';
import { splat, vectorShape, writeResult } from './simd-lanes.ts';

interface Lane {
  readonly size: number;
  readonly suffix: string;
  readonly letter: string;
  /** imm5: the lane's index above the lowest one, whose place gives the size. */
  readonly bits: string;
  /** imm4 as the source's index, whose low bits are ignored. */
  readonly source: string;
  readonly load: LoadKind;
  readonly bytes: 1 | 2 | 4 | 8;
}

const LANES: readonly Lane[] = [
  { size: 0, suffix: 'b', letter: 'B', bits: 'immi:4 1', source: 'immn:4', load: 'i32_8u', bytes: 1 },
  { size: 1, suffix: 'h', letter: 'H', bits: 'immi:3 10', source: 'immn:3 x', load: 'i32_16u', bytes: 2 },
  { size: 2, suffix: 's', letter: 'S', bits: 'immi:2 100', source: 'immn:2 xx', load: 'i32', bytes: 4 },
  { size: 3, suffix: 'd', letter: 'D', bits: 'immi 1000', source: 'immn xxx', load: 'i64', bytes: 8 },
];

/** For `DUP` and `INS` from a general register the index bits of imm5 are ignored. */
const ignored = (l: Lane): string => l.bits.replace(/immi(:\d)?/, 'x'.repeat(4 - l.size));

const at = (x: Sem, l: Lane, field: 'immi' | 'immn'): Expr => x.imm32((f) => f[field]! << l.size);
const general = (x: Sem, l: Lane): Expr => x.X('Rn', l.size === 3 ? 64 : 32);
const generalLetter = (l: Lane): string => (l.size === 3 ? 'X' : 'W');
const fullOf64 = (l: Lane) => (l.size === 3 ? { when: (f: Fields) => f.Q === 1 } : {});

function laneRows(l: Lane): Row[] {
  const { letter, suffix } = l;
  return [
    {
      name: `DUP_asimdins_DV_v_${suffix}`,
      pattern: `0 Q 0 01110000 ${l.bits} 0 0000 1 Rn:5 Rd:5`,
      asm: `dup <Vd.T${letter}>, <Vn.${letter}[immi]>`,
      ...fullOf64(l),
      cold: true,
      sem: (x, f) =>
        writeResult(vectorShape(x, f, l.size), { value: splat(l.size, x.vPart(l.load, 'Rn', at(x, l, 'immi'))) }),
    },
    {
      name: `DUP_asimdins_DR_r_${suffix}`,
      pattern: `0 Q 0 01110000 ${ignored(l)} 0 0001 1 Rn:5 Rd:5`,
      asm: `dup <Vd.T${letter}>, <${generalLetter(l)}n>`,
      ...fullOf64(l),
      cold: true,
      sem: (x, f) => writeResult(vectorShape(x, f, l.size), { value: splat(l.size, general(x, l)) }),
    },
    {
      name: `INS_asimdins_IR_r_${suffix}`,
      pattern: `0 1 0 01110000 ${l.bits} 0 0011 1 Rn:5 Rd:5`,
      asm: `ins <Vd.${letter}[immi]>, <${generalLetter(l)}n>`,
      cold: true,
      sem: (x) => x.setVPart(l.bytes, 'Rd', general(x, l), at(x, l, 'immi')),
    },
    {
      name: `INS_asimdins_IV_v_${suffix}`,
      pattern: `0 1 1 01110000 ${l.bits} 0 ${l.source} 1 Rn:5 Rd:5`,
      asm: `ins <Vd.${letter}[immi]>, <Vn.${letter}[immn]>`,
      cold: true,
      sem: (x) => x.setVPart(l.bytes, 'Rd', x.vPart(l.load, 'Rn', at(x, l, 'immn')), at(x, l, 'immi')),
    },
    {
      name: `DUP_asisdone_${suffix}`,
      pattern: `01 0 11110000 ${l.bits} 0 0000 1 Rn:5 Rd:5`,
      asm: `dup <${letter}d>, <Vn.${letter}[immi]>`,
      cold: true,
      sem: (x) => x.setVScalar('Rd', x.tmp(x.vPart(l.load, 'Rn', at(x, l, 'immi')))),
    },
    {
      name: `UMOV_asimdins_${generalLetter(l)}_${suffix}`,
      pattern: `0 ${l.size === 3 ? 1 : 0} 0 01110000 ${l.bits} 0 0111 1 Rn:5 Rd:5`,
      asm: `umov <${generalLetter(l)}d>, <Vn.${letter}[immi]>`,
      cold: true,
      sem: (x) => x.setX('Rd', x.vPart(l.load, 'Rn', at(x, l, 'immi'))),
    },
  ];
}

/** SMOV: register's letter, Q, lane, load. */
const SIGNED: readonly ['W' | 'X', 0 | 1, Lane, LoadKind][] = [
  ['W', 0, LANES[0]!, 'i32_8s'],
  ['W', 0, LANES[1]!, 'i32_16s'],
  ['X', 1, LANES[0]!, 'i64_8s'],
  ['X', 1, LANES[1]!, 'i64_16s'],
  ['X', 1, LANES[2]!, 'i64_32s'],
];

/** AdvSIMD copy and scalar copy (Arm ARM C4.1.96). */
export const rows: readonly Row[] = [
  ...LANES.flatMap(laneRows),
  ...SIGNED.map(
    ([register, Q, l, load]): Row => ({
      name: `SMOV_asimdins_${register}_${l.suffix}`,
      pattern: `0 ${Q} 0 01110000 ${l.bits} 0 0101 1 Rn:5 Rd:5`,
      asm: `smov <${register}d>, <Vn.${l.letter}[immi]>`,
      cold: true,
      sem: (x) => x.setX('Rd', x.vPart(load, 'Rn', at(x, l, 'immi'))),
    }),
  ),
];
