/** Bytes of a kept file: taken back only as a whole, and only by whom they are for. */
import { createHash } from 'node:crypto';

const MAGIC = Buffer.from('D0LKEPT1');
const DIGEST_BYTES = 32;
const HEAD = MAGIC.length + DIGEST_BYTES;

const padded = (length: number): number => Math.ceil(length / 8) * 8;

const digestOf = (pieces: readonly Uint8Array[]): Buffer => {
  const hash = createHash('sha256');
  for (const piece of pieces) hash.update(piece);
  return hash.digest();
};

/** The file's bytes in pieces. `identity`: what its parts were made by, and for. */
export function seal(identity: string, parts: readonly Uint8Array[]): Uint8Array[] {
  const all = [Buffer.from(identity), ...parts];
  const lengths = Buffer.alloc(padded(4 + 4 * all.length));
  [all.length, ...all.map(({ length }) => length)].forEach((n, at) => lengths.writeUInt32LE(n, 4 * at));
  const body: Uint8Array[] = [lengths];
  for (const piece of all) body.push(piece, new Uint8Array(padded(piece.length) - piece.length));
  return [MAGIC, digestOf(body), ...body];
}

/** The `count` parts, each at a multiple of 8 in the file; undefined where the bytes are not wholly what {@link seal} gave for the same identity. */
export function unseal(identity: string, count: number, bytes: Uint8Array): Buffer[] | undefined {
  const file = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  let at = HEAD + padded(4 + 4 * (count + 1));
  if (file.length < at || !file.subarray(0, MAGIC.length).equals(MAGIC)) return undefined;
  if (file.readUInt32LE(HEAD) !== count + 1) return undefined;
  const [name, ...parts] = Array.from({ length: count + 1 }, (_, n) => {
    const length = file.readUInt32LE(HEAD + 4 + 4 * n);
    const piece = file.subarray(at, at + length);
    at += padded(length);
    return piece;
  });
  if (at !== file.length) return undefined;
  if (!digestOf([file.subarray(HEAD)]).equals(file.subarray(MAGIC.length, HEAD))) return undefined;
  return name!.toString() === identity ? parts : undefined;
}
