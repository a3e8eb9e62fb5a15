/** A domain's UART between its rings: output goes out at once, input is fed as the guest takes it. */
import { FIFO_DEPTH, SbsaUart, UART_STATE } from '@dom0less/vuart';
import type { BoardMemory } from '../memory/board-memory.ts';
import { CONTROL, type DomainLayout, INPUT_RING_BYTES, OUTPUT_RING_BYTES } from '../memory/layout.ts';
import type { Lock } from '../memory/lock.ts';
import { Ring } from './ring.ts';

/** Bytes that wait to be taken. */
export type InputSource = Pick<Ring, 'length' | 'peek' | 'drop'>;

/** Who reads and types at a domain's console on the thread that runs the domain. */
export interface ConsoleTap {
  /** What is typed; the guest gets it before what is in the input ring. */
  readonly typed: InputSource;
  /** Told each byte that the guest has written, before the guest goes on. May type. */
  onOutput(byte: number): void;
  /** The output ring is full: comes back when it has room, or when the board stops. */
  waitForRoom(ring: Ring): void;
}

/** What the board has to be told of by a thread. */
export interface News {
  /** Something has happened, on this thread, that the board does not know of: bytes came or went, say. */
  untold: boolean;
}

/**
 * The UART and this end of both rings are guarded by the UART's lock. Each pCPU has an object of its own; the state is
 * shared.
 */
export class DomainConsole {
  /** To be used while {@link lock} is held. */
  readonly uart: SbsaUart;
  readonly lock: Lock;
  readonly #memory: BoardMemory;
  readonly #output: Ring;
  readonly #input: Ring;
  readonly #tap: ConsoleTap | undefined;
  readonly #heldWord: number;
  readonly #news: News;

  constructor(
    memory: BoardMemory,
    layout: DomainLayout,
    onInterrupt: (level: boolean) => void,
    news: News,
    tap: ConsoleTap | undefined,
  ) {
    const buffer = memory.view.buffer;
    this.#memory = memory;
    this.#news = news;
    this.#tap = tap;
    this.#output = new Ring(buffer, layout.output, OUTPUT_RING_BYTES);
    this.#input = new Ring(buffer, layout.input, INPUT_RING_BYTES);
    this.#heldWord = (layout.uart + UART_STATE.TX_HELD) >>> 2;
    this.lock = memory.lock(layout.uart + UART_STATE.LOCK);
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
    return Atomics.load(this.#memory.words, this.#heldWord) !== 0;
  }

  /** Feeds waiting input and lets held output go. */
  service(): void {
    this.lock.acquire();
    this.#feed();
    if (this.held) this.#release();
    this.lock.release();
  }

  #send(byte: number): void {
    this.#output.push(byte);
    this.#news.untold = true;
    this.#tap?.onOutput(byte);
    if (this.#tap !== undefined) this.#feed();
    if (this.#output.room > 0) return;
    if (this.#tap !== undefined) {
      this.#tap.waitForRoom(this.#output);
      return;
    }
    this.uart.setTransmitReady(false);
    this.#memory.setControl(CONTROL.WANTS_ROOM, 1);
  }

  #release(): void {
    // Said before looking, so that a board that makes room in between still calls.
    this.#memory.setControl(CONTROL.WANTS_ROOM, 1);
    if (this.#output.room < this.#output.capacity / 2) return;
    this.uart.setTransmitReady(true);
  }

  #feed(): void {
    if (this.#tap !== undefined) this.#feedFrom(this.#tap.typed);
    this.#feedFrom(this.#input);
  }

  #feedFrom(source: InputSource): void {
    while (source.length > 0 && !this.uart.receiveWanted) {
      const taken = this.uart.receive(source.peek(FIFO_DEPTH));
      if (taken === 0) return;
      source.drop(taken);
      this.#news.untold = true;
    }
  }
}
