/* EL1 registers of the EL1&0 translation regime, Armv8.0 fields. DDI 0487 D (AArch64 System register descriptions). */

import { field, getField, hasField } from '../fields.ts';

/* SCTLR_EL1, System Control Register (EL1) */
export const SCTLR_EL1 = {
  M: field(0),
  A: field(1),
  C: field(2),
  SA: field(3),
  SA0: field(4),
  CP15BEN: field(5),
  ITD: field(7),
  SED: field(8),
  UMA: field(9),
  I: field(12),
  DZE: field(14),
  UCT: field(15),
  nTWI: field(16),
  nTWE: field(18),
  WXN: field(19),
  E0E: field(24),
  EE: field(25),
  UCI: field(26),
} as const;

/** Bits 11, 20, 22, 23, 28 and 29 of SCTLR_EL1, which read as one in Armv8.0. */
export const SCTLR_EL1_RES1 = 0x30d0_0800n;

/* TCR_EL1, Translation Control Register (EL1) */
export const TCR_EL1 = {
  T0SZ: field(5, 0),
  EPD0: field(7),
  IRGN0: field(9, 8),
  ORGN0: field(11, 10),
  SH0: field(13, 12),
  TG0: field(15, 14),
  T1SZ: field(21, 16),
  A1: field(22),
  EPD1: field(23),
  IRGN1: field(25, 24),
  ORGN1: field(27, 26),
  SH1: field(29, 28),
  TG1: field(31, 30),
  IPS: field(34, 32),
  AS: field(36),
  TBI0: field(37),
  TBI1: field(38),
} as const;

/** TCR_EL1.TnSZ outside of this range makes every access of its half a level 0 translation fault. */
export const TCR_EL1_TNSZ_MIN = 16;
export const TCR_EL1_TNSZ_MAX = 39;

/* TTBR0_EL1 and TTBR1_EL1, Translation Table Base Registers (EL1); one layout. BADDR counts in units of 2 bytes. */
export const TTBR_EL1 = { BADDR: field(47, 1), ASID: field(63, 48) } as const;

/* MAIR_EL1, Memory Attribute Indirection Register (EL1) */
export const MAIR_EL1 = {
  Attr0: field(7, 0),
  Attr1: field(15, 8),
  Attr2: field(23, 16),
  Attr3: field(31, 24),
  Attr4: field(39, 32),
  Attr5: field(47, 40),
  Attr6: field(55, 48),
  Attr7: field(63, 56),
} as const;

/** The 8-bit attribute that a descriptor's AttrIndx (0 to 7) selects. */
export const mairAttr = (mair: bigint, attrIndx: number): number => Number((mair >> BigInt(attrIndx * 8)) & 0xffn);

/** The current ASID: TCR_EL1.A1 names the TTBR, TCR_EL1.AS the width (0: 8 bits, 1: 16 bits). */
export function currentAsid(regime: { TCR_EL1: bigint; TTBR0_EL1: bigint; TTBR1_EL1: bigint }): number {
  const ttbr = hasField(regime.TCR_EL1, TCR_EL1.A1) ? regime.TTBR1_EL1 : regime.TTBR0_EL1;
  const asid = getField(ttbr, TTBR_EL1.ASID);
  return hasField(regime.TCR_EL1, TCR_EL1.AS) ? asid : asid & 0xff;
}
