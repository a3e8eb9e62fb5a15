import { type DtsMark, typeMark } from './dts-marks.ts';
import { DtsPhandles, type PhandleFormat } from './dts-phandles.ts';
import { DtsError, type DtsPosition, type DtsReports, locationOf } from './dts-source.ts';
import { DtsSourceMap } from './dts-source-map.ts';
import type { DtsNode, DtsProperty, DtsReference, DtsTree } from './dts-tree.ts';
import { latin1 } from './format.ts';
import { nodeNameProblem, propertyNameProblem } from './names.ts';
import { attachChild, attachProperty, DtNode } from './node.ts';
import { propStrings, propU32 } from './values.ts';

/** Bytes that paths, as values, may take together, so that many references to long paths end. */
const MAX_PATH_BYTES = 64 * 1024 * 1024;
/** What an unresolved reference of an overlay is until the overlay is applied. */
const UNRESOLVED = 0xffffffff;

export interface ResolveOptions {
  readonly plugin: boolean;
  /** A node with a label is not left out by `/omit-if-no-ref/`. */
  readonly symbols: boolean;
  readonly phandles: PhandleFormat;
  /** Leaves references as dtc's -f does when a check failed. */
  readonly force: boolean;
}

/** A reference in a cell of the resolved tree. */
export interface ResolvedReference {
  readonly user: DtsNode;
  readonly property: string;
  /** In bytes, in the property's value. */
  readonly offset: number;
  readonly reference: string;
  /** Undefined in an overlay, when the target is in the base tree. */
  readonly target: DtsNode | undefined;
}

/** Checks a merged tree, gives out phandles, and turns it into nodes with plain values. */
export class DtsResolver {
  readonly tree: DtsTree;
  readonly sourceMap = new DtsSourceMap();
  /** The references in cells, in the order of the tree. */
  readonly references: ResolvedReference[] = [];
  readonly #reports: DtsReports;
  readonly #options: ResolveOptions;
  readonly #phandles: DtsPhandles;
  readonly #nodes = new Map<DtsNode, DtNode>();
  /** What each reference means; kept, since a node that is omitted later can hold one that is referred to. */
  readonly #targets = new Map<DtsReference, DtsNode>();
  #pathBytes = 0;

  constructor(tree: DtsTree, reports: DtsReports, options: ResolveOptions) {
    this.tree = tree;
    this.#reports = reports;
    this.#options = options;
    this.#phandles = new DtsPhandles(tree, reports, options.phandles);
  }

  /** The tree with plain values. What is wrong is reported, and what is returned then is of no use. */
  resolve(): DtNode {
    this.#checkLabels();
    this.#phandles.collect();
    // With -f dtc makes no further step behind the first that failed; else all errors are told.
    const stopped = (): boolean => this.#options.force && this.#reports.errors.length > 0;
    if (!stopped()) this.#resolvePhandles();
    if (!stopped()) this.#resolvePaths();
    if (!stopped()) this.#omitUnused();
    return this.#build(this.tree.root, '');
  }

  /** The resolved node of a node of the source. */
  nodeOf(source: DtsNode): DtNode {
    return this.#nodes.get(source)!;
  }

  /** Gives a phandle to a node that may have none, after the tree was resolved. */
  demandPhandle(source: DtsNode): void {
    const node = this.nodeOf(source);
    for (const { name, value } of this.#phandles.give(source)) {
      node.setProperty(name, value);
      this.sourceMap.addMarks(node.path, name, [typeMark('u32')]);
    }
  }

  /** Counts a path that becomes a value; throws when they become too long together. */
  countPath(path: string, at: DtsPosition): void {
    this.#pathBytes += path.length;
    if (this.#pathBytes > MAX_PATH_BYTES) {
      throw new DtsError('DTS_ERR_SEMANTIC', 'references become too long together', locationOf(at));
    }
  }

