/** The thread of a test's pCPU: runs the vCPU that it is told to until the guest calls HVC. */
import { parentPort, workerData } from 'node:worker_threads';
import { Engine } from '../../src/engine.ts';
import { stateOffset } from '../../src/state.ts';
import {
  COMMAND_MODULES,
  COMMAND_STATE,
  COMMAND_VCPU,
  type PcpuInit,
  STATE_IDLE,
  STATE_QUIT,
  STATE_RUN,
} from './protocol.ts';

const { memory, core, pcpu, codePages, command, translate } = workerData as PcpuInit;
const words = new Int32Array(memory.buffer);
const state = (command >>> 2) + COMMAND_STATE;
const exitRequest = (vcpu: number): number => (vcpu + stateOffset('exitRequest')) >>> 2;

const engine = new Engine({
  memory,
  core,
  pcpu,
  codePages,
  host: {
    backBlock: () => 0,
    mmio: () => false,
    hypercall: (vcpu) => {
      Atomics.store(words, exitRequest(vcpu), 1);
      return true;
    },
    // One clock for all threads, in nanoseconds.
    counter: () => {
      const [seconds, nanoseconds] = process.hrtime();
      return seconds * 1e9 + nanoseconds;
    },
    timerWritten: () => {},
  },
  translate,
});

// All instances from here on are of modules that the translator has made.
const { Instance } = WebAssembly;
WebAssembly.Instance = class extends Instance {
  constructor(module: WebAssembly.Module, imports?: WebAssembly.Imports) {
    super(module, imports);
    Atomics.add(words, (command >>> 2) + COMMAND_MODULES, 1);
  }
};

parentPort!.postMessage('ready');
for (;;) {
  Atomics.wait(words, state, STATE_IDLE);
  if (Atomics.load(words, state) === STATE_QUIT) break;
  const vcpu = words[(command >>> 2) + COMMAND_VCPU]!;
  for (;;) {
    const reason = engine.run(vcpu, 1_000_000);
    if (reason === 'request' || Atomics.load(words, state) !== STATE_RUN) break;
    // WFE: gives the core to a thread that may have something to do.
    if (reason === 'event') Atomics.wait(words, state, STATE_RUN, 0.02);
  }
  Atomics.store(words, exitRequest(vcpu), 0);
  Atomics.compareExchange(words, state, STATE_RUN, STATE_IDLE);
  Atomics.notify(words, state);
}
