/** How the main function and the handlers out of line tell what comes next. */

/** Why `run` came back. */
export const EXIT_BUDGET = 0;
export const EXIT_REQUEST = 1;
export const EXIT_WAIT = 2;
export const EXIT_EVENT = 3;

/** What an out-of-line handler gives: what comes next. */
export const COLD_NEXT = 0;
export const COLD_FAULT = 1;
export const COLD_CHECK = 2;
export const COLD_JUMP = 3;
export const COLD_WAIT = 4;
export const COLD_EVENT = 5;
