import type { DeviceTree, DtNode } from '@dom0less/fdt';
import type { HostCpu, HostFacts, HostGic, NamedRange } from './boot-plan.ts';
import { checkedCells, readRanges } from './cells.ts';
import { readDevices, registersOf } from './host-devices.ts';
import { cellAt, compatibleOf, hasCompatible, hex, stringOf, u32Of } from './property.ts';
import { endOf, findOverlaps, isInside, mergeRanges, overlapsBetween } from './range.ts';
import type { Reporter } from './reporter.ts';

const GIC_NAMES: readonly { version: 2 | 3; names: readonly string[] }[] = [
  { version: 2, names: ['arm,gic-400', 'arm,cortex-a15-gic', 'arm,cortex-a7-gic'] },
  { version: 3, names: ['arm,gic-v3'] },
];
const TIMER_NAMES = ['arm,armv8-timer', 'arm,armv7-timer'];
/** Path of entries of the blob's reservation block. */
export const MEMRESERVE_PATH = '/memreserve/';

/** Xen keeps its heap in pages of 64 KiB at most. */
const HEAP_ALIGN = 2 ** 16;
const FIRST_SPI = 32;
const MAX_SPI = 987;

const isMemoryNode = (node: DtNode): boolean => node.baseName === 'memory';

/** Reads all pairs of a node's `reg` in its parent's cells; none, with a diagnostic, if that fails. */
const readBanks = (reporter: Reporter, node: DtNode): NamedRange[] => {
  const value = node.prop('reg')?.value;
  const cells = value && node.parent && checkedCells(reporter, node.parent);
  if (value === undefined || cells === undefined) return [];
  const ranges = readRanges(value, cells);
  if (ranges === undefined) {
    const expected = `pairs of ${cells.address} address and ${cells.size} size cells inside the 48-bit address space`;
    reporter.report('host-property-invalid', node, 'reg', { found: `reg has ${value.length} bytes`, expected });
  }
  const path = node.path;
  return (ranges ?? []).filter(({ size }) => size > 0).map((range) => ({ ...range, path }));
};

const readMemory = (reporter: Reporter, root: DtNode): NamedRange[] => {
  const banks = root.children.filter(isMemoryNode).flatMap((node) => {
    if (stringOf(node, 'device_type') === 'memory') return readBanks(reporter, node);
    reporter.report('memory-node-type', node, 'device_type');
    return [];
  });
  if (banks.length === 0) reporter.report('host-memory-missing', root, undefined);
  return banks;
};

const readReserved = (reporter: Reporter, tree: DeviceTree): NamedRange[] => {
  const nodes = tree.root.children.find(({ name }) => name === 'reserved-memory')?.children ?? [];
  const named = nodes.flatMap((node) => readBanks(reporter, node));
  const entries = tree.reservations.filter(({ address, size }) => size > 0n && address + size <= 2n ** 48n);
  const blob = entries.map(({ address, size }) => ({
    start: Number(address),
    size: Number(size),
    path: MEMRESERVE_PATH,
  }));
  const report = ([earlier, later]: [NamedRange, NamedRange]) =>
    reporter.reportAt('reserved-overlap', later.path, {
      owner: later.path,
      start: hex(later.start),
      end: hex(endOf(later)),
      other: earlier.path,
      otherStart: hex(earlier.start),
      otherEnd: hex(endOf(earlier)),
    });
  const merged = mergeRanges(blob);
  findOverlaps(named).forEach(report);
  const loose = named.filter((range) => !isInside(range, merged));
  for (const [range, entry] of overlapsBetween(loose, blob)) report([entry, range]);
  return [...named, ...blob];
};

