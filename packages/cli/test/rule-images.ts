/** What stands behind a line `// at 0x48000000 lies: …` of an example: the bytes of a boot module. */
import { deflateRawSync, gzipSync, constants as zlib } from 'node:zlib';
import { crc32, uImage } from './uimage.ts';

const MIB = 2 ** 20;
/** Bytes that board.dtsi gives its kernel module. */
const KERNEL_BYTES = 16 * MIB;
const RAMDISK_BYTES = 6 * MIB;

const ascii = (text: string): Uint8Array => new TextEncoder().encode(text);

/** The header of an arm64 Image (Linux, Documentation/arch/arm64/booting.rst), in so many bytes. */
function image(bytes: number, { flags = 0n, imageSize = BigInt(bytes), textOffset = 0n } = {}): Uint8Array {
  const content = new Uint8Array(bytes);
  const view = new DataView(content.buffer);
  view.setUint32(0, 0x14000010, true);
  view.setBigUint64(8, textOffset, true);
  view.setBigUint64(16, imageSize, true);
  view.setBigUint64(24, flags, true);
  view.setUint32(56, 0x644d5241, true);
  return content;
}

/** An Image with a text in it, as kernels carry one that names them. */
function imageWith(text: string): Uint8Array {
  const content = image(KERNEL_BYTES);
  content.set(ascii(text), MIB);
  return content;
}

/** An Image with EFI stub: its PE/COFF header has one section, which ends at `end`. */
function imageWithSection(end: number): Uint8Array {
  const content = image(KERNEL_BYTES);
  const view = new DataView(content.buffer);
  view.setUint16(0, 0x5a4d, true);
  view.setUint32(0x3c, 64, true);
  view.setUint32(64, 0x4550, true);
  view.setUint16(64 + 6, 1, true);
  view.setUint32(64 + 24 + 16, end - 0x1000, true);
  view.setUint32(64 + 24 + 20, 0x1000, true);
  return content;
}

const padded = (content: Uint8Array, bytes: number): Uint8Array => {
  const all = new Uint8Array(bytes);
  all.set(content.subarray(0, bytes));
  return all;
};

/** A kernel in a uImage as mkimage makes it; `arch` is a number of U-Boot's image.h. */
const kernelUImage = (data: Uint8Array, { load = 0, arch = 22 } = {}): Uint8Array => {
  const bytes = uImage(data);
  const view = new DataView(bytes.buffer);
  view.setUint32(16, load);
  view.setUint32(20, load);
  bytes.set([arch, 2], 29);
  view.setUint32(4, 0);
  view.setUint32(4, crc32(bytes.subarray(0, 64)));
  return bytes;
};

const changed = (bytes: Uint8Array, at: number, value: number): Uint8Array => {
  bytes[at] = value;
  return bytes;
};

/** An EFI zboot image (Linux, drivers/firmware/efi/libstub/zboot-header.S); `size` is what the header says. */
const zboot = (compression: string, payload: Uint8Array, size = payload.length): Uint8Array => {
  const bytes = new Uint8Array(64 + payload.length);
  const view = new DataView(bytes.buffer);
  bytes.set(ascii('MZ\0\0zimg'));
  view.setUint32(8, 64, true);
  view.setUint32(12, size, true);
  bytes.set(ascii(compression), 24);
  bytes.set(payload, 64);
  return bytes;
};

/** A few hundred KiB of gzip data that are 600 MiB of zeros: one piece of a stream, again and again. */
const bomb = (): Uint8Array => {
  const piece = deflateRawSync(new Uint8Array(4 * MIB), { level: 9, finishFlush: zlib.Z_FULL_FLUSH });
  const header = gzipSync(new Uint8Array(0)).subarray(0, 10);
  return Buffer.concat([header, ...Array.from({ length: 150 }, () => piece)]);
};

interface Load {
  /** For the page. */
  readonly what: string;
  bytes(): Uint8Array;
}

