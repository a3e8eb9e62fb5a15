/** First half of building a domain: everything that can go wrong with its input, before any memory is made. */
import { BLOCK_BYTES } from '@dom0less/arm64-cpu/sizes';
import {
  type BootModule,
  type GuestRamBank,
  guestRamBanks,
  type HostFacts,
  identifyKernel,
  type KernelImage,
  KernelImageError,
  locate,
  type MemoryRange,
  type Placement,
  type PlacementInput,
  placeImages,
  type ValidDomain,
} from '@dom0less/multiboot';
import { MAX_SPIS } from '@dom0less/vgic';
import { type BoardDiagnostic, buildDiagnostic } from '../board/diagnostic.ts';
import type { PaAllocator } from '../memory/pa-allocator.ts';
import type { DomainPool } from '../schedule/plan-pools.ts';
import { UART_INTID } from './guest-map.ts';
import { makeGuestTree } from './guest-tree.ts';

/** A domain that is ready to be put into memory. */
export interface PlannedDomain {
  readonly domain: ValidDomain;
  readonly nrSpis: number;
  readonly banks: readonly GuestRamBank[];
  /** Host memory behind the banks, in their order. */
  readonly ram: readonly MemoryRange[];
  /** Host memory for stage-2 tables. */
  readonly tables: readonly MemoryRange[];
  readonly kernel: KernelImage;
  readonly placement: Placement;
  /** First instruction of the kernel. */
  readonly entry: number;
  readonly dtb: Uint8Array;
  readonly initrd?: Uint8Array;
}

/** A planned domain and its place among the pCPUs. */
export type PooledDomain = PlannedDomain & DomainPool;

/** What domains are planned from. */
export interface PlanContext {
  readonly host: HostFacts;
  readonly modules: ReadonlyMap<number, Uint8Array>;
  readonly allocator: PaAllocator;
  /** Takes what is found; an error is reported exactly when a domain can't be planned. */
  readonly report: (diagnostic: BoardDiagnostic) => void;
}

const PAGE = 4096;
const GIB = 2 ** 30;
const FIRST_SPI = 32;
/** A domain's VMID, of 8 bits, is its id. */
const MAX_VMID = 255;
const hex = (address: number): string => `0x${address.toString(16)}`;
/** Two values as cells of a `reg`, two cells each. */
const regCells = (...values: number[]): string =>
  `<${values.map((value) => `${hex(Math.floor(value / 2 ** 32))} ${hex(value % 2 ** 32)}`).join(' ')}>`;

/** Bytes of a module: what is loaded at its address, cut to the size in the tree. Undefined and reported if nothing is. */
const moduleBytes = (domain: ValidDomain, module: BootModule, context: ReadContext): Uint8Array | undefined => {
  const loaded = context.modules.get(module.address);
  const value = regCells(module.address, module.size);
  const place = { path: module.path, property: 'reg', value, domain: domain.nodeName };
  const texts = { address: hex(module.address), kind: module.kind, size: module.size };
  if (loaded === undefined) {
    context.report(buildDiagnostic('module-not-loaded', place, texts));
    return undefined;
  }
  if (loaded.length >= module.size) return loaded.subarray(0, module.size);
  context.report(buildDiagnostic('module-truncated', place, { ...texts, found: loaded.length }));
  return loaded;
};

type ReadContext = Pick<PlanContext, 'modules' | 'report'>;

/** What kernel a domain's kernel module holds. Undefined and reported if it is not usable. */
export const readKernel = (domain: ValidDomain, context: ReadContext): KernelImage | undefined => {
  const module = domain.modules.kernel;
  const bytes = moduleBytes(domain, module, context);
  if (bytes === undefined) return undefined;
  const place = { path: module.path, domain: domain.nodeName };
  try {
    const kernel = identifyKernel(bytes);
    for (const finding of kernel.findings) context.report(locate(finding, place));
    return kernel;
  } catch (error) {
    if (!(error instanceof KernelImageError)) throw error;
    context.report(locate(error.finding, place));
    return undefined;
  }
};

/** Most stage-2 pages that the banks can need: root, level 1 of each bank, level 2 per GiB, level 3 at uneven ends. */
const tablePages = (banks: readonly GuestRamBank[], pieces: number): number =>
  1 + banks.reduce((sum, { size }) => sum + 3 + Math.ceil(size / GIB), 0) + 2 * pieces;

