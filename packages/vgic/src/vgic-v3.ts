import { readIccRegister, writeIccRegister } from './cpu-interface-v3.ts';
import { DISTRIBUTOR_V3 } from './distributor-v3.ts';
import { type CoreOptionsV3, GicCoreV3 } from './gic-core-v3.ts';
import { redistributorFrame } from './redistributor.ts';
import { type GicFrame, type InvalidAccess, tableFrame } from './register-frame.ts';

/** Where a GIC's state lives, its size, and what it is connected to. */
export interface VGicV3Options {
  /** Holds the state: an ArrayBuffer, a SharedArrayBuffer or the buffer of a WebAssembly.Memory. */
  readonly buffer: ArrayBufferLike;
  /** Start of `stateBytesV3(options)` bytes in `buffer`; a multiple of 4. */
  readonly byteOffset: number;
  /** 1 to 128. The affinity of vCPU n is `vcpuAffinity(n)`. */
  readonly vcpus: number;
  /** 0 to 988; rounded up to a multiple of 32 (INTIDs 1020 to 1023 stay special). */
  readonly nrSpis: number;
  /** Called on a change of a vCPU's IRQ output: group 1. */
  readonly onIrq: (vcpu: number, level: boolean) => void;
  /** Called on a change of a vCPU's FIQ output: group 0, which a guest has to ask for in GICx_IGROUPR. */
  readonly onFiq?: (vcpu: number, level: boolean) => void;
  /** Told about accesses that read as zero or are ignored because they are malformed. */
  readonly onInvalidAccess?: (access: InvalidAccess) => void;
}

/**
 * A GICv3 (IHI 0069) with one Security state and affinity routing, for up to 128 vCPUs: what EL1 of a virtual machine
 * sees. Its 64-bit registers in memory, GICD_IROUTER and GICR_TYPER, are two words each: a bus that has an 8-byte
 * access to one (`isDoubleword`) makes it a 4-byte one at `offset` and one at `offset + 4`. That is as good as one
 * access, because the upper word of the former is zero and the latter never changes.
 */
export class VGicV3 {
  /** The distributor, GICD_*: 64 KiB. */
  readonly distributor: GicFrame;
  /** The redistributors, GICR_*, of all vCPUs in order: 128 KiB each, RD_base and SGI_base. */
  readonly redistributors: GicFrame;
  readonly #core: GicCoreV3;

  /** Takes over whatever state is in the buffer; call `reset` once on new (zeroed) memory. Throws VGicError. */
  constructor(options: VGicV3Options) {
    const core = new GicCoreV3(options satisfies CoreOptionsV3);
    const invalid = options.onInvalidAccess ?? (() => {});
    this.#core = core;
    this.distributor = tableFrame('distributor', core, DISTRIBUTOR_V3, invalid);
    this.redistributors = redistributorFrame(core, invalid);
  }

  /**
   * MRS of a register of the CPU interface of `vcpu`. `reg` is an `id` of ICC_REGISTERS or a member of `ICC`; bits
   * [63:32] are zero for all of them. Throws VGicError where ICC_REGISTERS has no such register to read: the guest's
   * instruction is UNDEFINED then, which the embedder finds out from that table.
   */
  readIcc(reg: number, vcpu: number): number {
    this.#core.checkVcpu(vcpu);
    return readIccRegister(this.#core, reg, vcpu) >>> 0;
  }

  /** MSR: bits [31:0] and [63:32] of the value. Throws VGicError as `readIcc` does. */
  writeIcc(reg: number, low: number, high: number, vcpu: number): void {
    this.#core.checkVcpu(vcpu);
    writeIccRegister(this.#core, reg, low, high, vcpu);
  }

  /** Reset values of all registers. The levels of input lines stay. */
  reset(): void {
    this.#core.reset();
  }

  /**
   * Reset values of the ICC registers of one vCPU, which is powered off: it takes no interrupts. Its redistributor stays
   * as it is. Throws VGicError.
   */
  resetCpuInterface(vcpu: number): void {
    this.#core.checkVcpu(vcpu);
    this.#core.resetCpuInterface(vcpu);
  }

  /** Level of a PPI input of one vCPU: `intid` 16 to 31, asserted is true. Throws VGicError. */
  setPpi(vcpu: number, intid: number, level: boolean): void {
    this.#core.setPpi(vcpu, intid, level);
  }

  /** Level of an SPI input: `intid` 32 and up, asserted is true. Throws VGicError. */
  setSpi(intid: number, level: boolean): void {
    this.#core.setSpi(intid, level);
  }

  /** Level of a vCPU's IRQ output. */
  pending(vcpu: number): boolean {
    this.#core.checkVcpu(vcpu);
    return this.#core.pending(vcpu);
  }

  /** Level of a vCPU's FIQ output. */
  pendingFiq(vcpu: number): boolean {
    this.#core.checkVcpu(vcpu);
    return this.#core.pendingFiq(vcpu);
  }
}
