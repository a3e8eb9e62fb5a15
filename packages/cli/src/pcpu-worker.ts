/** The thread of a pCPU: what {@link startPcpuThread} starts. */
import { parentPort, workerData } from 'node:worker_threads';
import { type PcpuInit, runPcpu } from '@dom0less/hypervisor';

runPcpu(workerData as PcpuInit, { notify: () => parentPort?.postMessage(undefined) });
