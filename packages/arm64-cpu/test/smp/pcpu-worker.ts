/** The thread of a test's pCPU: runs the vCPU that it is told to until the guest calls HVC. */
import { parentPort, workerData } from 'node:worker_threads';
import { Engine } from '../../src/engine.ts';
import { stateOffset } from '../../src/state.ts';
import {
  COMMAND_BYTES,
  COMMAND_MODULES,
  COMMAND_STATE,
  COMMAND_VCPU,
  type PcpuInit,
  STATE_IDLE,
  STATE_QUIT,
  STATE_RUN,
} from './protocol.ts';

const { memory, core, pcpu, codePages, command, clock, translate } = workerData as PcpuInit;
const words = new Int32Array(memory.buffer);
const state = (command >>> 2) + COMMAND_STATE;
const exitRequest = (vcpu: number): number => (vcpu + stateOffset('exitRequest')) >>> 2;

// Clocks of threads may differ, here by 20 µs: what makes them one is the latest value.
const TICKS_PER_MS = 1e6;
const [latest, lock] = [clock, clock + 8];
const { timeOrigin } = performance;
const epoch = Math.floor(timeOrigin / 1e8) * 1e8;
const skew = 0.02 * ((command / COMMAND_BYTES) % 2);
const now = (): number => timeOrigin + performance.now() + skew;
const doubles = new Float64Array(memory.buffer);

/** What the engine asks for where another thread has the lock. */
function counter(): number {
  while (Atomics.compareExchange(words, lock >>> 2, 0, 1) !== 0);
  const value = Math.max(Math.floor((now() - epoch) * TICKS_PER_MS), doubles[latest / 8]!);
  doubles[latest / 8] = value;
  Atomics.store(words, lock >>> 2, 0);
  return value;
}

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
    counter,
    clock: { now, epoch, ticksPerMs: TICKS_PER_MS, latest, lock },
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
  // A notification may come late, for a run that is over already.
  while (Atomics.load(words, state) === STATE_IDLE) Atomics.wait(words, state, STATE_IDLE);
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
