/** What the thread of a pCPU does, or that of all of them. */
import type { MessagePort } from 'node:worker_threads';
import { runDeterministic, runPcpu } from '@dom0less/hypervisor';
import { makeConsoleScript } from './console-script.ts';
import type { PostedWork } from './pcpu-thread.ts';
import { sharpenTimers } from './timer-slack.ts';
import { threadExchange } from './translations/thread-exchange.ts';

/** Does its work until the board is stopped or has nothing left to run. */
export function doWork({ init, script, translations, posted }: PostedWork, port: MessagePort): void {
  const signals = {
    notify: () => port.postMessage(undefined),
    ...(translations === undefined ? {} : { translations: threadExchange(port, translations, posted) }),
  };
  sharpenTimers();
  if (script === undefined) runPcpu(init, signals);
  else runDeterministic(init, signals, makeConsoleScript(script));
}
