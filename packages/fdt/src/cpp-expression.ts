import { type CppToken, failCpp } from './cpp-tokens.ts';
import { decodeEscapes } from './dts-escapes.ts';
import type { DtsPosition } from './dts-source.ts';

/** A number of a condition: signed 64 bits unless it is unsigned (C standard 6.10.1). */
interface Value {
  readonly number: bigint;
  readonly unsigned: boolean;
}

/** Parentheses and operators can nest so deep. */
const MAX_DEPTH = 128;
const INTEGER = /^(0[xX][0-9a-fA-F]+|0[bB][01]+|[0-9]+)([uUlL]*)$/;
const OPERATORS = ['||', '&&', '==', '!=', '<=', '>=', '<<', '>>', '|', '^', '&', '<', '>', '+', '-', '*', '/', '%'];

const integer = (number: bigint, unsigned: boolean): Value => ({
  number: unsigned ? BigInt.asUintN(64, number) : BigInt.asIntN(64, number),
  unsigned,
});
const truth = (condition: boolean): Value => ({ number: condition ? 1n : 0n, unsigned: false });

type Binary = (a: bigint, b: bigint) => bigint | boolean;
const shift = (by: bigint): bigint => (by < 0n || by > 63n ? 64n : by);

/** C's binary operators, by how tight they bind. `||` and `&&` are not here: they look at one side first. */
const BINARY: Readonly<Record<string, { binds: number; apply: Binary }>> = {
  '|': { binds: 3, apply: (a, b) => a | b },
  '^': { binds: 4, apply: (a, b) => a ^ b },
  '&': { binds: 5, apply: (a, b) => a & b },
  '==': { binds: 6, apply: (a, b) => a === b },
  '!=': { binds: 6, apply: (a, b) => a !== b },
  '<': { binds: 7, apply: (a, b) => a < b },
  '>': { binds: 7, apply: (a, b) => a > b },
  '<=': { binds: 7, apply: (a, b) => a <= b },
  '>=': { binds: 7, apply: (a, b) => a >= b },
  '<<': { binds: 8, apply: (a, b) => a << shift(b) },
  '>>': { binds: 8, apply: (a, b) => a >> shift(b) },
  '+': { binds: 9, apply: (a, b) => a + b },
  '-': { binds: 9, apply: (a, b) => a - b },
  '*': { binds: 10, apply: (a, b) => a * b },
  '/': { binds: 10, apply: (a, b) => a / b },
  '%': { binds: 10, apply: (a, b) => a % b },
};
const LOGICAL: Readonly<Record<string, number>> = { '||': 1, '&&': 2 };

/** The value of the expression of `#if`, macros and `defined` being replaced already; names are 0. */
export function isTrue(tokens: readonly CppToken[], at: DtsPosition): boolean {
  const solid = tokens.filter(({ kind }) => kind !== 'space' && kind !== 'newline');
  if (solid.length === 0) failCpp('this condition is empty', at);
  return new Condition(solid, at).value() !== 0n;
}

class Condition {
  readonly #tokens: readonly CppToken[];
  readonly #end: DtsPosition;
  #next = 0;

  constructor(tokens: readonly CppToken[], end: DtsPosition) {
    this.#tokens = tokens;
    this.#end = end;
  }

  value(): bigint {
    const { number } = this.#ternary(0, true);
    if (this.#next < this.#tokens.length) this.#fail('this condition goes on behind its end');
    return number;
  }

  #fail(message: string): never {
    failCpp(message, this.#tokens[this.#next]?.at ?? this.#end);
  }

  /** The operator here: tokens are single characters, and an operator may have two. */
  #peekOperator(): string | undefined {
    const first = this.#tokens[this.#next];
    const second = this.#tokens[this.#next + 1];
    if (first?.kind !== 'other') return undefined;
    const adjacent = second?.kind === 'other' && second.at.offset === first.at.offset + 1;
    const spelled = adjacent ? first.text + second.text : first.text;
    return OPERATORS.find((operator) => operator === spelled) ?? OPERATORS.find((operator) => operator === first.text);
  }

