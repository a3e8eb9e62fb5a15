import type { DtNode } from '@dom0less/fdt';
import type { CpuPool, HostFacts } from './boot-plan.ts';
import { suggest } from './nearest.ts';
import { cellAt, hasCompatible, renderValue, stringOf } from './property.ts';
import type { Reporter } from './reporter.ts';

/** What the pools of a tree are read with. */
export interface CpuPoolContext {
  host: HostFacts;
  /** Scheduler of pools that name none. */
  scheduler: string;
  nodeByPhandle(phandle: number): DtNode | undefined;
}

const CPUPOOL = 'xen,cpupool';
/** Xen's schedulers. */
export const SCHEDULERS: readonly string[] = ['credit2', 'credit', 'rtds', 'arinc653', 'null'];
/** Xen's, where `sched` is not given. */
export const DEFAULT_SCHEDULER = 'credit2';

const isPool = (node: DtNode): boolean => hasCompatible(node, CPUPOOL);

/** Logical ids of the CPUs in cpupool-cpus; those that can't be used are reported. */
const readCpus = (
  reporter: Reporter,
  node: DtNode,
  { host, nodeByPhandle }: CpuPoolContext,
  owners: Map<number, string>,
): number[] => {
  const name = 'cpupool-cpus';
  const value = node.prop(name)?.value ?? new Uint8Array();
  if (value.length === 0 || value.length % 4 !== 0) {
    const found = node.has(name) ? `${name} is ${renderValue(value) ?? 'empty'}` : `${name} is missing`;
    reporter.report('cpupool-cpus-invalid', node, node.has(name) ? name : undefined, { found });
    return [];
  }
  const byPath = new Map(host.cpus.map(({ path }, cpu) => [path, cpu]));
  const cpus = new Set<number>();
  for (let at = 0; at < value.length; at += 4) {
    const phandle = cellAt(value, at);
    const path = nodeByPhandle(phandle)?.path;
    const cpu = byPath.get(path ?? '');
    const other = cpu === undefined ? undefined : owners.get(cpu);
    if (cpu === undefined) {
      const found = path === undefined ? `phandle ${phandle}, which no node has` : `${path}, which is no CPU`;
      reporter.report('cpupool-cpus-invalid', node, name, { found: `${name} refers to ${found}` });
    } else if (other !== undefined) {
      reporter.report('cpupool-cpu-twice', node, name, { found: host.cpus[cpu]!.path, other });
    } else {
      owners.set(cpu, node.path);
      cpus.add(cpu);
    }
  }
  return [...cpus].sort((a, b) => a - b);
};

const readScheduler = (reporter: Reporter, node: DtNode, context: CpuPoolContext): string => {
  if (!node.has('cpupool-sched')) return context.scheduler;
  const found = stringOf(node, 'cpupool-sched') ?? '';
  if (SCHEDULERS.includes(found)) return found;
  const texts = { found: found.slice(0, 40), expected: SCHEDULERS.join(', '), used: context.scheduler };
  reporter.report('cpupool-scheduler', node, 'cpupool-sched', { ...texts, hint: suggest(found, SCHEDULERS) });
  return context.scheduler;
};

/**
 * Reads the CPU pools below /chosen. Ids are given in tree order, then the pool of the boot CPU gets id 0; CPUs that no
 * node names form one more pool. A pool without CPUs is left out.
 */
export const readCpuPools = (reporter: Reporter, chosen: DtNode | undefined, context: CpuPoolContext): CpuPool[] => {
  const owners = new Map<number, string>();
  const pools = (chosen?.children ?? []).filter(isPool).flatMap((node) => {
    const pcpus = readCpus(reporter, node, context, owners);
    const scheduler = readScheduler(reporter, node, context);
    return pcpus.length === 0 ? [] : [{ path: node.path, scheduler, pcpus }];
  });
  const rest = context.host.cpus.map((_, cpu) => cpu).filter((cpu) => !owners.has(cpu));
  const all: Omit<CpuPool, 'id'>[] = [...pools];
  if (rest.length > 0) all.push({ scheduler: context.scheduler, pcpus: rest });
  const boot = all.findIndex(({ pcpus }) => pcpus.includes(0));
  [all[0], all[boot]] = [all[boot]!, all[0]!];
  return all.map((pool, id) => ({ id, ...pool }));
};

/** What is wrong with a phandle in domain-cpupool; undefined if it refers to one of `pools`. */
export const cpuPoolDefect = (
  phandle: number | undefined,
  target: DtNode | undefined,
  chosen: DtNode | undefined,
  pools: readonly CpuPool[],
): string | undefined => {
  if (phandle === undefined) return 'is not one phandle';
  if (target === undefined) return `refers to phandle ${phandle}, which no node has`;
  if (!isPool(target) || target.parent !== chosen) return `refers to ${target.path}, which is no CPU pool`;
  return pools.some(({ path }) => path === target.path)
    ? undefined
    : `refers to ${target.path}, which has no CPU in cpupool-cpus`;
};
