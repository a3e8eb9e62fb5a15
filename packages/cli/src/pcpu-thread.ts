import { Worker } from 'node:worker_threads';
import type { PcpuInit } from '@dom0less/hypervisor';

/** A pCPU on a thread of its own. */
export interface PcpuThread {
  /** Settles when the thread has left; rejects if it died of an error. */
  readonly exited: Promise<void>;
  /** Ends the thread wherever it is. */
  terminate(): Promise<void>;
}

/** Starts the thread of a pCPU; `notify` is called on this thread when the pCPU has something for the board. */
export type StartPcpu = (init: PcpuInit, notify: () => void) => PcpuThread;

/** Starts a pCPU as a worker of node:worker_threads. */
export const startPcpuThread: StartPcpu = (init, notify) => {
  const worker = new Worker(new URL('./pcpu-worker.js', import.meta.url), { workerData: init });
  let terminated = false;
  const exited = new Promise<void>((resolve, reject) => {
    worker.on('message', notify);
    worker.on('error', reject);
    worker.on('exit', (code) => {
      if (code === 0 || terminated) resolve();
      else reject(new Error(`the thread of pCPU ${init.pcpu} ended with code ${code}`));
    });
  });
  const terminate = async (): Promise<void> => {
    terminated = true;
    await worker.terminate();
  };
  return { exited, terminate };
};
