/** The thread of a pCPU, or of all of them: what {@link startPcpuThread} starts. */
import { parentPort } from 'node:worker_threads';
import { compileCore } from '@dom0less/arm64-cpu';
import { runDeterministic, runPcpu } from '@dom0less/hypervisor';
import { makeConsoleScript } from './console-script.ts';
import type { PcpuWork } from './pcpu-thread.ts';

// While the board is not there yet.
compileCore();
parentPort?.once('message', ({ init, script }: PcpuWork) => {
  const signals = { notify: () => parentPort?.postMessage(undefined) };
  if (script === undefined) runPcpu(init, signals);
  else runDeterministic(init, signals, makeConsoleScript(script));
});
