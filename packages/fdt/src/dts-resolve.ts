import { type DtsPosition, refuse } from './dts-source.ts';
import type { DtsNode, DtsPiece, DtsProperty, DtsReference, DtsTree } from './dts-tree.ts';
import { latin1 } from './format.ts';
import { attachChild, attachProperty, DtNode } from './node.ts';
import { propStrings, propU32 } from './values.ts';

const PHANDLE_NAMES = ['phandle', 'linux,phandle'];
/** Bytes that path references may become together, so that many references to long paths end. */
const MAX_PATH_BYTES = 64 * 1024 * 1024;

/** Checks a merged tree, gives out phandles, and turns it into nodes with plain values. */
export function resolveDts(tree: DtsTree): DtNode {
  checkLabels(tree);
  const resolver = new Resolver(tree);
  resolver.collectPhandles();
  resolver.givePhandles();
  resolver.countPathReferences();
  for (const node of [...tree.root.walk()]) {
    if (node.omitIfUnused && !node.referenced) tree.deleteNode(node);
  }
  return resolver.build(tree.root);
}

function checkLabels(tree: DtsTree): void {
  const seen = new Map<string, string>();
  const see = (label: string, owner: string, at: DtsPosition): void => {
    const other = seen.get(label);
    if (other !== undefined && other !== owner) refuse(`label '${label}' is on ${owner} and on ${other}`, at);
    seen.set(label, owner);
  };
  for (const node of tree.root.walk()) {
    const { path } = node;
    for (const label of node.labels) see(label, path, node.at);
    for (const property of node.liveProperties()) {
      for (const label of property.labels) see(label, `property ${property.name} of ${path}`, property.at);
    }
  }
}

class Resolver {
  readonly #tree: DtsTree;
  readonly #phandles = new Map<DtsNode, number>();
  /** What each reference means; kept, since a node that is omitted later can hold one that is referred to. */
  readonly #targets = new Map<DtsReference, DtsNode>();
  readonly #owners = new Map<number, DtsNode>();
  #next = 1;
  #pathBytes = 0;

  constructor(tree: DtsTree) {
    this.#tree = tree;
  }

  /** Phandles that the source gives itself. */
  collectPhandles(): void {
    for (const node of this.#tree.root.walk()) {
      const given = PHANDLE_NAMES.map((name) => this.#explicitPhandle(node, name)).filter((each) => each !== undefined);
      const [phandle] = given;
      if (phandle === undefined) continue;
      const { at } = this.#liveProperty(node, 'phandle') ?? this.#liveProperty(node, 'linux,phandle')!;
      if (given.some((each) => each !== phandle)) {
        refuse(`${node.path}: 'phandle' and 'linux,phandle' differ`, at);
      }
      const other = this.#owners.get(phandle);
      if (other !== undefined) {
        refuse(`${node.path}: phandle 0x${phandle.toString(16)} is also that of ${other.path}`, at);
      }
      this.#owners.set(phandle, node);
      this.#phandles.set(node, phandle);
    }
  }

  /** Gives a phandle to each node that is referred to and has none, in the order of the references. */
  givePhandles(): void {
    for (const { piece, user } of this.#references('phandle')) {
      const node = this.#target(piece, user);
      node.referenced = true;
      if (this.#phandles.has(node)) continue;
      while (this.#owners.has(this.#next)) this.#next++;
      this.#owners.set(this.#next, node);
      this.#phandles.set(node, this.#next);
      if (this.#liveProperty(node, 'phandle') === undefined) {
        const pieces: DtsPiece[] = [{ kind: 'bytes', bytes: propU32(this.#next) }];
        // A deleted one gives up its place: a new property goes last.
        node.properties.delete('phandle');
        node.properties.set('phandle', { name: 'phandle', pieces, labels: [], at: node.at, deleted: false });
      }
    }
  }

  countPathReferences(): void {
    for (const { piece, user } of this.#references('path')) {
      const node = this.#target(piece, user);
      node.referenced = true;
      this.#pathBytes += node.path.length;
      if (this.#pathBytes > MAX_PATH_BYTES) refuse('path references become too long together', piece.at);
    }
  }

  build(source: DtsNode): DtNode {
    const node = new DtNode(source.name);
    for (const property of source.liveProperties()) {
      const value = this.#valueOf(property);
      if (property.name === 'name') checkNameProperty(source, value, property.at);
      // dtc leaves out a "name" that says what the node's name says.
      else attachProperty(node, { name: property.name, value });
    }
    for (const child of source.liveChildren()) attachChild(node, this.build(child));
    return node;
  }

  #valueOf(property: DtsProperty): Uint8Array {
    const parts = property.pieces.map((piece) => {
      if (piece.kind === 'bytes') return piece.bytes;
      const target = this.#targets.get(piece)!;
      return piece.kind === 'path' ? propStrings(target.path) : propU32(this.#phandles.get(target)!);
    });
    if (parts.length === 1) return parts[0]!;
    const value = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
    let at = 0;
    for (const part of parts) {
      value.set(part, at);
      at += part.length;
    }
    return value;
  }

  *#references(kind: DtsReference['kind']): Generator<{ piece: DtsReference; user: DtsNode }, void, undefined> {
    for (const user of this.#tree.root.walk()) {
      for (const property of user.liveProperties()) {
        for (const piece of property.pieces) {
          if (piece.kind !== 'bytes' && piece.kind === kind) yield { piece, user };
        }
      }
    }
  }

  #target(piece: DtsReference, user: DtsNode): DtsNode {
    const node = this.#tree.find(piece.reference);
    if (node === undefined) refuse(`${user.path}: '${piece.reference}' names no node`, piece.at);
    this.#targets.set(piece, node);
    return node;
  }

  #liveProperty(node: DtsNode, name: string): DtsProperty | undefined {
    const property = node.properties.get(name);
    return property?.deleted === false ? property : undefined;
  }

  #explicitPhandle(node: DtsNode, name: string): number | undefined {
    const property = this.#liveProperty(node, name);
    if (property === undefined) return undefined;
    const { pieces, at } = property;
    const [piece] = pieces;
    const reference = pieces.find((each): each is DtsReference => each.kind === 'phandle');
    if (reference !== undefined) {
      // phandle = <&self> asks for any phandle.
      if (this.#target(reference, node) === node) return undefined;
      refuse(`${node.path}: '${name}' refers to another node`, at);
    }
    if (pieces.length !== 1 || piece?.kind !== 'bytes' || piece.bytes.length !== 4) {
      refuse(`${node.path}: '${name}' is not one cell`, at);
    }
    const phandle = new DataView(piece.bytes.buffer, piece.bytes.byteOffset).getUint32(0);
    if (phandle === 0 || phandle === 0xffffffff) {
      refuse(`${node.path}: 0x${phandle.toString(16)} cannot be a phandle`, at);
    }
    return phandle;
  }
}

function checkNameProperty(node: DtsNode, value: Uint8Array, at: DtsPosition): void {
  const baseName = node.name.split('@')[0]!;
  const name = latin1(value);
  if (name !== `${baseName}\0`) {
    refuse(`${node.path}: property 'name' says ${JSON.stringify(name)}, not the node's name '${baseName}'`, at);
  }
}
