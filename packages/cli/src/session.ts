import type { TranslationPack } from '@dom0less/arm64-cpu';
import { type Board, type BoardEvent, type DomainEvent, type DomainInfo, PanicDetector } from '@dom0less/hypervisor';
import type { BootPlan } from '@dom0less/multiboot';
import { BoardClock } from './board-clock.ts';
import type { ConsoleLogs } from './console-logs.ts';
import { type ConsoleView, makeConsoleView } from './console-view.ts';
import { EXIT } from './errors.ts';
import { ExpectMatcher } from './expect-matcher.ts';
import { type CliIo, type EndSignal, SIGNALS } from './io.ts';
import { boardEvent, instructionsEvent, memoryEvent, panicEvent } from './json-events.ts';
import type { Expectation } from './option-values.ts';
import { Output } from './output.ts';
import type { PcpuThread, PcpuWork } from './pcpu-thread.ts';
import type { Send } from './send-option.ts';
import { QUIT_KEY, Terminal } from './terminal.ts';
import { shareTranslations } from './translations/thread-exchange.ts';
import type { TranslationCache } from './translations/translation-cache.ts';
import { Typist } from './typist.ts';

/** What is asked of a session. */
export interface SessionOptions {
  readonly plan: BootPlan;
  /** `domain` is a node name with unit address; of `sends` too. */
  readonly expectations: readonly Expectation[];
  readonly sends: readonly Send[];
  readonly logs?: ConsoleLogs | undefined;
  /** In seconds. */
  readonly timeout?: number | undefined;
  /** stdout gets events, a JSON object a line. */
  readonly json: boolean;
  /** At a terminal the domain in focus is shown without `(XEN) `. */
  readonly raw: boolean;
  /** Time is the count of instructions; the board was prepared for it. */
  readonly deterministic: boolean;
  /** Keeps translations for other runs. */
  readonly translations?: TranslationCache | undefined;
}

/** Why a session ends. */
type End =
  | { readonly why: 'domains' | 'met' | 'quit' | 'timeout' | 'output-closed' }
  | { readonly why: 'unreachable'; readonly domain: string }
  | { readonly why: 'signal'; readonly signal: EndSignal };

/** Above this much input that waits for the guest, stdin is left alone. */
const INPUT_LIMIT = 2 ** 20;
/** How long the console of the last panicked domain must be silent before the session ends, in ms. */
const PANIC_SILENCE_MS = 1000;
/** At least so long lies between two looks at what pCPUs have, in ms: while they are busy, each look finds more. */
const PUMP_MS = 4;
/** How long threads may take to leave by themselves, in ms. */
const LEAVE_MS = 2000;

const STATES: Readonly<Record<DomainInfo['state'], string>> = {
  failed: 'could not be started',
  running: 'runs',
  poweroff: 'powered off',
  reboot: 'asked for a reboot, which nobody does; it is off',
  paused: 'waits to be started',
  crashed: 'crashed',
};

/** Ends of a domain that starts again. */
const ENDS: Readonly<Record<DomainInfo['state'], string>> = { ...STATES, reboot: 'reboots' };

/** Runs a prepared board: threads, consoles, keyboard, expectations, timeout. Used once. */
class Session {
  readonly #board: Board;
  readonly #io: CliIo;
  readonly #options: SessionOptions;
  readonly #terminal: Terminal;
  readonly #output: Output;
  readonly #consoles: readonly DomainInfo[];
  readonly #view: ConsoleView;
  readonly #clock: BoardClock;
  readonly #matcher: ExpectMatcher;
  readonly #typist: Typist;
  readonly #panics: Map<number, PanicDetector>;
  readonly #undo: (() => void)[] = [];
  readonly #ended: Promise<End>;
  #end: (end: End) => void = () => {};
  #fail: (error: unknown) => void = () => {};
  readonly #threads: PcpuThread[] = [];
  /** Translations that threads have been given: one that starts later gets them too. */
  readonly #packs: TranslationPack[] = [];
  /** No thread is started any more. */
  #over = false;
  #inputPaused = false;
  /** When the board was last pumped, and the next time if that is put off. */
  #pumped = Number.NEGATIVE_INFINITY;
  #pumpLater: NodeJS.Timeout | undefined;
  /** Runs while only panicked domains are left. */
  #silence: NodeJS.Timeout | undefined;

