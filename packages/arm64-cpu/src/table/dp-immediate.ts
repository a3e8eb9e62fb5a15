/** Data processing, immediate: Arm ARM C4.1.86. */
import { decodeBitMask } from '../bitmask.ts';
import { add, and, type Expr, i32, i64, konst, not, or, rotr, shl, shrS, shrU, sub, xor } from '../wasm/expr.ts';
import type { Fields, Row } from './row.ts';
import type { Sem } from './sem.ts';

export const widthOf = (f: Fields): 32 | 64 => (f.sf === 1 ? 64 : 32);

const imm12 = (f: Fields): number => f.imm12! * (f.sh === 1 ? 4096 : 1);
const bitmask = (f: Fields): bigint | undefined => decodeBitMask(f.N!, f.imms!, f.immr!, widthOf(f));
const LOGIC = [and, or, xor, and] as const;

/** The bits that a bitfield instruction moves: field `width` bits long, from bit `from` of the source to bit `to`. */
const field = (f: Fields): { from: number; to: number; width: number } =>
  f.imms! >= f.immr!
    ? { from: f.immr!, to: 0, width: f.imms! - f.immr! + 1 }
    : { from: 0, to: widthOf(f) - f.immr!, width: f.imms! + 1 };

/** SBFM and UBFM: the field goes to the top of the register, then down to its place: zeroes below it, `down` fills above. */
function moveField(x: Sem, n: 32 | 64, down: (a: Expr, b: Expr) => Expr): void {
  const top = shl(
    x.X('Rn', n),
    x.imm(n, (g) => n - field(g).from - field(g).width),
  );
  x.setX(
    'Rd',
    down(
      top,
      x.imm(n, (g) => n - field(g).to - field(g).width),
    ),
  );
}

