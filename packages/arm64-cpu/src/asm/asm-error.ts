/** Source text that can't be assembled: where, and what would have fitted there. */
export class AsmError extends Error {
  override readonly name = 'AsmError';
  /** From 1. */
  readonly line: number;
  /** From 1. */
  readonly column: number;
  /** The line as it stands in the source. */
  readonly source: string;
  /** What was expected, or what is wrong. */
  readonly expected: string;

  constructor(line: number, column: number, source: string, expected: string) {
    super(`line ${line}, column ${column}: ${expected}\n  ${source}\n  ${' '.repeat(column - 1)}^`);
    this.line = line;
    this.column = column;
    this.source = source;
    this.expected = expected;
  }
}
