import { FdtError, type FdtErrorCode } from './errors.ts';
import { checkName } from './format.ts';
import { type Cells, cellsToBigInt, describeValue, type RegEntry } from './values.ts';

/** A property: a name and bytes. Replace `value` to change it; every type is a reading of the bytes. */
export interface DtProperty {
  readonly name: string;
  value: Uint8Array;
}

/** Adds a child without looking for others of that name: blobs with such twins exist and are read. */
export let attachChild: (parent: DtNode, child: DtNode) => void;
/** Adds a property without looking for others of that name. */
export let attachProperty: (node: DtNode, property: DtProperty) => void;
/** Like {@link attachChild}, as the first one. */
export let prependChild: (parent: DtNode, child: DtNode) => void;
/** Like {@link attachProperty}, as the first one. */
export let prependProperty: (node: DtNode, property: DtProperty) => void;

const MAX_CELLS = 4;

/** Where a new property or child goes: before or behind one that is there, given itself or by name; else last. */
export type DtPlace<T> = { readonly before: T | string } | { readonly after: T | string };

/**
 * A node of the tree: a name, properties in order, children in order.
 *
 * Typed accessors (`u32`, `string`, `reg`, …) return `undefined` when the property is absent, and throw
 * {@link FdtError} `FDT_ERR_BADVALUE`, naming node, property and value, when its bytes cannot be of that type.
 */
export class DtNode {
  /** Full name, with the unit address: `memory@40000000`. The root's is empty. */
  readonly name: string;
  readonly #children: DtNode[] = [];
  readonly #properties: DtProperty[] = [];
  #parent: DtNode | undefined;

  static {
    attachChild = (parent, child) => {
      child.#parent = parent;
      parent.#children.push(child);
    };
    attachProperty = (node, property) => {
      node.#properties.push(property);
    };
    prependChild = (parent, child) => {
      child.#parent = parent;
      parent.#children.unshift(child);
    };
    prependProperty = (node, property) => {
      node.#properties.unshift(property);
    };
  }

  /** @param name full name with unit address, or '' for a root. Throws FDT_ERR_BADVALUE for names no blob can hold. */
  constructor(name = '') {
    if (name !== '') checkName('node', name);
    this.name = name;
  }

  /** The name before `@`, the specification's node-name: `memory`. */
  get baseName(): string {
    const at = this.name.indexOf('@');
    return at < 0 ? this.name : this.name.slice(0, at);
  }

  /** The text after `@`, or undefined when there is none. */
  get unitAddress(): string | undefined {
    const at = this.name.indexOf('@');
    return at < 0 ? undefined : this.name.slice(at + 1);
  }

  get parent(): DtNode | undefined {
    return this.#parent;
  }

