import { DtsError, type DtsOrigin, type DtsPosition, DtsText, locationOf } from './dts-source.ts';

export type CppTokenKind = 'space' | 'newline' | 'name' | 'number' | 'quoted' | 'other';

/** A preprocessing token (C standard 6.4); comments are space. */
export interface CppToken {
  readonly kind: CppTokenKind;
  readonly text: string;
  /** Where it is written; of a macro's body, where the macro is used. */
  readonly at: DtsPosition;
  /** Names of macros that it came out of, which it does not name again. */
  readonly hidden: ReadonlySet<string>;
}

export const NONE_HIDDEN: ReadonlySet<string> = new Set();

export function failCpp(message: string, at: DtsPosition): never {
  throw new DtsError('DTS_ERR_PREPROCESSOR', message, locationOf(at));
}

const PATTERN = /([ \t\f\v\r]+|\/\/[^\n]*)|(\n)|([A-Za-z_]\w*)|(\.?[0-9][\w.]*)|(##|[\s\S])/y;
const KINDS: readonly CppTokenKind[] = ['space', 'newline', 'name', 'number', 'other'];

/** Joins lines that end with a backslash; places still map to the lines as they were. */
export function spliceLines(source: DtsText): DtsText {
  const { text } = source;
  if (!/\\\r?\n/.test(text)) return source;
  const parts: string[] = [];
  const origins: DtsOrigin[] = [];
  let from = 0;
  let start = 0;
  const copy = (end: number): void => {
    parts.push(text.slice(from, end));
    origins.push({ start, source, offset: from, copied: true });
    start += end - from;
  };
  for (const match of text.matchAll(/\\\r?\n/g)) {
    copy(match.index);
    from = match.index + match[0].length;
  }
  copy(text.length);
  return new DtsText(source.file, parts.join(''), origins);
}

/** Cuts one file into tokens. */
export class CppScanner {
  readonly source: DtsText;
  #offset = 0;
  /** Quotes before here are known not to be closed on their line. */
  #unclosedUntil = 0;

  constructor(source: DtsText) {
    this.source = source;
  }

  position(): DtsPosition {
    return { source: this.source, offset: this.#offset };
  }

  /** Goes on right behind a token that this scanner gave. */
  goBehind({ at, text }: CppToken): void {
    this.#offset = at.offset + text.length;
  }

  /** The next token; undefined at the end. */
  next(): CppToken | undefined {
    const { text } = this.source;
    const start = this.#offset;
    if (start >= text.length) return undefined;
    const at = this.position();
    const special = this.#comment(text, start, at) ?? this.#quoted(text, start);
    if (special !== undefined) {
      this.#offset = special.end;
      return { kind: special.kind, text: text.slice(start, special.end), at, hidden: NONE_HIDDEN };
    }
    PATTERN.lastIndex = start;
    const match = PATTERN.exec(text)!;
    let end = PATTERN.lastIndex;
    const kind = KINDS[match.findIndex((group, i) => i > 0 && group !== undefined) - 1]!;
    // A preprocessing number goes on behind an exponent's sign.
    while (kind === 'number' && /[eEpP]/.test(text[end - 1]!) && /[+-]/.test(text[end] ?? '')) {
      end++;
      while (/[\w.]/.test(text[end] ?? '')) end++;
    }
    this.#offset = end;
    return { kind, text: text.slice(start, end), at, hidden: NONE_HIDDEN };
  }

  #comment(text: string, start: number, at: DtsPosition): { kind: CppTokenKind; end: number } | undefined {
    if (text[start] !== '/' || text[start + 1] !== '*') return undefined;
    const close = text.indexOf('*/', start + 2);
    if (close < 0) failCpp('this comment does not end', at);
    return { kind: 'space', end: close + 2 };
  }

  #quoted(text: string, start: number): { kind: CppTokenKind; end: number } | undefined {
    const quote = text[start];
    if ((quote !== '"' && quote !== "'") || start < this.#unclosedUntil) return undefined;
    let end = start + 1;
    while (end < text.length && text[end] !== quote && text[end] !== '\n') end += text[end] === '\\' ? 2 : 1;
    if (text[end] === quote) return { kind: 'quoted', end: end + 1 };
    this.#unclosedUntil = Math.min(end, text.length);
    return undefined;
  }
}

/** The text of tokens as they stand. */
export const spell = (tokens: readonly CppToken[]): string => tokens.map(({ text }) => text).join('');

/** Without space at both ends. */
export function trim(tokens: readonly CppToken[]): CppToken[] {
  const isBlank = ({ kind }: CppToken): boolean => kind === 'space' || kind === 'newline';
  let start = 0;
  let end = tokens.length;
  while (start < end && isBlank(tokens[start]!)) start++;
  while (end > start && isBlank(tokens[end - 1]!)) end--;
  return tokens.slice(start, end);
}
