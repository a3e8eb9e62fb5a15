/** At this many bytes a line is shown although it goes on (xen/arch/arm/vpl011.c: SBSA_UART_OUT_BUF_SIZE - 2). */
export const LINE_LIMIT = 126;
/** A UTF-8 sequence has up to this many bytes. */
const SEQUENCE_LIMIT = 4;

/** How long the UTF-8 sequence is that `byte` begins; 1 for a byte that begins none. */
function sequenceLength(byte: number): number {
  if (byte >= 0xc2 && byte <= 0xdf) return 2;
  if (byte >= 0xe0 && byte <= 0xef) return 3;
  return byte >= 0xf0 && byte <= 0xf4 ? SEQUENCE_LIMIT : 1;
}

/** What a domain has written of a line that is not shown yet. */
export class LineBuffer {
  readonly #bytes = new Uint8Array(LINE_LIMIT + SEQUENCE_LIMIT);
  #length = 0;

  get length(): number {
    return this.#length;
  }

  /** True: it has to be taken before more is pushed. */
  get full(): boolean {
    return this.#length >= LINE_LIMIT;
  }

  /** Bytes at the end that begin a UTF-8 sequence without finishing it, 0 to 3. */
  get unfinished(): number {
    for (let count = 1; count < SEQUENCE_LIMIT && count <= this.#length; count++) {
      const byte = this.#bytes[this.#length - count]!;
      if ((byte & 0xc0) !== 0x80) return sequenceLength(byte) > count ? count : 0;
    }
    return 0;
  }

  push(byte: number): void {
    this.#bytes[this.#length++] = byte;
  }

  /** Gives all but the last `keep` bytes, which stay. */
  take(keep = 0): Uint8Array {
    const end = this.#length - keep;
    const taken = this.#bytes.slice(0, end);
    this.#bytes.copyWithin(0, end, this.#length);
    this.#length = keep;
    return taken;
  }
}
