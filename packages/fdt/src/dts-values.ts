import { decodeEscapes } from './dts-escapes.ts';
import { parseInteger } from './dts-expression.ts';
import type { DtsLexer } from './dts-lexer.ts';
import type { DtsMarkPiece, DtsValueType } from './dts-marks.ts';
import type { DtsPiece } from './dts-tree.ts';

/** A property's value as parsed. */
export interface DtsValue {
  readonly pieces: readonly DtsPiece[];
  /** Labels within the value. */
  readonly labels: readonly string[];
}

export const LABEL = /([a-zA-Z_][a-zA-Z0-9_]*):/y;
const BYTE = /[0-9a-fA-F]{2}/y;
/** `&label`, or `&{/path}`, or `&{label/path}`. */
const REFERENCE = /&(?:([a-zA-Z_][a-zA-Z0-9_]*)|\{([a-zA-Z0-9,._+*#?@/-]+)\})/y;

/** A reference: `label`, `/path` or `label/path`; undefined when the text goes on with something else. */
export function parseReference(lexer: DtsLexer): string | undefined {
  const match = lexer.match(REFERENCE);
  return match === null ? undefined : (match[1] ?? match[2]!);
}

export function parseString(lexer: DtsLexer): Uint8Array | undefined {
  const at = lexer.position();
  const text = lexer.takeQuoted('"');
  return text === undefined ? undefined : decodeEscapes(text, (message) => lexer.fail(message, at));
}

/** Parses what stands between `=` and `;`. */
export function parseValue(lexer: DtsLexer): DtsValue {
  const value = new ValueBuilder();
  do {
    value.takeLabels(lexer);
    parseItem(lexer, value);
    value.takeLabels(lexer);
  } while (lexer.take(','));
  return value.finish();
}

function parseItem(lexer: DtsLexer, value: ValueBuilder): void {
  const at = lexer.position();
  const string = parseString(lexer);
  if (string !== undefined) {
    value.mark({ kind: 'type', type: 'string' });
    value.addBytes(string);
    value.addByte(0);
    return;
  }
  const reference = parseReference(lexer);
  if (reference !== undefined) {
    value.mark({ kind: 'type', type: 'string' });
    value.add({ kind: 'path', reference, at });
  } else if (lexer.take('[')) {
    value.mark({ kind: 'type', type: 'u8' });
    parseBytes(lexer, value);
  } else if (lexer.take('<')) {
    parseArray(lexer, value, 32);
  } else if (lexer.take('/bits/')) {
    const bits = Number(parseInteger(lexer) ?? 0);
    const known = [8, 16, 32, 64].includes(bits);
    if (!known) lexer.report('array elements have 8, 16, 32 or 64 bits', at);
    lexer.expect('<', 'after /bits/ and a number');
    parseArray(lexer, value, known ? bits : 32);
  } else if (lexer.take('/incbin/')) {
    parseIncbin(lexer, value);
  } else {
    lexer.fail('expected a value: <cells>, "string", [bytes] or &reference');
  }
}

function parseBytes(lexer: DtsLexer, value: ValueBuilder): void {
  for (;;) {
    value.takeLabels(lexer);
    if (lexer.take(']')) return;
    const byte = lexer.match(BYTE);
    if (byte === null) lexer.fail("expected two hexadecimal digits or ']' in a byte string");
    value.addByte(Number.parseInt(byte[0], 16));
  }
}

const ARRAY_TYPES: Readonly<Record<number, DtsValueType>> = { 8: 'u8', 16: 'u16', 32: 'u32', 64: 'u64' };

function parseArray(lexer: DtsLexer, value: ValueBuilder, bits: number): void {
  value.mark({ kind: 'type', type: ARRAY_TYPES[bits]! });
  const mask = (1n << BigInt(bits)) - 1n;
  const allOnes = (1n << 64n) - 1n;
  for (;;) {
    value.takeLabels(lexer);
    if (lexer.take('>')) return;
    const at = lexer.position();
    const reference = parseReference(lexer);
    if (reference !== undefined) {
      if (bits !== 32) lexer.report('references stand only in arrays of 32-bit elements', at);
      value.add({ kind: 'phandle', reference, at });
      continue;
    }
    const number = parseInteger(lexer);
    if (number === undefined) {
      lexer.fail("expected a number, (expression), &reference or '>'; an expression with operators needs parentheses");
    }
    // A negative number is a 64-bit number whose upper bits are all ones.
    if (number > mask && (number | mask) !== allOnes) {
      lexer.report(`0x${number.toString(16)} does not fit in a ${bits}-bit array element`, at);
    }
    for (let shift = bits - 8; shift >= 0; shift -= 8) value.addByte(Number((number >> BigInt(shift)) & 0xffn));
  }
}

function parseIncbin(lexer: DtsLexer, value: ValueBuilder): void {
  lexer.expect('(', 'after /incbin/');
  const at = lexer.position();
  const name = parseString(lexer);
  if (name === undefined) lexer.fail('expected a file name in quotes');
  const range = [0, Number.POSITIVE_INFINITY];
  if (lexer.take(',')) {
    range[0] = Number(parseInteger(lexer) ?? lexer.fail('expected an offset'));
    lexer.expect(',', 'between offset and length of /incbin/');
    range[1] = range[0] + Number(parseInteger(lexer) ?? lexer.fail('expected a length'));
  }
  lexer.expect(')', 'at the end of /incbin/');
  const content = lexer.readBinary(new TextDecoder().decode(name), at);
  value.mark({ kind: 'file' });
  // As with dtc, what the file does not have is left out.
  value.addBytes(content.subarray(range[0], Math.min(range[1]!, content.length)));
}

/** Collects pieces; bytes with no mark between them become one piece. */
class ValueBuilder {
  readonly #pieces: DtsPiece[] = [];
  readonly #labels: string[] = [];
  #bytes = new Uint8Array(64);
  #length = 0;

  takeLabels(lexer: DtsLexer): void {
    for (let match = lexer.match(LABEL); match !== null; match = lexer.match(LABEL)) {
      const label = match[1]!;
      this.#labels.push(label);
      this.mark({ kind: 'label', label });
    }
  }

  mark(piece: DtsMarkPiece): void {
    this.#flush();
    this.#pieces.push(piece);
  }

  add(piece: DtsPiece): void {
    this.#flush();
    this.#pieces.push(piece);
  }

  addByte(byte: number): void {
    this.#reserve(1);
    this.#bytes[this.#length++] = byte;
  }

  addBytes(bytes: Uint8Array): void {
    this.#reserve(bytes.length);
    this.#bytes.set(bytes, this.#length);
    this.#length += bytes.length;
  }

  finish(): DtsValue {
    this.#flush();
    return { pieces: this.#pieces, labels: this.#labels };
  }

  #reserve(count: number): void {
    if (this.#length + count <= this.#bytes.length) return;
    const larger = new Uint8Array(Math.max(this.#bytes.length * 2, this.#length + count));
    larger.set(this.#bytes.subarray(0, this.#length));
    this.#bytes = larger;
  }

  #flush(): void {
    if (this.#length > 0) this.#pieces.push({ kind: 'bytes', bytes: this.#bytes.slice(0, this.#length) });
    this.#length = 0;
  }
}
