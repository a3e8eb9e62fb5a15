/** Input for one domain that waits on the host until its ring has room. */
import type { Ring } from '../console/ring.ts';

/** Any amount of bytes, in order. */
export class InputQueue {
  readonly #ring: Ring;
  readonly #chunks: Uint8Array[] = [];
  #length = 0;

  constructor(ring: Ring) {
    this.#ring = ring;
  }

  /** Bytes that the guest has not taken yet. */
  get length(): number {
    return this.#length + this.#ring.length;
  }

  /** Queues a copy of `bytes`. */
  add(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    this.#chunks.push(bytes.slice());
    this.#length += bytes.length;
  }

  /** Moves what fits into the ring; true if anything did. */
  refill(): boolean {
    let moved = 0;
    for (let chunk = this.#chunks[0]; chunk !== undefined; chunk = this.#chunks[0]) {
      const taken = this.#ring.write(chunk);
      moved += taken;
      if (taken < chunk.length) {
        this.#chunks[0] = chunk.subarray(taken);
        break;
      }
      this.#chunks.shift();
    }
    this.#length -= moved;
    return moved > 0;
  }

  /** Forgets what waits on the host: nobody will read it. */
  clear(): void {
    this.#chunks.length = 0;
    this.#length = 0;
  }
}
