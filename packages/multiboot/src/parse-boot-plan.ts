import type { DeviceTree, DtNode } from '@dom0less/fdt';
import type { BootPlan, DomainDescription, DomainPlan, HostFacts, MemoryRange, XenOptions } from './boot-plan.ts';
import { readDom0, readXenCommandLine } from './chosen.ts';
import { DEFAULT_SCHEDULER, readCpuPools } from './cpupools.ts';
import type { Diagnostic } from './diagnostic.ts';
import { type DomainContext, type DomainDraft, readDomain } from './domain.ts';
import { isEventChannel, type OwnedEventChannel, readEventChannels } from './event-channels.ts';
import type { Feature } from './feature.ts';
import { guestRamBanks } from './guest-ram.ts';
import { readHost } from './host.ts';
import { resolveUart } from './host-devices.ts';
import { checkHostMemory, checkMemoryBudget, checkModuleCount, checkStaticHeap, takenRanges } from './memory-checks.ts';
import { nameDomains, resolveStartAfter } from './own-properties.ts';
import { disabledStatus, hasCompatible, u32Of } from './property.ts';
import { subtractRanges } from './range.ts';
import { Reporter } from './reporter.ts';
import { advise } from './rules/advice.ts';
import { checkSharedMemory, type OwnedSharedMemory, readSharedMemory, SHARED_MEMORY } from './shared-memory.ts';
import { DEFAULT_XEN_OPTIONS, readXenOptions } from './xen-command-line.ts';

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

/** dom0's end of event channels: Xen has no limit for a hardware domain but that of its FIFO ABI. */
const DOM0_MAX_PORT = 2 ** 17 - 1;
/** Highest port of a domain that is neither hardware nor xenstore domain. */
const DOMU_MAX_PORT = 1023;

/** Static event channels of dom0 and all domains. */
const checkEventChannels = (
  reporter: Reporter,
  chosen: DtNode,
  drafts: readonly DomainDraft[],
  context: DomainContext,
): void => {
  const dom0 = chosen.children.filter(isEventChannel);
  const all: OwnedEventChannel[] = dom0.map((node) => ({ node, reporter, domain: 0, maxPort: DOM0_MAX_PORT }));
  for (const { reporter: owner, channelNodes, description } of drafts) {
    const { hardware, xenstore } = description.capabilities;
    const maxPort = hardware || xenstore ? DOM0_MAX_PORT : DOMU_MAX_PORT;
    for (const node of channelNodes) all.push({ node, reporter: owner, domain: description.id, maxPort });
  }
  const channels = readEventChannels(all, context.nodeByPhandle);
  for (const { node, reporter: owner, channelNodes, description } of drafts) {
    description.eventChannels = channelNodes.flatMap((child) => channels.get(child) ?? []);
    if (channelNodes.length > 0 && description.enhanced === 'disabled') {
      owner.report('evtchn-not-enhanced', node, undefined);
    }
  }
};

/** RAM of a domain as it sees it. */
const guestRamOf = ({ directMap, staticMem, memoryKiB }: DomainDescription): readonly MemoryRange[] =>
  directMap ? staticMem : guestRamBanks(memoryKiB);

/** Static shared memory of dom0 and all domains. Gives the host ranges that it has. */
const checkSharing = (
  reporter: Reporter,
  chosen: DtNode,
  drafts: readonly DomainDraft[],
  host: HostFacts,
  taken: readonly (MemoryRange & { path: string })[],
): (MemoryRange & { path: string })[] => {
  const all: OwnedSharedMemory[] = chosen.children.flatMap((node) => {
    if (!hasCompatible(node, SHARED_MEMORY)) return [];
    const region = readSharedMemory(reporter, node);
    return region === undefined ? [] : [{ node, reporter, region, ram: undefined, directMap: false }];
  });
  for (const { reporter: owner, shared, description } of drafts) {
    const ram = guestRamOf(description);
    for (const one of shared) all.push({ ...one, reporter: owner, ram, directMap: description.directMap });
  }
  checkSharedMemory(all, host.memory, taken);
  return all.flatMap(({ region: { hostAddress, size, path } }) =>
    hostAddress === undefined ? [] : [{ start: hostAddress, size, path }],
  );
};

/** The UART that dtuart or stdout-path names. */
const readUart = (
  reporter: Reporter,
  root: DtNode,
  chosen: DtNode,
  host: HostFacts,
  xen: { property: string; options: XenOptions } | undefined,
): string | undefined => {
  const { dtuart } = xen?.options ?? {};
  const found = dtuart ?? host.stdoutPath;
  if (found === undefined) return undefined;
  const path = resolveUart(root, found);
  if (host.devices.some((device) => device.path === path)) return path;
  const property = dtuart === undefined ? 'stdout-path' : xen!.property;
  reporter.report('uart-missing', chosen, property, { property, found: found.slice(0, 80) });
  return undefined;
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
  const { root } = tree;
  const chosen = root.children.find(({ name }) => name === 'chosen');
  const facts = readHost(reporter, tree, chosen);
  const nodeByPhandle = phandleIndex(root);
  checkMisplaced(reporter, root, chosen);
  if (chosen === undefined) {
    reporter.report('chosen-missing', root, undefined);
    const cpupools = readCpuPools(reporter, undefined, { host: facts, scheduler: DEFAULT_SCHEDULER, nodeByPhandle });
    const dom0 = { present: false, modules: [], bootargs: '' };
    return { plan: { xenOptions: { ...DEFAULT_XEN_OPTIONS }, host: facts, cpupools, dom0, domains: [] }, diagnostics };
  }
  if (chosen.has('xen,uefi-cfg-load')) reporter.report('uefi-config-ignored', chosen, 'xen,uefi-cfg-load');
  const dom0 = readDom0(reporter, chosen);
  const commandLine = readXenCommandLine(chosen, dom0.plan);
  const property = commandLine?.property ?? 'bootargs';
  const xenOptions = readXenOptions(reporter, chosen, property, commandLine?.text);
  const uart = readUart(reporter, root, chosen, facts, { property, options: xenOptions });
  const host: HostFacts = uart === undefined ? facts : { ...facts, uart };
  const scheduler = xenOptions.scheduler ?? DEFAULT_SCHEDULER;
  const cpupools = readCpuPools(reporter, chosen, { host, scheduler, nodeByPhandle });
  const context: DomainContext = { host, features: new Set(options.features), cpupools, nodeByPhandle };
  const drafts = readDomains(reporter, chosen, context);
  nameDomains(drafts);
  resolveStartAfter(drafts);
  const modules = [
    ...dom0.modules,
    ...drafts.flatMap(({ allModules, reporter: owner }) => allModules.map((one) => ({ ...one, reporter: owner }))),
  ];
  checkModuleCount(reporter, chosen, modules);
  checkHostMemory(host, modules, drafts);
  const taken = takenRanges(host, modules, drafts);
  const shared = checkSharing(reporter, chosen, drafts, host, taken);
  checkStaticHeap(reporter, chosen, host, [...taken, ...shared]);
  checkEventChannels(reporter, chosen, drafts, context);
  checkCapabilities(drafts, dom0.plan.present);
  checkMemoryBudget(host, [...taken, ...shared], drafts);
  const xenCommandLine = commandLine === undefined ? {} : { xenCommandLine: commandLine.text };
  const pool = subtractRanges(host.memory, [...taken, ...shared]);
  advise({ reporter, chosen, plan: { host }, domains: drafts, modules, pool });
  const domains = drafts.map(finish);
  return { plan: { ...xenCommandLine, xenOptions, host, cpupools, dom0: dom0.plan, domains }, diagnostics };
};
