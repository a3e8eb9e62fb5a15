import type { DtNode } from '@dom0less/fdt';
import type { BootModule, HostFacts, MemoryRange } from './boot-plan.ts';
import type { DomainDraft } from './domain.ts';
import { MEMRESERVE_PATH } from './host.ts';
import { hex } from './property.ts';
import {
  endOf,
  findOverlaps,
  isInside,
  mergeRanges,
  overlapsBetween,
  showRanges,
  subtractRanges,
  totalSize,
} from './range.ts';
import type { Reporter } from './reporter.ts';

/** A module with its node and the reporter of the domain, or of the board for dom0, that it belongs to. */
export interface OwnedModule {
  module: BootModule;
  node: DtNode;
  reporter: Reporter;
}

/** A range of host memory that holds one image; the same image may have several owners. */
interface ImageRange extends MemoryRange {
  owners: OwnedModule[];
}

const KIB = 1024;
/** A domain that wants so many times the memory that is left was probably given its memory in bytes. */
const SUSPICIOUS = 16;
/** Modules that Xen registers, besides itself and the device tree. */
const XEN_MODULE_LIMIT = 30;

/** Modules that start at one address and are of one kind are one image. */
const imageRanges = (modules: readonly OwnedModule[]): ImageRange[] => {
  const ranges = new Map<string, ImageRange>();
  for (const owned of modules) {
    const { module, node, reporter } = owned;
    const key = `${module.kind} ${module.address}`;
    const known = ranges.get(key);
    if (known === undefined) {
      ranges.set(key, { start: module.address, size: module.size, owners: [owned] });
      continue;
    }
    const first = known.owners[0]!.module;
    if (first.size !== module.size) {
      const sizes = { start: hex(module.address), found: hex(module.size), expected: hex(first.size) };
      reporter.report('module-size-differs', node, 'reg', { ...sizes, other: first.path });
    }
    known.size = Math.max(known.size, module.size);
    known.owners.push(owned);
  }
  return [...ranges.values()];
};

const bounds = (own: MemoryRange, other: MemoryRange) => ({
  start: hex(own.start),
  end: hex(endOf(own)),
  otherStart: hex(other.start),
  otherEnd: hex(endOf(other)),
});

/** The first owner of each reporter: a domain hears once of one overlap. */
const onePerReporter = (owners: readonly OwnedModule[]): OwnedModule[] => {
  const seen = new Set<Reporter>();
  return owners.filter(({ reporter }) => !seen.has(reporter) && seen.add(reporter));
};

type OverlapCode = 'module-overlaps-reserved' | 'module-in-memreserve';

const reportToOwners = (range: ImageRange, other: MemoryRange & { path: string }, code: OverlapCode): void => {
  for (const { reporter, node, module } of onePerReporter(range.owners)) {
    reporter.report(code, node, 'reg', { kind: module.kind, ...bounds(range, other), other: other.path });
  }
};

/** Reports two images that overlap: to each domain that owns one of them, at its own module. */
const reportImages = (earlier: ImageRange, later: ImageRange, told: Set<ImageRange>): void => {
  const tell = (own: ImageRange, other: ImageRange, except: ReadonlySet<Reporter>): void => {
    const { module } = other.owners[0]!;
    for (const owner of onePerReporter(own.owners)) {
      if (except.has(owner.reporter)) continue;
      const texts = { kind: owner.module.kind, otherKind: module.kind, other: module.path };
      owner.reporter.report('module-overlap', owner.node, 'reg', { ...bounds(own, other), ...texts });
    }
  };
  const reporters = (image: ImageRange) => new Set(image.owners.map(({ reporter }) => reporter));
  const inEarlier = reporters(earlier);
  const inOne = new Set([...reporters(later)].filter((reporter) => !inEarlier.has(reporter)));
  // Whoever put one of its images into another of its own answers for both; who shares one of them is a good neighbour.
  if (inOne.size < reporters(later).size) return tell(later, earlier, inOne);
  tell(later, earlier, new Set());
  if (told.has(earlier)) return;
  told.add(earlier);
  tell(earlier, later, new Set(later.owners.map(({ reporter }) => reporter)));
};

interface StaticRange extends MemoryRange {
  draft: DomainDraft;
  path: string;
}

const reportStatic = ({ draft, ...own }: StaticRange, other: MemoryRange & { path: string }): void =>
  draft.reporter.report('domain-static-mem-overlap', draft.node, 'xen,static-mem', {
    ...bounds(own, other),
    other: other.path,
  });

const pathOfImage = (range: ImageRange) => ({ ...range, path: range.owners[0]!.module.path });

/**
 * Checks that modules and static memory lie in host memory and overlap neither each other nor reserved memory.
 */
