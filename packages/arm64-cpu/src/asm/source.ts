/** Splits assembly source into lines and statements, without comments. Columns stay those of the source. */
import { AsmError } from './asm-error.ts';

/** A line of source without comments, in columns of the source; `source` is what errors show. */
export interface Line {
  /** From 1. */
  readonly number: number;
  readonly text: string;
  readonly source: string;
}

/** A string, a character, or a comment up to its end or that of the source. */
const TOKEN = /"(?:\\.|[^"\\\n])*"?|'\\?[^\n]'?|\/\/[^\n]*|\/\*[\s\S]*?(?:\*\/|$)|;/g;
const STRING = /^["']/;

/** The source's lines. Comments are those of C, and lines that start with `#`. */
export function splitLines(source: string): Line[] {
  const original = source.split(/\r?\n/);
  const clean = source.replace(TOKEN, (token) =>
    STRING.test(token) || token === ';' ? token : token.replace(/[^\r\n]/g, ' '),
  );
  return clean.split(/\r?\n/).map((text, i) => ({
    number: i + 1,
    text: /^\s*#/.test(text) ? '' : text,
    source: original[i]!,
  }));
}

/** The statements of a line, which `;` parts; each is padded so that it keeps its columns. */
export function splitStatements(text: string): string[] {
  const statements: string[] = [];
  let start = 0;
  const end = (at: number): void => {
    statements.push(' '.repeat(start) + text.slice(start, at));
    start = at + 1;
  };
  for (const found of text.matchAll(TOKEN)) if (found[0] === ';') end(found.index);
  end(text.length);
  return statements;
}

/** A macro: its parameters with their defaults, and its body. */
export interface Macro {
  readonly parameters: readonly { readonly name: string; readonly value: string }[];
  readonly body: readonly Line[];
}

const lineOf = (directive: string): RegExp => new RegExp(`^\\s*(?:[\\w.$]+:\\s*)?\\.${directive}\\b`, 'i');

/** The lines of a block that starts before `from`: up to the `close` that belongs to it. Gives the index behind it. */
export function takeBlock(
  lines: readonly Line[],
  from: number,
  open: string,
  close: string,
): { body: Line[]; next: number } {
  const opens = lineOf(open);
  const closes = lineOf(close);
  let depth = 1;
  for (let i = from; i < lines.length; i++) {
    if (opens.test(lines[i]!.text)) depth++;
    if (closes.test(lines[i]!.text) && --depth === 0) return { body: lines.slice(from, i), next: i + 1 };
  }
  const line = lines[from - 1]!;
  throw new AsmError(line.number, 1, line.source, `expected .${close} after .${open}`);
}

/** Reads what follows `.macro name`: parameters parted by commas or blanks, each with an optional `=default`. */
export function parseParameters(text: string): Macro['parameters'] {
  return [...text.matchAll(/([A-Za-z_]\w*)(?::req|:vararg)?(?:\s*=\s*([^\s,]+))?/g)].map(([, name, value = '']) => ({
    name: name!,
    value,
  }));
}

/** Splits at commas outside brackets and strings. */
export function splitArguments(text: string): string[] {
  const out: string[] = [];
  let depth = 0;
  let start = 0;
  for (const { 0: token, index } of text.matchAll(/"(?:\\.|[^"\\])*"?|'\\?.'?|[([{]|[)\]}]|,/g)) {
    if (/^[([{]$/.test(token)) depth++;
    else if (/^[)\]}]$/.test(token)) depth--;
    else if (token === ',' && depth === 0) {
      out.push(text.slice(start, index).trim());
      start = index + 1;
    }
  }
  const last = text.slice(start).trim();
  return last || out.length ? [...out, last] : [];
}

/** The macro's body with arguments in place of `\name`, `\@` as the number of expansions so far, and `\()` as nothing. */
export function expandMacro(macro: Macro, argumentsText: string, count: number): Line[] {
  const values = new Map(macro.parameters.map((p) => [p.name, p.value]));
  splitArguments(argumentsText).forEach((argument, i) => {
    const keyword = /^([A-Za-z_]\w*)\s*=\s*(.*)$/.exec(argument);
    if (keyword && values.has(keyword[1]!)) values.set(keyword[1]!, keyword[2]!);
    else if (macro.parameters[i] && argument) values.set(macro.parameters[i]!.name, argument);
  });
  return macro.body.map((line) => {
    const text = line.text.replace(/\\(\(\)|@|[A-Za-z_]\w*)/g, (whole, name: string) => {
      if (name === '()') return '';
      return name === '@' ? String(count) : (values.get(name) ?? whole);
    });
    return { number: line.number, text, source: text };
  });
}
