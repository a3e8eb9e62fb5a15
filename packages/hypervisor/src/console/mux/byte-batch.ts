const CAPACITY = 4096;

/** Gathers single bytes into pieces of at most 4 KiB for a sink that keeps what it gets. */
export class ByteBatch {
  readonly #bytes = new Uint8Array(CAPACITY);
  readonly #sink: (bytes: Uint8Array) => void;
  #length = 0;

  constructor(sink: (bytes: Uint8Array) => void) {
    this.#sink = sink;
  }

  push(byte: number): void {
    this.#bytes[this.#length++] = byte;
    if (this.#length === CAPACITY) this.flush();
  }

  /** Hands over what there is, if anything. */
  flush(): void {
    if (this.#length === 0) return;
    const bytes = this.#bytes.slice(0, this.#length);
    // First: the sink may come back here.
    this.#length = 0;
    this.#sink(bytes);
  }
}
