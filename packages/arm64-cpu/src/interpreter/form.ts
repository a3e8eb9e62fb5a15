/** The words of one encoding with its static fields known, and what the functions of its row say about them. */
import type { Encoding } from '../decoder.ts';
import type { Fields, PatternField } from '../table/row.ts';
import type { Cube } from './cubes.ts';

/** The field's bits, from the lowest. */
export const placesOf = ({ lsb, width }: PatternField): number[] => Array.from({ length: width }, (_, n) => lsb + n);

export class Form {
  readonly encoding: Encoding;
  readonly fixed: number;
  readonly #fields: Record<string, number>;

  constructor(encoding: Encoding, values: Fields) {
    this.encoding = encoding;
    this.#fields = { pc: 0, ...values };
    let fixed = encoding.pattern.match;
    for (const { name, lsb } of encoding.pattern.fields) fixed |= (values[name] ?? 0) << lsb;
    this.fixed = fixed >>> 0;
    for (const { name } of encoding.pattern.fields) this.#fields[name] ??= 0;
  }

  get cube(): Cube {
    const { mask } = this.encoding.pattern;
    const known = this.encoding.staticFields.reduce((bits, { lsb, ones }) => bits | (ones << lsb), mask);
    return { mask: known >>> 0, match: this.fixed };
  }

  /** Sets the fields to those of `word`. */
  read(word: number, fields: readonly PatternField[] = this.encoding.pattern.fields): Fields {
    for (const { name, lsb, ones } of fields) this.#fields[name] = (word >>> lsb) & ones;
    return this.#fields;
  }

  /** The fields that `ask` looks at, for words of `cube`. */
  fieldsOf(cube: Cube, ask: (f: Fields) => unknown): PatternField[] {
    const seen = new Set<string>();
    const watched = new Proxy(this.#fields, {
      get: (target, name) => {
        seen.add(name as string);
        return target[name as string];
      },
    });
    for (const word of this.words(cube, 24)) {
      this.read(word);
      ask(watched);
    }
    return this.encoding.pattern.fields.filter(({ name }) => seen.has(name));
  }

  /** Words of `cube`, with fields that are empty, full or anything: they look random, and are the same each time. */
  words({ mask, match }: Cube, count: number): number[] {
    const words: number[] = [];
    let x = 0x9e3779b9;
    while (words.length < count) {
      let word = 0;
      for (const { lsb, ones } of this.encoding.pattern.fields) {
        x ^= x << 13;
        x ^= x >>> 17;
        x ^= x << 5;
        const choice = x & 3;
        const value = choice === 0 ? 0 : choice === 1 ? ones : (x >>> 9) & ones;
        word |= value << lsb;
      }
      words.push(((word & ~mask) | match) >>> 0);
    }
    return words;
  }

  /**
   * The bits of `fields` that are open in `cube` and that `ask` may depend on: all but those of registers and immediates of
   * which no word shows that they matter.
   */
  placesThatMatter(cube: Cube, fields: readonly PatternField[], ask: (word: number) => number): number[] {
    const words = this.words(cube, 400);
    return fields.flatMap((field) => {
      const places = placesOf(field).filter((at) => ((cube.mask >>> at) & 1) === 0);
      if (!/^(R|imm)/.test(field.name)) return places;
      return places.filter((at) => words.some((word) => ask(word) !== ask(word ^ (1 << at))));
    });
  }
}
