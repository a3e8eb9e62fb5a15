import type { DtNode } from '@dom0less/fdt';
import type { CpuPool, VcpuAffinity } from './boot-plan.ts';
import { COMMON_PROPERTIES, checkPropertyNames } from './modules.ts';
import { renderValue, stringOf, u32Of } from './property.ts';
import type { Reporter } from './reporter.ts';

/** What the vCPU nodes of a domain are read with. */
export interface AffinityContext {
  /** vCPUs of the domain. */
  cpus: number;
  /** pCPUs of the host. */
  pcpus: number;
  pool: CpuPool;
}

const PROPERTIES = [...COMMON_PROPERTIES, 'id', 'hard-affinity'];

/** pCPUs that a list such as `0,2-3` names, or the place (from 1) of the character that does not belong. */
const parseCpuList = (text: string, limit: number): { pcpus: number[] } | { column: number; what: string } => {
  const pcpus = new Set<number>();
  let at = 0;
  for (;;) {
    const item = /^(\d+)(?:-(\d+))?/.exec(text.slice(at));
    if (item === null) return { column: at + 1, what: 'a number is expected' };
    const first = Number(item[1]);
    const last = item[2] === undefined ? first : Number(item[2]);
    if (last < first) return { column: at + 1, what: `the range ${item[0]} is reversed` };
    if (last >= limit) return { column: at + 1, what: `there is no pCPU ${last}: they are 0 to ${limit - 1}` };
    for (let cpu = first; cpu <= last; cpu++) pcpus.add(cpu);
    at += item[0].length;
    if (at === text.length) return { pcpus: [...pcpus].sort((a, b) => a - b) };
    if (text[at] !== ',') return { column: at + 1, what: `${JSON.stringify(text[at])} does not belong there` };
    at++;
  }
};

const readOne = (reporter: Reporter, node: DtNode, context: AffinityContext): VcpuAffinity | undefined => {
  checkPropertyNames(reporter, node, PROPERTIES);
  const vcpu = u32Of(node, 'id');
  if (vcpu === undefined) {
    const found = node.has('id') ? (renderValue(node.prop('id')!.value) ?? 'empty') : 'missing';
    reporter.report('vcpu-id', node, node.has('id') ? 'id' : undefined, { found, limit: context.cpus - 1 });
    return undefined;
  }
  if (vcpu >= context.cpus) {
    reporter.report('vcpu-id', node, 'id', { found: vcpu, limit: context.cpus - 1 });
    return undefined;
  }
  if (!node.has('hard-affinity')) return undefined;
  const text = stringOf(node, 'hard-affinity') ?? '';
  const parsed = parseCpuList(text, context.pcpus);
  if ('column' in parsed) {
    const found = text.slice(0, 60);
    reporter.report('vcpu-affinity', node, 'hard-affinity', { found, column: parsed.column, what: parsed.what });
    return undefined;
  }
  const pcpus = parsed.pcpus.filter((cpu) => context.pool.pcpus.includes(cpu));
  if (pcpus.length > 0) return { vcpu, pcpus };
  const { id, pcpus: all } = context.pool;
  reporter.report('vcpu-affinity-pool', node, 'hard-affinity', { found: text.slice(0, 60), id, all: all.join(', ') });
  return undefined;
};

/** Reads the xen,vcpu children of a domain. Of two for one vCPU the last counts. */
export const readAffinities = (
  reporter: Reporter,
  nodes: readonly DtNode[],
  context: AffinityContext,
): VcpuAffinity[] => {
  const byVcpu = new Map<number, { node: DtNode; affinity: VcpuAffinity }>();
  for (const node of nodes) {
    const affinity = readOne(reporter, node, context);
    if (affinity === undefined) continue;
    const other = byVcpu.get(affinity.vcpu)?.node.path;
    if (other !== undefined) reporter.report('vcpu-twice', node, 'id', { found: affinity.vcpu, other });
    byVcpu.set(affinity.vcpu, { node, affinity });
  }
  return [...byVcpu.values()].map(({ affinity }) => affinity).sort((a, b) => a.vcpu - b.vcpu);
};
