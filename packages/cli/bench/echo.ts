/**
 * Benchmark: how long a typed character takes to come back from a domain while others compute on all pCPUs. Prints median
 * and worst of 200. Needs the built package.
 */
import { assemble } from '@dom0less/arm64-cpu';
import { Board } from '@dom0less/hypervisor';
import { hostBoard } from '../src/host-tree.ts';
import { startThread } from '../src/pcpu-thread.ts';
import { smallGuest } from '../src/small-guests/index.ts';
import { guestSource } from '../src/small-guests/runtime.ts';

const WORKER = new URL(`file://${process.cwd()}/dist/pcpu-worker.cjs`);
const PCPUS = 2;
const SAMPLES = 200;

const spin = assemble(guestSource('start: b start')).bytes;
const domain = (name: string, kernel: Uint8Array) => ({ name, memoryMiB: 16, bootargs: '', kernel });
const input = hostBoard([
  domain('echo', smallGuest('echo')),
  ...['a', 'b', 'c', 'd'].map((name) => domain(name, spin)),
]);
const { board } = Board.prepare({ ...input, pcpus: PCPUS });
if (board === undefined) throw new Error("the board can't boot");
let heard: () => void = () => {};
board.subscribe((event) => {
  if (event.type === 'console') heard();
});
const threads = Array.from({ length: PCPUS }, (_, n) => {
  return startThread(WORKER, { init: board.pcpuInit(n) }, () => board.pump(), { execArgv: [] });
});
const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
await sleep(1000);
const times: number[] = [];
for (let n = 0; n < SAMPLES; n++) {
  const start = performance.now();
  const answer = new Promise<void>((resolve) => {
    heard = resolve;
  });
  board.input(1, Uint8Array.of(0x61));
  await answer;
  times.push(performance.now() - start);
  await sleep(5);
}
board.stop();
await Promise.all(threads.map(({ exited }) => exited));
times.sort((a, b) => a - b);
console.log(
  `echo with ${PCPUS} busy pCPUs: median ${times[SAMPLES >> 1]!.toFixed(1)} ms, worst ${times.at(-1)!.toFixed(1)} ms`,
);
