import { Worker, type WorkerOptions } from 'node:worker_threads';
import type { TranslationPack } from '@dom0less/arm64-cpu';
import type { PcpuInit } from '@dom0less/hypervisor';
import { KeptCore } from './cache/kept-core.ts';
import type { ConsoleScriptInit } from './console-script.ts';
import { setEngineFlags } from './engine-flags.ts';
import type { SharedTranslations } from './translations/thread-exchange.ts';

/** A pCPU on a thread of its own, or all of them on one. */
export interface PcpuThread {
  /** Settles when the thread has been given its work, with V8's flags set for the engine. At once if absent. */
  readonly begun?: Promise<void>;
  /** Settles when the thread has left; rejects if it died of an error. */
  readonly exited: Promise<void>;
  /** Ends the thread wherever it is. */
  terminate(): Promise<void>;
  /** Gives its pCPUs translations that they have not compiled themselves. */
  translations?(pack: TranslationPack): void;
}

/** What a thread says when it has loaded the engine. */
export const READY = 'ready';

/** What a thread is to do; can be posted. */
export interface PcpuWork {
  readonly init: PcpuInit;
  /** Present: all pCPUs run here, in deterministic mode. */
  readonly script?: ConsoleScriptInit;
  /** Present: what its pCPUs translate is told. */
  readonly translations?: SharedTranslations;
}

/** What a thread is given: its work, and a word that counts the translations that were posted to it. */
export interface PostedWork extends PcpuWork {
  readonly posted: Int32Array<SharedArrayBuffer>;
}

/**
 * Starts a thread; `notify` is called on this one when a pCPU has something for the board, `translated` when one has
 * compiled translations.
 */
export type StartPcpu = (
  work: PcpuWork,
  notify: () => void,
  translated?: (pack: TranslationPack) => void,
) => PcpuThread;

const nameOf = ({ init, script }: PcpuWork): string =>
  script === undefined ? `the thread of pCPU ${init.pcpu}` : 'the thread of the pCPUs';

/** An error of a thread, with the thread's name in front. */
const deathOf = (name: string, error: unknown): Error => {
  const text = error instanceof Error ? error.message : String(error);
  const death = new Error(`${name} died: ${text}`, { cause: error });
  if (error instanceof Error && error.stack !== undefined) death.stack = `${death.message}\n${error.stack}`;
  return death;
};

type Receive = (message: TranslationPack | undefined) => void;

/**
 * A pCPU makes little that lives, and V8's own limit of 48 MiB for what is new is more than the processor's cache has: with
 * this one a board of two pCPUs takes 45 MiB less, and as much time.
 */
const RESOURCES = { maxYoungGenerationSizeMb: 6 };

/** A worker that loads the engine and waits for its work. */
class WaitingThread {
  readonly #worker: Worker;
  readonly #exited: Promise<void>;
  /** Settles when the engine is loaded, or the thread has died of it. */
  readonly ready: Promise<void>;
  #receive: Receive = () => {};
  #name = 'the thread of a pCPU';
  #terminated = false;

  constructor(script: URL, options: Pick<WorkerOptions, 'execArgv'>) {
    // It has nothing to print: streams that nobody reads cost less than those that lead here.
    this.#worker = new Worker(script, { ...options, resourceLimits: RESOURCES, stdout: true, stderr: true });
    this.#exited = new Promise<void>((resolve, reject) => {
      this.#worker.on('error', (error) => reject(deathOf(this.#name, error)));
      this.#worker.on('exit', (code) => {
        if (code === 0 || this.#terminated) resolve();
        else reject(deathOf(this.#name, `it ended with code ${code}`));
      });
    });
    // Who gives it work hears of it.
    this.#exited.catch(() => {});
    this.ready = new Promise<void>((resolve) => {
      this.#worker.on('message', (message: TranslationPack | undefined | typeof READY) => {
        if (message === READY) resolve();
        else this.#receive(message);
      });
      this.#exited.then(resolve, () => resolve());
    });
  }

  /** `prepared`: gives the work, complete, when the time for it has come. */
  begin(
    work: PcpuWork,
    notify: () => void,
    translated?: (pack: TranslationPack) => void,
    prepared?: (work: PcpuWork) => Promise<PcpuWork>,
  ): PcpuThread {
    this.#name = nameOf(work);
    this.#receive = (pack) => {
      if (pack === undefined) notify();
      else translated?.(pack);
    };
    const posted = new Int32Array(new SharedArrayBuffer(4));
    const post = (whole: PcpuWork): void => this.#worker.postMessage({ ...whole, posted } satisfies PostedWork);
    const begun = prepared ? prepared(work).then(post) : undefined;
    if (begun === undefined) post(work);
    const terminate = async (): Promise<void> => {
      this.#terminated = true;
      await this.#worker.terminate();
    };
    const pass = (pack: TranslationPack): void => {
      this.#worker.postMessage(pack);
      Atomics.add(posted, 0, 1);
    };
    // The thread's first message is its work. A thread that never gets any needs no translations.
    const translations = begun
      ? (pack: TranslationPack) =>
          void begun.then(
            () => pass(pack),
            () => {},
          )
      : pass;
    return { ...(begun ? { begun } : {}), exited: this.#exited, terminate, translations };
  }
}

/**
 * Starts a worker of node:worker_threads from `script`, whose first message is its {@link PcpuWork}.
 *
 * @param options of the worker; it has those of the process if absent
 */
export const startThread = (
  script: URL,
  work: PcpuWork,
  notify: () => void,
  options: Pick<WorkerOptions, 'execArgv'> = {},
  translated?: (pack: TranslationPack) => void,
): PcpuThread => new WaitingThread(script, options).begin(work, notify, translated);

/** Threads that load the engine. */
const loading = new Set<Promise<void>>();

function makeThread(): WaitingThread {
  const thread = new WaitingThread(new URL('./pcpu-worker.cjs', import.meta.url), {});
  loading.add(thread.ready);
  void thread.ready.then(() => loading.delete(thread.ready));
  return thread;
}

let core: KeptCore | undefined;
let isReady: Promise<void> | undefined;

/**
 * Sets V8's flags and makes the engine's code, once, when no thread is being loaded: Node's own code was cached under V8's
 * own flags, and under others all that a thread begins with is compiled anew.
 */
async function makeReady(): Promise<void> {
  // Threads that are begun together are all there then.
  await new Promise((resolve) => setImmediate(resolve));
  // Meanwhile it can be read.
  core = KeptCore.open();
  while (loading.size > 0) await Promise.all(loading);
  setEngineFlags();
}

async function withCore(work: PcpuWork): Promise<PcpuWork> {
  isReady ??= makeReady();
  await isReady;
  return core === undefined ? work : { ...work, init: { ...work.init, core: core.core } };
}

/** Keeps machine code of the engine for other runs. */
export const keepEngine = (): void => core?.keep();

const prepared: WaitingThread[] = [];

/**
 * Begins to start `count` threads before there is a board: the next that {@link startPcpuThread} is to start. They keep the
 * process alive.
 */
export function prepareThreads(count: number): void {
  while (prepared.length < count) prepared.push(makeThread());
}

/** Starts the thread of a pCPU, or of all. */
export const startPcpuThread: StartPcpu = (work, notify, translated) =>
  (prepared.shift() ?? makeThread()).begin(work, notify, translated, withCore);
