/** Which pCPUs a board has, and which of them and which scheduler a domain's vCPUs get. */
import type { BootPlan, CpuPool, DomainPlan } from '@dom0less/multiboot';
import { type BoardDiagnostic, buildDiagnostic } from '../board/diagnostic.ts';
import type { PcpuPool } from '../pcpu/init.ts';
import { schedulerNamed } from './make-scheduler.ts';

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
  /** Those that have pCPUs; the first is that of the boot CPU. */
  readonly pools: readonly PcpuPool[];
  /** What a domain gets; undefined, and reported, if there is no pCPU for it. */
  poolOf(domain: DomainPlan, report: (diagnostic: BoardDiagnostic) => void): DomainPool | undefined;
}

/** How many pCPUs a board shall have. */
export interface PcpuCount {
  /** Exactly so many, whatever the tree says. */
  readonly pcpus?: number | undefined;
  /** Otherwise so many, or fewer where there are fewer vCPUs, or more where the tree names more; 1 if absent. */
  readonly hostCpus?: number | undefined;
}

/** The pCPUs that pools and affinities name. */
const namedPcpus = ({ cpupools, domains }: BootPlan): number[] => [
  ...cpupools.flatMap(({ path, pcpus }) => (path === undefined ? [] : pcpus)),
  ...domains.flatMap(({ hardAffinity }) => hardAffinity.flatMap(({ pcpus }) => pcpus)),
];

const countPcpus = (plan: BootPlan, { pcpus, hostCpus = 1 }: PcpuCount): number => {
  const vcpus = plan.domains.reduce((sum, { cpus }) => sum + cpus, 0);
  const wanted = pcpus ?? Math.max(Math.min(hostCpus, vcpus), ...namedPcpus(plan).map((pcpu) => pcpu + 1));
  return Math.max(1, Math.min(wanted, plan.xenOptions.maxCpus ?? Infinity));
};

/** A pool with those of its pCPUs that there are; pCPUs that the tree does not know go to the pool of those left over. */
const poolPcpus = (pool: CpuPool, { cpupools, host }: BootPlan, count: number): number[] => {
  const leftOver = cpupools.find(({ path }) => path === undefined) ?? cpupools[0]!;
  const extra = Array.from({ length: Math.max(0, count - host.cpus.length) }, (_, n) => host.cpus.length + n);
  const all = pool === leftOver ? [...pool.pcpus, ...extra] : pool.pcpus;
  return all.filter((pcpu) => pcpu < count);
};

const noteScheduler = ({ path, scheduler }: CpuPool, report: (diagnostic: BoardDiagnostic) => void): void => {
  if (schedulerNamed(scheduler).like) return;
  const place =
    path === undefined ? { path: '/chosen', property: 'xen,xen-bootargs' } : { path, property: 'cpupool-sched' };
  report(buildDiagnostic('scheduler-replaced', place, { found: scheduler }));
};

/** Makes the pools that the tree describes of `count` pCPUs. What is said of the board is reported at once. */
export const planPools = (
  plan: BootPlan,
  count: PcpuCount,
  report: (diagnostic: BoardDiagnostic) => void,
): PlannedPools => {
  const pcpus = countPcpus(plan, count);
  const pools = plan.cpupools.map((pool) => ({ pool, pcpus: poolPcpus(pool, plan, pcpus) }));
  const usable = pools.filter((one) => one.pcpus.length > 0);
  for (const { pool } of usable) noteScheduler(pool, report);
  return {
    pcpus,
    pools: usable.map((one) => ({ scheduler: schedulerNamed(one.pool.scheduler).name, pcpus: one.pcpus })),
    poolOf: (domain, reportOfDomain) => {
      const pool = usable.findIndex((one) => one.pool.id === domain.cpupool);
      if (pool >= 0) {
        const affinity = affinityOf(domain, usable[pool]!.pcpus, pcpus, reportOfDomain);
        return affinity && { pool, affinity };
      }
      const place = { path: domain.path, property: 'domain-cpupool', domain: domain.nodeName };
      reportOfDomain(buildDiagnostic('cpupool-without-pcpus', place, { id: domain.cpupool, pcpus }));
      return undefined;
    },
  };
};

/** Affinities as far as there are pCPUs for them; undefined, and reported, if a vCPU is left with none. */
const affinityOf = (
  domain: DomainPlan,
  pool: readonly number[],
  pcpus: number,
  report: (diagnostic: BoardDiagnostic) => void,
): DomainPool['affinity'] | undefined => {
  const affinity: (readonly number[] | undefined)[] = Array.from({ length: domain.cpus }, () => undefined);
  let possible = true;
  for (const wanted of domain.hardAffinity) {
    const there = wanted.pcpus.filter((pcpu) => pool.includes(pcpu));
    affinity[wanted.vcpu] = there;
    if (there.length === wanted.pcpus.length) continue;
    const found = wanted.pcpus.filter((pcpu) => !there.includes(pcpu)).join(', ');
    const code = there.length === 0 ? 'affinity-without-pcpus' : 'affinity-pcpus-missing';
    const place = { path: domain.path, domain: domain.nodeName };
    report(buildDiagnostic(code, place, { vcpu: wanted.vcpu, found, pcpus }));
    if (there.length === 0) possible = false;
  }
  return possible ? affinity : undefined;
};
