import { Pass } from './pass.ts';
import { splitLines } from './source.ts';

export interface AssembleOptions {
  /** Address of the first byte; default 0. */
  readonly origin?: bigint;
  /** Symbols that the source may use without defining them. */
  readonly symbols?: Readonly<Record<string, bigint>>;
}

export interface Assembled {
  /** The image from the origin on. */
  readonly bytes: Uint8Array;
  /** Values of the labels and of what `.set` and `.equ` defined. */
  readonly symbols: Map<string, bigint>;
}

/**
 * Assembles A64 source in the syntax of GNU as to an image of bytes: one section, no relocations. Statements end at the
 * line's end or `;`. Throws `AsmError` with line and column where the source can't be assembled.
 */
export function assemble(source: string, options: AssembleOptions = {}): Assembled {
  const lines = splitLines(source);
  const origin = options.origin ?? 0n;
  const predefined = new Map(Object.entries(options.symbols ?? {}));
  const first = new Pass(origin, predefined);
  first.run(lines);
  const second = new Pass(origin, predefined, first.layout);
  second.run(lines);
  return { bytes: second.image.bytes(), symbols: second.layout.symbols };
}
