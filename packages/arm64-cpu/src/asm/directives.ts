/** Assembler directives: a table from name to what each does. */
import { parseExpression } from './expression.ts';
import { wrapTo } from './operand.ts';
import type { Pass } from './pass.ts';
import type { Scanner } from './scanner.ts';
import { Mismatch } from './scanner.ts';

export type Directive = (pass: Pass, s: Scanner) => void;

const endOf = (s: Scanner): void => {
  if (!s.atEnd()) s.fail('the end of the statement');
};

/** Arguments parted by commas. */
function each(s: Scanner, read: () => void): void {
  if (s.atEnd()) return;
  do read();
  while (s.take(','));
  endOf(s);
}

/** Values of `bytes` bytes. Symbols may be defined later. */
const data =
  (bytes: number): Directive =>
  (pass, s) =>
    each(s, () => {
      s.skipBlanks();
      const { at } = s;
      const value = wrapTo(parseExpression(s, pass.laterScope), bytes * 8);
      if (value === undefined) return s.fail(`a value of ${bytes * 8} bits`, at);
      pass.emit(bytes, (view, to) => {
        for (let i = 0; i < bytes; i++) view.setUint8(to + i, Number((value >> BigInt(8 * i)) & 0xffn));
      });
    });

const STRING = /"((?:\\.|[^"\\])*)"/y;
const ESCAPE = /\\(x[\da-fA-F]+|[0-7]{1,3}|.)/g;
const ESCAPES: Readonly<Record<string, number>> = { n: 10, t: 9, r: 13, b: 8, f: 12 };

/** The bytes of a string: text as UTF-8, escapes as single bytes. */
function stringBytes(text: string): number[] {
  const out: number[] = [];
  let from = 0;
  const encode = (part: string): void => void out.push(...new TextEncoder().encode(part));
  for (const found of text.matchAll(ESCAPE)) {
    encode(text.slice(from, found.index));
    const code = found[1]!;
    if (/^x./.test(code)) out.push(Number.parseInt(code.slice(-2).replace('x', ''), 16));
    else if (/^[0-7]/.test(code)) out.push(Number.parseInt(code, 8) & 0xff);
    else out.push(ESCAPES[code] ?? code.charCodeAt(0));
    from = found.index + found[0].length;
  }
  encode(text.slice(from));
  return out;
}

const string =
  (terminated: boolean): Directive =>
  (pass, s) =>
    each(s, () => {
      const text = s.match(STRING)?.[1] ?? s.fail('a string in double quotes');
      const bytes = [...stringBytes(text), ...(terminated ? [0] : [])];
      pass.emit(bytes.length, (view, to) => bytes.forEach((byte, i) => view.setUint8(to + i, byte)));
    });

/** A count that must be known at its place. */
function count(pass: Pass, s: Scanner, what: string): number {
  s.skipBlanks();
  const { at } = s;
  const value = parseExpression(s, pass);
  if (value < 0n || value > BigInt(Number.MAX_SAFE_INTEGER)) s.fail(`${what}, not ${value}`, at);
  return Number(value);
}

const optionalByte = (pass: Pass, s: Scanner): number | undefined =>
  s.take(',') ? Number(BigInt.asUintN(8, parseExpression(s, pass))) : undefined;

const fill = (pass: Pass, bytes: number, value: number): void =>
  pass.emit(bytes, (view, to) => new Uint8Array(view.buffer).fill(value, to, to + bytes));

const space: Directive = (pass, s) => {
  const bytes = count(pass, s, 'a number of bytes');
  const value = optionalByte(pass, s) ?? 0;
  endOf(s);
  fill(pass, bytes, value);
};

const NOP = 0xd503201f;

/** Pads to a multiple of `unit`: with the byte given, else with zeros up to a multiple of 4 and NOP from there. */
function pad(pass: Pass, unit: number, value: number | undefined): void {
  const bytes = Number((BigInt(unit) - (pass.address % BigInt(unit))) % BigInt(unit));
  if (value !== undefined) return fill(pass, bytes, value);
  const unaligned = bytes % 4;
  fill(pass, unaligned, 0);
  pass.emit(bytes - unaligned, (view, to) => {
    for (let at = to; at < to + bytes - unaligned; at += 4) view.setUint32(at, NOP, true);
  });
}

const LARGEST_ALIGNMENT = 26;

const align =
  (power: boolean): Directive =>
  (pass, s) => {
    const { at } = s;
    const n = count(pass, s, 'an alignment');
    const unit = power ? 2 ** Math.min(n, LARGEST_ALIGNMENT + 1) : n;
    const allowed = unit > 0 && Number.isInteger(Math.log2(unit)) && unit <= 2 ** LARGEST_ALIGNMENT;
    if (!allowed) s.fail(`an alignment that is a power of two up to 2^${LARGEST_ALIGNMENT}`, at);
    const value = optionalByte(pass, s);
    endOf(s);
    pad(pass, unit, value);
  };

const org: Directive = (pass, s) => {
  const { at } = s;
  const target = parseExpression(s, pass);
  const value = optionalByte(pass, s) ?? 0;
  endOf(s);
  if (target < pass.address) s.fail('an address at or above the current one', at);
  const bytes = target - pass.address;
  fill(pass, bytes > BigInt(Number.MAX_SAFE_INTEGER) ? Number.MAX_SAFE_INTEGER : Number(bytes), value);
};

const SYMBOL = /[A-Za-z_.$][\w.$]*/y;

const set: Directive = (pass, s) => {
  s.skipBlanks();
  const { at } = s;
  const name = s.match(SYMBOL)?.[0] ?? s.fail('the name of a symbol', at);
  if (!s.take(',')) s.fail('`,`');
  pass.assign(name, s, at);
};

/** Things without meaning for an image of bytes. */
const ignore: Directive = () => {};

const inst: Directive = (pass, s) => {
  if (pass.address % 4n !== 0n) throw new Mismatch(s.at, 'instructions at a multiple of 4 (use .balign 4)', true);
  data(4)(pass, s);
};

/** By name, without the dot. `.macro`, `.rept` and their ends are read by the pass itself. */
export const DIRECTIVES: Readonly<Record<string, Directive>> = {
  byte: data(1),
  hword: data(2),
  short: data(2),
  '2byte': data(2),
  word: data(4),
  long: data(4),
  int: data(4),
  '4byte': data(4),
  xword: data(8),
  quad: data(8),
  dword: data(8),
  '8byte': data(8),
  inst,
  ascii: string(false),
  asciz: string(true),
  string: string(true),
  space,
  skip: space,
  zero: space,
  align: align(true),
  p2align: align(true),
  balign: align(false),
  org,
  set,
  equ: set,
  ltorg: (pass, s) => {
    endOf(s);
    pass.placeLiterals();
  },
  pool: (pass, s) => {
    endOf(s);
    pass.placeLiterals();
  },
  ...Object.fromEntries(
    ['text', 'global', 'globl', 'hidden', 'local', 'type', 'size', 'arch', 'cpu', 'arch_extension', 'file'].map(
      (name) => [name, ignore],
    ),
  ),
};
