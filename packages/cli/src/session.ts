import type { Board, BoardEvent, DomainEvent, DomainInfo } from '@dom0less/hypervisor';
import type { ConsoleLogs } from './console-logs.ts';
import { ConsoleView } from './console-view.ts';
import { EXIT } from './errors.ts';
import { ExpectMatcher } from './expect-matcher.ts';
import { InputKeys } from './input-keys.ts';
import { type CliIo, type EndSignal, SIGNALS } from './io.ts';
import type { Expectation } from './option-values.ts';
import { Output } from './output.ts';
import type { PcpuThread } from './pcpu-thread.ts';
import { Terminal } from './terminal.ts';

/** What is asked of a session. */
export interface SessionOptions {
  /** `domain` is a node name with unit address. */
  readonly expectations: readonly Expectation[];
  readonly logs?: ConsoleLogs | undefined;
  /** In seconds. */
  readonly timeout?: number | undefined;
}

/** Why a session ends. */
type End =
  | { readonly why: 'domains' | 'met' | 'quit' | 'timeout' | 'output-closed' }
  | { readonly why: 'unreachable'; readonly domain: string }
  | { readonly why: 'signal'; readonly signal: EndSignal };

/** Above this much input that waits for the guest, stdin is left alone. */
const INPUT_LIMIT = 2 ** 20;
/** How long threads may take to leave by themselves, in ms. */
const LEAVE_MS = 2000;

const STATES: Readonly<Record<DomainInfo['state'], string>> = {
  failed: 'could not be started',
  running: 'runs',
  poweroff: 'powered off',
  reboot: 'asked for a reboot, which nobody does; it is off',
  crashed: 'crashed',
};

/** Runs a prepared board: threads, consoles, keyboard, expectations, timeout. Used once. */
class Session {
  readonly #board: Board;
  readonly #io: CliIo;
  readonly #options: SessionOptions;
  readonly #terminal: Terminal;
  readonly #output: Output;
  readonly #consoles: readonly DomainInfo[];
  readonly #view: ConsoleView;
  readonly #keys: InputKeys;
  readonly #matcher: ExpectMatcher;
  readonly #undo: (() => void)[] = [];
  readonly #ended: Promise<End>;
  #end: (end: End) => void = () => {};
  #fail: (error: unknown) => void = () => {};
  #focus: number | undefined;
  #inputPaused = false;

