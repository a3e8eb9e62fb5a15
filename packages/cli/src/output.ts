import type { ConsoleView } from './console-view.ts';
import type { CliIo } from './io.ts';

/** stdout for consoles and stderr for everything else, which may be one terminal. */
export class Output {
  readonly #io: CliIo;
  readonly #view: ConsoleView;
  #room = true;
  #closed = false;

  constructor(io: CliIo, view: ConsoleView) {
    this.#io = io;
    this.#view = view;
  }

  /** False while stdout holds as much as it wants to; what is shown meanwhile is kept all the same. */
  get hasRoom(): boolean {
    return this.#room;
  }

  /** Console output. */
  show(bytes: Uint8Array): void {
    if (bytes.length > 0 && !this.#closed) this.#room = this.#io.stdout.write(bytes) && this.#room;
  }

  /** A line of ours. */
  note(line: string): void {
    if (this.#io.stdout.isTTY && this.#io.stderr.isTTY) this.show(this.#view.endLine());
    this.#io.stderr.write(`${line}\n`);
  }

  /** A line of ours that a person at the keyboard has to see: on stderr, unless only stdout is a terminal. */
  announce(line: string): void {
    if (this.#io.stdout.isTTY && !this.#io.stderr.isTTY) this.show(new TextEncoder().encode(`${line}\n`));
    else this.note(line);
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
