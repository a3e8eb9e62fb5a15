/** One pass over the source: the first gives symbols their values, the second makes the bytes. */
import { AsmError } from './asm-error.ts';
import { DIRECTIVES } from './directives.ts';
import { encodeInstruction } from './encode.ts';
import { parseExpression, type SymbolScope } from './expression.ts';
import { Image, MAX_BYTES } from './image.ts';
import { isRegisterName } from './register-names.ts';
import { Mismatch, Scanner } from './scanner.ts';
import { expandMacro, type Line, type Macro, parseParameters, splitStatements, takeBlock } from './source.ts';

/** Statements that one assembly may have when macros and repetitions are expanded, and how deep those may nest. */
const MAX_STATEMENTS = 1_000_000;
const MAX_NESTING = 64;

/** What the first pass found out for the second. */
interface Layout {
  readonly symbols: Map<string, bigint>;
  /** Addresses of each local label (`1:`), in order. */
  readonly locals: Map<string, bigint[]>;
  /** Addresses of the literals that each `ldr …, =value` in turn refers to. */
  readonly literals: bigint[];
}

/** A value in a literal pool that is not placed yet, and which uses refer to it. */
interface Literal {
  readonly bytes: number;
  readonly text: string;
  readonly at: number;
  readonly line: Line;
  readonly scope: SymbolScope;
  readonly uses: number[];
}

const LABEL = /([A-Za-z_.$][\w.$]*|\d+):/y;
const DIRECTIVE = /\.([A-Za-z0-9_]+)/y;
const ASSIGNMENT = /([A-Za-z_.$][\w.$]*)\s*=(?!=)/y;
const MNEMONIC = /[A-Za-z_][\w.]*/y;
const LOAD_LITERAL = /ldr(sw)?\s+(?:[wxsdq]\d+|[wx]zr|lr|fp)\s*,\s*(?==)/iy;
const LITERAL_BYTES: Readonly<Record<string, number>> = { w: 4, x: 8, s: 4, d: 8, l: 8, f: 8 };

export class Pass implements SymbolScope {
  readonly image = new Image();
  readonly #origin: bigint;
  readonly #predefined: ReadonlyMap<string, bigint>;
  /** Undefined in the first pass. */
  readonly #layout: Layout | undefined;
  readonly #symbols = new Map<string, bigint>();
  readonly #labels = new Set<string>();
  readonly #locals = new Map<string, bigint[]>();
  readonly #literals: bigint[] = [];
  #waiting: Literal[] = [];
  readonly #macros = new Map<string, Macro>();
  #expansions = 0;
  #statements = 0;
  #uses = 0;
  #line: Line = { number: 1, text: '', source: '' };

  constructor(origin: bigint, predefined: ReadonlyMap<string, bigint>, layout?: Layout) {
    this.#origin = origin;
    this.#predefined = predefined;
    this.#layout = layout;
  }

  get address(): bigint {
    return this.#origin + BigInt(this.image.length);
  }

