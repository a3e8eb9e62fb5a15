/** Whether two vCPUs of a domain may use the same TLB entries. */
import { stateOffset } from '@dom0less/arm64-cpu';

const SCTLR_M = 1;
const TCR_A1 = 1 << 22;
const SCTLR = stateOffset('SCTLR_EL1');
const TCR = stateOffset('TCR_EL1');
const MAIR = stateOffset('MAIR_EL1');
const TTBR0 = stateOffset('TTBR0_EL1');
const TTBR1 = stateOffset('TTBR1_EL1');

/**
 * Entries are found by VMID and ASID, so they are good for both vCPUs only if one ASID means one set of tables: MMU
 * on, equal controls, and equal tables where the ASIDs are equal. `a` and `b` are the bases of their states.
 */
export const sharesTranslations = (view: DataView, a: number, b: number): boolean => {
  const low = (base: number, at: number): number => view.getUint32(base + at, true);
  const high = (base: number, at: number): number => view.getUint32(base + at + 4, true);
  const same = (at: number): boolean => low(a, at) === low(b, at) && high(a, at) === high(b, at);
  if ((low(a, SCTLR) & low(b, SCTLR) & SCTLR_M) === 0 || !same(TCR) || !same(MAIR)) return false;
  // The ASID is in bits 63:48 of the TTBR that TCR_EL1.A1 names.
  const asid = (low(a, TCR) & TCR_A1) === 0 ? TTBR0 : TTBR1;
  return high(a, asid) >>> 16 !== high(b, asid) >>> 16 || (same(TTBR0) && same(TTBR1));
};
