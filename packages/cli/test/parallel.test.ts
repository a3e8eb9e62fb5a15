/**
 * Several pCPUs, each a thread: Linux with many vCPUs, many domains, threads that die. With DOM0LESS_PARALLEL_ROUNDS=N all
 * of it N times, to see whether it holds.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { writeFdt } from '@dom0less/fdt';
import { Board } from '@dom0less/hypervisor';
import { readModule } from '@dom0less/hypervisor/plan';
import { beforeAll, describe, expect, it } from 'vitest';
import { main } from '../src/cli.ts';
import { runBoard } from '../src/commands/run.ts';
import { findGuests } from '../src/guests/index.ts';
import { hostBoard } from '../src/host-tree.ts';
import { startThread } from '../src/pcpu-thread.ts';
import { smallGuest } from '../src/small-guests/index.ts';
import { Folder, hostTree } from './boards.ts';
import { Command } from './command.ts';
import { type FakeIo, fakeIo } from './fake-io.ts';
import { EVENTS, INTERRUPTED, PING_PONG, SPIN } from './parallel-guests.ts';

const FETCH_MS = 300_000;
/** A loaded host is slow, and slower where it takes the cores from vCPUs that others wait for. */
const BOOT_MS = 600_000;
const TIMEOUT = ['--timeout', String(BOOT_MS / 1000)];
const ROUNDS = Number(process.env.DOM0LESS_PARALLEL_ROUNDS ?? 1);
const WORKER = new URL('../dist/pcpu-worker.cjs', import.meta.url);
/** Threads run what was built, not the sources that the tests do. */
const PLAIN = { execArgv: [] };
const OUT_OF_LUCK = 'throw new Error("out of luck");';
const DEAD_WORKER = new URL(`data:text/javascript,${OUT_OF_LUCK}`);
/** A pCPU that reads its clock a thousand times and dies of the next, with the lock of the system counter in its hands. */
const DYING_WORKER = new URL(
  `data:text/javascript,${encodeURIComponent(`
    const now = performance.now.bind(performance);
    let reads = 0;
    performance.now = () => {
      if (++reads > 1000) ${OUT_OF_LUCK}
      return now();
    };
    await import(${JSON.stringify(WORKER.href)});`)}`,
);

const folder = new Folder();

/** A process whose boards and threads are real ones. */
const realIo = (): FakeIo => ({
  ...fakeIo(),
  hostCpus: 2,
  prepareBoard: async (options) => Board.prepare(options),
  startPcpu: (work, notify) => startThread(WORKER, work, notify, PLAIN),
});

const wishes = {
  ...{ consoleLog: undefined, expectations: [], sends: [], timeout: BOOT_MS / 1000, seed: undefined },
  ...{ json: false, strict: true, raw: false, pcpus: 2, deterministic: false },
};

beforeAll(async () => {
  const search = await findGuests({ onProgress: (line) => process.stderr.write(`${line}\n`) });
  if (!search.found) throw new Error(`no guests: ${search.reason}`);
}, FETCH_MS);

describe.each(Array.from({ length: ROUNDS }, (_, n) => n + 1))('several pCPUs (round %i)', () => {
  it.each([2, 4, 8])(
    'run Linux with %i vCPUs to its user space',
    async (vcpus) => {
      const work = 'for i in 1 2 3 4 5 6 7 8; do (seq 2000 | md5sum) & done; wait; echo $(nproc)-of-$((6*7))';
      const command = new Command([
        ...['start', '--domains', '1', '--vcpus', String(vcpus), '--pcpus', '2', ...TIMEOUT],
        ...['--send', `domU1=domU1:\\S+# =${work}\\n`, '--expect', `domU1=^${vcpus}-of-42`],
      ]);
      expect(await command.exited).toBe(0);
      const sums = command.stdout.match(/^[\da-f]{32} /gm) ?? [];
      expect([sums.length, new Set(sums).size]).toEqual([8, 1]);
      expect(command.stdout).not.toMatch(/BUG|WARNING: CPU|soft lockup|rcu_sched self-detected/);
    },
    BOOT_MS,
  );

  it(
    'let Linux take a CPU off and on again',
    async () => {
      const online = '/sys/devices/system/cpu/cpu1/online';
      const work = `for i in 1 2 3; do echo 0 > ${online}; nproc; echo 1 > ${online}; nproc; done; echo plug-$((6*7))`;
      const command = new Command([
        ...['start', '--domains', '1', '--vcpus', '3', '--pcpus', '2', ...TIMEOUT],
        ...['--send', `domU1=domU1:\\S+# =${work}\\n`, '--expect', 'domU1=^plug-42'],
      ]);
      expect(await command.exited).toBe(0);
      expect(command.stdout.match(/psci: CPU1 killed/g)).toHaveLength(3);
      expect(command.stdout.match(/^[23]\r?$/gm)!.map((line) => line.trim())).toEqual(['2', '3', '2', '3', '2', '3']);
    },
    BOOT_MS,
  );

  it('run 16 small domains, and end when all have', async () => {
    const names = Array.from({ length: 16 }, (_, n) => `domU${n + 1}`);
    const kernel = folder.put('banner', smallGuest('banner'));
    const at = (n: number): number => 0x48000000 + n * 2 ** 21;
    const board = folder.put('16.dts', hostTree(names.map((name, n) => ({ name, kernel: at(n) }))));
    const loads = names.flatMap((_, n) => ['--load', `0x${at(n).toString(16)}=${kernel}`]);
    const logs = join(folder.path, 'logs16');
    const command = new Command(['run', board, ...loads, '--pcpus', '4', '--console-log', logs, ...TIMEOUT]);
    expect(await command.exited).toBe(0);
    const texts = names.map((name) => readFileSync(join(logs, `${name}.log`), 'latin1'));
    expect(new Set(texts)).toEqual(new Set(['banner: a guest that says hello and powers off\r\n']));
  });

  it.each([
    ['wake each other from WFI by SGIs', PING_PONG, 2],
    ['wake each other from WFE by SEV and by stores', EVENTS, 2],
    ['interrupt each other while they compute', INTERRUPTED, 1],
  ])(
    '%s, over and over',
    async (_, kernel, domains) => {
      const io = realIo();
      const names = ['one', 'two'].slice(0, domains);
      const input = hostBoard(names.map((name) => ({ name, memoryMiB: 16, cpus: 2, bootargs: '', kernel })));
      expect(await runBoard(input, wishes, io)).toBe(0);
      expect(io.stdout.text.match(/: done/g)).toHaveLength(domains);
    },
    BOOT_MS,
  );

  it(
    'leave the keyboard to a domain that waits while others compute on all of them',
    async () => {
      const io = realIo();
      const spin = { memoryMiB: 16, bootargs: '', kernel: SPIN };
      const input = hostBoard([
        { name: 'echo', memoryMiB: 16, bootargs: '', kernel: smallGuest('echo') },
        ...[1, 2, 3].map((n) => ({ ...spin, name: `spin${n}` })),
      ]);
      const ran = runBoard(input, { ...wishes, expectations: [{ domain: 'echo', regex: /typed here/ }] }, io);
      io.stdin.write('typed here');
      expect(await ran).toBe(0);
    },
    BOOT_MS,
  );
});

