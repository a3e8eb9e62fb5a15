/** How vCPUs are spread over pCPUs and begin to run. */
import type { BoardMemory } from '../memory/board-memory.ts';
import type { PcpuInit } from '../pcpu/init.ts';
import { makePools } from '../pcpu/pools.ts';

type Init = Pick<PcpuInit, 'domains' | 'pools' | 'counterFrequency'>;

/** Gives each vCPU a pCPU to begin on, spread evenly. Nothing runs yet. */
export const placeVcpus = (memory: BoardMemory, init: Init): void => {
  const { schedulers, vcpus } = makePools(memory, init);
  for (const scheduler of schedulers) scheduler.begin();
  init.domains.forEach(({ pool }, n) => {
    const scheduler = schedulers[pool]!;
    vcpus[n]!.forEach((vcpu, index) => {
      const allowed = scheduler.pcpus.filter((pcpu) => vcpu.mayRunOn(pcpu));
      vcpu.home = allowed[(n + index) % allowed.length]!;
      vcpu.deadline = Infinity;
    });
  });
};

/**
 * Brings the first vCPU of domain `n` online.
 *
 * @returns true if it has to wait for a pCPU
 */
export const startFirstVcpu = (memory: BoardMemory, init: Init, n: number): boolean => {
  const { schedulers, vcpus } = makePools(memory, init);
  const scheduler = schedulers[init.domains[n]!.pool]!;
  const first = vcpus[n]![0]!;
  scheduler.prepareStart(first, () => true);
  return scheduler.start(first) === 'waits';
};
