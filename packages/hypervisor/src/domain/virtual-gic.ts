/** A domain's virtual GIC, whatever its version: one interface for the rest of the hypervisor. */
import { type GicFrame, ICC, ICC_REGISTERS, stateBytes, stateBytesV3, VGicV2, VGicV3 } from '@dom0less/vgic';
import type { GuestMap } from './guest-map.ts';

export type GicVersion = 2 | 3;

/** Where the state of a GIC is, its size, and what it drives. */
export interface GicOptions {
  readonly buffer: ArrayBufferLike;
  /** Start of {@link gicStateBytes} bytes. */
  readonly byteOffset: number;
  readonly vcpus: number;
  readonly nrSpis: number;
  /** Called when the level of a vCPU's IRQ or FIQ changes, within the call that changes it. */
  readonly onIrq: (vcpu: number, level: boolean) => void;
  readonly onFiq: (vcpu: number, level: boolean) => void;
}

/**
 * What the hypervisor needs of a GIC. All that changes is in its state, whose first word (`GIC_STATE.LOCK` of
 * `@dom0less/vgic`, the same for both versions) is for a lock around these calls.
 */
export interface VirtualGic {
  /** Register frames, and where in a guest's map they are. */
  readonly frames: readonly { readonly at: keyof GuestMap & `gic${string}`; readonly device: GicFrame }[];
  /** Reset values of all registers; once on new memory. Levels of input lines stay. */
  reset(): void;
  /** The vCPU is powered off: what of the GIC is inside the PE has its reset values. */
  resetCpu(vcpu: number): void;
  /** Level of an input: a PPI (INTID 16 to 31) of one vCPU, an SPI. */
  setPpi(vcpu: number, intid: number, level: boolean): void;
  setSpi(intid: number, level: boolean): void;
  /** Levels of a vCPU's outputs. */
  pending(vcpu: number): boolean;
  pendingFiq(vcpu: number): boolean;
  /** MRS of an ICC register by its id (`ICC`): an unsigned word, or -1 where it is UNDEFINED. */
  readRegister(vcpu: number, id: number): number;
  /** MSR of the two words of a value. False where it is UNDEFINED. */
  writeRegister(vcpu: number, id: number, low: number, high: number): boolean;
}

/** Bytes of a GIC's state. */
export const gicStateBytes = (version: GicVersion, vcpus: number): number =>
  version === 3 ? stateBytesV3({ vcpus }) : stateBytes({ vcpus });

/**
 * A GICv2 has no part in the PE and no system registers. ICC_SRE_EL1 says so: as with Xen it reads as zero and ignores
 * writes.
 */
const makeV2 = (options: GicOptions): VirtualGic => {
  const gic = new VGicV2(options);
  return {
    frames: [
      { at: 'gicc', device: gic.cpuInterface },
      { at: 'gicd', device: gic.distributor },
    ],
    reset: () => gic.reset(),
    resetCpu: () => {},
    setPpi: (vcpu, intid, level) => gic.setPpi(vcpu, intid, level),
    setSpi: (intid, level) => gic.setSpi(intid, level),
    pending: (vcpu) => gic.pending(vcpu),
    pendingFiq: () => false,
    readRegister: (_vcpu, id) => (id === ICC.ICC_SRE_EL1 ? 0 : -1),
    writeRegister: (_vcpu, id) => id === ICC.ICC_SRE_EL1,
  };
};

const idsWith = (access: 'r' | 'w'): ReadonlySet<number> =>
  new Set(ICC_REGISTERS.filter((register) => register.access.includes(access)).map(({ id }) => id));
const READABLE = idsWith('r');
const WRITABLE = idsWith('w');

const makeV3 = (options: GicOptions): VirtualGic => {
  const gic = new VGicV3(options);
  return {
    frames: [
      { at: 'gicd', device: gic.distributor },
      { at: 'gicr', device: gic.redistributors },
    ],
    reset: () => gic.reset(),
    resetCpu: (vcpu) => gic.resetCpuInterface(vcpu),
    setPpi: (vcpu, intid, level) => gic.setPpi(vcpu, intid, level),
    setSpi: (intid, level) => gic.setSpi(intid, level),
    pending: (vcpu) => gic.pending(vcpu),
    pendingFiq: (vcpu) => gic.pendingFiq(vcpu),
    readRegister: (vcpu, id) => (READABLE.has(id) ? gic.readIcc(id, vcpu) : -1),
    writeRegister: (vcpu, id, low, high) => {
      if (!WRITABLE.has(id)) return false;
      gic.writeIcc(id, low, high, vcpu);
      return true;
    },
  };
};

/** Makes the GIC over the state in the buffer. Throws VGicError for options that don't fit the version. */
export const makeGic = (version: GicVersion, options: GicOptions): VirtualGic =>
  version === 3 ? makeV3(options) : makeV2(options);
