/** What rows of system registers have in common: patterns, the traps of EL0, and rows of one register. */

import type { Encoding5 } from '../sysregs/registers.ts';
import { and, type Expr, eqz, i64, or, wrap } from '../wasm/expr.ts';
import type { Row } from './row.ts';
import type { Sem } from './sem.ts';

const binary = (value: number, bits: number): string => value.toString(2).padStart(bits, '0');

/** Pattern of MRS (`isRead`), MSR or SYS with this encoding. */
export const pattern = ([op0, op1, CRn, CRm, op2]: Encoding5, isRead: boolean, rt = 'Rt:5'): string =>
  `1101010100 ${isRead ? 1 : 0} ${binary(op0, 2)} ${binary(op1, 3)} ${binary(CRn, 4)} ${binary(CRm, 4)} ${binary(op2, 3)} ${rt}`;

/** Ends with an UNDEFINED exception below EL1. */
export const el1Only = (x: Sem): void => x.if(eqz(x.state('el', 'i32')), () => x.undefined());

const EC_TRAPPED_SYSREG = 0x18;

/** Trap of an EL0 access that EL1 controls: class 0x18 with the encoding in the syndrome (Arm ARM D13.2.37). */
export function trapFromEl0(x: Sem, [op0, op1, CRn, CRm, op2]: Encoding5, isRead: boolean): void {
  const iss = op0 * 2 ** 20 + op2 * 2 ** 17 + op1 * 2 ** 14 + CRn * 2 ** 10 + (isRead ? 1 : 0);
  // MSR with an immediate has that in CRm, and no register: 31.
  const fields = x.imm64((f) => (f.Rt ?? 31) * 32 + (f.immCRm ?? CRm) * 2);
  x.exception(or(i64(EC_TRAPPED_SYSREG * 2 ** 26 + 2 ** 25 + iss), fields));
}

/** Whether a bit of a system register is clear at EL0: what lets EL0 at something, or traps it. */
export const clearAtEl0 = (x: Sem, register: string, bits: number): Expr =>
  eqz(or(x.state('el', 'i32'), wrap(and(x.state(register, 'i64'), i64(bits)))));

/** MRS of one register. */
export const read = (name: string, encoding: Encoding5, sem: (x: Sem) => void, cold = true): Row => ({
  name: `MRS_${name}`,
  pattern: pattern(encoding, true),
  asm: `mrs <Xt>, ${name.toLowerCase()}`,
  cold,
  sem,
});

/** MSR of one register. */
export const write = (name: string, encoding: Encoding5, sem: (x: Sem) => void, cold = true): Row => ({
  name: `MSR_${name}`,
  pattern: pattern(encoding, false),
  asm: `msr ${name.toLowerCase()}, <Xt>`,
  cold,
  sem,
});
