import { ConsoleText } from './console-text.ts';
import type { Expectation } from './option-values.ts';

/** Looks for patterns in the output of one domain, however it is cut into chunks, in bounded memory. */
class ConsoleMatcher {
  readonly #console = new ConsoleText();
  pending: readonly Expectation[];

  constructor(expectations: readonly Expectation[]) {
    this.pending = expectations;
  }

  feed(bytes: Uint8Array): void {
    if (this.pending.length === 0) return;
    this.#console.add(bytes);
    this.pending = this.pending.filter(({ regex }) => !regex.test(this.#console.text));
    this.#console.trim();
  }
}

/**
 * Tells when every expectation was seen on its domain's console. Output is read as UTF-8; a match may span chunks and
 * up to `MATCH_WINDOW` characters. A pattern is seen as soon as it matches what came so far: `$` also matches
 * where output has stopped for now.
 */
export class ExpectMatcher {
  readonly #consoles = new Map<string, ConsoleMatcher>();

  /** @param expectations Their `domain` is what {@link feed} is called with. */
  constructor(expectations: readonly Expectation[]) {
    for (const { domain } of expectations) {
      if (this.#consoles.has(domain)) continue;
      this.#consoles.set(domain, new ConsoleMatcher(expectations.filter((one) => one.domain === domain)));
    }
  }

  /** Takes what a domain wrote next. The bytes are not kept. */
  feed(domain: string, bytes: Uint8Array): void {
    this.#consoles.get(domain)?.feed(bytes);
  }

  /** Expectations that were not seen yet. */
  get pending(): readonly Expectation[] {
    return [...this.#consoles.values()].flatMap((console) => console.pending);
  }

  /** True if there are expectations and all were seen. */
  get met(): boolean {
    return this.#consoles.size > 0 && this.pending.length === 0;
  }
}
