/** The generic timers of a vCPU: when they fire, and the level of their interrupts (Arm ARM D11.2). */
import { stateOffset } from '@dom0less/arm64-cpu';
import { PHYSICAL_TIMER_INTID, VIRTUAL_TIMER_INTID } from '../domain/guest-map.ts';
import { VCPU_CONTROL, type VcpuLayout } from '../memory/layout.ts';

/** CNTV_CTL_EL0 and CNTP_CTL_EL0. */
export const TIMER_ENABLE = 1;
export const TIMER_IMASK = 2;
const TWO_32 = 2 ** 32;

interface TimerRegisters {
  readonly intid: number;
  /** Words of the state. */
  readonly control: number;
  readonly compare: number;
  /** What the timer counts from: CNTVOFF_EL2, or nothing. */
  readonly offset: number | undefined;
}

const stateWord = (name: string): number => stateOffset(name) >>> 2;

/** The timers, in the order of their bits in `VCPU_CONTROL.TIMER_LEVELS`. */
export const TIMERS: readonly TimerRegisters[] = [
  {
    intid: VIRTUAL_TIMER_INTID,
    control: stateWord('CNTV_CTL_EL0'),
    compare: stateWord('CNTV_CVAL_EL0'),
    offset: stateWord('CNTVOFF_EL2'),
  },
  {
    intid: PHYSICAL_TIMER_INTID,
    control: stateWord('CNTP_CTL_EL0'),
    compare: stateWord('CNTP_CVAL_EL0'),
    offset: undefined,
  },
];

/**
 * The two timers of one vCPU. All they know is in its state and its control words, so any thread may make such an object;
 * the pCPU that has the vCPU in its hands uses it.
 */
export class VcpuTimers {
  readonly #words: Uint32Array;
  readonly #doubles: Float64Array;
  /** Places of the state, of the levels and of the deadline. */
  readonly #state: number;
  readonly #levels: number;
  readonly #deadline: number;
  readonly #setLevel: (intid: number, level: boolean) => void;

  /** @param setLevel told about levels of the PPIs when they change; they are low at first */
  constructor(
    buffer: ArrayBufferLike,
    { state, control }: VcpuLayout,
    setLevel: (intid: number, level: boolean) => void,
  ) {
    this.#words = new Uint32Array(buffer);
    this.#doubles = new Float64Array(buffer);
    this.#state = state >>> 2;
    this.#levels = (control + VCPU_CONTROL.TIMER_LEVELS) >>> 2;
    this.#deadline = (control + VCPU_CONTROL.DEADLINE) / 8;
    this.#setLevel = setLevel;
  }

  /** Counter value (CNTPCT_EL0) at which a level will rise, as of the last update; Infinity if none will. */
  get deadline(): number {
    return this.#doubles[this.#deadline]!;
  }

  /**
   * Looks at both timers when the counter is at `counter`; gives the deadline. Without calls of its own: it runs cold whenever
   * a vCPU wakes (see `PoolWords`).
   */
  update(counter: number): number {
    const words = this.#words;
    let deadline = Infinity;
    for (let n = 0; n < TIMERS.length; n++) {
      const { intid, control, compare, offset } = TIMERS[n]!;
      const enabled = (words[this.#state + control]! & (TIMER_ENABLE | TIMER_IMASK)) === TIMER_ENABLE;
      const levels = words[this.#levels]!;
      const wasHigh = ((levels >>> n) & 1) !== 0;
      if (!enabled && !wasHigh) continue;
      const from = this.#state + compare;
      // 64-bit words: above 2^53 they are not exact, and are never reached.
      let at = words[from + 1]! * TWO_32 + words[from]!;
      if (offset !== undefined) at += words[this.#state + offset + 1]! * TWO_32 + words[this.#state + offset]!;
      const level = enabled && counter >= at;
      if (wasHigh !== level) {
        words[this.#levels] = levels ^ (1 << n);
        this.#setLevel(intid, level);
      }
      if (enabled && !level && at < deadline) deadline = at;
    }
    this.#doubles[this.#deadline] = deadline;
    return deadline;
  }
}
