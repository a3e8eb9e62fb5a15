/** The writing end of the ring of log lines and domain states, which all pCPUs share. */
import type { BoardMemory } from '../memory/board-memory.ts';
import { CONTROL, EVENT_RING_BYTES } from '../memory/layout.ts';
import type { Lock } from '../memory/lock.ts';
import { type EventRecord, writeEvent } from './event-ring.ts';
import { Ring } from './ring.ts';

/** Writes records under a lock, one thread at a time. */
export class EventSink {
  readonly #memory: BoardMemory;
  readonly #ring: Ring;
  readonly #lock: Lock;

  constructor(memory: BoardMemory) {
    const { control, events } = memory.layout;
    this.#memory = memory;
    this.#ring = new Ring(memory.view.buffer, events, EVENT_RING_BYTES);
    this.#lock = memory.lock(control + CONTROL.EVENTS_LOCK);
  }

  /** Writes a record; false if there is no room now: the board then calls attention when it has made some. */
  send(record: EventRecord): boolean {
    this.#lock.acquire();
    const sent = writeEvent(this.#ring, record);
    if (!sent) this.#memory.setControl(CONTROL.WANTS_ROOM, 1);
    this.#lock.release();
    return sent;
  }

  /** Writes a log line. One that finds no room is lost, and how many were is said before the next (as Xen's printk does). */
  log(text: string): void {
    this.#lock.acquire();
    const { control } = this.#memory.layout;
    const word = (control + CONTROL.LINES_LOST) >>> 2;
    const lost = this.#memory.words[word]!;
    const told =
      lost === 0 || writeEvent(this.#ring, { kind: 'log', text: `(XEN) printk: ${lost} messages suppressed.` });
    if (told && lost !== 0) this.#memory.words[word] = 0;
    if (!told || !writeEvent(this.#ring, { kind: 'log', text })) this.#memory.words[word]!++;
    this.#lock.release();
  }
}
