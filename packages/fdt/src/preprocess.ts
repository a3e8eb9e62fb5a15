import { isTrue } from './cpp-expression.ts';
import { CppMacros } from './cpp-macros.ts';
import { CppScanner, type CppToken, failCpp, NONE_HIDDEN, spell, spliceLines, trim } from './cpp-tokens.ts';
import { type DtsFiles, MAX_INCLUDE_DEPTH, textOf } from './dts-files.ts';
import { DtsError, type DtsOrigin, type DtsPosition, DtsText, locationOf } from './dts-source.ts';

/** One `#if … #endif`. */
interface Conditional {
  readonly at: DtsPosition;
  /** What is here is taken. */
  taken: boolean;
  /** Some branch was taken, or none may be: the whole conditional is skipped. */
  done: boolean;
  elseSeen: boolean;
}

interface OpenFile {
  readonly scanner: CppScanner;
  readonly conditionals: Conditional[];
  lineStart: boolean;
}

type Directive = (preprocessor: Preprocessor, line: CppToken[], at: DtsPosition) => void;

/**
 * Runs the C preprocessor over a source: includes, macros, conditions. The text that comes out knows where each
 * character comes from. `#` words that are no directives, as `#address-cells`, are left alone, as
 * `cpp -x assembler-with-cpp` does. Throws {@link DtsError}.
 */
export function preprocess(
  source: DtsText,
  files: DtsFiles,
  defines: Readonly<Record<string, string | number>> = {},
): DtsText {
  const macros = new CppMacros();
  for (const [name, value] of Object.entries({ __DTS__: 1, ...defines })) macros.defineText(name, `${value}`);
  const preprocessor = new Preprocessor(files, macros);
  preprocessor.open(source);
  macros.expand(
    () => preprocessor.next(),
    (token) => preprocessor.emit(token),
  );
  return preprocessor.finish(source.file);
}

class Preprocessor {
  readonly macros: CppMacros;
  readonly files: DtsFiles;
  readonly #open: OpenFile[] = [];
  readonly #parts: string[] = [];
  readonly #origins: DtsOrigin[] = [];
  #length = 0;
  #lastCharacter = '\n';

  constructor(files: DtsFiles, macros: CppMacros) {
    this.files = files;
    this.macros = macros;
  }

  open(source: DtsText): void {
    this.#open.push({ scanner: new CppScanner(spliceLines(source)), conditionals: [], lineStart: true });
  }

  include(source: DtsText, at: DtsPosition): void {
    if (this.#open.length > MAX_INCLUDE_DEPTH) {
      const message = `files are included more than ${MAX_INCLUDE_DEPTH} deep; do they include each other?`;
      throw new DtsError('DTS_ERR_INCLUDE', message, locationOf(at));
    }
    this.open(source);
  }

