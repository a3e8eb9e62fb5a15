/** LEB128, the variable-length integers of the WebAssembly binary format (core specification 5.2.2). */

/** Appends `value` (0 … 2^32-1) as unsigned LEB128. */
export function pushU32(out: number[], value: number): void {
  let v = value >>> 0;
  while (v > 127) {
    out.push((v & 127) | 128);
    v >>>= 7;
  }
  out.push(v);
}

/** Appends `value` as signed 32-bit LEB128. */
export function pushS32(out: number[], value: number): void {
  let v = value | 0;
  for (;;) {
    const byte = v & 127;
    v >>= 7;
    if ((v === 0 && (byte & 64) === 0) || (v === -1 && (byte & 64) !== 0)) {
      out.push(byte);
      return;
    }
    out.push(byte | 128);
  }
}

/** Appends `value`, taken modulo 2^64, as signed 64-bit LEB128. */
export function pushS64(out: number[], value: bigint): void {
  let v = BigInt.asIntN(64, value);
  for (;;) {
    const byte = Number(v & 127n);
    v >>= 7n;
    if ((v === 0n && (byte & 64) === 0) || (v === -1n && (byte & 64) !== 0)) {
      out.push(byte);
      return;
    }
    out.push(byte | 128);
  }
}

/** Appends a name: its UTF-8 length, then its bytes. */
export function pushName(out: number[], name: string): void {
  const bytes = new TextEncoder().encode(name);
  pushU32(out, bytes.length);
  out.push(...bytes);
}
