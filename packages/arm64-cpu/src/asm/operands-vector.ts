/** Operands of SIMD and floating point: scalar and vector registers, elements, lists. */
import type { Fields, Pattern } from '../table/row.ts';
import { fieldImmediate, type Immediate } from './immediates.ts';
import { type FieldWriter, type Instruction, type Operand, parseImmediate, put } from './operand.ts';
import type { Scanner } from './scanner.ts';

const LETTERS = 'bhsdq';

/** Fields that a scalar register's letter stands for: which field, and the letter of each of its values. */
const SCALARS: Readonly<Record<string, { field: string; letters: readonly string[] }>> = {
  F: { field: 'ftype', letters: ['s', 'd', '', 'h'] },
  v: { field: 'size', letters: ['b', 'h', 's', 'd'] },
  va: { field: 'size', letters: ['h', 's', 'd', 'q'] },
  f: { field: 'sz', letters: ['s', 'd'] },
};

const SCALAR_NAME = /([bhsdq])(\d|[12]\d|3[01])(?!\w)/iy;

/** A scalar register: of fixed size by its letter, or by a field. */
function scalar(family: string, register: string): Operand {
  const sized = SCALARS[family];
  const letters = sized ? sized.letters : [family.toLowerCase()];
  return {
    format: (i) => `${letters[sized ? i.fields[sized.field]! : 0]}${i.fields[register]}`,
    parse: (s, out) => {
      s.skipBlanks();
      const { at } = s;
      const found = s.match(SCALAR_NAME);
      const value = letters.indexOf(found?.[1]?.toLowerCase() ?? '-');
      const expected = `a register of ${letters
        .filter(Boolean)
        .map((l) => `${l}0 to ${l}31`)
        .join(', ')}`;
      if (!found || value < 0) return s.fail(expected, at);
      put(s, out, { [register]: Number(found[2]), ...(sized ? { [sized.field]: value } : {}) }, expected, at);
    },
  };
}

/** An arrangement (`8b`) and the fields that stand for it. */
interface Arrangement {
  readonly text: (f: Fields) => string;
  /** Every choice of the fields with its text. */
  readonly choices: readonly (readonly [text: string, fields: Readonly<Record<string, number>>])[];
}

const lanes = (log2: number, bits: number): string => `${bits >> (3 + log2)}${LETTERS[log2]}`;

function arrangement(names: readonly string[], text: (f: Fields) => string): Arrangement {
  const combinations = names.reduce<Record<string, number>[]>(
    (all, name) => all.flatMap((f) => Array.from({ length: name === 'size' ? 4 : 2 }, (_, v) => ({ ...f, [name]: v }))),
    [{}],
  );
  return { text, choices: combinations.map((f) => [text(f), f] as const) };
}

const width = (f: Fields): number => (f.Q ? 128 : 64);
const fixedLane = (log2: number): Arrangement => arrangement(['Q'], (f) => lanes(log2, width(f)));

/** Arrangements by the placeholder's suffix. Other suffixes are the text itself (`16B`). */
const ARRANGEMENTS: Readonly<Record<string, Arrangement>> = {
  T: arrangement(['size', 'Q'], (f) => lanes(f.size!, width(f))),
  TB: fixedLane(0),
  TH: fixedLane(1),
  TS: fixedLane(2),
  TD: fixedLane(3),
  Ta: arrangement(['size'], (f) => lanes(f.size! + 1, 128)),
  Tb: arrangement(['size', 'Q'], (f) => lanes(f.size!, width(f))),
  Tp: arrangement(['size', 'Q'], (f) => lanes(f.size! + 1, width(f))),
  Tf: arrangement(['sz', 'Q'], (f) => lanes(2 + f.sz!, width(f))),
};

const arrangementOf = (suffix: string): Arrangement =>
  ARRANGEMENTS[suffix] ?? { text: () => suffix.toLowerCase(), choices: [[suffix.toLowerCase(), {}]] };

const VECTOR_NAME = /v(\d|[12]\d|3[01])\.(\d*[bhsdq])(?!\w)/iy;

/** Reads `v3.8b` and tells its fields; `offset` is how far it is behind the register that the field holds. */
function parseVector(s: Scanner, out: FieldWriter, register: string, offset: number, a: Arrangement): void {
  s.skipBlanks();
  const { at } = s;
  const expected = `a register with arrangement ${[...new Set(a.choices.map(([text]) => `.${text}`))].join(', ')}`;
  const found = s.match(VECTOR_NAME) ?? s.fail(expected, at);
  const fits = a.choices.filter(([text]) => text === found[2]!.toLowerCase());
  put(s, out, { [register]: (Number(found[1]) - offset + 32) % 32 }, 'the register behind the one before', at);
  if (!fits.some(([, fields]) => Object.entries(fields).every(([name, value]) => out.set(name, value))))
    s.fail(expected, at);
}

