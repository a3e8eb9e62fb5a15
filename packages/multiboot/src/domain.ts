import type { DtNode } from '@dom0less/fdt';
import type {
  BootModule,
  Capabilities,
  CpuPool,
  DomainDescription,
  DomainModules,
  Enhanced,
  HostFacts,
  SharedMemory,
} from './boot-plan.ts';
import { checkedCells, noteInheritedCells } from './cells.ts';
import { cpuPoolDefect } from './cpupools.ts';
import { DOMAIN_PROPERTY_NAMES, readFlag, readU32, readWord } from './domain-properties.ts';
import { readGicVersion, readMemoryKiB, readStaticMem, readVcpuCount } from './domain-resources.ts';
import { EVENT_CHANNEL, EVENT_CHANNEL_DOCUMENTED } from './event-channels.ts';
import { FEATURES, type Feature } from './feature.ts';
import {
  COMMON_PROPERTIES,
  checkPropertyNames,
  GENERIC_NAMES,
  isModule,
  KIND_NAMES,
  MODULE_NAMES,
  readModule,
} from './modules.ts';
import { suggest } from './nearest.ts';
import { type OwnProperties, readOwnProperties } from './own-properties.ts';
import { compatibleOf, disabledStatus, hasCompatible, renderValue, stringOf, u32Of } from './property.ts';
import type { Reporter } from './reporter.ts';
import { readSharedMemory, SHARED_MEMORY } from './shared-memory.ts';
import { readAffinities } from './vcpu-affinity.ts';

/** A domain while its tree is being read; the checks across domains come later. */
export interface DomainDraft {
  node: DtNode;
  reporter: Reporter;
  description: DomainDescription;
  modules: DomainModules;
  /** Every module node that has a range, also those that a later one replaces. */
  allModules: { node: DtNode; module: BootModule }[];
  /** Children that are no modules, by kind. */
  vcpuNodes: DtNode[];
  sharedNodes: DtNode[];
  /** Those of them that could be read. */
  shared: { node: DtNode; region: SharedMemory }[];
  channelNodes: DtNode[];
  own: OwnProperties;
}

/** What the reader of a domain needs to know about the rest of the tree. */
export interface DomainContext {
  host: HostFacts;
  /** Parts of the binding that the caller's hypervisor provides. */
  features: ReadonlySet<Feature>;
  /** CPU pools of the board; at least one. */
  cpupools: readonly CpuPool[];
  nodeByPhandle(phandle: number): DtNode | undefined;
}

const SLOTS = { kernel: 'kernel', ramdisk: 'ramdisk', 'device-tree': 'deviceTree' } as const;
const LLC_COLORS = /^\d+(-\d+)?(,\d+(-\d+)?)*$/;

/** Children of a domain that are not modules, by how their compatible names them. */
const OTHER_CHILDREN = {
  'xen,vcpu': 'vcpuNodes',
  [SHARED_MEMORY]: 'sharedNodes',
  [EVENT_CHANNEL]: 'channelNodes',
  [EVENT_CHANNEL_DOCUMENTED]: 'channelNodes',
} as const;
const CHILD_NAMES = [...MODULE_NAMES, ...Object.keys(OTHER_CHILDREN)];

const noteNotInEffect = (draft: DomainDraft, context: DomainContext, feature: Feature, name: string): void => {
  if (context.features.has(feature)) return;
  const property = draft.node.has(name) ? name : undefined;
  draft.reporter.report('domain-not-in-effect', draft.node, property, { name, found: FEATURES[feature] });
};

const readChild = (draft: DomainDraft, context: DomainContext, child: DtNode): void => {
  const kind = Object.entries(OTHER_CHILDREN).find(([name]) => hasCompatible(child, name))?.[1];
  const off = disabledStatus(child);
  if (kind === undefined) {
    const names = compatibleOf(child);
    const found = names.length === 0 ? 'no compatible' : names.join(', ').slice(0, 80);
    draft.reporter.report('child-unknown', child, 'compatible', { found, hint: suggest(names[0] ?? '', CHILD_NAMES) });
  } else if (off !== undefined) {
    draft.reporter.report('child-disabled', child, 'status', { found: off });
  } else {
    draft[kind].push(child);
    if (kind !== 'channelNodes' || context.features.has('event-channels')) return;
    const texts = { name: child.name, found: FEATURES['event-channels'] };
    draft.reporter.report('domain-not-in-effect', child, undefined, texts);
  }
};

