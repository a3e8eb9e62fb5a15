/** Xen's null scheduler. */
import { VCPU_RUN } from '../memory/layout.ts';
import type { SchedVcpu } from './sched-vcpu.ts';
import { type Admission, Scheduler } from './scheduler.ts';

/**
 * One vCPU to one pCPU, for as long as it is online; there is nothing to choose at run time. A vCPU that comes online
 * when no pCPU that it may run on is free waits until one becomes free, in the order of coming.
 */
export class NullScheduler extends Scheduler {
  protected override choose(pcpu: number): SchedVcpu | undefined {
    const vcpu = this.vcpus.find(({ place }) => place === pcpu);
    return vcpu?.waiting ? vcpu : undefined;
  }

  protected override admit(vcpu: SchedVcpu, online: boolean): Admission {
    if (!online) return 'admitted';
    const isFree = (pcpu: number): boolean =>
      vcpu.mayRunOn(pcpu) && !this.vcpus.some(({ place }) => place === pcpu) && this.pcpus.includes(pcpu);
    const { home } = vcpu;
    const pcpu = isFree(home) ? home : this.pcpus.find(isFree);
    if (pcpu === undefined) {
      vcpu.ticket = this.nextTicket();
      return 'waits';
    }
    this.#assign(vcpu, pcpu);
    return 'admitted';
  }

  protected override dismiss(vcpu: SchedVcpu): void {
    const { place } = vcpu;
    vcpu.place = -1;
    vcpu.ticket = 0;
    if (place < 0) return;
    const isNext = (one: SchedVcpu): boolean =>
      one.run !== VCPU_RUN.OFFLINE && one.place < 0 && one.ticket !== 0 && one.mayRunOn(place);
    const [first] = this.vcpus.filter(isNext).sort((a, b) => a.ticket - b.ticket);
    if (first !== undefined) this.#assign(first, place);
  }

  protected override serves(vcpu: SchedVcpu, pcpu: number): boolean {
    return vcpu.place === pcpu;
  }

  #assign(vcpu: SchedVcpu, pcpu: number): void {
    vcpu.place = pcpu;
    vcpu.home = pcpu;
    vcpu.ticket = 0;
  }
}
