/** Assembly templates of rows and aliases, compiled: mnemonics with the fields they tell, and operands. */
import type { Encoding } from '../decoder.ts';
import { ENCODINGS } from '../encodings.ts';
import type { Fields } from '../table/row.ts';
import { ALIASES, type Alias } from './aliases.ts';
import type { Instruction, Operand } from './operand.ts';
import { LIST, listFor, operandFor } from './operands.ts';
import { CONDITION_SYNONYMS, CONDITIONS } from './operands-general.ts';

/** A mnemonic and the fields that it tells. */
export interface Mnemonic {
  readonly text: string;
  readonly fields: Fields;
}

/** One way to write the instructions of a row. */
export interface Form {
  readonly encoding: Encoding;
  /** Undefined for the row's own template. */
  readonly alias?: Alias;
  readonly mnemonics: readonly Mnemonic[];
  /** Operands and the text between them; compiled at the first use. */
  readonly parts: () => readonly (Operand | string)[];
}

/** Placeholders in mnemonics: each choice with its fields. The first that fits is written. */
const CHOICES: Readonly<Record<string, readonly Mnemonic[]>> = {
  cond: [
    ...CONDITIONS.map((text, cond) => ({ text, fields: { cond } })),
    ...Object.entries(CONDITION_SYNONYMS).map(([text, cond]) => ({ text, fields: { cond } })),
  ],
  /** Second half of the vector, by Q. */
  2: [
    { text: '', fields: { Q: 0 } },
    { text: '2', fields: { Q: 1 } },
  ],
  /** Acquire and release. */
  ar: [
    { text: '', fields: { A: 0, R: 0 } },
    { text: 'a', fields: { A: 1, R: 0 } },
    { text: 'l', fields: { A: 0, R: 1 } },
    { text: 'al', fields: { A: 1, R: 1 } },
  ],
  /** Release, of instructions without result. */
  l: [
    { text: '', fields: { A: 0, R: 0 } },
    { text: 'l', fields: { A: 0, R: 1 } },
  ],
};

function mnemonics(template: string): readonly Mnemonic[] {
  const [head = '', name, tail = ''] = template.split(/[<>]/);
  if (name === undefined) return [{ text: head, fields: {} }];
  const choices = CHOICES[name];
  if (!choices) throw new Error(`no choices are known for <${name}> in the mnemonic ${template}`);
  return choices.map((c) => ({ text: head + c.text + tail, fields: c.fields }));
}

const PIECES = new RegExp(`(${LIST.source}|<[^>]*>)`);

function compileParts(template: string, { pattern }: Encoding): readonly (Operand | string)[] {
  const pieces = template.slice(mnemonicEnd(template) + 1).split(PIECES);
  return pieces
    .filter((piece) => piece !== '')
    .map((piece) => {
      if (LIST.test(piece)) return listFor(piece);
      return piece.startsWith('<') ? operandFor(piece.slice(1, -1), pattern, template) : piece;
    });
}

const mnemonicEnd = (template: string): number => `${template} `.indexOf(' ');

function compile(template: string, encoding: Encoding, alias?: Alias): Form {
  let parts: readonly (Operand | string)[] | undefined;
  return {
    encoding,
    mnemonics: mnemonics(template.slice(0, mnemonicEnd(template))),
    parts: () => {
      parts ??= compileParts(template, encoding);
      return parts;
    },
    ...(alias && { alias }),
  };
}

interface Templates {
  /** By row: aliases that are preferred to the row's own form, then that form. */
  readonly byRow: readonly (readonly Form[])[];
  /** By mnemonic: the rows' own forms in order of the table, then aliases in theirs. */
  readonly byMnemonic: ReadonlyMap<string, readonly { readonly form: Form; readonly fields: Fields }[]>;
}

function build(): Templates {
  const own = ENCODINGS.map((e) => compile(e.row.asm, e));
  const byName = new Map(ENCODINGS.map((e) => [e.row.name, e]));
  const aliases = ALIASES.flatMap((alias) =>
    alias.rows.flatMap((name) => {
      const encoding = byName.get(name);
      return encoding ? [compile(alias.asm, encoding, alias)] : [];
    }),
  );
  const byRow = own.map((form) => [form]);
  for (const form of [...aliases].reverse()) if (!form.alias!.readOnly) byRow[form.encoding.index]!.unshift(form);
  const byMnemonic = new Map<string, { form: Form; fields: Fields }[]>();
  for (const form of [...own, ...aliases]) {
    for (const { text, fields } of form.mnemonics) {
      const entry = { form, fields };
      const list = byMnemonic.get(text);
      if (list) list.push(entry);
      else byMnemonic.set(text, [entry]);
    }
  }
  return { byRow, byMnemonic };
}

let templates: Templates | undefined;

/** All templates; compiled at the first use. */
export function allTemplates(): Templates {
  templates ??= build();
  return templates;
}

/** True if the alias is how this instruction is written. */
export function prefers(alias: Alias, f: Fields): boolean {
  const fixed = Object.entries(alias.fixed ?? {}).every(([name, value]) => f[name] === value);
  return fixed && (alias.same ?? []).every(([a, b]) => f[a] === f[b]) && (alias.when?.(f) ?? true);
}

/** The text of an instruction in one form. */
export function format(form: Form, i: Instruction): string {
  const fits = (m: Mnemonic): boolean => Object.entries(m.fields).every(([name, value]) => i.fields[name] === value);
  const mnemonic = form.mnemonics.find(fits);
  if (!mnemonic) throw new Error(`row ${form.encoding.row.name} has no mnemonic for these fields`);
  const operands = form
    .parts()
    .map((part) => (typeof part === 'string' ? part : part.format(i)))
    .join('');
  return operands ? `${mnemonic.text} ${operands}` : mnemonic.text;
}
