/** The bytes that an assembly makes, with a limit on their number. */

/** The most bytes that one assembly may make: a guard against `.space` and `.rept` of huge counts. */
export const MAX_BYTES = 64 * 1024 * 1024;

export class Image {
  #bytes = new Uint8Array(4096);
  #length = 0;

  get length(): number {
    return this.#length;
  }

  /** False where the image would become longer than `MAX_BYTES`. */
  append(count: number, write: (view: DataView, at: number) => void): boolean {
    if (this.#length + count > MAX_BYTES) return false;
    if (this.#length + count > this.#bytes.length) {
      const bytes = new Uint8Array(Math.max(this.#bytes.length * 2, this.#length + count));
      bytes.set(this.#bytes);
      this.#bytes = bytes;
    }
    write(new DataView(this.#bytes.buffer), this.#length);
    this.#length += count;
    return true;
  }

  bytes(): Uint8Array {
    return this.#bytes.slice(0, this.#length);
  }
}
