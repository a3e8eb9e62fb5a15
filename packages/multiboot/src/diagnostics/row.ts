/** How much a defect matters: an error keeps a domain (or the board) from starting, a warning does not. */
export type Severity = 'error' | 'warning' | 'info';

/** One row of a table of diagnostics. `{name}` in the texts stands for a parameter. */
export interface DiagnosticRow {
  severity: Severity;
  /** What is wrong, in terms of the user's tree. */
  message: string;
  /** What to do about it. */
  remedy: string;
  /** What Xen does with the same input. */
  xen: string;
}

/** A table of diagnostics: code → row, with its texts as literal types. */
export const defineDiagnostics = <const Rows extends Record<string, DiagnosticRow>>(rows: Rows): Rows => rows;
