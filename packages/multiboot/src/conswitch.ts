/** What Xen's command line option `conswitch` says. */
export interface Conswitch {
  /** Code of the switch character, 1 to 30. Absent: switching by keyboard is disabled. */
  readonly code?: number;
  /** As it is named in the hint, e.g. `a` for Ctrl-A. */
  readonly letter: string;
  /** Input goes to Xen at first. */
  readonly startAtXen: boolean;
  /** What is wrong with the value and what to do; switching is disabled then. */
  readonly problem?: string;
}

/** A character's code plus this is the letter's; also the character that disables switching. */
const BACK_QUOTE = 0x60;
const CODE_LIMIT = 30;

/**
 * Reads a value of `conswitch=<c>[x]`: Ctrl and `c`, typed three times in a row, switches; a back-quote disables that;
 * `x` has input go to Xen at first. Further characters mean nothing, as with Xen (xen/drivers/char/console.c).
 */
export function parseConswitch(value: string): Conswitch {
  const letter = value.charAt(0);
  const startAtXen = value.charAt(1) === 'x';
  const code = letter === '' ? -1 : letter.charCodeAt(0) - BACK_QUOTE;
  if (code >= 1 && code <= CODE_LIMIT) return { code, letter, startAtXen };
  if (code === 0) return { letter, startAtXen };
  const problem = `conswitch=${JSON.stringify(value)}: no control character belongs to its first character, so the focus can't be switched; give a lower-case letter, or a back-quote to disable switching`;
  return { letter, startAtXen, problem };
}