/** The words that examples use. */
export const LOADS: Readonly<Record<string, Load>> = {
  image: { what: 'an arm64 Image of 16 MiB', bytes: () => image(KERNEL_BYTES) },
  short: { what: 'an arm64 Image of 1 MiB', bytes: () => image(MIB) },
  long: { what: 'an arm64 Image of 16 MiB and 4 KiB', bytes: () => image(KERNEL_BYTES + 4096) },
  garbage: { what: '16 MiB that are no kernel', bytes: () => new Uint8Array(KERNEL_BYTES).fill(0x55) },
  elf: { what: 'an ELF file, as vmlinux', bytes: () => padded(Uint8Array.of(0x7f, 0x45, 0x4c, 0x46), KERNEL_BYTES) },
  zimage: {
    what: 'a zImage of 32-bit Arm Linux',
    bytes: () => {
      const content = new Uint8Array(KERNEL_BYTES);
      new DataView(content.buffer).setUint32(0x24, 0x016f2818, true);
      return content;
    },
  },
  'big-endian': { what: 'a big-endian arm64 Image', bytes: () => image(KERNEL_BYTES, { flags: 1n }) },
  'old-image': {
    what: 'an arm64 Image without image_size, as before Linux 3.17',
    bytes: () => image(KERNEL_BYTES, { imageSize: 0n }),
  },
  'image-size-absurd': {
    what: 'an arm64 Image whose header has an image_size of 2^60 bytes',
    bytes: () => image(KERNEL_BYTES, { imageSize: 2n ** 60n }),
  },
  'image-with-bss': {
    what: 'an arm64 Image of 16 MiB that needs 22 MiB, as its image_size says',
    bytes: () => image(KERNEL_BYTES, { imageSize: BigInt(22 * MIB) }),
  },
  'image-with-sections': {
    what: 'an arm64 Image with EFI stub, whole',
    bytes: () => imageWithSection(KERNEL_BYTES),
  },
  'image-cut': {
    what: 'the first 16 MiB of an arm64 Image with EFI stub of 20 MiB',
    bytes: () => imageWithSection(20 * MIB),
  },
  'linux-4.14': {
    what: 'an arm64 Image of Linux 4.14',
    bytes: () => imageWith('Linux version 4.14.336 (build@host) (gcc version 8.3.0) #1 SMP PREEMPT\n'),
  },
  'linux-6.12': {
    what: 'an arm64 Image of Linux 6.12',
    bytes: () => imageWith('Linux version 6.12.1 (build@host) (gcc version 14.2.0) #1 SMP PREEMPT\n'),
  },
  zephyr: { what: 'an arm64 Image of Zephyr', bytes: () => imageWith('*** Booting Zephyr OS build v4.1.0 ***\n') },
  gzip: { what: 'an arm64 Image, compressed by gzip', bytes: () => gzipSync(image(0x1000)) },
  'gzip-padded': {
    what: 'an arm64 Image, compressed by gzip, and zeros up to 16 MiB',
    bytes: () => padded(gzipSync(image(0x1000)), KERNEL_BYTES),
  },
  'gzip-cut': {
    what: 'the first 200 bytes of a gzip file',
    bytes: () => gzipSync(Buffer.from(Array.from({ length: 0x4000 }, (_, i) => (i * 7919) % 251))).subarray(0, 200),
  },
  'gzip-in-gzip': {
    what: 'an arm64 Image, compressed by gzip twice',
    bytes: () => gzipSync(gzipSync(image(0x1000))),
  },
  'gzip-bomb': { what: 'a small gzip file that unpacks to 600 MiB', bytes: bomb },
  uimage: { what: 'an arm64 Image in a uImage', bytes: () => kernelUImage(image(0x1000)) },
  'uimage-powerpc': {
    what: 'a uImage whose header says PowerPC',
    bytes: () => kernelUImage(image(0x1000), { arch: 7 }),
  },
  'uimage-padded': {
    what: 'an arm64 Image in a uImage, and 4 KiB of zeros',
    bytes: () => padded(kernelUImage(image(0x1000)), 64 + 0x2000),
  },
  'uimage-data-changed': {
    what: 'an arm64 Image in a uImage, one byte changed since mkimage',
    bytes: () => changed(kernelUImage(image(0x1000)), 64 + 0x800, 1),
  },
  'uimage-at-0x80000000': {
    what: 'a uImage with load address 0x80000000',
    bytes: () => kernelUImage(image(0x1000), { load: 0x80000000 }),
  },
  'uimage-at-0x40600000': {
    what: 'a uImage of 4 MiB with load address 0x40600000',
    bytes: () => kernelUImage(image(4 * MIB - 64), { load: 0x40600000 }),
  },
  zboot: { what: 'an EFI zboot image with gzip', bytes: () => zboot('gzip', gzipSync(image(0x1000))) },
  'zboot-zstd': { what: 'an EFI zboot image with zstd', bytes: () => zboot('zstd', new Uint8Array(0x1000)) },
  'zboot-cut': {
    what: 'an EFI zboot image, cut off',
    bytes: () => zboot('gzip', gzipSync(image(0x1000)).subarray(0, 30), 0x1000),
  },
  ramdisk: { what: 'a ramdisk of 6 MiB', bytes: () => padded(ascii('070701'), RAMDISK_BYTES) },
  elsewhere: { what: 'nothing: the file was loaded elsewhere', bytes: () => new Uint8Array(0) },
};
