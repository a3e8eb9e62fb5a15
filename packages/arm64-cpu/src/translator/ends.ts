/** How a region ends, in the low bits of what its function gives; above them is what is left of the budget. */
export const END_BITS = 3;
/** To the address in `pc`. */
export const END_JUMP = 0;
/** The instruction at `pc`, in the same page, is the interpreter's to do. */
export const END_INTERPRET = 1;
/** To the address in `pc`, with a look at interrupts. */
export const END_CHECK = 2;
/** The instruction at `pc` has raised an exception, and counts. */
export const END_FAULT = 3;
/** By an exception return. */
export const END_RETURN = 4;
