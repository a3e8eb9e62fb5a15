import type { Finding } from '../diagnostic.ts';
import { finding } from '../diagnostic.ts';
import { kernelError } from '../kernel-image-error.ts';
import { crc32 } from './crc32.ts';
import { inflate } from './inflate.ts';

/** What {@link gunzip} made of a gzip file. */
export interface Gunzipped {
  bytes: Uint8Array;
  /** Length in bytes of the gzip data proper, without what follows it. */
  end: number;
  findings: Finding[];
}

const FLAG = { headerCrc: 2, extra: 4, name: 8, comment: 16, reserved: 0xe0 } as const;
const FIXED_HEADER = 10;
const TRAILER = 8;
/** No DEFLATE stream expands more than this. */
const MAX_RATIO = 1032;

/** True if `bytes` begin like a gzip file with DEFLATE data. */
export const isGzip = (bytes: Uint8Array): boolean => bytes[0] === 0x1f && bytes[1] === 0x8b && bytes[2] === 8;

const skipString = (bytes: Uint8Array, at: number): number => {
  const end = bytes.indexOf(0, at);
  if (end < 0) throw kernelError('gzip-corrupt', { detail: 'the header has no end' });
  return end + 1;
};

/** Offset of the compressed data behind the header of a member (RFC 1952, 2.3). */
const endOfHeader = (bytes: Uint8Array): number => {
  const flags = bytes[3] ?? 0;
  if (flags & FLAG.reserved) throw kernelError('gzip-corrupt', { detail: 'the header has unknown flags' });
  let at = FIXED_HEADER;
  if (flags & FLAG.extra) at += 2 + (bytes[at] ?? 0) + 256 * (bytes[at + 1] ?? 0);
  if (flags & FLAG.name) at = skipString(bytes, at);
  if (flags & FLAG.comment) at = skipString(bytes, at);
  if (flags & FLAG.headerCrc) at += 2;
  if (at >= bytes.length) throw kernelError('gzip-corrupt', { detail: 'the header has no end' });
  return at;
};

/**
 * Decompresses the first member of a gzip file. What follows it, as the padding of a boot module whose size was
 * rounded up, is left alone and reported.
 *
 * @param limit most bytes the output may have
 * @throws KernelImageError `gzip-corrupt` or `kernel-too-large`
 */
export const gunzip = (bytes: Uint8Array, limit: number): Gunzipped => {
  const start = endOfHeader(bytes);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const lastWord = bytes.length >= 4 ? view.getUint32(bytes.length - 4, true) : 0;
  const hint = lastWord <= bytes.length * MAX_RATIO ? lastWord : 0;
  const inflated = inflate(bytes, start, limit, hint);
  const end = inflated.end + TRAILER;
  if (end > bytes.length) throw kernelError('gzip-corrupt', { detail: 'the trailer is missing' });
  if (view.getUint32(inflated.end, true) !== crc32(inflated.bytes)) {
    throw kernelError('gzip-corrupt', { detail: 'the checksum of the unpacked data is wrong' });
  }
  if (view.getUint32(inflated.end + 4, true) !== inflated.bytes.length % 2 ** 32) {
    throw kernelError('gzip-corrupt', { detail: 'the length of the unpacked data is wrong' });
  }
  const findings: Finding[] = [];
  if (end < bytes.length) findings.push(finding('gzip-padded', { found: bytes.length - end, expected: end }));
  return { bytes: inflated.bytes, end, findings };
};
