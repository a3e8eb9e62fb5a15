import { CppScanner, type CppToken, failCpp, NONE_HIDDEN, spell, trim } from './cpp-tokens.ts';
import { type DtsPosition, DtsText, locationOf } from './dts-source.ts';

export interface Macro {
  /** Undefined for a macro without parentheses. */
  readonly parameters: readonly string[] | undefined;
  /** The last parameter takes all further arguments. */
  readonly variadic: boolean;
  readonly body: readonly CppToken[];
}

/** Tokens in and characters that macros may make, all together, so that growth upon growth ends. */
const MAX_TOKENS = 2 ** 20;
const MAX_CHARACTERS = 2 ** 26;
/** Characters of a word that `##` makes. */
const MAX_PASTED = 4096;
/** Macros that name macros, and arguments that use macros, can nest so deep. */
const MAX_DEPTH = 200;

/** Tokens to be expanded: first those that were put back, then what `pull` gives. */
class TokenStream {
  readonly #pending: CppToken[] = [];
  readonly #pull: () => CppToken | undefined;

  constructor(pull: () => CppToken | undefined) {
    this.#pull = pull;
  }

  next(): CppToken | undefined {
    return this.#pending.pop() ?? this.#pull();
  }

  putBack(tokens: readonly CppToken[]): void {
    for (let i = tokens.length - 1; i >= 0; i--) this.#pending.push(tokens[i]!);
  }
}

/** The macros that are defined, and their expansion (C standard 6.10.3). */
export class CppMacros {
  readonly #macros = new Map<string, Macro>();
  #tokens = 0;
  #characters = 0;

  has(name: string): boolean {
    return this.#macros.has(name) || name === '__FILE__' || name === '__LINE__';
  }

  undefine(name: string): void {
    this.#macros.delete(name);
  }

  /** Takes what stands behind `#define`. */
  define(line: readonly CppToken[], at: DtsPosition): void {
    const tokens = trim(line);
    const name = tokens.shift();
    if (name?.kind !== 'name' || name.text === 'defined') failCpp("expected a name after '#define'", name?.at ?? at);
    if (tokens[0]?.text !== '(') {
      this.#macros.set(name.text, { parameters: undefined, variadic: false, body: trim(tokens) });
      return;
    }
    const close = tokens.findIndex(({ text }) => text === ')');
    if (close < 0) failCpp("expected ')' after the parameters of the macro", name.at);
    const { parameters, variadic } = parseParameters(tokens.slice(1, close), name.at);
    this.#macros.set(name.text, { parameters, variadic, body: trim(tokens.slice(close + 1)) });
  }

  /** Defines a macro from text, as -D does. */
  defineText(name: string, text: string): void {
    const scanner = new CppScanner(new DtsText('<command line>', `${name} ${text}`));
    const tokens: CppToken[] = [];
    for (let token = scanner.next(); token !== undefined; token = scanner.next()) tokens.push(token);
    this.define(tokens, { source: scanner.source, offset: 0 });
  }

