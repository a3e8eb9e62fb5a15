import type { DtsMark } from './dts-marks.ts';
import { type DtsLocation, type DtsPosition, type DtsSpan, type DtsStretch, locationOf } from './dts-source.ts';
import type { Reservation } from './tree.ts';

interface NodePlace {
  readonly at: DtsPosition;
  readonly name: string;
  /** Behind the `{` of its first definition. */
  readonly open: DtsPosition | undefined;
  readonly labels: readonly string[];
  readonly definitions: readonly DtsStretch[];
}

interface PropertyPlace {
  readonly at: DtsPosition;
  readonly end: DtsPosition;
  readonly labels: readonly string[];
  readonly marks: readonly DtsMark[];
}

/** Where a definition stands: what dtc's -T prints of it. */
export interface DtsRange {
  readonly file: string;
  readonly firstLine: number;
  /** In bytes, as dtc counts; from 1, as lines. */
  readonly firstColumn: number;
  readonly lastLine: number;
  /** The first column behind. */
  readonly lastColumn: number;
}

/**
 * What the source says of a compiled tree that the tree itself does not tell: where nodes and properties were defined
 * (the last definition counts), what labels they have, and how values are written.
 */
export class DtsSourceMap {
  readonly #nodes = new Map<string, NodePlace>();
  readonly #properties = new Map<string, PropertyPlace>();
  readonly #addedMarks = new Map<string, readonly DtsMark[]>();
  readonly #reservationLabels = new Map<string, readonly string[]>();

  /** Notes a place; the compiler does that. */
  add(path: string, place: NodePlace): void {
    this.#nodes.set(path, place);
  }

  /** Notes a place and how the value is written; the compiler does that. */
  addProperty(path: string, name: string, place: PropertyPlace): void {
    this.#properties.set(key(path, name), place);
  }

  /** Notes how a value is written that the compiler added; the compiler does that. */
  addMarks(path: string, name: string, marks: readonly DtsMark[]): void {
    this.#addedMarks.set(key(path, name), marks);
  }

  /** Notes the labels of a memory reservation; the compiler does that. */
  addReservation(reservation: Reservation, labels: readonly string[]): void {
    this.#reservationLabels.set(reservationKey(reservation), labels);
  }

  /** The labels of a memory reservation, in dtc's order. */
  reservationLabels(reservation: Reservation): readonly string[] {
    return this.#reservationLabels.get(reservationKey(reservation)) ?? [];
  }

  /** The labels of a node, in dtc's order. */
  labels(path: string): readonly string[] {
    return this.#nodes.get(path)?.labels ?? [];
  }

  /** The labels of a property, in dtc's order. */
  propertyLabels(path: string, name: string): readonly string[] {
    return this.#properties.get(key(path, name))?.labels ?? [];
  }

  /** How a value is written, by offset; undefined for a property that the compiler does not know. */
  marks(path: string, name: string): readonly DtsMark[] | undefined {
    return this.#addedMarks.get(key(path, name)) ?? this.#properties.get(key(path, name))?.marks;
  }

  /** Every definition of a node, in their order; none when the compiler added it. */
  definitions(path: string): DtsRange[] {
    return (this.#nodes.get(path)?.definitions ?? []).map(rangeOf);
  }

  /** The definition that gives a property its value; undefined when the compiler added it. */
  propertyDefinition(path: string, name: string): DtsRange | undefined {
    const place = this.#properties.get(key(path, name));
    const added = place?.at.source === place?.end.source && place?.at.offset === place?.end.offset;
    return place === undefined || added ? undefined : rangeOf({ start: place.at, end: place.end });
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
    const marks = this.#properties.get(key(path, name))?.marks;
    if (marks === undefined) return undefined;
    return new Set(marks.filter(({ kind }) => kind === 'phandle').map(({ offset }) => offset));
  }
}

function rangeOf({ start, end }: DtsStretch): DtsRange {
  const [first, last] = [locationOf(start), locationOf(end)];
  return {
    file: last.file,
    firstLine: first.line,
    firstColumn: byteColumn(first),
    lastLine: last.line,
    lastColumn: byteColumn(last),
  };
}

const byteColumn = ({ sourceLine, column }: DtsLocation): number =>
  new TextEncoder().encode(sourceLine.slice(0, column - 1)).length + 1;

const reservationKey = ({ address, size }: Reservation): string => `${address},${size}`;

/** No name holds a NUL. */
const key = (path: string, name: string): string => `${path}\0${name}`;
