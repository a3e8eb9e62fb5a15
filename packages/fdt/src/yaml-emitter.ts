/** Lines are broken where they go on behind this column, as libyaml does unless told. */
const BEST_WIDTH = 80;
const INDENT = 2;
/** Longer keys are written with `? `. */
const MAX_SIMPLE_KEY = 128;

/** Escapes of double-quoted scalars (YAML 1.1, 5.7), beside \xNN. */
const ESCAPES: ReadonlyMap<number, string> = new Map([
  [0, '\\0'],
  [7, '\\a'],
  [8, '\\b'],
  [9, '\\t'],
  [10, '\\n'],
  [11, '\\v'],
  [12, '\\f'],
  [13, '\\r'],
  [0x1b, '\\e'],
  [0x22, '\\"'],
  [0x5c, '\\\\'],
]);

/** True if a name, of characters that names in device trees have, can stand as a key without quotes. */
function isPlain(name: string): boolean {
  return !/^[#,*?&!|>'"%@`[\]{}]|^-$|^---|^\.\.\./.test(name) || /^\?./.test(name);
}

/** Emits the part of YAML that dtc's output has, with the spaces and line breaks of libyaml. */
export class YamlEmitter {
  #text = '';
  #column = 0;
  /** True behind a space, or at a line's begin. */
  #whitespace = true;
  /** True while the line has only indentation and `-`. */
  #indention = true;
  #indent = -1;

  get text(): string {
    return this.#text;
  }

  /** A document that is a sequence of one mapping; `body` emits the mapping's entries, if there are any. */
  document(body: () => void, empty: boolean): void {
    this.#writeIndent();
    this.#indicator('---', true);
    this.#indent = 0;
    this.#writeIndent();
    this.#indicator('-', true, { indention: true });
    this.mapping(body, empty);
    this.#indent = -1;
    this.#writeIndent();
    this.#indicator('...', true);
    this.#writeIndent();
  }

  /** A mapping as the value of what was emitted last. */
  mapping(body: () => void, empty: boolean): void {
    if (empty) {
      this.#indicator('{', true, { whitespace: true });
      this.#indicator('}', false);
      return;
    }
    this.#indent += INDENT;
    body();
    this.#indent -= INDENT;
  }

  /**
   * A key of a block mapping, and the `:` behind it.
   *
   * @param tagged true if what can't be plain has the tag `!`.
   */
  key(name: string, tagged: boolean): void {
    this.#writeIndent();
    const simple = name.length <= MAX_SIMPLE_KEY;
    if (!simple) this.#indicator('?', true, { indention: true });
    if (isPlain(name)) {
      this.#word(name);
    } else {
      if (tagged) this.#word('!');
      this.#word(`'${name.replaceAll("'", "''")}'`);
    }
    if (simple) {
      this.#indicator(':', false);
    } else {
      this.#writeIndent();
      this.#indicator(':', true, { indention: true });
    }
  }

  /** A scalar without quotes, with a tag before it if there is one. */
  plain(text: string, tag?: string): void {
    if (tag !== undefined) this.#word(tag);
    this.#word(text);
  }

  /** A flow sequence, with a tag before it if there is one; each item emits one value. */
  sequence(items: readonly (() => void)[], tag?: string): void {
    if (tag !== undefined) this.#word(tag);
    this.#indicator('[', true, { whitespace: true });
    this.#indent += INDENT;
    items.forEach((item, i) => {
      if (i > 0) this.#indicator(',', false);
      if (this.#column > BEST_WIDTH) this.#writeIndent();
      item();
    });
    this.#indent -= INDENT;
    this.#indicator(']', false);
  }

  /** A double-quoted scalar of ASCII characters. */
  quoted(bytes: Uint8Array): void {
    this.#indicator('"', true);
    let spaces = false;
    bytes.forEach((byte, i) => {
      if (byte !== 0x20) {
        this.#put(ESCAPES.get(byte) ?? escapeByte(byte));
        spaces = false;
        return;
      }
      if (!spaces && this.#column > BEST_WIDTH && i > 0 && i < bytes.length - 1) {
        this.#writeIndent();
        if (bytes[i + 1] === 0x20) this.#put('\\');
      } else {
        this.#put(' ');
      }
      spaces = true;
    });
    this.#indicator('"', false);
  }

  #put(text: string): void {
    this.#text += text;
    this.#column += text.length;
  }

  #word(text: string): void {
    if (!this.#whitespace) this.#put(' ');
    this.#put(text);
    this.#whitespace = false;
    this.#indention = false;
  }

  #indicator(text: string, needsSpace: boolean, { whitespace = false, indention = false } = {}): void {
    if (needsSpace && !this.#whitespace) this.#put(' ');
    this.#put(text);
    this.#whitespace = whitespace;
    this.#indention &&= indention;
  }

  #writeIndent(): void {
    const indent = Math.max(this.#indent, 0);
    const begun = this.#column > indent || (this.#column === indent && !this.#whitespace);
    if (!this.#indention || begun) {
      this.#text += '\n';
      this.#column = 0;
    }
    this.#put(' '.repeat(Math.max(indent - this.#column, 0)));
    this.#whitespace = true;
    this.#indention = true;
  }
}

const escapeByte = (byte: number): string =>
  byte > 0x20 && byte < 0x7f ? String.fromCharCode(byte) : `\\x${byte.toString(16).toUpperCase().padStart(2, '0')}`;
