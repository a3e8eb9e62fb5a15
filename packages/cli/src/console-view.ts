import { type ConsoleClock, ConsoleMux, type FocusedStyle, type XenState } from '@dom0less/hypervisor';
import type { XenOptions } from '@dom0less/multiboot';

/** How a person, or whoever reads stdout, sees the consoles, and who gets what is typed. */
export interface ConsoleView {
  /** The domain that gets input now; undefined if it is none. */
  readonly focus: number | undefined;
  /** Says who gets input. */
  announceFocus(): void;
  input(bytes: Uint8Array): void;
  output(domain: number, bytes: Uint8Array): void;
  /** Shows a line of Xen's; false if it has no place here. */
  log(line: string): boolean;
  domainEnded(domain: number): void;
  /** Begins a new line unless the output is at the start of one. */
  endLine(): void;
  /** Shows what is held back; nothing more will come. */
  finish(): void;
}

/** What a view shows, and where to. */
export interface ConsoleViewOptions {
  /** Ids of the domains that have a console and live. */
  readonly domains: readonly number[];
  /** A person sits there: at a terminal with a keyboard. */
  readonly interactive: boolean;
  /** The domain in focus is shown as it writes, without `(XEN) `. */
  readonly raw: boolean;
  /** What Xen's command line says of the console. */
  readonly xen: Pick<XenOptions, 'conswitch' | 'timestamps'>;
  readonly clock: ConsoleClock;
  readonly state: () => XenState;
  show(bytes: Uint8Array): void;
  deliver(domain: number, bytes: Uint8Array): void;
}

/** The console of the only domain that has one: its bytes as they are, both ways. */
class DirectView implements ConsoleView {
  readonly #options: ConsoleViewOptions;
  focus: number | undefined;

  constructor(options: ConsoleViewOptions) {
    this.#options = options;
    this.focus = options.domains[0];
  }

  announceFocus(): void {}

  input(bytes: Uint8Array): void {
    if (this.focus !== undefined) this.#options.deliver(this.focus, bytes);
  }

  output(_domain: number, bytes: Uint8Array): void {
    this.#options.show(bytes);
  }

  log(): boolean {
    return false;
  }

  domainEnded(): void {
    this.focus = undefined;
  }

  endLine(): void {}

  finish(): void {}
}

/** Xen's serial line: all consoles and Xen's own. */
class SerialView implements ConsoleView {
  readonly #mux: ConsoleMux;

  constructor({ domains, interactive, raw, xen, clock, state, show, deliver }: ConsoleViewOptions) {
    const alone: FocusedStyle = raw || domains.length === 1 ? 'raw' : 'xen';
    this.#mux = new ConsoleMux({
      domains: domains.map((id) => ({ id, hasConsole: true })),
      write: show,
      deliver,
      ...(xen.conswitch === undefined ? {} : { conswitch: xen.conswitch }),
      timestamps: { mode: xen.timestamps, clock },
      focused: interactive ? alone : 'lines',
      // A terminal puts the carriage returns itself, in raw mode too.
      newlines: interactive ? 'verbatim' : 'plain',
      state,
    });
  }

  get focus(): number | undefined {
    const { focus } = this.#mux;
    return focus === 'xen' ? undefined : focus;
  }

  announceFocus(): void {
    this.#mux.announceFocus();
  }

  input(bytes: Uint8Array): void {
    this.#mux.input(bytes);
  }

  output(domain: number, bytes: Uint8Array): void {
    this.#mux.output(domain, bytes);
  }

  log(line: string): boolean {
    this.#mux.log(line);
    return true;
  }

  domainEnded(domain: number): void {
    this.#mux.domainEnded(domain);
  }

  endLine(): void {
    this.#mux.endLine();
  }

  finish(): void {
    this.#mux.flushLines();
    this.#mux.endLine();
  }
}

/** A single domain in a pipe is its bytes alone; all else is Xen's serial line. */
export const makeConsoleView = (options: ConsoleViewOptions): ConsoleView =>
  options.domains.length <= 1 && !options.interactive ? new DirectView(options) : new SerialView(options);
