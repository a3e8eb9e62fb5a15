/** System registers that a domain's EL1 and EL0 see, beside the identification registers: Arm ARM D13 and C5.2. */
import { BREAKPOINTS, CONTEXT_BREAKPOINTS, WATCHPOINTS } from '../state.ts';

export type Encoding5 = readonly [op0: number, op1: number, CRn: number, CRm: number, op2: number];

/** What an access does beyond moving the value: a name that semantics know (see table/system.ts). */
export type Effect = 'context' | 'flush' | 'fp' | 'debug';

export interface StorageRegister {
  readonly name: string;
  readonly encoding: Encoding5;
  /** Bits that a write changes; the others keep their value. Default all. */
  readonly writable?: bigint;
  /** What EL0 may do; default nothing. */
  readonly el0?: 'r' | 'rw';
  /** Behind a write: the address space or its traps change, TLBs are emptied, FP modes change, debug is on or off. */
  readonly effect?: Effect;
}

/**
 * DBGBCR<n>_EL1: E, PMC, BAS (without effect: there is no AArch32), HMC, SSC, LBN and BT. Bits 3 and 1 of BT are those of
 * context-aware breakpoints: without EL2 there is no VMID to compare.
 */
const breakpointControl = (n: number): bigint => 0x1fe1e7n | (n >= BREAKPOINTS - CONTEXT_BREAKPOINTS ? 2n << 20n : 0n);
/** DBGWCR<n>_EL1: E, PAC, LSC, BAS, HMC, SSC, LBN, WT and MASK. */
const WATCHPOINT_CONTROL = 0x1f1fffffn;
/** Address registers of break- and watchpoints: bits 1:0 are RES0. A breakpoint's may hold a context as well. */
const VALUE = ~3n;

const debugRegisters = (
  kind: string,
  count: number,
  op2: number,
  masks: (n: number) => readonly [value: bigint, control: bigint],
): StorageRegister[] =>
  Array.from({ length: count }, (_, n) => n).flatMap((n) => [
    { name: `${kind}VR${n}_EL1`, encoding: [2, 0, 0, n, op2], writable: masks(n)[0], effect: 'debug' },
    { name: `${kind}CR${n}_EL1`, encoding: [2, 0, 0, n, op2 + 1], writable: masks(n)[1], effect: 'debug' },
  ]);

/** Registers whose value is kept in the vCPU state under their name. */
export const STORAGE_REGISTERS: readonly StorageRegister[] = [
  // EE and E0E are RES0: little-endian only.
  { name: 'SCTLR_EL1', encoding: [3, 0, 1, 0, 0], writable: ~(3n << 24n), effect: 'flush' },
  { name: 'ACTLR_EL1', encoding: [3, 0, 1, 0, 1], writable: 0n },
  { name: 'CPACR_EL1', encoding: [3, 0, 1, 0, 2], writable: 0x10300000n, effect: 'context' },
  { name: 'TTBR0_EL1', encoding: [3, 0, 2, 0, 0], effect: 'context' },
  { name: 'TTBR1_EL1', encoding: [3, 0, 2, 0, 1], effect: 'context' },
  { name: 'TCR_EL1', encoding: [3, 0, 2, 0, 2], effect: 'flush' },
  { name: 'SPSR_EL1', encoding: [3, 0, 4, 0, 0] },
  { name: 'ELR_EL1', encoding: [3, 0, 4, 0, 1] },
  { name: 'AFSR0_EL1', encoding: [3, 0, 5, 1, 0] },
  { name: 'AFSR1_EL1', encoding: [3, 0, 5, 1, 1] },
  { name: 'ESR_EL1', encoding: [3, 0, 5, 2, 0] },
  { name: 'FAR_EL1', encoding: [3, 0, 6, 0, 0] },
  { name: 'PAR_EL1', encoding: [3, 0, 7, 4, 0] },
  { name: 'MAIR_EL1', encoding: [3, 0, 10, 2, 0], effect: 'flush' },
  { name: 'AMAIR_EL1', encoding: [3, 0, 10, 3, 0] },
  { name: 'VBAR_EL1', encoding: [3, 0, 12, 0, 0], writable: ~0x7ffn },
  { name: 'CONTEXTIDR_EL1', encoding: [3, 0, 13, 0, 1], writable: 0xffffffffn },
  { name: 'TPIDR_EL1', encoding: [3, 0, 13, 0, 4] },
  { name: 'SCXTNUM_EL1', encoding: [3, 0, 13, 0, 7] },
  { name: 'CNTKCTL_EL1', encoding: [3, 0, 14, 1, 0], writable: 0xffffffffn },
  { name: 'CSSELR_EL1', encoding: [3, 2, 0, 0, 0], writable: 0xfn },
  { name: 'TPIDR_EL0', encoding: [3, 3, 13, 0, 2], el0: 'rw' },
  { name: 'TPIDRRO_EL0', encoding: [3, 3, 13, 0, 3], el0: 'r' },
  { name: 'FPCR', encoding: [3, 3, 4, 4, 0], writable: 0x07c00000n, el0: 'rw', effect: 'fp' },
  { name: 'FPSR', encoding: [3, 3, 4, 4, 1], writable: 0xf800009fn, el0: 'rw', effect: 'fp' },
  ...debugRegisters('DBGB', BREAKPOINTS, 4, (n) => [
    n < BREAKPOINTS - CONTEXT_BREAKPOINTS ? VALUE : -1n,
    breakpointControl(n),
  ]),
  ...debugRegisters('DBGW', WATCHPOINTS, 6, () => [VALUE, WATCHPOINT_CONTROL]),
  { name: 'MDCCINT_EL1', encoding: [2, 0, 0, 2, 0], writable: 3n << 29n },
  { name: 'OSDTRRX_EL1', encoding: [2, 0, 0, 0, 2], writable: 0xffffffffn },
  { name: 'OSDTRTX_EL1', encoding: [2, 0, 0, 3, 2], writable: 0xffffffffn },
  { name: 'OSECCR_EL1', encoding: [2, 0, 0, 6, 2], writable: 0xffffffffn },
  { name: 'OSDLR_EL1', encoding: [2, 0, 1, 3, 4], writable: 1n, effect: 'debug' },
  { name: 'DBGPRCR_EL1', encoding: [2, 0, 1, 4, 4], writable: 1n, effect: 'debug' },
];

