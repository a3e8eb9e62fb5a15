/** The system counter: host time in ticks. */

/** Host time in ms since 1970, the same on all threads; never goes back on one. */
export const hostTime = (): number => performance.timeOrigin + performance.now();

/** CNTPCT_EL0 as a number below 2^53. */
export class SystemCounter {
  readonly frequency: number;
  readonly #ticksPerMs: number;
  readonly #now: () => number;
  readonly #epoch: number;
  #last: number;

  /**
   * @param epoch host time in ms at which the counter was 0
   * @param start value that the counter had already: it goes on from there even if host time was set back since
   */
  constructor(frequency: number, epoch: number, now: () => number, start = 0) {
    this.frequency = frequency;
    this.#ticksPerMs = frequency / 1000;
    this.#epoch = Math.min(epoch, now() - start / this.#ticksPerMs);
    this.#last = start;
    this.#now = now;
  }

  read(): number {
    const ticks = Math.floor((this.#now() - this.#epoch) * this.#ticksPerMs);
    if (ticks > this.#last) this.#last = ticks;
    return this.#last;
  }

  /** Milliseconds from `counter` until the counter is at `deadline`; Infinity if that is Infinity. */
  msUntil(deadline: number, counter: number): number {
    return Math.max(0, (deadline - counter) / this.#ticksPerMs);
  }
}