  #checkLabels(): void {
    const seen = new Map<string, string>();
    const see = (label: string, owner: string, at: DtsPosition, path: string): void => {
      const other = seen.get(label);
      const message = `label '${label}' is on ${owner} and on ${other}`;
      if (other !== undefined) this.#reports.report(message, at, 'duplicate_label', path);
      seen.set(label, owner);
    };
    for (const { node, path } of walkWithPaths(this.tree.root)) {
      for (const label of node.labels.list()) see(label, path || '/', node.at, path || '/');
      for (const { name, labels, valueLabels, at } of node.liveProperties()) {
        for (const label of labels.list()) see(label, `property ${name} of ${path || '/'}`, at, path || '/');
        for (const label of valueLabels) see(label, `the value of ${name} of ${path || '/'}`, at, path || '/');
      }
    }
  }

  #resolvePhandles(): void {
    for (const { piece, user } of this.#pieces('phandle')) {
      const target = this.#find(piece, user, this.#options.plugin);
      if (target === undefined) continue;
      target.referenced = true;
      for (const { name, value } of this.#phandles.give(target)) this.#phandles.addProperty(target, name, value);
    }
  }

  #resolvePaths(): void {
    for (const { piece, user } of this.#pieces('path')) {
      const target = this.#find(piece, user, false);
      if (target === undefined) continue;
      target.referenced = true;
      this.countPath(target.path, piece.at);
    }
  }

  #omitUnused(): void {
    for (const node of [...this.tree.root.walk()]) {
      if (!node.omitIfUnused || node.referenced) continue;
      if (this.#options.symbols && node.labels.any) continue;
      for (const omitted of node.walk()) this.#phandles.free(omitted);
      this.tree.deleteNode(node);
    }
  }

  #find(piece: DtsReference, user: DtsNode, mayBeMissing: boolean): DtsNode | undefined {
    const node = this.tree.find(piece.reference);
    if (node !== undefined) this.#targets.set(piece, node);
    else if (!mayBeMissing && !this.tree.lostLabels.has(piece.reference.split('/')[0]!)) {
      const check = piece.kind === 'path' ? 'path_references' : 'phandle_references';
      this.#reports.report(`${user.path}: '${piece.reference}' names no node`, piece.at, check, user.path);
    }
    return node;
  }

  #build(source: DtsNode, path: string): DtNode {
    const node = new DtNode(source.name);
    this.#nodes.set(source, node);
    const fullPath = path || '/';
    const { at, name, open, definitions } = source;
    this.sourceMap.add(fullPath, { at, name, open, definitions, labels: source.labels.list() });
    const problem = nodeNameProblem(source.name);
    if (problem !== undefined) {
      this.#reports.report(`${fullPath}: ${problem.message}`, source.at, problem.code, fullPath);
    }
    for (const property of source.liveProperties()) {
      const { value, marks } = this.#valueOf(property, source);
      const bad = propertyNameProblem(property.name);
      if (bad !== undefined) {
        this.#reports.report(`${fullPath}: ${bad.message}`, property.at, bad.code, fullPath);
      }
      if (property.name === 'name' && this.#isNodeName(source, value, property.at)) continue;
      const { at, end, labels } = property;
      this.sourceMap.addProperty(fullPath, property.name, { at, end, labels: labels.list(), marks });
      attachProperty(node, { name: property.name, value });
    }
    for (const child of source.liveChildren()) attachChild(node, this.#build(child, `${path}/${child.name}`));
    return node;
  }

  #valueOf(property: DtsProperty, user: DtsNode): { value: Uint8Array; marks: DtsMark[] } {
    const parts: Uint8Array[] = [];
    const marks: DtsMark[] = [];
    let offset = 0;
    for (const piece of property.pieces) {
      let part: Uint8Array;
      if (piece.kind === 'bytes') {
        part = piece.bytes;
      } else {
        const { kind } = piece;
        marks.push(kind === 'phandle' || kind === 'path' ? { offset, kind } : { offset, ...piece });
        if (kind !== 'phandle' && kind !== 'path') continue;
        part = this.#referenceValue(piece, { user, property: property.name, offset });
      }
      parts.push(part);
      offset += part.length;
    }
    if (parts.length === 1) return { value: parts[0]!, marks };
    const value = new Uint8Array(offset);
    let at = 0;
    for (const part of parts) {
      value.set(part, at);
      at += part.length;
    }
    return { value, marks };
  }

  #referenceValue(piece: DtsReference, place: Pick<ResolvedReference, 'user' | 'property' | 'offset'>): Uint8Array {
    const target = this.#targets.get(piece);
    if (piece.kind === 'path') return target === undefined ? new Uint8Array(0) : propStrings(target.path);
    this.references.push({ ...place, reference: piece.reference, target });
    return propU32((target === undefined ? undefined : this.#phandles.of(target)) ?? UNRESOLVED);
  }

  *#pieces(kind: DtsReference['kind']): Generator<{ piece: DtsReference; user: DtsNode }, void, undefined> {
    for (const user of this.tree.root.walk()) {
      for (const property of user.liveProperties()) {
        for (const piece of property.pieces) {
          if ((piece.kind === 'phandle' || piece.kind === 'path') && piece.kind === kind) yield { piece, user };
        }
      }
    }
  }

  /** True for a `name` that says what the node's name says, which is left out; another is wrong. */
  #isNodeName(node: DtsNode, value: Uint8Array, at: DtsPosition): boolean {
    const baseName = node.name.split('@')[0]!;
    const name = latin1(value);
    if (name === `${baseName}\0`) return true;
    const check = name.indexOf('\0') === name.length - 1 ? 'name_properties' : 'name_is_string';
    const message = `${node.path}: property 'name' says ${JSON.stringify(name)}, not the node's name '${baseName}'`;
    this.#reports.report(message, at, check, node.path);
    return false;
  }
}

/** Live nodes, parents first, with their paths; the root's is empty. */
function* walkWithPaths(node: DtsNode, path = ''): Generator<{ node: DtsNode; path: string }, void, undefined> {
  yield { node, path };
  for (const child of node.liveChildren()) yield* walkWithPaths(child, `${path}/${child.name}`);
}