/** Registers that read as a constant and ignore writes at EL1 (what a domain of Xen's sees of them). */
export const FIXED_REGISTERS: readonly { name: string; encoding: Encoding5; value: bigint }[] = [
  // No memory-mapped debug registers; external debug of Non-secure state is there and not allowed.
  { name: 'MDRAR_EL1', encoding: [2, 0, 1, 0, 0], value: 0n },
  { name: 'DBGAUTHSTATUS_EL1', encoding: [2, 0, 7, 14, 6], value: 0xan },
  // PMU: none is there; the registers that Linux clears at boot are RAZ/WI.
  { name: 'PMUSERENR_EL0', encoding: [3, 3, 9, 14, 0], value: 0n },
  { name: 'PMCR_EL0', encoding: [3, 3, 9, 12, 0], value: 0n },
  { name: 'PMCNTENSET_EL0', encoding: [3, 3, 9, 12, 1], value: 0n },
  { name: 'PMCNTENCLR_EL0', encoding: [3, 3, 9, 12, 2], value: 0n },
  { name: 'PMOVSCLR_EL0', encoding: [3, 3, 9, 12, 3], value: 0n },
  { name: 'PMSELR_EL0', encoding: [3, 3, 9, 12, 5], value: 0n },
  { name: 'PMCCNTR_EL0', encoding: [3, 3, 9, 13, 0], value: 0n },
  { name: 'PMINTENSET_EL1', encoding: [3, 0, 9, 14, 1], value: 0n },
  { name: 'PMINTENCLR_EL1', encoding: [3, 0, 9, 14, 2], value: 0n },
];

/** A register of a device beside the core: the host reads and writes it, or says that the vCPU hasn't got it. */
export interface HostRegister {
  readonly name: string;
  readonly encoding: Encoding5;
  /** What EL1 may do: the other access is UNDEFINED, as everything is at EL0. */
  readonly access: 'r' | 'w' | 'rw';
}

/** The CPU interface of a GICv3 with 5 bits of priority (IHI 0069). */
export const HOST_REGISTERS: readonly HostRegister[] = [
  { name: 'ICC_PMR_EL1', encoding: [3, 0, 4, 6, 0], access: 'rw' },
  { name: 'ICC_IAR0_EL1', encoding: [3, 0, 12, 8, 0], access: 'r' },
  { name: 'ICC_EOIR0_EL1', encoding: [3, 0, 12, 8, 1], access: 'w' },
  { name: 'ICC_HPPIR0_EL1', encoding: [3, 0, 12, 8, 2], access: 'r' },
  { name: 'ICC_BPR0_EL1', encoding: [3, 0, 12, 8, 3], access: 'rw' },
  { name: 'ICC_AP0R0_EL1', encoding: [3, 0, 12, 8, 4], access: 'rw' },
  { name: 'ICC_AP1R0_EL1', encoding: [3, 0, 12, 9, 0], access: 'rw' },
  { name: 'ICC_DIR_EL1', encoding: [3, 0, 12, 11, 1], access: 'w' },
  { name: 'ICC_RPR_EL1', encoding: [3, 0, 12, 11, 3], access: 'r' },
  { name: 'ICC_SGI1R_EL1', encoding: [3, 0, 12, 11, 5], access: 'w' },
  { name: 'ICC_ASGI1R_EL1', encoding: [3, 0, 12, 11, 6], access: 'w' },
  { name: 'ICC_SGI0R_EL1', encoding: [3, 0, 12, 11, 7], access: 'w' },
  { name: 'ICC_IAR1_EL1', encoding: [3, 0, 12, 12, 0], access: 'r' },
  { name: 'ICC_EOIR1_EL1', encoding: [3, 0, 12, 12, 1], access: 'w' },
  { name: 'ICC_HPPIR1_EL1', encoding: [3, 0, 12, 12, 2], access: 'r' },
  { name: 'ICC_BPR1_EL1', encoding: [3, 0, 12, 12, 3], access: 'rw' },
  { name: 'ICC_CTLR_EL1', encoding: [3, 0, 12, 12, 4], access: 'rw' },
  { name: 'ICC_SRE_EL1', encoding: [3, 0, 12, 12, 5], access: 'rw' },
  { name: 'ICC_IGRPEN0_EL1', encoding: [3, 0, 12, 12, 6], access: 'rw' },
  { name: 'ICC_IGRPEN1_EL1', encoding: [3, 0, 12, 12, 7], access: 'rw' },
];
