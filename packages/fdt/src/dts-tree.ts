import { type DtsPosition, refuse } from './dts-source.ts';

/** `phandle`: `<&x>`, one cell. `path`: `&x` outside of cells, a string. */
export interface DtsReference {
  readonly kind: 'phandle' | 'path';
  /** `label`, `/path` or `label/path`. */
  readonly reference: string;
  readonly at: DtsPosition;
}

/** A piece of a property's value: bytes, or a reference that is resolved once the whole tree is known. */
export type DtsPiece = { readonly kind: 'bytes'; readonly bytes: Uint8Array } | DtsReference;

/** A property as the source has it. */
export interface DtsProperty {
  readonly name: string;
  pieces: readonly DtsPiece[];
  /** Labels before the name and within the value. */
  labels: readonly string[];
  at: DtsPosition;
  /** True for `/delete-property/`, and for a property that one deleted: it keeps its place in case it comes back. */
  deleted: boolean;
}

/** A node as the source has it, while definitions are merged. */
export class DtsNode {
  name: string;
  readonly at: DtsPosition;
  readonly labels = new Set<string>();
  readonly properties = new Map<string, DtsProperty>();
  readonly children = new Map<string, DtsNode>();
  parent: DtsNode | undefined;
  /** Like {@link DtsProperty.deleted}. */
  deleted = false;
  /** `/omit-if-no-ref/`. */
  omitIfUnused = false;
  /** True once a definition was applied. */
  defined = false;
  referenced = false;

  constructor(name: string, at: DtsPosition) {
    this.name = name;
    this.at = at;
  }

  get path(): string {
    let path = '';
    for (let node: DtsNode = this; node.parent !== undefined; node = node.parent) path = `/${node.name}${path}`;
    return path === '' ? '/' : path;
  }

  /** Number of nodes above this one. */
  get depth(): number {
    let depth = 0;
    for (let node = this.parent; node !== undefined; node = node.parent) depth++;
    return depth;
  }

  *liveChildren(): Generator<DtsNode, void, undefined> {
    for (const child of this.children.values()) if (!child.deleted) yield child;
  }

  *liveProperties(): Generator<DtsProperty, void, undefined> {
    for (const property of this.properties.values()) if (!property.deleted) yield property;
  }

  /** This node and all below it which are not deleted, parents first. */
  *walk(): Generator<DtsNode, void, undefined> {
    yield this;
    for (const child of this.liveChildren()) yield* child.walk();
  }
}

/** What stands between the braces of one definition, in order. */
export interface DtsBody {
  readonly properties: readonly DtsProperty[];
  readonly children: readonly DtsChildDefinition[];
}

export interface DtsChildDefinition {
  readonly name: string;
  readonly at: DtsPosition;
  readonly labels: readonly string[];
  readonly omitIfUnused: boolean;
  /** Undefined for `/delete-node/`. */
  readonly body: DtsBody | undefined;
}

/**
 * The tree that definitions are merged into, by dtc's rules: a second definition of a node is merged into the first;
 * a property or node that comes again, even after its deletion, keeps its first place.
 */
export class DtsTree {
  readonly root: DtsNode;
  readonly #labelled = new Map<string, Set<DtsNode>>();

  constructor(at: DtsPosition) {
    this.root = new DtsNode('', at);
  }

  /**
   * Applies one definition to a node, in order: it overrides and deletes what is there by then. In a node's first
   * definition, though, nothing may come twice, and a deletion only keeps a place for what may come later.
   */
  merge(node: DtsNode, body: DtsBody): void {
    const first = !node.defined;
    if (first) refuseRepetition(node, body);
    node.defined = true;
    node.deleted = false;
    for (const property of body.properties) {
      if (first) defineProperty(node, property);
      else mergeProperty(node, property);
    }
    for (const child of body.children) {
      const old = node.children.get(child.name);
      if (child.body === undefined && !first) {
        if (old !== undefined) this.deleteNode(old);
        continue;
      }
      if (first) node.children.delete(child.name);
      const target = (first ? undefined : old) ?? new DtsNode(child.name, child.at);
      target.parent = node;
      node.children.set(child.name, target);
      if (child.body === undefined) {
        target.deleted = true;
        continue;
      }
      this.merge(target, child.body);
      target.omitIfUnused ||= child.omitIfUnused;
      for (const label of child.labels) this.addLabel(target, label);
    }
  }

  addLabel(node: DtsNode, label: string): void {
    node.labels.add(label);
    const nodes = this.#labelled.get(label);
    if (nodes === undefined) this.#labelled.set(label, new Set([node]));
    else nodes.add(node);
  }

  /** Marks a node and all below it as deleted; their labels are free again. */
  deleteNode(node: DtsNode): void {
    node.deleted = true;
    for (const label of node.labels) this.#labelled.get(label)?.delete(node);
    node.labels.clear();
    for (const property of node.properties.values()) property.deleted = true;
    for (const child of node.children.values()) this.deleteNode(child);
  }

  /** The node that `label`, `/path` or `label/path` means; path components are full names. */
  find(reference: string): DtsNode | undefined {
    const [label, ...components] = reference.split('/');
    let node: DtsNode | undefined = this.root;
    if (label !== '') [node] = this.#labelled.get(label!) ?? [];
    for (const component of components) {
      if (component === '') continue;
      const child: DtsNode | undefined = node?.children.get(component);
      node = child?.deleted === false ? child : undefined;
    }
    return node;
  }
}

function mergeProperty(node: DtsNode, property: DtsProperty): void {
  const old = node.properties.get(property.name);
  if (old === undefined) {
    if (!property.deleted) node.properties.set(property.name, property);
  } else if (property.deleted) {
    old.deleted = true;
  } else {
    const { pieces, at } = property;
    Object.assign(old, { pieces, at, labels: [...old.labels, ...property.labels], deleted: false });
  }
}

function defineProperty(node: DtsNode, property: DtsProperty): void {
  const old = node.properties.get(property.name);
  if (property.deleted && old !== undefined) return;
  node.properties.delete(property.name);
  node.properties.set(property.name, property);
}

function refuseRepetition(node: DtsNode, { properties, children }: DtsBody): void {
  const seen = new Set<string>();
  for (const { name, at } of properties.filter((property) => !property.deleted)) {
    if (seen.has(name)) refuse(`property '${name}' comes twice in one definition of ${node.path}`, at);
    seen.add(name);
  }
  seen.clear();
  for (const { name, at, body } of children) {
    if (seen.has(name)) refuse(`node '${name}' comes again in the first definition of ${node.path}`, at);
    if (body !== undefined) seen.add(name);
  }
}