  get layout(): Layout {
    return { symbols: this.#symbols, locals: this.#locals, literals: this.#literals };
  }

  /** The value a symbol has at this place; in the second pass also that of labels that come later. */
  lookup(name: string): bigint | undefined {
    const local = /^(\d+)([bf])$/.exec(name);
    if (!local) return this.#symbols.get(name) ?? this.#layout?.symbols.get(name) ?? this.#predefined.get(name);
    const seen = this.#locals.get(local[1]!) ?? [];
    if (local[2] === 'b') return seen.at(-1);
    return this.#layout?.locals.get(local[1]!)?.[seen.length];
  }

  /** For values that do not move anything: in the first pass a symbol that comes later counts as 0. */
  get laterScope(): SymbolScope {
    const { address } = this;
    return { address, lookup: (name) => this.lookup(name) ?? (this.#layout ? undefined : 0n) };
  }

  /** Appends bytes; the first pass only counts them, so it writes them too. */
  emit(bytes: number, write: (view: DataView, at: number) => void): void {
    if (this.image.append(bytes, write)) return;
    throw new Mismatch(0, `the image would be longer than ${MAX_BYTES / 1024 / 1024} MiB`, true);
  }

  /** `.set` and `=`: gives a symbol the value of the expression at the scanner. */
  assign(name: string, s: Scanner, at: number): void {
    if (this.#labels.has(name)) s.fail(`the name of a variable: ${name} is a label`, at);
    const value = parseExpression(s, this.laterScope);
    if (!s.atEnd()) s.fail('the end of the statement');
    this.#symbols.set(name, value);
  }

  run(lines: readonly Line[]): void {
    this.#lines(lines, 0);
    this.placeLiterals();
  }

  #lines(lines: readonly Line[], depth: number): void {
    for (let i = 0; i < lines.length; ) {
      const line = lines[i++]!;
      const block = /^\s*\.(macro|rept)\s+(.*)$/i.exec(line.text);
      this.#line = line;
      if (!block) {
        for (const statement of splitStatements(line.text)) this.#guard(line, () => this.#statement(statement, depth));
        continue;
      }
      const isMacro = block[1]!.toLowerCase() === 'macro';
      const { body, next } = isMacro ? takeBlock(lines, i, 'macro', 'endm') : takeBlock(lines, i, 'rept', 'endr');
      this.#guard(line, () => (isMacro ? this.#define(line, body) : this.#repeat(line, body, depth)));
      i = next;
    }
  }

  /** Turns a reading that failed into an error with its line. */
  #guard(line: Line, act: () => void): void {
    try {
      act();
    } catch (e) {
      if (!(e instanceof Mismatch)) throw e;
      throw new AsmError(line.number, e.at + 1, line.source, e.isMessage ? e.expected : `expected ${e.expected}`);
    }
  }

  #define(line: Line, body: Line[]): void {
    const head = /^\s*\.macro\s+([A-Za-z_][\w.]*)\s*,?(.*)$/i.exec(line.text);
    if (!head) throw new Mismatch(0, 'the name of a macro');
    this.#macros.set(head[1]!.toLowerCase(), { parameters: parseParameters(head[2]!), body });
  }

  #repeat(line: Line, body: Line[], depth: number): void {
    const s = new Scanner(line.text, line.text.indexOf('.') + '.rept'.length);
    const times = parseExpression(s, this);
    if (!s.atEnd()) s.fail('the end of the statement');
    for (let n = 0n; n < times; n++) {
      this.#count();
      this.#nested(body, depth);
    }
  }

