import { type Expr, i32, or, shl, type ValType, xor } from '../wasm/expr.ts';

/**
 * The function of a region takes the vCPU and what is left of the budget. It gives what is left then where it goes on by a
 * jump, and else ~(left << END_BITS | END_…), which is negative; and an address. Both in registers, for speed: many
 * processors wait with what follows until they know where an indirect call leads.
 */
export const REGION_PARAMS: readonly ValType[] = ['i32', 'i32'];
export const REGION_RESULTS: readonly ValType[] = ['i32', 'i64'];
export const END_BITS = 3;
/** To the address. */
export const END_JUMP = 0;
/** The instruction there, in the same page, is the interpreter's to do. */
export const END_INTERPRET = 1;
/** To the address, with a look at interrupts. */
export const END_CHECK = 2;
/** The instruction there has raised an exception, and counts. */
export const END_FAULT = 3;
/** By an exception return. */
export const END_RETURN = 4;
/** As END_INTERPRET, and the region that left it has been told of (`countLeave`). */
export const END_LEFT = 5;

/** What the function of a region gives that ends in another way than by a jump. */
export const endedBy = (left: Expr, how: number): Expr => xor(or(shl(left, i32(END_BITS)), i32(how)), i32(-1));