describe('a thread that dies', () => {
  const spins = () => hostBoard([1, 2].map((n) => ({ name: `spin${n}`, memoryMiB: 16, bootargs: '', kernel: SPIN })));

  it.each([
    ['at its start', DEAD_WORKER],
    ['with a lock in its hands', DYING_WORKER],
  ])(
    '%s takes down the board, with one clear message and exit code 3, wherever the other threads are',
    async (_, worker) => {
      const io = realIo();
      const startPcpu: FakeIo['startPcpu'] = (work, notify) =>
        startThread(work.init.pcpu === 1 ? worker : WORKER, work, notify, PLAIN);
      const { tree, modules } = spins();
      const board = folder.put('spins.dtb', writeFdt(tree));
      const loads = [...modules].flatMap(([address, bytes]) => {
        return [
          '--load',
          `0x${address.toString(16)}=${folder.put(`spin-${address}`, readModule(bytes, 0, bytes.length))}`,
        ];
      });
      expect(await main(['run', board, ...loads, '--pcpus', '2'], { ...io, startPcpu })).toBe(3);
      expect(io.stderr.text.match(/the thread of pCPU 1 died: out of luck/g)!.length).toBeGreaterThan(0);
      expect(io.stderr.text.match(/this is a bug of dom0less/g)).toHaveLength(1);
    },
    BOOT_MS,
  );

  it(
    'of deterministic mode does so too',
    async () => {
      const io = {
        ...realIo(),
        startPcpu: ((work, notify) => startThread(DEAD_WORKER, work, notify)) as FakeIo['startPcpu'],
      };
      const ran = runBoard(spins(), { ...wishes, deterministic: true }, io);
      await expect(ran).rejects.toThrow('the thread of the pCPUs died: out of luck');
    },
    BOOT_MS,
  );
});

describe('deterministic mode', () => {
  it.each([1, 2])(
    'has vCPUs on %i pCPUs wake each other at the same instructions, twice',
    async (pcpus) => {
      const run = async (): Promise<string[]> => {
        const io = realIo();
        const guests = [PING_PONG, EVENTS];
        const input = hostBoard(
          guests.map((kernel, n) => ({ name: `domU${n + 1}`, memoryMiB: 16, cpus: 2, bootargs: '', kernel })),
        );
        expect(await runBoard(input, { ...wishes, pcpus, deterministic: true }, io)).toBe(0);
        expect(io.stdout.text.match(/: done/g)).toHaveLength(2);
        return io.stderr.text.match(/executed .* instructions/g) ?? [];
      };
      const first = await run();
      expect(first).toHaveLength(2);
      expect(await run()).toEqual(first);
    },
    BOOT_MS,
  );

  it(
    'boots Linux with 2 vCPUs on 2 pCPUs to the same bytes and counts of instructions, twice',
    async () => {
      const run = async (name: string): Promise<{ log: string; counts: string[] }> => {
        const logs = join(folder.path, name);
        const command = new Command([
          ...['start', '--domains', '1', '--vcpus', '2', '--pcpus', '2', '--deterministic', '--console-log', logs],
          ...['--send', 'domU1=domU1:\\S+# =cat /proc/interrupts\\n', '--expect', 'domU1=^Err:', ...TIMEOUT],
        ]);
        expect(await command.exited).toBe(0);
        const counts = command.stderr.match(/executed .* instructions/g) ?? [];
        return { log: readFileSync(join(logs, 'domU1.log'), 'latin1'), counts };
      };
      const [first, second] = [await run('first'), await run('second')];
      expect(first.counts).toHaveLength(1);
      expect(second).toEqual(first);
    },
    2 * BOOT_MS,
  );
});
