/** How the time of a pCPU goes on: by the clock of the host, or by the instructions that are executed. */
import { VCPU_CONTROL } from '../memory/layout.ts';
import type { SystemCounter } from './system-counter.ts';

/** Time as a pCPU needs it. Counter values are ticks of the system counter. */
export interface Pace {
  /** Ticks of the counter per second. */
  readonly frequency: number;
  /** True: only executed instructions make time go on, so what reads it has to be counted up to. */
  readonly exact: boolean;
  read(): number;
  /** What the counter was at last: what a guest has read last is no later. Costs less than {@link read}. */
  recent(): number;
  /**
   * Begins a slice of the vCPU whose `VCPU_CONTROL` is at `control`: how many instructions it may have, with the next timer
   * at counter value `deadline`. The counter was at `now` just before. Sets `SLICE_START` and `SLICE_END`.
   */
  begin(control: number, deadline: number, now: number): number;
  /** Ends a slice in which `instructions` were executed; gives the ticks that it took. */
  end(control: number, instructions: number): number;
  /** Milliseconds of host time until the counter is at `deadline`; Infinity if that is Infinity. */
  msUntil(deadline: number): number;
}

/** Most instructions, and the time, between two looks at consoles, timers and the other vCPUs. */
export const SLICE = 500_000;
export const SLICE_MS = 2;
/** Less than this is not worth leaving a vCPU for. */
export const SHORTEST_MS = 0.01;
/** Instructions per ms that a vCPU's first slice is measured by. */
export const FIRST_SPEED = 100_000;

const START = VCPU_CONTROL.SLICE_START / 8;
const END = VCPU_CONTROL.SLICE_END / 8;
const SPEED = VCPU_CONTROL.SPEED / 8;

type HostCounter = Pick<SystemCounter, 'frequency' | 'read' | 'recent' | 'msUntil'>;

/**
 * Follows host time. Slices end no later than the next timer, as far as the speed of the vCPU's slices before tells: what
 * an instruction costs is the guest's choice, and one that does nothing but flush its TLB, or take exceptions, is a
 * thousand times slower than its neighbours. It gets as much time as they, not as many instructions.
 */
export class HostPace implements Pace {
  readonly exact = false;
  readonly #counter: HostCounter;
  readonly #doubles: Float64Array;

  /** @param doubles the board's memory */
  constructor(counter: HostCounter, doubles: Float64Array) {
    this.#counter = counter;
    this.#doubles = doubles;
  }

  get frequency(): number {
    return this.#counter.frequency;
  }

  read(): number {
    return this.#counter.read();
  }

  recent(): number {
    return this.#counter.recent;
  }

  begin(control: number, deadline: number, now: number): number {
    const at = control / 8;
    const speed = this.#doubles[at + SPEED]! || FIRST_SPEED;
    const ms = Math.max(SHORTEST_MS, Math.min(SLICE_MS, this.#counter.msUntil(deadline, now)));
    const budget = Math.max(1, Math.min(SLICE, Math.floor(ms * speed)));
    this.#doubles[at + START] = now;
    this.#doubles[at + END] = now + (budget / speed) * (this.frequency / 1000);
    return budget;
  }

  /**
   * A vCPU is believed at once that it has become slower, and by and by that it has become faster. A slice that is too
   * short to be measured can only say the latter.
   */
  end(control: number, instructions: number): number {
    const at = control / 8;
    const now = this.#counter.read();
    const start = this.#doubles[at + START]!;
    const ms = this.#counter.msUntil(now, start);
    const before = this.#doubles[at + SPEED]! || FIRST_SPEED;
    const measured = ms > 0 ? Math.max(1, instructions) / ms : Infinity;
    if (measured > before || ms >= SHORTEST_MS) this.#doubles[at + SPEED] = Math.min(measured, 2 * before);
    return now - start;
  }

  msUntil(deadline: number): number {
    return this.#counter.msUntil(deadline, this.#counter.read());
  }
}

/** Instructions per second of deterministic mode: one a nanosecond. */
const INSTRUCTIONS_PER_SECOND = 1e9;
/** Slices of deterministic mode: a reading of the counter is no older than the start of one. */
const EXACT_SLICE = 20_000;

/**
 * Counts instructions: each of any vCPU takes a nanosecond. Where nothing can run, time goes on to the next timer at
 * once. All pCPUs of a board share one object, on one thread.
 */
export class InstructionPace implements Pace {
  readonly exact = true;
  readonly frequency: number;
  readonly #doubles: Float64Array;
  /** Executed instructions, and those that would have been executed in times when nothing could run. */
  #instructions = 0;
  readonly #perTick: number;

  /** @param doubles the board's memory */
  constructor(frequency: number, doubles: Float64Array) {
    this.frequency = frequency;
    this.#doubles = doubles;
    this.#perTick = INSTRUCTIONS_PER_SECOND / frequency;
  }

  read(): number {
    return Math.floor(this.#instructions / this.#perTick);
  }

  recent(): number {
    return this.read();
  }

  begin(control: number, deadline: number): number {
    const left = Math.ceil(deadline * this.#perTick) - this.#instructions;
    const budget = Math.max(1, Math.min(EXACT_SLICE, left));
    this.#doubles[control / 8 + START] = this.read();
    this.#doubles[control / 8 + END] = (this.#instructions + budget) / this.#perTick;
    return budget;
  }

  end(_control: number, instructions: number): number {
    this.#instructions += instructions;
    return instructions / this.#perTick;
  }

  /** Lets the time pass in which nothing can run. */
  skipTo(deadline: number): void {
    this.#instructions = Math.max(this.#instructions, Math.ceil(deadline * this.#perTick));
  }

  msUntil(deadline: number): number {
    return Number.isFinite(deadline) ? 0 : Infinity;
  }
}
