/**
 * Identification registers: a Cortex-A57 (r1p0) in AArch64 state only. Where a value differs from the A57's, the comment
 * says how. Fields and meanings: Arm ARM D13.2.
 */
export interface IdRegister {
  readonly name: string;
  readonly value: bigint;
  /** op0, op1, CRn, CRm, op2 */
  readonly encoding: readonly [number, number, number, number, number];
  /** How and why the value differs from a Cortex-A57's. */
  readonly note?: string;
}

const id = (name: string, CRm: number, op2: number, value: bigint, note?: string): IdRegister => ({
  name,
  value,
  encoding: [3, 0, 0, CRm, op2],
  ...(note === undefined ? {} : { note }),
});

export const ID_REGISTERS: readonly IdRegister[] = [
  id('MIDR_EL1', 0, 0, 0x411fd070n),
  id('REVIDR_EL1', 0, 6, 0n),
  id(
    'ID_AA64PFR0_EL1',
    4,
    0,
    0x1300000000000011n,
    'EL0 and EL1 in AArch64 only, no EL2 or EL3; CSV2 = 3, CSV3 = 1: no speculation of the guest is modelled; GIC as `features` says',
  ),
  id('ID_AA64PFR1_EL1', 4, 1, 0n),
  id('ID_AA64DFR0_EL1', 5, 0, 0x10305006n, 'PMUVer = 0: no PMU'),
  id('ID_AA64DFR1_EL1', 5, 1, 0n),
  id('ID_AA64AFR0_EL1', 5, 4, 0n),
  id('ID_AA64AFR1_EL1', 5, 5, 0n),
  id('ID_AA64ISAR0_EL1', 6, 0, 0x10211120n, 'Atomic = 2: FEAT_LSE; RDM = 1: FEAT_RDM'),
  id('ID_AA64ISAR1_EL1', 6, 1, 0n),
  id('ID_AA64MMFR0_EL1', 7, 0, 0x00101024n, 'TGran16 = 1: 16 KiB granule offered; BigEnd = 0: little-endian only'),
  id('ID_AA64MMFR1_EL1', 7, 1, 0n),
  id('ID_AA64MMFR2_EL1', 7, 2, 0n),
  { name: 'CLIDR_EL1', value: 0x0a200023n, encoding: [3, 1, 0, 0, 1] },
  { name: 'AIDR_EL1', value: 0n, encoding: [3, 1, 0, 0, 7] },
  { name: 'CTR_EL0', value: 0x8444c004n, encoding: [3, 3, 0, 0, 1] },
  { name: 'DCZID_EL0', value: 4n, encoding: [3, 3, 0, 0, 7] },
];

/** CCSIDR_EL1 by CSSELR_EL1: L1 data (0), L1 instruction (1), L2 (2). */
export const CACHE_SIZES: readonly bigint[] = [0x701fe00an, 0x201fe012n, 0x70ffe07an];
