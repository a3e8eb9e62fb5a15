import type { ScriptPosition, ScriptWord, WordPart } from './syntax.ts';

/** A token: a word, a separator (`end` = end of the text), or what is wrong here. */
export type ScriptToken =
  | { kind: 'word'; word: ScriptWord }
  | { kind: 'separator'; text: ';' | '&&' | '||' | 'newline' | 'end'; position: ScriptPosition }
  | { kind: 'error'; detail: string; position: ScriptPosition };

const BLANK = /[ \t]/;
const NAME_START = /[A-Za-z]/;
const NAME = /[A-Za-z0-9_]/;

class Malformed extends Error {}

/** Collects the parts of one word. */
class WordBuilder {
  readonly parts: WordPart[] = [];
  quoted = false;
  #text = '';

  add(text: string): void {
    this.#text += text;
  }

  variable(name: string): void {
    this.#flush();
    this.parts.push({ variable: name });
  }

  finish(position: ScriptPosition): ScriptWord {
    this.#flush();
    return { parts: this.parts, quoted: this.quoted, position };
  }

  #flush(): void {
    if (this.#text !== '') this.parts.push(this.#text);
    this.#text = '';
  }
}

/** Takes one level of backslashes away: what U-Boot does to every word, also between single quotes. */
const withoutBackslashes = (text: string): string => text.replace(/\\([\s\S])/g, '$1');

/**
 * Splits the text of a script into words and separators, by the rules of U-Boot's hush shell (common/cli_hush.c).
 *
 * `again: true` is for a command line whose variables have their values: hush reads such a line a second time, with
 * quotes and backslashes, but `; & | $` are ordinary characters then. There `#` is an ordinary character too, where
 * hush would start a comment; `hashWord` tells that it was met.
 */
export class WordScanner {
  readonly #text: string;
  readonly #again: boolean;
  #at = 0;
  #line = 1;
  #lineStart = 0;
  /** Set when a second reading met a word that hush would take for a comment. */
  hashWord = false;

  constructor(text: string, again = false) {
    this.#text = text;
    this.#again = again;
  }

  /** The next token. After an error, reading goes on in the next line. */
  next(): ScriptToken {
    this.#skipBlanks();
    const position = this.#position();
    const start = this.#at;
    try {
      return this.#token(position);
    } catch (error) {
      if (!(error instanceof Malformed)) throw error;
      this.#at = start;
      this.#line = position.line;
      this.#lineStart = start - position.column + 1;
      this.#skipLine();
      return { kind: 'error', detail: error.message, position };
    }
  }

  #token(position: ScriptPosition): ScriptToken {
    const char = this.#text[this.#at];
    const separator = (text: ';' | '&&' | '||' | 'newline' | 'end', length: number): ScriptToken => {
      for (let i = 0; i < length; i++) this.#advance();
      return { kind: 'separator', text, position };
    };
    if (char === undefined) return separator('end', 0);
    if (char === '\n') return separator('newline', 1);
    if (this.#again) {
      if (char === '#') this.hashWord = true;
      return { kind: 'word', word: this.#word(position) };
    }
    if (char === ';') return separator(';', 1);
    if (char === '&' || char === '|') {
      if (this.#text[this.#at + 1] === char) return separator(char === '&' ? '&&' : '||', 2);
      throw new Malformed(`a single ${char} has no meaning here`);
    }
    if (char === '#') {
      this.#skipLine();
      return this.next();
    }
    return { kind: 'word', word: this.#word(position) };
  }

  #word(position: ScriptPosition): ScriptWord {
    const word = new WordBuilder();
    for (;;) {
      const char = this.#text[this.#at];
      if (char === undefined || char === '\n' || BLANK.test(char)) break;
      if (!this.#again && (char === ';' || char === '&' || char === '|')) break;
      this.#advance();
      if (char === '\\') this.#escape(word);
      else if (char === "'") this.#singleQuotes(word);
      else if (char === '"') this.#doubleQuotes(word);
      else if (char === '$' && !this.#again) this.#dollar(word);
      else word.add(char);
    }
    return word.finish(position);
  }

  #escape(word: WordBuilder): void {
    const char = this.#advance();
    if (char === undefined) throw new Malformed('a backslash ends the text');
    if (char !== '\n') word.add(char);
  }

  #singleQuotes(word: WordBuilder): void {
    word.quoted = true;
    const start = this.#at;
    const end = this.#text.indexOf("'", start);
    if (end < 0) throw new Malformed('an apostrophe opens a quotation that does not end');
    while (this.#at <= end) this.#advance();
    word.add(withoutBackslashes(this.#text.slice(start, end)));
  }

  #doubleQuotes(word: WordBuilder): void {
    word.quoted = true;
    for (;;) {
      const char = this.#advance();
      if (char === undefined) throw new Malformed('a double quote opens a quotation that does not end');
      if (char === '"') return;
      if (char === '\\') this.#escapeInQuotes(word);
      else if (char === '$' && !this.#again) this.#dollar(word);
      else word.add(char);
    }
  }

  /** Between double quotes a backslash protects the next character and stays. */
  #escapeInQuotes(word: WordBuilder): void {
    const char = this.#advance();
    if (char === undefined) throw new Malformed('a double quote opens a quotation that does not end');
    if (char !== '\n') word.add(`\\${char}`);
  }

  #dollar(word: WordBuilder): void {
    const char = this.#text[this.#at] ?? '';
    if (char === '{') {
      this.#advance();
      const start = this.#at;
      while (this.#text[this.#at] !== '}') {
        const next = this.#advance();
        if (next === undefined || next === '\n') throw new Malformed('an opening brace behind $ has no closing one');
      }
      this.#advance();
      word.variable(this.#text.slice(start, this.#at - 1));
    } else if (char === '?') {
      this.#advance();
      word.variable('?');
    } else if (NAME_START.test(char)) {
      const start = this.#at;
      while (NAME.test(this.#text[this.#at] ?? '')) this.#advance();
      word.variable(this.#text.slice(start, this.#at));
    } else {
      word.add('$');
    }
  }

  #skipBlanks(): void {
    for (;;) {
      const char = this.#text[this.#at];
      if (char === '\\' && this.#text[this.#at + 1] === '\n') this.#advance();
      else if (char === undefined || !BLANK.test(char)) return;
      this.#advance();
    }
  }

  #skipLine(): void {
    while (this.#at < this.#text.length && this.#text[this.#at] !== '\n') this.#advance();
  }

  #advance(): string | undefined {
    const char = this.#text[this.#at];
    if (char === undefined) return undefined;
    this.#at++;
    if (char === '\n') {
      this.#line++;
      this.#lineStart = this.#at;
    }
    return char;
  }

  #position(): ScriptPosition {
    return { line: this.#line, column: this.#at - this.#lineStart + 1 };
  }
}
