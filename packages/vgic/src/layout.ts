/** Most vCPUs of a GICv2: a target list has eight bits. */
export const MAX_VCPUS = 8;
/** Most SPIs, INTIDs 32 to 1019; 1020 to 1023 are special. */
export const MAX_SPIS = 988;
/** What GICC_IAR and ICC_IAR1_EL1 give when there is nothing to acknowledge. */
export const SPURIOUS = 1023;
/** HPPI_PRIORITY of no interrupt: below every real one. */
export const IDLE_PRIORITY = 0x100;

/**
 * Byte offsets from `byteOffset` of state that all vCPUs share. All are 32-bit words in the byte order of the buffer,
 * but for SPI_PRIORITY, which are bytes. Arrays of bits have one bit per INTID: INTID n is bit n % 32 of word n / 32.
 * They start at INTID 0 to keep the address simple; the first word, of the banked INTIDs 0 to 31, stays zero.
 */
export const GIC_STATE = {
  /** For the embedder: a lock to hold (0 = free) around calls when several threads share the state. Not used here. */
  LOCK: 0,
  /** vcpus | (number of SPIs << 8) | (1 << 31) once reset. */
  SHAPE: 4,
  /** GICD_CTLR. */
  GICD_CTLR: 8,
  /** A byte per INTID, 1024 of them. */
  SPI_PRIORITY: 64,
  /** 32 words each. */
  SPI_ENABLE: 1088,
  /** Pending that is latched: an edge, or a write of GICD_ISPENDR. */
  SPI_LATCH: 1088 + 128,
  /** Level of the input line. */
  SPI_LINE: 1088 + 2 * 128,
  SPI_ACTIVE: 1088 + 3 * 128,
  /** 1 is edge-triggered, 0 level-sensitive. */
  SPI_EDGE: 1088 + 4 * 128,
  /** State of vCPU n starts at VCPUS + n * VCPU_STRIDE. */
  VCPUS: 1088 + 5 * 128,
} as const;

/** Byte offsets from the start of a vCPU's state; 32-bit words where no other width is given. */
export const VCPU_STATE = {
  GICC_CTLR: 0,
  GICC_PMR: 4,
  GICC_BPR: 8,
  GICC_ABPR: 12,
  /** GICC_APR0: bit n is set while an interrupt of group priority 8 * n is active. */
  GICC_APR0: 16,
  /** Highest priority pending interrupt as GICC_HPPIR gives it while GICD_CTLR.Enable is set; else SPURIOUS. */
  HPPI: 20,
  /** Priority of HPPI, or IDLE_PRIORITY. */
  HPPI_PRIORITY: 24,
  /** Level of the IRQ output, 0 or 1. While it is 1 a read of GICC_IAR acknowledges HPPI. */
  IRQ: 28,
  /** INTIDs 0 to 31, in the order of the SPI arrays. */
  ENABLE: 32,
  LATCH: 36,
  LINE: 40,
  ACTIVE: 44,
  /** Fixed: SGIs are edge-triggered, PPIs level-sensitive. */
  EDGE: 48,
  /** 32 bytes. */
  PRIORITY: 64,
  /** 16 bytes: for each SGI the vCPUs whose SGI is pending here, one bit each. */
  SGI_SOURCES: 96,
  /** 32 words: the SPIs that target this vCPU. */
  TARGETED: 128,
} as const;

/** Bytes of state of one vCPU, of a GICv2 and of a GICv3. */
export const VCPU_STRIDE = 256;

/** Size of the state of one GICv2 in bytes; it depends on the number of vCPUs only. */
export function stateBytes(options: { readonly vcpus: number }): number {
  return GIC_STATE.VCPUS + options.vcpus * VCPU_STRIDE;
}
