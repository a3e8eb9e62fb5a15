import { type DeviceTree, type DtNode, FdtError, parseFdt } from '@dom0less/fdt';
import type { HostDevice, HostFacts, HostInterrupt, MemoryRange } from './boot-plan.ts';
import { cellsOf } from './cells.ts';
import { type Finding, finding } from './diagnostic.ts';
import { hex, numberAt, stringOf, u32Of } from './property.ts';
import { endOf, isInside, mergeRanges, overlapsBetween, showRanges } from './range.ts';

/** Registers of a host device, and where a domain sees them. */
export interface PassthroughRegion {
  /** Host physical address. */
  hostAddress: number;
  guestAddress: number;
  size: number;
}

/** A node of the fragment that gets something of the host. */
export interface PassthroughDevice {
  /** Path in the fragment. */
  path: string;
  /** xen,path: the device in the host tree. */
  host?: HostDevice;
  /** xen,reg */
  regions: readonly PassthroughRegion[];
  /** Those of the host device: the guest gets them with the same INTIDs. */
  interrupts: readonly HostInterrupt[];
}

/** What a passthrough fragment says. */
export interface Passthrough {
  devices: readonly PassthroughDevice[];
  /** Phandle that the fragment's nodes have for the guest's interrupt controller; absent = the usual one. */
  gicPhandle?: number;
  /** Nodes for the guest's tree, in the order of the fragment: /aliases and /passthrough, without what is for Xen only. */
  nodes: readonly DtNode[];
}

const PAGE = 4096n;
/** From this phandle on they are Xen's. */
const FIRST_XEN_PHANDLE = 65000;
const FOR_XEN: readonly string[] = ['xen,reg', 'xen,path', 'xen,force-assign-without-iommu'];
const COPIED: readonly string[] = ['aliases', 'passthrough'];
const LIMIT = 2n ** 48n;

type Report = (one: Finding) => void;

const readRegions = (node: DtNode, report: Report): PassthroughRegion[] => {
  const value = node.prop('xen,reg')?.value;
  if (value === undefined || node.parent === undefined) return [];
  const { address, size } = cellsOf(node.parent);
  const usable = [address, size].every((cells) => cells === 1 || cells === 2);
  const stride = 4 * (2 * address + size);
  if (!usable || value.length === 0 || value.length % stride !== 0) {
    const cells = usable ? `${address} address and ${size} size cells` : 'numbers of cells that are not 1 or 2';
    report(finding('fragment-reg-length', { node: node.path, length: value.length, cells }));
    return [];
  }
  const regions: PassthroughRegion[] = [];
  for (let at = 0; at < value.length; at += stride) {
    const host = numberAt(value, at, address);
    const length = numberAt(value, at + 4 * address, size);
    const guest = numberAt(value, at + 4 * (address + size), address);
    if (length === 0n || [host, length, guest].some((number) => number % PAGE !== 0n)) {
      const found = `<${[host, length, guest].map(hex).join(' ')}>`;
      report(finding('fragment-reg-unaligned', { node: node.path, found }));
    } else if (host + length > LIMIT || guest + length > LIMIT) {
      const found = `<${[host, length, guest].map(hex).join(' ')}>`;
      report(finding('fragment-reg-range', { node: node.path, found }));
    } else {
      regions.push({ hostAddress: Number(host), size: Number(length), guestAddress: Number(guest) });
    }
  }
  return regions;
};

const pages = ({ start, size }: MemoryRange): MemoryRange => {
  const first = Math.floor(start / 4096) * 4096;
  return { start: first, size: Math.ceil((start + size - first) / 4096) * 4096 };
};

/** Reports regions that are memory of the board, or not the registers of the device that xen,path names. */
const checkRegions = (device: PassthroughDevice, host: HostFacts, report: Report): void => {
  const own = device.host && mergeRanges(device.host.registers.map(pages));
  for (const { hostAddress, size } of device.regions) {
    const range = { start: hostAddress, size };
    const texts = { node: device.path, start: hex(range.start), end: hex(endOf(range)) };
    if (overlapsBetween([range], mergeRanges(host.memory)).length > 0) report(finding('fragment-reg-memory', texts));
    else if (own !== undefined && !isInside(range, own)) {
      report(finding('fragment-reg-foreign', { ...texts, other: device.host!.path, registers: showRanges(own) }));
    }
  }
};

