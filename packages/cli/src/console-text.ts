/** How much of a console's newest text a match can span, in characters. */
export const MATCH_WINDOW = 65_536;

/** The newest text of one domain's console, read as UTF-8 however it is cut into chunks, in bounded memory. */
export class ConsoleText {
  readonly #decoder = new TextDecoder();
  #text = '';

  get text(): string {
    return this.#text;
  }

  /** Adds what the domain wrote. */
  add(bytes: Uint8Array): void {
    this.#text += this.#decoder.decode(bytes, { stream: true });
  }

  /** Forgets what is beyond the window, at a line's start if that costs little, so that `^` matches there only. Gives how much. */
  trim(): number {
    if (this.#text.length <= MATCH_WINDOW) return 0;
    const cut = this.#text.length - MATCH_WINDOW;
    const lineStart = this.#text.indexOf('\n', cut - 1) + 1;
    const from = lineStart > 0 && lineStart - cut < MATCH_WINDOW / 2 ? lineStart : cut;
    this.#text = this.#text.slice(from);
    return from;
  }
}
