import { kernelError } from '../kernel-image-error.ts';

/** The parts of an EFI zboot image (Linux, drivers/firmware/efi/libstub/zboot-header.S) that matter to a loader. */
export interface ZbootImage {
  /** The compressed kernel. */
  payload: Uint8Array;
  /** Name of its compression: gzip, zstd, lz4, xzkern, …. */
  compression: string;
}

const HEADER_SIZE = 64;
/** "MZ", little-endian, at 0. */
const DOS_MAGIC = 0x5a4d;
/** "zimg", little-endian, at 4. */
const ZIMG_MAGIC = 0x676d697a;
const COMPRESSION_AT = 24;
/** The name ends here at the latest. */
const COMPRESSION_END = 56;

const viewOf = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

/** True if `bytes` begin like an EFI zboot image. */
export const isZboot = (bytes: Uint8Array): boolean => {
  if (bytes.length < HEADER_SIZE) return false;
  const view = viewOf(bytes);
  return view.getUint16(0, true) === DOS_MAGIC && view.getUint32(4, true) === ZIMG_MAGIC;
};

/** The name of the compression, without what could garble a message. */
const compressionOf = (bytes: Uint8Array): string => {
  const field = bytes.subarray(COMPRESSION_AT, COMPRESSION_END);
  const end = field.indexOf(0);
  const name = String.fromCharCode(...(end < 0 ? field : field.subarray(0, end)));
  return name.replace(/[^\x21-\x7e]/g, '?') || 'none named';
};

/**
 * Reads the header of an EFI zboot image: where the payload is and how it is compressed.
 *
 * @throws KernelImageError `zboot-invalid` if the payload is not inside the image
 */
export const readZboot = (bytes: Uint8Array): ZbootImage => {
  const view = viewOf(bytes);
  const [offset, size] = [view.getUint32(8, true), view.getUint32(12, true)];
  if (offset < HEADER_SIZE || size === 0 || offset + size > bytes.length) {
    throw kernelError('zboot-invalid', { offset, size, found: bytes.length });
  }
  return { payload: bytes.subarray(offset, offset + size), compression: compressionOf(bytes) };
};
