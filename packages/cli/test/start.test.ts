import { readModule } from '@dom0less/hypervisor/plan';
import { parseBootPlan } from '@dom0less/multiboot';
import { describe, expect, it } from 'vitest';
import { main } from '../src/cli.ts';
import { hostBoard } from '../src/host-tree.ts';
import type { CliIo } from '../src/io.ts';
import { SMALL_GUESTS, smallGuest } from '../src/small-guests/index.ts';
import { Folder } from './boards.ts';
import { fakeIo } from './fake-io.ts';

const folder = new Folder();
const kernel = folder.put('kernel', Buffer.alloc(5_000_000, 'k'));
const ramdisk = folder.put('ramdisk', Buffer.alloc(3_000_000, 'r'));

const start = async (args: readonly string[], env: Record<string, string> = {}) => {
  const io = fakeIo({
    env,
    script: (board) => {
      for (const { id } of board.domains) board.end(id, 'poweroff');
      board.notify();
    },
  });
  const code = await main(['start', ...args], io);
  return { code, stderr: io.stderr.text, board: io.boards[0] };
};

describe('the host tree of start', () => {
  it('is a boot plan without any remark, whose modules are where the bytes are', () => {
    const domains = ['domU1', 'domU2'].map((name, n) => ({
      name,
      memoryMiB: 64,
      bootargs: `console=ttyAMA0 name=${name} x="quoted"`,
      kernel: new Uint8Array(3 * 2 ** 20 + n),
      ramdisk: n === 0 ? new Uint8Array(100) : undefined,
    }));
    const { tree, modules } = hostBoard(domains);
    const { plan, diagnostics } = parseBootPlan(tree);
    expect(diagnostics).toEqual([]);
    for (const [n, domain] of plan.domains.entries()) {
      const spec = domains[n]!;
      expect(domain).toMatchObject({ valid: true, name: spec.name, memoryKiB: 65536, vpl011: true, cpus: 1 });
      expect(domain.bootargs).toBe(spec.bootargs);
      const { kernel: image, ramdisk: initrd } = domain.modules;
      expect(modules.get(image!.address)).toBe(spec.kernel);
      expect(image!.size).toBe(spec.kernel.length);
      expect(initrd && modules.get(initrd.address)).toBe(spec.ramdisk);
    }
  });
});

describe('start', () => {
  it('boots the kernel and ramdisk that the environment names, with 256 MiB each, twice or as often as --domains says', async () => {
    const env = { DOM0LESS_KERNEL: kernel, DOM0LESS_RAMDISK: ramdisk };
    for (const [args, names] of [
      [[], ['domU1', 'domU2']],
      [['--domains', '1'], ['domU1']],
      [
        ['--domains', '3'],
        ['domU1', 'domU2', 'domU3'],
      ],
    ] as const) {
      const { code, stderr, board } = await start(args, env);
      expect(code).toBe(0);
      expect(stderr).toContain(`booting ${kernel} with ${ramdisk} as ${names.join(', ')}`);
      expect(stderr).not.toMatch(/^(error|warning)/m);
      expect(board!.domains).toMatchObject(names.map((name) => ({ name, memoryKiB: 256 * 1024, console: true })));
      const { domains } = parseBootPlan(board!.options.tree).plan;
      expect(domains.map(({ bootargs }) => bootargs)).toEqual(names.map((name) => `console=ttyAMA0 name=${name}`));
      // The files are in host memory once.
      expect([...board!.options.modules.values()].map((module) => readModule(module, 0, 1)[0])).toEqual([0x6b, 0x72]);
    }
  });

  it('with neither boots small guests of our own, and says so and why', async () => {
    const { code, stderr, board } = await start([]);
    expect(code).toBe(0);
    expect(stderr).toMatch(/booting small guests of our own \(echo, ticker, banner\): this system is not Debian, and/);
    expect(board!.domains.map(({ name }) => name)).toEqual(SMALL_GUESTS);
    expect([...board!.options.modules.values()]).toEqual(SMALL_GUESTS.map(smallGuest));
  });

  it('--small-guests boots them although others could be had', async () => {
    const { board } = await start(['--small-guests'], { DOM0LESS_KERNEL: kernel });
    expect(board!.domains.map(({ name }) => name)).toEqual(SMALL_GUESTS);
  });

  it.each([
    ['--kernel', ['--kernel', 'rt']],
    ['--backports', ['--backports']],
  ])('%s is never answered with another kernel', async (option, args) => {
    for (const [more, env, reason] of [
      [[], {}, 'this system is not Debian'],
      [['--small-guests'], {}, `${option}: --small-guests boots none of Debian's kernels`],
      [[], { DOM0LESS_KERNEL: kernel }, `${option}: DOM0LESS_KERNEL names the kernel; unset it`],
    ] as const) {
      const { code, stderr, board } = await start([...args, ...more], env);
      expect(code).toBe(2);
      expect(stderr).toContain(reason);
      expect(board).toBeUndefined();
    }
  });

  it('names the kernels that there are when another is asked for', async () => {
    const { code, stderr } = await start(['--kernel', 'lts']);
    expect(code).toBe(2);
    expect(stderr).toContain('--kernel lts: expected one of cloud, stock, rt, 16k');
  });

  it('a signal that comes while guests are looked for ends it before anything boots', async () => {
    const io = fakeIo({ env: { DOM0LESS_KERNEL: kernel } });
    const onSignal: CliIo['onSignal'] = (listener) => {
      queueMicrotask(() => listener('SIGINT'));
      return io.onSignal(listener);
    };
    expect(await main(['start'], { ...io, onSignal })).toBe(130);
    expect(io.boards).toEqual([]);
  });

  it('2 when the environment names a file that is not there', async () => {
    const { code, stderr } = await start([], { DOM0LESS_KERNEL: '/nonexistent/Image' });
    expect(code).toBe(2);
    expect(stderr).toContain("DOM0LESS_KERNEL=/nonexistent/Image can't be read (name a readable file");
  });
});
