/** A process and a board that tests script: streams that keep what is written, and domains that do as they are told. */
import { PassThrough, Writable } from 'node:stream';
import type { Board, BoardEvent, BoardOptions, DomainInfo, DomainState, PcpuInit } from '@dom0less/hypervisor';
import { parseBootPlan } from '@dom0less/multiboot';
import type { CliIo, EndSignal } from '../src/io.ts';

/** A stream that keeps what is written; while `blocked` it takes nothing, as a pipe that nobody reads. */
export class Sink extends Writable {
  readonly chunks: Buffer[] = [];
  readonly isTTY: boolean;
  blocked = false;
  #release: (() => void) | undefined;

  constructor(isTTY: boolean) {
    super({ highWaterMark: 1024 });
    this.isTTY = isTTY;
  }

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.chunks.push(chunk);
    if (this.blocked) this.#release = done;
    else done();
  }

  unblock(): void {
    this.blocked = false;
    this.#release?.();
  }

  get bytes(): Buffer {
    return Buffer.concat(this.chunks);
  }

  get text(): string {
    return this.bytes.toString('latin1');
  }
}

class Keyboard extends PassThrough {
  readonly isTTY: boolean;
  readonly modes: boolean[] = [];

  constructor(isTTY: boolean) {
    super();
    this.isTTY = isTTY;
  }

  setRawMode(raw: boolean): void {
    this.modes.push(raw);
  }

  get raw(): boolean {
    return this.modes.at(-1) ?? false;
  }
}

/** A board whose domains do what a test says. Domains are those of the tree. */
export class FakeBoard {
  readonly pcpus = 1;
  domains: DomainInfo[];
  readonly options: BoardOptions;
  readonly inputs: { domain: number; text: string }[] = [];
  pumps = 0;
  pending = 0;
  stopped = false;
  notify: () => void = () => {};
  failThread: (error: Error) => void = () => {};
  leave: () => void = () => {};
  #settle: () => void = () => {};
  readonly done = new Promise<{ domains: readonly DomainInfo[] }>((resolve) => {
    this.#settle = () => resolve({ domains: this.domains });
  });
  readonly #events: BoardEvent[] = [];
  #listener: (event: BoardEvent) => void = () => {};

  constructor(options: BoardOptions) {
    this.options = options;
    this.domains = parseBootPlan(options.tree).plan.domains.map((domain) => ({
      id: domain.id,
      name: domain.name,
      nodeName: domain.nodeName,
      state: domain.valid ? 'running' : 'failed',
      restarts: 0,
      cpus: domain.cpus,
      memoryKiB: domain.memoryKiB,
      console: domain.vpl011,
    }));
  }

  instructions(): bigint[] {
    return [];
  }

  readonly backedBytes = 2 ** 21;

  async pcpuUsed(): Promise<void> {}

  pcpuInit(): PcpuInit {
    return {} as PcpuInit;
  }

  subscribe(listener: (event: BoardEvent) => void): () => void {
    this.#listener = listener;
    return () => {
      this.#listener = () => {};
    };
  }

  pump(): void {
    this.pumps++;
    for (const event of this.#events.splice(0)) this.#listener(event);
    if (this.domains.every(({ state }) => state !== 'running')) this.#settle();
  }

  input(domain: number, bytes: Uint8Array): void {
    this.inputs.push({ domain, text: Buffer.from(bytes).toString('latin1') });
  }

  inputPending(): number {
    return this.pending;
  }

  stop(): void {
    this.stopped = true;
    this.leave();
  }

  /** The domain writes; it is in its ring until the next pump. */
  write(domain: number, text: string): void {
    this.#events.push({ type: 'console', domain, bytes: Buffer.from(text, 'latin1') });
  }

  log(line: string): void {
    this.#events.push({ type: 'log', line });
  }

  end(id: number, state: DomainState, reason?: string): void {
    const because = reason === undefined ? {} : { reason };
    this.domains = this.domains.map((one) => (one.id === id ? { ...one, state, ...because } : one));
    const { name } = this.domains.find((one) => one.id === id)!;
    this.#events.push({ type: 'domain', domain: id, name, state, ...because });
  }
}

/** What the script of a test does with a board that runs. */
export type Script = (board: FakeBoard, io: FakeIo) => void | Promise<void>;

export interface FakeIo extends CliIo {
  readonly stdin: Keyboard;
  readonly stdout: Sink;
  readonly stderr: Sink;
  signal(signal: EndSignal): void;
  /** Calls what was to be called at the end of the process. */
  exit(): void;
  /** Boards that were made. */
  readonly boards: FakeBoard[];
}

/** A process whose boards run `script` once their pCPU was started. */
export function fakeIo(options: { tty?: boolean; env?: CliIo['env']; script?: Script } = {}): FakeIo {
  const signals = new Set<(signal: EndSignal) => void>();
  const exits = new Set<() => void>();
  const boards: FakeBoard[] = [];
  const listen = <T>(set: Set<T>, listener: T): (() => void) => {
    set.add(listener);
    return () => set.delete(listener);
  };
  const tty = options.tty ?? false;
  const io: FakeIo = {
    stdin: new Keyboard(tty),
    stdout: new Sink(tty),
    stderr: new Sink(tty),
    env: options.env ?? {},
    osRelease: '/nonexistent',
    boards,
    onSignal: (listener) => listen(signals, listener),
    onExit: (listener) => listen(exits, listener),
    onContinue: () => () => {},
    signal: (signal) => {
      for (const listener of signals) listener(signal);
    },
    exit: () => {
      for (const listener of exits) listener();
    },
    prepareBoard: (boardOptions) => {
      const { plan, diagnostics } = parseBootPlan(boardOptions.tree);
      const refused = boardOptions.strict === true && diagnostics.some(({ severity }) => severity === 'error');
      if (refused || !plan.domains.some(({ valid }) => valid)) return { plan, diagnostics };
      const board = new FakeBoard(boardOptions);
      boards.push(board);
      return { plan, diagnostics, board: board as unknown as Board };
    },
    hostCpus: 1,
    startPcpu: (_work, notify) => {
      const board = boards.at(-1)!;
      board.notify = notify;
      const exited = new Promise<void>((resolve, reject) => {
        board.leave = resolve;
        board.failThread = reject;
      });
      setImmediate(() => void options.script?.(board, io));
      return { exited, terminate: async () => board.leave() };
    },
  };
  return io;
}
