/** Which pCPUs and which scheduler a domain's vCPUs get. */
import type { BootPlan, DomainPlan } from '@dom0less/multiboot';
import type { PcpuPool } from '../pcpu/init.ts';
import { type SchedulerName, schedulerNamed } from './make-scheduler.ts';

/** What a domain has of the pools. */
export interface DomainPool {
  /** Index of its pool. */
  readonly pool: number;
  /** For each vCPU the pCPUs that it may run on; undefined: all of the pool. */
  readonly affinity: readonly (readonly number[] | undefined)[];
}

/** The CPU pools of a board. */
export interface PlannedPools {
  /** Number of pCPUs. */
  readonly pcpus: number;
  readonly pools: readonly PcpuPool[];
  /** A scheduler that was asked for and is not there. */
  readonly unknownScheduler?: string;
  poolOf(domain: DomainPlan): DomainPool;
}

const SCHED = /(?:^|\s)sched=(\S+)/g;

/** The scheduler that Xen's command line asks for: the last option `sched` counts. */
const commandLineScheduler = (commandLine: string): { scheduler: SchedulerName; unknown?: string } => {
  const asked = [...commandLine.matchAll(SCHED)].at(-1)?.[1];
  const known = asked === undefined ? undefined : schedulerNamed(asked);
  if (asked === undefined || known !== undefined) return { scheduler: known?.name ?? 'fair' };
  return { scheduler: 'fair', unknown: asked };
};

/** Makes one pool of all pCPUs. */
export const planPools = (plan: BootPlan, pcpus: number): PlannedPools => {
  const { scheduler, unknown } = commandLineScheduler(plan.xenCommandLine ?? '');
  const all = Array.from({ length: pcpus }, (_, pcpu) => pcpu);
  return {
    pcpus,
    pools: [{ scheduler, pcpus: all }],
    ...(unknown === undefined ? {} : { unknownScheduler: unknown }),
    poolOf: ({ cpus }) => ({ pool: 0, affinity: Array.from({ length: cpus }, () => undefined) }),
  };
};
