import { type DtsMark, type DtsValueType, typeMark } from './dts-marks.ts';
import type { DtsResolver, ResolvedReference } from './dts-resolve.ts';
import type { DtsSourceMap } from './dts-source-map.ts';
import type { DtsNode } from './dts-tree.ts';
import { attachChild, attachProperty, DtNode, type DtProperty } from './node.ts';
import { propStrings, propU32 } from './values.ts';

/** A node's child of exactly that name; a new one goes last. */
function childNamed(parent: DtNode, name: string): DtNode {
  const found = parent.children.find((child) => child.name === name);
  if (found !== undefined) return found;
  const child = new DtNode(name);
  attachChild(parent, child);
  return child;
}

/**
 * A property for each label, with the path of its node: `/aliases` (dtc's -A) and `/__symbols__` (-@), which is what
 * overlays find their targets by. A property that is there already stays.
 */
export function addLabelNode(resolver: DtsResolver, root: DtNode, name: string, demandPhandles: boolean): void {
  const labelled: { source: DtsNode; labels: string[] }[] = [];
  for (const source of resolver.tree.root.walk()) {
    if (source.labels.any) labelled.push({ source, labels: source.labels.list() });
  }
  if (labelled.length === 0) return;
  const target = childNamed(root, name);
  const known = new Set(target.properties.map((property) => property.name));
  for (const { source, labels } of labelled) {
    for (const label of labels) {
      if (known.has(label)) continue;
      known.add(label);
      const { path } = source;
      resolver.countPath(path, source.at);
      attachProperty(target, { name: label, value: propStrings(path) });
      resolver.sourceMap.addMarks(target.path, label, [typeMark('string')]);
    }
    if (demandPhandles) resolver.demandPhandle(source);
  }
}

/** Values of parts of a type that grow, by the property that they become; what it has already comes first. */
class Growing {
  readonly #parts = new Map<DtNode, Map<string, { known: DtProperty | undefined; added: Uint8Array[] }>>();
  readonly #type: DtsValueType;
  readonly #sourceMap: DtsSourceMap;

  constructor(type: DtsValueType, sourceMap: DtsSourceMap) {
    this.#type = type;
    this.#sourceMap = sourceMap;
  }

  add(node: DtNode, name: string, part: Uint8Array): void {
    const properties = this.#parts.get(node) ?? new Map();
    this.#parts.set(node, properties);
    const parts = properties.get(name);
    if (parts === undefined) properties.set(name, { known: node.prop(name), added: [part] });
    else parts.added.push(part);
  }

  finish(): void {
    for (const [node, properties] of this.#parts) {
      for (const [name, { known, added }] of properties) {
        const value = concatenate(known === undefined ? added : [known.value, ...added]);
        const marks: DtsMark[] = [...(this.#sourceMap.marks(node.path, name) ?? [])];
        let offset = known?.value.length ?? 0;
        for (const { length } of added) {
          marks.push(typeMark(this.#type, offset));
          offset += length;
        }
        this.#sourceMap.addMarks(node.path, name, marks);
        if (known === undefined) attachProperty(node, { name, value });
        else known.value = value;
      }
    }
  }
}

function concatenate(parts: readonly Uint8Array[]): Uint8Array {
  const value = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    value.set(part, at);
    at += part.length;
  }
  return value;
}

/**
 * What an overlay says of its references: `/__fixups__` has, by label, the places that wait for a node of the base
 * tree; `/__local_fixups__` the places that hold phandles of the overlay's own nodes.
 */
export function addFixups(resolver: DtsResolver, root: DtNode): void {
  const places = new Growing('string', resolver.sourceMap);
  const missing = resolver.references.filter(({ target }) => target === undefined);
  if (missing.length > 0) {
    const fixups = childNamed(root, '__fixups__');
    for (const each of missing) places.add(fixups, each.reference, propStrings(fixupOf(resolver, each)));
  }
  places.finish();
  const values = new Growing('u32', resolver.sourceMap);
  const local = resolver.references.filter(({ target }) => target !== undefined);
  if (local.length > 0) {
    const fixups = childNamed(root, '__local_fixups__');
    const nodes = new Map<DtsNode, DtNode>([[resolver.tree.root, fixups]]);
    for (const { user, property, offset } of local) {
      values.add(placeOf(user, nodes), property, propU32(offset));
    }
  }
  values.finish();
}

function fixupOf(resolver: DtsResolver, { user, property, offset }: ResolvedReference): string {
  const { path } = user;
  resolver.countPath(path, user.at);
  return `${path}:${property}:${offset}`;
}

/** The node below `/__local_fixups__` that stands for a node. */
function placeOf(source: DtsNode, places: Map<DtsNode, DtNode>): DtNode {
  const known = places.get(source);
  if (known !== undefined) return known;
  const place = childNamed(placeOf(source.parent!, places), source.name);
  places.set(source, place);
  return place;
}
