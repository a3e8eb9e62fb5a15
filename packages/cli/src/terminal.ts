import type { CliIo } from './io.ts';

/** Ctrl-], as in telnet and `xl console`: a person at the keyboard quits with it. */
export const QUIT_KEY = 0x1d;

/**
 * Puts the terminal at stdin into raw mode until {@link restore}, which is called on every way out of the process,
 * crashes included.
 */
export class Terminal {
  readonly #io: CliIo;
  readonly #undo: (() => void)[] = [];

  constructor(io: CliIo) {
    this.#io = io;
  }

  /** True if a keyboard is at stdin. */
  get present(): boolean {
    return this.#io.stdin.isTTY === true && this.#io.stdin.setRawMode !== undefined;
  }

  raw(): void {
    if (!this.present) return;
    const set = (): unknown => this.#io.stdin.setRawMode?.(true);
    this.#undo.push(
      this.#io.onExit(() => this.restore()),
      // A shell resets the terminal's mode when it stops us.
      this.#io.onContinue(set),
      () => this.#io.stdin.setRawMode?.(false),
    );
    set();
  }

  restore(): void {
    for (const undo of this.#undo.splice(0)) undo();
  }
}
