/** The state in which a vCPU starts. */
import { FEATURE_GIC, OSLSR_RESET, stateOffset, VCPU_BYTES } from '@dom0less/arm64-cpu';
import { affinityOf } from './guest-map.ts';

/** What a domain's vCPUs have in common. */
export interface VcpuEnvironment {
  /** How many there are. */
  readonly cpus: number;
  readonly VTTBR_EL2: bigint;
  readonly VTCR_EL2: bigint;
  /** Ticks of the counter per second. */
  readonly CNTFRQ_EL0: number;
  /** The counter when the domain was made. */
  readonly CNTVOFF_EL2: number;
  readonly gicVersion: 2 | 3;
}

/** Address space by PSCI: MPIDR_EL1 bit 31 is RES1. */
const MPIDR_RES1 = 0x8000_0000;
const SCTLR_EL1_RESET = 0x00c5_0078n;
/** PSTATE.D, A, I and F at their places in SPSR_EL1. */
const DAIF_MASKED = 0x3c0;
/** An exclusive monitor that is open. */
export const NO_EXCLUSIVE = -1;

/**
 * Puts vCPU `index`, whose engine state lies at `base`, at `pc` with `x0`: EL1h, interrupts masked, MMU and caches
 * off, all other registers zero (arm64 boot protocol; PSCI CPU_ON is the same). The count of instructions goes on.
 */
export const resetVcpu = (
  view: DataView,
  base: number,
  index: number,
  environment: VcpuEnvironment,
  pc: bigint,
  x0: bigint,
): void => {
  const instructions = view.getBigUint64(base + stateOffset('instructions'), true);
  new Uint8Array(view.buffer, base, VCPU_BYTES).fill(0);
  const set32 = (name: string, value: number): void => view.setInt32(base + stateOffset(name), value, true);
  const set64 = (name: string, value: bigint): void => view.setBigUint64(base + stateOffset(name), value, true);
  set32('el', 1);
  set32('spsel', 1);
  set32('daif', DAIF_MASKED);
  set32('exclusiveAddress', NO_EXCLUSIVE);
  set32('soleVcpu', environment.cpus === 1 ? 1 : 0);
  set32('features', environment.gicVersion === 3 ? FEATURE_GIC : 0);
  // The Z flag is set where this is zero.
  set64('flagZ', 1n);
  set64('pc', pc);
  set64('x0', x0);
  set64('SCTLR_EL1', SCTLR_EL1_RESET);
  set64('OSLSR_EL1', OSLSR_RESET);
  set64('MPIDR_EL1', BigInt(affinityOf(index) + MPIDR_RES1));
  set64('VTTBR_EL2', environment.VTTBR_EL2);
  set64('VTCR_EL2', environment.VTCR_EL2);
  set64('CNTFRQ_EL0', BigInt(environment.CNTFRQ_EL0));
  set64('CNTVOFF_EL2', BigInt(environment.CNTVOFF_EL2));
  set64('instructions', instructions);
};
