import type { DtNode } from '@dom0less/fdt';
import type { HostDevice, HostInterrupt, MemoryRange } from './boot-plan.ts';
import { cellsOf, type InheritedCells, rangeAt, strideOf } from './cells.ts';
import { cellAt, compatibleOf, disabledStatus, numberAt, stringOf, u32Of } from './property.ts';
import { endOf } from './range.ts';

const FIRST_SPI = 32;
const MAX_SPI = 987;
/** Bytes of an interrupt specifier of the GIC binding: type, number, flags. */
const SPECIFIER = 12;
const EDGE_FLAGS = 0x3;

const usable = ({ address, size }: InheritedCells): boolean =>
  (address === 1 || address === 2) && (size === 1 || size === 2);

/** A range in the address space of `bus`'s children as the parent of `bus` sees it; undefined if it does not. */
const throughBus = (bus: DtNode, range: MemoryRange): MemoryRange | undefined => {
  const map = bus.prop('ranges')?.value;
  if (map === undefined || bus.parent === undefined) return undefined;
  if (map.length === 0) return range;
  const own = cellsOf(bus);
  const outer = cellsOf(bus.parent);
  if (!usable(own) || !usable(outer)) return undefined;
  const stride = 4 * (own.address + outer.address + own.size);
  for (let at = 0; at + stride <= map.length; at += stride) {
    const start = Number(numberAt(map, at, own.address));
    const to = Number(numberAt(map, at + 4 * own.address, outer.address));
    const size = Number(numberAt(map, at + 4 * (own.address + outer.address), own.size));
    if (range.start >= start && endOf(range) <= start + size)
      return { start: to + range.start - start, size: range.size };
  }
  return undefined;
};

/**
 * Host physical address ranges of a node's `reg`, in its order. Those that can't be read, or that no bus above passes
 * on (`ranges`, Devicetree Specification 2.3.8), are left out.
 */
export const registersOf = (node: DtNode): MemoryRange[] => {
  const value = node.prop('reg')?.value;
  if (value === undefined || node.parent === undefined) return [];
  const cells = cellsOf(node.parent);
  if (!usable(cells)) return [];
  const stride = strideOf(cells);
  const ranges: MemoryRange[] = [];
  for (let at = 0; at + stride <= value.length; at += stride) {
    let range = rangeAt(value, at, cells);
    for (let bus = node.parent; bus.parent !== undefined && range !== undefined; bus = bus.parent) {
      range = throughBus(bus, range);
    }
    if (range !== undefined && range.size > 0) ranges.push(range);
  }
  return ranges;
};

const interruptAt = (value: Uint8Array, at: number): HostInterrupt | undefined => {
  const number = cellAt(value, at + 4);
  if (cellAt(value, at) !== 0 || number > MAX_SPI) return undefined;
  return { intid: FIRST_SPI + number, edge: (cellAt(value, at + 8) & EDGE_FLAGS) !== 0 };
};

const interruptParentOf = (node: DtNode): number | undefined => {
  for (let at: DtNode | undefined = node; at !== undefined; at = at.parent) {
    const parent = u32Of(at, 'interrupt-parent');
    if (parent !== undefined) return parent;
  }
  return undefined;
};

/** The SPIs of a node, by `interrupts-extended` or else `interrupts`, whose parent is the GIC with this phandle. */
export const interruptsOf = (node: DtNode, gicPhandle: number | undefined): HostInterrupt[] => {
  const extended = node.prop('interrupts-extended')?.value;
  const value = extended ?? node.prop('interrupts')?.value;
  if (value === undefined) return [];
  const found: HostInterrupt[] = [];
  const head = extended === undefined ? 0 : 4;
  if (extended === undefined && interruptParentOf(node) !== gicPhandle) return [];
  for (let at = 0; at + head + SPECIFIER <= value.length; at += head + SPECIFIER) {
    // Specifiers of other controllers may have other lengths: what follows one can't be told.
    if (extended !== undefined && cellAt(value, at) !== gicPhandle) break;
    const one = interruptAt(value, at + head);
    if (one !== undefined) found.push(one);
  }
  return found;
};

/** The devices of the board that have registers in host memory's address space. Disabled ones are left out. */
export const readDevices = (root: DtNode, gic: DtNode | undefined): HostDevice[] => {
  const phandle = gic && (u32Of(gic, 'phandle') ?? u32Of(gic, 'linux,phandle'));
  const devices: HostDevice[] = [];
  const visit = (node: DtNode): void => {
    for (const child of node.children) {
      if (node === root && ['chosen', 'cpus', 'memory', 'reserved-memory', 'aliases'].includes(child.baseName))
        continue;
      if (child === gic || disabledStatus(child) !== undefined) continue;
      const registers = registersOf(child);
      if (registers.length > 0) {
        const [path, compatible] = [child.path, compatibleOf(child)];
        const interrupts = interruptsOf(child, phandle);
        devices.push({ path, compatible, registers, interrupts, passthrough: child.has('xen,passthrough') });
      }
      visit(child);
    }
  };
  visit(root);
  return devices;
};

/** Path that a UART's name stands for: a path or an alias, behind which options may follow a colon. */
export const resolveUart = (root: DtNode, name: string): string | undefined => {
  const bare = name.replace(/:.*$/s, '');
  if (bare.startsWith('/')) return bare;
  const aliases = root.children.find((node) => node.name === 'aliases');
  return aliases && stringOf(aliases, bare);
};