  #nested(body: readonly Line[], depth: number): void {
    if (depth >= MAX_NESTING) throw new Mismatch(0, `macros and repetitions nest deeper than ${MAX_NESTING}`, true);
    this.#lines(body, depth + 1);
  }

  #count(): void {
    if (++this.#statements > MAX_STATEMENTS) throw new Mismatch(0, `more than ${MAX_STATEMENTS} statements`, true);
  }

  #statement(text: string, depth: number): void {
    this.#count();
    const s = new Scanner(text);
    for (let label = s.match(LABEL); label; label = s.match(LABEL)) this.#label(label[1]!, s.at - label[0].length);
    if (s.atEnd()) return;
    const { at } = s;
    const assignment = s.match(ASSIGNMENT);
    if (assignment) return this.assign(assignment[1]!, s, at);
    const directive = s.match(DIRECTIVE);
    if (directive) return this.#directive(directive[1]!, s, at);
    const name = s.match(MNEMONIC)?.[0];
    const macro = this.#macros.get(name?.toLowerCase() ?? '');
    if (macro) return this.#nested(expandMacro(macro, text.slice(s.at), this.#expansions++), depth);
    this.#instruction(text, at);
  }

  #label(name: string, at: number): void {
    if (/^\d+$/.test(name)) {
      const seen = this.#locals.get(name) ?? [];
      seen.push(this.address);
      this.#locals.set(name, seen);
      return;
    }
    if (isRegisterName(name)) throw new Mismatch(at, `${name} is a register and can't be a label`, true);
    if (this.#symbols.has(name)) throw new Mismatch(at, `${name} is defined already`, true);
    this.#labels.add(name);
    this.#symbols.set(name, this.address);
  }

  #directive(name: string, s: Scanner, at: number): void {
    const directive = DIRECTIVES[name.toLowerCase()];
    if (!directive) throw new Mismatch(at, `unknown directive .${name}`, true);
    directive(this, s);
  }

  #instruction(text: string, at: number): void {
    LOAD_LITERAL.lastIndex = at;
    const literal = LOAD_LITERAL.exec(text);
    let target: bigint | undefined;
    if (literal) target = this.#useLiteral(literal, text, at + literal[0].length);
    if (!this.#layout) return this.emit(4, () => {});
    if (this.address % 4n !== 0n)
      throw new Mismatch(at, 'instructions must be at a multiple of 4 (use .balign 4)', true);
    const whole = target === undefined ? text : `${text.slice(0, at)}${literal![0]}${target}`;
    const word = encodeInstruction(whole, at, this);
    this.emit(4, (view, to) => view.setUint32(to, word, true));
  }

  /** Notes a literal for the next pool; gives its address in the second pass. */
  #useLiteral(found: RegExpExecArray, text: string, at: number): bigint | undefined {
    const letter = found[0].replace(/^ldr(sw)?\s+/i, '')[0]!.toLowerCase();
    const bytes = found[1] ? 4 : LITERAL_BYTES[letter];
    if (bytes === undefined) throw new Mismatch(at, 'a literal of 4 or 8 bytes');
    const use = this.#uses++;
    const value = text.slice(at + 1).trim();
    // The same text means the same value, unless it depends on its place.
    const movable = !/(^|[^\w.$])\.($|[^\w.$])|\d[bf]\b/.test(value);
    const same = this.#waiting.find((l) => movable && l.bytes === bytes && l.text === value);
    if (same) same.uses.push(use);
    else
      this.#waiting.push({ bytes, text: value, at: at + 1, line: this.#line, scope: this.#fixedScope(), uses: [use] });
    return this.#layout?.literals[use];
  }

  /** A scope that keeps what `.` and the local labels mean here. */
  #fixedScope(): SymbolScope {
    const { address } = this;
    const counts = new Map([...this.#locals].map(([name, seen]) => [name, seen.length]));
    const local = (name: string): bigint | undefined => {
      const [, digits, direction] = /^(\d+)([bf])$/.exec(name)!;
      const count = counts.get(digits!) ?? 0;
      return this.#layout?.locals.get(digits!)?.[direction === 'b' ? count - 1 : count];
    };
    return { address, lookup: (name) => (/^\d/.test(name) ? local(name) : this.lookup(name)) };
  }

  /** Writes the pool of the literals used since the last one, small ones first. */
  placeLiterals(): void {
    const literals = [...this.#waiting].sort((a, b) => a.bytes - b.bytes);
    this.#waiting = [];
    for (const literal of literals) {
      const unit = BigInt(literal.bytes);
      this.emit(Number((unit - (this.address % unit)) % unit), () => {});
      for (const use of literal.uses) this.#literals[use] = this.address;
      this.#guard(literal.line, () => this.#writeLiteral(literal));
    }
  }

  #writeLiteral(literal: Literal): void {
    if (!this.#layout) return this.emit(literal.bytes, () => {});
    const s = new Scanner(literal.line.text, literal.at);
    const value = parseExpression(s, literal.scope);
    const bits = literal.bytes * 8;
    if (value >= 1n << BigInt(bits) || value < -(1n << BigInt(bits - 1))) s.fail(`a value of ${bits} bits`, literal.at);
    if (!s.atEnd() && s.peek() !== ';') s.fail('the end of the statement');
    this.emit(literal.bytes, (view, to) => {
      if (bits === 64) view.setBigUint64(to, BigInt.asUintN(64, value), true);
      else view.setUint32(to, Number(BigInt.asUintN(32, value)), true);
    });
  }
}
