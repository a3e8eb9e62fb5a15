import { Worker, type WorkerOptions } from 'node:worker_threads';
import type { PcpuInit } from '@dom0less/hypervisor';
import type { ConsoleScriptInit } from './console-script.ts';

/** A pCPU on a thread of its own, or all of them on one. */
export interface PcpuThread {
  /** Settles when the thread has left; rejects if it died of an error. */
  readonly exited: Promise<void>;
  /** Ends the thread wherever it is. */
  terminate(): Promise<void>;
}

/** What a thread is to do; can be posted. */
export interface PcpuWork {
  readonly init: PcpuInit;
  /** Present: all pCPUs run here, in deterministic mode. */
  readonly script?: ConsoleScriptInit;
}

/** Starts a thread; `notify` is called on this one when a pCPU has something for the board. */
export type StartPcpu = (work: PcpuWork, notify: () => void) => PcpuThread;

const nameOf = ({ init, script }: PcpuWork): string =>
  script === undefined ? `the thread of pCPU ${init.pcpu}` : 'the thread of the pCPUs';

/** An error of a thread, with the thread's name in front. */
const deathOf = (work: PcpuWork, error: unknown): Error => {
  const text = error instanceof Error ? error.message : String(error);
  const death = new Error(`${nameOf(work)} died: ${text}`, { cause: error });
  if (error instanceof Error && error.stack !== undefined) death.stack = `${death.message}\n${error.stack}`;
  return death;
};

/**
 * Starts a worker of node:worker_threads from `script`, which takes a {@link PcpuWork} as workerData.
 *
 * @param options of the worker; it has those of the process if absent
 */
export const startThread = (
  script: URL,
  work: PcpuWork,
  notify: () => void,
  options: Pick<WorkerOptions, 'execArgv'> = {},
): PcpuThread => {
  const worker = new Worker(script, { ...options, workerData: work });
  let terminated = false;
  const exited = new Promise<void>((resolve, reject) => {
    worker.on('message', notify);
    worker.on('error', (error) => reject(deathOf(work, error)));
    worker.on('exit', (code) => {
      if (code === 0 || terminated) resolve();
      else reject(deathOf(work, `it ended with code ${code}`));
    });
  });
  const terminate = async (): Promise<void> => {
    terminated = true;
    await worker.terminate();
  };
  return { exited, terminate };
};

/** Starts the thread of a pCPU, or of all. */
export const startPcpuThread: StartPcpu = (work, notify) =>
  startThread(new URL('./pcpu-worker.js', import.meta.url), work, notify);
