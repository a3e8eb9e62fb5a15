import type { BoardPlan, PlannedDomain } from '@dom0less/hypervisor/plan';
import type { BootModule, DomainPlan, MemoryRange } from '@dom0less/multiboot';

/** What a stretch of memory is used for. */
export type Use =
  | 'free'
  | 'ram'
  | 'tables'
  | 'kernel'
  | 'bss'
  | 'ramdisk'
  | 'device-tree'
  | 'shared'
  | 'reserved'
  | 'heap'
  | 'device';

/** A range and who wants it for what. */
export interface Claim extends MemoryRange {
  readonly use: Use;
  /** Names of domains; empty for the board's own. */
  readonly owners: readonly string[];
  readonly label: string;
}

/** A stretch of memory all of which is the same: free, claimed once, or claimed several times. */
export interface Segment extends MemoryRange {
  readonly claims: readonly Claim[];
}

/** One column of the map. */
export interface MemoryColumn {
  readonly title: string;
  /** Domain whose column it is; absent for the host. */
  readonly domain?: string;
  readonly banks: readonly { readonly range: MemoryRange; readonly segments: readonly Segment[] }[];
}

/** Everything that is drawn. */
export interface MemoryMap {
  readonly host: MemoryColumn;
  readonly guests: readonly MemoryColumn[];
  /** Names of all domains, in the order of their colours. */
  readonly domains: readonly string[];
  /** Host memory: all, and what nobody claims, in bytes. */
  readonly total: number;
  readonly free: number;
  /** Claims on host addresses where there is no memory. */
  readonly outside: readonly Claim[];
}

const endOf = ({ start, size }: MemoryRange): number => start + size;

/** Cuts a range at the borders of claims. Neighbours with the same claims are one. */
export function segmentsOf(range: MemoryRange, claims: readonly Claim[]): Segment[] {
  const inside = claims.filter((claim) => claim.size > 0 && claim.start < endOf(range) && endOf(claim) > range.start);
  const borders = new Set([range.start, endOf(range)]);
  for (const claim of inside) {
    borders.add(Math.max(claim.start, range.start));
    borders.add(Math.min(endOf(claim), endOf(range)));
  }
  const sorted = [...borders].sort((a, b) => a - b);
  const byStart = [...inside].sort((a, b) => a.start - b.start);
  const segments: Segment[] = [];
  let active: Claim[] = [];
  let next = 0;
  for (let i = 0; i + 1 < sorted.length; i++) {
    const start = sorted[i]!;
    while (next < byStart.length && byStart[next]!.start <= start) active.push(byStart[next++]!);
    active = active.filter((claim) => endOf(claim) > start);
    const last = segments.at(-1);
    const same = last?.claims.length === active.length && active.every((claim) => last.claims.includes(claim));
    const size = sorted[i + 1]! - start;
    if (same && last !== undefined) segments[segments.length - 1] = { ...last, size: last.size + size };
    else segments.push({ start, size, claims: [...active] });
  }
  return segments;
}

/** One claim for each image, with all domains that share it. */
function moduleClaims(domains: readonly DomainPlan[], dom0: readonly BootModule[]): Claim[] {
  const images = new Map<string, Claim>();
  const add = (module: BootModule | undefined, owner: string): void => {
    if (module === undefined) return;
    const { kind, address: start, size } = module;
    const key = `${kind} ${start} ${size}`;
    const owners = [...(images.get(key)?.owners ?? []), owner];
    const use: Use = kind === 'ramdisk' || kind === 'device-tree' || kind === 'kernel' ? kind : 'reserved';
    images.set(key, { start, size, use, owners, label: kind });
  };
  for (const module of dom0) add(module, 'dom0');
  for (const { name, modules } of domains) {
    add(modules.kernel, name);
    add(modules.ramdisk, name);
    add(modules.deviceTree, name);
  }
  return [...images.values()];
}

/** Host memory that one domain has. */
function domainClaims({ domain, memory }: PlannedDomain): Claim[] {
  const owners = [domain.name];
  return [
    ...memory.ram.map(({ pa: start, size }) => ({ start, size, use: 'ram' as const, owners, label: 'RAM' })),
    ...memory.tables.map((range) => ({ ...range, use: 'tables' as const, owners, label: 'stage-2 tables' })),
  ];
}

/** Shared regions at a host address that the tree gives, each with all its domains. */
function sharedClaims(domains: readonly DomainPlan[]): Claim[] {
  const regions = new Map<string, Claim>();
  for (const { name, sharedMemory } of domains) {
    for (const { hostAddress: start, size, id } of sharedMemory) {
      if (start === undefined) continue;
      const key = `${start} ${size}`;
      const owners = [...(regions.get(key)?.owners ?? []), name];
      regions.set(key, { start, size, use: 'shared', owners, label: `shared memory ${id}` });
    }
  }
  return [...regions.values()];
}