export const checkHostMemory = (
  host: HostFacts,
  modules: readonly OwnedModule[],
  drafts: readonly DomainDraft[],
): void => {
  const images = imageRanges(modules);
  const memory = mergeRanges(host.memory);
  const named = host.reserved.filter(({ path }) => path !== MEMRESERVE_PATH);
  const blob = host.reserved.filter(({ path }) => path === MEMRESERVE_PATH);
  const statics = drafts.flatMap((draft) =>
    draft.description.staticMem.map((range) => ({ ...range, draft, path: draft.description.path })),
  );
  for (const image of images) {
    if (memory.length === 0 || isInside(image, memory)) continue;
    for (const { reporter, node, module } of onePerReporter(image.owners)) {
      const { start, end } = bounds(image, image);
      reporter.report('module-outside-memory', node, 'reg', {
        kind: module.kind,
        start,
        end,
        memory: showRanges(memory),
      });
    }
  }
  for (const own of statics) {
    if (memory.length === 0 || isInside(own, memory)) continue;
    const { start, end } = bounds(own, own);
    const texts = { start, end, memory: showRanges(memory) };
    own.draft.reporter.report('domain-static-mem-outside', own.draft.node, 'xen,static-mem', texts);
  }
  const told = new Set<ImageRange>();
  for (const [earlier, later] of findOverlaps(images)) reportImages(earlier, later, told);
  for (const [image, other] of overlapsBetween(images, named)) reportToOwners(image, other, 'module-overlaps-reserved');
  for (const [image, other] of overlapsBetween(images, blob)) {
    reportToOwners(image, other, isInside(image, [other]) ? 'module-in-memreserve' : 'module-overlaps-reserved');
  }
  for (const [earlier, later] of findOverlaps(statics)) {
    reportStatic(later, earlier);
    if (earlier.draft !== later.draft) reportStatic(earlier, later);
  }
  for (const [own, other] of overlapsBetween(statics, [...host.reserved, ...images.map(pathOfImage)])) {
    reportStatic(own, other);
  }
};

/** Ranges of modules, each once though several domains share it. */
const imagesOf = (modules: readonly OwnedModule[]): (MemoryRange & { path: string })[] => {
  const ranges = modules.map(({ module: { address, size, path } }) => ({ start: address, size, path }));
  return [...new Map(ranges.map((range) => [`${range.start} ${range.size}`, range])).values()];
};

/** Host memory that modules, static memory and reservations have, with the nodes that say so. */
export const takenRanges = (
  host: HostFacts,
  modules: readonly OwnedModule[],
  drafts: readonly DomainDraft[],
): (MemoryRange & { path: string })[] => [
  ...host.reserved,
  ...imagesOf(modules),
  ...drafts.flatMap(({ description: { staticMem, path } }) => staticMem.map((range) => ({ ...range, path }))),
];

/** Checks that the static heap is host memory and holds nothing else. */
export const checkStaticHeap = (
  reporter: Reporter,
  chosen: DtNode,
  host: HostFacts,
  taken: readonly (MemoryRange & { path: string })[],
): void => {
  const name = 'xen,static-heap';
  const heap = (host.staticHeap ?? []).map((range) => ({ ...range, path: name }));
  const memory = mergeRanges(host.memory);
  for (const range of heap) {
    if (memory.length === 0 || isInside(range, memory)) continue;
    const { start, end } = bounds(range, range);
    reporter.report('static-heap-outside', chosen, name, { start, end, memory: showRanges(memory) });
  }
  const overlaps = [...findOverlaps(heap), ...overlapsBetween(heap, taken)];
  for (const [own, other] of overlaps) {
    reporter.report('static-heap-overlap', chosen, name, { ...bounds(own, other), other: other.path });
  }
};

/**
 * Checks, in tree order, that the memory of all domains together fits the host.
 *
 * @param taken host memory that the domains without static memory do not get
 */
export const checkMemoryBudget = (
  host: HostFacts,
  taken: readonly MemoryRange[],
  drafts: readonly DomainDraft[],
): void => {
  if (host.memory.length === 0) return;
  const pool = subtractRanges(host.staticHeap ?? host.memory, taken);
  let available = Math.floor(totalSize(pool) / KIB);
  for (const { node, reporter, description } of drafts) {
    if (reporter.failed || node.has('xen,static-mem')) continue;
    const found = description.memoryKiB;
    if (found <= available) {
      available -= found;
      continue;
    }
    const meant = found % KIB === 0 && found / KIB <= available && found >= SUSPICIOUS * available;
    const hint = meant ? `; did you mean ${found / KIB} KiB (the unit is KiB, not bytes)?` : '';
    reporter.report('domain-memory-exceeds-host', node, 'memory', { found, available, hint });
  }
};

/** Reports more distinct modules than Xen keeps. */
export const checkModuleCount = (reporter: Reporter, chosen: DtNode, modules: readonly OwnedModule[]): void => {
  const found = new Set(modules.map(({ module }) => `${module.kind} ${module.address}`)).size;
  if (found > XEN_MODULE_LIMIT) reporter.report('modules-too-many', chosen, undefined, { found });
};