  constructor(board: Board, io: CliIo, options: SessionOptions) {
    this.#board = board;
    this.#io = io;
    this.#options = options;
    this.#terminal = new Terminal(io);
    this.#consoles = board.domains.filter(({ console, state }) => console && state !== 'failed');
    this.#panics = new Map(this.#consoles.map(({ id }) => [id, new PanicDetector()]));
    this.#clock = new BoardClock(options.plan.host.timerClockFrequency);
    this.#output = new Output(io, options);
    this.#view = this.#makeView();
    this.#output.endLine = () => this.#view.endLine();
    this.#matcher = new ExpectMatcher(options.expectations);
    this.#typist = new Typist(options.sends);
    this.#ended = new Promise((resolve, reject) => {
      this.#end = resolve;
      this.#fail = reject;
    });
    // An error may come when nobody waits any more.
    this.#ended.catch(() => {});
  }

  #makeView(): ConsoleView {
    const { plan, raw } = this.#options;
    return makeConsoleView({
      domains: this.#consoles.map(({ id }) => id),
      interactive: this.#terminal.present && this.#output.terminal,
      raw,
      xen: plan.xenOptions,
      clock: this.#clock,
      state: () => ({ nowNs: this.#clock.bootNs(), pcpus: this.#board.pcpus, domains: this.#board.domains }),
      show: (bytes) => this.#output.show(bytes),
      deliver: (domain, bytes) => this.#board.input(domain, bytes),
    });
  }

  /** Runs to the end; gives the exit code. What it throws is a bug, or an `InputError` of the logs. */
  async run(): Promise<number> {
    try {
      this.#listen();
      this.#greet();
      this.#startThreads();
      // Those that are used already get their work first.
      await new Promise((resolve) => setImmediate(resolve));
      this.#begun()
        .then(() => this.#loadTranslations())
        .catch(this.#fail);
      const end = await this.#ended;
      await this.#leave();
      const exitCode = this.#report(end);
      await this.#options.translations?.save();
      this.#io.keepCode?.();
      return exitCode;
    } finally {
      this.#over = true;
      clearTimeout(this.#silence);
      clearTimeout(this.#pumpLater);
      for (const undo of this.#undo.splice(0)) undo();
      this.#terminal.restore();
      await Promise.all(this.#threads.map((thread) => thread.terminate()));
    }
  }

  /** Starts a thread for each pCPU as soon as it has something to run, or in deterministic mode one for all. */
  #startThreads(): void {
    const { deterministic, expectations, sends } = this.#options;
    const { pcpus } = this.#board;
    const shared = pcpus > 1 || this.#options.translations ? { translations: shareTranslations() } : {};
    if (deterministic) {
      const nodeNames = new Map(this.#consoles.map(({ id, nodeName }) => [id, nodeName]));
      this.#startThread({ init: this.#board.pcpuInit(0), script: { expectations, sends, nodeNames }, ...shared });
      return;
    }
    for (let pcpu = 0; pcpu < pcpus; pcpu++) {
      this.#board
        .pcpuUsed(pcpu)
        .then(() => !this.#over && this.#startThread({ init: this.#board.pcpuInit(pcpu), ...shared }))
        .catch(this.#fail);
    }
  }

  #startThread(work: PcpuWork): void {
    const thread = this.#io.startPcpu(
      work,
      () => this.#pumpSoon(),
      (pack) => this.#translated(thread, pack),
    );
    thread.begun?.catch(this.#fail);
    thread.exited.then(() => this.#pump(), this.#fail);
    for (const pack of this.#packs) thread.translations?.(pack);
    this.#threads.push(thread);
  }

  /** A thread has compiled translations: they are for the others too, and for later runs. */
  #translated(from: PcpuThread, { module, form, regions, bodies }: TranslationPack): void {
    const pack = { module, form, regions };
    this.#packs.push(pack);
    for (const thread of this.#threads) if (thread !== from) thread.translations?.(pack);
    if (bodies) this.#options.translations?.add({ regions, bodies });
  }

  async #begun(): Promise<void> {
    await Promise.all(this.#threads.map(({ begun }) => begun));
  }

  /** Gives the threads what earlier runs have translated. They don't wait for it. */
  #loadTranslations(): void {
    const { translations } = this.#options;
    if (translations === undefined || this.#over) return;
    const pack = translations.load();
    if (pack !== undefined) {
      this.#packs.push(pack);
      for (const thread of this.#threads) thread.translations?.(pack);
    }
    const instructions = (): number =>
      this.#board.domains.reduce(
        (sum, { id }) =>
          this.#board
            .instructions(id)
            .map(Number)
            .reduce((a, b) => a + b, sum),
        0,
      );
    const { memory, layout } = this.#board.pcpuInit(0);
    const pcpus = layout.pcpus.map((pcpu) => ({ pcpu, codePages: layout.codePages }));
    this.#undo.push(translations.beginIdleWork(instructions, { memory, pcpus }));
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
    this.#view.announceFocus();
  }

  /** An error in a callback ends the session instead of being lost. */
  #guard(action: () => void): void {
    try {
      action();
    } catch (error) {
      this.#fail(error);
    }
  }

  /**
   * A pCPU has something: it says no more until the board is pumped. In deterministic mode it may wait for that.
   */
  #pumpSoon(): void {
    const wait = this.#pumped + PUMP_MS - performance.now();
    if (this.#options.deterministic || wait <= 0) this.#pump();
    else this.#pumpLater ??= setTimeout(() => this.#pump(), wait);
  }

  /** Takes what the board has; while stdout is full it stays in the rings, where it stops only the domain that wrote it. */
  #pump(): void {
    clearTimeout(this.#pumpLater);
    this.#pumpLater = undefined;
    if (!this.#output.hasRoom) return;
    this.#pumped = performance.now();
    this.#guard(() => this.#board.pump());
    if (!this.#inputPaused || this.#inputPending() > INPUT_LIMIT / 2) return;
    this.#inputPaused = false;
    this.#io.stdin.resume();
  }

  #inputPending(): number {
    const { focus } = this.#view;
    return focus === undefined ? 0 : this.#board.inputPending(focus);
  }

  #onEvent(event: BoardEvent): void {
    this.#output.emit(boardEvent(event, (id) => this.#domain(id).name));
    if (event.type === 'domain') this.#onDomain(event);
    else if (event.type === 'console') this.#onConsole(this.#domain(event.domain), event.bytes);
    else if (!this.#view.log(event.line)) this.#output.note(event.line);
  }

  #domain(id: number): DomainInfo {
    const domain = this.#board.domains.find((one) => one.id === id);
    if (domain === undefined) throw new Error(`the board has no domain ${id}`);
    return domain;
  }

  #onConsole(domain: DomainInfo, bytes: Uint8Array): void {
    const { id, nodeName } = domain;
    this.#options.logs?.write(nodeName, bytes);
    this.#view.output(id, bytes);
    this.#matcher.feed(nodeName, bytes);
    if (this.#matcher.met) this.#end({ why: 'met' });
    const texts = this.#typist.feed(nodeName, bytes);
    // In deterministic mode the thread of the pCPUs has typed them.
    if (!this.#options.deterministic) for (const text of texts) this.#board.input(id, text);
    const panic = this.#panics.get(id)?.feed(bytes);
    this.#endIfOnlyPanicked();
    if (panic === undefined) return;
    this.#output.emit(panicEvent(domain.name, id, panic));
    this.#output.note(`dom0less: ${domain.name} panicked: ${panic.line}`);
    this.#giveUpOn(domain);
  }

  #onDomain({ domain, name, state, reason, restarting }: DomainEvent): void {
    if (state === 'running') {
      // Its last life's panic is over.
      if (this.#panics.has(domain)) this.#panics.set(domain, new PanicDetector());
      return;
    }
    const what = restarting ? `${ENDS[state]}, and starts again` : STATES[state];
    this.#output.note(`dom0less: ${name} ${what}${reason === undefined ? '' : `: ${reason}`}`);
    if (restarting || state === 'paused') return;
    if (this.#panics.has(domain)) this.#view.domainEnded(domain);
    this.#giveUpOn(this.#domain(domain));
    this.#endIfOnlyPanicked();
  }

  /** Panicked domains run on, but nothing is to be had of them: with no other left, the session ends when they are silent. */
  #endIfOnlyPanicked(): void {
    clearTimeout(this.#silence);
    const { domains } = this.#board;
    if (domains.some(({ state, restarting }) => state === 'paused' || restarting)) return;
    const running = domains.filter(({ state }) => state === 'running');
    if (running.some(({ id }) => this.#panics.get(id)?.panic === undefined)) return;
    this.#silence = setTimeout(() => this.#end({ why: 'domains' }), PANIC_SILENCE_MS);
  }

  /** What is still expected of a domain that will not show it any more ends the session. */
  #giveUpOn({ name, nodeName }: DomainInfo): void {
    if (this.#matcher.pending.some(({ domain }) => domain === nodeName))
      this.#end({ why: 'unreachable', domain: name });
  }

  #onInput(bytes: Uint8Array): void {
    const quit = this.#terminal.present ? bytes.indexOf(QUIT_KEY) : -1;
    this.#view.input(quit < 0 ? bytes : bytes.subarray(0, quit));
    if (quit >= 0) this.#end({ why: 'quit' });
    if (this.#inputPending() < INPUT_LIMIT) return;
    this.#inputPaused = true;
    this.#io.stdin.pause();
  }

  /** Has the threads leave, and takes the last that they wrote. */
  async #leave(): Promise<void> {
    this.#over = true;
    this.#board.stop();
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, LEAVE_MS);
    });
    await Promise.race([Promise.all(this.#threads.map((thread) => thread.exited)), late]);
    clearTimeout(timer);
    this.#board.pump();
    this.#view.finish();
    if (this.#options.deterministic) this.#tellInstructions();
    this.#output.emit(memoryEvent(this.#board.backedBytes));
  }

  /** The same in each run of the same board: whoever compares runs sees at once whether they were. */
  #tellInstructions(): void {
    for (const { id, name } of this.#board.domains) {
      const vcpus = this.#board.instructions(id).map(Number);
      if (vcpus.length === 0) continue;
      this.#output.emit(instructionsEvent(name, id, vcpus));
      this.#output.note(`dom0less: ${name} executed ${vcpus.join(' + ')} instructions`);
    }
  }

  #report(end: End): number {
    const pending = this.#matcher.pending;
    const note = (line: string): void => this.#output.note(`dom0less: ${line}`);
    if (end.why === 'met' || this.#matcher.met) return EXIT.done;
    if (end.why === 'signal') return 128 + SIGNALS[end.signal];
    if (end.why === 'timeout') note(`the timeout of ${this.#options.timeout} s is over`);
    if (end.why === 'output-closed') note('nobody reads our output any more');
    for (const { domain, regex } of pending) note(`${domain} did not show /${regex.source}/`);
    for (const { domain, regex } of this.#typist.pending) {
      note(`nothing was typed into ${domain}: it did not show /${regex.source}/`);
    }
    const panicked = [...this.#panics.values()].some(({ panic }) => panic !== undefined);
    const broken = panicked || this.#board.domains.some(({ state }) => state === 'failed' || state === 'crashed');
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
