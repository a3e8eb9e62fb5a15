import type { CliIo, Output as Stream } from './io.ts';
import { type JsonEvent, jsonLine } from './json-events.ts';

/**
 * stdout for consoles, or with `json` for events, and stderr for everything else, which may be one terminal. With `json`
 * consoles are shown on stderr, and only if that is a terminal.
 */
export class Output {
  readonly #io: CliIo;
  readonly #json: boolean;
  /** Where consoles are shown. */
  readonly #screen: Stream | undefined;
  #room = true;
  #closed = false;
  /** Has the consoles begin a new line. */
  endLine: () => void = () => {};

  constructor(io: CliIo, { json }: { readonly json: boolean }) {
    this.#io = io;
    this.#json = json;
    if (!json) this.#screen = io.stdout;
    else this.#screen = io.stderr.isTTY === true ? io.stderr : undefined;
  }

  /** True if consoles are shown at a terminal. */
  get terminal(): boolean {
    return this.#screen?.isTTY === true;
  }

  /** False while stdout holds as much as it wants to; what is shown meanwhile is kept all the same. */
  get hasRoom(): boolean {
    return this.#room;
  }

  /** Console output for people. */
  show(bytes: Uint8Array): void {
    if (bytes.length === 0 || this.#screen === undefined) return;
    if (this.#screen === this.#io.stdout) this.#write(bytes);
    else this.#screen.write(bytes);
  }

  /** A line for programs. */
  emit(event: JsonEvent): void {
    if (this.#json) this.#write(jsonLine(event));
  }

  /** A line of ours. */
  note(line: string): void {
    if (this.terminal && this.#io.stderr.isTTY) this.endLine();
    this.#io.stderr.write(`${line}\n`);
  }

  /** A line of ours that a person at the keyboard has to see: on stderr, unless only stdout is a terminal. */
  announce(line: string): void {
    if (this.terminal && !this.#io.stderr.isTTY) this.show(new TextEncoder().encode(`${line}\n`));
    else this.note(line);
  }

  #write(data: Uint8Array | string): void {
    if (!this.#closed) this.#room = this.#io.stdout.write(data) && this.#room;
  }

  /** Has `listener` called whenever there is room again. Gives a way out. */
  onRoom(listener: () => void): () => void {
    const onDrain = (): void => {
      this.#room = true;
      listener();
    };
    this.#io.stdout.on('drain', onDrain);
    return () => this.#io.stdout.off('drain', onDrain);
  }

  /** Has `listener` called when stdout takes nothing more, e.g. because the pipe's reader has left. Gives a way out. */
  onClosed(listener: () => void): () => void {
    const onError = (): void => {
      this.#closed = true;
      this.#room = true;
      listener();
    };
    this.#io.stdout.on('error', onError);
    return () => this.#io.stdout.off('error', onError);
  }
}
