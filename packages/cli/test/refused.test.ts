/** Host trees whose first domain is wrong or odd: it is told what and where, and its neighbour boots. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { compileDts, writeFdt } from '@dom0less/fdt';
import { describe, expect, it } from 'vitest';
import { smallGuest } from '../src/small-guests/index.ts';
import { Folder } from './boards.ts';
import { Command } from './command.ts';

const folder = new Folder();
const source = (name: string): string =>
  readFileSync(fileURLToPath(new URL(`./fixtures/refused/${name}.dts`, import.meta.url)), 'utf8');

const banner = smallGuest('banner');
const KERNEL = folder.put('banner', banner);
const RAMDISK = folder.put('ramdisk', new Uint8Array(4096).fill(1));
const GZIP = folder.put('banner.gz', gzipSync(banner));
const GARBAGE = folder.put('garbage', Buffer.alloc(0x100000, 'garbage!'));
const FILES = [`0x50000000=${KERNEL}`, `0x5c000000=${RAMDISK}`, `0x6c000000=${RAMDISK}`, `0x6a000000=${GARBAGE}`];

/** What is done to a tree, what is loaded at 0x60000000, and what is said. */
interface Case {
  readonly tree: string;
  readonly edit?: (dts: string) => string;
  readonly second?: string;
  /** Each is part of one line. */
  readonly says: readonly string[];
}

async function boot({ tree, edit, second = GARBAGE }: Case, ...options: string[]) {
  const dts = source(tree);
  const board = folder.put(`${tree}.dts`, edit?.(dts) ?? dts);
  const loads = [...FILES, `0x60000000=${second}`].flatMap((load) => ['--load', load]);
  const command = new Command(['run', board, ...loads, '--timeout', '20', ...options]);
  const code = await command.exited;
  return { code, stdout: command.stdout, stderr: command.stderr };
}

const U1 = '/chosen/domU1';

describe('a domain that is wrong is told node, property and value, and the other one boots', () => {
  const cases: readonly (Case & { readonly what?: string })[] = [
    { tree: 'nomem', says: [`error domain-memory-missing: ${U1}: memory is missing (add memory =`] },
    { tree: 'mem1cell', says: [`${U1}: memory = <0x40000>: memory has one cell`, '(write memory = <0 0x40000>)'] },
    { tree: 'membig', says: [`${U1}: memory = <0x0 0x800000>: the domain wants 8388608 KiB`, '(lower the'] },
    { tree: 'nocpus', says: [`${U1}: cpus is missing (add cpus = <1>)`] },
    { tree: 'cpus0', says: [`${U1}: cpus = <0x0>: cpus is 0`, '(set cpus to a value from 1 to 8)'] },
    { tree: 'cpus200', says: [`${U1}: cpus = <0xc8>: cpus is 200`, '(set cpus to a value from 1 to 8)'] },
    { tree: 'nokernel', says: [`${U1}: the domain has no usable kernel module (add a child`] },
    { tree: 'noreg', says: [`${U1}/module@50000000: the module has no reg`, '(add reg ='] },
    {
      tree: 'kernelsize0',
      says: [`${U1}/module@50000000: reg = <0x0 0x50000000 0x0 0x0>: the kernel module has size 0`],
    },
    {
      tree: 'overlap',
      says: [
        `${U1}/module@50100000: reg = <0x0 0x50100000 0x0 0xf0faf>: the ramdisk module [0x50100000,`,
        'overlaps [0x50000000, 0x51a09fc0), the kernel module',
      ],
    },
    { tree: 'garbage', says: [`${U1}/module@60000000: the kernel image of 1048576 bytes`, '(use an arm64 Image'] },
    {
      tree: 'rdbeyond',
      says: [`${U1}/module@200000000: reg = <0x2 0x0 0x0 0xf0faf>: the ramdisk module`, '(load the file'],
    },
    { tree: 'enhanced', says: [`${U1}: xen,enhanced = "enabled": xen,enhanced asks for xenstore`] },
    { tree: 'baddtbmod', says: [`${U1}/module@6a000000: the device-tree module is no device tree`] },
    { tree: 'directmapnostatic', says: [`${U1}: direct-map: direct-map needs xen,static-mem`] },
    {
      what: 'a kernel that nobody loaded',
      tree: 'garbage',
      edit: (dts) => dts.replace('60000000 0x0 0x100000', '70000000 0x0 0x100000'),
      says: [`error module-not-loaded: ${U1}/module@60000000: reg = <0x0 0x70000000 0x0 0x100000>: no file is loaded`],
    },
  ];

  it.each(cases.map((one) => [one.what ?? one.tree, one] as const))('%s', async (_what, one) => {
    const { code, stdout, stderr } = await boot(one);
    expect(stderr).not.toContain('bug of dom0less');
    expect(stdout).toContain('banner: a guest');
    expect(stderr).toContain('domU2 powered off');
    for (const text of one.says) expect(stderr).toContain(text);
    expect(stderr).toMatch(/domU1 could not be started/);
    expect(code).toBe(1);
    const strict = await boot(one, '--strict');
    expect(strict).toMatchObject({ code: 2, stdout: '' });
  });
});

describe('a domain that is only odd boots too, with a remark', () => {
  const cases: readonly (Case & { readonly what?: string })[] = [
    {
      tree: 'unknownprop',
      says: ['frobnicate = <0x1 0x2 0x3>: the property frobnicate is not known', 'xen,bogus = "x"'],
    },
    { tree: 'cpus8of2', says: [] },
    { tree: 'nocells', says: [] },
    { tree: 'noramdisk', says: [] },
    { tree: 'gzkernel', second: GZIP, says: [] },
    {
      what: 'two kernels',
      tree: 'noramdisk',
      edit: (dts) =>
        dts.replace(
          /(domU1 \{[\s\S]*?)module@50000000/,
          '$1module@60000000 { compatible = "multiboot,kernel", "multiboot,module"; reg = <0 0x60000000 0 0x1000>; }; module@50000000',
        ),
      says: [`${U1}/module@50000000: a second kernel module replaces ${U1}/module@60000000 (keep one`],
    },
  ];

  it.each(cases.map((one) => [one.what ?? one.tree, one] as const))('%s', async (_what, one) => {
    const { code, stdout, stderr } = await boot(one);
    for (const text of one.says) expect(stderr).toContain(text);
    expect(stderr).not.toMatch(/^error/m);
    expect(stdout.match(/DOM\d: banner: a guest/g)).toHaveLength(2);
    expect(code).toBe(0);
  });
});

describe('a board that is wrong as a whole exits with 2', () => {
  it('a blob that is cut off says where', async () => {
    const blob = writeFdt(compileDts(source('cpus8of2')));
    for (const length of [3, 39, 100, blob.length - 1]) {
      const board = folder.put('cut.dtb', blob.subarray(0, length));
      const command = new Command(['run', board]);
      expect(await command.exited).toBe(2);
      expect(command.stderr).toContain(board);
      expect(command.stderr).not.toContain('bug of dom0less');
    }
  });
});
