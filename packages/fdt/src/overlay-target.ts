import { latin1 } from './format.ts';
import type { FdtLayout } from './layout.ts';
import { DtNode, type DtProperty, prependChild, prependProperty } from './node.ts';
import { parseFdt } from './read.ts';
import type { DeviceTree } from './tree.ts';
import { writeFdt } from './write.ts';

/** Children by full name and by name without unit address; of several, the first in the node. */
interface ChildIndex {
  count: number;
  readonly byName: Map<string, DtNode>;
}

/** Nodes with many children are searched often enough to be indexed. Children are only added, by this module. */
const INDEX_FROM = 16;
const indices = new WeakMap<DtNode, ChildIndex>();

function indexOf(node: DtNode): Map<string, DtNode> {
  const known = indices.get(node);
  if (known?.count === node.children.length) return known.byName;
  const byName = new Map<string, DtNode>();
  for (const child of node.children) {
    for (const name of [child.name, child.baseName]) if (!byName.has(name)) byName.set(name, child);
  }
  indices.set(node, { count: node.children.length, byName });
  return byName;
}

/** A child as libfdt finds it: a name without a unit address is also that of the first child with one. */
export function findChild(node: DtNode, name: string): DtNode | undefined {
  if (node.children.length >= INDEX_FROM) return indexOf(node).get(name);
  const isNamed = ({ name: other, baseName }: DtNode): boolean => other === name || baseName === name;
  return node.children.find(isNamed);
}

function addFirst(node: DtNode, child: DtNode): void {
  const index = indices.get(node);
  const isCurrent = index?.count === node.children.length;
  prependChild(node, child);
  if (!isCurrent) return;
  index.count++;
  for (const name of [child.name, child.baseName]) index.byName.set(name, child);
}

/** A node as libfdt finds it by a path or by an alias with more behind it; undefined when there is none. */
export function findPath(root: DtNode, path: string, depth = 0): DtNode | undefined {
  let node: DtNode | undefined = root;
  let rest = path;
  if (!path.startsWith('/')) {
    const alias = path.split('/')[0]!;
    const value = findChild(root, 'aliases')?.prop(alias)?.value;
    // An alias may stand for a path that begins with an alias.
    if (value === undefined || depth > 8) return undefined;
    node = findPath(root, latin1(value).split('\0')[0]!, depth + 1);
    rest = path.slice(alias.length);
  }
  for (const component of rest.split('/')) {
    if (component !== '') node = node === undefined ? undefined : findChild(node, component);
  }
  return node;
}

/** What a tag of the structure block belongs to: a property, or the begin or end of a node. */
type Tag = DtProperty | DtNode | { readonly endOf: DtNode };

function* tagsOf(root: DtNode): Generator<Tag, void, undefined> {
  const stack: { node: DtNode; next: number }[] = [];
  const enter = function* (node: DtNode): Generator<Tag, void, undefined> {
    yield node;
    yield* node.properties;
    stack.push({ node, next: 0 });
  };
  yield* enter(root);
  for (let top = stack.at(-1); top !== undefined; top = stack.at(-1)) {
    const child = top.node.children[top.next++];
    if (child !== undefined) {
      yield* enter(child);
    } else {
      yield { endOf: top.node };
      stack.pop();
    }
  }
}

/**
 * A tree that is edited as libfdt edits a blob: a new property goes first in its node, a new node before its siblings,
 * a new string last in the strings block, and what was there stays, NOPs included. So the result has the bytes that
 * `fdtoverlay` writes.
 */
export class OverlayTarget {
  readonly tree: DeviceTree;
  readonly #layout: FdtLayout;
  #strings: string;
  readonly #offsets = new Map<DtProperty, number>();
  readonly #properties = new Map<DtNode, Map<string, DtProperty>>();
  /** Where a string was found, since the block is searched from its begin. */
  readonly #known = new Map<string, number>();
  readonly #nopsBefore = new Map<DtNode | DtProperty, number>();
  readonly #nopsBeforeEnd = new Map<DtNode, number>();
  #nopsBeforeLast = 0;

