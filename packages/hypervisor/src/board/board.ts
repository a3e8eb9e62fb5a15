/** The board as its embedder's main thread sees it. */
import { BLOCK_BYTES, compileCore, stateOffset } from '@dom0less/arm64-cpu';
import type { BootPlan } from '@dom0less/multiboot';
import { type EventRecord, readEvents } from '../console/event-ring.ts';
import { Ring } from '../console/ring.ts';
import { CONTROL, EVENT_RING_BYTES, INPUT_RING_BYTES, OUTPUT_RING_BYTES } from '../memory/layout.ts';
import type { PcpuInit } from '../pcpu/init.ts';
import type { BoardDiagnostic } from './diagnostic.ts';
import type { BoardEvent, BoardSummary, DomainInfo } from './events.ts';
import { InputQueue } from './input-queue.ts';
import { DomainLives } from './lives.ts';
import { type BoardOptions, type BuiltBoard, buildBoard } from './prepare.ts';

/** What {@link Board.prepare} made: a board if at least one domain can run, and everything it found. */
export interface PreparedBoard {
  readonly plan: BootPlan;
  readonly board?: Board;
  readonly diagnostics: readonly BoardDiagnostic[];
}

/** The main thread's ends of a domain's rings. */
interface Port {
  readonly id: number;
  readonly output: Ring;
  readonly input: InputQueue;
}

const afterTimeout = (ms: number, callback: () => void): void => void setTimeout(callback, ms);

const INSTRUCTIONS = stateOffset('instructions');

/**
 * Domains in memory, ready for pCPUs to run. Each of the `pcpus` wants a thread that calls
 * `runPcpu(board.pcpuInit(n), signals)`, at once or when `pcpuUsed(n)` says so, and a call of `pump` here after each of its `notify`.
 */
