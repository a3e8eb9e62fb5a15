import { ConsoleText } from './console-text.ts';
import type { Send } from './send-option.ts';

/** The sends of one domain. */
class DomainTypist {
  readonly #console = new ConsoleText();
  /** Where in the text the next pattern is looked for. */
  #from = 0;
  readonly pending: Send[];

  constructor(sends: readonly Send[]) {
    this.pending = [...sends];
  }

  feed(bytes: Uint8Array): Uint8Array[] {
    const typed: Uint8Array[] = [];
    if (this.pending.length === 0) return typed;
    this.#console.add(bytes);
    for (let next = this.pending[0]; next !== undefined; next = this.pending[0]) {
      next.regex.lastIndex = this.#from;
      if (!next.regex.test(this.#console.text)) break;
      this.#from = next.regex.lastIndex;
      typed.push(next.bytes);
      this.pending.shift();
    }
    this.#from = Math.max(0, this.#from - this.#console.trim());
    return typed;
  }
}

/**
 * Types into domains when their consoles show what it waits for. The sends of a domain are done in their order, each
 * once; each looks at what is behind the match of the one before.
 */
export class Typist {
  readonly #domains = new Map<string, DomainTypist>();

  /** @param sends Their `domain` is what {@link feed} is called with; each regex has the flag `g`. */
  constructor(sends: readonly Send[]) {
    for (const { domain } of sends) {
      if (this.#domains.has(domain)) continue;
      this.#domains.set(domain, new DomainTypist(sends.filter((one) => one.domain === domain)));
    }
  }

  /** Takes what a domain wrote next; gives what is to be typed into it now. */
  feed(domain: string, bytes: Uint8Array): readonly Uint8Array[] {
    return this.#domains.get(domain)?.feed(bytes) ?? [];
  }

  /** Sends whose pattern was not seen yet. */
  get pending(): readonly Send[] {
    return [...this.#domains.values()].flatMap(({ pending }) => pending);
  }
}
