/** Locks in shared memory. */

const FREE = 0;
const HELD = 1;
/** Held, and somebody may sleep for it. */
const AWAITED = 2;
/** Attempts before sleeping: a lock is held for a few microseconds, unless the host took its holder's core away. */
const SPINS = 500;
/** A lock is held for microseconds: one that is not given back for so many ms had its holder die. */
const PATIENCE_MS = 60_000;

/**
 * A lock in one 32-bit word that is 0 when free. It is not reentrant, and its holder never sleeps. Engines take that of the
 * system counter by the same values (`EngineClock.lock`), device code those of devices.
 *
 * Order, where more than one is taken: UART, then interrupt controller, then scheduler; block table, system counter and
 * event ring come last.
 */
export class Lock {
  readonly #words: Int32Array;
  readonly #word: number;

  /** @param byteOffset of the word, a multiple of 4 */
  constructor(words: Int32Array, byteOffset: number) {
    this.#words = words;
    this.#word = byteOffset >>> 2;
  }

  /** Takes the lock. Throws where it is never given back: its holder has died. */
  acquire(): void {
    for (let n = 0; n < SPINS; n++) {
      if (Atomics.compareExchange(this.#words, this.#word, FREE, HELD) === FREE) return;
    }
    while (Atomics.exchange(this.#words, this.#word, AWAITED) !== FREE) {
      if (Atomics.wait(this.#words, this.#word, AWAITED, PATIENCE_MS) === 'timed-out') {
        throw new Error(`a lock was not given back for ${PATIENCE_MS / 1000} s: the thread that held it has died`);
      }
    }
  }

  release(): void {
    if (Atomics.exchange(this.#words, this.#word, FREE) === AWAITED) Atomics.notify(this.#words, this.#word, 1);
  }
}
