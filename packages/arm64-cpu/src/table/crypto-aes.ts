import type { Expr } from '../wasm/expr.ts';
import { lanes, shuffle } from '../wasm/simd-ops.ts';
import type { Row } from './row.ts';
import type { Sem } from './sem.ts';
import { readV, splatK, vAdd, vAnd, vXor, ZERO } from './simd-lanes.ts';

/** The state as bytes, column by column: byte `i` comes from byte `from(i)`. */
const permute = (a: Expr, from: (i: number) => number): Expr =>
  shuffle(
    a,
    a,
    Array.from({ length: 16 }, (_, i) => from(i)),
  );

/** ShiftRows: row r moves left by r columns; its inverse moves it right. */
const shiftRows = (a: Expr): Expr => permute(a, (i) => (i + 4 * (i & 3)) & 15);
const invShiftRows = (a: Expr): Expr => permute(a, (i) => (i - 4 * (i & 3)) & 15);

/** Every column moved up by `n` rows. */
const rotateColumns = (a: Expr, n: number): Expr => permute(a, (i) => (i & ~3) | ((i + n) & 3));

/** Every byte times x in GF(2^8). */
const timesX = (a: Expr): Expr => vXor(vAdd(0, a, a), vAnd(lanes(0, 'lt_s', a, ZERO), splatK(0, 0x1bn)));

/** Columns times {02}, {03}, {01}, {01} (FIPS 197, 5.1.3). */
function mixColumns(x: Sem, a: Expr): Expr {
  const next = x.tmp(rotateColumns(a, 1));
  const others = vXor(rotateColumns(a, 2), rotateColumns(a, 3));
  return vXor(timesX(x.tmp(vXor(a, next))), vXor(next, others));
}

/** The inverse is MixColumns behind a multiplication of the columns by {05}, {00}, {04}, {00}. */
function invMixColumns(x: Sem, a: Expr): Expr {
  const twice = x.tmp(timesX(x.tmp(vXor(a, rotateColumns(a, 2)))));
  return mixColumns(x, x.tmp(vXor(a, timesX(twice))));
}

const added = (x: Sem): Expr => x.tmp(vXor(x.V('Rd'), x.V('Rn')));

const TABLE: readonly [string, string, (x: Sem) => Expr][] = [
  ['AESE', '00100', (x) => x.call('aesSubBytes', shiftRows(added(x)))],
  ['AESD', '00101', (x) => x.call('aesInvSubBytes', invShiftRows(added(x)))],
  ['AESMC', '00110', (x) => mixColumns(x, readV(x, 'Rn'))],
  ['AESIMC', '00111', (x) => invMixColumns(x, readV(x, 'Rn'))],
];

/** Cryptographic AES (Arm ARM C4.1.96). */
export const rows: readonly Row[] = TABLE.map(
  ([name, opcode, value]): Row => ({
    name: `${name}_cryptoaes`,
    pattern: `01001110 00 10100 ${opcode} 10 Rn:5 Rd:5`,
    asm: `${name.toLowerCase()} <Vd.16B>, <Vn.16B>`,
    feature: 'FEAT_AES',
    cold: true,
    sem: (x) => x.setV('Rd', value(x)),
  }),
);
