import type { DtsLocation } from './dts-source.ts';
import type { DtsSourceMap } from './dts-source-map.ts';
import { latin1 } from './format.ts';
import type { DtNode } from './node.ts';
import type { DeviceTree } from './tree.ts';

/** Something questionable in a tree. */
export interface TreeWarning {
  /** dtc's name of the check: `unit_address_vs_reg`. */
  readonly code: string;
  /** `error`: dtc refuses such a tree. */
  readonly severity: 'error' | 'warning';
  readonly path: string;
  readonly property?: string;
  readonly message: string;
  /** Where in the source, when the tree was compiled from one. */
  readonly location?: DtsLocation;
}

export type Bus = 'PCI' | 'simple-bus' | 'i2c-bus' | 'spi-bus' | 'graph-port' | 'graph-ports';

/** A node with what the checks ask again and again. */
export interface Checked {
  readonly node: DtNode;
  readonly name: string;
  readonly baseName: string;
  /** Without `@`; empty when there is none. */
  readonly unitAddress: string;
  readonly path: string;
  readonly parent: Checked | undefined;
  readonly children: Checked[];
  readonly values: ReadonlyMap<string, Uint8Array>;
  /** #address-cells and #size-cells of the node itself, if they are there and cells. */
  readonly addressCells: number | undefined;
  readonly sizeCells: number | undefined;
  /** What kind of bus the node is, once a check has found out. */
  bus: Bus | undefined;
}

export type Fail = (checked: Checked, message: string, property?: string) => void;

/** One of dtc's checks; it is called for each node, parents first. */
export interface Check {
  readonly code: string;
  readonly severity?: 'error';
  /** False for checks that dtc runs only when asked to. */
  readonly byDefault?: false;
  /** Checks that must have found nothing. */
  readonly needs?: readonly string[];
  readonly run: (checked: Checked, context: CheckContext, fail: Fail) => void;
}

export interface CheckContext {
  readonly root: Checked;
  /** Parents first. */
  readonly all: readonly Checked[];
  readonly byPhandle: ReadonlyMap<number, Checked>;
  readonly plugin: boolean;
  readonly sourceMap: DtsSourceMap | undefined;
  /** Phandles may stand as numbers. */
  readonly plainPhandles: boolean;
}

/** The 32-bit cell at an index, or undefined beyond the end. */
export function cellAt(value: Uint8Array | undefined, index: number): number | undefined {
  if (value === undefined || value.length < index * 4 + 4) return undefined;
  return new DataView(value.buffer, value.byteOffset, value.byteLength).getUint32(index * 4);
}

/** The value if it is exactly one cell. */
export const oneCell = (value: Uint8Array | undefined): number | undefined =>
  value?.length === 4 ? cellAt(value, 0) : undefined;

/** The text up to the first NUL. */
export function firstString(value: Uint8Array | undefined): string | undefined {
  if (value === undefined) return undefined;
  const end = value.indexOf(0);
  return latin1(end < 0 ? value : value.subarray(0, end));
}

export const isMultipleOf = (length: number, entry: number): boolean =>
  entry === 0 ? length === 0 : length % entry === 0;

function examine(node: DtNode, parent: Checked | undefined): Checked {
  const values = new Map<string, Uint8Array>();
  for (const { name, value } of node.properties) if (!values.has(name)) values.set(name, value);
  const { name } = node;
  const above = parent === undefined || parent.parent === undefined ? '' : parent.path;
  return {
    node,
    name,
    baseName: node.baseName,
    unitAddress: node.unitAddress ?? '',
    path: parent === undefined ? '/' : `${above}/${name}`,
    parent,
    children: [],
    values,
    addressCells: oneCell(values.get('#address-cells')),
    sizeCells: oneCell(values.get('#size-cells')),
    bus: undefined,
  };
}

export function contextOf(
  tree: DeviceTree,
  options: Pick<CheckContext, 'plugin' | 'sourceMap' | 'plainPhandles'>,
): CheckContext {
  const known = new Map<DtNode, Checked>();
  const byPhandle = new Map<number, Checked>();
  const all: Checked[] = [];
  for (const node of tree.root.walk()) {
    const parent = node === tree.root ? undefined : known.get(node.parent!);
    const checked = examine(node, parent);
    known.set(node, checked);
    parent?.children.push(checked);
    all.push(checked);
    const phandle = oneCell(checked.values.get('phandle')) ?? oneCell(checked.values.get('linux,phandle'));
    if (phandle !== undefined && !byPhandle.has(phandle)) byPhandle.set(phandle, checked);
  }
  return { root: all[0]!, all, byPhandle, ...options };
}

/** The node at a path of full names. */
export function nodeAt(root: Checked, path: string): Checked | undefined {
  let checked: Checked | undefined = root;
  for (const component of path.split('/')) {
    if (component !== '') checked = checked?.children.find(({ name }) => name === component);
  }
  return checked;
}
