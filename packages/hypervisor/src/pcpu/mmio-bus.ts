/** The devices that a domain sees, by guest physical address. */
import type { AccessSize } from '@dom0less/vgic';
import type { Lock } from '../memory/lock.ts';

/** A register frame. `vcpu` is who accesses. */
export interface MmioDevice {
  readonly size: number;
  read(offset: number, size: AccessSize, vcpu: number): number;
  write(offset: number, size: AccessSize, value: number, vcpu: number): void;
  /** True if there is a 64-bit register at `offset`, which two accesses of 4 bytes make up; absent: nowhere. */
  isDoubleword?(offset: number): boolean;
}

/** A device whose state several threads share. */
export class LockedDevice implements MmioDevice {
  readonly size: number;
  readonly #device: MmioDevice;
  readonly #lock: Lock;

  constructor(device: MmioDevice, lock: Lock) {
    this.size = device.size;
    this.#device = device;
    this.#lock = lock;
  }

  read(offset: number, size: AccessSize, vcpu: number): number {
    this.#lock.acquire();
    const value = this.#device.read(offset, size, vcpu);
    this.#lock.release();
    return value;
  }

  write(offset: number, size: AccessSize, value: number, vcpu: number): void {
    this.#lock.acquire();
    this.#device.write(offset, size, value, vcpu);
    this.#lock.release();
  }

  isDoubleword(offset: number): boolean {
    return this.#device.isDoubleword?.(offset) ?? false;
  }
}

interface Region {
  readonly base: number;
  readonly end: number;
  readonly device: MmioDevice;
}

/** Finds devices by address and moves values between them and memory. */
export class MmioBus {
  readonly #regions: Region[] = [];
  /** Where the last access was: most are to the same device. */
  #last: Region | undefined;
  readonly #view: DataView;
  readonly #open: boolean;

  /** @param open where there is no device, reads give all ones and writes are ignored */
  constructor(view: DataView, open = false) {
    this.#view = view;
    this.#open = open;
  }

  attach(base: number, device: MmioDevice): void {
    this.#regions.push({ base, end: base + device.size, device });
  }

  /**
   * An access of `size` bytes to `ipa`; the value is at memory offset `valueAt`, little-endian. False where there is
   * no device, unless the bus is open, and for accesses wider than the register: the guest takes an external abort.
   */
  access(ipa: number, size: number, isWrite: boolean, valueAt: number, vcpu: number): boolean {
    const region = this.#regionAt(ipa, size);
    if (region === undefined) {
      if (this.#open && !isWrite) for (let n = 0; n < size; n++) this.#view.setUint8(valueAt + n, 0xff);
      return this.#open;
    }
    const { device } = region;
    const offset = ipa - region.base;
    if (size === 8 && device.isDoubleword?.(offset)) {
      this.#move(device, offset, 4, isWrite, valueAt, vcpu);
      this.#move(device, offset + 4, 4, isWrite, valueAt + 4, vcpu);
      return true;
    }
    if (size !== 1 && size !== 2 && size !== 4) return false;
    this.#move(device, offset, size, isWrite, valueAt, vcpu);
    return true;
  }

  #regionAt(ipa: number, size: number): Region | undefined {
    const last = this.#last;
    if (last !== undefined && ipa >= last.base && ipa + size <= last.end) return last;
    const found = this.#regions.find(({ base, end }) => ipa >= base && ipa + size <= end);
    if (found !== undefined) this.#last = found;
    return found;
  }

  #move(device: MmioDevice, offset: number, size: AccessSize, isWrite: boolean, valueAt: number, vcpu: number): void {
    if (isWrite) device.write(offset, size, this.#load(valueAt, size), vcpu);
    else this.#store(valueAt, size, device.read(offset, size, vcpu));
  }

  #load(at: number, size: AccessSize): number {
    if (size === 4) return this.#view.getUint32(at, true);
    return size === 2 ? this.#view.getUint16(at, true) : this.#view.getUint8(at);
  }

  #store(at: number, size: AccessSize, value: number): void {
    if (size === 4) this.#view.setUint32(at, value, true);
    else if (size === 2) this.#view.setUint16(at, value, true);
    else this.#view.setUint8(at, value);
  }
}
