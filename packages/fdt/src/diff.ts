import type { DtNode } from './node.ts';
import type { DeviceTree } from './tree.ts';

export interface DiffTreesOptions {
  /**
   * Phandles may have other numbers: properties `phandle` and `linux,phandle` are passed over, and two cells are the
   * same when, as phandles of their trees, they are those of nodes of the same path. Nodes that are only in one of
   * the trees, and what is below them, are compared as numbers.
   */
  readonly ignorePhandles?: boolean | undefined;
}

/** One difference; `old` is what the first tree has, `new` what the second has. */
export type TreeDifference =
  | { readonly kind: 'node-removed' | 'node-added'; readonly path: string }
  | {
      readonly kind: 'property-removed' | 'property-added' | 'property-changed';
      readonly path: string;
      readonly property: string;
      /** Undefined when the property is added. */
      readonly old: Uint8Array | undefined;
      /** Undefined when it is removed. */
      readonly new: Uint8Array | undefined;
    }
  | { readonly kind: 'reservations-changed' | 'boot-cpu-changed'; readonly old: string; readonly new: string };

type Same = (a: Uint8Array, b: Uint8Array) => boolean;

const PHANDLES: ReadonlySet<string> = new Set(['phandle', 'linux,phandle']);

/**
 * The differences between two trees by meaning: order and layout do not count. A node that is only in one of them is
 * one difference, with all that is below it.
 */
export function diffTrees(a: DeviceTree, b: DeviceTree, options: DiffTreesOptions = {}): TreeDifference[] {
  const differences: TreeDifference[] = [];
  const [reservedA, reservedB] = [a, b].map((tree) =>
    tree.reservations.map(({ address, size }) => `0x${address.toString(16)}+0x${size.toString(16)}`).sort(),
  );
  if (reservedA!.join() !== reservedB!.join()) {
    differences.push({ kind: 'reservations-changed', old: reservedA!.join(' '), new: reservedB!.join(' ') });
  }
  if (a.bootCpuidPhys !== b.bootCpuidPhys) {
    differences.push({ kind: 'boot-cpu-changed', old: `${a.bootCpuidPhys}`, new: `${b.bootCpuidPhys}` });
  }
  const ignore = options.ignorePhandles === true;
  const same = ignore ? sameButPhandles(a, b) : sameBytes;
  const pending = [{ left: a.root, right: b.root, path: '' }];
  for (let next = pending.shift(); next !== undefined; next = pending.shift()) {
    const { left, right, path } = next;
    diffProperties(left, right, path || '/', ignore, same, differences);
    const others = new Map(right.children.map((child) => [child.name, child]));
    for (const child of left.children) {
      const childPath = `${path}/${child.name}`;
      const other = others.get(child.name);
      others.delete(child.name);
      if (other === undefined) differences.push({ kind: 'node-removed', path: childPath });
      else pending.push({ left: child, right: other, path: childPath });
    }
    for (const name of others.keys()) differences.push({ kind: 'node-added', path: `${path}/${name}` });
  }
  return differences;
}

function diffProperties(
  left: DtNode,
  right: DtNode,
  path: string,
  ignorePhandles: boolean,
  same: Same,
  differences: TreeDifference[],
): void {
  const others = new Map(right.properties.map(({ name, value }) => [name, value]));
  const counts = (name: string): boolean => !(ignorePhandles && PHANDLES.has(name));
  for (const { name, value } of left.properties) {
    const other = others.get(name);
    others.delete(name);
    if (!counts(name) || (other !== undefined && same(value, other))) continue;
    const kind = other === undefined ? 'property-removed' : 'property-changed';
    differences.push({ kind, path, property: name, old: value, new: other });
  }
  for (const [name, value] of others) {
    if (counts(name)) differences.push({ kind: 'property-added', path, property: name, old: undefined, new: value });
  }
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}

function sameButPhandles(a: DeviceTree, b: DeviceTree): Same {
  const [pathsA, pathsB] = [pathsByPhandle(a), pathsByPhandle(b)];
  return (left, right) => {
    if (sameBytes(left, right)) return true;
    if (left.length !== right.length || left.length % 4 !== 0) return false;
    const [x, y] = [left, right].map((value) => new DataView(value.buffer, value.byteOffset, value.byteLength));
    for (let at = 0; at < left.length; at += 4) {
      const [cellA, cellB] = [x!.getUint32(at), y!.getUint32(at)];
      if (cellA === cellB) continue;
      const path = pathsA.get(cellA);
      if (path === undefined || path !== pathsB.get(cellB)) return false;
    }
    return true;
  };
}

function pathsByPhandle(tree: DeviceTree): Map<number, string> {
  const paths = new Map<number, string>();
  for (const node of tree.root.walk()) {
    for (const name of PHANDLES) {
      if (node.prop(name)?.value.length === 4) paths.set(node.u32(name)!, node.path);
    }
  }
  return paths;
}
