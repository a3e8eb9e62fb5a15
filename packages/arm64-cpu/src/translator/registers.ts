/** Guest registers inside a region: locals, which follow the vCPU state. */
import { SP_OFFSET, V_OFFSET, X_OFFSET } from '../state.ts';

/** Numbers of the registers: X0 to X30, the stack pointer, then V0 to V31. */
export const REGISTER_SP = 31;
export const REGISTER_LINK = 30;
export const FIRST_V = 32;
export const REGISTERS = 64;

/** Where the vCPU state has a register. */
export function offsetOf(number: number): number {
  if (number >= FIRST_V) return V_OFFSET + 16 * (number - FIRST_V);
  return number === REGISTER_SP ? SP_OFFSET : X_OFFSET + 8 * number;
}

/** A set of registers: a bit for each of X0 to X30 and SP, and for each of V0 to V31. */
export interface RegisterSet {
  readonly general: number;
  readonly vector: number;
}

export const NO_REGISTERS: RegisterSet = { general: 0, vector: 0 };

export const hasRegister = (s: RegisterSet, n: number): boolean =>
  (((n < FIRST_V ? s.general : s.vector) >>> (n & 31)) & 1) !== 0;

export const withRegister = (s: RegisterSet, n: number): RegisterSet =>
  n < FIRST_V
    ? { general: s.general | (1 << n), vector: s.vector }
    : { general: s.general, vector: s.vector | (1 << (n & 31)) };

export const union = (a: RegisterSet, b: RegisterSet): RegisterSet => ({
  general: a.general | b.general,
  vector: a.vector | b.vector,
});
