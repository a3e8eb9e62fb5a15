/**
 * Benchmark: how long 1, 2 and 4 domUs of one vCPU take on 2 pCPUs from start to the marker that init prints, as ratios of
 * wall time. Each round also times a pure spin on 1, 2 and 4 workers, and the ratio of boots is divided by that of spins
 * in the same round: what is left is ours. A round in which two spins take over 1.15 times one has no two cores for us; it
 * is dropped and counted. Argument: rounds that shall count; 7 if absent. Needs the built package.
 */
import { readFile } from 'node:fs/promises';
import { Worker } from 'node:worker_threads';
import { Board } from '@dom0less/hypervisor';
import { findGuests, UP_MARKER } from '../src/guests/index.ts';
import { hostBoard } from '../src/host-tree.ts';
import { startThread } from '../src/pcpu-thread.ts';

const WORKER = new URL(`file://${process.cwd()}/dist/pcpu-worker.cjs`);
const PCPUS = 2;
const COUNTS = [1, 2, 4] as const;
const MOST_SPIN_RATIO = 1.15;
/** Rounds that may be dropped for one that counts. */
const PATIENCE = 5;
const MEMORY_MIB = 256;
/** Some two seconds of nothing but arithmetic. */
const SPIN = `const spin = () => { let x = 1; for (let n = 0; n < 2e9; n++) x = (Math.imul(x, 1103515245) + 12345) | 0; return x; }; postMessage(spin());`;

const search = await findGuests();
if (!search.found) throw new Error(search.reason);
const { kernel, ramdisk, description } = search.guests;
const files = { kernel: await readFile(kernel), ramdisk: ramdisk === undefined ? undefined : await readFile(ramdisk) };

/** Seconds until `count` workers have spun. */
async function spin(count: number): Promise<number> {
  const start = performance.now();
  const one = (): Promise<unknown> =>
    new Promise((resolve, reject) => {
      const worker = new Worker(
        new URL(
          `data:text/javascript,import{parentPort}from'node:worker_threads';const postMessage=(x)=>parentPort.postMessage(x);${SPIN}`,
        ),
      );
      worker.on('exit', resolve);
      worker.on('error', reject);
    });
  await Promise.all(Array.from({ length: count }, one));
  return (performance.now() - start) / 1000;
}

/** Seconds until `count` domUs are up. */
async function boot(count: number): Promise<number> {
  const names = Array.from({ length: count }, (_, n) => `domU${n + 1}`);
  const input = hostBoard(
    names.map((name) => ({ name, memoryMiB: MEMORY_MIB, bootargs: `console=ttyAMA0 name=${name}`, ...files })),
  );
  const { board, diagnostics } = Board.prepare({ ...input, pcpus: PCPUS });
  if (board === undefined) throw new Error(`the board can't boot: ${JSON.stringify(diagnostics)}`);
  const texts = new Map<number, string>();
  let up = 0;
  const start = performance.now();
  const threads = Array.from({ length: PCPUS }, (_, n) => {
    return startThread(WORKER, { init: board.pcpuInit(n) }, () => board.pump(), { execArgv: [] });
  });
  await new Promise<void>((resolve, reject) => {
    for (const { exited } of threads) exited.catch(reject);
    board.subscribe((event) => {
      if (event.type !== 'console') return;
      const before = texts.get(event.domain) ?? '';
      const text = (before + new TextDecoder().decode(event.bytes)).slice(-4096);
      texts.set(event.domain, text);
      if (text.includes(UP_MARKER) && !before.includes(UP_MARKER) && ++up === count) resolve();
    });
  });
  const seconds = (performance.now() - start) / 1000;
  board.stop();
  await Promise.all(threads.map(({ exited }) => exited));
  return seconds;
}

const median = (values: readonly number[]): number => [...values].sort((a, b) => a - b)[values.length >> 1]!;

const wanted = Number(process.argv[2] ?? 7);
const ratios: Record<2 | 4, number[]> = { 2: [], 4: [] };
let dropped = 0;
console.log(`${description}; ${PCPUS} pCPUs; seconds of 1, 2, 4 spins and boots`);
while (ratios[2].length < wanted && dropped < PATIENCE * wanted) {
  const spins: number[] = [];
  const boots: number[] = [];
  for (const count of COUNTS) {
    spins.push(await spin(count));
    boots.push(await boot(count));
  }
  const counts = spins[1]! <= MOST_SPIN_RATIO * spins[0]!;
  const show = (values: readonly number[]): string => values.map((value) => value.toFixed(2)).join(' ');
  console.log(`spins ${show(spins)}, boots ${show(boots)}${counts ? '' : ': dropped'}`);
  if (!counts) {
    dropped++;
    continue;
  }
  for (const [n, count] of [2, 4].entries() as Iterable<[number, 2 | 4]>) {
    ratios[count].push(boots[n + 1]! / boots[0]! / (spins[n + 1]! / spins[0]!));
  }
}
const shown = (count: 2 | 4): string => `${count} domUs: ${median(ratios[count]).toFixed(2)} times one`;
if (ratios[2].length === 0) console.log(`no round counts, ${dropped} were dropped`);
else
  console.log(
    `median of ${ratios[2].length} rounds, ${dropped} dropped: ${shown(2)}; ${shown(4)} (both less what spins lose)`,
  );
