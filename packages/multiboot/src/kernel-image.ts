import type { Finding } from './diagnostic.ts';
import { isAArch32ZImage } from './images/aarch32-zimage.ts';
import { type Arm64ImageHeader, checkArm64Image, isArm64Image, readArm64ImageHeader } from './images/arm64-image.ts';
import { gunzip, isGzip } from './images/gzip.ts';
import { isUImage, readUImage } from './images/uimage.ts';
import { isZboot, readZboot } from './images/zboot.ts';
import { kernelError } from './kernel-image-error.ts';

/** A format that a kernel, or a layer around it, can have. */
export type KernelFormat = 'uimage' | 'gzip' | 'efi-zboot' | 'arm64-image';

/** A kernel that is ready to be placed in guest memory. */
export interface KernelImage {
  /** The formats found, from the outermost layer in: e.g. `['gzip', 'arm64-image']`. */
  formats: readonly KernelFormat[];
  /** The bytes to copy to guest memory, without any layer around them; may be a view of the input. */
  payload: Uint8Array;
  /** Bytes from a 2 MiB aligned base to the kernel's first byte. */
  textOffset: number;
  /** Length of `payload` in bytes. */
  fileSize: number;
  /** Bytes of guest memory that the kernel needs from its first byte on, BSS included; never less than `fileSize`. */
  imageSize: number;
  /** Guest physical address that the image insists on; absent = it can go where there is room. */
  loadAddress?: number;
  /** Guest physical address of the first instruction; absent = the first byte of the kernel. */
  entry?: number;
  /** The Image header; absent if a uImage holds bare code. */
  header?: Arm64ImageHeader;
  /** Remarks that do not keep the kernel from being loaded. */
  findings: readonly Finding[];
}

/** Limits of {@link identifyKernel}. */
export interface IdentifyOptions {
  /** Most bytes that a compressed kernel may unpack to; 512 MiB if absent. */
  maxBytes?: number;
}

const DEFAULT_MAX_BYTES = 512 * 2 ** 20;

/** What one row of the probe table gets: bytes, what is known from the layers outside, and the limit. */
interface Probe {
  format: KernelFormat;
  matches(bytes: Uint8Array): boolean;
  read(bytes: Uint8Array, context: ProbeContext): KernelImage;
}

interface ProbeContext {
  maxBytes: number;
  outer: readonly KernelFormat[];
  findings: readonly Finding[];
}

/** The context of what lies inside a layer. */
const inside = (format: KernelFormat, findings: readonly Finding[], context: ProbeContext): ProbeContext => ({
  ...context,
  outer: [...context.outer, format],
  findings: [...context.findings, ...findings],
});

/** What the beginning of an Image of `size` bytes tells of it. */
const describeImage = (head: Uint8Array, size: number, context: ProbeContext): KernelHead => {
  const header = readArm64ImageHeader(head);
  return {
    formats: [...context.outer, 'arm64-image'],
    textOffset: header.textOffset,
    fileSize: size,
    imageSize: Math.max(header.imageSize, size),
    header,
    findings: [...context.findings, ...checkArm64Image(head, size, header)],
  };
};

const readImage = (bytes: Uint8Array, context: ProbeContext): KernelImage => ({
  ...describeImage(bytes, bytes.length, context),
  payload: bytes,
});

const readGzip = (bytes: Uint8Array, context: ProbeContext): KernelImage => {
  const unpacked = gunzip(bytes, context.maxBytes);
  return probe(unpacked.bytes, inside('gzip', unpacked.findings, context));
};

