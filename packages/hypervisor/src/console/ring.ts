/** A byte ring in shared memory with one producer and one consumer, each on a thread of its own. */

/** Bytes in front of the data: two 32-bit counters, a cache line apart. */
export const RING_HEADER_BYTES = 128;
export const READ = 0;
export const WRITTEN = 64;

/**
 * A ring of `capacity` bytes, a power of two, behind a header. The counters are of bytes ever read and written,
 * modulo 2^32. Zeroed memory is an empty ring.
 */
export class Ring {
  readonly capacity: number;
  readonly #words: Int32Array;
  readonly #data: Uint8Array;

  constructor(buffer: ArrayBufferLike, byteOffset: number, capacity: number) {
    this.capacity = capacity;
    this.#words = new Int32Array(buffer, byteOffset, RING_HEADER_BYTES / 4);
    this.#data = new Uint8Array(buffer, byteOffset + RING_HEADER_BYTES, capacity);
  }

  /** Bytes that wait to be read. */
  get length(): number {
    return (Atomics.load(this.#words, WRITTEN >> 2) - Atomics.load(this.#words, READ >> 2)) >>> 0;
  }

  /** Bytes that can be written. */
  get room(): number {
    return this.capacity - this.length;
  }

  /** Producer: takes one byte; false if the ring is full. */
  push(byte: number): boolean {
    const written = Atomics.load(this.#words, WRITTEN >> 2);
    const used = (written - Atomics.load(this.#words, READ >> 2)) >>> 0;
    if (used === this.capacity) return false;
    this.#data[written & (this.capacity - 1)] = byte;
    Atomics.store(this.#words, WRITTEN >> 2, (written + 1) | 0);
    return true;
  }

  /** Producer: takes as many bytes from the start of `bytes` as fit, and tells how many. */
  write(bytes: Uint8Array): number {
    const written = Atomics.load(this.#words, WRITTEN >> 2);
    const count = Math.min(bytes.length, this.room);
    const at = written & (this.capacity - 1);
    const first = Math.min(count, this.capacity - at);
    this.#data.set(bytes.subarray(0, first), at);
    this.#data.set(bytes.subarray(first, count), 0);
    Atomics.store(this.#words, WRITTEN >> 2, (written + count) | 0);
    return count;
  }

  /** Consumer: a copy of up to `limit` bytes from the front; they stay until `drop`. */
  peek(limit: number): Uint8Array {
    const read = Atomics.load(this.#words, READ >> 2);
    const count = Math.min(limit, this.length);
    const at = read & (this.capacity - 1);
    const first = Math.min(count, this.capacity - at);
    const bytes = new Uint8Array(count);
    bytes.set(this.#data.subarray(at, at + first));
    bytes.set(this.#data.subarray(0, count - first), first);
    return bytes;
  }

  /** Consumer: gives up `count` bytes that `peek` showed. */
  drop(count: number): void {
    Atomics.add(this.#words, READ >> 2, count);
  }

  /** Consumer: takes everything out. */
  drain(): Uint8Array {
    const bytes = this.peek(this.capacity);
    this.drop(bytes.length);
    return bytes;
  }
}
