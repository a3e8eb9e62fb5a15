/**
 * Places in a stencil that are filled for each instruction. A stencil is a list of numbers: below 256 a byte of code, from
 * there on a hole, with its kind above bit 8 and an argument below.
 */

export const FIRST_HOLE = 1 << 8;

/** Local of operand `n`. */
export const HOLE_REGISTER = 1 << 8;
/** Local of temporary `n`, by type. */
export const HOLE_TEMPORARY = { i32: 2 << 8, i64: 3 << 8, f32: 4 << 8, f64: 5 << 8, v128: 6 << 8 } as const;
/** The value of immediate `n`, as LEB128. */
export const HOLE_IMMEDIATE = 7 << 8;
/** The same, counted from the instruction: the sum with its place in the page. */
export const HOLE_RELATIVE = 8 << 8;
/** Depth of the label at which the region is left with the instruction undone, from `n` blocks inside the stencil. */
export const HOLE_LEAVE = 9 << 8;
/** The same of the labels behind which registers are stored; before one of them, flags too. */
export const HOLE_OUT = 10 << 8;
export const HOLE_OUT_FLAGS = 15 << 8;
/** Instructions not yet counted, with this one, as a constant. */
export const HOLE_COUNT = 11 << 8;
/** Bytes from the page's start to the next instruction, as a constant. */
export const HOLE_NEXT = 12 << 8;
/** Local with the host address of a window, and the place in it. Of a memo: the local of its difference, and its page's. */
export const HOLE_WINDOW = 13 << 8;
export const HOLE_PLACE = 14 << 8;

/** Where the vCPU state has the register of operand `n`. */
export const HOLE_STATE = 17 << 8;

/** The value of immediate `n`, counted from the page of the instruction. */
export const HOLE_PAGE = 16 << 8;

export const HOLE_ARGUMENT = 0xff;
