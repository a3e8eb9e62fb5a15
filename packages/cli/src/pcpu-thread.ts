import { Worker, type WorkerOptions } from 'node:worker_threads';
import type { TranslationPack } from '@dom0less/arm64-cpu';
import type { PcpuInit } from '@dom0less/hypervisor';
import type { ConsoleScriptInit } from './console-script.ts';
import { setEngineFlags } from './engine-flags.ts';
import type { SharedTranslations } from './translations/thread-exchange.ts';

/** A pCPU on a thread of its own, or all of them on one. */
export interface PcpuThread {
  /** Settles when the thread has left; rejects if it died of an error. */
  readonly exited: Promise<void>;
  /** Ends the thread wherever it is. */
  terminate(): Promise<void>;
  /** Gives its pCPUs translations that they have not compiled themselves. */
  translations?(pack: TranslationPack): void;
}

/** What a thread is to do; can be posted. */
export interface PcpuWork {
  readonly init: PcpuInit;
  /** Present: all pCPUs run here, in deterministic mode. */
  readonly script?: ConsoleScriptInit;
  /** Present: what its pCPUs translate is told. */
  readonly translations?: SharedTranslations;
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

/** A worker that loads the engine and waits for its work. */
class WaitingThread {
  readonly #worker: Worker;
  readonly #exited: Promise<void>;
  #name = 'the thread of a pCPU';
  #terminated = false;

  constructor(script: URL, options: Pick<WorkerOptions, 'execArgv'>) {
    // It has nothing to print: streams that nobody reads cost less than those that lead here.
    this.#worker = new Worker(script, { ...options, stdout: true, stderr: true });
    this.#exited = new Promise<void>((resolve, reject) => {
      this.#worker.on('error', (error) => reject(deathOf(this.#name, error)));
      this.#worker.on('exit', (code) => {
        if (code === 0 || this.#terminated) resolve();
        else reject(deathOf(this.#name, `it ended with code ${code}`));
      });
    });
    // Who gives it work hears of it.
    this.#exited.catch(() => {});
  }

  begin(work: PcpuWork, notify: () => void, translated?: (pack: TranslationPack) => void): PcpuThread {
    this.#name = nameOf(work);
    this.#worker.on('message', (pack: TranslationPack | undefined) => {
      if (pack === undefined) notify();
      else translated?.(pack);
    });
    this.#worker.postMessage(work);
    const terminate = async (): Promise<void> => {
      this.#terminated = true;
      await this.#worker.terminate();
    };
    return { exited: this.#exited, terminate, translations: (pack) => this.#worker.postMessage(pack) };
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
): PcpuThread => new WaitingThread(script, options).begin(work, notify);

const makeThread = (): WaitingThread => {
  setEngineFlags();
  return new WaitingThread(new URL('./pcpu-worker.cjs', import.meta.url), {});
};

let waiting: WaitingThread | undefined;

/**
 * Begins to start a thread before there is a board: the next that {@link startPcpuThread} is to start. It keeps the
 * process alive.
 */
export const prepareThread = (): void => {
  waiting ??= makeThread();
};

/** Starts the thread of a pCPU, or of all. */
export const startPcpuThread: StartPcpu = (work, notify, translated) => {
  const thread = waiting ?? makeThread();
  waiting = undefined;
  return thread.begin(work, notify, translated);
};
