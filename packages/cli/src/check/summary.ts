import type { BoardPlan } from '@dom0less/hypervisor/plan';
import type { DomainPlan, Severity } from '@dom0less/multiboot';
import type { CheckFinding } from './finding.ts';
import type { Paint } from './render-text.ts';

/** A domain and whether it would start. */
export interface DomainOutlook {
  readonly name: string;
  readonly id: number;
  readonly starts: boolean;
  /** Why it would not. */
  readonly reason?: string;
}

/** What a boot would make of each domain. */
export function outlook({ plan, planned, failures, boots }: BoardPlan): DomainOutlook[] {
  const ready = new Set(planned.map(({ domain }) => domain.id));
  const byId = new Map(plan.domains.map((domain) => [domain.id, domain]));
  /** The domain that it starts after, or that one does, and so on, and that can not be built. There are no circles. */
  const missing = ({ startAfter }: DomainPlan): DomainPlan | undefined => {
    const other = startAfter === undefined ? undefined : byId.get(startAfter.domain);
    return other === undefined || !ready.has(other.id) ? other : missing(other);
  };
  return plan.domains.map((domain) => {
    const { id, nodeName } = domain;
    const gone = missing(domain);
    if (boots && ready.has(id) && gone === undefined) return { name: nodeName, id, starts: true };
    const waits =
      gone !== undefined && ready.has(id) ? `it starts after ${gone.name}, which can not be built` : undefined;
    const reason = failures.get(id) ?? (boots ? (waits ?? 'it can not be built') : 'the board does not start');
    return { name: nodeName, id, starts: false, reason };
  });
}

/** How many findings of each severity there are. */
export const countFindings = (findings: readonly CheckFinding[]): Record<Severity, number> => {
  const counts = { error: 0, warning: 0, info: 0 };
  for (const { severity } of findings) counts[severity]++;
  return counts;
};

const plural = (count: number, what: string): string => `${count} ${what}${count === 1 ? '' : 's'}`;

/** The last lines of a report for people. */
export function summaryLines(findings: readonly CheckFinding[], board: BoardPlan | undefined, paint: Paint): string[] {
  const { error, warning, info } = countFindings(findings);
  const counts = [plural(error, 'error'), plural(warning, 'warning'), plural(info, 'remark')].join(', ');
  if (board === undefined) return [`${counts}; nothing to boot`];
  const domains = outlook(board).map(({ name, starts, reason }) =>
    starts ? `  ${paint('green', 'starts')}  ${name}` : `  ${paint('red', 'fails')}   ${name}: ${reason}`,
  );
  return [...domains, counts];
}
