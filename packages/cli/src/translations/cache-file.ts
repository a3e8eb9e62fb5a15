/** The bytes of a file of kept translations. */
import { createHash } from 'node:crypto';

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

const MAGIC = Buffer.from('D0LTRANS');
const DIGEST_BYTES = 32;
const HEAD = MAGIC.length + DIGEST_BYTES;
const PARTS = ['regions', 'wire', 'ages', 'native'] as const;
/** Behind the head, u32 each: `optimized`, bytes of the identity, bytes of the parts. */
const NUMBERS = 2 + PARTS.length;

const padded = (length: number): number => Math.ceil(length / 8) * 8;

const digestOf = (pieces: readonly Uint8Array[]): Buffer => {
  const hash = createHash('sha256');
  for (const piece of pieces) hash.update(piece);
  return hash.digest();
};

/** The file's bytes in pieces. `identity`: what the translations were made by, and for. */
export function encodeFile(identity: string, kept: KeptTranslations): Uint8Array[] {
  const name = Buffer.from(identity);
  const parts = PARTS.map((part) => kept[part]);
  const numbers = Buffer.alloc(4 * NUMBERS);
  [kept.optimized, name.length, ...parts.map((p) => p.length)].forEach((n, at) => numbers.writeUInt32LE(n, 4 * at));
  const body: Uint8Array[] = [numbers];
  for (const piece of [name, ...parts]) body.push(piece, new Uint8Array(padded(piece.length) - piece.length));
  return [MAGIC, digestOf(body), ...body];
}

/** Undefined where the bytes are not wholly what {@link encodeFile} gave for the same identity. */
export function decodeFile(identity: string, bytes: Uint8Array): KeptTranslations | undefined {
  const file = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  if (file.length < HEAD + 4 * NUMBERS || !file.subarray(0, MAGIC.length).equals(MAGIC)) return undefined;
  const numbers = Array.from({ length: NUMBERS }, (_, n) => file.readUInt32LE(HEAD + 4 * n));
  const [optimized = 0, ...lengths] = numbers;
  let at = HEAD + 4 * NUMBERS;
  const pieces = lengths.map((length) => {
    const piece = file.subarray(at, at + length);
    at += padded(length);
    return piece;
  });
  if (at !== file.length) return undefined;
  if (!digestOf([file.subarray(HEAD)]).equals(file.subarray(MAGIC.length, HEAD))) return undefined;
  const [name, regions, wire, ages, native] = pieces as [Buffer, Buffer, Buffer, Buffer, Buffer];
  if (name.toString() !== identity) return undefined;
  return { regions, wire, ages, native, optimized };
}
