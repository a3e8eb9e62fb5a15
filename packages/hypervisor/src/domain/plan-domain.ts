/** First half of building a domain: everything that can go wrong with its input, before any memory is made. */
import {
  adviseKernel,
  adviseXenPlacement,
  type BootModule,
  type GuestRamBank,
  type HostFacts,
  IMAGE_HEAD_BYTES,
  identifyImage,
  identifyKernel,
  type KernelHead,
  KernelImageError,
  locate,
  type Placement,
  type PlacementInput,
  placeImages,
  type ValidDomain,
} from '@dom0less/multiboot';
import { MAX_SPIS } from '@dom0less/vgic';
import { type BoardDiagnostic, buildDiagnostic } from '../board/diagnostic.ts';
import { cutModule, isModuleReadError, type ModuleBytes, readModule } from '../board/module-bytes.ts';
import type { DomainPool } from '../schedule/plan-pools.ts';
import { banksOf, type DomainMemory, type HostMemory } from './domain-memory.ts';
import type { GuestMap } from './guest-map.ts';
import { makeGuestTree } from './guest-tree.ts';
import { type DeviceOwners, highestIntid, type PlannedDevices, planDevices } from './plan-devices.ts';
import { checkGuestMap, planGuestMap } from './plan-guest-map.ts';

/** A domain that is ready to be put into memory. */
export interface PlannedDomain {
  readonly domain: ValidDomain;
  readonly nrSpis: number;
  readonly banks: readonly GuestRamBank[];
  readonly memory: DomainMemory;
  readonly map: GuestMap;
  readonly devices: PlannedDevices;
  readonly kernel: LoadableKernel;
  readonly placement: Placement;
  /** First instruction of the kernel. */
  readonly entry: number;
  readonly dtb: Uint8Array;
  /** Bytes of the ramdisk; 0 = none. */
  readonly initrdSize: number;
  /** The ramdisk; absent also if its file is assumed. */
  readonly initrd?: ModuleBytes;
}

/** A kernel, and its payload. */
export interface LoadableKernel extends KernelHead {
  readonly bytes: ModuleBytes;
}

/** A planned domain and its place among the pCPUs. */
export type PooledDomain = PlannedDomain & DomainPool;

/** What domains are planned from. */
export interface PlanContext {
  readonly host: HostFacts;
  readonly modules: ReadonlyMap<number, ModuleBytes>;
  /** True: a module that is not loaded is taken to be as its node says, with a remark; for plans that nobody builds. */
  readonly assumeModules?: boolean;
  readonly memory: HostMemory;
  readonly owners: DeviceOwners;
  /** What was read of kernels so far: domains may have the same. */
  readonly kernels?: KernelReader;
  /** Takes what is found; an error is reported exactly when a domain can't be planned. */
  readonly report: (diagnostic: BoardDiagnostic) => void;
}

const FIRST_SPI = 32;
/** A domain's VMID, of 8 bits, is its id. */
const MAX_VMID = 255;
const hex = (address: number): string => `0x${address.toString(16)}`;
/** Two values as cells of a `reg`, two cells each. */
const regCells = (...values: number[]): string =>
  `<${values.map((value) => `${hex(Math.floor(value / 2 ** 32))} ${hex(value % 2 ** 32)}`).join(' ')}>`;

/** A module: what is loaded at its address, cut to the size in the tree; `assumed` if nothing need be. */
const moduleBytes = (
  domain: ValidDomain,
  module: BootModule,
  context: ReadContext,
): ModuleBytes | 'assumed' | undefined => {
  const loaded = context.modules.get(module.address);
  const value = regCells(module.address, module.size);
  const place = { path: module.path, property: 'reg', value, domain: domain.nodeName };
  const texts = { address: hex(module.address), kind: module.kind, size: module.size };
  if (loaded === undefined) {
    const assume = context.assumeModules === true;
    context.report(buildDiagnostic(assume ? 'module-assumed' : 'module-not-loaded', place, texts));
    return assume ? 'assumed' : undefined;
  }
  const found = loaded.length;
  if (found < module.size) context.report(buildDiagnostic('module-truncated', place, { ...texts, found }));
  if (found > module.size) context.report(buildDiagnostic('module-cut', place, { ...texts, found }));
  return cutModule(loaded, module.size);
};

