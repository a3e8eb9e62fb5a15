import type { DtNode } from '@dom0less/fdt';
import type { MemoryRange } from './boot-plan.ts';
import { cellAt, hex, numberAt } from './property.ts';
import type { Reporter } from './reporter.ts';

/** How many cells an address and a size take in the children of a node, and the nodes that say so. */
export interface InheritedCells {
  address: number;
  size: number;
  /** The node that has the property; undefined where the root's default counts. */
  addressFrom: DtNode | undefined;
  sizeFrom: DtNode | undefined;
}

const ADDRESS_CELLS = '#address-cells';
const SIZE_CELLS = '#size-cells';
const MAX_ADDRESS = 2 ** 48;

const inherited = (node: DtNode, name: string, rootDefault: number): [number, DtNode | undefined] => {
  for (let at: DtNode | undefined = node; at !== undefined; at = at.parent) {
    const value = at.prop(name)?.value;
    if (value !== undefined) return [value.length === 4 ? cellAt(value, 0) : Number.NaN, at];
  }
  return [rootDefault, undefined];
};

/**
 * The cells of a node's children by Xen's rule: a property that is absent has the parent's value, and 2 and 1 hold at
 * the root only. (The Devicetree Specification, 2.3.5, has 2 and 1 for every node.)
 */
export const cellsOf = (node: DtNode): InheritedCells => {
  const [address, addressFrom] = inherited(node, ADDRESS_CELLS, 2);
  const [size, sizeFrom] = inherited(node, SIZE_CELLS, 1);
  return { address, size, addressFrom, sizeFrom };
};

/** Like {@link cellsOf}; undefined, with a diagnostic, unless both are 1 or 2. */
export const checkedCells = (reporter: Reporter, node: DtNode): InheritedCells | undefined => {
  const cells = cellsOf(node);
  let usable = true;
  for (const [name, count, from] of [
    [ADDRESS_CELLS, cells.address, cells.addressFrom],
    [SIZE_CELLS, cells.size, cells.sizeFrom],
  ] as const) {
    if (count === 1 || count === 2) continue;
    usable = false;
    reporter.report('cells-unsupported', from ?? node, name, { name, found: Number.isNaN(count) ? 'no cell' : count });
  }
  return usable ? cells : undefined;
};

/** Reports that a node's cells come from elsewhere. */
export const noteInheritedCells = (reporter: Reporter, node: DtNode, cells: InheritedCells): void => {
  const missing = [
    ...(cells.addressFrom === node ? [] : [{ name: ADDRESS_CELLS, from: cells.addressFrom }]),
    ...(cells.sizeFrom === node ? [] : [{ name: SIZE_CELLS, from: cells.sizeFrom }]),
  ];
  if (missing.length === 0) return;
  const names = missing.map(({ name }) => name).join(' and ');
  const from = [...new Set(missing.map((one) => one.from?.path ?? 'the default of the root'))].join(' and ');
  const { address, size } = cells;
  reporter.report('cells-inherited', node, undefined, {
    names: `${names} ${missing.length > 1 ? 'are' : 'is'}`,
    address,
    size,
    from,
  });
};

/** Bytes of one address and size pair. */
export const strideOf = ({ address, size }: InheritedCells): number => 4 * (address + size);

/** The pair at an offset; undefined if it ends past the physical address space. */
export const rangeAt = (value: Uint8Array, offset: number, cells: InheritedCells): MemoryRange | undefined => {
  const start = numberAt(value, offset, cells.address);
  const size = numberAt(value, offset + 4 * cells.address, cells.size);
  return start + size > MAX_ADDRESS ? undefined : { start: Number(start), size: Number(size) };
};

const sourceOf = (cells: InheritedCells): string =>
  [...new Set([cells.addressFrom?.path, cells.sizeFrom?.path])].map((path) => path ?? 'the root').join(' and ');

/** How a value reads with as many cells of one and two as it has, where that is other than it is read. */
const otherReading = (value: Uint8Array, cells: InheritedCells): string => {
  for (const address of [2, 1]) {
    for (const size of [2, 1]) {
      if (4 * (address + size) !== value.length || (address === cells.address && size === cells.size)) continue;
      const [start, length] = [numberAt(value, 0, address), numberAt(value, 4 * address, size)];
      if (length === 0n || start + length > MAX_ADDRESS) continue;
      return `; with ${address} and ${size} cells it is address ${hex(start)}, size ${hex(length)}`;
    }
  }
  return '';
};

/** The first pair of a module's `reg`, as Xen reads it; undefined, with a diagnostic, if there is none. */
export const readModuleReg = (reporter: Reporter, node: DtNode, cells: InheritedCells): MemoryRange | undefined => {
  const value = node.prop('reg')?.value;
  const { address, size } = cells;
  if (value === undefined) {
    reporter.report('module-reg-missing', node, undefined, { address, size });
    return undefined;
  }
  const needed = strideOf(cells);
  const hint = otherReading(value, cells);
  const shape = { length: value.length, address, size, needed, cellsFrom: sourceOf(cells), hint };
  if (value.length < needed) {
    reporter.report('reg-too-short', node, 'reg', shape);
    return undefined;
  }
  const start = numberAt(value, 0, address);
  const length = numberAt(value, 4 * address, size);
  if (value.length > needed) {
    reporter.report('reg-extra', node, 'reg', { ...shape, found: hex(start), foundSize: hex(length) });
  }
  const range = rangeAt(value, 0, cells);
  if (range === undefined) reporter.report('reg-out-of-range', node, 'reg', { start: hex(start), length: hex(length) });
  return range;
};

/** All pairs of a property; undefined if its length is no multiple of a pair's or a pair is out of range. */
export const readRanges = (value: Uint8Array, cells: InheritedCells): MemoryRange[] | undefined => {
  const stride = strideOf(cells);
  if (value.length % stride !== 0) return undefined;
  const ranges: MemoryRange[] = [];
  for (let offset = 0; offset < value.length; offset += stride) {
    const range = rangeAt(value, offset, cells);
    if (range === undefined) return undefined;
    ranges.push(range);
  }
  return ranges;
};
