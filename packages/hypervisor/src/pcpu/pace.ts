/** How the time of a pCPU goes on: by the clock of the host, or by the instructions that are executed. */
import type { SystemCounter } from './system-counter.ts';

/** Time as a pCPU needs it. Counter values are ticks of the system counter. */
export interface Pace {
  /** Ticks of the counter per second. */
  readonly frequency: number;
  /** True: only executed instructions make time go on, so what reads it has to be counted up to. */
  readonly exact: boolean;
  /** Counter value at which the slice under way should be over. */
  readonly sliceEnd: number;
  read(): number;
  /** What the counter was at last: what a guest has read last is no later. Costs less than {@link read}. */
  recent(): number;
  /**
   * Begins a slice of the vCPU whose state is at `vcpu`: how many instructions it may have, with the next timer at
   * counter value `deadline`. The counter was at `now` just before.
   */
  begin(vcpu: number, deadline: number, now: number): number;
  /** Ends a slice in which `instructions` were executed; gives the ticks that it took. */
  end(instructions: number): number;
  /** Milliseconds of host time until the counter is at `deadline`; Infinity if that is Infinity. */
  msUntil(deadline: number): number;
}

/** Most instructions, and the time, between two looks at consoles, timers and the other vCPUs. */
const SLICE = 500_000;
const SLICE_MS = 2;
/** Less than this is not worth leaving a vCPU for. */
const SHORTEST_MS = 0.01;
/** Instructions per ms that a vCPU's first slice is measured by. */
const FIRST_SPEED = 100_000;

type HostCounter = Pick<SystemCounter, 'frequency' | 'read' | 'recent' | 'msUntil'>;

/**
 * Follows host time. Slices end no later than the next timer, as far as the speed of the vCPU's slices before tells: what
 * an instruction costs is the guest's choice, and one that does nothing but flush its TLB, or take exceptions, is a
 * thousand times slower than its neighbours. It gets as much time as they, not as many instructions.
 */
export class HostPace implements Pace {
  readonly exact = false;
  readonly #counter: HostCounter;
  /** Instructions per ms of each vCPU that ran here. */
  readonly #speeds = new Map<number, number>();
  #vcpu = 0;
  #start = 0;
  sliceEnd = 0;

  constructor(counter: HostCounter) {
    this.#counter = counter;
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

  begin(vcpu: number, deadline: number, now: number): number {
    this.#vcpu = vcpu;
    this.#start = now;
    const speed = this.#speeds.get(vcpu) ?? FIRST_SPEED;
    const ms = Math.max(SHORTEST_MS, Math.min(SLICE_MS, this.#counter.msUntil(deadline, now)));
    const budget = Math.max(1, Math.min(SLICE, Math.floor(ms * speed)));
    this.sliceEnd = now + (budget / speed) * (this.frequency / 1000);
    return budget;
  }

  /**
   * A vCPU is believed at once that it has become slower, and by and by that it has become faster. A slice that is too
   * short to be measured can only say the latter.
   */
  end(instructions: number): number {
    const now = this.#counter.read();
    const ms = this.#counter.msUntil(now, this.#start);
    const before = this.#speeds.get(this.#vcpu) ?? FIRST_SPEED;
    const measured = ms > 0 ? Math.max(1, instructions) / ms : Infinity;
    if (measured > before || ms >= SHORTEST_MS) this.#speeds.set(this.#vcpu, Math.min(measured, 2 * before));
    return now - this.#start;
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
  sliceEnd = Infinity;
  /** Executed instructions, and those that would have been executed in times when nothing could run. */
  #instructions = 0;
  readonly #perTick: number;

  constructor(frequency: number) {
    this.frequency = frequency;
    this.#perTick = INSTRUCTIONS_PER_SECOND / frequency;
  }

  read(): number {
    return Math.floor(this.#instructions / this.#perTick);
  }

  recent(): number {
    return this.read();
  }

  begin(_vcpu: number, deadline: number): number {
    const left = Math.ceil(deadline * this.#perTick) - this.#instructions;
    const budget = Math.max(1, Math.min(EXACT_SLICE, left));
    this.sliceEnd = (this.#instructions + budget) / this.#perTick;
    return budget;
  }

  end(instructions: number): number {
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
