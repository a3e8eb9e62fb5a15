import type { DtNode } from '@dom0less/fdt';
import type { HostFacts, MemoryRange } from './boot-plan.ts';
import { cellsOf, checkedCells, readRanges, strideOf } from './cells.ts';
import { readWord } from './domain-properties.ts';
import { MAX_GUEST_RAM } from './guest-ram.ts';
import { cellAt, hex, numberAt, renderValue, u32Of } from './property.ts';
import { totalSize } from './range.ts';
import type { Reporter } from './reporter.ts';

const PAGE = 4096;
const KIB = 1024;
/** Most vCPUs of a domain, by the version of its virtual GIC. */
const MAX_VCPUS = { 2: 8, 3: 128 } as const;

/** The `memory` property in KiB, rounded down to whole pages; 0, with a diagnostic, if it is not usable. */
export const readMemoryKiB = (reporter: Reporter, node: DtNode): number => {
  const value = node.prop('memory')?.value;
  if (value === undefined) {
    reporter.report('domain-memory-missing', node, undefined);
    return 0;
  }
  if (value.length === 4) {
    reporter.report('domain-memory-one-cell', node, 'memory', { found: hex(cellAt(value, 0)) });
    return 0;
  }
  if (value.length !== 8) {
    reporter.report('domain-memory-length', node, 'memory', { length: value.length });
    return 0;
  }
  const kib = numberAt(value, 0, 2);
  const limit = MAX_GUEST_RAM / KIB;
  if (kib > limit) {
    const meant = kib % 1024n === 0n && kib / 1024n <= limit ? `; did you mean ${kib / 1024n} KiB?` : '';
    reporter.report('domain-memory-exceeds-map', node, 'memory', { found: kib, limit, hint: meant });
    return 0;
  }
  const found = Number(kib);
  const whole = found - (found % (PAGE / KIB));
  if (whole === 0) reporter.report('domain-memory-zero', node, 'memory');
  else if (whole !== found) reporter.report('domain-memory-unaligned', node, 'memory', { found });
  return whole;
};

/** Version of the domain's virtual GIC. A host without a GIC has a diagnostic of its own. */
export const readGicVersion = (reporter: Reporter, node: DtNode, host: HostFacts): 2 | 3 => {
  const word = readWord(reporter, node, 'dom0less,gic-version');
  if (word === undefined) return host.gic?.version ?? 3;
  return word === 'v2' ? 2 : 3;
};

/** The `cpus` property; 0, with a diagnostic, if it is not usable with a GIC of this version. */
export const readVcpuCount = (reporter: Reporter, node: DtNode, host: HostFacts, gicVersion: 2 | 3): number => {
  if (!node.has('cpus')) {
    reporter.report('domain-cpus-missing', node, undefined);
    return 0;
  }
  const found = u32Of(node, 'cpus');
  if (found === undefined) {
    const value = renderValue(node.prop('cpus')!.value) ?? 'empty';
    reporter.report('domain-property-type', node, 'cpus', { name: 'cpus', found: value, expected: 'one cell' });
    return 0;
  }
  const limit = MAX_VCPUS[gicVersion];
  if (found < 1 || found > limit) {
    const enough = gicVersion === 2 && found > limit && found <= MAX_VCPUS[3];
    const hint = enough ? ', or add dom0less,gic-version = "v3"' : '';
    reporter.report('domain-cpus-range', node, 'cpus', { found, limit, gic: `GICv${gicVersion}`, hint });
    return 0;
  }
  if (found > host.cpus.length) {
    reporter.report('domain-cpus-overcommit', node, 'cpus', { found, limit: host.cpus.length });
  }
  return found;
};

/**
 * The regions of xen,static-mem. They are in the cells of /chosen, not in those of the domain, and add up to the
 * domain's memory.
 */
export const readStaticMem = (reporter: Reporter, node: DtNode, memoryKiB: number): MemoryRange[] => {
  const name = 'xen,static-mem';
  const value = node.prop(name)?.value;
  if (value === undefined || node.parent === undefined) return [];
  const cells = checkedCells(reporter, node.parent);
  if (cells === undefined) return [];
  const regions = readRanges(value, cells);
  if (regions === undefined || regions.length === 0) {
    const { address, size } = cellsOf(node.parent);
    reporter.report('domain-static-mem-length', node, name, {
      length: value.length,
      needed: strideOf(cells),
      address,
      size,
    });
    return [];
  }
  for (const { start, size } of regions) {
    if (size > 0 && start % PAGE === 0 && size % PAGE === 0) continue;
    reporter.report('domain-static-mem-unaligned', node, name, { start: hex(start), length: hex(size) });
  }
  const found = totalSize(regions) / KIB;
  if (found !== memoryKiB && memoryKiB > 0) {
    reporter.report('domain-static-mem-sum', node, name, { found, expected: memoryKiB });
  }
  return regions;
};
