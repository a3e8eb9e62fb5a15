import type { Finding } from '../diagnostic.ts';
import { finding } from '../diagnostic.ts';
import { kernelError } from '../kernel-image-error.ts';

/** The fields of an arm64 Image header (Linux, Documentation/arch/arm64/booting.rst, section 4). */
export interface Arm64ImageHeader {
  /** Bytes from a 2 MiB aligned base to the image. */
  textOffset: number;
  /** Bytes that the kernel occupies from its first one on, BSS included; 0 = not said (before Linux 3.17). */
  imageSize: number;
  /** Granule that the kernel was built for; absent = not said. */
  pageSizeKiB?: 4 | 16 | 64;
  bigEndian: boolean;
  /** True: any 2 MiB aligned base will do; false: as near as possible to the start of RAM. */
  anywhere: boolean;
}

/** Size of the header in bytes. */
const HEADER_SIZE = 64;
/** First instruction of an Image without EFI stub: b #0x20. */
const BRANCH_OVER_HEADER = 0x14000008;
/** "ARM\x64", little-endian, at 0x38. */
const MAGIC = 0x644d5241;
/** text_offset of kernels that give no image_size. */
const LEGACY_TEXT_OFFSET = 0x80000;
const MAX_PHYSICAL = 2 ** 48;
const PAGE_SIZES = [undefined, 4, 16, 64] as const;

const viewOf = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

/** True if `bytes` begin like an arm64 Image, by the same rule as Xen's. */
export const isArm64Image = (bytes: Uint8Array): boolean => {
  if (bytes.length < HEADER_SIZE) return false;
  const view = viewOf(bytes);
  return view.getUint32(0, true) === BRANCH_OVER_HEADER || view.getUint32(0x38, true) === MAGIC;
};

/**
 * Reads the header of an arm64 Image.
 *
 * @throws KernelImageError `kernel-image-size` if text_offset or image_size is absurd
 */
export const readArm64ImageHeader = (bytes: Uint8Array): Arm64ImageHeader => {
  const view = viewOf(bytes);
  const size64 = view.getBigUint64(0x10, true);
  const offset64 = size64 === 0n ? BigInt(LEGACY_TEXT_OFFSET) : view.getBigUint64(0x08, true);
  for (const [name, value] of [
    ['image_size', size64],
    ['text_offset', offset64],
  ] as const) {
    if (value >= MAX_PHYSICAL) throw kernelError('kernel-image-size', { name, found: `0x${value.toString(16)}` });
  }
  const flags = view.getUint32(0x18, true);
  const pageSizeKiB = PAGE_SIZES[(flags >>> 1) & 3];
  return {
    textOffset: Number(offset64),
    imageSize: Number(size64),
    ...(pageSizeKiB === undefined ? {} : { pageSizeKiB }),
    bigEndian: (flags & 1) !== 0,
    anywhere: (flags & 8) !== 0,
  };
};

/** End of the last section's data by the PE/COFF header at the beginning of an Image with EFI stub; 0 if it has none. */
const endOfSections = (bytes: Uint8Array): number => {
  const view = viewOf(bytes);
  if (view.getUint16(0, true) !== 0x5a4d) return 0;
  const pe = view.getUint32(0x3c, true);
  if (pe + 24 > bytes.length || view.getUint32(pe, true) !== 0x4550) return 0;
  const count = view.getUint16(pe + 6, true);
  let section = pe + 24 + view.getUint16(pe + 20, true);
  let end = 0;
  for (let i = 0; i < count && section + 40 <= bytes.length; i++, section += 40) {
    end = Math.max(end, view.getUint32(section + 16, true) + view.getUint32(section + 20, true));
  }
  return end;
};

/**
 * Remarks about an Image of `size` bytes that can be loaded: no image_size, or fewer bytes than its section table names.
 *
 * @param head its beginning, as far as the section table goes
 * @throws KernelImageError `kernel-big-endian`
 */
export const checkArm64Image = (head: Uint8Array, size: number, header: Arm64ImageHeader): Finding[] => {
  if (header.bigEndian) throw kernelError('kernel-big-endian');
  const findings: Finding[] = [];
  if (header.imageSize === 0) findings.push(finding('kernel-image-size-missing'));
  const expected = endOfSections(head);
  if (expected > size) findings.push(finding('kernel-truncated', { found: size, expected }));
  return findings;
};