export const rows: readonly Row[] = [
  {
    name: 'ADR',
    pattern: '0 immlo:2 10000 immhi:19 Rd:5',
    asm: 'adr <Xd>, <label:adr>',
    sem: (x) =>
      x.setX(
        'Rd',
        x.pcRelative((f) => (((f.immhi! << 2) | f.immlo!) << 11) >> 11),
      ),
  },
  {
    name: 'ADRP',
    pattern: '1 immlo:2 10000 immhi:19 Rd:5',
    asm: 'adrp <Xd>, <label:adrp>',
    sem: (x) =>
      x.setX(
        'Rd',
        x.pcRelative((f) => ((((f.immhi! << 2) | f.immlo!) << 11) >> 11) * 4096, true),
      ),
  },
  ...['ADD', 'SUB'].flatMap((name, op): Row[] => [
    {
      name: `${name}_imm`,
      pattern: `sf ${op} 0 100010 sh imm12:12 Rn:5 Rd:5`,
      asm: `${name.toLowerCase()} <Rd|SP>, <Rn|SP>, <#imm12sh>`,
      dynamic: ['sh'],
      movesSp: (f) => f.Rd === 31 && !(f.Rn === 31 && f.sf === 1 && imm12(f) % 16 === 0),
      sem: (x, f) => {
        const n = widthOf(f);
        x.setSP('Rd', (op ? sub : add)(x.SP('Rn', n), x.imm(n, imm12)));
      },
    },
    {
      name: `${name}S_imm`,
      pattern: `sf ${op} 1 100010 sh imm12:12 Rn:5 Rd:5`,
      asm: `${name.toLowerCase()}s <Rd>, <Rn|SP>, <#imm12sh>`,
      dynamic: ['sh'],
      sem: (x, f) => {
        const n = widthOf(f);
        const a = x.SP('Rn', n);
        const b = x.imm(n, imm12);
        x.setX('Rd', op ? x.subFlags(a, b) : x.addFlags(a, b));
      },
    },
  ]),
  ...['AND', 'ORR', 'EOR', 'ANDS'].map(
    (name, opc): Row => ({
      name: `${name}_imm`,
      pattern: `sf ${opc.toString(2).padStart(2, '0')} 100100 N immr:6 imms:6 Rn:5 Rd:5`,
      asm: `${name.toLowerCase()} ${opc === 3 ? '<Rd>' : '<Rd|SP>'}, <Rn>, <#bitmask>`,
      dynamic: ['N'],
      check: (f) => bitmask(f) !== undefined,
      ...(opc === 3 ? {} : { movesSp: (f) => f.Rd === 31 }),
      sem: (x, f) => {
        const n = widthOf(f);
        const result = LOGIC[opc]!(
          x.X('Rn', n),
          x.wide(n, (g) => bitmask(g) ?? 0n),
        );
        if (opc !== 3) return x.setSP('Rd', result);
        const value = x.tmp(result);
        x.logicFlags(value);
        x.setX('Rd', value);
      },
    }),
  ),
  {
    name: 'MOVN',
    pattern: 'sf 00 100101 immhw:2 imm16:16 Rd:5',
    asm: 'movn <Rd>, <#imm16hw>',
    check: (f) => f.sf === 1 || f.immhw! < 2,
    sem: (x, f) =>
      x.setX(
        'Rd',
        x.wide(widthOf(f), (g) => ~(BigInt(g.imm16!) << BigInt(16 * g.immhw!))),
      ),
  },
  {
    name: 'MOVZ',
    pattern: 'sf 10 100101 immhw:2 imm16:16 Rd:5',
    asm: 'movz <Rd>, <#imm16hw>',
    check: (f) => f.sf === 1 || f.immhw! < 2,
    sem: (x, f) =>
      x.setX(
        'Rd',
        x.wide(widthOf(f), (g) => BigInt(g.imm16!) << BigInt(16 * g.immhw!)),
      ),
  },
  {
    name: 'MOVK',
    pattern: 'sf 11 100101 hw:2 imm16:16 Rd:5',
    asm: 'movk <Rd>, <#imm16hw>',
    when: (f) => f.sf === 1 || f.hw! < 2,
    sem: (x, f) => {
      const n = widthOf(f);
      const keep = konst(n === 64 ? 'i64' : 'i32', ~(0xffffn << BigInt(16 * f.hw!)));
      x.setX(
        'Rd',
        or(
          and(x.X('Rd', n), keep),
          x.wide(n, (g) => BigInt(g.imm16!) << BigInt(16 * g.hw!)),
        ),
      );
    },
  },
  ...['SBFM', 'UBFM'].map(
    (name, i): Row => ({
      name,
      pattern: `sf ${i}0 100110 N immr:6 imms:6 Rn:5 Rd:5`,
      asm: `${name.toLowerCase()} <Rd>, <Rn>, <#immr>, <#imms>`,
      when: (f) => f.N === f.sf,
      check: (f) => f.sf === 1 || (f.imms! < 32 && f.immr! < 32),
      sem: (x, f) => moveField(x, widthOf(f), i === 0 ? shrS : shrU),
    }),
  ),
  {
    name: 'BFM',
    pattern: 'sf 01 100110 N immr:6 imms:6 Rn:5 Rd:5',
    asm: 'bfm <Rd>, <Rn>, <#immr>, <#imms>',
    when: (f) => f.N === f.sf,
    check: (f) => f.sf === 1 || (f.imms! < 32 && f.immr! < 32),
    sem: (x, f) => {
      const n = widthOf(f);
      // Shift counts are taken modulo the width, so three of them fit one operand, a byte each.
      const counts = x.tmp(
        x.imm(n, (g) => {
          const { from, to, width } = field(g);
          return ((from - to + n) % n) | ((n - width) << 8) | (to << 16);
        }),
      );
      const k = (v: number) => konst(counts.t, v);
      const mask = shl(shrU(k(-1), shrU(counts, k(8))), shrU(counts, k(16)));
      const turned = rotr(x.X('Rn', n), counts);
      const old = x.tmp(x.X('Rd', n));
      x.setX('Rd', xor(old, and(xor(old, turned), mask)));
    },
  },
  {
    name: 'EXTR',
    pattern: 'sf 00 100111 N 0 Rm:5 imms:6 Rn:5 Rd:5',
    asm: 'extr <Rd>, <Rn>, <Rm>, <#imms>',
    when: (f) => f.N === f.sf,
    check: (f) => f.sf === 1 || f.imms! < 32,
    sem: (x, f) => {
      const n = widthOf(f);
      const one = n === 64 ? i64(1) : i32(1);
      // Rn:Rm >> lsb; where lsb may be 0, two shifts of Rn keep the count below n. One is what compilers know a rotation by.
      const lsb = x.tmp(x.imm(n, (g) => g.imms!));
      const up = lsb.k
        ? shl(x.X('Rn', n), sub(konst(one.t, n), lsb))
        : shl(shl(x.X('Rn', n), one), xor(lsb, konst(one.t, n - 1)));
      x.setX('Rd', or(shrU(x.X('Rm', n), lsb), up));
    },
  },
];

/** Bitwise negation where `invert` is set. */
export const maybeNot = (e: Expr, invert: number | undefined): Expr => (invert === 1 ? not(e) : e);
