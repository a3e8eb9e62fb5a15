/** How vCPUs are spread over pCPUs and begin to run. */
import type { BoardMemory } from '../memory/board-memory.ts';
import type { PcpuInit } from '../pcpu/init.ts';
import { makePools } from '../pcpu/pools.ts';

/**
 * Gives each vCPU a pCPU to begin on, spread evenly, and brings the first one of each domain online. Nothing runs yet.
 *
 * @returns the vCPUs that have to wait for a pCPU, as `d<domain>v<vCPU>`
 */
export const startVcpus = (
  memory: BoardMemory,
  init: Pick<PcpuInit, 'domains' | 'pools' | 'counterFrequency'>,
): string[] => {
  const { schedulers, vcpus } = makePools(memory, init);
  const waiting: string[] = [];
  init.domains.forEach(({ id, pool }, n) => {
    const scheduler = schedulers[pool]!;
    vcpus[n]!.forEach((vcpu, index) => {
      const allowed = scheduler.pcpus.filter((pcpu) => vcpu.mayRunOn(pcpu));
      vcpu.home = allowed[(n + index) % allowed.length]!;
      vcpu.deadline = Infinity;
    });
    const [first] = vcpus[n]!;
    scheduler.prepareStart(first!, () => true);
    if (scheduler.start(first!) === 'waits') waiting.push(`d${id}v0`);
  });
  return waiting;
};
