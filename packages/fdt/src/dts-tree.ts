import type { DtsMarkPiece } from './dts-marks.ts';
import type { DtsPosition, DtsReports, DtsStretch } from './dts-source.ts';
import { propStrings } from './values.ts';

/** `phandle`: `<&x>`, one cell. `path`: `&x` outside of cells, a string. */
export interface DtsReference {
  readonly kind: 'phandle' | 'path';
  /** `label`, `/path` or `label/path`. */
  readonly reference: string;
  readonly at: DtsPosition;
}

/** A piece of a property's value: bytes, a reference that is resolved once the whole tree is known, or a mark. */
export type DtsPiece = { readonly kind: 'bytes'; readonly bytes: Uint8Array } | DtsReference | DtsMarkPiece;

/** The number of bytes of a value up to where path references get their text, as long as they have none. */
export const rawLength = (pieces: readonly DtsPiece[]): number =>
  pieces.reduce(
    (sum, piece) => sum + (piece.kind === 'bytes' ? piece.bytes.length : piece.kind === 'phandle' ? 4 : 0),
    0,
  );

/** The labels of a node or property. A deleted one keeps its place in case it comes back. */
export class DtsLabels {
  readonly #live = new Map<string, boolean>();

  /** @param labels as they stand in the source. */
  constructor(labels: readonly string[] = []) {
    for (const label of [...labels].reverse()) this.add(label);
  }

  add(label: string): void {
    this.#live.set(label, true);
  }

  deleteAll(): void {
    for (const label of this.#live.keys()) this.#live.set(label, false);
  }

  /** True when there ever was one: dtc gives phandles and symbols by that. */
  get any(): boolean {
    return this.#live.size > 0;
  }

  /** Those that are not deleted, the one that was added last first: that is dtc's order. */
  list(): string[] {
    const labels: string[] = [];
    for (const [label, live] of this.#live) if (live) labels.push(label);
    return labels.reverse();
  }
}

/** A property as the source has it. */
export interface DtsProperty {
  readonly name: string;
  pieces: readonly DtsPiece[];
  /** Labels before the name. */
  readonly labels: DtsLabels;
  /** Labels within the value. */
  valueLabels: readonly string[];
  at: DtsPosition;
  /** Behind the `;`. */
  end: DtsPosition;
  /** True for `/delete-property/`, and for a property that one deleted: it keeps its place in case it comes back. */
  deleted: boolean;
}

/** A node as the source has it, while definitions are merged. */
export class DtsNode {
  name: string;
  readonly at: DtsPosition;
  labels = new DtsLabels();
  readonly properties = new Map<string, DtsProperty>();
  readonly children = new Map<string, DtsNode>();
  parent: DtsNode | undefined;
  /** Like {@link DtsProperty.deleted}. */
  deleted = false;
  /** `/omit-if-no-ref/`. */
  omitIfUnused = false;
  /** True once a definition was applied. */
  defined = false;
  /** Behind the `{` of the first definition. */
  open: DtsPosition | undefined;
  referenced = false;
  /** Every definition, from its `{` through its `;`, and the deletion that came before the first. */
  readonly definitions: DtsStretch[] = [];

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
  /** Behind the `{`. */
  readonly open: DtsPosition;
  /** From the `{` through the `;`. */
  readonly stretch: DtsStretch;
  readonly properties: readonly DtsProperty[];
  readonly children: readonly DtsChildDefinition[];
}

export interface DtsChildDefinition {
  readonly name: string;
  readonly at: DtsPosition;
  /** From `/delete-node/` through the `;`, of a deletion. */
  readonly deletion?: DtsStretch;
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
  /** Labels in definitions that have no target: they were reported once, and what refers to them is not. */
  readonly lostLabels = new Set<string>();
  readonly #reports: DtsReports;
  readonly #labelled = new Map<string, Set<DtsNode>>();
  #orphans = 0;

  constructor(at: DtsPosition, reports: DtsReports) {
    this.root = new DtsNode('', at);
    this.#reports = reports;
  }

  /**
   * Applies one definition to a node, in order: it overrides and deletes what is there by then. In a node's first
   * definition, though, nothing may come twice, and a deletion only keeps a place for what may come later.
   */
  merge(node: DtsNode, body: DtsBody): void {
    const first = !node.defined;
    if (first) this.#reportRepetition(node, body);
    node.definitions.push(body.stretch);
    node.defined = true;
    node.open ??= body.open;
    node.deleted = false;
    for (const property of body.properties) {
      if (first) defineProperty(node, property);
      else mergeProperty(node, property);
    }
    for (const child of body.children) this.#mergeChild(node, child, first);
  }

  #mergeChild(node: DtsNode, child: DtsChildDefinition, first: boolean): void {
    const old = node.children.get(child.name);
    if (child.body === undefined && !first) {
      if (old !== undefined) this.deleteNode(old);
      return;
    }
    // In a first definition only a deletion should stand before; what takes its name goes last. A twin is an error,
    // and is kept for whom the tree is wanted all the same.
    const kept = first ? undefined : old;
    if (first && old?.deleted === true) node.children.delete(child.name);
    const target = kept ?? new DtsNode(child.name, child.at);
    target.parent = node;
    node.children.set(kept === undefined ? freeKey(node.children, child.name) : child.name, target);
    if (child.body === undefined) {
      target.deleted = true;
      if (child.deletion !== undefined) target.definitions.push(child.deletion);
      return;
    }
    this.merge(target, child.body);
    target.omitIfUnused ||= child.omitIfUnused;
    for (const label of kept === undefined ? [...child.labels].reverse() : child.labels) this.addLabel(target, label);
  }

  /** What `&target { … }` becomes in an overlay whose own nodes do not have that target. */
  addFragment(reference: string, body: DtsBody, at: DtsPosition): void {
    const { root } = this;
    const fragment = new DtsNode(`fragment@${this.#orphans++}`, at);
    const path: DtsPiece[] = [
      { kind: 'type', type: 'string' },
      { kind: 'bytes', bytes: propStrings(reference) },
    ];
    const [name, pieces]: [string, DtsPiece[]] = reference.startsWith('/')
      ? ['target-path', path]
      : ['target', [{ kind: 'phandle', reference, at }]];
    const labels = new DtsLabels();
    fragment.properties.set(name, { name, pieces, labels, valueLabels: [], at, end: at, deleted: false });
    const overlay = new DtsNode('__overlay__', at);
    fragment.defined = true;
    overlay.parent = fragment;
    fragment.parent = root;
    fragment.children.set(overlay.name, overlay);
    if (root.children.get(fragment.name)?.deleted === false) {
      this.#reports.report(
        `this becomes /${fragment.name}, which is there already`,
        at,
        'duplicate_node_names',
        fragment.path,
      );
    }
    root.children.delete(fragment.name);
    root.children.set(fragment.name, fragment);
    root.defined = true;
    this.merge(overlay, body);
  }

