/**
 * DecodeBitMasks of the Arm ARM (J1, `aarch64/instrs/integer/bitmasks`): the immediate of the logical instructions.
 * `undefined` where the combination is reserved.
 */
export function decodeBitMask(n: number, imms: number, immr: number, bits: number): bigint | undefined {
  const levels = (n << 6) | (~imms & 63);
  const length = 31 - Math.clz32(levels);
  if (length < 1 || (bits === 32 && n === 1)) return undefined;
  const size = 1 << length;
  const s = imms & (size - 1);
  if (s === size - 1) return undefined;
  const r = immr & (size - 1);
  const ones = (1n << BigInt(s + 1)) - 1n;
  const element = ((ones >> BigInt(r)) | (ones << BigInt(size - r))) & ((1n << BigInt(size)) - 1n);
  let mask = 0n;
  for (let at = 0; at < bits; at += size) mask |= element << BigInt(at);
  return mask;
}

/** The N, immr and imms that encode `mask`, or `undefined` where it is not a bitmask immediate. */
export function encodeBitMask(mask: bigint, bits: number): { n: number; immr: number; imms: number } | undefined {
  const wanted = BigInt.asUintN(bits, mask);
  for (let size = 2; size <= bits; size *= 2) {
    const n = size === 64 ? 1 : 0;
    for (let s = 0; s < size - 1; s++) {
      const imms = ((-size * 2) & 63) | s;
      for (let immr = 0; immr < size; immr++) {
        if (decodeBitMask(n, size === 64 ? s : imms, immr, bits) === wanted) {
          return { n, immr, imms: size === 64 ? s : imms };
        }
      }
    }
  }
  return undefined;
}