/** A uImage may hold an Image, or bare code with a load address. */
const readWrapped = (bytes: Uint8Array, context: ProbeContext): KernelImage => {
  const { data, gzip, loadAddress, entry, findings } = readUImage(bytes);
  let inner = inside('uimage', findings, context);
  let payload = data;
  if (gzip) {
    const unpacked = gunzip(data, context.maxBytes);
    inner = inside('gzip', unpacked.findings, inner);
    payload = unpacked.bytes;
  }
  if (loadAddress === undefined || entry === undefined) return probe(payload, inner);
  const placed = { loadAddress, entry };
  if (isArm64Image(payload)) return { ...readImage(payload, inner), ...placed };
  const size = payload.length;
  return {
    formats: inner.outer,
    payload,
    textOffset: 0,
    fileSize: size,
    imageSize: size,
    findings: inner.findings,
    ...placed,
  };
};

/** What an EFI application would do for itself: unpack the kernel that it carries. */
const readEfiZboot = (bytes: Uint8Array, context: ProbeContext): KernelImage => {
  const { payload, compression } = readZboot(bytes);
  if (compression !== 'gzip') throw kernelError('zboot-compression', { compression });
  if (!isGzip(payload))
    throw kernelError('gzip-corrupt', { detail: 'the payload of the EFI zboot image has no header' });
  const unpacked = gunzip(payload, context.maxBytes);
  return probe(unpacked.bytes, inside('gzip', unpacked.findings, inside('efi-zboot', [], context)));
};

/** The formats in the order in which Xen tries them. A further format is a further row. */
const PROBES: readonly Probe[] = [
  { format: 'uimage', matches: isUImage, read: readWrapped },
  { format: 'gzip', matches: isGzip, read: readGzip },
  { format: 'efi-zboot', matches: isZboot, read: readEfiZboot },
  { format: 'arm64-image', matches: isArm64Image, read: readImage },
];

const beginning = (bytes: Uint8Array): string =>
  Array.from(bytes.subarray(0, 8), (byte) => byte.toString(16).padStart(2, '0')).join(' ') || 'nowhere';

const isElf = (bytes: Uint8Array): boolean =>
  bytes[0] === 0x7f && bytes[1] === 0x45 && bytes[2] === 0x4c && bytes[3] === 0x46;

const probe = (bytes: Uint8Array, context: ProbeContext): KernelImage => {
  const row = PROBES.find(({ matches }) => matches(bytes));
  if (row !== undefined) {
    if (context.outer.includes(row.format)) {
      throw kernelError('kernel-nested', { format: [...context.outer, row.format].join(', then ') });
    }
    return row.read(bytes, context);
  }
  if (isAArch32ZImage(bytes)) throw kernelError('kernel-aarch32', { format: 'zImage' });
  if (isElf(bytes)) throw kernelError('kernel-elf');
  throw kernelError('kernel-unknown', { size: bytes.length, found: beginning(bytes) });
};

/**
 * Finds out what kernel `bytes` hold, unpacks it if it is compressed, and reads its header.
 *
 * @param bytes the boot module; may be padded at its end
 * @throws KernelImageError if the kernel cannot be used: unknown, damaged, too large, 32-bit or big-endian
 */
export const identifyKernel = (bytes: Uint8Array, options: IdentifyOptions = {}): KernelImage =>
  probe(bytes, { maxBytes: options.maxBytes ?? DEFAULT_MAX_BYTES, outer: [], findings: [] });

/** What {@link identifyImage} wants of the beginning of a module: the Image header and the section table of its EFI stub. */
export const IMAGE_HEAD_BYTES = 65_536;

/** What is known of a kernel whose bytes stay where they are. */
export type KernelHead = Omit<KernelImage, 'payload'>;

/**
 * What {@link identifyKernel} finds of a module that is an Image without a layer around it, from its beginning alone: all
 * of the module is the payload. Undefined if it is anything else, of which all has to be looked at.
 *
 * @param head the first IMAGE_HEAD_BYTES of the module, or all of it
 * @param size bytes of the module
 * @throws KernelImageError if the Image cannot be used: its header is absurd, or it is big-endian
 */
export const identifyImage = (head: Uint8Array, size: number): KernelHead | undefined =>
  PROBES.find(({ matches }) => matches(head))?.format === 'arm64-image'
    ? describeImage(head, size, { maxBytes: size, outer: [], findings: [] })
    : undefined;
