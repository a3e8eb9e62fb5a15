/** What one placeholder of an assembly template is: how it is written, and how it is read. */
import { extractFields, type Fields, type Pattern, type PatternField } from '../table/row.ts';
import { parseExpression, type SymbolScope } from './expression.ts';
import { Mismatch, type Scanner } from './scanner.ts';

/** An instruction to write: its fields, the whole word, and its address. */
export interface Instruction {
  readonly fields: Fields;
  readonly word: number;
  readonly address: bigint;
}

export interface Operand {
  /** The text; suffixes with their own comma may be empty. */
  format(i: Instruction): string;
  /** Reads the text at the scanner and writes the fields that it tells; throws `Mismatch`. */
  parse(s: Scanner, out: FieldWriter, scope: SymbolScope): void;
}

/** Bits of an instruction word that operands tell one by one. A field that is told twice must have one value. */
export class FieldWriter {
  readonly pattern: Pattern;
  word: number;
  /** Bits that have their value. */
  known: number;

  constructor(pattern: Pattern) {
    this.pattern = pattern;
    this.word = pattern.match;
    this.known = pattern.mask;
  }

  field(name: string): PatternField | undefined {
    return this.pattern.fields.find((f) => f.name === name);
  }

  /** False where these bits already have another value. */
  setBits(lsb: number, width: number, value: number): boolean {
    const mask = ((2 ** width - 1) << lsb) >>> 0;
    const bits = (value << lsb) >>> 0;
    if (value < 0 || value >= 2 ** width) return false;
    if ((this.word & this.known & mask) >>> 0 !== (bits & this.known & mask) >>> 0) return false;
    this.word = (this.word | bits) >>> 0;
    this.known = (this.known | mask) >>> 0;
    return true;
  }

  /** False where the field has another value, or is not as wide. Throws where the row has no such field. */
  set(name: string, value: number): boolean {
    const field = this.field(name);
    if (!field) throw new Error(`the row has no field ${name}`);
    return this.setBits(field.lsb, field.width, value);
  }

  /** Value of the field, or `undefined` while it has none. */
  get(name: string): number | undefined {
    const field = this.field(name);
    if (!field || ((this.known >>> field.lsb) & (2 ** field.width - 1)) !== 2 ** field.width - 1) return undefined;
    return this.fields()[name];
  }

  /** All fields; those without value are 0. */
  fields(): Record<string, number> {
    return extractFields(this.pattern, this.word, 0);
  }
}

/** Writes fields, or fails with what would have been expected at `at`. */
export function put(
  s: Scanner,
  out: FieldWriter,
  fields: Readonly<Record<string, number>>,
  expected: string,
  at: number,
): void {
  for (const [name, value] of Object.entries(fields)) if (!out.set(name, value)) s.fail(expected, at);
}

/** An immediate's value: an optional `#`, then an expression or `:lo12:` of one. */
export function parseImmediate(s: Scanner, scope: SymbolScope, expected: string): bigint {
  s.skipBlanks();
  const start = s.at;
  s.take('#');
  try {
    if (s.take(':lo12:')) return parseExpression(s, scope) & 0xfffn;
    return parseExpression(s, scope);
  } catch (e) {
    if (e instanceof Mismatch && !e.isMessage && e.at <= start + 1) return s.fail(expected, start);
    throw e;
  }
}

/** `value` modulo 2^bits; `undefined` outside -2^(bits-1) … 2^bits - 1. */
export function wrapTo(value: bigint, bits: number): bigint | undefined {
  const limit = 1n << BigInt(bits);
  return value >= limit || value < -limit / 2n ? undefined : BigInt.asUintN(bits, value);
}

export const hex = (value: number | bigint): string => `0x${value.toString(16)}`;
/** `value`, of `bits` bits, as a signed number. */
export const signed = (value: number, bits: number): number => (value << (32 - bits)) >> (32 - bits);
export const widthOf = (f: Fields): 32 | 64 => (f.sf === 1 ? 64 : 32);
