/** Loads the thread of a pCPU, or of all of them: what `startPcpuThread` starts. */
import { parentPort } from 'node:worker_threads';
import { KeptScript } from './cache/kept-script.ts';
import { type PostedWork, READY } from './pcpu-thread.ts';

const script = new KeptScript(new URL('./pcpu.cjs', import.meta.url), 'pcpu');
const { doWork } = script.run<typeof import('./pcpu.ts')>();
const port = parentPort!;
port.once('message', (work: PostedWork) => {
  doWork(work, port);
  if (work.init.pcpu === 0) script.keep();
});
port.postMessage(READY);
