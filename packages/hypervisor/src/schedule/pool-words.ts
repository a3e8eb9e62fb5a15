/** What is asked of all vCPUs of a pool at once. */
import type { BoardMemory } from '../memory/board-memory.ts';
import { VCPU_CONTROL, VCPU_RUN } from '../memory/layout.ts';
import type { SchedVcpu } from './sched-vcpu.ts';

const RUN = VCPU_CONTROL.RUN >>> 2;
const OWNER = VCPU_CONTROL.OWNER >>> 2;
const HOME = VCPU_CONTROL.HOME >>> 2;
const DEADLINE = VCPU_CONTROL.DEADLINE / 8;
const EVENT_DUE = VCPU_CONTROL.EVENT_DUE / 8;

/**
 * Each question is one loop over the words of `VCPU_CONTROL`, without calls: whenever a pCPU wakes it asks them of every vCPU,
 * and behind a sleep of some ms each function that is called is code and data to be fetched from main memory. Answers are a
 * first look, taken without the pool's lock unless the caller has it.
 */
export class PoolWords {
  readonly #words: Int32Array;
  readonly #doubles: Float64Array;
  /** First word of each vCPU's control. */
  readonly #at: Int32Array;

  constructor(memory: BoardMemory, vcpus: readonly SchedVcpu[]) {
    this.#words = memory.words;
    this.#doubles = memory.doubles;
    this.#at = Int32Array.from(vcpus, ({ control }) => control >>> 2);
  }

  /** Whether one wants to run and nobody has it. */
  get waiting(): boolean {
    const words = this.#words;
    const all = this.#at;
    for (let n = 0; n < all.length; n++) {
      const at = all[n]!;
      if (words[at + RUN] === VCPU_RUN.RUNNABLE && words[at + OWNER] === 0) return true;
    }
    return false;
  }

  /** Number in the pool of the first vCPU from `from` on that wants to run, or runs; -1 if there is none. */
  nextRunnable(from: number): number {
    const words = this.#words;
    const all = this.#at;
    for (let n = from; n < all.length; n++) if (words[all[n]! + RUN] === VCPU_RUN.RUNNABLE) return n;
    return -1;
  }

  /** Counter value at which a timer of a vCPU that is left to `pcpu` is due; Infinity if none is. */
  deadline(pcpu: number): number {
    const words = this.#words;
    const all = this.#at;
    let deadline = Infinity;
    for (let n = 0; n < all.length; n++) {
      const at = all[n]!;
      if (words[at + HOME] !== pcpu || words[at + OWNER] !== 0) continue;
      const own = this.#doubles[(at >>> 1) + DEADLINE]!;
      if (own < deadline) deadline = own;
    }
    return deadline;
  }

  /** As {@link deadline}; also when to look whether there is an event for a vCPU that waits for one. */
  due(pcpu: number): number {
    const words = this.#words;
    const all = this.#at;
    let due = this.deadline(pcpu);
    for (let n = 0; n < all.length; n++) {
      const at = all[n]!;
      if (words[at + RUN] !== VCPU_RUN.AWAITING || words[at + HOME] !== pcpu || words[at + OWNER] !== 0) continue;
      const own = this.#doubles[(at >>> 1) + EVENT_DUE]!;
      if (own < due) due = own;
    }
    return due;
  }

  /** Number in the pool of the first vCPU from `from` on that `pcpu` has to look after at `counter`; -1 if there is none. */
  nextDue(pcpu: number, counter: number, from: number): number {
    const words = this.#words;
    const doubles = this.#doubles;
    const all = this.#at;
    for (let n = from; n < all.length; n++) {
      const at = all[n]!;
      if (words[at + HOME] !== pcpu || words[at + OWNER] !== 0) continue;
      if (doubles[(at >>> 1) + DEADLINE]! <= counter) return n;
      if (words[at + RUN] === VCPU_RUN.AWAITING && doubles[(at >>> 1) + EVENT_DUE]! <= counter) return n;
    }
    return -1;
  }
}
