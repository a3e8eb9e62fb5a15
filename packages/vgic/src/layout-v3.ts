import { GIC_STATE, VCPU_STATE, VCPU_STRIDE } from './layout.ts';

/** Most vCPUs of a GICv3: as many redistributors as Xen's guest memory map has room for. */
export const MAX_VCPUS_V3 = 128;

/**
 * Byte offsets from `byteOffset` of the state that all vCPUs of a GICv3 share, in the form of `GIC_STATE`. What the
 * versions have in common is at the same place; SHAPE has bit 30 set.
 */
export const GICV3_STATE = {
  LOCK: GIC_STATE.LOCK,
  SHAPE: GIC_STATE.SHAPE,
  /** EnableGrp0 and EnableGrp1 only. */
  GICD_CTLR: GIC_STATE.GICD_CTLR,
  /** Two words: the vCPU that takes the 1 of N SPIs of group 0 and of group 1, or -1. */
  ONE_OF_N_TARGETS: 12,
  SPI_PRIORITY: GIC_STATE.SPI_PRIORITY,
  SPI_ENABLE: GIC_STATE.SPI_ENABLE,
  SPI_LATCH: GIC_STATE.SPI_LATCH,
  SPI_LINE: GIC_STATE.SPI_LINE,
  SPI_ACTIVE: GIC_STATE.SPI_ACTIVE,
  SPI_EDGE: GIC_STATE.SPI_EDGE,
  /** GICD_IGROUPR: 1 is group 1. */
  SPI_GROUP: 1728,
  /** GICD_IROUTER.Interrupt_Routing_Mode as bits. */
  SPI_ONE_OF_N: 1728 + 128,
  /** GICD_IROUTER without Aff3: a word per INTID, 1024 of them. */
  SPI_ROUTER: 1728 + 2 * 128,
  VCPUS: 1728 + 2 * 128 + 4096,
} as const;

/** Byte offsets from the start of a vCPU's state, in the form of `VCPU_STATE`. */
export const GICV3_VCPU_STATE = {
  /** CBPR and EOImode only. */
  ICC_CTLR: 0,
  ICC_PMR: VCPU_STATE.GICC_PMR,
  ICC_BPR0: 8,
  ICC_BPR1: 12,
  /** Bit n is set while a group 1 interrupt of group priority 8 * n is active. */
  ICC_AP1R0: 16,
  /** Highest priority pending interrupt of the enabled groups, or SPURIOUS: what ICC_HPPIR0/1_EL1 give for its group. */
  HPPI: VCPU_STATE.HPPI,
  HPPI_PRIORITY: VCPU_STATE.HPPI_PRIORITY,
  /** Level of the IRQ output. While it is 1 a read of ICC_IAR1_EL1 acknowledges HPPI. */
  IRQ: VCPU_STATE.IRQ,
  ENABLE: VCPU_STATE.ENABLE,
  LATCH: VCPU_STATE.LATCH,
  LINE: VCPU_STATE.LINE,
  ACTIVE: VCPU_STATE.ACTIVE,
  /** SGIs are always edge-triggered, PPIs as GICR_ICFGR1 says. */
  EDGE: VCPU_STATE.EDGE,
  /** GICR_IGROUPR0. */
  GROUP: 52,
  /** Level of the FIQ output. While it is 1 a read of ICC_IAR0_EL1 acknowledges HPPI. */
  FIQ: 56,
  PRIORITY: VCPU_STATE.PRIORITY,
  ICC_AP0R0: 96,
  /** ICC_IGRPEN0_EL1 in bit 0, ICC_IGRPEN1_EL1 in bit 1. */
  ICC_IGRPEN: 100,
  GICR_WAKER: 104,
  TARGETED: VCPU_STATE.TARGETED,
} as const;

/** Size of the state of one GICv3 in bytes; it depends on the number of vCPUs only. */
export function stateBytesV3(options: { readonly vcpus: number }): number {
  return GICV3_STATE.VCPUS + options.vcpus * VCPU_STRIDE;
}

/** Affinity of vCPU n, Aff3.Aff2.Aff1.Aff0 as bytes of a word: 16 vCPUs for each value of Aff1, as Xen numbers them. */
export function vcpuAffinity(vcpu: number): number {
  return ((vcpu >> 4) << 8) | (vcpu & 15);
}
