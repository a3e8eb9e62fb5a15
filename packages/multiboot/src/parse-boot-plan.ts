import type { DeviceTree, DtNode } from '@dom0less/fdt';
import type { BootPlan, DomainPlan } from './boot-plan.ts';
import { readDom0, readXenCommandLine } from './chosen.ts';
import type { Diagnostic } from './diagnostic.ts';
import { type DomainContext, type DomainDraft, readDomain } from './domain.ts';
import type { Feature } from './feature.ts';
import { readHost } from './host.ts';
import { checkHostMemory, checkMemoryBudget, checkModuleCount } from './memory-checks.ts';
import { disabledStatus, hasCompatible, u32Of } from './property.ts';
import { Reporter } from './reporter.ts';

/** Settings of {@link parseBootPlan}. */
export interface ParseOptions {
  /**
   * Parts of the binding that the caller's hypervisor provides. Using one of the others gets the diagnostic
   * `domain-not-in-effect`. None if absent.
   */
  features?: Iterable<Feature>;
}

/** What {@link parseBootPlan} found. */
export interface ParsedBootPlan {
  plan: BootPlan;
  /** In the order in which they were found: the board first, then each domain, then what concerns several. */
  diagnostics: Diagnostic[];
}

const DOMAIN = 'xen,domain';
const CPUPOOL = 'xen,cpupool';

/** Finds nodes by phandle; the index is made at the first use. */
const phandleIndex = (root: DtNode): ((phandle: number) => DtNode | undefined) => {
  let index: Map<number, DtNode> | undefined;
  return (phandle) => {
    if (index === undefined) {
      index = new Map();
      for (const node of root.walk()) {
        const own = u32Of(node, 'phandle') ?? u32Of(node, 'linux,phandle');
        if (own !== undefined && !index.has(own)) index.set(own, node);
      }
    }
    return index.get(phandle);
  };
};

const readDomains = (reporter: Reporter, chosen: DtNode, context: DomainContext): DomainDraft[] => {
  const drafts: DomainDraft[] = [];
  for (const node of chosen.children) {
    if (!hasCompatible(node, DOMAIN)) continue;
    const found = disabledStatus(node);
    if (found === undefined) drafts.push(readDomain(reporter, node, drafts.length + 1, context));
    else reporter.forDomain(node.name).report('domain-disabled', node, 'status', { found });
  }
  if (drafts.length === 0) reporter.report('domains-missing', chosen, undefined);
  return drafts;
};

const checkMisplaced = (reporter: Reporter, root: DtNode, chosen: DtNode | undefined): void => {
  for (const node of root.walk()) {
    if (node.parent !== chosen && hasCompatible(node, DOMAIN)) reporter.report('domain-misplaced', node, 'compatible');
  }
};

const checkChosen = (reporter: Reporter, chosen: DtNode, features: ReadonlySet<Feature>): void => {
  for (const name of ['xen,static-heap', 'xen,uefi-cfg-load']) {
    if (chosen.has(name)) reporter.report('not-in-effect-host', chosen, name);
  }
  if (features.has('cpupools')) return;
  for (const node of chosen.children) {
    if (hasCompatible(node, CPUPOOL)) reporter.report('cpupool-ignored', node, undefined);
  }
};

/** Capabilities that one domain only may have, and what depends on them. */
const checkCapabilities = (drafts: readonly DomainDraft[], dom0Present: boolean): void => {
  for (const found of ['hardware', 'xenstore'] as const) {
    const [first, ...others] = drafts.filter(({ description }) => description.capabilities[found]);
    for (const { node, reporter } of others) {
      reporter.report('domain-capability-twice', node, 'capabilities', { found, other: first!.description.path });
    }
  }
  if (dom0Present || drafts.some(({ description }) => description.capabilities.xenstore)) return;
  for (const { node, reporter, description } of drafts) {
    if (description.enhanced !== 'enabled' && description.enhanced !== 'legacy') continue;
    reporter.report('domain-enhanced-without-xenstore', node, 'xen,enhanced');
  }
};

/** Names without unit address where that leaves them distinct. */
const nameDomains = (drafts: readonly DomainDraft[]): void => {
  const counts = new Map<string, number>();
  for (const { node } of drafts) counts.set(node.baseName, (counts.get(node.baseName) ?? 0) + 1);
  for (const { node, description } of drafts) {
    description.name = counts.get(node.baseName) === 1 ? node.baseName : node.name;
  }
};

const finish = ({ reporter, description, modules }: DomainDraft): DomainPlan => {
  const { kernel } = modules;
  return reporter.failed || kernel === undefined
    ? { ...description, valid: false, modules }
    : { ...description, valid: true, modules: { ...modules, kernel } };
};

/**
 * Reads a host device tree by Xen's dom0less binding.
 *
 * Pure, and total: whatever the tree holds, it returns a plan with what could be read, and every defect as a
 * diagnostic. A domain with an error is `valid: false`; the others are not concerned by it. Time and memory are
 * about linear in the size of the tree.
 */
export const parseBootPlan = (tree: DeviceTree, options: ParseOptions = {}): ParsedBootPlan => {
  const diagnostics: Diagnostic[] = [];
  const reporter = new Reporter(diagnostics);
  const features = new Set(options.features);
  const chosen = tree.root.children.find(({ name }) => name === 'chosen');
  const host = readHost(reporter, tree, chosen);
  checkMisplaced(reporter, tree.root, chosen);
  if (chosen === undefined) {
    reporter.report('chosen-missing', tree.root, undefined);
    return { plan: { host, dom0: { present: false, modules: [], bootargs: '' }, domains: [] }, diagnostics };
  }
  checkChosen(reporter, chosen, features);
  const dom0 = readDom0(reporter, chosen);
  const xenCommandLine = readXenCommandLine(chosen, dom0.plan);
  const context: DomainContext = { host, features, nodeByPhandle: phandleIndex(tree.root) };
  const drafts = readDomains(reporter, chosen, context);
  nameDomains(drafts);
  const modules = [
    ...dom0.modules,
    ...drafts.flatMap(({ allModules, reporter: owner }) => allModules.map((one) => ({ ...one, reporter: owner }))),
  ];
  checkModuleCount(reporter, chosen, modules);
  checkHostMemory(host, modules, drafts);
  checkCapabilities(drafts, dom0.plan.present);
  checkMemoryBudget(host, modules, drafts);
  const domains = drafts.map(finish);
  return {
    plan: { ...(xenCommandLine === undefined ? {} : { xenCommandLine }), host, dom0: dom0.plan, domains },
    diagnostics,
  };
};
