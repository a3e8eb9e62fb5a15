import { type Conswitch, parseConswitch, type TimestampMode } from '@dom0less/multiboot';
/** One terminal for the consoles of all domains and Xen's, as Xen has it (xen/drivers/char/console.c, vpl011.c). */
import { ByteBatch } from './byte-batch.ts';
import { pressDebugKey } from './debug-keys.ts';
import { LineBuffer } from './line-buffer.ts';
import { NEWLINE, type Newlines, Screen } from './screen.ts';
import { type ConsoleClock, formatTimestamp } from './timestamps.ts';
import type { XenState } from './xen-state.ts';

/** Who gets what is typed: a domain, by its id, or Xen, whose debug keys the characters then are. */
export type ConsoleFocus = number | 'xen';

/**
 * How the domain in focus is shown. `xen`: each byte as it comes, `(XEN) ` at line starts, as Xen does. `raw`: its bytes
 * alone. `lines`: as the domains that are not in focus.
 */
export type FocusedStyle = 'xen' | 'raw' | 'lines';

export interface ConsoleMuxDomain {
  readonly id: number;
  /** True: it has a vpl011, so it takes input and can have the focus. */
  readonly hasConsole: boolean;
}

export interface ConsoleMuxOptions {
  /** All domains that live, in the order in which they get the focus. */
  readonly domains: readonly ConsoleMuxDomain[];
  /** Takes what the terminal is to show, in pieces of at most 4 KiB; may keep them. */
  readonly write: (bytes: Uint8Array) => void;
  /** Takes input for a domain, in pieces of at most 4 KiB; may keep them. */
  readonly deliver: (domain: number, bytes: Uint8Array) => void;
  /** Value of Xen's option of that name, see `parseConswitch`. Default `a`. */
  readonly conswitch?: string;
  /** Default: no timestamps. */
  readonly timestamps?: { readonly mode: TimestampMode; readonly clock: ConsoleClock };
  /** Default `xen`. */
  readonly focused?: FocusedStyle;
  /** A line of another source begins on a new line, also within a line of the domain in focus. Default: unless `xen`. */
  readonly freshLines?: boolean;
  /** Default `verbatim`. */
  readonly newlines?: Newlines;
  /** How much of the newest text the key `w` shows, in bytes. Default 16 KiB, as Xen's ring. */
  readonly ringBytes?: number;
  /** What debug keys show. Without it there are only those that need nothing. */
  readonly state?: () => XenState;
  /** What the key `R` does. Without it there is no such key. */
  readonly reboot?: () => void;
}

const SWITCH_COUNT = 3;
const RING_BYTES = 16 * 1024;

interface Port {
  readonly id: number;
  readonly hasConsole: boolean;
  readonly line: LineBuffer;
  live: boolean;
}

/**
 * Merges what domains and Xen write for one terminal, and hands what is typed there to whom it is for. How bytes are cut
 * into calls changes nothing. It keeps at most a line of each domain, and the ring.
 */
export class ConsoleMux {
  readonly #options: ConsoleMuxOptions;
  readonly #conswitch: Conswitch;
  readonly #ports: ReadonlyMap<number, Port>;
  readonly #screen: Screen;
  readonly #style: FocusedStyle;
  readonly #freshLines: boolean;
  readonly #input = new ByteBatch((bytes) => this.#deliver(bytes));
  #focus: ConsoleFocus;
  /** Switch characters that are held back. */
  #switchCount = 0;
  /** The domain in focus is within a line that it began since it has the focus. */
  #lineOpen = false;

