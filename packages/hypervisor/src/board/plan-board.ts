/** From a host device tree and files to what each domain gets; nothing is built and no engine is needed. */
import { BLOCK_BYTES } from '@dom0less/arm64-cpu/sizes';
import type { DeviceTree } from '@dom0less/fdt';
import { type BootPlan, type DomainPlan, parseBootPlan, type ValidDomain } from '@dom0less/multiboot';
import { modelNamed } from '../devices/models.ts';
import { countBlocks, HostMemory } from '../domain/domain-memory.ts';
import { DeviceOwners } from '../domain/plan-devices.ts';
import { KernelReader, type PlannedDomain, type PooledDomain, planDomain } from '../domain/plan-domain.ts';
import { type DomainShape, layOut } from '../memory/layout.ts';
import { type PcpuCount, type PlannedPools, planPools } from '../schedule/plan-pools.ts';
import { type BoardDiagnostic, buildDiagnostic } from './diagnostic.ts';
import type { ModuleBytes } from './module-bytes.ts';

/** What a board is planned from. */
export interface PlanOptions extends PcpuCount {
  /** The host device tree. */
  readonly tree: DeviceTree;
  /** Files in host memory, by the host physical address of their first byte. */
  readonly modules: ReadonlyMap<number, ModuleBytes>;
  /** True: any error, also of one domain only, keeps the board from being made, as with Xen. */
  readonly strict?: boolean;
  /** True: a module without its file is taken to be as its node says, with a remark, to plan a tree alone. */
  readonly assumeModules?: boolean;
}

/** What a boot would do, and everything that was found on the way. */
export interface BoardPlan {
  readonly plan: BootPlan;
  readonly diagnostics: readonly BoardDiagnostic[];
  /** The domains that can be built, each with its memory, images and device tree. */
  readonly planned: readonly PooledDomain[];
  /** Why a domain of the plan is not among them, by id. */
  readonly failures: ReadonlyMap<number, string>;
  /** True if the board would start: it has no error of its own, a domain can be built, and if strict there is no error. */
  readonly boots: boolean;
}

const MIB = 2 ** 20;

/** Collects diagnostics, and the first error of each domain. */
export class Findings {
  readonly diagnostics: BoardDiagnostic[];
  readonly failures = new Map<number, string>();

  constructor(diagnostics: readonly BoardDiagnostic[], domains: readonly DomainPlan[]) {
    this.diagnostics = [...diagnostics];
    for (const { id, nodeName, valid } of domains) {
      if (valid) continue;
      const error = diagnostics.find(({ severity, domain }) => severity === 'error' && domain === nodeName);
      this.failures.set(id, error?.message ?? 'the device tree does not describe it fully');
    }
  }

  /** What is reported while domain `id` is worked on. */
  readonly reporter =
    (id: number) =>
    (diagnostic: BoardDiagnostic): void => {
      this.diagnostics.push(diagnostic);
      if (diagnostic.severity === 'error' && !this.failures.has(id)) this.failures.set(id, diagnostic.message);
    };

  /** True if a board can come of it: no error of the board itself; none at all if `strict`. */
  passes(strict: boolean): boolean {
    return !this.diagnostics.some(({ severity, domain }) => severity === 'error' && (strict || domain === undefined));
  }
}

const planAll = (
  plan: BootPlan,
  { modules, assumeModules = false }: PlanOptions,
  pools: PlannedPools,
  findings: Findings,
): PooledDomain[] => {
  const memory = new HostMemory(plan);
  const owners = new DeviceOwners();
  const kernels = new KernelReader();
  const valid = plan.domains.filter((domain): domain is ValidDomain => domain.valid);
  return valid.flatMap((domain) => {
    const report = findings.reporter(domain.id);
    const context = { host: plan.host, modules, assumeModules, memory, owners, kernels, report };
    const place = pools.poolOf(domain, context.report);
    const planned = place && planDomain(domain, context);
    return place === undefined || planned === undefined ? [] : { ...planned, ...place };
  });
};

/** RAM blocks: those that the domains may come to touch, and those that the engine's memory can hold at once. */
export interface BlockBudget {
  readonly wanted: number;
  readonly count: number;
}

/** What the layout of the board's memory needs to know of a domain. */
export const shapeOf = ({ domain, devices }: PlannedDomain): DomainShape => ({
  cpus: domain.cpus,
  gicVersion: domain.gicVersion,
  devices: devices.devices.map(({ model }) => modelNamed(model).stateBytes),
});

const budgetOf = (planned: readonly PooledDomain[], { pcpus, pools }: PlannedPools): BlockBudget => {
  const wanted = countBlocks(planned.map(({ memory }) => memory));
  const domains = planned.map(shapeOf);
  return { wanted, count: layOut({ pcpus, pools: pools.length, domains, blocksWanted: wanted }).blockCount };
};

/** Reports that the domains could come to touch more RAM than there are blocks. */
export const checkBlocks = ({ wanted, count }: BlockBudget, findings: Findings): void => {
  if (count >= wanted) return;
  const texts = { found: (wanted * BLOCK_BYTES) / MIB, available: (count * BLOCK_BYTES) / MIB };
  findings.diagnostics.push(buildDiagnostic('memory-budget', { path: '/chosen' }, texts));
};

/** A planned board with findings that building may add to. */
export interface PlannedBoard {
  readonly plan: BootPlan;
  readonly findings: Findings;
  readonly planned: readonly PooledDomain[];
  readonly pools: PlannedPools;
  readonly blocks: BlockBudget;
  readonly boots: boolean;
}

/** Like {@link planBoard}, for building on. */
export const planWithFindings = (options: PlanOptions): PlannedBoard => {
  const parsed = parseBootPlan(options.tree);
  const { plan } = parsed;
  const findings = new Findings(parsed.diagnostics, plan.domains);
  const pools = planPools(plan, options, (diagnostic) => findings.diagnostics.push(diagnostic));
  // Without host memory there is nothing to plan with, and that was said.
  const planned = plan.host.memory.length === 0 ? [] : planAll(plan, options, pools, findings);
  const blocks = budgetOf(planned, pools);
  checkBlocks(blocks, findings);
  return {
    plan,
    findings,
    planned,
    pools,
    blocks,
    boots: planned.length > 0 && findings.passes(options.strict === true),
  };
};

/**
 * Parses and plans a board as preparing it for a boot does: the same plan, the same diagnostics. Content never throws.
 */
export const planBoard = (options: PlanOptions): BoardPlan => {
  const { plan, findings, planned, boots } = planWithFindings(options);
  const { diagnostics, failures } = findings;
  return { plan, diagnostics, planned, failures, boots };
};
