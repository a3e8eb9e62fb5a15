/** Locals of a region's function that are the same in all regions; those that differ follow. */
import type { ValType } from '../wasm/expr.ts';
import { type Var, variable } from '../wasm/function-builder.ts';

/** The vCPU's base, and what is left of the budget in instructions: at the end what the function gives (see ends.ts). */
export const CPU = 0;
export const LEFT = 1;
/** Where an exit that undoes nothing happened: bytes from the page's start from bit 16 on, instructions not yet counted below. */
export const SITE = 2;
/** What the flags are made of (`FLAG_KINDS`). */
export const FLAG_KIND = 3;
/** Fields of the vCPU state: one local each. Code that may change them says so, but for `fpFast` that becomes 1 by a helper. */
export const STATE_LOCALS = ['tlbRead', 'tlbWrite', 'tlbReadEl0', 'tlbWriteEl0', 'fpFast', 'FPCR'] as const;
export type StateLocal = (typeof STATE_LOCALS)[number];
export const FIRST_STATE = 4;
/** Records of the next page; 0 where that is not the one that the region was made of. */
export const NEXT_RECORDS = 10;
/** Operands of the flags: integers or, of a floating-point comparison, floats. */
export const FLAG_A = 11;
export const FLAG_B = 12;
export const FLAG_FLOAT_A = 15;
export const FLAG_FLOAT_B = 16;
/** Address of the page that the region is in. */
export const PAGE_VA = 13;
/** Where the region goes on, or ends. */
export const TARGET = 14;
/** A vector of zeros. */
export const ZERO = 17;

/** Types of the locals behind the parameters. */
export const FIXED_LOCALS: readonly (readonly [count: number, type: ValType])[] = [
  [9, 'i32'],
  [4, 'i64'],
  [2, 'f64'],
  [1, 'v128'],
];
export const FIRST_FREE = 18;

/** A fixed local as a variable. */
export const fixed = (t: ValType, index: number): Var => variable(t, index);
