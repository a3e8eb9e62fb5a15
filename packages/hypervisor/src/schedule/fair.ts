/** The scheduler that shares pCPUs fairly. */
import type { SchedVcpu } from './sched-vcpu.ts';
import { type Admission, Scheduler, type SchedulerParts } from './scheduler.ts';

/**
 * What a vCPU may be ahead of the next before that has its turn, in seconds: what it runs on is in the processor's caches.
 * (Xen's credit2 takes a pCPU from none before 1 ms, and from all after 10.) One that waited comes back no further ahead than
 * that.
 */
export const TURN = 0.005;
/** Slices of a turn at most, however short they are. */
const TURN_SLICES = 16;
/** How far behind another pCPU's vCPU has to be before it moves here although there is work, in seconds. */
const MOVE_BEHIND = 0.02;

/**
 * Equal shares by virtual time, as Xen's credit2 gives them at equal weights, though not by its algorithm: of the vCPUs
 * that wait, the one that has run least comes first, in turns of 5 ms. A vCPU stays with its pCPU while that keeps shares
 * within some 20 ms, and an idle pCPU takes whatever waits anywhere in the pool.
 */
export class FairScheduler extends Scheduler {
  readonly #turn: number;
  readonly #behind: number;
  /** Slices that the turn under way has had. */
  #slices = 0;

  /** @param frequency of the system counter */
  constructor(parts: SchedulerParts, frequency: number) {
    super(parts);
    this.#turn = TURN * frequency;
    this.#behind = MOVE_BEHIND * frequency;
  }

  protected override choose(pcpu: number, last: SchedVcpu | undefined): SchedVcpu | undefined {
    let own: SchedVcpu | undefined;
    let any: SchedVcpu | undefined;
    let least = Infinity;
    for (let n = this.words.nextRunnable(0); n >= 0; n = this.words.nextRunnable(n + 1)) {
      const vcpu = this.vcpus[n]!;
      const { runtime } = vcpu;
      if (runtime < least) least = runtime;
      if (vcpu.owner >= 0 || !vcpu.mayRunOn(pcpu)) continue;
      if (any === undefined || runtime < any.runtime) any = vcpu;
      if (vcpu.home === pcpu && (own === undefined || runtime < own.runtime)) own = vcpu;
    }
    if (least !== Infinity && least > this.runtime) this.runtime = least;
    if (own !== undefined && last !== undefined && this.#goesOn(last, own, pcpu)) own = last;
    const chosen = own === undefined || any!.runtime + this.#behind < own.runtime ? any : own;
    this.#slices = chosen === last ? this.#slices + 1 : 0;
    if (chosen !== undefined) chosen.ticket = 0;
    return chosen;
  }

  /** Whether the turn of `last` goes on although it is the turn of `next`, which may have waked up just now. */
  #goesOn(last: SchedVcpu, next: SchedVcpu, pcpu: number): boolean {
    if (!last.waiting || last.home !== pcpu || this.#slices >= TURN_SLICES) return false;
    const isAhead = last.runtime > next.runtime;
    return !(isAhead && next.ticket !== 0) && last.runtime < next.runtime + this.#turn;
  }

  /** What it did not use while it waited or was off is not saved up. */
  protected override admit(vcpu: SchedVcpu): Admission {
    vcpu.runtime = Math.max(vcpu.runtime, this.runtime - this.#turn);
    // It comes first as soon as a slice is over.
    vcpu.ticket = 1;
    return 'admitted';
  }

  protected override dismiss(): void {}

  protected override serves(vcpu: SchedVcpu, pcpu: number): boolean {
    return vcpu.mayRunOn(pcpu);
  }
}
