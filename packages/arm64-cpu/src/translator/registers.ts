/** Guest registers inside a region: locals, loaded from the vCPU state at the entry and stored at exits. */
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