function hostClaims({ plan, planned }: BoardPlan): Claim[] {
  const { host, domains, dom0 } = plan;
  const ready = new Set(planned.map(({ domain }) => domain.id));
  const claimed = domains
    .filter(({ id }) => !ready.has(id))
    .flatMap(({ name, staticMem }) =>
      staticMem.map((range) => ({ ...range, use: 'ram' as const, owners: [name], label: 'static RAM' })),
    );
  const reserved = host.reserved.map(({ start, size, path }) => ({
    start,
    size,
    use: 'reserved' as const,
    owners: [],
    label: path.replace(/^\/reserved-memory\//, ''),
  }));
  // RAM from the static heap is drawn, not the heap below it.
  const taken = planned.flatMap(domainClaims);
  return [...moduleClaims(domains, dom0.modules), ...sharedClaims(domains), ...reserved, ...claimed, ...taken];
}

/** Merges banks that touch, in ascending order. */
function banksOf(ranges: readonly MemoryRange[]): MemoryRange[] {
  const banks: MemoryRange[] = [];
  for (const { start, size } of [...ranges].sort((a, b) => a.start - b.start)) {
    const last = banks.at(-1);
    if (last !== undefined && start <= endOf(last)) last.size = Math.max(endOf(last), start + size) - last.start;
    else banks.push({ start, size });
  }
  return banks;
}

const columnOf = (
  title: string,
  ranges: readonly MemoryRange[],
  claims: readonly Claim[],
  domain?: string,
): MemoryColumn => ({
  title,
  ...(domain === undefined ? {} : { domain }),
  banks: banksOf(ranges).map((range) => ({ range, segments: segmentsOf(range, claims) })),
});

function guestColumn({ domain, banks, placement, kernel, dtb, initrdSize }: PlannedDomain): MemoryColumn {
  const owners = [domain.name];
  const bss = Math.max(0, kernel.imageSize - kernel.fileSize);
  const claims: Claim[] = [
    { start: placement.kernel, size: kernel.fileSize, use: 'kernel', owners, label: 'kernel' },
    { start: placement.kernel + kernel.fileSize, size: bss, use: 'bss', owners, label: "kernel's BSS" },
    { start: placement.dtb, size: dtb.length, use: 'device-tree', owners, label: 'device tree' },
  ];
  if (placement.initrd !== undefined) {
    claims.push({ start: placement.initrd, size: initrdSize, use: 'ramdisk', owners, label: 'ramdisk' });
  }
  for (const { guestAddress: start, size, id } of domain.sharedMemory) {
    claims.push({ start, size, use: 'shared', owners, label: `shared memory ${id}` });
  }
  return columnOf(domain.name, banks, claims, domain.name);
}

/** Bytes of a guest's RAM that nothing is put into before it starts. */
export const freeOf = ({ banks }: MemoryColumn): number =>
  banks.reduce(
    (sum, { segments }) =>
      sum + segments.reduce((free, { claims, size }) => free + (claims.length === 0 ? size : 0), 0),
    0,
  );

export const sizeOf = ({ banks }: MemoryColumn): number => banks.reduce((sum, { range }) => sum + range.size, 0);

/** True if less than a tenth is free. */
export const isTight = (free: number, total: number): boolean => free * 10 < total;

/** Owners by name, or how many if they are many. */
const ownersText = (owners: readonly string[]): string =>
  owners.length > 3 ? `${owners.length} domains` : owners.join(', ');

/** What a segment is, in a few words; `owner` names domains where that is not plain. */
export function labelOf({ claims }: Segment, owner: boolean): string {
  if (claims.length === 0) return 'free';
  return claims
    .map(({ label, owners }) => (owner && owners.length > 0 ? `${ownersText(owners)}: ${label}` : label))
    .join(' / ');
}

/** Reads the map off a planned board. */
export function memoryMap(board: BoardPlan): MemoryMap {
  const { plan, planned } = board;
  const claims = hostClaims(board);
  const host = columnOf('host', plan.host.memory, claims);
  const all = host.banks.flatMap(({ segments }) => segments);
  const sum = (segments: readonly Segment[]): number => segments.reduce((total, { size }) => total + size, 0);
  return {
    host,
    guests: planned.map(guestColumn),
    domains: plan.domains.map(({ name }) => name),
    total: sum(all),
    free: sum(all.filter((segment) => segment.claims.length === 0)),
    outside: claims.filter(
      (claim) => !host.banks.some(({ range }) => claim.start < endOf(range) && endOf(claim) > range.start),
    ),
  };
}