  constructor(base: DeviceTree) {
    this.tree = parseFdt(writeFdt(base));
    this.#layout = this.tree.layout!;
    this.#strings = latin1(this.#layout.strings);
    let index = 0;
    let property = 0;
    for (const tag of tagsOf(this.tree.root)) {
      const nops = this.#layout.nops.get(index++) ?? 0;
      if ('endOf' in tag) {
        if (nops > 0) this.#nopsBeforeEnd.set(tag.endOf, nops);
        continue;
      }
      if (nops > 0) this.#nopsBefore.set(tag, nops);
      if ('value' in tag) this.#offsets.set(tag, this.#layout.nameOffsets[property++]!);
    }
    this.#nopsBeforeLast = this.#layout.nops.get(index) ?? 0;
  }

  setProperty(node: DtNode, name: string, value: Uint8Array): void {
    const properties = this.#propertiesOf(node);
    const known = properties.get(name);
    if (known !== undefined) {
      known.value = value;
      return;
    }
    const property: DtProperty = { name, value };
    prependProperty(node, property);
    properties.set(name, property);
    this.#offsets.set(property, this.#placeString(name));
  }

  /** The child of that name, in libfdt's sense; a new one if there is none. */
  childNamed(node: DtNode, name: string): DtNode {
    const known = findChild(node, name);
    if (known !== undefined) return known;
    const [first] = node.children;
    const child = new DtNode(name);
    addFirst(node, child);
    // It goes behind NOPs: they are before it now, not before what follows.
    const nops = (first === undefined ? this.#nopsBeforeEnd.get(node) : this.#nopsBefore.get(first)) ?? 0;
    if (nops > 0) this.#nopsBefore.set(child, nops);
    if (first === undefined) this.#nopsBeforeEnd.delete(node);
    else this.#nopsBefore.delete(first);
    return child;
  }

  /** The tree, with the layout of libfdt's packed blob. */
  finish(): DeviceTree {
    const { tree } = this;
    const nops = new Map<number, number>();
    const nameOffsets: number[] = [];
    let index = 0;
    let structSize = 0;
    const place = (count: number | undefined): void => {
      if (count !== undefined) nops.set(index, count);
      structSize += (count ?? 0) * 4;
      index++;
    };
    for (const tag of tagsOf(tree.root)) {
      if ('endOf' in tag) {
        place(this.#nopsBeforeEnd.get(tag.endOf));
        structSize += 4;
      } else {
        place(this.#nopsBefore.get(tag));
        if ('value' in tag) nameOffsets.push(this.#offsets.get(tag)!);
        structSize += 'value' in tag ? 12 + alignCell(tag.value.length) : 4 + alignCell(tag.name.length + 1);
      }
    }
    place(this.#nopsBeforeLast === 0 ? undefined : this.#nopsBeforeLast);
    structSize += 4;
    const strings = Uint8Array.from(this.#strings, (character) => character.charCodeAt(0));
    const offMemRsvmap = 40;
    const offStruct = offMemRsvmap + (tree.reservations.length + 1) * 16;
    const offStrings = offStruct + structSize;
    tree.layout = {
      version: 17,
      lastCompVersion: this.#layout.lastCompVersion,
      totalSize: offStrings + strings.length,
      offMemRsvmap,
      offStruct,
      offStrings,
      headerStructSize: structSize,
      structSize,
      reservationCount: tree.reservations.length,
      strings,
      nameOffsets: Uint32Array.from(nameOffsets),
      nops,
      residue: [],
    };
    return tree;
  }

  #propertiesOf(node: DtNode): Map<string, DtProperty> {
    const known = this.#properties.get(node);
    if (known !== undefined) return known;
    const properties = new Map<string, DtProperty>();
    for (const property of node.properties) {
      if (!properties.has(property.name)) properties.set(property.name, property);
    }
    this.#properties.set(node, properties);
    return properties;
  }

  #placeString(name: string): number {
    const known = this.#known.get(name);
    if (known !== undefined) return known;
    let offset = this.#strings.indexOf(`${name}\0`);
    if (offset < 0) {
      offset = this.#strings.length;
      this.#strings += `${name}\0`;
    }
    this.#known.set(name, offset);
    return offset;
  }
}

const alignCell = (size: number): number => Math.ceil(size / 4) * 4;
