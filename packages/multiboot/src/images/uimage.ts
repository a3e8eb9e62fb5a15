import type { Finding } from '../diagnostic.ts';
import { finding } from '../diagnostic.ts';
import { kernelError } from '../kernel-image-error.ts';
import { crc32 } from './crc32.ts';

/** The parts of a legacy U-Boot image (uImage) that matter to a loader. */
export interface UImage {
  /** The data behind the header, as long as the header says. */
  data: Uint8Array;
  /** True if the data is gzip-compressed. */
  gzip: boolean;
  /** Guest physical address to load at; absent = the loader decides. */
  loadAddress?: number;
  /** Guest physical address of the first instruction; absent = start of the image. */
  entry?: number;
  findings: Finding[];
}

const MAGIC = 0x27051956;
const HEADER_SIZE = 64;
const HEADER_CRC = 4;
/** Architecture numbers of U-Boot's image.h. */
const ARCH = { arm: 2, arm64: 22 } as const;
const COMPRESSION = { none: 0, gzip: 1 } as const;

const viewOf = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
const invalid = (detail: string) => kernelError('uimage-invalid', { detail });

/** True if `bytes` begin like a uImage. */
export const isUImage = (bytes: Uint8Array): boolean =>
  bytes.length >= HEADER_SIZE && viewOf(bytes).getUint32(0) === MAGIC;

/**
 * Reads a uImage. The load address must be that of RAM or 0; with 0 the entry must be 0 too, as in Xen.
 *
 * @throws KernelImageError `uimage-invalid` or `kernel-aarch32`
 */
export const readUImage = (bytes: Uint8Array): UImage => {
  const view = viewOf(bytes);
  const header = bytes.slice(0, HEADER_SIZE);
  header.fill(0, HEADER_CRC, HEADER_CRC + 4);
  if (crc32(header) !== view.getUint32(HEADER_CRC)) throw invalid('its checksum is wrong');
  const size = view.getUint32(0x0c);
  const load = view.getUint32(0x10);
  const entry = view.getUint32(0x14);
  const [arch, compression] = [bytes[0x1d]!, bytes[0x1f]!];
  if (arch === ARCH.arm) throw kernelError('kernel-aarch32', { format: 'uImage' });
  if (arch !== ARCH.arm64) throw invalid(`architecture ${arch} is not arm64 (${ARCH.arm64})`);
  if (compression !== COMPRESSION.none && compression !== COMPRESSION.gzip) {
    throw invalid(`compression ${compression} is neither none (0) nor gzip (1)`);
  }
  const end = HEADER_SIZE + size;
  if (end > bytes.length) throw invalid(`it names ${size} bytes of data, ${bytes.length - HEADER_SIZE} are there`);
  if (load === 0 && entry !== 0) throw invalid('an entry point needs a load address');
  const found = bytes.length - end;
  return {
    data: bytes.subarray(HEADER_SIZE, end),
    gzip: compression === COMPRESSION.gzip,
    ...(load === 0 ? {} : { loadAddress: load, entry }),
    findings: found > 0 ? [finding('uimage-padded', { found, expected: end })] : [],
  };
};
