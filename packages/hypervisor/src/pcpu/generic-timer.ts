/** The generic timers of a vCPU: when they fire, and the level of their interrupts (Arm ARM D11.2). */
import { stateOffset } from '@dom0less/arm64-cpu';
import { PHYSICAL_TIMER_INTID, VIRTUAL_TIMER_INTID } from '../domain/guest-map.ts';
import { VCPU_CONTROL, type VcpuLayout } from '../memory/layout.ts';

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

/**
 * The two timers of one vCPU. All they know is in its state and its control words, so any thread may make such an object;
 * the pCPU that has the vCPU in its hands uses it.
 */
export class VcpuTimers {
  readonly #view: DataView;
  readonly #state: number;
  readonly #levels: number;
  readonly #deadline: number;
  readonly #setLevel: (intid: number, level: boolean) => void;

  /** @param setLevel told about levels of the PPIs when they change; they are low at first */
  constructor(view: DataView, { state, control }: VcpuLayout, setLevel: (intid: number, level: boolean) => void) {
    this.#view = view;
    this.#state = state;
    this.#levels = control + VCPU_CONTROL.TIMER_LEVELS;
    this.#deadline = control + VCPU_CONTROL.DEADLINE;
    this.#setLevel = setLevel;
  }

  /** Counter value (CNTPCT_EL0) at which a level will rise, as of the last update; Infinity if none will. */
  get deadline(): number {
    return this.#view.getFloat64(this.#deadline, true);
  }

  /** Looks at both timers when the counter is at `counter`. */
  update(counter: number): void {
    let deadline = Infinity;
    for (let n = 0; n < TIMERS.length; n++) deadline = Math.min(deadline, this.#updateOne(n, counter));
    this.#view.setFloat64(this.#deadline, deadline, true);
  }

  #updateOne(n: number, counter: number): number {
    const { intid, control, compare, virtual } = TIMERS[n]!;
    const bits = this.#view.getUint32(this.#state + control, true);
    const offset = virtual ? this.#u64(stateOffset('CNTVOFF_EL2')) : 0;
    const at = this.#u64(compare) + offset;
    const enabled = (bits & ENABLE) !== 0 && (bits & IMASK) === 0;
    const level = enabled && counter >= at;
    const levels = this.#view.getUint32(this.#levels, true);
    if (((levels >>> n) & 1) !== (level ? 1 : 0)) {
      this.#view.setUint32(this.#levels, levels ^ (1 << n), true);
      this.#setLevel(intid, level);
    }
    return enabled && !level ? at : Infinity;
  }

  /** A 64-bit word of the state; above 2^53 it is not exact, and is never reached. */
  #u64(offset: number): number {
    const at = this.#state + offset;
    return this.#view.getUint32(at + 4, true) * TWO_32 + this.#view.getUint32(at, true);
  }
}
