/** Bytes of a function that grow as it is written. */
export class CodeBuffer {
  bytes = new Uint8Array(4096);
  length = 0;

  /** Makes room for `more` bytes. */
  reserve(more: number): void {
    if (this.length + more <= this.bytes.length) return;
    const bytes = new Uint8Array(Math.max(this.bytes.length * 2, this.length + more));
    bytes.set(this.bytes.subarray(0, this.length));
    this.bytes = bytes;
  }

  byte(value: number): void {
    this.reserve(1);
    this.bytes[this.length++] = value;
  }

  /** Unsigned LEB128. */
  u32(value: number): void {
    this.reserve(5);
    this.put(value);
  }

  /** The same where there is room. */
  put(value: number): void {
    let v = value;
    while (v > 127) {
      this.bytes[this.length++] = (v & 127) | 128;
      v >>>= 7;
    }
    this.bytes[this.length++] = v;
  }

  /** Signed LEB128 of a 32-bit integer. */
  s32(value: number): void {
    this.reserve(5);
    let v = value;
    for (;;) {
      const low = v & 127;
      v >>= 7;
      if ((v === 0 && low < 64) || (v === -1 && low >= 64)) {
        this.bytes[this.length++] = low;
        return;
      }
      this.bytes[this.length++] = low | 128;
    }
  }

  append(more: ArrayLike<number>, length = more.length): void {
    this.reserve(length);
    const { bytes } = this;
    let at = this.length;
    for (let n = 0; n < length; n++) bytes[at++] = more[n]!;
    this.length = at;
  }
}
