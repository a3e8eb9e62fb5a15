import { type DtsLocation, type DtsPosition, type DtsSpan, locationOf } from './dts-source.ts';

interface NodePlace {
  readonly at: DtsPosition;
  readonly name: string;
  /** Behind the `{` of its first definition. */
  readonly open: DtsPosition | undefined;
}

interface PropertyPlace {
  readonly at: DtsPosition;
  readonly end: DtsPosition;
  readonly phandleOffsets: ReadonlySet<number>;
}

/** Where in the source the nodes and properties of a compiled tree were defined; the last definition counts. */
export class DtsSourceMap {
  readonly #nodes = new Map<string, NodePlace>();
  readonly #properties = new Map<string, PropertyPlace>();

  /** Notes a place; the compiler does that. */
  add(path: string, place: NodePlace): void {
    this.#nodes.set(path, place);
  }

  /** Notes a place and the offsets of the references in the value; the compiler does that. */
  addProperty(path: string, name: string, place: PropertyPlace): void {
    this.#properties.set(key(path, name), place);
  }

  /** Where the node of that full path begins, or undefined when the source does not define it (`/__symbols__`). */
  node(path: string): DtsLocation | undefined {
    const at = this.#nodes.get(path)?.at;
    return at === undefined ? undefined : locationOf(at);
  }

  /** Where the property of the node of that full path gets its value, or undefined when the compiler added it. */
  property(path: string, name: string): DtsLocation | undefined {
    const place = this.#properties.get(key(path, name));
    return place === undefined ? undefined : locationOf(place.at);
  }

  /**
   * The name of the node of that full path, in its first definition; undefined when it does not stand there as it is:
   * the root, a reference (`&label { … }`), text that the preprocessor made.
   */
  nameSpan(path: string): DtsSpan | undefined {
    const place = this.#nodes.get(path);
    if (place === undefined || place.name === '') return undefined;
    const { at, name } = place;
    const span = at.source.span(at.offset, at.offset + name.length);
    return span?.text.startsWith(name, span.start) ? span : undefined;
  }

  /** The empty stretch behind the `{` of the node's first definition, where a property can be added. */
  bodySpan(path: string): DtsSpan | undefined {
    const open = this.#nodes.get(path)?.open;
    return open?.source.span(open.offset, open.offset);
  }

  /** The whole property, from its name through its `;`; undefined when it does not stand in one
   * file as it is, or when the compiler added it. */
  propertySpan(path: string, name: string): DtsSpan | undefined {
    const place = this.#properties.get(key(path, name));
    if (place === undefined || place.at.source !== place.end.source || place.end.offset <= place.at.offset)
      return undefined;
    return place.at.source.span(place.at.offset, place.end.offset);
  }

  /** Offsets, in bytes, of the references (`&label`) among the cells of a value. */
  phandleOffsets(path: string, name: string): ReadonlySet<number> | undefined {
    return this.#properties.get(key(path, name))?.phandleOffsets;
  }
}

/** No name holds a NUL. */
const key = (path: string, name: string): string => `${path}\0${name}`;
