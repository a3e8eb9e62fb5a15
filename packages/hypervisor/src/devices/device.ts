/** Devices of the board that can be passed through: what their models have in common. */
import type { AccessSize } from '@dom0less/vgic';
import type { MmioDevice } from '../pcpu/mmio-bus.ts';

/** What a model is made over. */
export interface DeviceParts {
  readonly buffer: ArrayBufferLike;
  /** Start of the device's state, a multiple of 8. */
  readonly byteOffset: number;
  /** Told the level of the device's interrupt when it changes. */
  readonly onInterrupt: (level: boolean) => void;
  /** The system counter. */
  readonly counter: () => number;
  /** Ticks of the system counter per second. */
  readonly frequency: number;
}

/** A device over state in shared memory, whose first word is for a lock around its calls. */
export interface BoardDevice extends MmioDevice {
  /**
   * Reset values; once on new memory.
   *
   * @param epoch seconds since 1970 when the system counter was 0
   */
  reset(epoch: number): void;
  /** System counter at which it will do something by itself; Infinity if it will not. Absent: it never does. */
  due?(): number;
  /** Does what it does by itself, if it is due. */
  tick?(): void;
}

/** A device that there is a model of. */
export interface DeviceModel {
  /** As in the host tree's compatible. */
  readonly compatible: string;
  /** Bytes of its state. */
  readonly stateBytes: number;
  make(parts: DeviceParts): BoardDevice;
}

/** Size of the register frame of an Arm PrimeCell. */
export const PRIMECELL_FRAME = 0x1000;
const FIRST_ID = 0xfe0;
/** PrimeCell identification, the same for all. */
const CELL_ID = [0x0d, 0xf0, 0x05, 0xb1] as const;

/** Value of the PeriphID and PCellID registers at 0xfe0 to 0xffc; undefined elsewhere. */
export const primecellId = (offset: number, peripheralId: readonly number[]): number | undefined =>
  offset < FIRST_ID ? undefined : [...peripheralId, ...CELL_ID][(offset - FIRST_ID) >>> 2];

/** Registers whose hardware is not there: they read as zero, and writes have no effect. */
export class AbsentDevice implements MmioDevice {
  readonly size: number;

  constructor(size: number) {
    this.size = size;
  }

  read(): number {
    return 0;
  }

  write(_offset: number, _size: AccessSize, _value: number): void {}
}
