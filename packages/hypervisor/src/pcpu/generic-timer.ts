/** The generic timers of a vCPU: when they fire, and the level of their interrupts (Arm ARM D11.2). */
import { stateOffset } from '@dom0less/arm64-cpu';
import { PHYSICAL_TIMER_INTID, VIRTUAL_TIMER_INTID } from '../domain/guest-map.ts';

const ENABLE = 1;
const IMASK = 2;
const TWO_32 = 2 ** 32;

interface TimerRegisters {
  readonly intid: number;
  readonly control: number;
  readonly compare: number;
  /** The timer counts from CNTVOFF_EL2 on. */
  readonly virtual: boolean;
}

const TIMERS: readonly TimerRegisters[] = [
  {
    intid: VIRTUAL_TIMER_INTID,
    control: stateOffset('CNTV_CTL_EL0'),
    compare: stateOffset('CNTV_CVAL_EL0'),
    virtual: true,
  },
  {
    intid: PHYSICAL_TIMER_INTID,
    control: stateOffset('CNTP_CTL_EL0'),
    compare: stateOffset('CNTP_CVAL_EL0'),
    virtual: false,
  },
];

/** The two timers of one vCPU, whose state is at `base`. Everything it needs to know is in that state. */
export class VcpuTimers {
  /** Counter value (CNTPCT_EL0) at which a level will rise; Infinity if none will, 0 before the first update. */
  deadline = 0;
  readonly #view: DataView;
  readonly #base: number;
  readonly #setLevel: (intid: number, level: boolean) => void;
  readonly #levels: (boolean | undefined)[] = [];

  /** @param setLevel told about levels of the PPIs, when they change and once at the first update */
  constructor(view: DataView, base: number, setLevel: (intid: number, level: boolean) => void) {
    this.#view = view;
    this.#base = base;
    this.#setLevel = setLevel;
  }

  /** Looks at both timers when the counter is at `counter`. */
  update(counter: number): void {
    this.deadline = Infinity;
    for (let n = 0; n < TIMERS.length; n++) this.#updateOne(n, counter);
  }

  #updateOne(n: number, counter: number): void {
    const { intid, control, compare, virtual } = TIMERS[n]!;
    const bits = this.#view.getUint32(this.#base + control, true);
    const offset = virtual ? this.#u64(stateOffset('CNTVOFF_EL2')) : 0;
    const at = this.#u64(compare) + offset;
    const enabled = (bits & ENABLE) !== 0 && (bits & IMASK) === 0;
    const level = enabled && counter >= at;
    if (enabled && !level) this.deadline = Math.min(this.deadline, at);
    if (this.#levels[n] === level) return;
    this.#levels[n] = level;
    this.#setLevel(intid, level);
  }

  /** A 64-bit word of the state; above 2^53 it is not exact, and is never reached. */
  #u64(offset: number): number {
    const at = this.#base + offset;
    return this.#view.getUint32(at + 4, true) * TWO_32 + this.#view.getUint32(at, true);
  }
}
