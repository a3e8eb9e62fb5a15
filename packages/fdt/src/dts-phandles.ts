import type { DtsReports } from './dts-source.ts';
import {
  DtsLabels,
  type DtsNode,
  type DtsPiece,
  type DtsProperty,
  type DtsReference,
  type DtsTree,
  rawLength,
} from './dts-tree.ts';
import type { DtProperty } from './node.ts';
import { propU32 } from './values.ts';

/** `epapr`: `phandle`; `legacy`: `linux,phandle`, as before ePAPR; `both`. */
export type PhandleFormat = 'epapr' | 'legacy' | 'both';

const NAMES: Readonly<Record<PhandleFormat, readonly string[]>> = {
  epapr: ['phandle'],
  legacy: ['linux,phandle'],
  both: ['linux,phandle', 'phandle'],
};
const CHECK = 'explicit_phandles';

function liveProperty(node: DtsNode, name: string): DtsProperty | undefined {
  const property = node.properties.get(name);
  return property?.deleted === false ? property : undefined;
}

/** Who has which phandle. */
export class DtsPhandles {
  readonly #tree: DtsTree;
  readonly #reports: DtsReports;
  readonly #names: readonly string[];
  readonly #phandles = new Map<DtsNode, number>();
  readonly #owners = new Map<number, DtsNode>();
  #next = 1;

  constructor(tree: DtsTree, reports: DtsReports, format: PhandleFormat) {
    this.#tree = tree;
    this.#reports = reports;
    this.#names = NAMES[format];
  }

  of(node: DtsNode): number | undefined {
    return this.#phandles.get(node);
  }

  /** Takes the phandles that the source gives itself. */
  collect(): void {
    for (const node of this.#tree.root.walk()) {
      const given = ['phandle', 'linux,phandle']
        .map((name) => this.#explicit(node, name))
        .filter((each) => each !== undefined);
      const [phandle] = given;
      if (phandle === undefined) continue;
      const { at } = liveProperty(node, 'phandle') ?? liveProperty(node, 'linux,phandle')!;
      if (given.some((each) => each !== phandle)) {
        this.#reports.report(`${node.path}: 'phandle' and 'linux,phandle' differ`, at, CHECK, node.path);
      }
      const other = this.#owners.get(phandle);
      if (other !== undefined) {
        const message = `${node.path}: phandle 0x${phandle.toString(16)} is also that of ${other.path}`;
        this.#reports.report(message, at, CHECK, node.path);
        continue;
      }
      this.#owners.set(phandle, node);
      this.#phandles.set(node, phandle);
    }
  }

  /** Gives a node a phandle if it has none: the lowest that is free, counted on. Returns the properties to add. */
  give(node: DtsNode): DtProperty[] {
    if (this.#phandles.has(node)) return [];
    while (this.#owners.has(this.#next)) this.#next++;
    this.#owners.set(this.#next, node);
    this.#phandles.set(node, this.#next);
    const value = propU32(this.#next);
    return this.#names.filter((name) => liveProperty(node, name) === undefined).map((name) => ({ name, value }));
  }

  addProperty(node: DtsNode, name: string, value: Uint8Array): void {
    const pieces: DtsPiece[] = [
      { kind: 'type', type: 'u32' },
      { kind: 'bytes', bytes: value },
    ];
    // A deleted one gives up its place: a new property goes last.
    node.properties.delete(name);
    const labels = new DtsLabels();
    node.properties.set(name, { name, pieces, labels, valueLabels: [], at: node.at, end: node.at, deleted: false });
  }

  /** The node is left out of the tree: its phandle is free again. */
  free(node: DtsNode): void {
    const phandle = this.#phandles.get(node);
    if (phandle !== undefined) this.#owners.delete(phandle);
  }

  #explicit(node: DtsNode, name: string): number | undefined {
    const property = liveProperty(node, name);
    if (property === undefined) return undefined;
    const { pieces, at } = property;
    const report = (message: string): undefined => {
      this.#reports.report(`${node.path}: ${message}`, at, CHECK, node.path);
      return undefined;
    };
    if (rawLength(pieces) !== 4) return report(`'${name}' is not one cell`);
    const reference = pieces.find((each): each is DtsReference => each.kind === 'phandle');
    if (reference !== undefined) {
      // phandle = <&self> asks for any phandle.
      if (this.#tree.find(reference.reference) === node) return undefined;
      return report(`'${name}' refers to another node`);
    }
    const piece = pieces.find((each) => each.kind === 'bytes')!;
    if (piece.bytes.length !== 4) return report(`'${name}' is not one cell`);
    const phandle = new DataView(piece.bytes.buffer, piece.bytes.byteOffset).getUint32(0);
    if (phandle === 0 || phandle === 0xffffffff) return report(`0x${phandle.toString(16)} cannot be a phandle`);
    return phandle;
  }
}