export class Board {
  /** Settles when no domain runs any more, or at `stop`. */
  readonly done: Promise<BoardSummary>;
  readonly pcpus: number;
  readonly #built: BuiltBoard;
  readonly #sharesCore: boolean;
  readonly #lives: DomainLives;
  readonly #ports: readonly Port[];
  readonly #events: Ring;
  readonly #listeners = new Set<(event: BoardEvent) => void>();
  /** What has come and was not acted on: in deterministic mode only while the pCPUs stand still. */
  #unheard: { readonly outputs: { id: number; bytes: Uint8Array }[]; readonly records: EventRecord[] } = {
    outputs: [],
    records: [],
  };
  /** In deterministic mode: what is to be done when the counter is at `due`. */
  #calls: { readonly due: number; readonly callback: () => void }[] = [];
  /** Events that nobody has heard. */
  #backlog: BoardEvent[] = [];
  #settle: (summary: BoardSummary) => void = () => {};

  /**
   * Reads the tree, builds every domain that can be built, and leaves the others as they are, with a diagnostic each.
   *
   * Content never throws: what is wrong with tree, images or sizes is in `diagnostics`. Without an error of the board
   * and with at least one domain there is a `board`. Throws RangeError if the host can't give memory at all.
   */
  static prepare(options: BoardOptions): PreparedBoard {
    const { plan, diagnostics, built } = buildBoard(options);
    return built === undefined ? { plan, diagnostics } : { plan, diagnostics, board: new Board(built, options) };
  }

  private constructor(built: BuiltBoard, { after = afterTimeout, sharesCore = true }: BoardOptions) {
    const { memory, domains } = built;
    const { buffer } = built.wasmMemory;
    this.#built = built;
    this.pcpus = memory.layout.pcpus.length;
    this.#sharesCore = sharesCore;
    this.#events = new Ring(buffer, memory.layout.events, EVENT_RING_BYTES);
    this.#ports = domains.map(({ id, layout }) => ({
      id,
      output: new Ring(buffer, layout.output, OUTPUT_RING_BYTES),
      input: new InputQueue(new Ring(buffer, layout.input, INPUT_RING_BYTES)),
    }));
    this.done = new Promise((resolve) => {
      this.#settle = resolve;
    });
    for (const line of built.log) this.#emit({ type: 'log', line });
    const later = built.deterministic ? this.#callLater : after;
    this.#setActDue();
    this.#lives = new DomainLives(built, { emit: (event) => this.#emit(event), after: later });
    this.#lives.begin();
  }

  /** All domains of the plan, failed ones too, in tree order. */
  get domains(): readonly DomainInfo[] {
    return this.#lives.infos;
  }

  /**
   * Settles when pCPU `pcpu` first has something to run: it needs no thread before. It may never do so. At once where the
   * runtime has no Atomics.waitAsync.
   */
  pcpuUsed(pcpu: number): Promise<void> {
    return this.#built.memory.used(pcpu);
  }

  /** What the thread of pCPU `pcpu` needs; can be posted. */
  pcpuInit(pcpu: number): PcpuInit {
    const { wasmMemory, memory, domains, pools, counterFrequency, counterEpoch, logsGuests, seed } = this.#built;
    const core = this.#sharesCore ? compileCore() : undefined;
    const shared = { memory: wasmMemory, core, layout: memory.layout };
    return { pcpu, ...shared, domains, pools, counterFrequency, counterEpoch, logsGuests, seed };
  }

  /** Has `listener` called for each event from now on, and at once for those that nobody has heard. Gives the way out. */
  subscribe(listener: (event: BoardEvent) => void): () => void {
    this.#listeners.add(listener);
    const unheard = this.#backlog;
    this.#backlog = [];
    for (const event of unheard) listener(event);
    return () => this.#listeners.delete(listener);
  }

  /** Takes what the pCPUs have left for the board, tells the listeners, and lets waiting input go on. */
  pump(): void {
    const { memory } = this.#built;
    memory.setControl(CONTROL.NOTIFIED, 0);
    // Read first: what was left before the pCPUs stood still is in the rings then.
    const isWaited = memory.control(CONTROL.ACT) !== 0;
    // Read first: what a domain wrote before its end is then in its ring, and is told before its end is.
    this.#unheard.records.push(...readEvents(this.#events));
    let wake = memory.setControl(CONTROL.WANTS_ROOM, 0) !== 0;
    for (const { id, output, input } of this.#ports) {
      const bytes = output.drain();
      if (bytes.length > 0) {
        this.#emit({ type: 'console', domain: id, bytes });
        this.#unheard.outputs.push({ id, bytes });
      }
      wake = input.refill() || wake;
    }
    if (wake) memory.callAttention();
    if (isWaited || !this.#built.deterministic || memory.control(CONTROL.STOP) !== 0) this.#act();
    else this.#hearLog();
    if (isWaited) memory.letGoOn();
    if (!this.#lives.any) this.#settle({ domains: this.domains });
  }

  /** Sends input to a domain's UART. Any amount: it waits on the host until the guest takes it. */
  input(domain: number, bytes: Uint8Array): void {
    const port = this.#ports.find(({ id }) => id === domain);
    const console = this.#built.domains.find(({ id }) => id === domain)?.console;
    if (port === undefined || this.#lives.stateOf(domain) !== 'running' || console !== true) return;
    port.input.add(bytes);
    if (port.input.refill()) this.#built.memory.callAttention();
  }

  /** Bytes of RAM that are backed: blocks of 2 MiB in which something was written or loaded. */
  get backedBytes(): number {
    return this.#built.memory.blocksUsed * BLOCK_BYTES;
  }

  /** Instructions that each vCPU of domain `domain` has executed so far; none if there is no such domain. */
  instructions(domain: number): bigint[] {
    const { domains, memory } = this.#built;
    const layout = domains.find(({ id }) => id === domain)?.layout;
    return (layout?.vcpus ?? []).map(({ state }) => memory.view.getBigUint64(state + INSTRUCTIONS, true));
  }

  /** Bytes of input that domain `domain` has not taken yet. */
  inputPending(domain: number): number {
    return this.#ports.find(({ id }) => id === domain)?.input.length ?? 0;
  }

  /** Makes all pCPUs leave at their next slice end, whatever their domains do, and settles `done`. */
  stop(): void {
    const { memory } = this.#built;
    this.#lives.stop();
    memory.setControl(CONTROL.STOP, 1);
    memory.callAttention();
    memory.wakeAll();
    this.pump();
    this.#settle({ domains: this.domains });
  }

  /** Does what follows from what has come, and what is due. */
  #act(): void {
    const { outputs, records } = this.#unheard;
    this.#unheard = { outputs: [], records: [] };
    for (const { id, bytes } of outputs) this.#lives.output(id, bytes);
    for (const record of records) this.#hear(record);
    const now = this.#built.clock().value;
    const isDue = ({ due }: { due: number }): boolean => due <= now;
    for (let next = this.#calls.find(isDue); next !== undefined; next = this.#calls.find(isDue)) {
      this.#calls.splice(this.#calls.indexOf(next), 1);
      next.callback();
    }
    this.#setActDue();
  }

  /** Lines of the log need not wait for the end of a domain, unless that came before. */
  #hearLog(): void {
    const { records } = this.#unheard;
    while (records[0]?.kind === 'log') this.#hear(records.shift()!);
  }

  readonly #callLater = (ms: number, callback: () => void): void => {
    const { value, frequency } = this.#built.clock();
    this.#calls.push({ due: value + (ms * frequency) / 1000, callback });
  };

  #setActDue(): void {
    const { doubles, layout } = this.#built.memory;
    doubles[(layout.control + CONTROL.ACT_DUE) / 8] = Math.min(Infinity, ...this.#calls.map(({ due }) => due));
  }

  #hear(record: EventRecord): void {
    if (record.kind === 'log') {
      this.#emit({ type: 'log', line: record.text });
      return;
    }
    this.#ports.find(({ id }) => id === record.domain)?.input.clear();
    this.#lives.ended(record.domain, record.state, record.text);
  }

  #emit(event: BoardEvent): void {
    if (this.#listeners.size === 0) this.#backlog.push(event);
    for (const listener of this.#listeners) listener(event);
  }
}
