import { readCpuInterface, writeCpuInterface } from './cpu-interface.ts';
import { DISTRIBUTOR } from './distributor.ts';
import { type CoreOptionsV2, GicCoreV2 } from './gic-core-v2.ts';
import { type GicFrame, type InvalidAccess, tableFrame } from './register-frame.ts';

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

/** A GICv2 (IHI 0048B) without Security Extensions and with one interrupt group, for up to 8 vCPUs. */
export class VGicV2 {
  /** The distributor, GICD_*: 4 KiB. */
  readonly distributor: GicFrame;
  /** The CPU interface of the accessing vCPU, GICC_*: 8 KiB, GICC_DIR in the second page. */
  readonly cpuInterface: GicFrame;
  readonly #core: GicCoreV2;

  /** Takes over whatever state is in the buffer; call `reset` once on new (zeroed) memory. Throws VGicError. */
  constructor(options: VGicV2Options) {
    const core = new GicCoreV2(options satisfies CoreOptionsV2);
    const invalid = options.onInvalidAccess ?? (() => {});
    this.#core = core;
    this.distributor = tableFrame('distributor', core, DISTRIBUTOR, invalid);
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
      isDoubleword: () => false,
    };
  }

  /** Reset values of all registers. The levels of input lines stay. */
  reset(): void {
    this.#core.reset();
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
}