  constructor(board: Board, io: CliIo, options: SessionOptions) {
    this.#board = board;
    this.#io = io;
    this.#options = options;
    this.#terminal = new Terminal(io);
    this.#consoles = board.domains.filter(({ console, state }) => console && state !== 'failed');
    const several = this.#consoles.length > 1;
    const interactive = this.#terminal.present && io.stdout.isTTY === true;
    this.#view = new ConsoleView({ domains: this.#consoles.map(({ id }) => id), interactive });
    this.#output = new Output(io, this.#view);
    this.#keys = new InputKeys({ quit: this.#terminal.present, switch: several });
    this.#matcher = new ExpectMatcher(options.expectations);
    this.#focus = this.#consoles[0]?.id;
    this.#ended = new Promise((resolve, reject) => {
      this.#end = resolve;
      this.#fail = reject;
    });
    // An error may come when nobody waits any more.
    this.#ended.catch(() => {});
  }

  /** Runs to the end; gives the exit code. What it throws is a bug, or an `InputError` of the logs. */
  async run(): Promise<number> {
    const threads: PcpuThread[] = [];
    try {
      this.#listen();
      this.#greet();
      for (let n = 0; n < this.#board.pcpus; n++) threads.push(this.#startPcpu(n));
      const end = await this.#ended;
      await this.#leave(threads);
      return this.#report(end);
    } finally {
      for (const undo of this.#undo.splice(0)) undo();
      this.#terminal.restore();
      await Promise.all(threads.map((thread) => thread.terminate()));
    }
  }

  #startPcpu(n: number): PcpuThread {
    const thread = this.#io.startPcpu(this.#board.pcpuInit(n), () => this.#pump());
    thread.exited.then(() => this.#pump(), this.#fail);
    return thread;
  }

  #listen(): void {
    const { stdin, onSignal } = this.#io;
    const { timeout } = this.#options;
    this.#undo.push(
      this.#board.subscribe((event) => this.#guard(() => this.#onEvent(event))),
      onSignal((signal) => this.#end({ why: 'signal', signal })),
      this.#output.onClosed(() => this.#end({ why: 'output-closed' })),
      this.#output.onRoom(() => this.#pump()),
      this.#listenTo(stdin),
    );
    this.#board.done.then(() => this.#end({ why: 'domains' }), this.#fail);
    if (timeout === undefined) return;
    const timer = setTimeout(() => this.#end({ why: 'timeout' }), timeout * 1000);
    this.#undo.push(() => clearTimeout(timer));
  }

  #listenTo(stdin: CliIo['stdin']): () => void {
    const onData = (bytes: Uint8Array): void => this.#guard(() => this.#onInput(bytes));
    const onError = (error: Error): void => this.#output.note(`dom0less: stdin can't be read: ${error.message}`);
    this.#terminal.raw();
    stdin.on('data', onData);
    stdin.on('error', onError);
    return () => {
      stdin.off('data', onData);
      stdin.off('error', onError);
      stdin.pause();
    };
  }

  #greet(): void {
    if (this.#terminal.present) this.#output.announce('dom0less: press Ctrl-] to quit');
    if (this.#consoles.length > 1) this.#noteFocus();
  }

  #noteFocus(): void {
    this.#output.note(`(XEN) *** Serial input to DOM${this.#focus} (type 'CTRL-a' three times to switch input)`);
  }

  /** An error in a callback ends the session instead of being lost. */
  #guard(action: () => void): void {
    try {
      action();
    } catch (error) {
      this.#fail(error);
    }
  }

  /** Takes what the board has; while stdout is full it stays in the rings, where it stops only the domain that wrote it. */
  #pump(): void {
    if (!this.#output.hasRoom) return;
    this.#guard(() => this.#board.pump());
    if (!this.#inputPaused || this.#inputPending() > INPUT_LIMIT / 2) return;
    this.#inputPaused = false;
    this.#io.stdin.resume();
  }

  #inputPending(): number {
    return this.#focus === undefined ? 0 : this.#board.inputPending(this.#focus);
  }

  #onEvent(event: BoardEvent): void {
    if (event.type === 'log') this.#output.note(event.line);
    else if (event.type === 'domain') this.#onDomain(event);
    else {
      const { nodeName } = this.#domain(event.domain);
      this.#options.logs?.write(nodeName, event.bytes);
      this.#output.show(this.#view.show(event.domain, event.bytes));
      this.#matcher.feed(nodeName, event.bytes);
      if (this.#matcher.met) this.#end({ why: 'met' });
    }
  }

  #domain(id: number): DomainInfo {
    const domain = this.#board.domains.find((one) => one.id === id);
    if (domain === undefined) throw new Error(`the board has no domain ${id}`);
    return domain;
  }

  #onDomain({ domain, name, state, reason }: DomainEvent): void {
    if (state === 'running') return;
    this.#output.show(this.#view.end(domain));
    this.#output.note(`dom0less: ${name} ${STATES[state]}${reason === undefined ? '' : `: ${reason}`}`);
    const { nodeName } = this.#domain(domain);
    if (this.#matcher.pending.some((one) => one.domain === nodeName)) this.#end({ why: 'unreachable', domain: name });
  }

  #onInput(bytes: Uint8Array): void {
    for (const event of this.#keys.feed(bytes)) {
      if (event.type === 'quit') this.#end({ why: 'quit' });
      else if (event.type === 'switch') this.#switchFocus();
      else this.#deliver(event.bytes);
    }
    if (this.#inputPending() < INPUT_LIMIT) return;
    this.#inputPaused = true;
    this.#io.stdin.pause();
  }

  #deliver(bytes: Uint8Array): void {
    if (this.#focus === undefined || this.#domain(this.#focus).state !== 'running') return;
    this.#board.input(this.#focus, bytes);
  }

  /** Moves the focus to the next domain that runs, in the order of their ids. */
  #switchFocus(): void {
    const order = this.#consoles.map(({ id }) => id);
    const at = order.indexOf(this.#focus ?? 0);
    const rotation = [...order.slice(at + 1), ...order.slice(0, at + 1)];
    const next = rotation.find((id) => this.#domain(id).state === 'running');
    if (next === undefined) return;
    this.#focus = next;
    this.#output.show(this.#view.focus(next));
    this.#noteFocus();
  }

  /** Has the threads leave, and takes the last that they wrote. */
  async #leave(threads: readonly PcpuThread[]): Promise<void> {
    this.#board.stop();
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, LEAVE_MS);
    });
    await Promise.race([Promise.all(threads.map((thread) => thread.exited)), late]);
    clearTimeout(timer);
    this.#board.pump();
    for (const { id } of this.#consoles) this.#output.show(this.#view.end(id));
    if (this.#io.stdout.isTTY) this.#output.show(this.#view.endLine());
  }

  #report(end: End): number {
    const pending = this.#matcher.pending;
    const note = (line: string): void => this.#output.note(`dom0less: ${line}`);
    if (end.why === 'met' || this.#matcher.met) return EXIT.done;
    if (end.why === 'signal') return 128 + SIGNALS[end.signal];
    if (end.why === 'timeout') note(`the timeout of ${this.#options.timeout} s is over`);
    if (end.why === 'output-closed') note('nobody reads our output any more');
    for (const { domain, regex } of pending) note(`${domain} did not show /${regex.source}/`);
    const broken = this.#board.domains.some(({ state }) => state === 'failed' || state === 'crashed');
    const failed = pending.length > 0 || broken || end.why === 'timeout' || end.why === 'output-closed';
    return failed ? EXIT.failed : EXIT.done;
  }
}

/**
 * Runs a prepared board until no domain is left, all expectations are met, or something ends it.
 *
 * @returns the exit code: 0 or 1, or 128 + number for a signal.
 */
export const runSession = (board: Board, io: CliIo, options: SessionOptions): Promise<number> =>
  new Session(board, io, options).run();
