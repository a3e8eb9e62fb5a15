/** The bytes of a file of kept translations. */
import { seal, unseal } from '../cache/sealed-file.ts';

/** What a file holds. */
export interface KeptTranslations {
  /** Flat table of the regions, with a look-up. */
  readonly regions: Uint8Array;
  /** The module's bytes. */
  readonly wire: Uint8Array;
  /** For each region how many runs ago it was last used. */
  readonly ages: Uint8Array;
  /** The module's machine code; empty where V8 gives none. */
  readonly native: Uint8Array;
  /** How many regions' machine code was made for the sake of the file: all others' is what the run left. */
  readonly optimized: number;
}

/** Parts of a file; the first is `optimized`, a u32. */
const PARTS = 5;

/** The file's bytes in pieces. `identity`: what the translations were made by, and for. */
export function encodeFile(
  identity: string,
  { regions, wire, ages, native, optimized }: KeptTranslations,
): Uint8Array[] {
  const count = Buffer.alloc(4);
  count.writeUInt32LE(optimized);
  return seal(identity, [count, regions, wire, ages, native]);
}

/** Undefined where the bytes are not wholly what {@link encodeFile} gave for the same identity. */
export function decodeFile(identity: string, bytes: Uint8Array): KeptTranslations | undefined {
  const parts = unseal(identity, PARTS, bytes);
  if (parts === undefined) return undefined;
  const [count, regions, wire, ages, native] = parts as [Buffer, Buffer, Buffer, Buffer, Buffer];
  return count.length === 4 ? { regions, wire, ages, native, optimized: count.readUInt32LE() } : undefined;
}
