/** The generic timers of a vCPU: when they fire, and the level of their interrupts (Arm ARM D11.2). */
import { stateOffset } from '@dom0less/arm64-cpu';
import { PHYSICAL_TIMER_INTID, VIRTUAL_TIMER_INTID } from '../domain/guest-map.ts';
import { VCPU_CONTROL, type VcpuLayout } from '../memory/layout.ts';

const ENABLE = 1;
const IMASK = 2;
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

const TIMERS: readonly TimerRegisters[] = [
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

  /** Looks at both timers when the counter is at `counter`. */
  update(counter: number): void {
    let deadline = Infinity;
    for (let n = 0; n < TIMERS.length; n++) {
      const due = this.#updateOne(n, counter);
      if (due < deadline) deadline = due;
    }
    this.#doubles[this.#deadline] = deadline;
  }

  #updateOne(n: number, counter: number): number {
    const { intid, control, compare, offset } = TIMERS[n]!;
    const words = this.#words;
    const enabled = (words[this.#state + control]! & (ENABLE | IMASK)) === ENABLE;
    const levels = words[this.#levels]!;
    const wasHigh = ((levels >>> n) & 1) !== 0;
    if (!enabled && !wasHigh) return Infinity;
    const at = this.#u64(compare) + (offset === undefined ? 0 : this.#u64(offset));
    const level = enabled && counter >= at;
    if (wasHigh !== level) {
      words[this.#levels] = levels ^ (1 << n);
      this.#setLevel(intid, level);
    }
    return enabled && !level ? at : Infinity;
  }

  /** A 64-bit word of the state; above 2^53 it is not exact, and is never reached. */
  #u64(word: number): number {
    const at = this.#state + word;
    return this.#words[at + 1]! * TWO_32 + this.#words[at]!;
  }
}
