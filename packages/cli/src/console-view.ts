const NEWLINE = 0x0a;
const RETURN = 0x0d;
/** The longest part of a line that is held back; Xen's buffer has 126 bytes too (xen/arch/arm/vpl011.c). */
const LINE_LIMIT = 126;

/** How {@link ConsoleView} shows domains. */
export interface ConsoleViewOptions {
  /** Ids of the domains that have a console. */
  readonly domains: readonly number[];
  /** True: the domain in focus is shown as it writes. Otherwise all are shown in lines, unless there is but one. */
  readonly interactive: boolean;
}

/**
 * Merges the output of several domains into one stream. What is raw goes through as it comes; the others give lines
 * `(XEN) DOM2: text`. A line that comes while the raw domain is within one of its own starts on a new line.
 */
export class ConsoleView {
  readonly #lines = new Map<number, number[]>();
  #raw: number | undefined;
  #atLineStart = true;

  constructor({ domains, interactive }: ConsoleViewOptions) {
    this.#raw = interactive || domains.length === 1 ? domains[0] : undefined;
  }

  /** What to show for bytes that a domain wrote. */
  show(domain: number, bytes: Uint8Array): Uint8Array {
    if (domain !== this.#raw) return this.#line(domain, bytes);
    if (bytes.length > 0) this.#atLineStart = bytes[bytes.length - 1] === NEWLINE;
    return bytes;
  }

  /** Shows another domain raw from now on; gives what of its line was held back. */
  focus(domain: number): Uint8Array {
    const held = this.end(domain);
    if (this.#raw !== undefined) this.#raw = domain;
    return held;
  }

  /** The rest of a domain's last line, ended; for a domain that writes no more. */
  end(domain: number): Uint8Array {
    const line = this.#lines.get(domain) ?? [];
    const out: number[] = [];
    if (line.length > 0) this.#emit(domain, line, out);
    return Uint8Array.from(out);
  }

  /** A newline if the stream is within a line. */
  endLine(): Uint8Array {
    const open = !this.#atLineStart;
    this.#atLineStart = true;
    return Uint8Array.from(open ? [NEWLINE] : []);
  }

  #line(domain: number, bytes: Uint8Array): Uint8Array {
    let line = this.#lines.get(domain);
    if (line === undefined) {
      line = [];
      this.#lines.set(domain, line);
    }
    const out: number[] = [];
    for (const byte of bytes) {
      if (byte !== NEWLINE) line.push(byte);
      if (byte === NEWLINE || line.length >= LINE_LIMIT) this.#emit(domain, line, out);
    }
    return Uint8Array.from(out);
  }

  #emit(domain: number, line: number[], out: number[]): void {
    if (!this.#atLineStart) out.push(NEWLINE);
    if (line.at(-1) === RETURN) line.pop();
    out.push(...new TextEncoder().encode(`(XEN) DOM${domain}: `), ...line, NEWLINE);
    line.length = 0;
    this.#atLineStart = true;
  }
}
