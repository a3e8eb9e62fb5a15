/** Encodes one instruction from its text. */
import type { Row } from '../table/row.ts';
import type { SymbolScope } from './expression.ts';
import { FieldWriter } from './operand.ts';
import { Mismatch, Scanner } from './scanner.ts';
import { allTemplates, type Form } from './template.ts';

/** Tokens of the text between operands. */
const TOKEN = /#[\d.]+|\w+|[^\s\w]/g;

function parseText(s: Scanner, text: string): void {
  for (const [token] of text.matchAll(TOKEN)) {
    if (s.take(token) || (token.startsWith('#') && s.take(token.slice(1)))) continue;
    s.fail(/^[a-z]/.test(token) ? 'the name of a system register or operation that is implemented' : `\`${token}\``);
  }
}

/** Register numbers that the architecture wants as 31 where an instruction ignores them. */
const IGNORED_REGISTER = /x{5}/;
const ZERO_IF_IGNORED = /^F/;

/** Gives every bit that no operand told its value: ones for unused registers, else the lowest that the row allows. */
function complete(out: FieldWriter, row: Row): number | undefined {
  const allowed = (): boolean => {
    const f = out.fields();
    return (row.when?.(f) ?? true) && (row.check?.(f) ?? true);
  };
  for (const { name, lsb, width } of out.pattern.fields) {
    if (name.startsWith('R') && out.get(name) === undefined) out.setBits(lsb, width, 2 ** width - 1);
  }
  const open = out.pattern.fields
    .flatMap((f) => Array.from({ length: f.width }, (_, bit) => f.lsb + bit))
    .filter((bit) => ((out.known >>> bit) & 1) === 0);
  const told = out.word;
  for (let choice = 0; choice < 2 ** Math.min(open.length, 12); choice++) {
    out.word = open.reduce((word, bit, n) => ((choice >> n) & 1 ? (word | (1 << bit)) >>> 0 : word), told);
    if (allowed()) return withIgnored(out, row);
  }
  return undefined;
}

function withIgnored(out: FieldWriter, row: Row): number {
  let { word } = out;
  let bit = 32;
  for (const group of row.pattern.trim().split(/\s+/)) {
    const width = /^[01x]+$/.test(group) ? group.length : Number(group.split(':')[1] ?? 1);
    bit -= width;
    if (IGNORED_REGISTER.test(group) && !ZERO_IF_IGNORED.test(row.name)) word = (word | (0b11111 << bit)) >>> 0;
  }
  return word;
}

function parseForm(form: Form, fields: Readonly<Record<string, number>>, s: Scanner, scope: SymbolScope): number {
  const out = new FieldWriter(form.encoding.pattern);
  for (const [name, value] of Object.entries({ ...fields, ...form.alias?.fixed })) out.set(name, value);
  for (const part of form.parts()) {
    if (typeof part === 'string') parseText(s, part);
    else part.parse(s, out, scope);
  }
  if (!s.atEnd()) s.fail('the end of the statement');
  for (const [to, from] of form.alias?.same ?? []) out.set(to, out.get(from)!);
  return complete(out, form.encoding.row) ?? s.fail('operands that this instruction can be encoded with', 0);
}

/** The most alternatives that an error names. */
const MAX_NAMED = 4;

/** What readings that expect a register say. */
const REGISTER_EXPECTED = /\b[a-z]\d+ to |arrangement/;

/** Among readings that failed, what the ones that came furthest expected; not registers where a number stands. */
function furthest(text: string, failures: readonly Mismatch[]): Mismatch {
  const at = Math.max(...failures.map((f) => f.at));
  const message = failures.find((f) => f.at === at && f.isMessage);
  if (message) return message;
  const all = [...new Set(failures.filter((f) => f.at === at).map((f) => f.expected))];
  const numbers = /[#\d]/.test(text[at] ?? '') ? all.filter((expected) => !REGISTER_EXPECTED.test(expected)) : [];
  const expected = numbers.length ? numbers : all;
  const named = expected.slice(0, MAX_NAMED).join(', or ');
  return new Mismatch(at, `expected ${named}${expected.length > MAX_NAMED ? ', or other operands' : ''}`, true);
}

/**
 * The word of the instruction whose mnemonic starts at `at` in `text`. Throws `Mismatch` at the place where the
 * best reading fails.
 */
export function encodeInstruction(text: string, at: number, scope: SymbolScope): number {
  const mnemonic = /[A-Za-z][\w.]*/y;
  mnemonic.lastIndex = at;
  const name = mnemonic.exec(text)?.[0] ?? '';
  const candidates = allTemplates().byMnemonic.get(name.toLowerCase());
  if (!candidates) throw new Mismatch(at, name ? `unknown instruction ${name}` : 'expected an instruction', true);
  const failures: Mismatch[] = [];
  for (const { form, fields } of candidates) {
    try {
      return parseForm(form, fields, new Scanner(text, at + name.length), scope);
    } catch (e) {
      if (!(e instanceof Mismatch)) throw e;
      failures.push(e);
    }
  }
  throw furthest(text, failures);
}