const placeModule = (draft: DomainDraft, node: DtNode, module: BootModule): void => {
  const { reporter, modules } = draft;
  const { kind } = module;
  draft.allModules.push({ node, module });
  if (kind !== 'kernel' && kind !== 'ramdisk' && kind !== 'device-tree') {
    const name = module.compatible.find((one) => !GENERIC_NAMES.includes(one.toLowerCase()));
    const found = name === undefined ? 'it does not say its kind' : name.slice(0, 80);
    reporter.report('module-untyped', node, 'compatible', { found, hint: suggest(name ?? '', KIND_NAMES) });
    return;
  }
  const slot = SLOTS[kind];
  const other = modules[slot];
  if (other !== undefined) reporter.report('module-duplicate', node, undefined, { kind, other: other.path });
  modules[slot] = module;
  if (kind !== 'kernel' && module.bootargs !== undefined) {
    reporter.report('bootargs-on-other-module', node, 'bootargs', { kind });
  }
};

const readChildren = (draft: DomainDraft, context: DomainContext): void => {
  const { node, reporter } = draft;
  const moduleNodes = node.children.filter(isModule);
  const cells = moduleNodes.length === 0 ? undefined : checkedCells(reporter, node);
  if (cells !== undefined) noteInheritedCells(reporter, node, cells);
  for (const child of node.children) {
    if (!isModule(child)) readChild(draft, context, child);
    else {
      const module = readModule(reporter, child, cells, true);
      if (module !== undefined) placeModule(draft, child, module);
    }
  }
  if (draft.modules.kernel === undefined) reporter.report('domain-kernel-missing', node, undefined);
};

const readBootargs = ({ node, reporter, description, modules }: DomainDraft): void => {
  description.bootargs = modules.kernel?.bootargs ?? '';
  if (node.has('bootargs')) reporter.report('bootargs-on-domain', node, 'bootargs');
  if (node.unitAddress !== undefined && description.bootargs !== '') {
    reporter.report('bootargs-unit-address', node, undefined, { name: node.baseName });
  }
  if (!description.vpl011) reporter.report('domain-console-missing', node, undefined);
  else if (modules.kernel !== undefined && !/\bconsole=/.test(description.bootargs)) {
    reporter.report('domain-console-unused', node, undefined);
  }
};

const readCapabilities = (draft: DomainDraft, context: DomainContext): Capabilities => {
  const bits = readU32(draft.reporter, draft.node, 'capabilities') ?? 0;
  if (bits !== 0) noteNotInEffect(draft, context, 'capabilities', 'capabilities');
  return { control: (bits & 1) !== 0, hardware: (bits & 2) !== 0, xenstore: (bits & 4) !== 0 };
};

const readMapping = ({ node, reporter, description }: DomainDraft): void => {
  description.staticMem = readStaticMem(reporter, node, description.memoryKiB);
  description.directMap = readFlag(reporter, node, 'direct-map');
  if (description.directMap && !node.has('xen,static-mem')) {
    reporter.report('domain-direct-map-without-static-mem', node, 'direct-map');
  }
};

const readCpupool = ({ node, reporter, description, vcpuNodes }: DomainDraft, context: DomainContext): void => {
  const { cpupools, host } = context;
  let pool = cpupools[0]!;
  const name = 'domain-cpupool';
  if (node.has(name)) {
    const phandle = u32Of(node, name);
    const target = phandle === undefined ? undefined : context.nodeByPhandle(phandle);
    const found = cpuPoolDefect(phandle, target, node.parent, cpupools);
    if (found !== undefined) reporter.report('domain-cpupool-invalid', node, name, { found });
    else pool = cpupools.find(({ path }) => path === target!.path)!;
  }
  description.cpupool = pool.id;
  const { cpus } = description;
  if (cpus === 0) return;
  description.hardAffinity = readAffinities(reporter, vcpuNodes, { cpus, pcpus: host.cpus.length, pool });
};

const readPassthrough = ({ node, reporter, description, modules }: DomainDraft): void => {
  const fragment = modules.deviceTree;
  const word = readWord(reporter, node, 'passthrough');
  description.passthrough = word === 'enabled' || fragment !== undefined;
  if (word === 'disabled' && fragment !== undefined) {
    reporter.report('domain-passthrough-contradiction', node, 'passthrough', { other: fragment.path });
  }
  if (description.capabilities.hardware && (node.has('passthrough') || fragment !== undefined)) {
    const found = node.has('passthrough') ? 'passthrough' : fragment!.path;
    reporter.report('domain-hardware-passthrough', node, 'passthrough', { found });
  }
};

