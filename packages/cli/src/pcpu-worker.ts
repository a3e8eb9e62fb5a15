/** The thread of a pCPU, or of all of them: what {@link startPcpuThread} starts. */
import { parentPort } from 'node:worker_threads';
import { compileCore } from '@dom0less/arm64-cpu';
import { runDeterministic, runPcpu } from '@dom0less/hypervisor';
import { makeConsoleScript } from './console-script.ts';
import type { PcpuWork } from './pcpu-thread.ts';
import { threadExchange } from './translations/thread-exchange.ts';

// While the board is not there yet.
compileCore();
const port = parentPort!;
port.once('message', ({ init, script, translations }: PcpuWork) => {
  const signals = {
    notify: () => port.postMessage(undefined),
    ...(translations === undefined ? {} : { translations: threadExchange(port, translations) }),
  };
  if (script === undefined) runPcpu(init, signals);
  else runDeterministic(init, signals, makeConsoleScript(script));
});
