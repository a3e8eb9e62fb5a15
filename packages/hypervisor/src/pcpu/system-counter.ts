/** The system counter: host time in ticks. */
import type { EngineClock } from '@dom0less/arm64-cpu';
import type { BoardMemory } from '../memory/board-memory.ts';
import { CONTROL } from '../memory/layout.ts';
import type { Lock } from '../memory/lock.ts';

/** As a global it is looked up whenever it is named. */
const clock = performance;
const { timeOrigin } = clock;

/** Host time in ms since 1970, about the same on all threads; never goes back on one. */
export const hostTime = (): number => timeOrigin + clock.now();

/** CNTPCT_EL0 as a number below 2^53. What one thread has read, none reads less of afterwards. */
export class SystemCounter {
  readonly frequency: number;
  readonly #ticksPerMs: number;
  readonly #now: () => number;
  readonly #epoch: number;
  readonly #doubles: Float64Array;
  readonly #latest: number;
  readonly #lock: Lock;
  /** The same for engines. */
  readonly clock: EngineClock;

  /**
   * @param epoch host time in ms at which the counter was 0
   * @param memory holds the latest value that was read, on whatever thread; from there the counter goes on even if host
   *   time was set back since
   */
  constructor(frequency: number, epoch: number, now: () => number, memory: BoardMemory) {
    const { control } = memory.layout;
    this.frequency = frequency;
    this.#ticksPerMs = frequency / 1000;
    this.#doubles = memory.doubles;
    this.#latest = (control + CONTROL.COUNTER) / 8;
    this.#lock = memory.lock(control + CONTROL.COUNTER_LOCK);
    this.#epoch = Math.min(epoch, now() - this.#doubles[this.#latest]! / this.#ticksPerMs);
    this.#now = now;
    const [latest, lock] = [control + CONTROL.COUNTER, control + CONTROL.COUNTER_LOCK];
    this.clock = { now, epoch: this.#epoch, ticksPerMs: this.#ticksPerMs, latest, lock };
  }

  read(): number {
    this.#lock.acquire();
    const latest = this.peek();
    this.#doubles[this.#latest] = latest;
    this.#lock.release();
    return latest;
  }

  /**
   * The counter for threads that run no vCPU: others may read a little less afterwards. It takes no lock, which a thread
   * that died would keep.
   */
  peek(): number {
    const ticks = Math.floor((this.#now() - this.#epoch) * this.#ticksPerMs);
    return Math.max(ticks, this.recent);
  }

  /** What was read last, on whatever thread. */
  get recent(): number {
    return this.#doubles[this.#latest]!;
  }

  /** Milliseconds from `counter` until the counter is at `deadline`; Infinity if that is Infinity. */
  msUntil(deadline: number, counter: number): number {
    return Math.max(0, (deadline - counter) / this.#ticksPerMs);
  }
}
