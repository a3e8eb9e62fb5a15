/** What the tests of the console share: a mux whose terminal and domains are texts. */
import { ConsoleMux, type ConsoleMuxOptions } from '../src/index.ts';

export const SWITCH = '\x01\x01\x01';
export const HINT = "(type 'CTRL-a' three times to switch input)";
export const serialInput = (receiver: string): string => `(XEN) *** Serial input to ${receiver} ${HINT}\n`;

const encoder = new TextEncoder();
const latin1 = (bytes: readonly number[]): string => bytes.map((byte) => String.fromCharCode(byte)).join('');

export interface BenchOptions extends Omit<Partial<ConsoleMuxOptions>, 'domains'> {
  /** Ids. */
  readonly domains?: readonly number[];
  /** Ids of those without a console. */
  readonly silent?: readonly number[];
}

export class ConsoleBench {
  readonly mux: ConsoleMux;
  readonly delivered = new Map<number, number[]>();
  /** Longest piece that came. */
  longest = 0;
  #shown: number[] = [];

  constructor({ domains = [1, 2], silent = [], ...options }: BenchOptions = {}) {
    this.mux = new ConsoleMux({
      domains: domains.map((id) => ({ id, hasConsole: !silent.includes(id) })),
      write: (bytes) => this.#take(this.#shown, bytes),
      deliver: (domain, bytes) => {
        const got = this.delivered.get(domain) ?? [];
        this.delivered.set(domain, got);
        this.#take(got, bytes);
      },
      ...options,
    });
  }

  /** What was shown since the last call, one character a byte. */
  shownBytes(): string {
    return latin1(this.#shown.splice(0));
  }

  /** What was shown since the last call, as UTF-8. */
  shown(): string {
    return new TextDecoder().decode(Uint8Array.from(this.#shown.splice(0)));
  }

  /** What a domain got since the last call. */
  got(domain: number): string {
    return latin1(this.delivered.get(domain)?.splice(0) ?? []);
  }

  type(text: string): string {
    this.mux.input(encoder.encode(text));
    return this.shown();
  }

  writes(domain: number, text: string): string {
    this.mux.output(domain, encoder.encode(text));
    return this.shown();
  }

  #take(into: number[], bytes: Uint8Array): void {
    for (const byte of bytes) into.push(byte);
    this.longest = Math.max(this.longest, bytes.length);
  }
}
