import { UART_STATE } from './layout.ts';
import { UARTDR } from './registers.ts';
import { UartCore, type UartOptions } from './uart-core.ts';

/** Bytes of address space the register file takes. */
export const UART_SIZE = 0x1000;

/** Width of an access in bytes. */
export type AccessSize = 1 | 2 | 4;

/** One row of a register view: how a 32-bit register at `offset` reads and what a write does. */
export interface Register {
  readonly name: string;
  readonly offset: number;
  /** Bits that a write can reach. */
  readonly mask: number;
  /** Absent: write only, reads as zero. */
  readonly read?: (core: UartCore) => number;
  /** Absent: read only, writes are ignored. */
  readonly write?: (core: UartCore, value: number) => void;
}

/** Ports and bus side that PL011 and SbsaUart have in common. */
export abstract class Uart {
  /** Bytes of address space. */
  readonly size = UART_SIZE;
  protected readonly core: UartCore;
  readonly #byWord: readonly (Register | undefined)[];

  protected constructor(options: UartOptions, byWord: readonly (Register | undefined)[]) {
    this.core = new UartCore(options);
    this.#byWord = byWord;
  }

  /** Puts the device into its reset state. New state memory has to be reset once before use. */
  abstract reset(): void;

  /**
   * A guest's load of `size` bytes at `offset` from the start of the register file. Gives an unsigned number.
   * Unknown registers and offsets that are not multiples of 4 read as zero.
   */
  read(offset: number, size: AccessSize): number {
    const register = offset % 4 === 0 ? this.#byWord[offset / 4] : undefined;
    const value = register?.read?.(this.core) ?? 0;
    return (size === 4 ? value : value & (size === 1 ? 0xff : 0xffff)) >>> 0;
  }

  /**
   * A guest's store of the low `size` bytes of `value`. Unknown registers and offsets that are not multiples of 4
   * ignore it; a store narrower than its register leaves the upper bits as they are.
   */
  write(offset: number, size: AccessSize, value: number): void {
    const register = offset % 4 === 0 ? this.#byWord[offset / 4] : undefined;
    if (!register?.write) return;
    const lanes = register.mask & (size === 4 ? -1 : size === 1 ? 0xff : 0xffff);
    const kept = register.mask & ~lanes;
    // UARTDR takes a byte and gives another, so there is nothing to keep (a read would take a character).
    const old = kept !== 0 && register.offset !== UARTDR ? (register.read?.(this.core) ?? 0) & kept : 0;
    register.write(this.core, (value & lanes) | old);
  }

  /** Offers input. Gives the number of bytes taken from the start of `bytes`; keep the rest for `onReceiveSpace`. */
  receive(bytes: Uint8Array): number {
    return this.core.receive(bytes);
  }

  /**
   * Tells whether the host can take output. While it can't, written bytes stay in the transmit FIFO, UARTFR.TXFF
   * tells the guest when that is full, and nothing else of the machine is held up.
   */
  setTransmitReady(ready: boolean): void {
    this.core.setTransmitReady(ready);
  }

  /** Whether `receive` refused bytes and `onReceiveSpace` is still to come. */
  get receiveWanted(): boolean {
    return this.core.words[UART_STATE.RX_WANTED >> 2] !== 0;
  }

  /** Level of the interrupt output. */
  get interruptLevel(): boolean {
    return this.core.words[UART_STATE.INT_LEVEL >> 2] !== 0;
  }
}

/** Index of a register table by offset / 4. */
export function indexRegisters(registers: readonly Register[]): readonly (Register | undefined)[] {
  const byWord = new Array<Register | undefined>(UART_SIZE / 4).fill(undefined);
  for (const register of registers) byWord[register.offset / 4] = register;
  return byWord;
}

/** A register that only reads its state word. */
export const readWord =
  (stateOffset: number) =>
  (core: UartCore): number =>
    core.words[stateOffset >> 2]!;