  #take(text: string): boolean {
    const found = this.#tokens[this.#next]?.text === text;
    if (found) this.#next++;
    return found;
  }

  /** @param live false for a side whose value does not matter: there, nothing divides by zero. */
  #ternary(depth: number, live: boolean): Value {
    if (depth > MAX_DEPTH) this.#fail(`conditions nest at most ${MAX_DEPTH} deep`);
    const condition = this.#binary(1, depth, live);
    if (!this.#take('?')) return condition;
    const chosen = condition.number !== 0n;
    const yes = this.#ternary(depth + 1, live && chosen);
    if (!this.#take(':')) this.#fail("expected ':'");
    const no = this.#ternary(depth + 1, live && !chosen);
    return integer((chosen ? yes : no).number, yes.unsigned || no.unsigned);
  }

  #binary(binds: number, depth: number, live: boolean): Value {
    let left = this.#unary(depth, live);
    for (;;) {
      const operator = this.#peekOperator();
      if (operator === undefined) return left;
      const tightness = LOGICAL[operator] ?? BINARY[operator]!.binds;
      if (tightness < binds) return left;
      const at = this.#tokens[this.#next]!.at;
      this.#next += operator.length;
      const matters = operator === '&&' ? left.number !== 0n : operator === '||' ? left.number === 0n : true;
      const right = this.#binary(tightness + 1, depth + 1, live && matters);
      left = this.#apply(operator, left, right, live, at);
    }
  }

  #apply(operator: string, left: Value, right: Value, live: boolean, at: DtsPosition): Value {
    if (operator === '&&') return truth(left.number !== 0n && right.number !== 0n);
    if (operator === '||') return truth(left.number !== 0n || right.number !== 0n);
    if (right.number === 0n && (operator === '/' || operator === '%')) {
      if (live) failCpp('division by zero', at);
      return truth(false);
    }
    const shifts = operator === '<<' || operator === '>>';
    const unsigned = left.unsigned || (!shifts && right.unsigned);
    const result = BINARY[operator]!.apply(
      integer(left.number, unsigned).number,
      shifts ? right.number : integer(right.number, unsigned).number,
    );
    return typeof result === 'boolean' ? truth(result) : integer(result, unsigned);
  }

  #unary(depth: number, live: boolean): Value {
    if (depth > MAX_DEPTH) this.#fail(`conditions nest at most ${MAX_DEPTH} deep`);
    const sign = this.#tokens[this.#next]?.text;
    if (sign === '!' || sign === '-' || sign === '~' || sign === '+') {
      this.#next++;
      const { number, unsigned } = this.#unary(depth + 1, live);
      if (sign === '!') return truth(number === 0n);
      return integer(sign === '-' ? -number : sign === '~' ? ~number : number, unsigned);
    }
    if (this.#take('(')) {
      const value = this.#ternary(depth + 1, live);
      if (!this.#take(')')) this.#fail("expected ')'");
      return value;
    }
    return this.#primary();
  }

  #primary(): Value {
    const token = this.#tokens[this.#next];
    if (token === undefined) this.#fail('expected a number');
    if (token.kind === 'name') {
      this.#next++;
      return truth(false);
    }
    if (token.kind === 'quoted' && token.text.startsWith("'")) {
      const bytes = decodeEscapes(token.text.slice(1, -1), (message) => this.#fail(message));
      this.#next++;
      return integer(BigInt(bytes.at(-1) ?? 0), false);
    }
    const match = token.kind === 'number' && token.text.length <= 80 ? INTEGER.exec(token.text) : null;
    if (match === null) this.#fail(`'${token.text.slice(0, 80)}' is not an integer`);
    const [, digits, suffix] = match;
    const octal = /^0[0-9]+$/.test(digits!);
    if (octal && /[89]/.test(digits!)) this.#fail(`'${digits}' begins with 0 and is not octal`);
    this.#next++;
    const number = BigInt(octal ? `0o${digits!.slice(1)}` : digits!);
    return integer(number, /u/i.test(suffix!) || number > 0x7fffffffffffffffn);
  }
}
