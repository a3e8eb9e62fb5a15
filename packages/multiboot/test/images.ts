import { gzipSync } from 'node:zlib';
import { crc32 } from '../src/images/crc32.ts';

/** Settings of {@link makeImage}. */
export interface ImageOptions {
  size?: number;
  textOffset?: bigint;
  imageSize?: bigint;
  flags?: number;
  magic?: number;
  firstWord?: number;
}

/** An arm64 Image with a header and a body of numbers. */
export const makeImage = (options: ImageOptions = {}): Uint8Array => {
  const bytes = new Uint8Array(options.size ?? 4096).map((_, i) => (i * 7) & 0xff);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, options.firstWord ?? 0x91005a4d, true);
  view.setBigUint64(0x08, options.textOffset ?? 0n, true);
  view.setBigUint64(0x10, options.imageSize ?? 0x10000n, true);
  view.setUint32(0x18, options.flags ?? 0b1010, true);
  view.setUint32(0x38, options.magic ?? 0x644d5241, true);
  view.setUint32(0x3c, 0, true);
  return bytes;
};

export const gzip = (bytes: Uint8Array): Uint8Array => new Uint8Array(gzipSync(bytes));

export const pad = (bytes: Uint8Array, count: number, value = 0): Uint8Array => {
  const padded = new Uint8Array(bytes.length + count).fill(value);
  padded.set(bytes);
  return padded;
};

/** A uImage around `data`. */
export const makeUImage = (
  data: Uint8Array,
  { load = 0, entry = 0, arch = 22, type = 2, compression = 0, size = data.length, os = 5 } = {},
): Uint8Array => {
  const bytes = new Uint8Array(64 + data.length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, 0x27051956);
  view.setUint32(0x0c, size);
  view.setUint32(0x10, load);
  view.setUint32(0x14, entry);
  view.setUint32(0x18, crc32(data));
  bytes.set([os, arch, type, compression], 0x1c);
  view.setUint32(4, crc32(bytes.subarray(0, 64)));
  bytes.set(data, 64);
  return bytes;
};

/** An EFI zboot image around a compressed `payload`. */
export const makeZboot = (
  payload: Uint8Array,
  { compression = 'gzip', offset = 64, size = payload.length } = {},
): Uint8Array => {
  const bytes = new Uint8Array(64 + payload.length);
  const view = new DataView(bytes.buffer);
  bytes.set(new TextEncoder().encode('MZ\0\0zimg'));
  view.setUint32(8, offset, true);
  view.setUint32(12, size, true);
  bytes.set(new TextEncoder().encode(compression), 24);
  view.setUint32(56, 0x818223cd, true);
  bytes.set(payload, 64);
  return bytes;
};

/** A script image as `mkimage -T script` makes it. */
export const makeScriptImage = (text: string, options: { type?: number; length?: number } = {}): Uint8Array => {
  const content = new TextEncoder().encode(text);
  const data = new Uint8Array(8 + content.length);
  new DataView(data.buffer).setUint32(0, options.length ?? content.length);
  data.set(content, 8);
  return makeUImage(data, { type: options.type ?? 6, arch: 2 });
};
