/** Keeps the newest bytes of a text, as Xen's console ring does. */
export class TextRing {
  readonly #bytes: Uint8Array;
  /** Bytes ever pushed. */
  #count = 0;

  /** @param capacity in bytes, at least 1. */
  constructor(capacity: number) {
    this.#bytes = new Uint8Array(capacity);
  }

  push(byte: number): void {
    this.#bytes[this.#count++ % this.#bytes.length] = byte;
  }

  /** A copy, oldest byte first. Does not begin within a UTF-8 sequence that is partly lost. */
  read(): Uint8Array {
    const { length } = this.#bytes;
    if (this.#count <= length) return this.#bytes.slice(0, this.#count);
    const at = this.#count % length;
    const text = new Uint8Array(length);
    text.set(this.#bytes.subarray(at));
    text.set(this.#bytes.subarray(0, at), length - at);
    let start = 0;
    while (start < 3 && (text[start]! & 0xc0) === 0x80) start++;
    return text.subarray(start);
  }
}