type ReadContext = Pick<PlanContext, 'modules' | 'assumeModules' | 'kernels' | 'report'>;

/** Reads kernels, each once: unpacking one takes a while. */
export class KernelReader {
  readonly #read = new Map<string, LoadableKernel | KernelImageError>();

  /**
   * @throws {KernelImageError} as `identifyKernel` does.
   * @throws {ModuleReadError} as the module does.
   */
  read({ address, size }: BootModule, module: ModuleBytes): LoadableKernel {
    const key = `${address}+${size}`;
    const known = this.#read.get(key) ?? attempt(module);
    this.#read.set(key, known);
    if (known instanceof KernelImageError) throw known;
    return known;
  }
}

function attempt(module: ModuleBytes): LoadableKernel | KernelImageError {
  try {
    return identify(module);
  } catch (error) {
    if (error instanceof KernelImageError) return error;
    throw error;
  }
}

/** An Image is copied from its file when it is loaded; what has to be unpacked is read now. */
function identify(module: ModuleBytes): LoadableKernel {
  const image = identifyImage(readModule(module, 0, IMAGE_HEAD_BYTES), module.length);
  if (image) return { ...image, bytes: module };
  const { payload, ...kernel } = identifyKernel(readModule(module, 0, module.length));
  return { ...kernel, bytes: payload };
}

/** What is known of a kernel whose file is not there: it is an arm64 Image of the size that its module says. */
const assumedKernel = ({ size }: BootModule): LoadableKernel => ({
  formats: [],
  bytes: new Uint8Array(0),
  textOffset: 0,
  fileSize: size,
  imageSize: size,
  findings: [],
});

/** What `read` makes of a module. Undefined and reported if it can't be read, or is no kernel that can be used. */
const attemptRead = <T>(
  domain: ValidDomain,
  module: BootModule,
  { report }: ReadContext,
  read: () => T,
): T | undefined => {
  const place = { path: module.path, domain: domain.nodeName };
  try {
    return read();
  } catch (error) {
    if (error instanceof KernelImageError) report(locate(error.finding, place));
    else if (isModuleReadError(error)) report(buildDiagnostic('module-unreadable', place, { detail: error.message }));
    else throw error;
    return undefined;
  }
};

/** What kernel a domain's kernel module holds. Undefined and reported if it is not usable. */
const readKernel = (domain: ValidDomain, context: ReadContext): LoadableKernel | undefined => {
  const module = domain.modules.kernel;
  const bytes = moduleBytes(domain, module, context);
  if (bytes === undefined) return undefined;
  if (bytes === 'assumed') return assumedKernel(module);
  return attemptRead(domain, module, context, () => {
    const kernel = (context.kernels ?? new KernelReader()).read(module, bytes);
    const place = { path: module.path, domain: domain.nodeName };
    const code = {
      get payload() {
        return readModule(kernel.bytes, 0, kernel.bytes.length);
      },
    };
    for (const finding of [...kernel.findings, ...adviseKernel(domain, code)]) context.report(locate(finding, place));
    return kernel;
  });
};

/** Like {@link moduleBytes}, all of it in memory. */
const wholeModule = (
  domain: ValidDomain,
  module: BootModule,
  context: ReadContext,
): Uint8Array | 'assumed' | undefined => {
  const found = moduleBytes(domain, module, context);
  if (found === undefined || found === 'assumed') return found;
  return attemptRead(domain, module, context, () => readModule(found, 0, found.length));
};

/** The images of a domain. Undefined and reported if one is not usable. */
export const readImages = (
  domain: ValidDomain,
  context: ReadContext,
): (Pick<PlannedDomain, 'kernel' | 'initrd' | 'initrdSize'> & { fragment: Uint8Array | undefined }) | undefined => {
  const { ramdisk, deviceTree } = domain.modules;
  const kernel = readKernel(domain, context);
  const initrd = ramdisk && moduleBytes(domain, ramdisk, context);
  const found = deviceTree && wholeModule(domain, deviceTree, context);
  const missing = (ramdisk !== undefined && initrd === undefined) || (deviceTree !== undefined && found === undefined);
  if (kernel === undefined || missing) return undefined;
  const fragment = found === 'assumed' ? undefined : found;
  if (initrd === undefined) return { kernel, fragment, initrdSize: 0 };
  return initrd === 'assumed'
    ? { kernel, fragment, initrdSize: ramdisk!.size }
    : { kernel, fragment, initrd, initrdSize: initrd.length };
};

