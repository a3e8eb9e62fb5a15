import { PCPU_CONTROL } from '../memory/layout.ts';
import type { PcpuInit, PcpuSignals } from './init.ts';
import { Pcpu } from './pcpu.ts';

/**
 * Runs a pCPU until no domain is left or the board is stopped. Never on a main thread: while nothing can run it sleeps,
 * until the next timer or until another thread has something for it.
 */
export const runPcpu = (init: PcpuInit, signals: PcpuSignals): void => {
  const pcpu = new Pcpu(init, signals);
  const words = new Int32Array(init.memory.buffer);
  const wake = (init.layout.pcpuControls[init.pcpu]! + PCPU_CONTROL.WAKE) >>> 2;
  for (;;) {
    // Read before the step looks at anything: what comes later changes the word, and the wait ends at once.
    const seen = Atomics.load(words, wake);
    const result = pcpu.step();
    if (result === 'done') return;
    if (result !== 'ran') pcpu.sleep(seen);
  }
};
