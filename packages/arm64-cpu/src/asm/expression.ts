/**
 * Expressions as GNU as has them: integers (decimal, 0x, 0b, octal with a leading 0, 'c'), symbols, `.`, local labels
 * (`1b`, `1f`), `:lo12:`, and operators by its precedence, lowest first: `+ -`; `| & ^`; `* / % << >>`; unary `- + ~`.
 */
import { isRegisterName } from './register-names.ts';
import { Mismatch, type Scanner } from './scanner.ts';

/** What an expression may refer to. */
export interface SymbolScope {
  /** Address of the statement. */
  readonly address: bigint;
  /** A symbol's value; `undefined` where it has none (yet). Local labels are asked for as `1b` and `1f`. */
  lookup(name: string): bigint | undefined;
}

type Operator = (a: bigint, b: bigint) => bigint;

/** The longest shift of an expression: more would only cost memory. */
const MAX_SHIFT = 128n;
const shift = (a: bigint, by: bigint): bigint => {
  if (by > MAX_SHIFT || by < -MAX_SHIFT) return 0n;
  return BigInt.asIntN(128, a) << by;
};

const LEVELS: readonly Readonly<Record<string, Operator>>[] = [
  { '+': (a, b) => a + b, '-': (a, b) => a - b },
  { '|': (a, b) => a | b, '&': (a, b) => a & b, '^': (a, b) => a ^ b },
  {
    '*': (a, b) => BigInt.asIntN(128, a * b),
    '/': (a, b) => a / b,
    '%': (a, b) => a % b,
    '<<': (a, b) => shift(a, b),
    '>>': (a, b) => shift(a, -b),
  },
];
const OPERATOR = /<<|>>|[-+|&^*/%]/y;
const NUMBER = /0[xX][\da-fA-F]+|0[bB][01]+|\d+/y;
const LOCAL_LABEL = /\d+[bf](?!\w)/y;
const SYMBOL = /[A-Za-z_.$][\w.$]*/y;
const CHARACTER = /'(\\?.)'?/y;
const ESCAPES: Record<string, string> = { n: '\n', t: '\t', r: '\r', '0': '\0', b: '\b', f: '\f' };

/** Deeper parentheses are refused, so that no source can overflow the stack. */
const MAX_DEPTH = 64;

/** Reads and evaluates an expression. A symbol without value is a `Mismatch` with a message of its own. */
export function parseExpression(s: Scanner, scope: SymbolScope, level = 0, depth = 0): bigint {
  if (level === LEVELS.length) return parseUnary(s, scope, depth);
  let value = parseExpression(s, scope, level + 1, depth);
  for (;;) {
    const start = s.at;
    const token = s.match(OPERATOR)?.[0];
    const apply = token === undefined ? undefined : LEVELS[level]![token];
    if (!apply) {
      s.at = start;
      return value;
    }
    const at = s.at;
    const right = parseExpression(s, scope, level + 1, depth);
    if (right === 0n && (token === '/' || token === '%')) throw new Mismatch(at, 'division by zero', true);
    value = apply(value, right);
  }
}

function parseUnary(s: Scanner, scope: SymbolScope, depth: number): bigint {
  if (depth > MAX_DEPTH) throw new Mismatch(s.at, `fewer than ${MAX_DEPTH} levels of parentheses`, true);
  if (s.take('-')) return -parseUnary(s, scope, depth + 1);
  if (s.take('+')) return parseUnary(s, scope, depth + 1);
  if (s.take('~')) return ~parseUnary(s, scope, depth + 1);
  if (s.take('(')) {
    const value = parseExpression(s, scope, 0, depth + 1);
    if (!s.take(')')) s.fail('`)`');
    return value;
  }
  return parseAtom(s, scope);
}

function parseAtom(s: Scanner, scope: SymbolScope): bigint {
  s.skipBlanks();
  const start = s.at;
  const local = s.match(LOCAL_LABEL)?.[0];
  const number = local === undefined ? s.match(NUMBER)?.[0] : undefined;
  if (number !== undefined) return /^0[0-7]+$/.test(number) ? BigInt(`0o${number}`) : BigInt(number);
  const character = s.match(CHARACTER)?.[1];
  if (character !== undefined) return BigInt((ESCAPES[character[1] ?? ''] ?? character.at(-1)!).codePointAt(0)!);
  const name = local ?? s.match(SYMBOL)?.[0];
  if (name === undefined || isRegisterName(name)) return s.fail('an expression', start);
  if (name === '.') return scope.address;
  const value = scope.lookup(name);
  if (value === undefined) throw new Mismatch(start, `symbol ${name} has no value`, true);
  return value;
}

/** True if an expression may start here: no register, bracket or end. */
export function startsExpression(s: Scanner): boolean {
  const c = s.peek();
  if (/[A-Za-z_.$]/.test(c)) return !isRegisterName(s.peekName());
  return /[-+~(\d']/.test(c);
}