  /** Expands what `pull` gives, and passes on what comes out. */
  expand(pull: () => CppToken | undefined, emit: (token: CppToken) => void, depth = 0): void {
    const stream = new TokenStream(pull);
    for (let token = stream.next(); token !== undefined; token = stream.next()) {
      if (token.kind !== 'name' || token.hidden.has(token.text) || !this.#expandName(token, stream, depth)) emit(token);
    }
  }

  /** Expands a list of tokens. */
  expandList(tokens: readonly CppToken[], depth = 0): CppToken[] {
    const expanded: CppToken[] = [];
    let next = 0;
    this.expand(
      () => tokens[next++],
      (token) => expanded.push(token),
      depth,
    );
    return expanded;
  }

  /** Puts back what a name stands for; false when it is no macro here. */
  #expandName(token: CppToken, stream: TokenStream, depth: number): boolean {
    const macro = this.#macros.get(token.text) ?? builtin(token);
    if (macro === undefined) return false;
    if (token.hidden.size >= MAX_DEPTH || depth >= MAX_DEPTH) failCpp('macros expand too deep', token.at);
    if (macro.parameters === undefined) {
      stream.putBack(this.#substitute(macro, new Map(), token, token.hidden, depth));
      return true;
    }
    const skipped: CppToken[] = [];
    let open = stream.next();
    while (open?.kind === 'space' || open?.kind === 'newline') {
      skipped.push(open);
      open = stream.next();
    }
    if (open?.text !== '(' || open.kind !== 'other') {
      stream.putBack(open === undefined ? skipped : [...skipped, open]);
      return false;
    }
    const { values, close } = collectArguments(stream, token);
    const byName = assign(macro, macro.parameters, values, token);
    const hidden = new Set([...token.hidden].filter((name) => close.hidden.has(name)));
    stream.putBack(this.#substitute(macro, byName, token, hidden, depth));
    return true;
  }

  #count(token: CppToken): void {
    this.#tokens++;
    this.#characters += token.text.length;
    if (this.#tokens > MAX_TOKENS || this.#characters > MAX_CHARACTERS) failCpp('macros grow too large', token.at);
  }

  /** A macro's body with arguments put in. */
  #substitute(
    macro: Macro,
    values: ReadonlyMap<string, readonly CppToken[]>,
    use: CppToken,
    hiddenBefore: ReadonlySet<string>,
    depth: number,
  ): CppToken[] {
    const hidden = new Set(hiddenBefore).add(use.text);
    const expanded = new Map<string, CppToken[]>();
    const result: CppToken[] = [];
    const add = (token: CppToken, at: DtsPosition): void => {
      this.#count(token);
      result.push({ ...token, at, hidden: union(token.hidden, hidden) });
    };
    const { body } = macro;
    for (let i = 0; i < body.length; i++) {
      const token = body[i]!;
      const operand = token.text === '#' && values.size > 0 ? nextSolid(body, i + 1) : undefined;
      const stringified = operand === undefined ? undefined : values.get(body[operand]!.text);
      if (stringified !== undefined) {
        add({ kind: 'quoted', text: stringify(stringified), at: use.at, hidden: NONE_HIDDEN }, use.at);
        i = operand!;
        continue;
      }
      if (token.text === '##' && i > 0) {
        i = this.#paste(body, i, values, result, use, add);
        continue;
      }
      const value = values.get(token.text);
      if (value === undefined) {
        add(token, use.at);
      } else if (body[nextSolid(body, i + 1) ?? -1]?.text === '##') {
        // What is pasted is not expanded first.
        for (const part of trim(value)) add(part, part.at);
      } else {
        const full = expanded.get(token.text) ?? this.expandList(trim(value), depth + 1);
        expanded.set(token.text, full);
        for (const part of full) add(part, part.at);
      }
    }
    return result;
  }

  /** `##` at index i: joins what was put in last with what comes; returns the index that was used up. */
  #paste(
    body: readonly CppToken[],
    i: number,
    values: ReadonlyMap<string, readonly CppToken[]>,
    result: CppToken[],
    use: CppToken,
    add: (token: CppToken, at: DtsPosition) => void,
  ): number {
    const index = nextSolid(body, i + 1);
    if (index === undefined) failCpp("'##' at the end of a macro", use.at);
    while (result.at(-1)?.kind === 'space') result.pop();
    const value = values.get(body[index]!.text);
    const right = value === undefined ? [body[index]!] : trim(value);
    const before = nextSolid(body, 0)! >= i ? undefined : result.at(-1);
    const [first, ...rest] = right;
    // GNU C: `, ## __VA_ARGS__` loses its comma when there are no further arguments.
    const afterComma = before?.text === ',' && value !== undefined;
    if (first === undefined) {
      if (afterComma) result.pop();
      return index;
    }
    // An argument on the left may be empty; then nothing is joined.
    if (before === undefined || afterComma || isEmptyArgument(body, i, values)) add(first, use.at);
    else {
      result.pop();
      const text = before.text + first.text;
      if (text.length > MAX_PASTED) failCpp(`'##' makes a word of more than ${MAX_PASTED} characters`, use.at);
      add({ kind: kindOf(text), text, at: use.at, hidden: NONE_HIDDEN }, use.at);
    }
    for (const token of rest) add(token, use.at);
    return index;
  }
}

/** Index of the next token that is not space. */
function nextSolid(body: readonly CppToken[], from: number): number | undefined {
  for (let i = from; i < body.length; i++) if (body[i]!.kind !== 'space') return i;
  return undefined;
}

