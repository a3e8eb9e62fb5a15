/**
 * Benchmark against the peers: the same guests on our board, on QEMU, and on the real Xen on QEMU, in alternation.
 *
 *   pnpm bench [--rows boot,workloads,start] [--pairs N] [--domains 1,2,4] [--only NAME,NAME] [--peers qemu,xen] [--json FILE]
 *
 * CPU seconds are those of the whole process on the host; ratios are peer over ours within one round.
 */
import { mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { cpus, loadavg, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { compileWorkloads, fetchXen, makeGuests, versionOf } from './guest.ts';
import { type Boot, measureBoot, measureWorkloads, type Run, shape } from './measure.ts';
import { runFor } from './measured-process.ts';
import { measureMemory } from './memory.ts';
import {
  type BootRounds,
  bootTable,
  type MemoryRow,
  memoryTable,
  type Round,
  rowsOf,
  workloadTable,
} from './report.ts';
import { START_TARGET, WORKLOAD_GROUPS } from './rows.ts';
import { startMeasurement } from './start.ts';
import { median, quantile } from './statistics.ts';
import { type Guest, ours, plainQemu, type Subject, xenOnQemu } from './subjects.ts';

const { values: options } = parseArgs({
  options: {
    rows: { type: 'string', default: 'start,boot,workloads' },
    pairs: { type: 'string', default: '9' },
    domains: { type: 'string', default: '1,2,4' },
    only: { type: 'string' },
    peers: { type: 'string', default: 'qemu,xen' },
    json: { type: 'string' },
  },
});
const pairs = Number(options.pairs);
if (!Number.isInteger(pairs) || pairs < 1) throw new Error(`--pairs ${options.pairs}: give a number from 1`);
const wantedRows = options.rows.split(',');
const only = options.only?.split(',');

const here = resolve('packages/cli/bench/peer');
const main = resolve('packages/cli/dist/main.cjs');
const work = mkdtempSync(join(tmpdir(), 'dom0less-bench-'));
const say = (line: string): void => console.log(line);
const note = (line: string): void => console.error(line);
const load = (): string => loadavg()[0]!.toFixed(2);

async function findPeers(): Promise<Subject[]> {
  const qemu = versionOf('qemu-system-aarch64');
  const wanted = options.peers.split(',');
  if (qemu === undefined) {
    say('No peer: qemu-system-aarch64 is missing (package qemu-system-arm); these are our figures alone.');
    return [];
  }
  say(`- peer: ${qemu}`);
  const peers: Subject[] = wanted.includes('qemu') ? [plainQemu()] : [];
  if (!wanted.includes('xen')) return peers;
  const xen = await fetchXen();
  if ('reason' in xen) say(`- no Xen: ${xen.reason}`);
  else {
    say(`- peer: ${xen.version}`);
    peers.push(xenOnQemu(xen.path, work));
  }
  return peers;
}

/** A session that fills the cache: it boots, idles for a while and is ended. */
const FILL_SECONDS = 20;
/** One that runs workloads takes longer; it sleeps when it is done. */
const FILL_WORKLOADS_SECONDS = 150;

/** Our command with an empty cache of translations, or with one that an earlier boot filled. */
function ourSubject(cache: 'cold' | 'warm'): Subject {
  const folder = join(work, cache);
  if (cache === 'cold') rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  return ours(main, work, { DOM0LESS_CACHE: folder });
}

async function boots(guest: Guest, peers: readonly Subject[]): Promise<BootRounds[]> {
  const measured: BootRounds[] = [];
  for (const domains of options.domains.split(',').map(Number)) {
    const board = shape(statSync(guest.kernel).size, statSync(guest.ramdisk).size, { domains });
    const boot = (subject: Subject): Promise<Boot> => measureBoot(subject.command(board, guest), domains);
    await runFor(ourSubject('warm').command(board, guest), FILL_SECONDS);
    const rounds: Record<'cold' | 'warm', Round<Boot>[]> = { cold: [], warm: [] };
    for (let n = 1; n <= pairs; n++) {
      const theirs: Round<Boot> = {};
      for (const peer of peers) {
        if (rowsOf(domains, 'cold').some((row) => row.peer === peer.name))
          Object.assign(theirs, { [peer.name]: await boot(peer) });
      }
      for (const cache of ['cold', 'warm'] as const)
        rounds[cache].push({ ...theirs, ours: await boot(ourSubject(cache)) });
      note(`boot of ${domains}, round ${n} of ${pairs}, load ${load()}`);
    }
    for (const cache of ['cold', 'warm'] as const) {
      for (const row of rowsOf(domains, cache)) measured.push({ row, rounds: rounds[cache] });
    }
  }
  return measured;
}

/** What we keep resident with as many domUs as were booted. */
async function memories(guest: Guest, measured: readonly BootRounds[]): Promise<MemoryRow[]> {
  const rows: MemoryRow[] = [];
  for (const domains of new Set(measured.map(({ row }) => row.domains))) {
    const rounds = measured.find(({ row }) => row.domains === domains && row.cache === 'warm')!.rounds;
    const board = shape(statSync(guest.kernel).size, statSync(guest.ramdisk).size, { domains });
    const used = await measureMemory(ourSubject('warm').command(board, guest), domains);
    rows.push({ domains, peak: median(rounds.map((r) => r.ours!.peakMiB)), ...used });
  }
  return rows;
}

/**
 * Rounds by workload's name; everyone's checksums must be the same, and those of integer work the native program's (a
 * compiler for Arm fuses multiplications and additions of floating point).
 */
async function workloads(
  kernel: string,
  ramdisk: string,
  peers: readonly Subject[],
  native: ReadonlyMap<string, Run>,
): Promise<Map<string, Round<Run>[]>> {
  const measured = new Map<string, Round<Run>[]>();
  const seen = new Set<string>();
  const sums = new Map<string, string>();
  for (const name of WORKLOAD_GROUPS[0]!.workloads) if (native.has(name)) sums.set(name, native.get(name)!.sum);
  for (let n = 1; n <= pairs; n++) {
    for (const vcpus of [1, 2]) {
      const groups = WORKLOAD_GROUPS.filter((group) => (group.vcpus ?? 1) === vcpus);
      const names = groups.flatMap((group) => group.workloads).filter((name) => !only || only.includes(name));
      if (names.length === 0) continue;
      const round = new Map<string, Round<Run>>(names.map((name) => [name, {}]));
      const bootargs = `console=ttyAMA0 panic=-1 rdinit=/init bench=${names.join(',')}`;
      const board = shape(statSync(kernel).size, statSync(ramdisk).size, { vcpus, memoryMiB: 512, bootargs });
      // What has run once before is translated, as with boots: the peers keep nothing.
      if (n === 1) await runFor(ourSubject('warm').command(board, { kernel, ramdisk }), FILL_WORKLOADS_SECONDS);
      for (const subject of [...peers, ourSubject('warm')]) {
        const { runs, vulnerabilities } = await measureWorkloads(subject.command(board, { kernel, ramdisk }));
        for (const [name, run] of runs) {
          Object.assign(round.get(name)!, { [subject.name]: run });
          const expected = sums.get(name) ?? run.sum;
          if (run.sum !== expected) throw new Error(`${name} on ${subject.name}: ${run.sum}, elsewhere ${expected}`);
          sums.set(name, expected);
        }
        if (!seen.has(subject.name)) vulnerabilities.forEach((line) => note(`${subject.name}: ${line}`));
        seen.add(subject.name);
      }
      for (const [name, figures] of round) measured.set(name, [...(measured.get(name) ?? []), figures]);
    }
    note(`workloads, round ${n} of ${pairs}, load ${load()}`);
  }
  return measured;
}

async function start(): Promise<number[]> {
  const measure = await startMeasurement(ourSubject('warm'), work);
  const times: number[] = [];
  for (let n = 0; n <= pairs; n++) times.push((await measure()).wall * 1000);
  // The first one warmed the host's file cache.
  return times.slice(1);
}

async function bench(): Promise<void> {
  say(`# Benchmark\n\n- host: ${cpus()[0]?.model}, ${cpus().length} cores, load ${load()}, Node ${process.version}`);
  const peers = await findPeers();
  const program = join(work, 'workloads-arm64');
  const compiled = compileWorkloads('aarch64-linux-gnu-gcc', join(here, 'programs'), program);
  const guests = await makeGuests(work, compiled ? program : undefined);
  say(`- guest: ${guests.version}`);
  const results: Record<string, unknown> = { date: new Date().toISOString(), node: process.version, pairs };
  if (wantedRows.includes('start')) {
    const times = await start();
    results.start = times;
    const [middle, best] = [median(times).toFixed(0), quantile(times, 0).toFixed(0)];
    say(
      `\n## Start\n\nProcess start to a guest's first output: ${middle} ms, best ${best} ms (must ${START_TARGET.must}, goal ${START_TARGET.goal}).`,
    );
  }
  if (wantedRows.includes('boot')) {
    const measured = await boots(guests, peers);
    results.boot = measured;
    say(`\n## Boot to init's marker on every console, 2 pCPUs\n\n${bootTable(measured)}`);
    const memory = await memories(guests, measured);
    results.memory = memory;
    say(`\n## Memory at the marker, 2 pCPUs, warm, in MiB\n\n${memoryTable(memory)}`);
  }
  if (wantedRows.includes('workloads')) {
    if (guests.workloads === undefined)
      say('\nNo workloads: aarch64-linux-gnu-gcc is missing (package gcc-aarch64-linux-gnu).');
    else {
      const host = join(work, 'workloads-native');
      const native = compileWorkloads('gcc', join(here, 'programs'), host)
        ? (await measureWorkloads({ file: host, args: only?.filter((name) => !name.startsWith('bb-')) ?? [] })).runs
        : new Map<string, Run>();
      const measured = await workloads(guests.kernel, guests.workloads, peers, native);
      results.workloads = Object.fromEntries(measured);
      results.native = Object.fromEntries(native);
      say(`\n## Workloads in a domU, CPU time\n\n${workloadTable(measured, native)}`);
    }
  }
  say(`\nRatios are peer over ours: median of ${pairs} rounds (lower quartile). Load at the end ${load()}.`);
  if (options.json !== undefined) writeFileSync(options.json, `${JSON.stringify(results, undefined, 1)}\n`);
}

try {
  await bench();
} finally {
  rmSync(work, { recursive: true, force: true });
}
