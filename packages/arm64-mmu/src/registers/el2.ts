/* EL2 registers that control stage 2 of the EL1&0 translation regime, Armv8.0 fields, and what hypervisors read of a fault. */

import { field, getField, hasField, setField } from '../fields.ts';

/* HCR_EL2, Hypervisor Configuration Register: the bits that change a translation */
export const HCR_EL2 = { VM: field(0), PTW: field(2), DC: field(12) } as const;

/* VTCR_EL2, Virtualization Translation Control Register */
export const VTCR_EL2 = {
  T0SZ: field(5, 0),
  SL0: field(7, 6),
  IRGN0: field(9, 8),
  ORGN0: field(11, 10),
  SH0: field(13, 12),
  TG0: field(15, 14),
  PS: field(18, 16),
  VS: field(19),
} as const;

/** Bit 31 of VTCR_EL2, which reads as one. */
export const VTCR_EL2_RES1 = 0x8000_0000n;

/* VTTBR_EL2, Virtualization Translation Table Base Register. BADDR counts in units of 2 bytes. */
export const VTTBR_EL2 = { BADDR: field(47, 1), VMID: field(63, 48) } as const;

/* HPFAR_EL2, Hypervisor IPA Fault Address Register. FIPA is IPA[47:12]. */
export const HPFAR_EL2 = { FIPA: field(39, 4) } as const;

/** The current VMID: 8 bits, or 16 if VTCR_EL2.VS is set. */
export function currentVmid(regime: { VTCR_EL2: bigint; VTTBR_EL2: bigint }): number {
  const vmid = getField(regime.VTTBR_EL2, VTTBR_EL2.VMID);
  return hasField(regime.VTCR_EL2, VTCR_EL2.VS) ? vmid : vmid & 0xff;
}

/** HPFAR_EL2 for a stage 2 fault at `ipa` (below 2^48). */
export const encodeHpfarEl2 = (ipa: number): bigint => setField(0n, HPFAR_EL2.FIPA, Math.floor(ipa / 4096));

/** The IPA of the 4 KiB page that HPFAR_EL2 names. */
export const decodeHpfarEl2 = (hpfar: bigint): number => getField(hpfar, HPFAR_EL2.FIPA) * 4096;
