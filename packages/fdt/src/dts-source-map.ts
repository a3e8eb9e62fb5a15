import { type DtsLocation, type DtsPosition, locationOf } from './dts-source.ts';

interface PropertyPlace {
  readonly at: DtsPosition;
  readonly phandleOffsets: ReadonlySet<number>;
}

/** Where in the source the nodes and properties of a compiled tree were defined; the last definition counts. */
export class DtsSourceMap {
  readonly #nodes = new Map<string, DtsPosition>();
  readonly #properties = new Map<string, PropertyPlace>();

  /** Notes a place; the compiler does that. */
  add(path: string, at: DtsPosition): void {
    this.#nodes.set(path, at);
  }

  /** Notes a place and the offsets of the references in the value; the compiler does that. */
  addProperty(path: string, name: string, at: DtsPosition, phandleOffsets: ReadonlySet<number>): void {
    this.#properties.set(key(path, name), { at, phandleOffsets });
  }

  /** Where the node of that full path begins, or undefined when the source does not define it (`/__symbols__`). */
  node(path: string): DtsLocation | undefined {
    const at = this.#nodes.get(path);
    return at === undefined ? undefined : locationOf(at);
  }

  /** Where the property of the node of that full path gets its value, or undefined when the compiler added it. */
  property(path: string, name: string): DtsLocation | undefined {
    const place = this.#properties.get(key(path, name));
    return place === undefined ? undefined : locationOf(place.at);
  }

  /** Offsets, in bytes, of the references (`&label`) among the cells of a value. */
  phandleOffsets(path: string, name: string): ReadonlySet<number> | undefined {
    return this.#properties.get(key(path, name))?.phandleOffsets;
  }
}

/** No name holds a NUL. */
const key = (path: string, name: string): string => `${path}\0${name}`;
