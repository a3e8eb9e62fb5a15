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

/** The fields of a legacy U-Boot image's header (U-Boot, include/image.h: image_header_t), big-endian, 64 bytes. */
export interface UImageHeader {
  /** False if ih_hcrc is not the checksum of the header. */
  headerIntact: boolean;
  /** ih_size: bytes of data behind the header. */
  size: number;
  load: number;
  entry: number;
  /** ih_dcrc: checksum of the data. */
  dataCrc: number;
  arch: number;
  type: number;
  compression: number;
}

const MAGIC = 0x27051956;
/** Bytes of the header, which the data follows. */
export const UIMAGE_HEADER_SIZE = 64;
const HEADER_CRC = 4;
/** Architecture numbers of U-Boot's image.h. */
const ARCH = { arm: 2, arm64: 22 } as const;
const COMPRESSION = { none: 0, gzip: 1 } as const;
/** Image types of U-Boot's image.h. */
export const UIMAGE_TYPE = { ramdisk: 3, multi: 4, script: 6 } as const;
/** Types that are no kernel, with their names. */
const NO_KERNEL = new Map<number, string>([
  [UIMAGE_TYPE.ramdisk, 'a ramdisk'],
  [UIMAGE_TYPE.multi, 'a multi-file image'],
  [UIMAGE_TYPE.script, 'a script'],
  [7, 'a file system'],
  [8, 'a device tree'],
]);

const viewOf = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
const invalid = (detail: string) => kernelError('uimage-invalid', { detail });

/** True if `bytes` begin like a uImage. */
export const isUImage = (bytes: Uint8Array): boolean =>
  bytes.length >= UIMAGE_HEADER_SIZE && viewOf(bytes).getUint32(0) === MAGIC;

/** Reads the header of bytes that {@link isUImage} recognised, whatever the image holds. */
export const readUImageHeader = (bytes: Uint8Array): UImageHeader => {
  const view = viewOf(bytes);
  // A copy: slice() of Node's Buffer would not be one.
  const header = new Uint8Array(bytes.subarray(0, UIMAGE_HEADER_SIZE));
  header.fill(0, HEADER_CRC, HEADER_CRC + 4);
  return {
    headerIntact: crc32(header) === view.getUint32(HEADER_CRC),
    size: view.getUint32(0x0c),
    load: view.getUint32(0x10),
    entry: view.getUint32(0x14),
    dataCrc: view.getUint32(0x18),
    arch: bytes[0x1d]!,
    type: bytes[0x1e]!,
    compression: bytes[0x1f]!,
  };
};

/** Refuses what no kernel for AArch64 can be. */
const checkHeader = ({ headerIntact, arch, type, compression, load, entry }: UImageHeader): void => {
  if (!headerIntact) throw invalid('its checksum is wrong');
  const other = NO_KERNEL.get(type);
  if (other !== undefined) throw invalid(`it holds ${other} (type ${type}), no kernel`);
  if (arch === ARCH.arm) throw kernelError('kernel-aarch32', { format: 'uImage' });
  if (arch !== ARCH.arm64) throw invalid(`architecture ${arch} is not arm64 (${ARCH.arm64})`);
  if (compression !== COMPRESSION.none && compression !== COMPRESSION.gzip) {
    throw invalid(`compression ${compression} is neither none (0) nor gzip (1)`);
  }
  if (load === 0 && entry !== 0) throw invalid('an entry point needs a load address');
};

/**
 * Reads a uImage with a kernel. The load address must be that of RAM or 0; with 0 the entry must be 0 too, as in Xen.
 *
 * @throws KernelImageError `uimage-invalid` or `kernel-aarch32`
 */
export const readUImage = (bytes: Uint8Array): UImage => {
  const header = readUImageHeader(bytes);
  checkHeader(header);
  const { size, load, entry, compression, dataCrc } = header;
  const end = UIMAGE_HEADER_SIZE + size;
  if (end > bytes.length) {
    throw invalid(`it names ${size} bytes of data, ${bytes.length - UIMAGE_HEADER_SIZE} are there`);
  }
  const data = bytes.subarray(UIMAGE_HEADER_SIZE, end);
  const findings: Finding[] = [];
  if (crc32(data) !== dataCrc) findings.push(finding('uimage-data-checksum'));
  if (bytes.length > end) findings.push(finding('uimage-padded', { found: bytes.length - end, expected: end }));
  return {
    data,
    gzip: compression === COMPRESSION.gzip,
    ...(load === 0 ? {} : { loadAddress: load, entry }),
    findings,
  };
};
