/**
 * Regions by content: where in its page each begins, and the words that it is made from. A table is flat numbers, so that
 * it can be posted to other threads, shared with them and kept in files; a look-up compares words and makes nothing.
 */
import { FILTER_HASH } from '../layout.ts';
import { PAGE_BYTES, type Region } from './region.ts';

/**
 * What a region does itself of what is rare in other code: at first nothing; then unaligned accesses; and then accesses in
 * each other's neighbourhood that a page's end is between, for which each is looked up by itself.
 */
export type Care = 0 | 1 | 2;
export const MOST_CARE = 2;

/** What the code of a region depends on. */
export interface RegionContent {
  /** Byte of the page at which it begins, and TRAPS_FP. */
  readonly key: number;
  /** Straight lines of instructions by place: first byte | byte behind the last << 16. */
  readonly lines: ArrayLike<number>;
  /** The words on them. */
  readonly words: ArrayLike<number>;
  /** What its code does itself of what is rare. */
  readonly care: Care;
}

/** In a key: CPACR_EL1 traps floating point. */
export const TRAPS_FP = 0x1000;
const CARE_SHIFT = 13;
/** What of a key two regions are told apart by. */
const KEY_MASK = 2 ** CARE_SHIFT - 1;
const ENTRY_MASK = 0xfff;
const PAGE_WORDS = PAGE_BYTES / 4;

/** A row: key, then where its lines, words and code begin. Behind the last is one that tells where they end. */
const ROW = 4;
/** Numbers in front of a flat table: rows, bits of a hash (0: no look-up is in it), lines, words. */
const HEADER = 4;

/** The top `bits` of the hash of a key and the region's first word. */
export const hashOf = (key: number, word: number, bits: number): number =>
  (Math.imul(key, FILTER_HASH.key) ^ Math.imul(word, FILTER_HASH.word)) >>> (32 - bits);

/** Bits of the hash for so many rows. */
const bitsFor = (rows: number): number => Math.max(6, 32 - Math.clz32(rows));

const grown = <T extends Uint32Array<ArrayBufferLike>>(old: T, needed: number): Uint32Array<ArrayBufferLike> => {
  if (needed <= old.length) return old;
  const next = new Uint32Array(Math.max(needed, 2 * old.length));
  next.set(old);
  return next;
};

/** The words of a region and where they are, from its instructions. */
export function contentOf(region: Region, trapsFp: boolean, care: Care): RegionContent {
  const instructions = [...region.blocks.values()].flatMap((b) => b.instructions).sort((a, b) => a.offset - b.offset);
  const lines: number[] = [];
  let end = -1;
  for (const { offset } of instructions) {
    // No line is in both pages.
    if (offset !== end || offset === PAGE_BYTES) lines.push(offset);
    end = offset + 4;
    lines[lines.length - 1] = (lines.at(-1)! & 0xffff) | (end << 16);
  }
  const words = instructions.map(({ word }) => word >>> 0);
  return { key: region.entry | (trapsFp ? TRAPS_FP : 0), lines, words, care };
}

export class RegionTable {
  #count = 0;
  #bits: number;
  #rows: Uint32Array<ArrayBufferLike>;
  /** The first row of each hash, and the next behind each row: plus 1, 0 is none. */
  #heads: Uint32Array<ArrayBufferLike>;
  #next: Uint32Array<ArrayBufferLike>;
  #lines: Uint32Array<ArrayBufferLike>;
  #words: Uint32Array<ArrayBufferLike>;

  /** An empty table for some `rows`, or more. */
  constructor(rows = 64) {
    this.#bits = bitsFor(rows);
    this.#rows = new Uint32Array(ROW * (rows + 1));
    this.#heads = new Uint32Array(2 ** this.#bits);
    this.#next = new Uint32Array(rows);
    this.#lines = new Uint32Array(4 * rows);
    this.#words = new Uint32Array(32 * rows);
  }