  /** Takes note of what a definition without a target would have defined. */
  loseLabels(body: DtsBody): void {
    for (const child of body.children) {
      for (const label of child.labels) this.lostLabels.add(label);
      if (child.body !== undefined) this.loseLabels(child.body);
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
    for (const label of node.labels.list()) this.#labelled.get(label)?.delete(node);
    node.labels.deleteAll();
    for (const property of node.properties.values()) deleteProperty(property);
    for (const child of node.children.values()) this.deleteNode(child);
  }

  /** The node that `label`, `/path` or `label/path` means; path components are full names. */
  find(reference: string): DtsNode | undefined {
    if (!this.root.defined) return undefined;
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

  #reportRepetition(node: DtsNode, { properties, children }: DtsBody): void {
    const seen = new Set<string>();
    for (const { name, at } of properties.filter((property) => !property.deleted)) {
      const message = `property '${name}' comes twice in one definition of ${node.path}`;
      if (seen.has(name)) this.#reports.report(message, at, 'duplicate_property_names', node.path);
      seen.add(name);
    }
    seen.clear();
    for (const { name, at, body } of children) {
      const message = `node '${name}' comes again in the first definition of ${node.path}`;
      if (seen.has(name))
        this.#reports.report(message, at, 'duplicate_node_names', `${node.path === '/' ? '' : node.path}/${name}`);
      if (body !== undefined) seen.add(name);
    }
  }
}

function deleteProperty(property: DtsProperty): void {
  property.deleted = true;
  property.labels.deleteAll();
}

function mergeProperty(node: DtsNode, property: DtsProperty): void {
  const old = node.properties.get(property.name);
  if (old === undefined) {
    if (!property.deleted) node.properties.set(property.name, property);
  } else if (property.deleted) {
    deleteProperty(old);
  } else {
    for (const label of property.labels.list()) old.labels.add(label);
    const { pieces, at, end, valueLabels } = property;
    Object.assign(old, { pieces, at, end, valueLabels, deleted: false });
  }
}

function defineProperty(node: DtsNode, property: DtsProperty): void {
  const old = node.properties.get(property.name);
  if (property.deleted && old !== undefined) return;
  if (old?.deleted === true) node.properties.delete(property.name);
  node.properties.set(freeKey(node.properties, property.name), property);
}

/** The name as a key; a twin, which is an error, has another, so that it is found only by who goes through all. */
function freeKey(items: ReadonlyMap<string, unknown>, name: string): string {
  let key = name;
  for (let twin = 1; items.has(key); twin++) key = `${name}\0${twin}`;
  return key;
}
