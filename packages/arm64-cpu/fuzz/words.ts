/** Draws instruction words of a row, and encodes the few instructions that cases are put together with. */
import { decode, type Encoding } from '../src/decoder.ts';
import type { PatternField } from '../src/table/row.ts';
import type { Random } from './random.ts';
import { CHOICES, excluded } from './rules.ts';

/** Registers that the fields of one case prefer, so that results are used again. */
export type Pool = readonly number[];

const TRIES = 100;

function fieldBits(r: Random, { name, width }: PatternField, pool: Pool): number {
  if (name.startsWith('R')) return r.below(10) < 6 ? r.pick(pool) : r.below(32) & (2 ** width - 1);
  if (r.oneIn(5)) return r.oneIn(3) ? 2 ** width - 1 : 0;
  return r.below(2 ** width);
}

/** Bits of the pattern that are ignored, as masks: runs of five are register fields that read as ones. */
function ignoredBits({ pattern, row }: Encoding): { mask: number; ones: number } {
  const known = pattern.fields.reduce((m, f) => m | ((2 ** f.width - 1) << f.lsb), pattern.mask);
  const mask = ~known;
  return { mask, ones: row.name.startsWith('F') ? 0 : mask };
}

/** A random allocated word of the row; undefined where chance found none. */
export function drawWord(r: Random, encoding: Encoding, pool: Pool): number | undefined {
  const { pattern } = encoding;
  const ignored = ignoredBits(encoding);
  const choices = CHOICES[encoding.row.name];
  for (let n = 0; n < TRIES; n++) {
    let word = pattern.match | (r.oneIn(4) ? r.u32() & ignored.mask : ignored.ones);
    const choice = choices && r.pick(choices);
    for (const field of pattern.fields) {
      word |= (choice?.[field.name] ?? fieldBits(r, field, pool)) << field.lsb;
    }
    word >>>= 0;
    const decoded = decode(word);
    if (decoded?.encoding === encoding && !excluded(decoded)) return word;
  }
  return undefined;
}

/** True if the word is allocated and nothing speaks against it in a case. */
export function isAllowed(word: number): boolean {
  const decoded = decode(word);
  return decoded !== undefined && !excluded(decoded);
}

/** Fields of a word that is known to be allocated. */
export function fieldsOf(word: number): Record<string, number> {
  const decoded = decode(word);
  if (!decoded) throw new Error(`${word.toString(16)} is unallocated`);
  return decoded.fields;
}

/** `word` with the bits of a field replaced. */
export function withField(encoding: Encoding, word: number, name: string, value: number): number {
  const field = encoding.pattern.fields.find((f) => f.name === name);
  if (!field) throw new Error(`${encoding.row.name} has no field ${name}`);
  const mask = (2 ** field.width - 1) << field.lsb;
  return ((word & ~mask) | ((value << field.lsb) & mask)) >>> 0;
}

const MOVN = 0x9280_0000;
const MOVZ = 0xd280_0000;
const MOVK = 0xf280_0000;
const ADD_IMM = 0x9100_0000;
const ADR = 0x1000_0000;

/** MOVZ or MOVN, then MOVK, that put `value` into X`rd`. */
export function moveConstant(rd: number, value: bigint): number[] {
  const halves = [0, 1, 2, 3].map((hw) => Number((value >> BigInt(16 * hw)) & 0xffffn));
  const isNegative = halves.filter((h) => h === 0xffff).length > halves.filter((h) => h === 0).length;
  const rest = isNegative ? 0xffff : 0;
  const used = [0, 1, 2, 3].filter((hw) => halves[hw] !== rest);
  const places = used.length > 0 ? used : [0];
  return places.map((hw, n) => {
    const half = n === 0 && isNegative ? halves[hw]! ^ 0xffff : halves[hw]!;
    return ((n > 0 ? MOVK : isNegative ? MOVN : MOVZ) | (hw << 21) | (half << 5) | rd) >>> 0;
  });
}

/** MOV SP, X`rn`. */
export const moveToSp = (rn: number): number => (ADD_IMM | (rn << 5) | 31) >>> 0;

/** ADR X`rd` of what is `bytes` away. */
export const adr = (rd: number, bytes: number): number =>
  (ADR | ((bytes & 3) << 29) | (((bytes >> 2) & 0x7ffff) << 5) | rd) >>> 0;
