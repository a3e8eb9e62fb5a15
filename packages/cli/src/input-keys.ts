/** What the keyboard's bytes mean: input for the domain in focus, or a command to us. */
export type KeyEvent =
  | { readonly type: 'input'; readonly bytes: Uint8Array }
  | { readonly type: 'switch' }
  | { readonly type: 'quit' };

/** Ctrl-], as in telnet and `xl console`. */
export const QUIT_KEY = 0x1d;
/** Ctrl-A, Xen's default (`conswitch=a`). */
export const SWITCH_KEY = 0x01;
const SWITCH_COUNT = 3;

/** Which keys are ours. */
export interface KeyOptions {
  /** {@link QUIT_KEY} quits. */
  readonly quit: boolean;
  /** {@link SWITCH_KEY} three times in a row switches the focus. */
  readonly switch: boolean;
}

/**
 * Splits input into key events. The switch key is swallowed in groups of three; when another byte comes after one or
 * two, they are delivered first (xen/drivers/char/console.c, serial_rx).
 */
export class InputKeys {
  readonly #options: KeyOptions;
  #switchKeys = 0;

  constructor(options: KeyOptions) {
    this.#options = options;
  }

  /** Events in order. Bytes after a `quit` are dropped. */
  feed(bytes: Uint8Array): KeyEvent[] {
    const events: KeyEvent[] = [];
    let input: number[] = [];
    const flush = (): void => {
      if (input.length > 0) events.push({ type: 'input', bytes: Uint8Array.from(input) });
      input = [];
    };
    for (const byte of bytes) {
      if (this.#options.switch && byte === SWITCH_KEY) {
        if (++this.#switchKeys < SWITCH_COUNT) continue;
        this.#switchKeys = 0;
        flush();
        events.push({ type: 'switch' });
        continue;
      }
      for (; this.#switchKeys > 0; this.#switchKeys--) input.push(SWITCH_KEY);
      if (this.#options.quit && byte === QUIT_KEY) {
        flush();
        events.push({ type: 'quit' });
        return events;
      }
      input.push(byte);
    }
    flush();
    return events;
  }
}
