/** A domain's UART between its rings: output goes out at once, input is fed as the guest takes it. */
import { FIFO_DEPTH, SbsaUart } from '@dom0less/vuart';
import type { BoardMemory } from '../memory/board-memory.ts';
import { CONTROL, type DomainLayout, INPUT_RING_BYTES, OUTPUT_RING_BYTES } from '../memory/layout.ts';
import { Ring } from './ring.ts';

/** Runs on the thread of the pCPU that runs the domain. */
export class DomainConsole {
  readonly uart: SbsaUart;
  readonly #memory: BoardMemory;
  readonly #output: Ring;
  readonly #input: Ring;
  /** The output ring was full; the UART holds what the guest writes. */
  #held = false;
  /** Bytes came or went that the board has to hear of. */
  #news = false;

  constructor(memory: BoardMemory, layout: DomainLayout, onInterrupt: (level: boolean) => void) {
    const buffer = memory.view.buffer;
    this.#memory = memory;
    this.#output = new Ring(buffer, layout.output, OUTPUT_RING_BYTES);
    this.#input = new Ring(buffer, layout.input, INPUT_RING_BYTES);
    this.uart = new SbsaUart({
      buffer,
      byteOffset: layout.uart,
      onInterrupt,
      onTransmit: (byte) => this.#send(byte),
      onReceiveSpace: () => this.#feed(),
    });
  }

  /** True while the UART holds output for which the ring has no room. */
  get held(): boolean {
    return this.#held;
  }

  /** Feeds waiting input and lets held output go; true if the board has something to do. */
  service(): boolean {
    this.#feed();
    if (this.#held) this.#release();
    const news = this.#news;
    this.#news = false;
    return news;
  }

  #send(byte: number): void {
    this.#output.push(byte);
    this.#news = true;
    if (this.#output.room > 0) return;
    this.#held = true;
    this.uart.setTransmitReady(false);
  }

  #release(): void {
    // Said before looking, so that a board that makes room in between still wakes this pCPU.
    this.#memory.setControl(CONTROL.WANTS_ROOM, 1);
    if (this.#output.room < this.#output.capacity / 2) return;
    this.#held = false;
    this.uart.setTransmitReady(true);
  }

  #feed(): void {
    while (this.#input.length > 0 && !this.uart.receiveWanted) {
      const taken = this.uart.receive(this.#input.peek(FIFO_DEPTH));
      if (taken === 0) return;
      this.#input.drop(taken);
      this.#news = true;
    }
  }
}
