/** The guest physical map of a domain: addresses and INTIDs that Xen gives a domU (public/arch-arm.h). */

export const GUEST_GICD_BASE = 0x0300_1000;
export const GUEST_GICD_SIZE = 0x1000;
export const GUEST_GICC_BASE = 0x0300_2000;
export const GUEST_GICC_SIZE = 0x2000;
/** With a GICv3: a larger distributor, and one region of redistributors. */
export const GUEST_GICV3_GICD_SIZE = 0x1_0000;
export const GUEST_GICR_BASE = 0x0302_0000;
export const GUEST_GICR_SIZE = 0x100_0000;
/** A redistributor: two frames of 64 KiB. */
export const REDISTRIBUTOR_SIZE = 0x2_0000;
export const GUEST_UART_BASE = 0x2200_0000;
export const GUEST_UART_SIZE = 0x1000;

/** Where a domain sees the devices that every domain may have (IPAs), and the SPI of its UART. */
export interface GuestMap {
  readonly gicd: number;
  readonly gicc: number;
  readonly gicr: number;
  /** Bytes of the redistributors' region. */
  readonly gicrSize: number;
  readonly uart: number;
  readonly uartIntid: number;
}

/** PPIs of the timers; PPI n of a device tree is INTID 16 + n. */
export const VIRTUAL_TIMER_INTID = 27;
export const PHYSICAL_TIMER_INTID = 30;
export const SECURE_TIMER_INTID = 29;
/** The UART's SPI. */
export const UART_INTID = 32;

/** The map of a domain that is not direct-mapped. */
export const GUEST_MAP: GuestMap = {
  gicd: GUEST_GICD_BASE,
  gicc: GUEST_GICC_BASE,
  gicr: GUEST_GICR_BASE,
  gicrSize: GUEST_GICR_SIZE,
  uart: GUEST_UART_BASE,
  uartIntid: UART_INTID,
};

/** MPIDR_EL1 of vCPU `n` without its RES1 bit: Aff0 holds 16 vCPUs. */
export const affinityOf = (vcpu: number): number => (vcpu & 15) | ((vcpu >>> 4) << 8);
