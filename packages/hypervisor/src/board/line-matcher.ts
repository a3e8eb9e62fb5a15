/** Looks for a pattern in the lines of a console. */

/** Longest part of a line that is looked at. */
const MAX_LINE = 4096;
const LF = 10;

/** Matches a regular expression against each line, and against the last one as far as it goes: a prompt has no end. */
export class LineMatcher {
  readonly #pattern: RegExp;
  readonly #decoder = new TextDecoder();
  #line: number[] = [];

  /** @param source of a regular expression, which is known to be one */
  constructor(source: string) {
    this.#pattern = new RegExp(source, 'u');
  }

  /** True if a line matched. */
  feed(bytes: Uint8Array): boolean {
    for (const byte of bytes) {
      if (byte !== LF) {
        if (this.#line.length < MAX_LINE) this.#line.push(byte);
        continue;
      }
      if (this.#matches()) return true;
      this.#line = [];
    }
    return this.#matches();
  }

  #matches(): boolean {
    const text = this.#decoder.decode(Uint8Array.from(this.#line)).replace(/\r$/, '');
    return this.#pattern.test(text);
  }
}
