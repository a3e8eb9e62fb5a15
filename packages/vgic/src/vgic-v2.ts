import { readCpuInterface, writeCpuInterface } from './cpu-interface.ts';
import { isDistributorAccess, readDistributor, writeDistributor } from './distributor.ts';
import { VGicError } from './errors.ts';
import { type CoreOptions, GicCore } from './gic-core.ts';

/** A guest's access that IHI 0048B does not permit: a wrong width, or an offset that is not aligned to it. */
export interface InvalidAccess {
  readonly frame: 'distributor' | 'cpu-interface';
  readonly vcpu: number;
  readonly offset: number;
  readonly size: number;
  /** The value of a store; absent for a load. */
  readonly value?: number;
}

/** Where a GIC's state lives, its size, and what it is connected to. */
export interface VGicV2Options {
  /** Holds the state: an ArrayBuffer, a SharedArrayBuffer or the buffer of a WebAssembly.Memory. */
  readonly buffer: ArrayBufferLike;
  /** Start of `stateBytes(options)` bytes in `buffer`; a multiple of 4. */
  readonly byteOffset: number;
  /** 1 to 8. */
  readonly vcpus: number;
  /** 0 to 988; rounded up to a multiple of 32 (INTIDs 1020 to 1023 stay special). */
  readonly nrSpis: number;
  /** Called on a change of a vCPU's IRQ output. */
  readonly onIrq: (vcpu: number, level: boolean) => void;
  /** Told about accesses that read as zero or are ignored because they are malformed. */
  readonly onInvalidAccess?: (access: InvalidAccess) => void;
}

/** Width of an access in bytes. */
export type AccessSize = 1 | 2 | 4;

/** A register frame on a bus. Values are unsigned numbers; `vcpu` is who accesses. Throws VGicError for a bad vCPU. */
export interface GicFrame {
  /** Bytes of address space. */
  readonly size: number;
  read(offset: number, size: AccessSize, vcpu: number): number;
  write(offset: number, size: AccessSize, value: number, vcpu: number): void;
}

/** A GICv2 (IHI 0048B) without Security Extensions and with one interrupt group, for up to 8 vCPUs. */
export class VGicV2 {
  /** The distributor, GICD_*: 4 KiB. */
  readonly distributor: GicFrame;
  /** The CPU interface of the accessing vCPU, GICC_*: 8 KiB, GICC_DIR in the second page. */
  readonly cpuInterface: GicFrame;
  readonly #core: GicCore;

  /** Takes over whatever state is in the buffer; call `reset` once on new (zeroed) memory. Throws VGicError. */
  constructor(options: VGicV2Options) {
    const core = new GicCore(options satisfies CoreOptions);
    const invalid = options.onInvalidAccess ?? (() => {});
    this.#core = core;
    this.distributor = {
      size: 0x1000,
      read(offset, size, vcpu) {
        core.checkVcpu(vcpu);
        if (isDistributorAccess(offset, size)) return readDistributor(core, offset, size, vcpu) >>> 0;
        invalid({ frame: 'distributor', vcpu, offset, size });
        return 0;
      },
      write(offset, size, value, vcpu) {
        core.checkVcpu(vcpu);
        if (isDistributorAccess(offset, size)) writeDistributor(core, offset, size, value, vcpu);
        else invalid({ frame: 'distributor', vcpu, offset, size, value });
      },
    };
    this.cpuInterface = {
      size: 0x2000,
      read(offset, size, vcpu) {
        core.checkVcpu(vcpu);
        if (size === 4 && offset % 4 === 0) return readCpuInterface(core, offset, vcpu) >>> 0;
        invalid({ frame: 'cpu-interface', vcpu, offset, size });
        return 0;
      },
      write(offset, size, value, vcpu) {
        core.checkVcpu(vcpu);
        if (size === 4 && offset % 4 === 0) writeCpuInterface(core, offset, value, vcpu);
        else invalid({ frame: 'cpu-interface', vcpu, offset, size, value });
      },
    };
  }

  /** Reset values of all registers. The levels of input lines stay. */
  reset(): void {
    this.#core.reset();
  }

  /** Level of a PPI input of one vCPU: `intid` 16 to 31, asserted is true. Throws VGicError. */
  setPpi(vcpu: number, intid: number, level: boolean): void {
    this.#core.checkVcpu(vcpu);
    if (intid < 16 || intid > 31) throw new VGicError('bad-intid', `INTID ${intid} is no PPI; PPIs are 16 to 31`);
    this.#core.setLine(intid, vcpu, level);
  }

  /** Level of an SPI input: `intid` 32 and up, asserted is true. Throws VGicError. */
  setSpi(intid: number, level: boolean): void {
    if (intid < 32 || !this.#core.isImplemented(intid)) {
      const last = Math.min(32 * this.#core.lines, 1020) - 1;
      throw new VGicError('bad-intid', `INTID ${intid} is no SPI of this GIC; they are 32 to ${last}`);
    }
    this.#core.setLine(intid, 0, level);
  }

  /** Level of a vCPU's IRQ output. */
  pending(vcpu: number): boolean {
    this.#core.checkVcpu(vcpu);
    return this.#core.pending(vcpu);
  }
}