const readCpus = (reporter: Reporter, root: DtNode): HostCpu[] => {
  const cpus = root.children.find(({ name }) => name === 'cpus');
  const nodes = (cpus?.children ?? []).filter((node) => stringOf(node, 'device_type') === 'cpu');
  if (nodes.length === 0) {
    reporter.report('cpus-missing', cpus ?? root, undefined);
    return [{ path: '/cpus', compatible: ['arm,armv8'] }];
  }
  return nodes.map((node) => {
    const clockFrequency = u32Of(node, 'clock-frequency');
    const cpu = { path: node.path, compatible: compatibleOf(node) };
    return clockFrequency === undefined ? cpu : { ...cpu, clockFrequency };
  });
};

/** Highest INTID that `interrupts` properties name, of devices whose interrupt parent is `gic`. */
const highestIntid = (root: DtNode, gic: DtNode): number => {
  const phandle = u32Of(gic, 'phandle') ?? u32Of(gic, 'linux,phandle');
  const parents = new Map<DtNode, number | undefined>();
  let highest = FIRST_SPI - 1;
  for (const node of root.walk()) {
    const parent = u32Of(node, 'interrupt-parent') ?? (node.parent && parents.get(node.parent));
    parents.set(node, parent);
    const value = node.prop('interrupts')?.value;
    if (value === undefined || parent !== phandle || value.length % 12 !== 0) continue;
    for (let at = 0; at < value.length; at += 12) {
      const spi = cellAt(value, at + 4);
      if (cellAt(value, at) === 0 && spi <= MAX_SPI) highest = Math.max(highest, FIRST_SPI + spi);
    }
  }
  return highest;
};

const readGic = (reporter: Reporter, root: DtNode): { node: DtNode; gic: HostGic } | undefined => {
  for (const node of root.walk()) {
    if (!node.has('interrupt-controller')) continue;
    const row = GIC_NAMES.find(({ names }) => names.some((name) => hasCompatible(node, name)));
    if (row === undefined) continue;
    const interruptLines = Math.ceil((highestIntid(root, node) + 1) / 32) * 32;
    const registers = registersOf(node);
    return {
      node,
      gic: { version: row.version, path: node.path, compatible: compatibleOf(node), interruptLines, registers },
    };
  }
  reporter.report('gic-missing', root, undefined);
  return undefined;
};

const readTimerFrequency = (root: DtNode): number | undefined => {
  for (const node of root.walk()) {
    if (TIMER_NAMES.some((name) => hasCompatible(node, name))) return u32Of(node, 'clock-frequency');
  }
  return undefined;
};

/** xen,static-heap, in the cells of the parent of /chosen. */
const readStaticHeap = (reporter: Reporter, chosen: DtNode | undefined): Pick<HostFacts, 'staticHeap'> => {
  const name = 'xen,static-heap';
  const value = chosen?.prop(name)?.value;
  if (chosen?.parent === undefined || value === undefined) return {};
  const cells = checkedCells(reporter, chosen.parent);
  const regions = cells && readRanges(value, cells);
  const aligned = regions?.every(({ start, size }) => size > 0 && start % HEAP_ALIGN === 0 && size % HEAP_ALIGN === 0);
  if (cells === undefined) return {};
  if (regions === undefined || regions.length === 0 || aligned !== true) {
    const { address, size } = cells;
    reporter.report('static-heap-invalid', chosen, name, { address, size });
    return {};
  }
  return { staticHeap: regions };
};

/** Reads what the tree says about the board itself. */
export const readHost = (reporter: Reporter, tree: DeviceTree, chosen: DtNode | undefined): HostFacts => {
  const { root } = tree;
  const found = readGic(reporter, root);
  const timerClockFrequency = readTimerFrequency(root);
  const stdoutPath = chosen && stringOf(chosen, 'stdout-path');
  return {
    cpus: readCpus(reporter, root),
    ...(timerClockFrequency === undefined ? {} : { timerClockFrequency }),
    ...(found === undefined ? {} : { gic: found.gic }),
    devices: readDevices(root, found?.node),
    ...(stdoutPath === undefined ? {} : { stdoutPath }),
    memory: readMemory(reporter, root),
    ...readStaticHeap(reporter, chosen),
    reserved: readReserved(reporter, tree),
  };
};
