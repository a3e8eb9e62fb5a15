import type { DtNode } from '@dom0less/fdt';
import type { MemoryRange, SharedMemory } from './boot-plan.ts';
import { checkedCells, strideOf } from './cells.ts';
import { COMMON_PROPERTIES, checkPropertyNames } from './modules.ts';
import { hex, numberAt, renderValue, stringOf } from './property.ts';
import { endOf, findOverlaps, isInside, mergeRanges, overlapsBetween, showRanges } from './range.ts';
import type { Reporter } from './reporter.ts';

/** Name of the nodes. */
export const SHARED_MEMORY = 'xen,domain-shared-memory-v1';

/** A region with the node that describes it and whoever it belongs to. */
export interface OwnedSharedMemory {
  node: DtNode;
  reporter: Reporter;
  region: SharedMemory;
  /** Guest RAM of the domain; undefined for dom0. */
  ram: readonly MemoryRange[] | undefined;
  directMap: boolean;
}

const PAGE = 4096n;
const MAX_ID = 15;
const LIMIT = 2n ** 48n;
const PROPERTIES = [...COMMON_PROPERTIES, 'xen,shm-id', 'xen,shared-mem', 'role'];

const readId = (reporter: Reporter, node: DtNode): string | undefined => {
  const name = 'xen,shm-id';
  const id = stringOf(node, name);
  if (id !== undefined && id !== '' && id.length <= MAX_ID) return id;
  const value = node.prop(name)?.value;
  const found = value === undefined ? 'missing' : `${renderValue(value) ?? 'empty'}`;
  reporter.report('shm-id', node, value && name, { found });
  return undefined;
};

const readRole = (reporter: Reporter, node: DtNode): 'owner' | 'borrower' | undefined => {
  if (!node.has('role')) return undefined;
  const role = stringOf(node, 'role');
  if (role === 'owner' || role === 'borrower') return role;
  reporter.report('shm-role', node, 'role', { found: renderValue(node.prop('role')!.value) ?? 'empty' });
  return undefined;
};

/** Addresses and size of xen,shared-mem: `<host guest size>` or `<guest size>` in the cells of the node's parent. */
const readPlace = (reporter: Reporter, node: DtNode): { host?: bigint; guest: bigint; size: bigint } | undefined => {
  const name = 'xen,shared-mem';
  const value = node.prop(name)?.value;
  const cells = node.parent && checkedCells(reporter, node.parent);
  if (cells === undefined) return undefined;
  const short = strideOf(cells);
  const long = short + 4 * cells.address;
  if (value === undefined || (value.length !== short && value.length !== long)) {
    const { address, size } = cells;
    const found = value === undefined ? 'is missing' : `has ${value.length} bytes`;
    reporter.report('shm-length', node, value && name, { found, address, size, short, long });
    return undefined;
  }
  const head = value.length - short;
  const guest = numberAt(value, head, cells.address);
  const size = numberAt(value, head + 4 * cells.address, cells.size);
  return head === 0 ? { guest, size } : { host: numberAt(value, 0, cells.address), guest, size };
};

/** Reads one node of static shared memory; undefined, with a diagnostic, if it can't be used. */
export const readSharedMemory = (reporter: Reporter, node: DtNode): SharedMemory | undefined => {
  checkPropertyNames(reporter, node, PROPERTIES);
  const id = readId(reporter, node);
  const role = readRole(reporter, node);
  const place = readPlace(reporter, node);
  if (id === undefined || place === undefined || (role === undefined && node.has('role'))) return undefined;
  const { host, guest, size } = place;
  const numbers = [guest, size, ...(host === undefined ? [] : [host])];
  const found = numbers.map(hex).join(', ');
  if (size === 0n || numbers.some((number) => number % PAGE !== 0n)) {
    reporter.report('shm-unaligned', node, 'xen,shared-mem', { found });
    return undefined;
  }
  if (guest + size > LIMIT || (host ?? 0n) + size > LIMIT) {
    reporter.report('shm-overflow', node, 'xen,shared-mem', { found });
    return undefined;
  }
  return {
    id,
    path: node.path,
    ...(host === undefined ? {} : { hostAddress: Number(host) }),
    guestAddress: Number(guest),
    size: Number(size),
    ...(role === undefined ? {} : { role }),
  };
};

const hostRange = ({ hostAddress, size, path }: SharedMemory): (MemoryRange & { path: string }) | undefined =>
  hostAddress === undefined ? undefined : { start: hostAddress, size, path };

const describe = ({ hostAddress, size }: SharedMemory): string =>
  hostAddress === undefined ? `${hex(size)} bytes anywhere` : `[${hex(hostAddress)}, ${hex(hostAddress + size)})`;