/** Properties of an interface between guest and Xen, and limits of what the guest may use of it. */
const readInterface = (draft: DomainDraft, context: DomainContext): void => {
  const { node, reporter, description } = draft;
  description.enhanced = (readWord(reporter, node, 'xen,enhanced') ?? 'disabled') as Enhanced;
  if (description.enhanced !== 'disabled') noteNotInEffect(draft, context, 'enhanced', 'xen,enhanced');
  description.sciType = (readWord(reporter, node, 'xen,sci_type') ?? 'none') as 'none' | 'scmi_smc';
  if (description.sciType !== 'none') noteNotInEffect(draft, context, 'sci', 'xen,sci_type');
  description.trapUnmappedAccesses = readU32(reporter, node, 'trap-unmapped-accesses') !== 0;
  for (const [key, name, feature] of [
    ['nrSpis', 'nr_spis', undefined],
    ['p2mMemMiB', 'xen,domain-p2m-mem-mb', 'p2m-pool'],
    ['maxGrantVersion', 'max_grant_version', 'grant-table'],
    ['maxGrantFrames', 'max_grant_frames', 'grant-table'],
    ['maxMaptrackFrames', 'max_maptrack_frames', 'grant-table'],
  ] as const) {
    const value = readU32(reporter, node, name);
    if (value === undefined) continue;
    description[key] = value;
    if (feature !== undefined) noteNotInEffect(draft, context, feature, name);
  }
  if (description.capabilities.hardware && node.has('nr_spis')) {
    reporter.report('domain-nr-spis-hardware', node, 'nr_spis');
  }
};

/** Properties that depend on what the CPUs and their caches have. */
const readCpuFeatures = (draft: DomainDraft, context: DomainContext): void => {
  const { node, reporter, description } = draft;
  if (node.has('sve')) {
    const value = node.prop('sve')!.value;
    const bits = value.length === 0 ? 'max' : u32Of(node, 'sve');
    const usable = bits === 'max' || (bits !== undefined && bits % 128 === 0 && bits <= 2048);
    if (!usable) {
      const found = renderValue(value) ?? 'empty';
      const expected = 'empty, <0>, or a vector length in bits: a multiple of 128 up to 2048';
      reporter.report('domain-property-type', node, 'sve', { name: 'sve', found, expected });
    } else if (bits !== 0) {
      description.sve = bits;
      reporter.report('domain-sve-unsupported', node, 'sve');
    }
  }
  if (node.has('llc-colors')) {
    const text = stringOf(node, 'llc-colors');
    if (text !== undefined && LLC_COLORS.test(text)) {
      description.llcColors = text;
      noteNotInEffect(draft, context, 'cache-coloring', 'llc-colors');
    } else {
      const found = renderValue(node.prop('llc-colors')!.value) ?? 'empty';
      const expected = 'a string of colors and ranges such as "0,2-5"';
      reporter.report('domain-property-type', node, 'llc-colors', { name: 'llc-colors', found, expected });
    }
  }
  if (node.has('v8r_el1_msa')) reporter.report('domain-v8r', node, 'v8r_el1_msa');
};

const newDescription = (node: DtNode, id: number, own: OwnProperties): DomainDescription => ({
  id,
  name: node.baseName,
  ...(own.uuid === undefined ? {} : { uuid: own.uuid }),
  nodeName: node.name,
  path: node.path,
  memoryKiB: 0,
  cpus: 0,
  gicVersion: 3,
  vpl011: false,
  bootargs: '',
  capabilities: { control: false, hardware: false, xenstore: false },
  staticMem: [],
  directMap: false,
  cpupool: 0,
  hardAffinity: [],
  sharedMemory: [],
  eventChannels: [],
  restart: own.restart,
  startOrder: own.startOrder,
  passthrough: false,
  enhanced: 'disabled',
  trapUnmappedAccesses: true,
  sciType: 'none',
});

/** Reads one domain node: its properties, its modules, and what they say about each other. */
export const readDomain = (boardReporter: Reporter, node: DtNode, id: number, context: DomainContext): DomainDraft => {
  const reporter = boardReporter.forDomain(node.name);
  const own = readOwnProperties(reporter, node);
  const description = newDescription(node, id, own);
  const children = { modules: {}, allModules: [], vcpuNodes: [], sharedNodes: [], shared: [], channelNodes: [] };
  const draft: DomainDraft = { node, reporter, description, own, ...children };
  checkPropertyNames(reporter, node, [...COMMON_PROPERTIES, ...DOMAIN_PROPERTY_NAMES]);
  description.memoryKiB = readMemoryKiB(reporter, node);
  description.gicVersion = readGicVersion(reporter, node, context.host);
  description.cpus = readVcpuCount(reporter, node, context.host, description.gicVersion);
  description.vpl011 = readFlag(reporter, node, 'vpl011');
  description.capabilities = readCapabilities(draft, context);
  readChildren(draft, context);
  readBootargs(draft);
  readMapping(draft);
  draft.shared = draft.sharedNodes.flatMap((child) => {
    const region = readSharedMemory(reporter, child);
    return region === undefined ? [] : [{ node: child, region }];
  });
  description.sharedMemory = draft.shared.map(({ region }) => region);
  readCpupool(draft, context);
  readPassthrough(draft);
  readInterface(draft, context);
  readCpuFeatures(draft, context);
  return draft;
};
