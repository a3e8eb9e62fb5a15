import type { Sem } from './sem.ts';

/** The fields of one instruction word by name, as unsigned numbers. `pc` is the low 12 bits of its address. */
export type Fields = Readonly<Record<string, number>>;

/** Architecture features beyond Armv8.0-A with FP and AdvSIMD, by their Arm ARM names. */
export type Feature = 'FEAT_LSE' | 'FEAT_CRC32' | 'FEAT_AES' | 'FEAT_SHA1' | 'FEAT_SHA256' | 'FEAT_PMULL' | 'FEAT_RDM';

/** Where a load or store goes: bytes from the base register `Rn` (31 = SP). */
export interface Access {
  readonly offset: number;
  readonly bytes: number;
  /** What must be aligned for the access to be aligned. */
  readonly align: number;
  readonly store: boolean;
  /** What is added to the base register behind it. */
  readonly writeback: number;
}

/** One instruction encoding: the source of decoder, assembler, disassembler and semantics. */
export interface Row {
  /** Arm ARM encoding name, e.g. `ADD_imm`. Unique. */
  readonly name: string;
  /**
   * The 32 bits from 31 down, in groups parted by blanks: a run of 0, 1 and x (ignored), or `name:width`
   * (`name` alone is one bit), e.g. `sf 00 100010 sh imm12:12 Rn:5 Rd:5`.
   */
  readonly pattern: string;
  /** Assembly text: mnemonic, then operands with placeholders in angle brackets (see asm/operands.ts). */
  readonly asm: string;
  readonly feature?: Feature;
  /**
   * Fields that semantics take as values at run time, beside registers (`R…`) and immediates (`imm…`),
   * which always are. Every other field is static: each of its values makes an interpreter handler of its own.
   */
  readonly dynamic?: readonly string[];
  /** Which values of the static fields are allocated; default all. */
  readonly when?: (f: Fields) => boolean;
  /** Which values of all fields are allocated, beyond `when`; default all. */
  readonly check?: (f: Fields) => boolean;
  /** Register fields that are even where `check` says yes: never 31. */
  readonly even?: readonly string[];
  /** Kept out of the interpreter's main function: rarer instructions, and big ones. */
  readonly cold?: boolean;
  /**
   * Of a row that may write SP: whether these fields may leave it without the alignment that it had. Such instructions
   * have a handler of their own, which looks at SP behind them.
   */
  readonly movesSp?: (f: Fields) => boolean;
  /** A direct branch: bytes from the instruction to its target. */
  readonly target?: (f: Fields) => number;
  /** A branch that is expected to come back to the next instruction. */
  readonly isCall?: boolean;
  /** Of a plain load or store at a constant offset from a register. */
  readonly access?: (f: Fields) => Access;
  readonly sem: (x: Sem, f: Fields) => void;
}

/** A field of a pattern: its name, lowest bit and width. */
export interface PatternField {
  readonly name: string;
  readonly lsb: number;
  readonly width: number;
  /** As many ones as the field is wide. */
  readonly ones: number;
}

/** A pattern, parsed: `(word & mask) === match` and the fields. */
export interface Pattern {
  readonly mask: number;
  readonly match: number;
  readonly fields: readonly PatternField[];
}

/** Whether a group of a pattern is bits: 0, 1, or x, which may be either. Nothing between two spaces is. */
function isFixed(text: string, start: number, end: number): boolean {
  for (let n = start; n < end; n++) if (text[n] !== '0' && text[n] !== '1' && text[n] !== 'x') return false;
  return true;
}

/** Parses a row's pattern, whose groups are apart by spaces; throws where it is not 32 bits long. */
export function parsePattern(text: string): Pattern {
  let bit = 32;
  let mask = 0;
  let match = 0;
  const fields: PatternField[] = [];
  // Hundreds of patterns are parsed when the first instruction is decoded: no lists of groups are made.
  for (let start = 0, end = 0; start < text.length; start = end + 1) {
    end = text.indexOf(' ', start);
    if (end < 0) end = text.length;
    if (isFixed(text, start, end)) {
      for (let n = start; n < end; n++) {
        bit--;
        const c = text[n];
        if (c !== 'x') mask |= 1 << bit;
        if (c === '1') match |= 1 << bit;
      }
      continue;
    }
    const colon = text.indexOf(':', start);
    const isWide = colon >= 0 && colon < end;
    const width = isWide ? Number(text.slice(colon + 1, end)) : 1;
    bit -= width;
    fields.push({ name: text.slice(start, isWide ? colon : end), lsb: bit, width, ones: 2 ** width - 1 });
  }
  if (bit !== 0) throw new Error(`pattern is ${32 - bit} bits long, not 32: ${text}`);
  return { mask: mask >>> 0, match: match >>> 0, fields };
}

/** The fields of `word` under `pattern`. */
export function extractFields(pattern: Pattern, word: number, pc: number): Record<string, number> {
  const f: Record<string, number> = { pc };
  for (const { name, lsb, ones } of pattern.fields) f[name] = (word >>> lsb) & ones;
  return f;
}

/** True if each of the field's values has a handler of its own. */
export const isStatic = (row: Row, name: string): boolean => !/^(R|imm)/.test(name) && !row.dynamic?.includes(name);
