/** The scheduler that shares pCPUs fairly. */
import { VCPU_RUN } from '../memory/layout.ts';
import type { SchedVcpu } from './sched-vcpu.ts';
import { type Admission, Scheduler, type SchedulerParts } from './scheduler.ts';

/** What a vCPU that waited may be ahead of the others when it comes back, in seconds: it gets its turn soon. */
const WAKE_CREDIT = 0.005;
/** How far behind another pCPU's vCPU has to be before it moves here although there is work, in seconds. */
const MOVE_BEHIND = 0.02;

/**
 * Equal shares by virtual time, as Xen's credit2 gives them at equal weights, though not by its algorithm: of the vCPUs
 * that wait, the one that has run least comes first. A vCPU stays with its pCPU while that keeps shares within some 20
 * ms, and an idle pCPU takes whatever waits anywhere in the pool.
 */
export class FairScheduler extends Scheduler {
  readonly #credit: number;
  readonly #behind: number;

  /** @param frequency of the system counter */
  constructor(parts: SchedulerParts, frequency: number) {
    super(parts);
    this.#credit = WAKE_CREDIT * frequency;
    this.#behind = MOVE_BEHIND * frequency;
  }

  protected override choose(pcpu: number): SchedVcpu | undefined {
    let own: SchedVcpu | undefined;
    let any: SchedVcpu | undefined;
    let least = Infinity;
    for (const vcpu of this.vcpus) {
      if (vcpu.run !== VCPU_RUN.RUNNABLE) continue;
      const { runtime } = vcpu;
      if (runtime < least) least = runtime;
      if (vcpu.owner >= 0 || !vcpu.mayRunOn(pcpu)) continue;
      if (any === undefined || runtime < any.runtime) any = vcpu;
      if (vcpu.home === pcpu && (own === undefined || runtime < own.runtime)) own = vcpu;
    }
    if (least !== Infinity && least > this.runtime) this.runtime = least;
    if (own === undefined || any === undefined) return any;
    return any.runtime + this.#behind < own.runtime ? any : own;
  }

  /** What it did not use while it waited or was off is not saved up. */
  protected override admit(vcpu: SchedVcpu): Admission {
    vcpu.runtime = Math.max(vcpu.runtime, this.runtime - this.#credit);
    return 'admitted';
  }

  protected override dismiss(): void {}

  protected override serves(vcpu: SchedVcpu, pcpu: number): boolean {
    return vcpu.mayRunOn(pcpu);
  }
}
