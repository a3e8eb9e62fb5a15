/**
 * Benchmark: how long boards of 1, 2 and 4 domUs of one vCPU take on 2 pCPUs, from the start of the command to the marker
 * that every init prints, as ratios of wall time: with an empty cache folder (cold), and with what an earlier session left
 * (warm). Each round also times a pure spin on 1, 2 and 4 workers, and the ratio of boots is divided by that of spins in the
 * same round: what is left is ours. A round in which two spins take over 1.15 times one has no two cores for us; it is
 * dropped and counted. Argument: rounds that shall count; 7 if absent. Needs the built package.
 */
import { mkdirSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { Worker } from 'node:worker_threads';
import { makeGuests } from './peer/guest.ts';
import { measureBoot, shape } from './peer/measure.ts';
import { runFor } from './peer/measured-process.ts';
import { median } from './peer/statistics.ts';
import { ours } from './peer/subjects.ts';

const PCPUS = 2;
const COUNTS = [1, 2, 4] as const;
const CACHES = ['cold', 'warm'] as const;
type Cache = (typeof CACHES)[number];
const MOST_SPIN_RATIO = 1.15;
/** Rounds that may be dropped for one that counts. */
const PATIENCE = 5;
/** A session that fills the cache: it boots, idles for a while and is ended. */
const FILL_SECONDS = 20;
/** Some two seconds of nothing but arithmetic. */
const SPIN = `const spin = () => { let x = 1; for (let n = 0; n < 2e9; n++) x = (Math.imul(x, 1103515245) + 12345) | 0; return x; }; postMessage(spin());`;

const work = mkdtempSync(join(tmpdir(), 'dom0less-parallel-'));
process.on('exit', () => rmSync(work, { recursive: true, force: true }));
const guests = await makeGuests(work, undefined);
const main = resolve('dist/main.cjs');

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

function command(cache: Cache, count: number): ReturnType<ReturnType<typeof ours>['command']> {
  const folder = join(work, cache);
  if (cache === 'cold') rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const sizes = [statSync(guests.kernel).size, statSync(guests.ramdisk).size] as const;
  const board = shape(...sizes, { domains: count, pcpus: PCPUS });
  return ours(main, work, { DOM0LESS_CACHE: folder }).command(board, guests);
}

/** Seconds until `count` domUs are up. */
const boot = async (cache: Cache, count: number): Promise<number> =>
  (await measureBoot(command(cache, count), count)).wall;

const wanted = Number(process.argv[2] ?? 7);
const ratios: Record<Cache, Record<2 | 4, number[]>> = { cold: { 2: [], 4: [] }, warm: { 2: [], 4: [] } };
let dropped = 0;
console.log(`${guests.version}; ${PCPUS} pCPUs; seconds of 1, 2, 4 spins and boots`);
await runFor(command('warm', 2), FILL_SECONDS);
while (ratios.warm[2].length < wanted && dropped < PATIENCE * wanted) {
  const spins: number[] = [];
  const boots: Record<Cache, number[]> = { cold: [], warm: [] };
  for (const count of COUNTS) {
    spins.push(await spin(count));
    for (const cache of CACHES) boots[cache].push(await boot(cache, count));
  }
  const counts = spins[1]! <= MOST_SPIN_RATIO * spins[0]!;
  const show = (values: readonly number[]): string => values.map((value) => value.toFixed(2)).join(' ');
  console.log(`spins ${show(spins)}, cold ${show(boots.cold)}, warm ${show(boots.warm)}${counts ? '' : ': dropped'}`);
  if (!counts) {
    dropped++;
    continue;
  }
  for (const cache of CACHES) {
    for (const [n, count] of [2, 4].entries() as Iterable<[number, 2 | 4]>) {
      ratios[cache][count].push(boots[cache][n + 1]! / boots[cache][0]! / (spins[n + 1]! / spins[0]!));
    }
  }
}
const shown = (cache: Cache, count: 2 | 4): string =>
  `${count} domUs ${median(ratios[cache][count]).toFixed(2)} times one`;
if (ratios.warm[2].length === 0) console.log(`no round counts, ${dropped} were dropped`);
else {
  console.log(`median of ${ratios.warm[2].length} rounds, ${dropped} dropped, less what spins lose:`);
  for (const cache of CACHES) console.log(`${cache}: ${shown(cache, 2)}, ${shown(cache, 4)}`);
}
