import { type DtsFiles, MAX_INCLUDE_DEPTH, textOf } from './dts-files.ts';
import { DtsError, type DtsErrorCode, type DtsPosition, DtsReports, DtsText, locationOf } from './dts-source.ts';

const SPACE = /\s+/y;
const LINE_MARKER = /#(?:line)?[ \t]+[0-9]+[ \t]+"[^\n]*/y;
const INCLUDE = /\/include\/\s*"([^"\n]*)"/y;

/** Reads tokens off a stack of files. What a token is depends on where it stands, so the parser asks for patterns. */
export class DtsLexer {
  /** Errors that do not end the reading. */
  readonly reports: DtsReports;
  readonly #files: DtsFiles;
  readonly #suspended: { source: DtsText; offset: number }[] = [];
  #source: DtsText;
  #offset = 0;

  constructor(source: DtsText, files: DtsFiles, reports: DtsReports = new DtsReports()) {
    this.#source = source;
    this.#files = files;
    this.reports = reports;
  }

  /** Position of the next token. */
  position(): DtsPosition {
    this.#skipTrivia();
    return { source: this.#source, offset: this.#offset };
  }

  /** Position right behind the token that was taken last. */
  positionBehind(): DtsPosition {
    return { source: this.#source, offset: this.#offset };
  }

  /** True at the end of the first file. */
  atEnd(): boolean {
    this.#skipTrivia();
    return this.#offset >= this.#source.text.length;
  }

  /** Takes the token when the text goes on with exactly this. */
  take(token: string): boolean {
    const found = this.startsWith(token);
    if (found) this.#offset += token.length;
    return found;
  }

  /** True when the text goes on with exactly this. */
  startsWith(token: string): boolean {
    this.#skipTrivia();
    return this.#source.text.startsWith(token, this.#offset);
  }

  /** Takes what a sticky pattern matches. */
  match(pattern: RegExp): RegExpExecArray | null {
    this.#skipTrivia();
    return this.#matchHere(pattern);
  }

  /** Takes a literal between two of this quote, and gives its text with escapes as written. */
  takeQuoted(quote: string): string | undefined {
    if (!this.startsWith(quote)) return undefined;
    const { text } = this.#source;
    const start = this.#offset + 1;
    let end = start;
    while (end < text.length && text[end] !== quote) end += text[end] === '\\' ? 2 : 1;
    if (end >= text.length) this.fail(`this ${quote} is not closed`);
    this.#offset = end + 1;
    return text.slice(start, end);
  }

  /** What a sticky pattern would match here. */
  peek(pattern: RegExp): string | undefined {
    this.#skipTrivia();
    pattern.lastIndex = this.#offset;
    return pattern.exec(this.#source.text)?.[0];
  }

  /** Takes a token or complains that it is missing. */
  expect(token: string, context: string): void {
    if (!this.take(token)) this.fail(`expected '${token}' ${context}`);
  }

  /** Throws a syntax error at the next token, or at `at`. */
  fail(message: string, at: DtsPosition = this.position(), code: DtsErrorCode = 'DTS_ERR_SYNTAX'): never {
    throw new DtsError(code, message, locationOf(at));
  }

  /** Notes an error that leaves the text readable. */
  report(message: string, at: DtsPosition, check?: string): void {
    this.reports.report(message, at, check);
  }

  /** The content of a file for `/incbin/`. */
  readBinary(name: string, at: DtsPosition): Uint8Array {
    const { content } = this.#files.read(name, at);
    return typeof content === 'string' ? new TextEncoder().encode(content) : content;
  }

  #matchHere(pattern: RegExp): RegExpExecArray | null {
    pattern.lastIndex = this.#offset;
    const match = pattern.exec(this.#source.text);
    if (match !== null) this.#offset = pattern.lastIndex;
    return match;
  }

  #skipTrivia(): void {
    for (;;) {
      const { text } = this.#source;
      if (this.#offset >= text.length) {
        const outer = this.#suspended.pop();
        if (outer === undefined) return;
        this.#source = outer.source;
        this.#offset = outer.offset;
        continue;
      }
      const code = text.charCodeAt(this.#offset);
      if (code === 0x2f) {
        if (!this.#skipComment(text) && !this.#takeInclude()) return;
      } else if (code === 0x23) {
        const lineStart = this.#offset === 0 || text[this.#offset - 1] === '\n';
        if (!lineStart || this.#matchHere(LINE_MARKER) === null) return;
      } else if (code > 0x20 || this.#matchHere(SPACE) === null) {
        return;
      }
    }
  }

  #skipComment(text: string): boolean {
    const start = this.#offset;
    if (text[start + 1] === '/') {
      const newline = text.indexOf('\n', start);
      this.#offset = newline < 0 ? text.length : newline;
    } else if (text[start + 1] === '*') {
      const end = text.indexOf('*/', start + 2);
      if (end < 0) this.fail('this comment does not end', { source: this.#source, offset: start });
      this.#offset = end + 2;
    }
    return this.#offset > start;
  }

  #takeInclude(): boolean {
    const at = { source: this.#source, offset: this.#offset };
    const name = this.#matchHere(INCLUDE)?.[1];
    if (name === undefined) return false;
    if (this.#suspended.length >= MAX_INCLUDE_DEPTH) {
      const message = `files are included more than ${MAX_INCLUDE_DEPTH} deep; do they include each other?`;
      this.fail(message, at, 'DTS_ERR_INCLUDE');
    }
    const { file, content } = this.#files.read(name, at);
    this.#suspended.push({ source: this.#source, offset: this.#offset });
    this.#source = new DtsText(file, textOf(content));
    this.#offset = 0;
    return true;
  }
}
