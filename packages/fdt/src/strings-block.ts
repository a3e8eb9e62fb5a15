import { putLatin1 } from './format.ts';

/**
 * The strings block while it grows. Both kinds share suffixes: a name that ends a string which is there already is
 * not added again.
 *
 * - `append`, as dtc: new strings go last, and the match with the lowest offset is taken.
 * - `prepend`, as libfdt's sequential writer: the block grows downwards, so that the newest string comes first, and
 *   again the match with the lowest offset, now the newest, is taken. Offsets are known only at the end.
 */
export class StringsBlock {
  readonly #grow: 'append' | 'prepend';
  readonly #strings: string[] = [];
  readonly #names: ReadonlySet<string>;
  readonly #lengths: readonly number[];
  /** Names that can be found in the block by now, to their place: bytes from the start (append) or end (prepend). */
  readonly #places = new Map<string, number>();
  #size = 0;

  /** @param names all names that will be placed: only they matter as suffixes. */
  constructor(grow: 'append' | 'prepend', names: readonly string[]) {
    this.#grow = grow;
    this.#names = new Set(names);
    this.#lengths = [...new Set(names.map((name) => name.length))];
  }

  /** The strings that were added, in that order. */
  get strings(): readonly string[] {
    return this.#strings;
  }

  /** Size in bytes. */
  get size(): number {
    return this.#size;
  }

  /** Finds or adds a name; the result is for {@link offsetOf}. */
  place(name: string): number {
    const known = this.#places.get(name);
    if (known !== undefined) return known;
    const before = this.#size;
    this.#size += name.length + 1;
    this.#strings.push(name);
    for (const length of this.#lengths) {
      const start = name.length - length;
      const suffix = start < 0 ? '' : name.slice(start);
      if (!this.#names.has(suffix)) continue;
      if (this.#grow === 'prepend') this.#places.set(suffix, this.#size - start);
      else if (!this.#places.has(suffix)) this.#places.set(suffix, before + start);
    }
    return this.#places.get(name)!;
  }

  /** The offset from the block's start, valid once no more names come. */
  offsetOf(place: number): number {
    return this.#grow === 'prepend' ? this.#size - place : place;
  }

  bytes(): Uint8Array {
    const bytes = new Uint8Array(this.#size);
    let at = 0;
    for (const name of this.#grow === 'prepend' ? [...this.#strings].reverse() : this.#strings) {
      putLatin1(bytes, at, name);
      at += name.length + 1;
    }
    return bytes;
  }
}