  constructor(options: ConsoleMuxOptions) {
    const { domains, focused = 'xen', newlines = 'verbatim', ringBytes = RING_BYTES, timestamps, write } = options;
    const timestamp = timestamps ? () => formatTimestamp(timestamps.mode, timestamps.clock) : () => '';
    this.#options = options;
    this.#conswitch = parseConswitch(options.conswitch ?? 'a');
    this.#ports = new Map(
      domains.map(({ id, hasConsole }) => [id, { id, hasConsole, line: new LineBuffer(), live: true }]),
    );
    this.#screen = new Screen({ newlines, ringBytes, timestamp, write });
    this.#style = focused;
    this.#freshLines = options.freshLines ?? focused !== 'xen';
    this.#focus = this.#conswitch.startAtXen ? 'xen' : this.#after('xen');
  }

  /** Who gets what is typed now. */
  get focus(): ConsoleFocus {
    return this.#focus;
  }

  /** The newest text, as `w` shows it. */
  get recentText(): Uint8Array {
    return this.#screen.ring;
  }

  /** Prints the `*** Serial input to …` line, as Xen does when it has booted. */
  announceFocus(): void {
    this.#printFocus();
    this.#screen.flush();
  }

  /** Takes what was typed. */
  input(bytes: Uint8Array): void {
    const { code } = this.#conswitch;
    for (const byte of bytes) {
      if (byte === code) {
        if (++this.#switchCount === SWITCH_COUNT) this.#switch();
        continue;
      }
      for (; this.#switchCount > 0; this.#switchCount--) this.#type(code!);
      this.#type(byte);
    }
    this.#input.flush();
    this.#screen.flush();
  }

  /** Takes what a domain wrote to its UART. */
  output(domain: number, bytes: Uint8Array): void {
    const port = this.#port(domain);
    for (const byte of bytes) this.#show(port, byte);
    this.#screen.flush();
  }

  /** Prints a line of Xen's, given without newline; `(XEN) ` in front of it is not doubled. */
  log(line: string): void {
    for (const part of line.split('\n')) this.#print(part.replace(/^\(XEN\) ?/, ''));
    this.#screen.flush();
  }

  /** The domain runs no more: shows the rest of its last line; its focus moves on, with the line that says so. */
  domainEnded(domain: number): void {
    const port = this.#port(domain);
    if (!port.live) return;
    port.live = false;
    this.#flushLine(port);
    if (this.#focus === domain) this.#moveFocus();
    this.#screen.flush();
  }

  /** Shows what is held back of domains' lines, each as a line of its own. */
  flushLines(): void {
    for (const port of this.#ports.values()) this.#flushLine(port);
    this.#screen.flush();
  }

  /** Begins a new line unless the terminal is at the start of one. */
  endLine(): void {
    this.#beginLine(true);
    this.#screen.flush();
  }

  #port(domain: number): Port {
    const port = this.#ports.get(domain);
    if (port === undefined) throw new RangeError(`the console has no domain ${domain}`);
    return port;
  }

  /** Who comes after `focus` in the rotation: the next domain that lives and has a console, after the last one Xen. */
  #after(focus: ConsoleFocus): ConsoleFocus {
    const ports = [...this.#ports.values()];
    const at = ports.findIndex(({ id }) => id === focus);
    return ports.slice(at + 1).find(({ live, hasConsole }) => live && hasConsole)?.id ?? 'xen';
  }

  #switch(): void {
    this.#switchCount = 0;
    this.#input.flush();
    this.#moveFocus();
  }

  #moveFocus(): void {
    this.#focus = this.#after(this.#focus);
    this.#printFocus();
    this.#lineOpen = false;
    // Xen's line starts let text wait for the domain's next byte; a raw domain's prompt is of use only at once.
    if (this.#style === 'raw' && this.#focus !== 'xen') this.#screen.putAll(this.#port(this.#focus).line.take());
  }

  #printFocus(): void {
    const { code, letter } = this.#conswitch;
    const receiver = this.#focus === 'xen' ? 'Xen' : `DOM${this.#focus}`;
    const hint = code === undefined ? '' : ` (type 'CTRL-${letter}' three times to switch input)`;
    this.#print(`*** Serial input to ${receiver}${hint}`);
  }

  #type(byte: number): void {
    if (this.#focus === 'xen') this.#press(byte);
    else this.#input.push(byte);
  }

  #deliver(bytes: Uint8Array): void {
    if (this.#focus !== 'xen') this.#options.deliver(this.#focus, bytes);
  }

  #press(byte: number): void {
    const { state, reboot } = this.#options;
    pressDebugKey(byte, {
      print: (line) => this.#print(line),
      showRing: () => this.#screen.showRing(),
      state,
      reboot: reboot && (() => this.#reboot(reboot)),
    });
  }

  #reboot(reboot: () => void): void {
    this.#screen.flush();
    reboot();
  }

  #show(port: Port, byte: number): void {
    if (port.id !== this.#focus || this.#style === 'lines') this.#showInLines(port, byte);
    else if (this.#style === 'raw') this.#screen.put(byte);
    else this.#showAsXen(port, byte);
  }

  #showInLines(port: Port, byte: number): void {
    const { line } = port;
    line.push(byte);
    if (byte === NEWLINE) this.#printLine(port, line.take());
    else if (line.full) this.#printLine(port, line.take(line.unfinished));
  }

  /** Text from before the domain had the focus is shown with the first byte since, and gets a newline. */
  #showAsXen({ line }: Port, byte: number): void {
    if (line.length > 0) {
      line.push(byte);
      if (line.unfinished > 0) return;
      this.#beginLine(this.#freshLines);
      this.#screen.putPrefix();
      this.#putLine(line.take());
      return;
    }
    if (!this.#lineOpen) this.#screen.putPrefix();
    this.#screen.put(byte);
    this.#lineOpen = byte !== NEWLINE;
  }

  #flushLine(port: Port): void {
    if (port.line.length > 0) this.#printLine(port, port.line.take());
  }

  #printLine({ id }: Port, text: Uint8Array): void {
    this.#beginLine(this.#freshLines);
    this.#screen.putPrefix();
    this.#screen.putText(`DOM${id}: `);
    this.#putLine(text);
  }

  /** Prints a line of Xen's. */
  #print(text: string): void {
    this.#beginLine(this.#freshLines);
    this.#screen.putPrefix();
    this.#screen.putText(`${text}\n`);
  }

  #putLine(text: Uint8Array): void {
    this.#screen.putAll(text);
    if (text.at(-1) !== NEWLINE) this.#screen.put(NEWLINE);
  }

  #beginLine(fresh: boolean): void {
    if (!fresh || !this.#screen.midLine) return;
    this.#screen.put(NEWLINE);
    this.#lineOpen = false;
  }
}
