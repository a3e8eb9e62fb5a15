/** Finds the row of the instruction table that an instruction word belongs to. */
import { ROWS } from './table/index.ts';
import {
  extractFields,
  type Feature,
  isStatic,
  type Pattern,
  type PatternField,
  parsePattern,
  type Row,
} from './table/row.ts';

/** A row with its pattern parsed and its place in the table. */
export interface Encoding {
  readonly row: Row;
  readonly index: number;
  readonly pattern: Pattern;
  /** The fields of which each value has a handler of its own. */
  readonly staticFields: readonly PatternField[];
}

class ParsedRow implements Encoding {
  readonly row: Row;
  readonly index: number;
  readonly pattern: Pattern;
  #staticFields: readonly PatternField[] | undefined;

  constructor(row: Row, index: number) {
    this.row = row;
    this.index = index;
    this.pattern = parsePattern(row.pattern);
  }

  /** Found out when it is asked for: decoding needs none of it. */
  get staticFields(): readonly PatternField[] {
    this.#staticFields ??= this.pattern.fields.filter(({ name }) => isStatic(this.row, name));
    return this.#staticFields;
  }
}

/** An instruction word, decoded: the row and the value of each field. `fields.pc` is the low 12 bits of its address. */
export interface Decoded {
  readonly encoding: Encoding;
  readonly fields: Record<string, number>;
}

let encodings: readonly Encoding[] | undefined;

/** The table with patterns parsed, in order of the table: made when it is first asked for. */
export function allEncodings(): readonly Encoding[] {
  encodings ??= ROWS.map((row, index) => new ParsedRow(row, index));
  return encodings;
}

/** Rows are told apart first by bits 31:21. */
const BUCKET_SHIFT = 21;
const BUCKET_MASK = 0x7ff;

const popcount = (v: number): number => {
  let n = 0;
  for (let x = v >>> 0; x !== 0; x &= x - 1) n++;
  return n;
};

/** The table in the order in which rows are tried: the one with more fixed bits comes first, then the earlier one. */
export function encodingsInOrder(): Encoding[] {
  const fixed = allEncodings().map(({ pattern }) => popcount(pattern.mask));
  return [...allEncodings()].sort((a, b) => fixed[b.index]! - fixed[a.index]! || a.index - b.index);
}

/** Rows by bits 31:21 of the word. */
function makeBuckets(): readonly (readonly Encoding[])[] {
  const buckets: Encoding[][] = Array.from({ length: BUCKET_MASK + 1 }, () => []);
  for (const e of encodingsInOrder()) {
    const mask = (e.pattern.mask >>> BUCKET_SHIFT) & BUCKET_MASK;
    const match = (e.pattern.match >>> BUCKET_SHIFT) & BUCKET_MASK;
    const free = ~mask & BUCKET_MASK;
    // Every combination of the bits that the row leaves open.
    for (let open = free; ; open = (open - 1) & free) {
      buckets[match | open]!.push(e);
      if (open === 0) break;
    }
  }
  return buckets;
}

let buckets: readonly (readonly Encoding[])[] | undefined;

/** All rows that a word may be, by its fixed bits alone; for tests of overlap. */
export function candidates(word: number): Encoding[] {
  buckets ??= makeBuckets();
  return buckets[(word >>> BUCKET_SHIFT) & BUCKET_MASK]!.filter(
    (e) => (word & e.pattern.mask) >>> 0 === e.pattern.match,
  );
}

/**
 * Decodes a 32-bit instruction word at an address of which `pc` is the low 12 bits. `undefined` where it is unallocated
 * or needs a feature that is not in `features` (default: all).
 */
export function decode(word: number, pc = 0, features?: ReadonlySet<Feature>): Decoded | undefined {
  buckets ??= makeBuckets();
  for (const encoding of buckets[(word >>> BUCKET_SHIFT) & BUCKET_MASK]!) {
    if ((word & encoding.pattern.mask) >>> 0 !== encoding.pattern.match) continue;
    const { row } = encoding;
    if (features && row.feature && !features.has(row.feature)) continue;
    const fields = extractFields(encoding.pattern, word, pc);
    if (row.when && !row.when(fields)) continue;
    if (row.check && !row.check(fields)) continue;
    return { encoding, fields };
  }
  return undefined;
}

/** The encoding with this row name. Throws where the table has none. */
export function encodingNamed(name: string): Encoding {
  const e = allEncodings().find((candidate) => candidate.row.name === name);
  if (!e) throw new Error(`the instruction table has no row ${name}`);
  return e;
}

/**
 * Whether CPACR_EL1.FPEN has a say in an allocated instruction word: FP and AdvSIMD data processing, loads and stores
 * (bits 27:26 = 3, Arm ARM C4.1), MRS and MSR of FPCR and FPSR.
 */
export const isFpAccess = (word: number): boolean =>
  (word & 0x0c000000) === 0x0c000000 || (word & 0xffdfffc0) >>> 0 === 0xd51b4400;