const vectorName = (i: Instruction, register: string, offset: number, a: Arrangement): string =>
  `v${(i.fields[register]! + offset) % 32}.${a.text(i.fields)}`;

function vector(register: string, offset: number, suffix: string): Operand {
  const a = arrangementOf(suffix);
  return {
    format: (i) => vectorName(i, register, offset, a),
    parse: (s, out) => parseVector(s, out, register, offset, a),
  };
}

/** `[3]` behind a register: fields joined, or a constant. */
export function laneIndex(index: string, pattern: Pattern): Operand {
  const constant = /^\d+$/.test(index);
  const immediate: Immediate = constant
    ? { value: () => Number(index), fields: (v) => (v === BigInt(index) ? {} : undefined), range: `lane ${index}` }
    : fieldImmediate(index.split(':'), pattern.fields);
  const range = constant ? immediate.range : immediate.range.replace('an immediate', 'a lane');
  return {
    format: (i) => `[${immediate.value(i.fields)}]`,
    parse: (s, out, scope) => {
      if (!s.take('[')) s.fail('`[`');
      const { at } = s;
      const value = parseImmediate(s, scope, range);
      put(s, out, immediate.fields(value, out.fields()) ?? s.fail(range, at), range, at);
      if (!s.take(']')) s.fail('`]`');
    },
  };
}

const joined = (first: Operand, second: Operand): Operand => ({
  format: (i) => first.format(i) + second.format(i),
  parse: (s, out, scope) => {
    first.parse(s, out, scope);
    second.parse(s, out, scope);
  },
});

/** `{v0.8b, v1.8b}` of `count` consecutive registers; from three on `{v0.8b-v2.8b}`, unless they wrap. */
export function registerList(register: string, suffix: string, count: number): Operand {
  const a = arrangementOf(suffix);
  return {
    format: (i) => {
      const names = Array.from({ length: count }, (_, r) => vectorName(i, register, r, a));
      const rising = i.fields[register]! + count <= 32;
      return count > 2 && rising ? `{${names[0]}-${names[count - 1]}}` : `{${names.join(', ')}}`;
    },
    parse: (s, out) => {
      if (!s.take('{')) s.fail('`{`');
      parseVector(s, out, register, 0, a);
      if (count > 1 && s.take('-')) parseVector(s, out, register, count - 1, a);
      else {
        for (let r = 1; r < count; r++) {
          if (!s.take(',')) s.fail(`\`,\`: a list of ${count} registers`);
          parseVector(s, out, register, r, a);
        }
      }
      if (!s.take('}')) s.fail('`}`');
    },
  };
}

/** Post-index of structure loads: the bytes transferred, `bytes` or with `byQ` and Q = 1 twice as many. */
function postIndex(bytes: number, byQ: boolean): Operand {
  const amount = (f: Fields): number => (byQ && f.Q ? 2 * bytes : bytes);
  return {
    format: ({ fields }) => `#${amount(fields)}`,
    parse: (s, out, scope) => {
      s.skipBlanks();
      const { at } = s;
      const expected = `#${amount(out.fields())}, the bytes transferred`;
      if (parseImmediate(s, scope, expected) !== BigInt(amount(out.fields()))) s.fail(expected, at);
    },
  };
}

/** The operand of a SIMD and floating-point placeholder, without its angle brackets; `undefined` where it is none. */
export function vectorOperand(name: string, pattern: Pattern): Operand | undefined {
  const scalarMatch = /^([BHSDQFvf]|va)([dnmat]2?)$/.exec(name);
  if (scalarMatch) return scalar(scalarMatch[1]!, `R${scalarMatch[2]}`);
  const post = /^#post(Q?):(\d+)$/.exec(name);
  if (post) return postIndex(Number(post[2]), post[1] === 'Q');
  if (name.startsWith('[')) return laneIndex(name.slice(1, -1), pattern);
  const vectorMatch = /^V([dnmt])(?:\+(\d))?\.(\w+)(?:\[([\w:]+)\])?$/.exec(name);
  if (!vectorMatch) return undefined;
  const [, register, offset = '0', suffix, index] = vectorMatch;
  const whole = vector(`R${register}`, Number(offset), suffix!);
  return index === undefined ? whole : joined(whole, laneIndex(index, pattern));
}
