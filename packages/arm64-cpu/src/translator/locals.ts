/** Locals of a region's function that are the same in all regions; those that differ follow. */
import type { ValType } from '../wasm/expr.ts';
import { type Var, variable } from '../wasm/function-builder.ts';

/** The vCPU's base, and what is left of the budget in instructions. */
export const CPU = 0;
export const LEFT = 1;
/** Where an exit that undoes nothing happened: bytes from the page's start from bit 16 on, instructions not yet counted below. */
export const SITE = 2;
/** How the region ends. */
export const END = 3;
/** What the flags are made of (`FLAG_KINDS`), and the operands. */
export const FLAG_KIND = 4;
export const FLAG_A = 9;
export const FLAG_B = 10;
/** Address of the page that the region is in. */
export const PAGE_VA = 11;
/** Where an indirect branch goes. */
export const TARGET = 12;

/** Tables of the TLB, by the field of the vCPU state that holds the address; their locals follow FLAG_KIND. */
export const TLB_TABLES = ['tlbRead', 'tlbWrite', 'tlbReadEl0', 'tlbWriteEl0'] as const;
export type TlbTable = (typeof TLB_TABLES)[number];
export const FIRST_TABLE = 5;

/** Types of the locals behind the parameters. */
export const FIXED_LOCALS: readonly (readonly [count: number, type: ValType])[] = [
  [7, 'i32'],
  [4, 'i64'],
];
export const FIRST_FREE = 13;

/** A fixed local as a variable. */
export const fixed = (t: ValType, index: number): Var => variable(t, index);