const takeMemory = (domain: ValidDomain, banks: readonly GuestRamBank[], context: PlanContext) => {
  const { allocator } = context;
  const available = allocator.free / 1024;
  const size = banks.reduce((sum, bank) => sum + Math.ceil(bank.size / BLOCK_BYTES) * BLOCK_BYTES, 0);
  const ram = allocator.take(size);
  const tables = ram && allocator.take(tablePages(banks, ram.length) * PAGE);
  if (ram !== undefined && tables !== undefined) return { ram, tables };
  const texts = { found: size / 1024, available };
  const place = { path: domain.path, property: 'memory', domain: domain.nodeName };
  context.report(buildDiagnostic('host-memory-exhausted', place, texts));
  return undefined;
};

/** SPIs of the virtual GIC: as told, else as many as the host has; the UART's is always among them. */
const countSpis = (domain: ValidDomain, host: HostFacts): number => {
  const wanted = domain.nrSpis ?? Math.max(0, (host.gic?.interruptLines ?? FIRST_SPI) - FIRST_SPI);
  return Math.min(MAX_SPIS, Math.max(wanted, domain.vpl011 ? UART_INTID - FIRST_SPI + 1 : 0));
};

/** Reports what a domain asks for and can't get whatever the memory; true if there is nothing. */
const checkLimits = (domain: ValidDomain, context: PlanContext): boolean => {
  const { path, id, nodeName } = domain;
  if (id <= MAX_VMID) return true;
  const place = { path, domain: nodeName };
  context.report(buildDiagnostic('domains-too-many', place, { found: id, limit: MAX_VMID }));
  return false;
};

/** Where a domain's images go in its RAM, and its device tree, which says so. */
export interface PlacedDomain {
  readonly banks: readonly GuestRamBank[];
  readonly placement: Placement;
  readonly dtb: Uint8Array;
}

/** Places a domain's images and makes its device tree. Undefined if they don't fit: the reason is reported. */
export const placeDomain = (
  domain: ValidDomain,
  kernel: PlacementInput['kernel'],
  initrdSize: number,
  { host, report }: Pick<PlanContext, 'host' | 'report'>,
): PlacedDomain | undefined => {
  const banks = guestRamBanks(domain.memoryKiB);
  const treeWith = (start: number, end: number): Uint8Array =>
    makeGuestTree({
      bootargs: domain.bootargs,
      initrd: { start, end },
      cpus: domain.cpus,
      hostCpu: host.cpus[0]!,
      banks,
      uart: domain.vpl011,
      gicVersion: domain.gicVersion,
      ...(host.timerClockFrequency === undefined ? {} : { timerClockFrequency: host.timerClockFrequency }),
    });
  // A domain without memory has no bank to put into a tree; placing says what is wrong.
  const dtbSize = banks.length === 0 ? 0 : treeWith(0, 0).length;
  const placed = placeImages({ banks, kernel, dtbSize, initrdSize });
  if ('finding' in placed) {
    report(locate(placed.finding, { path: domain.path, property: 'memory', domain: domain.nodeName }));
    return undefined;
  }
  const { placement } = placed;
  const { initrd } = placement;
  const dtb = initrd === undefined ? treeWith(0, 0) : treeWith(initrd, initrd + initrdSize);
  return { banks, placement, dtb };
};

/**
 * Reads the domain's images, takes host memory for it, places the images and makes its device tree.
 *
 * Undefined if the domain can't be built: `context.report` has then been told an error that names the domain.
 */
export const planDomain = (domain: ValidDomain, context: PlanContext): PlannedDomain | undefined => {
  if (!checkLimits(domain, context)) return undefined;
  const { host } = context;
  const { ramdisk } = domain.modules;
  const initrd = ramdisk && moduleBytes(domain, ramdisk, context);
  const kernel = readKernel(domain, context);
  if (kernel === undefined || (ramdisk !== undefined && initrd === undefined)) return undefined;
  const placed = placeDomain(domain, kernel, initrd?.length ?? 0, context);
  const memory = placed && takeMemory(domain, placed.banks, context);
  if (placed === undefined || memory === undefined) return undefined;
  return {
    domain,
    nrSpis: countSpis(domain, host),
    ...placed,
    ...memory,
    kernel,
    entry: kernel.entry ?? placed.placement.kernel,
    ...(initrd === undefined ? {} : { initrd }),
  };
};