const readDevice = (node: DtNode, host: HostFacts, byPath: ReadonlyMap<string, HostDevice>, report: Report) => {
  const forced = node.has('xen,force-assign-without-iommu');
  const hasReg = node.has('xen,reg');
  if (!hasReg && !node.has('xen,path')) return undefined;
  const regions = readRegions(node, report);
  const path = stringOf(node, 'xen,path');
  if (path === undefined || !hasReg) {
    const missing = path === undefined ? 'xen,path' : 'xen,reg';
    if (!forced) report(finding('fragment-incomplete', { node: node.path, missing }));
  }
  const found = path === undefined ? undefined : byPath.get(path.replace(/(.)\/+$/, '$1'));
  if (path !== undefined && found === undefined) {
    report(finding('fragment-path', { node: node.path, found: path.slice(0, 120) }));
  }
  const interrupts = found?.interrupts ?? [];
  const device: PassthroughDevice = { path: node.path, regions, interrupts, ...(found && { host: found }) };
  checkRegions(device, host, report);
  return device;
};

/** Takes out what is for Xen, and reports phandles that would meet Xen's. */
const strip = (root: DtNode, report: Report): void => {
  for (const node of root.walk()) {
    for (const name of FOR_XEN) if (node.has(name)) node.removeProperty(name);
    const phandle = u32Of(node, 'phandle') ?? u32Of(node, 'linux,phandle');
    if (phandle === undefined || phandle < FIRST_XEN_PHANDLE) continue;
    report(finding('fragment-phandle', { node: node.path, found: phandle, limit: FIRST_XEN_PHANDLE - 1 }));
  }
};

/** The first node that has two children, or two properties, of one name: a blob can hold that, a tree has no use for it. */
const nodeWithTwins = (root: DtNode): DtNode | undefined => {
  for (const node of root.walk()) {
    for (const list of [node.children, node.properties]) {
      if (new Set(list.map(({ name }) => name)).size < list.length) return node;
    }
  }
  return undefined;
};

const parse = (bytes: Uint8Array, report: Report): DeviceTree | undefined => {
  try {
    const tree = parseFdt(bytes);
    const twins = nodeWithTwins(tree.root);
    if (twins === undefined) return tree;
    report(finding('fragment-invalid', { detail: `${twins.path} has two children or properties of one name` }));
    return undefined;
  } catch (error) {
    if (!(error instanceof FdtError)) throw error;
    report(finding('fragment-invalid', { detail: error.message }));
    return undefined;
  }
};

/**
 * Reads the small blob of a `multiboot,device-tree` module: the devices of the host that a domain gets, and the nodes
 * that describe them to the guest. As with Xen, /gic, /aliases and /passthrough of its root count.
 *
 * Pure, and total: whatever the bytes are, every defect is a finding.
 *
 * @returns `passthrough` is absent if the blob is no device tree
 */
export const readPassthrough = (
  bytes: Uint8Array,
  host: HostFacts,
): { passthrough?: Passthrough; findings: Finding[] } => {
  const findings: Finding[] = [];
  const report = (one: Finding): void => void findings.push(one);
  const tree = parse(bytes, report);
  if (tree === undefined) return { findings };
  const byPath = new Map(host.devices.map((device) => [device.path, device]));
  const { children } = tree.root;
  for (const node of children) {
    if (node.name !== 'gic' && !COPIED.includes(node.name)) report(finding('fragment-ignored', { node: node.path }));
  }
  const root = children.find(({ name }) => name === 'passthrough');
  if (root === undefined) report(finding('fragment-empty'));
  const devices: PassthroughDevice[] = [];
  for (const node of root?.walk() ?? []) {
    const device = readDevice(node, host, byPath, report);
    if (device !== undefined) devices.push(device);
  }
  const nodes = children.filter(({ name }) => COPIED.includes(name));
  for (const node of nodes) strip(node, report);
  const gic = children.find(({ name }) => name === 'gic');
  const gicPhandle = gic && (u32Of(gic, 'phandle') ?? u32Of(gic, 'linux,phandle'));
  return { passthrough: { devices, nodes, ...(gicPhandle === undefined ? {} : { gicPhandle }) }, findings };
};
