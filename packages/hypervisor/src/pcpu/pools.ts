/** The schedulers of a board, as one thread has them. */
import type { BoardMemory } from '../memory/board-memory.ts';
import { makeScheduler } from '../schedule/make-scheduler.ts';
import { SchedVcpu } from '../schedule/sched-vcpu.ts';
import type { Scheduler } from '../schedule/scheduler.ts';
import type { PcpuDomain, PcpuInit } from './init.ts';

/** A thread's views of the vCPUs of all domains, and of the schedulers of all pools. */
export interface Pools {
  /** By pool. */
  readonly schedulers: readonly Scheduler[];
  /** By domain, in the order of `PcpuInit.domains`, and vCPU. */
  readonly vcpus: readonly (readonly SchedVcpu[])[];
}

const schedVcpus = (memory: BoardMemory, { id, layout, affinity }: PcpuDomain): SchedVcpu[] =>
  layout.vcpus.map((one, index) => new SchedVcpu(memory, one, { domain: id, index, affinity: affinity[index] }));

/** Makes views over the state that is in the memory. */
export const makePools = (
  memory: BoardMemory,
  { domains, pools, counterFrequency }: Pick<PcpuInit, 'domains' | 'pools' | 'counterFrequency'>,
): Pools => {
  const vcpus = domains.map((domain) => schedVcpus(memory, domain));
  const schedulers = pools.map(({ scheduler, pcpus }, pool) => {
    const own = vcpus.filter((_, n) => domains[n]!.pool === pool).flat();
    const parts = { memory, control: memory.layout.pools[pool]!, pcpus, vcpus: own };
    return makeScheduler(scheduler, parts, counterFrequency);
  });
  return { schedulers, vcpus };
};
