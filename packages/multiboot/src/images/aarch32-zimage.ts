const MAGIC = 0x016f2818;
const MAGIC_OFFSET = 0x24;

/** True if `bytes` begin like a zImage of 32-bit Arm Linux, in either byte order. */
export const isAArch32ZImage = (bytes: Uint8Array): boolean => {
  if (bytes.length < MAGIC_OFFSET + 4) return false;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return view.getUint32(MAGIC_OFFSET, true) === MAGIC || view.getUint32(MAGIC_OFFSET, false) === MAGIC;
};