  /** Absolute path; the root's is `/`. A node without a parent is taken as a root. */
  get path(): string {
    let path = '';
    for (let node: DtNode = this; node.#parent !== undefined; node = node.#parent) path = `/${node.name}${path}`;
    return path === '' ? '/' : path;
  }

  get children(): readonly DtNode[] {
    return this.#children;
  }

  get properties(): readonly DtProperty[] {
    return this.#properties;
  }

  /** This node and all below it, parents before children, in document order. */
  *walk(): Generator<DtNode, void, undefined> {
    const pending: DtNode[] = [this];
    for (let node = pending.pop(); node !== undefined; node = pending.pop()) {
      yield node;
      for (let i = node.#children.length - 1; i >= 0; i--) pending.push(node.#children[i]!);
    }
  }

  /** The property of that name, or undefined. */
  prop(name: string): DtProperty | undefined {
    return this.#properties.find((property) => property.name === name);
  }

  /** True when the property is there, whatever its value. */
  has(name: string): boolean {
    return this.prop(name) !== undefined;
  }

  /** The child of that full name; else the only child with that base name; else undefined. */
  child(name: string): DtNode | undefined {
    const exact = this.#children.find((child) => child.name === name);
    if (exact !== undefined || name.includes('@')) return exact;
    const candidates = this.#children.filter((child) => child.baseName === name);
    return candidates.length === 1 ? candidates[0] : undefined;
  }

  /** A property that is exactly one 32-bit cell. */
  u32(name: string): number | undefined {
    const property = this.prop(name);
    if (property === undefined) return undefined;
    if (property.value.length !== 4) this.#refuse(property, 'is not one 32-bit cell');
    return readU32(property.value, 0);
  }

  /** A property that is exactly two cells, taken as one 64-bit number. */
  u64(name: string): bigint | undefined {
    const property = this.prop(name);
    if (property === undefined) return undefined;
    if (property.value.length !== 8) this.#refuse(property, 'is not one 64-bit number (two cells)');
    return cellsToBigInt(property.value, 0, 2);
  }

  /** All cells of a property; an empty property has none. */
  u32s(name: string): number[] | undefined {
    const property = this.prop(name);
    if (property === undefined) return undefined;
    if (property.value.length % 4 !== 0) this.#refuse(property, 'is not a whole number of 32-bit cells');
    return Array.from({ length: property.value.length / 4 }, (_, i) => readU32(property.value, i * 4));
  }

  /** The string, or the first of several, which is what Linux and Xen take. */
  string(name: string): string | undefined {
    const property = this.prop(name);
    if (property === undefined) return undefined;
    const strings = this.#decodeStrings(property);
    if (strings[0] === undefined) this.#refuse(property, 'is not a string');
    return strings[0];
  }

  /** All strings of a string list; an empty property has none. */
  strings(name: string): string[] | undefined {
    const property = this.prop(name);
    return property === undefined ? undefined : this.#decodeStrings(property);
  }

  /** The node's phandle: `phandle`, else the older `linux,phandle`. */
  get phandle(): number | undefined {
    return this.u32('phandle') ?? this.u32('linux,phandle');
  }

  /** The `compatible` strings, most specific first; none when the property is absent. */
  compatible(): string[] {
    return this.strings('compatible') ?? [];
  }

  /** True when `compatible` lists exactly this string; false when it is absent. */
  isCompatible(compatible: string): boolean {
    return this.compatible().includes(compatible);
  }

  /** This node's `#address-cells`, which its children's `reg` obeys; 2 when absent (Devicetree Specification 2.3.5). */
  get addressCells(): number {
    return this.#cellCount('#address-cells', 2);
  }

  /** This node's `#size-cells`, which its children's `reg` obeys; 1 when absent (Devicetree Specification 2.3.5). */
  get sizeCells(): number {
    return this.#cellCount('#size-cells', 1);
  }

  /**
   * The `reg` property. Without `cells` the parent's `#address-cells` and `#size-cells` count (2 and 1 when absent,
   * or for a root). Numbers of any count of cells are exact.
   */
  reg(cells?: Cells): RegEntry[] | undefined {
    return this.regProperty('reg', cells);
  }

  /** Like {@link reg}, for any property of address and size pairs (`xen,static-mem`, `linux,usable-memory`, …). */
  regProperty(name: string, cells?: Cells): RegEntry[] | undefined {
    const property = this.prop(name);
    if (property === undefined) return undefined;
    const { address, size } = cells ?? { address: this.#parent?.addressCells ?? 2, size: this.#parent?.sizeCells ?? 1 };
    const stride = (address + size) * 4;
    const { value } = property;
    if (stride === 0 ? value.length > 0 : value.length % stride !== 0) {
      this.#refuse(property, `is not made of entries of ${address} address and ${size} size cells`);
    }
    const entries: RegEntry[] = [];
    for (let at = 0; at < value.length; at += stride) {
      entries.push({
        address: cellsToBigInt(value, at, address),
        size: cellsToBigInt(value, at + address * 4, size),
      });
    }
    return entries;
  }

  /**
   * Sets a property: a known one keeps its place, a new one goes to `place`. Returns this node, for chains.
   * Throws FDT_ERR_NOTFOUND when the place names no property.
   */
  setProperty(name: string, value: Uint8Array, place?: DtPlace<DtProperty>): this {
    const property = this.prop(name);
    if (property !== undefined) {
      property.value = value;
    } else {
      checkName('property', name, this.path);
      this.#properties.splice(this.#indexOf(this.#properties, place), 0, { name, value });
    }
    return this;
  }

  /** Removes a property; returns whether it was there. */
  removeProperty(name: string): boolean {
    const index = this.#properties.findIndex((property) => property.name === name);
    if (index >= 0) this.#properties.splice(index, 1);
    return index >= 0;
  }

  /**
   * Adds a node, or a new empty one of that name, at `place`, and returns it. Throws FDT_ERR_EXISTS when a child has
   * this name, FDT_ERR_BADSTRUCTURE when the node sits in a tree already, FDT_ERR_NOTFOUND when the place names no child.
   */
  addChild(child: DtNode | string, place?: DtPlace<DtNode>): DtNode {
    const node = typeof child === 'string' ? new DtNode(child) : child;
    checkName('node', node.name, this.path);
    if (this.#children.some((other) => other.name === node.name)) {
      throw new FdtError('FDT_ERR_EXISTS', `${this.path} has a child ${node.name} already`, { path: this.path });
    }
    let root: DtNode = this;
    while (root.#parent !== undefined) root = root.#parent;
    if (node.#parent !== undefined || node === root) {
      const path = node.path;
      throw new FdtError('FDT_ERR_BADSTRUCTURE', `${path} is in a tree already; remove or clone it first`, { path });
    }
    this.#children.splice(this.#indexOf(this.#children, place), 0, node);
    node.#parent = this;
    return node;
  }

  /** Removes a child, given itself or its full name; returns it, or undefined when it is not a child. */
  removeChild(child: DtNode | string): DtNode | undefined {
    const index = this.#children.findIndex((other) => other === child || other.name === child);
    if (index < 0) return undefined;
    const [removed] = this.#children.splice(index, 1);
    removed!.#parent = undefined;
    return removed;
  }

  /** A copy of this node and all below it, without a parent. */
  clone(): DtNode {
    const copies = new Map<DtNode, DtNode>();
    for (const node of this.walk()) {
      const copy = new DtNode(node.name);
      for (const { name, value } of node.#properties) attachProperty(copy, { name, value: value.slice() });
      copies.set(node, copy);
      const parent = node === this ? undefined : copies.get(node.#parent!);
      if (parent !== undefined) attachChild(parent, copy);
    }
    return copies.get(this)!;
  }

  #indexOf<T extends { readonly name: string }>(items: readonly T[], place: DtPlace<T> | undefined): number {
    if (place === undefined) return items.length;
    const wanted = 'before' in place ? place.before : place.after;
    const index = items.findIndex((item) => item === wanted || item.name === wanted);
    if (index < 0) {
      const name = typeof wanted === 'string' ? wanted : wanted.name;
      throw new FdtError('FDT_ERR_NOTFOUND', `${this.path} has no '${name}' to put something next to`, {
        path: this.path,
      });
    }
    return 'before' in place ? index : index + 1;
  }

  #cellCount(name: string, absent: number): number {
    const count = this.u32(name) ?? absent;
    if (count > MAX_CELLS) {
      this.#refuse(this.prop(name)!, `is ${count}; at most ${MAX_CELLS} cells are possible`, 'FDT_ERR_BADNCELLS');
    }
    return count;
  }

  #decodeStrings(property: DtProperty): string[] {
    const { value } = property;
    if (value.length === 0) return [];
    if (value[value.length - 1] !== 0) this.#refuse(property, 'is not a string: it does not end with a NUL');
    try {
      const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(value.subarray(0, -1));
      return text.split('\0');
    } catch {
      return this.#refuse(property, 'is not a string: it is not valid UTF-8');
    }
  }

  #refuse(property: DtProperty, why: string, code: FdtErrorCode = 'FDT_ERR_BADVALUE'): never {
    const { path } = this;
    const message = `${path}: property ${property.name} ${why}; its value is ${describeValue(property.value)}`;
    throw new FdtError(code, message, { path, property: property.name });
  }
}

function readU32(value: Uint8Array, offset: number): number {
  return new DataView(value.buffer, value.byteOffset, value.byteLength).getUint32(offset);
}
