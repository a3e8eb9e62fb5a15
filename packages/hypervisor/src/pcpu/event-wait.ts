/** What ends a vCPU's wait for an event (WFE) besides interrupts and SEV: a store to what it has marked, and time. */
import { exclusiveMonitor, stateOffset } from '@dom0less/arm64-cpu';
import type { SchedVcpu } from '../schedule/sched-vcpu.ts';

const TWO_32 = 2 ** 32;
const CNTVOFF_EL2 = stateOffset('CNTVOFF_EL2');
const CNTKCTL_EL1 = stateOffset('CNTKCTL_EL1');
const EXCLUSIVE_ADDRESS = stateOffset('exclusiveAddress');
const EXCLUSIVE_VALUE = stateOffset('exclusiveLow');
const EVENT_REGISTER = stateOffset('eventRegister');
const INTERRUPT_LINES = stateOffset('interruptLines');
/** CNTKCTL_EL1 (Arm ARM D13.8): the event stream is on; it is at changes of the bit from 1 to 0; which bit of CNTVCT_EL0. */
const EVNTEN = 1 << 2;
const EVNTDIR = 1 << 3;
const EVNTI_SHIFT = 4;
/** Looks at what a vCPU waits for before its pCPU lets go of it: some 20 µs, less than it takes to sleep and to wake. */
const SPINS = 1000;
/** Seconds until the first look at a marked location of a vCPU that sleeps, and the most between two: they double. */
const FIRST_LOOK = 100e-6;
const LONGEST_LOOK = 2e-3;

/** Counter value, later than `counter`, at which the event stream of CNTKCTL_EL1 has its next event; Infinity if it is off. */
export const nextStreamEvent = (control: number, offset: number, counter: number): number => {
  if ((control & EVNTEN) === 0) return Infinity;
  const half = 2 ** ((control >>> EVNTI_SHIFT) & 15);
  const start = offset + (control & EVNTDIR ? 0 : half);
  return start + 2 * half * (Math.floor((counter - start) / (2 * half)) + 1);
};

/**
 * The waits of one vCPU for events, as one thread sees them. Stores to a location are looked for: nobody tells of them.
 * Used by the pCPU that has the vCPU in its hands.
 */
export class EventWait {
  readonly #view: DataView;
  readonly #words: Int32Array;
  readonly #state: number;
  readonly #frequency: number;
  readonly #sched: SchedVcpu;
  /** What the monitor had marked at the last wait, and the value that was there. */
  #address = -1;
  #low = 0;
  #high = 0;
  /** Seconds between two looks. */
  #look = FIRST_LOOK;
  /** Counter value of the next event of the stream. */
  #stream = Infinity;

  /** @param frequency of the system counter */
  constructor(view: DataView, state: number, frequency: number, sched: SchedVcpu) {
    this.#view = view;
    this.#words = new Int32Array(view.buffer);
    this.#state = state;
    this.#frequency = frequency;
    this.#sched = sched;
  }

  /**
   * A wait begins: whether the event is there, or comes within some microseconds where `spins`. A vCPU that waits for the
   * same as before gets no such grace. Otherwise `eventDue` says when to look.
   */
  begin(counter: number, spins: boolean): boolean {
    const again = this.#isSame();
    if (!again) this.#look = FIRST_LOOK;
    if (spins && !again && this.#comesSoon()) return true;
    const control = this.#view.getUint32(this.#state + CNTKCTL_EL1, true);
    this.#stream = nextStreamEvent(control, this.#u64(CNTVOFF_EL2), counter);
    return this.#overwritten(counter);
  }

  /** Whether there is an event, now that `eventDue` is over; otherwise it is later. */
  isOver(counter: number): boolean {
    return counter >= this.#stream || this.#overwritten(counter);
  }

  #overwritten(counter: number): boolean {
    const monitor = exclusiveMonitor(this.#words, this.#state);
    if (monitor === 'overwritten') return true;
    const look = monitor === 'open' ? Infinity : counter + this.#look * this.#frequency;
    this.#look = Math.min(2 * this.#look, LONGEST_LOOK);
    this.#sched.eventDue = Math.min(this.#stream, look);
    return false;
  }

  /** Whether the monitor has marked what it had at the last wait, with the same value. */
  #isSame(): boolean {
    const address = this.#view.getInt32(this.#state + EXCLUSIVE_ADDRESS, true);
    const low = this.#view.getUint32(this.#state + EXCLUSIVE_VALUE, true);
    const high = this.#view.getUint32(this.#state + EXCLUSIVE_VALUE + 4, true);
    const same = address === this.#address && low === this.#low && high === this.#high;
    this.#address = address;
    this.#low = low;
    this.#high = high;
    return same;
  }

  #comesSoon(): boolean {
    const event = (this.#state + EVENT_REGISTER) >>> 2;
    const lines = (this.#state + INTERRUPT_LINES) >>> 2;
    for (let n = 0; n < SPINS; n++) {
      if (Atomics.load(this.#words, event) !== 0 || Atomics.load(this.#words, lines) !== 0) return false;
      if (exclusiveMonitor(this.#words, this.#state) === 'overwritten') return true;
    }
    return false;
  }

  #u64(offset: number): number {
    const at = this.#state + offset;
    return this.#view.getUint32(at + 4, true) * TWO_32 + this.#view.getUint32(at, true);
  }
}