const takeMemory = (
  domain: ValidDomain,
  banks: readonly GuestRamBank[],
  { memory, report }: PlanContext,
): DomainMemory | undefined => {
  const available = memory.free / 1024;
  const taken = memory.take(domain, banks);
  if (taken !== undefined) return taken;
  const place = { path: domain.path, property: 'memory', domain: domain.nodeName };
  report(buildDiagnostic('host-memory-exhausted', place, { found: domain.memoryKiB, available }));
  return undefined;
};

/** SPIs of the virtual GIC: as told, else as many as the host has; those of UART and devices are always among them. */
const countSpis = (domain: ValidDomain, host: HostFacts, map: GuestMap, devices: PlannedDevices): number => {
  const wanted = domain.nrSpis ?? Math.max(0, (host.gic?.interruptLines ?? FIRST_SPI) - FIRST_SPI);
  const needed = Math.max(domain.vpl011 ? map.uartIntid + 1 : 0, highestIntid(devices) + 1) - FIRST_SPI;
  return Math.min(MAX_SPIS, Math.max(wanted, needed));
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

/** What a domain has besides memory and images: what its device tree is made from. */
export interface DomainParts {
  readonly map: GuestMap;
  readonly devices: PlannedDevices;
}

/** Decides on a domain's map and devices. Undefined if it can't have them: the reason is reported. */
export const planParts = (
  domain: ValidDomain,
  fragment: Uint8Array | undefined,
  { host, owners, report }: Pick<PlanContext, 'host' | 'owners' | 'report'>,
): DomainParts | undefined => {
  const map = planGuestMap(domain, host, report);
  if (map === undefined) return undefined;
  const uartIntid = domain.vpl011 ? map.uartIntid : undefined;
  const devices = planDevices(domain, fragment, { host, owners, report, uartIntid, nrSpis: domain.nrSpis });
  if (devices === undefined) return undefined;
  const fits = checkGuestMap(domain, map, devices.windows, report);
  return fits ? { map, devices } : undefined;
};

/** Places a domain's images and makes its device tree. Undefined if they don't fit: the reason is reported. */
export const placeDomain = (
  domain: ValidDomain,
  kernel: PlacementInput['kernel'],
  initrdSize: number,
  { map, devices }: DomainParts,
  { host, report }: Pick<PlanContext, 'host' | 'report'>,
): PlacedDomain | undefined => {
  const banks = banksOf(domain);
  const { passthrough } = devices;
  const treeWith = (start: number, end: number): Uint8Array =>
    makeGuestTree({
      bootargs: domain.bootargs,
      initrd: { start, end },
      cpus: domain.cpus,
      hostCpu: host.cpus[0]!,
      banks,
      uart: domain.vpl011,
      gicVersion: domain.gicVersion,
      map,
      shared: domain.sharedMemory.map(({ id, guestAddress, size }) => ({ id, start: guestAddress, size })),
      ...(passthrough === undefined ? {} : { passthrough }),
      ...(host.timerClockFrequency === undefined ? {} : { timerClockFrequency: host.timerClockFrequency }),
    });
  // A domain without memory has no bank to put into a tree; placing says what is wrong.
  const dtbSize = banks.length === 0 ? 0 : treeWith(0, 0).length;
  const place = { path: domain.path, property: 'memory', domain: domain.nodeName };
  const inXen = adviseXenPlacement({ banks, kernel, dtbSize, initrdSize });
  if (inXen !== undefined) report(locate(inXen, place));
  const placed = placeImages({ banks, kernel, dtbSize, initrdSize });
  if ('finding' in placed) {
    report(locate(placed.finding, place));
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
  const images = readImages(domain, context);
  if (images === undefined) return undefined;
  const { fragment, ...own } = images;
  const parts = planParts(domain, fragment, context);
  const placed = parts && placeDomain(domain, own.kernel, own.initrdSize, parts, context);
  const memory = placed && takeMemory(domain, placed.banks, context);
  if (parts === undefined || placed === undefined || memory === undefined) return undefined;
  return {
    domain,
    nrSpis: countSpis(domain, context.host, parts.map, parts.devices),
    ...placed,
    ...parts,
    memory,
    ...own,
    entry: own.kernel.entry ?? placed.placement.kernel,
  };
};
