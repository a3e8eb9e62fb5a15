/** A stretch of a text; `end` is the first offset behind. */
export interface Stretch {
  readonly start: number;
  readonly end: number;
}

const TRIVIA = /(?:\s|\/\/[^\n]*|\/\*[\s\S]*?\*\/)*/y;
const NAME = /\\?[a-zA-Z0-9,._+*#?@-]+/y;
const CELL = /0[xX][0-9a-fA-F]+|[0-9]+|&[a-zA-Z_][a-zA-Z0-9_]*|&\{[^}\s]*\}|\([^()<>"]*\)/y;

/**
 * Where the cells of a property stand in its source text, `name = <1 &label (2 + 3)>, <4>;`. Undefined for whatever is
 * not plain lists of 32-bit cells: strings, bytes, labels, `/bits/`, nested parentheses.
 */
export function cellStretches(statement: string): Stretch[] | undefined {
  let at = 0;
  const match = (pattern: RegExp): Stretch | undefined => {
    TRIVIA.lastIndex = at;
    TRIVIA.exec(statement);
    pattern.lastIndex = TRIVIA.lastIndex;
    if (!pattern.test(statement)) return undefined;
    const start = TRIVIA.lastIndex;
    at = pattern.lastIndex;
    return { start, end: at };
  };
  const cells: Stretch[] = [];
  if (match(NAME) === undefined || match(/=/y) === undefined) return undefined;
  do {
    if (match(/</y) === undefined) return undefined;
    for (let cell = match(CELL); cell !== undefined; cell = match(CELL)) cells.push(cell);
    if (match(/>/y) === undefined) return undefined;
  } while (match(/,/y) !== undefined);
  return match(/;/y) === undefined ? undefined : cells;
}