/** All nodes of one id must say the same; gives one node of each id. */
const checkSameId = (all: readonly OwnedSharedMemory[]): OwnedSharedMemory[] => {
  const groups = new Map<string, OwnedSharedMemory[]>();
  for (const one of all) groups.set(one.region.id, [...(groups.get(one.region.id) ?? []), one]);
  for (const [first, ...others] of groups.values()) {
    for (const { reporter, node, region } of others) {
      if (region.hostAddress === first!.region.hostAddress && region.size === first!.region.size) continue;
      const texts = { id: region.id, found: describe(region), other: first!.node.path };
      reporter.report('shm-differs', node, 'xen,shared-mem', { ...texts, expected: describe(first!.region) });
    }
    const group = [first!, ...others];
    const owners = group.filter(({ region }) => region.role === 'owner');
    for (const { reporter, node, region } of owners.slice(1)) {
      reporter.report('shm-owner-twice', node, 'role', { id: region.id, other: owners[0]!.node.path });
    }
    if (owners.length === 0 && group.every(({ region }) => region.role === 'borrower')) {
      first!.reporter.report('shm-owner-missing', first!.node, 'role', { id: first!.region.id });
    }
    if (group.length === 1) first!.reporter.report('shm-alone', first!.node, undefined, { id: first!.region.id });
  }
  return [...groups.values()].map(([first]) => first!);
};

const bounds = (own: MemoryRange, other: MemoryRange & { path: string }) => ({
  start: hex(own.start),
  end: hex(endOf(own)),
  otherStart: hex(other.start),
  otherEnd: hex(endOf(other)),
  other: other.path,
});

type Placed = MemoryRange & { path: string; owned?: OwnedSharedMemory };

const reportOverlap = ({ owned }: Placed, own: Placed, other: Placed): void =>
  owned?.reporter.report('shm-overlap', owned.node, 'xen,shared-mem', bounds(own, other));

/** Host ranges of different ids are disjoint, inside host memory, and clear of everything else there. */
const checkHostRanges = (
  firsts: readonly OwnedSharedMemory[],
  memory: readonly MemoryRange[],
  taken: readonly (MemoryRange & { path: string })[],
): void => {
  const ranges = firsts.flatMap((owned): Placed[] => {
    const range = hostRange(owned.region);
    return range === undefined ? [] : [{ ...range, owned }];
  });
  const merged = mergeRanges(memory);
  for (const range of ranges) {
    if (merged.length === 0 || isInside(range, merged)) continue;
    const texts = { start: hex(range.start), end: hex(endOf(range)), memory: showRanges(merged) };
    range.owned!.reporter.report('shm-outside', range.owned!.node, 'xen,shared-mem', texts);
  }
  for (const [earlier, later] of findOverlaps(ranges)) {
    reportOverlap(later, later, earlier);
    reportOverlap(earlier, earlier, later);
  }
  for (const [own, other] of overlapsBetween<Placed, Placed>(ranges, [...taken])) reportOverlap(own, own, other);
};

/** Guest ranges of one domain are clear of its RAM and of each other, and those of a direct-map domain are the host's. */
const checkGuestRanges = (all: readonly OwnedSharedMemory[]): void => {
  const byReporter = new Map<Reporter, Placed[]>();
  for (const owned of all) {
    const { reporter, node, region, ram, directMap } = owned;
    const range = { start: region.guestAddress, size: region.size, path: node.path, owned };
    byReporter.set(reporter, [...(byReporter.get(reporter) ?? []), range]);
    if (directMap && region.hostAddress !== region.guestAddress) {
      reporter.report('shm-direct-map', node, 'xen,shared-mem', {
        found: describe(region),
        guest: hex(region.guestAddress),
      });
    }
    const banks = (ram ?? []).map((bank) => ({ ...bank, path: "the domain's memory" }));
    for (const [own, other] of overlapsBetween([range], banks)) {
      reporter.report('shm-guest-overlap', node, 'xen,shared-mem', bounds(own, other));
    }
  }
  for (const ranges of byReporter.values()) {
    for (const [earlier, later] of findOverlaps(ranges)) {
      const { reporter, node } = later.owned!;
      reporter.report('shm-guest-overlap', node, 'xen,shared-mem', bounds(later, earlier));
    }
  }
};

/**
 * Checks what regions of static shared memory say about each other and about the memory around them.
 *
 * @param taken host memory that modules, static memory and reservations have
 */
export const checkSharedMemory = (
  all: readonly OwnedSharedMemory[],
  memory: readonly MemoryRange[],
  taken: readonly (MemoryRange & { path: string })[],
): void => {
  checkHostRanges(checkSameId(all), memory, taken);
  checkGuestRanges(all);
};