  /** Takes a flat table as it is; nothing can be added if it has a look-up, which is then ready at once. */
  static of(flat: Uint32Array<ArrayBufferLike>): RegionTable {
    const [count = 0, bits = 0, lines = 0, words = 0] = flat;
    const table = new RegionTable(1);
    let at = HEADER;
    const take = (length: number): Uint32Array<ArrayBufferLike> => {
      at += length;
      return flat.subarray(at - length, at);
    };
    table.#count = count;
    table.#rows = take(ROW * (count + 1));
    table.#lines = take(lines);
    table.#words = take(words);
    table.#bits = bits === 0 ? bitsFor(count) : bits;
    table.#heads = bits === 0 ? new Uint32Array(2 ** table.#bits) : take(2 ** bits);
    table.#next = bits === 0 ? new Uint32Array(count) : take(count);
    if (bits === 0) for (let row = 0; row < count; row++) table.#chain(row);
    return table;
  }

  /** Regions in the table. */
  get count(): number {
    return this.#count;
  }

  /** Where the region of a row begins, in bytes of its page. */
  entry(row: number): number {
    return this.#rows[row * ROW]! & ENTRY_MASK;
  }

  key(row: number): number {
    return this.#rows[row * ROW]! & KEY_MASK;
  }

  care(row: number): Care {
    return (this.#rows[row * ROW]! >>> CARE_SHIFT) as Care;
  }

  lineAt(row: number): number {
    return this.#rows[row * ROW + 1]!;
  }

  wordAt(row: number): number {
    return this.#rows[row * ROW + 2]!;
  }

  /** Where the code of a row is among that of all rows, in bytes; of `count`: where it ends. */
  codeAt(row: number): number {
    return this.#rows[row * ROW + 3]!;
  }

  content(row: number): RegionContent {
    const lines = this.#lines.subarray(this.lineAt(row), this.lineAt(row + 1));
    const words = this.#words.subarray(this.wordAt(row), this.wordAt(row + 1));
    return { key: this.key(row), lines, words, care: this.care(row) };
  }

  /** Adds a region with `codeBytes` bytes of code; what has the same content is found no more. Gives its row. */
  add({ key, lines, words, care }: RegionContent, codeBytes: number): number {
    const row = this.#count++;
    const [lineAt, wordAt] = [this.lineAt(row), this.wordAt(row)];
    this.#rows = grown(this.#rows, (row + 2) * ROW);
    this.#next = grown(this.#next, row + 1);
    this.#lines = grown(this.#lines, lineAt + lines.length);
    this.#words = grown(this.#words, wordAt + words.length);
    this.#lines.set(lines, lineAt);
    this.#words.set(words, wordAt);
    const at = row * ROW;
    this.#rows[at] = key | (care << CARE_SHIFT);
    this.#rows[at + ROW + 1] = lineAt + lines.length;
    this.#rows[at + ROW + 2] = wordAt + words.length;
    this.#rows[at + ROW + 3] = this.codeAt(row) + codeBytes;
    if (row >= 2 ** this.#bits) this.#hashAnew();
    else this.#chain(row);
    return row;
  }

  #hashAnew(): void {
    this.#bits += 2;
    this.#heads = new Uint32Array(2 ** this.#bits);
    for (let row = 0; row < this.#count; row++) this.#chain(row);
  }

  #chain(row: number): void {
    const hash = hashOf(this.key(row), this.entryWord(row), this.#bits);
    this.#next[row] = this.#heads[hash]!;
    this.#heads[hash] = row + 1;
  }

  /** The word that a region begins with. */
  entryWord(row: number): number {
    const entry = this.entry(row);
    let at = this.wordAt(row);
    for (let n = this.lineAt(row); n < this.lineAt(row + 1); n++) {
      const [begin, end] = [this.#lines[n]! & 0xffff, this.#lines[n]! >>> 16];
      if (entry >= begin && entry < end) return this.#words[at + (entry - begin) / 4]!;
      at += (end - begin) / 4;
    }
    return 0;
  }

  /**
   * The row of the region that begins with `key` in the page of which `memory[page]` is the first word, and `memory[next]`
   * that of the page behind it if there is one (else 0); -1: none.
   */
  find(memory: Uint32Array<ArrayBufferLike>, page: number, next: number, key: number): number {
    const hash = hashOf(key, memory[page + ((key & ENTRY_MASK) >> 2)]!, this.#bits);
    for (let at = this.#heads[hash]!; at !== 0; at = this.#next[at - 1]!) {
      if (this.key(at - 1) === key && this.#isAt(memory, page, next, at - 1)) return at - 1;
    }
    return -1;
  }

  #isAt(memory: Uint32Array<ArrayBufferLike>, page: number, next: number, row: number): boolean {
    let at = this.wordAt(row);
    const last = this.lineAt(row + 1);
    for (let n = this.lineAt(row); n < last; n++) {
      const line = this.#lines[n]!;
      const isNext = (line & 0xffff) >= PAGE_BYTES;
      if (isNext && next === 0) return false;
      const first = isNext ? next - PAGE_WORDS : page;
      const end = first + (line >>> 18);
      for (let w = first + ((line & 0xffff) >> 2); w < end; w++) if (memory[w] !== this.#words[at++]) return false;
    }
    return true;
  }

  /** The row with the same content; -1 if there is none. */
  findSame({ key, lines, words }: RegionContent, entryWord: number): number {
    const hash = hashOf(key, entryWord, this.#bits);
    for (let next = this.#heads[hash]!; next !== 0; next = this.#next[next - 1]!) {
      const row = next - 1;
      if (this.key(row) !== key) continue;
      const other = this.content(row);
      if (isSame(lines, other.lines) && isSame(words, other.words)) return row;
    }
    return -1;
  }

  /** Whether a region has instructions of the next page. */
  spans(row: number): boolean {
    return this.lineAt(row) < this.lineAt(row + 1) && (this.#lines[this.lineAt(row + 1) - 1]! & 0xffff) >= PAGE_BYTES;
  }

  /** Whether a region has instructions in bytes `from` to `to` of its page. */
  covers(row: number, from: number, to: number): boolean {
    for (let n = this.lineAt(row); n < this.lineAt(row + 1); n++) {
      if ((this.#lines[n]! & 0xffff) < to && this.#lines[n]! >>> 16 > from) return true;
    }
    return false;
  }

  /** Rows `from` on as a flat table; with a look-up if it shall be ready wherever it goes. */
  flat(look: boolean, from = 0): Uint32Array<ArrayBuffer> {
    if (look && from !== 0) throw new RangeError('a look-up is of all rows');
    const count = this.#count - from;
    const lines = this.#lines.subarray(this.lineAt(from), this.lineAt(this.#count));
    const words = this.#words.subarray(this.wordAt(from), this.wordAt(this.#count));
    const rows = this.#rows.slice(from * ROW, (this.#count + 1) * ROW);
    for (let n = rows.length - ROW; n >= 0; n -= ROW) for (const k of [1, 2, 3]) rows[n + k]! -= rows[k]!;
    const parts = [Uint32Array.of(count, look ? this.#bits : 0, lines.length, words.length), rows, lines, words];
    if (look) parts.push(this.#heads, this.#next.subarray(0, count));
    const out = new Uint32Array(parts.reduce((n, p) => n + p.length, 0));
    let at = 0;
    for (const part of parts) {
      out.set(part, at);
      at += part.length;
    }
    return out;
  }
}

function isSame(a: ArrayLike<number>, b: ArrayLike<number>): boolean {
  if (a.length !== b.length) return false;
  for (let n = 0; n < a.length; n++) if (a[n] !== b[n]) return false;
  return true;
}
