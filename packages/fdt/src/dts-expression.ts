import { decodeEscapes } from './dts-escapes.ts';
import type { DtsLexer } from './dts-lexer.ts';

const LITERAL = /(0[xX][0-9a-fA-F]+|[0-9]+)(?:ULL|LL|UL|L|U)?/y;
const OPERATOR = /\|\||&&|==|!=|<=|>=|<<|>>|[|^&<>+*/%-]/y;

/** Parentheses and operators can nest so deep. */
const MAX_EXPRESSION_DEPTH = 128;

const wrap = (number: bigint): bigint => BigInt.asUintN(64, number);
const truth = (condition: boolean): bigint => (condition ? 1n : 0n);

/** C's binary operators over unsigned 64-bit numbers; a higher `binds` binds tighter. */
const OPERATORS: Readonly<Record<string, { binds: number; apply: (a: bigint, b: bigint) => bigint }>> = {
  '||': { binds: 1, apply: (a, b) => truth(a !== 0n || b !== 0n) },
  '&&': { binds: 2, apply: (a, b) => truth(a !== 0n && b !== 0n) },
  '|': { binds: 3, apply: (a, b) => a | b },
  '^': { binds: 4, apply: (a, b) => a ^ b },
  '&': { binds: 5, apply: (a, b) => a & b },
  '==': { binds: 6, apply: (a, b) => truth(a === b) },
  '!=': { binds: 6, apply: (a, b) => truth(a !== b) },
  '<': { binds: 7, apply: (a, b) => truth(a < b) },
  '>': { binds: 7, apply: (a, b) => truth(a > b) },
  '<=': { binds: 7, apply: (a, b) => truth(a <= b) },
  '>=': { binds: 7, apply: (a, b) => truth(a >= b) },
  // Shifts by 64 and more give 0, and do not build huge numbers on the way.
  '<<': { binds: 8, apply: (a, b) => (b < 64n ? wrap(a << b) : 0n) },
  '>>': { binds: 8, apply: (a, b) => (b < 64n ? a >> b : 0n) },
  '+': { binds: 9, apply: (a, b) => wrap(a + b) },
  '-': { binds: 9, apply: (a, b) => wrap(a - b) },
  '*': { binds: 10, apply: (a, b) => wrap(a * b) },
  '/': { binds: 10, apply: (a, b) => a / b },
  '%': { binds: 10, apply: (a, b) => a % b },
};

/** A literal, a character or an expression in parentheses, as an unsigned 64-bit number; undefined when none is there. */
export function parseInteger(lexer: DtsLexer, depth = 0): bigint | undefined {
  const at = lexer.position();
  const literal = lexer.match(LITERAL);
  if (literal !== null) {
    const digits = literal[1]!;
    const octal = /^0[0-9]+$/.test(digits);
    if (octal && /[89]/.test(digits)) {
      lexer.report(`'${digits}' begins with 0 and is not octal`, at);
      return 0n;
    }
    const prefix = octal ? '0o' : /^0[xX]/.test(digits) ? '0x' : '';
    // 64 bits have at most 22 significant digits in any of the bases.
    const significant = digits.replace(/^0[xX]?0*/, '') || '0';
    const number = significant.length > 22 ? undefined : BigInt(prefix + significant);
    if (number !== undefined && wrap(number) === number) return number;
    lexer.report('this number does not fit in 64 bits', at);
    return 0n;
  }
  const character = lexer.takeQuoted("'");
  if (character !== undefined) {
    const bytes = decodeEscapes(character, (message) => lexer.fail(message, at));
    if (bytes.length !== 1) lexer.report(`a character literal holds one byte, and this one holds ${bytes.length}`, at);
    return BigInt(bytes[0] ?? 0);
  }
  if (!lexer.take('(')) return undefined;
  const number = parseTernary(lexer, depth + 1);
  lexer.expect(')', 'at the end of an expression');
  return number;
}

function parseTernary(lexer: DtsLexer, depth: number): bigint {
  if (depth > MAX_EXPRESSION_DEPTH) lexer.fail(`expressions nest at most ${MAX_EXPRESSION_DEPTH} deep`);
  const condition = parseBinary(lexer, 1, depth);
  if (!lexer.take('?')) return condition;
  const yes = parseTernary(lexer, depth + 1);
  lexer.expect(':', "between the two sides of '?'");
  const no = parseTernary(lexer, depth + 1);
  return condition !== 0n ? yes : no;
}

/** Operators which bind at least as tight as `binds`, left to right. */
function parseBinary(lexer: DtsLexer, binds: number, depth: number): bigint {
  let left = parseUnary(lexer, depth);
  for (;;) {
    const at = lexer.position();
    const match = lexer.peek(OPERATOR);
    const operator = match === undefined ? undefined : OPERATORS[match];
    if (operator === undefined || operator.binds < binds) return left;
    lexer.take(match!);
    const right = parseBinary(lexer, operator.binds + 1, depth);
    const impossible = right === 0n && (match === '/' || match === '%');
    if (impossible) lexer.report('division by zero', at);
    left = impossible ? 0n : operator.apply(left, right);
  }
}

function parseUnary(lexer: DtsLexer, depth: number): bigint {
  if (depth > MAX_EXPRESSION_DEPTH) lexer.fail(`expressions nest at most ${MAX_EXPRESSION_DEPTH} deep`);
  if (lexer.take('-')) return wrap(-parseUnary(lexer, depth + 1));
  if (lexer.take('~')) return wrap(~parseUnary(lexer, depth + 1));
  if (lexer.take('!')) return truth(parseUnary(lexer, depth + 1) === 0n);
  return parseInteger(lexer, depth) ?? lexer.fail('expected a number in this expression');
}
