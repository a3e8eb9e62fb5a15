import type { GicCore } from './gic-core.ts';

/** One run of equal 32-bit registers. `n` counts the registers, or the bytes, from `offset`. */
export interface WordRegister<G extends GicCore> {
  readonly name: string;
  readonly offset: number;
  readonly count: number;
  /** Pairs of these are registers of 64 bits. */
  readonly doubleword?: boolean;
  /** Absent: reads as zero. */
  readonly read?: (gic: G, n: number, vcpu: number) => number;
  /** Absent: ignores writes. */
  readonly write?: (gic: G, n: number, value: number, vcpu: number) => void;
}

/** One run of registers that have a byte per INTID and take bytes as well as words. */
export interface ByteRegister<G extends GicCore> {
  readonly name: string;
  readonly offset: number;
  readonly count: number;
  readonly readByte: (gic: G, n: number, vcpu: number) => number;
  readonly writeByte: (gic: G, n: number, value: number, vcpu: number) => void;
}

export type Register<G extends GicCore> = WordRegister<G> | ByteRegister<G>;

/** A register that never changes. */
export const constant = <G extends GicCore>(name: string, offset: number, value: number): WordRegister<G> => ({
  name,
  offset,
  count: 1,
  read: () => value,
});

/** Width of an access in bytes. */
export type AccessSize = 1 | 2 | 4;

/** A register frame on a bus. Values are unsigned numbers; `vcpu` is who accesses. Throws VGicError for a bad vCPU. */
export interface GicFrame {
  /** Bytes of address space. */
  readonly size: number;
  read(offset: number, size: AccessSize, vcpu: number): number;
  write(offset: number, size: AccessSize, value: number, vcpu: number): void;
  /** True if a register of 64 bits starts at `offset`: an 8-byte access is one of 4 bytes there and one at `offset + 4`. */
  isDoubleword(offset: number): boolean;
}

/** A guest's access that the architecture does not permit: a wrong width, or an offset that is not aligned to it. */
export interface InvalidAccess {
  readonly frame: 'distributor' | 'cpu-interface' | 'redistributor';
  readonly vcpu: number;
  readonly offset: number;
  readonly size: number;
  /** The value of a store; absent for a load. */
  readonly value?: number;
}

/**
 * Reads and writes a table of registers. What is in no register is reserved: it reads as zero and ignores writes.
 * Words are permitted everywhere, bytes where a register has a byte per INTID (IHI 0048B and IHI 0069,
 * programmers' models).
 */
export class RegisterTable<G extends GicCore> {
  readonly size: number;
  readonly #registers: readonly Register<G>[];
  /** For each word 1 + the index of its register, or 0. */
  readonly #byWord: Uint8Array;

  constructor(size: number, registers: readonly Register<G>[]) {
    this.size = size;
    this.#registers = registers;
    this.#byWord = new Uint8Array(size / 4);
    registers.forEach((register, i) => {
      const bytes = 'readByte' in register ? register.count : 4 * register.count;
      this.#byWord.fill(i + 1, register.offset / 4, (register.offset + bytes) / 4);
    });
  }

  #at(offset: number): Register<G> | undefined {
    return this.#registers[this.#byWord[offset >> 2]! - 1];
  }

  isAccess(offset: number, size: number): boolean {
    if (!(offset >= 0 && offset < this.size)) return false;
    if (size === 4) return offset % 4 === 0;
    const register = this.#at(offset);
    return size === 1 && register !== undefined && 'readByte' in register;
  }

  isDoubleword(offset: number): boolean {
    if (!(offset >= 0 && offset < this.size && offset % 8 === 0)) return false;
    const register = this.#at(offset);
    return register !== undefined && !('readByte' in register) && register.doubleword === true;
  }

  read(gic: G, offset: number, size: number, vcpu: number): number {
    const register = this.#at(offset);
    if (register === undefined) return 0;
    if (!('readByte' in register)) return register.read?.(gic, (offset - register.offset) >> 2, vcpu) ?? 0;
    let value = 0;
    for (let i = 0; i < size; i++) value |= register.readByte(gic, offset - register.offset + i, vcpu) << (8 * i);
    return value;
  }

  write(gic: G, offset: number, size: number, value: number, vcpu: number): void {
    const register = this.#at(offset);
    if (register === undefined) return;
    if (!('readByte' in register)) {
      register.write?.(gic, (offset - register.offset) >> 2, value, vcpu);
      return;
    }
    for (let i = 0; i < size; i++) {
      register.writeByte(gic, offset - register.offset + i, (value >>> (8 * i)) & 0xff, vcpu);
    }
  }
}

/** A frame over a table; `vcpu` is that of the access. */
export function tableFrame<G extends GicCore>(
  name: InvalidAccess['frame'],
  gic: G,
  table: RegisterTable<G>,
  invalid: (access: InvalidAccess) => void,
): GicFrame {
  return {
    size: table.size,
    read(offset, size, vcpu) {
      gic.checkVcpu(vcpu);
      if (table.isAccess(offset, size)) return table.read(gic, offset, size, vcpu) >>> 0;
      invalid({ frame: name, vcpu, offset, size });
      return 0;
    },
    write(offset, size, value, vcpu) {
      gic.checkVcpu(vcpu);
      if (table.isAccess(offset, size)) table.write(gic, offset, size, value, vcpu);
      else invalid({ frame: name, vcpu, offset, size, value });
    },
    isDoubleword: (offset) => table.isDoubleword(offset),
  };
}
