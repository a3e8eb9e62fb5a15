/** The thread of a pCPU, or of all of them: what {@link startPcpuThread} starts. */
import { parentPort, workerData } from 'node:worker_threads';
import { runDeterministic, runPcpu } from '@dom0less/hypervisor';
import { makeConsoleScript } from './console-script.ts';
import type { PcpuWork } from './pcpu-thread.ts';

const { init, script } = workerData as PcpuWork;
const signals = { notify: () => parentPort?.postMessage(undefined) };
if (script === undefined) runPcpu(init, signals);
else runDeterministic(init, signals, makeConsoleScript(script));
