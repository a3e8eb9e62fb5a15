/** Recognises from its console text that an operating system has given up. */

interface PanicPattern {
  /** What such a line comes from. */
  readonly system: string;
  readonly pattern: RegExp;
}

/**
 * The lines that panics begin with. Each is looked for where such systems put it, not anywhere, so that a log that is
 * quoted in other output is not taken for a panic.
 */
const PANICS: readonly PanicPattern[] = [
  // kernel/panic.c; behind printk's time, and the caller of CONFIG_PRINTK_CALLER, if they are on.
  { system: 'Linux', pattern: /(?:^|\[ *\d+\.\d{6}\](?:\[ *[TC]\d+\])? )Kernel panic - not syncing\b.*/ },
  // xen/drivers/char/console.c; behind console_timestamps if they are on.
  { system: 'Xen', pattern: /^(?:\(XEN\) )?(?:\[[^\]]*\] )?Panic on CPU \d+:.*/ },
  // kernel/fatal.c; behind the time, level and module of its log.
  { system: 'Zephyr', pattern: />>> ZEPHYR FATAL ERROR \d+:.*/ },
  // sys/kern/kern_shutdown.c, and the other BSDs.
  { system: 'FreeBSD', pattern: /^panic: .+/ },
];

/** Longer lines are looked at up to here. */
const LINE_LIMIT = 1024;
const NEWLINE = 0x0a;
const RETURN = 0x0d;

/** A panic that was recognised. */
export interface Panic {
  /** `Linux`, `Xen`, `Zephyr` or `FreeBSD`, which stands for all BSDs. */
  readonly system: string;
  /** The line that says so, without what stands before it. */
  readonly line: string;
}

/**
 * Reads the console of one domain, line by line, until it panics. Memory is bounded: of a line its first 1024 bytes
 * count. Pure: no clock, no host.
 */
export class PanicDetector {
  readonly #line = new Uint8Array(LINE_LIMIT);
  readonly #decoder = new TextDecoder();
  #length = 0;
  #panic: Panic | undefined;

  /** The panic that was seen, if any. */
  get panic(): Panic | undefined {
    return this.#panic;
  }

  /** Takes what the domain wrote next, in pieces of any size; gives its first panic, once, when that line is complete. */
  feed(bytes: Uint8Array): Panic | undefined {
    for (let at = 0; at < bytes.length && this.#panic === undefined; at++) {
      const byte = bytes[at]!;
      if (byte === NEWLINE) this.#endLine();
      else if (byte !== RETURN && this.#length < LINE_LIMIT) this.#line[this.#length++] = byte;
      if (this.#panic !== undefined) return this.#panic;
    }
    return undefined;
  }

  #endLine(): void {
    const text = this.#decoder.decode(this.#line.subarray(0, this.#length));
    this.#length = 0;
    for (const { system, pattern } of PANICS) {
      const [found] = pattern.exec(text) ?? [];
      if (found === undefined) continue;
      this.#panic = { system, line: found.replace(/^\[.*?\](?:\[.*?\])? /, '') };
      return;
    }
  }
}
