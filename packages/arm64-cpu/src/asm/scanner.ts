/** Reads one statement from left to right. */

/** Text did not fit at a place; other templates may still fit. Not an error until none does. */
export class Mismatch {
  /** Offset in the text that was scanned. */
  readonly at: number;
  /** What would have fitted there. */
  readonly expected: string;
  /** `expected` says what is wrong: not that something else would fit. */
  readonly isMessage: boolean;

  constructor(at: number, expected: string, isMessage = false) {
    this.at = at;
    this.expected = expected;
    this.isMessage = isMessage;
  }
}

/** A cursor over a statement's text. Blanks between tokens have no meaning; letters match in either case. */
export class Scanner {
  readonly text: string;
  at: number;

  constructor(text: string, at = 0) {
    this.text = text;
    this.at = at;
  }

  skipBlanks(): void {
    while (this.text[this.at] === ' ' || this.text[this.at] === '\t') this.at++;
  }

  atEnd(): boolean {
    this.skipBlanks();
    return this.at >= this.text.length;
  }

  /** The next character that is no blank; empty at the end. */
  peek(): string {
    this.skipBlanks();
    return this.text[this.at] ?? '';
  }

  /** Moves behind `token` if it comes next; a name only where it is the whole name. */
  take(token: string): boolean {
    this.skipBlanks();
    const found = this.text.slice(this.at, this.at + token.length);
    if (found.toLowerCase() !== token) return false;
    const last = token[token.length - 1]!;
    if (/\w/.test(last) && /\w/.test(this.text[this.at + token.length] ?? '')) return false;
    this.at += token.length;
    return true;
  }

  /** The name that comes next, in lower case, without moving; empty where none does. */
  peekName(): string {
    this.skipBlanks();
    NAME.lastIndex = this.at;
    return (NAME.exec(this.text)?.[0] ?? '').toLowerCase();
  }

  /** Moves behind the text that `pattern` (sticky) matches here and gives the match. */
  match(pattern: RegExp): RegExpExecArray | undefined {
    this.skipBlanks();
    pattern.lastIndex = this.at;
    const found = pattern.exec(this.text);
    if (!found) return undefined;
    this.at += found[0].length;
    return found;
  }

  fail(expected: string, at?: number): never {
    this.skipBlanks();
    throw new Mismatch(at ?? this.at, expected);
  }
}

const NAME = /[A-Za-z_][\w]*/y;