function isEmptyArgument(
  body: readonly CppToken[],
  i: number,
  values: ReadonlyMap<string, readonly CppToken[]>,
): boolean {
  const previous = (from: number): number => {
    let at = from - 1;
    while (at > 0 && body[at]!.kind === 'space') at--;
    return at;
  };
  const left = previous(i);
  if (body[previous(left)]?.text === '##') return false;
  const value = values.get(body[left]!.text);
  return value !== undefined && trim(value).length === 0;
}

function kindOf(text: string): CppToken['kind'] {
  const scanner = new CppScanner(new DtsText('', text));
  const token = scanner.next();
  return token?.text === text ? token.kind : 'other';
}

function union(a: ReadonlySet<string>, b: ReadonlySet<string>): ReadonlySet<string> {
  return a.size === 0 ? b : new Set([...a, ...b]);
}

/** `#parameter`: the argument as a string. */
function stringify(tokens: readonly CppToken[]): string {
  const text = trim(tokens)
    .map((token) => {
      if (token.kind === 'space' || token.kind === 'newline') return ' ';
      return token.kind === 'quoted' ? token.text.replace(/["\\]/g, '\\$&') : token.text;
    })
    .join('');
  return `"${text}"`;
}

function builtin(token: CppToken): Macro | undefined {
  const { text, at } = token;
  if (text !== '__FILE__' && text !== '__LINE__') return undefined;
  const { file, line } = locationOf(at);
  const value: Pick<CppToken, 'kind' | 'text'> =
    text === '__FILE__' ? { kind: 'quoted', text: JSON.stringify(file) } : { kind: 'number', text: `${line}` };
  return { parameters: undefined, variadic: false, body: [{ ...value, at, hidden: NONE_HIDDEN }] };
}

function parseParameters(
  tokens: readonly CppToken[],
  at: DtsPosition,
): Pick<Macro, 'variadic'> & { parameters: string[] } {
  const text = spell(tokens.map((token) => (token.kind === 'space' ? { ...token, text: ' ' } : token))).trim();
  const parameters = text === '' ? [] : text.split(',').map((name) => name.trim());
  const last = parameters.at(-1);
  const variadic = last?.endsWith('...') === true;
  // `...` is __VA_ARGS__, and `name...` gives it a name.
  if (variadic) parameters[parameters.length - 1] = last!.slice(0, -3).trim() || '__VA_ARGS__';
  for (const name of parameters) {
    if (!/^[A-Za-z_]\w*$/.test(name)) failCpp(`'${name}' cannot be a parameter of a macro`, at);
  }
  if (new Set(parameters).size < parameters.length) failCpp('two parameters of the macro have the same name', at);
  return { parameters, variadic };
}

/** Takes the arguments of a macro behind its '('. */
function collectArguments(stream: TokenStream, use: CppToken): { values: CppToken[][]; close: CppToken } {
  const values: CppToken[][] = [[]];
  for (let depth = 0; ; ) {
    const token = stream.next();
    if (token === undefined) failCpp(`the arguments of macro '${use.text}' do not end`, use.at);
    if (token.kind === 'other') {
      if (token.text === ')' && depth === 0) return { values, close: token };
      if (token.text === '(') depth++;
      if (token.text === ')') depth--;
      if (token.text === ',' && depth === 0) {
        values.push([]);
        continue;
      }
    }
    values.at(-1)!.push(token.kind === 'newline' ? { ...token, kind: 'space', text: ' ' } : token);
  }
}

function assign(
  { variadic }: Macro,
  parameters: readonly string[],
  values: CppToken[][],
  use: CppToken,
): Map<string, CppToken[]> {
  const given = parameters.length === 0 && values.length === 1 && trim(values[0]!).length === 0 ? [] : values;
  if (variadic && given.length >= parameters.length) {
    const comma: CppToken = { kind: 'other', text: ',', at: use.at, hidden: NONE_HIDDEN };
    const rest = given.splice(parameters.length - 1);
    given.push(rest.flatMap((each, i) => (i === 0 ? each : [comma, ...each])));
  } else if (variadic && given.length === parameters.length - 1) {
    given.push([]);
  }
  if (given.length !== parameters.length) {
    failCpp(`macro '${use.text}' has ${parameters.length} parameter(s), and ${given.length} are given`, use.at);
  }
  return new Map(parameters.map((name, i) => [name, given[i]!]));
}
