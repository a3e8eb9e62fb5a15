/** A U-Boot legacy image around bytes, as mkimage -A arm64 -T ramdisk -C none makes it. */
export function uImage(data: Uint8Array): Uint8Array {
  const image = new Uint8Array(64 + data.length);
  const view = new DataView(image.buffer);
  view.setUint32(0, 0x27051956);
  view.setUint32(12, data.length);
  view.setUint32(24, crc32(data));
  // Linux, arm64, ramdisk, no compression.
  image.set([5, 22, 3, 0], 28);
  image.set(data, 64);
  view.setUint32(4, crc32(image.subarray(0, 64)));
  return image;
}

/** CRC-32 as of zlib. */
export function crc32(bytes: Uint8Array): number {
  let crc = ~0;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
  }
  return ~crc >>> 0;
}