  /** The next token of the text that is not skipped; directives are carried out on the way. */
  next(): CppToken | undefined {
    for (;;) {
      const file = this.#open.at(-1);
      if (file === undefined) return undefined;
      const token = file.scanner.next();
      if (token === undefined) {
        const [unclosed] = file.conditionals;
        if (unclosed !== undefined) failCpp("there is no '#endif' for this", unclosed.at);
        this.#open.pop();
        if (this.#open.length === 0) return undefined;
        continue;
      }
      const { lineStart } = file;
      file.lineStart = token.kind === 'newline' || (lineStart && token.kind === 'space');
      const passed = lineStart && token.text === '#' ? this.#directive(token, file) : token;
      if (passed !== undefined && (file.conditionals.at(-1)?.taken ?? true)) return passed;
    }
  }

  /** Copies a token to the output. */
  emit({ text, at, kind }: CppToken): void {
    if (text === '') return;
    const last = this.#origins.at(-1);
    const copied = at.source.text.startsWith(text, at.offset);
    const follows = last?.source === at.source && last.offset + this.#length - last.start === at.offset;
    if (!(copied && follows && last.copied)) {
      if (kind !== 'space' && joins(this.#lastCharacter, text[0]!)) this.#append(' ');
      this.#origins.push({ start: this.#length, source: at.source, offset: at.offset, copied });
    }
    this.#append(text);
  }

  finish(file: string): DtsText {
    return new DtsText(file, this.#parts.join(''), this.#origins);
  }

  /** Starts or ends conditionals of the file that is open. */
  get conditionals(): Conditional[] {
    return this.#open.at(-1)!.conditionals;
  }

  #append(text: string): void {
    this.#parts.push(text);
    this.#length += text.length;
    this.#lastCharacter = text.at(-1)!;
  }

  /** Carries out the directive behind this '#', and returns the end of its line; else returns the '#'. */
  #directive(hash: CppToken, file: OpenFile): CppToken | undefined {
    const { scanner } = file;
    let word = scanner.next();
    while (word?.kind === 'space') word = scanner.next();
    if (word === undefined || word.kind === 'newline') {
      file.lineStart = true;
      return word;
    }
    const { source, offset } = scanner.position();
    const directive = source.text[offset] === '-' ? undefined : DIRECTIVES.get(word.text);
    const isMarker = word.kind === 'number' && word.at.offset > hash.at.offset + 1;
    if (directive === undefined && !isMarker) {
      scanner.goBehind(hash);
      return hash;
    }
    const line: CppToken[] = [];
    let end = scanner.next();
    for (; end !== undefined && end.kind !== 'newline'; end = scanner.next()) line.push(end);
    file.lineStart = true;
    const skipping = file.conditionals.at(-1)?.taken === false;
    if (directive !== undefined && (!skipping || CONDITIONALS.has(word.text))) directive(this, line, word.at);
    return end;
  }
}

/** Words and operators that would become one if they met. */
function joins(a: string, b: string): boolean {
  if (/\w/.test(a)) return /\w/.test(b);
  return (a === b && '<>&|=/#'.includes(a)) || (a === '/' && b === '*') || ('<>!='.includes(a) && b === '=');
}

function nameOf(line: readonly CppToken[], at: DtsPosition): string {
  const [name] = trim(line);
  if (name?.kind !== 'name') failCpp("expected a macro's name", name?.at ?? at);
  return name.text;
}

function evaluate({ macros }: Preprocessor, line: readonly CppToken[], at: DtsPosition): boolean {
  const tokens: CppToken[] = [];
  const solid = line.filter(({ kind }) => kind !== 'space');
  for (let i = 0; i < solid.length; i++) {
    const token = solid[i]!;
    if (token.kind !== 'name' || token.text !== 'defined') {
      tokens.push(token);
      continue;
    }
    const inParentheses = solid[i + 1]?.text === '(';
    const name = solid[inParentheses ? i + 2 : i + 1];
    if (name?.kind !== 'name') failCpp("expected a macro's name after 'defined'", token.at);
    if (inParentheses && solid[i + 3]?.text !== ')') failCpp("expected ')' after 'defined'", name.at);
    i += inParentheses ? 3 : 1;
    tokens.push({ kind: 'number', text: macros.has(name.text) ? '1' : '0', at: token.at, hidden: NONE_HIDDEN });
  }
  return isTrue(macros.expandList(tokens), at);
}

function begin({ conditionals }: Preprocessor, at: DtsPosition, condition: () => boolean): void {
  const skipped = conditionals.at(-1)?.taken === false;
  const taken = !skipped && condition();
  conditionals.push({ at, taken, done: skipped || taken, elseSeen: false });
}

function current({ conditionals }: Preprocessor, what: string, at: DtsPosition): Conditional {
  const conditional = conditionals.at(-1);
  if (conditional === undefined) failCpp(`there is no '#if' for this '${what}'`, at);
  if (what !== '#endif' && conditional.elseSeen) failCpp(`'${what}' stands behind '#else'`, at);
  return conditional;
}

function includeFile(preprocessor: Preprocessor, line: CppToken[], at: DtsPosition): void {
  const written = spell(trim(line));
  const text = /^["<]/.test(written) ? written : spell(trim(preprocessor.macros.expandList(line)));
  const match = /^(?:"([^"]+)"|<([^>]+)>)/.exec(text);
  if (match === null) failCpp('expected "file" or <file> after \'#include\'', at);
  const [, quoted, bracketed] = match;
  const { file, content } = preprocessor.files.read(
    quoted ?? bracketed!,
    at,
    quoted === undefined ? 'brackets' : 'quotes',
  );
  preprocessor.include(new DtsText(file, textOf(content)), at);
}

const ignore: Directive = () => undefined;

const DIRECTIVES: ReadonlyMap<string, Directive> = new Map<string, Directive>(
  Object.entries({
    include: includeFile,
    define: ({ macros }, line, at) => macros.define(line, at),
    undef: ({ macros }, line, at) => macros.undefine(nameOf(line, at)),
    if: (preprocessor, line, at) => begin(preprocessor, at, () => evaluate(preprocessor, line, at)),
    ifdef: (preprocessor, line, at) => begin(preprocessor, at, () => preprocessor.macros.has(nameOf(line, at))),
    ifndef: (preprocessor, line, at) => begin(preprocessor, at, () => !preprocessor.macros.has(nameOf(line, at))),
    elif: (preprocessor, line, at) => {
      const conditional = current(preprocessor, '#elif', at);
      conditional.taken = !conditional.done && evaluate(preprocessor, line, at);
      conditional.done ||= conditional.taken;
    },
    else: (preprocessor, _line, at) => {
      const conditional = current(preprocessor, '#else', at);
      conditional.taken = !conditional.done;
      conditional.done = true;
      conditional.elseSeen = true;
    },
    endif: (preprocessor, _line, at) => {
      current(preprocessor, '#endif', at);
      preprocessor.conditionals.pop();
    },
    error: (_preprocessor, line, at) => failCpp(`#error ${spell(trim(line))}`, at),
    // Where lines come from is read from the source itself.
    line: ignore,
    pragma: ignore,
    warning: ignore,
  } satisfies Record<string, Directive>),
);
const CONDITIONALS: ReadonlySet<string> = new Set(['if', 'ifdef', 'ifndef', 'elif', 'else', 'endif']);
