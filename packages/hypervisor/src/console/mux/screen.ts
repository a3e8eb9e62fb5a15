import { ByteBatch } from './byte-batch.ts';
import { TextRing } from './text-ring.ts';

/**
 * What becomes of newlines on their way to the terminal. `verbatim`: nothing. `cooked`: each gets a carriage return, as
 * from Xen's UART; for terminals that don't do that themselves. `plain`: a carriage return before one is left out; for
 * files.
 */
export type Newlines = 'verbatim' | 'cooked' | 'plain';

export const NEWLINE = 0x0a;
const RETURN = 0x0d;

export interface ScreenOptions {
  readonly newlines: Newlines;
  readonly ringBytes: number;
  /** What follows `(XEN) ` at the start of a line. */
  readonly timestamp: () => string;
  readonly write: (bytes: Uint8Array) => void;
}

/** The one stream of text that the terminal gets, and its newest part once more in a ring. */
export class Screen {
  readonly #batch: ByteBatch;
  readonly #ring: TextRing;
  readonly #newlines: Newlines;
  readonly #timestamp: () => string;
  readonly #encoder = new TextEncoder();
  #midLine = false;
  /** A carriage return that waits for what comes after it. */
  #heldReturn = false;

  constructor({ newlines, ringBytes, timestamp, write }: ScreenOptions) {
    this.#batch = new ByteBatch(write);
    this.#ring = new TextRing(ringBytes);
    this.#newlines = newlines;
    this.#timestamp = timestamp;
  }

  /** True unless the last that was shown is a newline. */
  get midLine(): boolean {
    return this.#midLine;
  }

  /** The newest text, newlines verbatim. */
  get ring(): Uint8Array {
    return this.#ring.read();
  }

  put(byte: number): void {
    this.#ring.push(byte);
    this.#show(byte);
  }

  putAll(bytes: Uint8Array): void {
    for (const byte of bytes) this.put(byte);
  }

  putText(text: string): void {
    this.putAll(this.#encoder.encode(text));
  }

  /** What Xen's lines start with. */
  putPrefix(): void {
    this.putText(`(XEN) ${this.#timestamp()}`);
  }

  /** Shows the ring's text; that does not go into the ring again. */
  showRing(): void {
    for (const byte of this.#ring.read()) this.#show(byte);
  }

  /** Gives the terminal what is shown so far. */
  flush(): void {
    this.#batch.flush();
  }

  #show(byte: number): void {
    this.#midLine = byte !== NEWLINE;
    if (this.#newlines === 'cooked' && byte === NEWLINE) this.#batch.push(RETURN);
    if (this.#newlines !== 'plain') {
      this.#batch.push(byte);
      return;
    }
    if (this.#heldReturn && byte !== NEWLINE) this.#batch.push(RETURN);
    this.#heldReturn = byte === RETURN;
    if (!this.#heldReturn) this.#batch.push(byte);
  }
}
