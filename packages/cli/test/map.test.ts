import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { compileDts } from '@dom0less/fdt';
import { planBoard } from '@dom0less/hypervisor/plan';
import { describe, expect, it } from 'vitest';
import { main } from '../src/cli.ts';
import { type Claim, memoryMap, segmentsOf } from '../src/map/model.ts';
import { Folder, hostTree } from './boards.ts';
import { fakeIo } from './fake-io.ts';

const folder = new Folder();
const TWO = hostTree([
  { name: 'domU1', kernel: 0x48000000 },
  { name: 'domU2', kernel: 0x48000000, memory: '<0 0x8000>' },
]);
const map = async (source: string, ...args: string[]) => {
  const io = fakeIo();
  const code = await main(['map', folder.put('board.dts', source), ...args], io);
  return { code, stdout: io.stdout.bytes.toString('utf8'), stderr: io.stderr.text };
};
const claim = (start: number, size: number, label: string): Claim => ({ start, size, use: 'ram', owners: [], label });
const modelOf = (source: string) =>
  memoryMap(planBoard({ tree: compileDts(source), modules: new Map(), assumeModules: true }));

describe('segments', () => {
  const cut = (...claims: Claim[]) =>
    segmentsOf({ start: 100, size: 100 }, claims).map(({ start, size, claims: all }) =>
      [start, size, ...all.map(({ label }) => label)].join(' '),
    );

  it('are free where nobody claims anything', () => expect(cut()).toEqual(['100 100']));

  it('have several claims where claims overlap, and end at the bank', () => {
    expect(cut(claim(90, 20, 'a'), claim(105, 20, 'b'), claim(190, 99, 'c'))).toEqual([
      '100 5 a',
      '105 5 a b',
      '110 15 b',
      '125 65',
      '190 10 c',
    ]);
  });

  it('are as long as the bank together', () => {
    for (let n = 0; n < 50; n++) {
      const claims = Array.from({ length: n }, (_, i) => claim((i * 37) % 220, (i * 13) % 40, `${i}`));
      const segments = segmentsOf({ start: 100, size: 100 }, claims);
      expect(segments.reduce((sum, { size }) => sum + size, 0)).toBe(100);
      expect(segments[0]!.start).toBe(100);
    }
  });
});

describe('map', () => {
  it('has the host with what each domain has of it, and each guest as it sees itself', () => {
    const { host, guests, total, free, outside } = modelOf(TWO);
    expect(total).toBe(2 ** 30);
    const ram = host.banks[0]!.segments.filter(({ claims }) => claims[0]?.use === 'ram');
    expect(ram.map(({ size, claims }) => [claims[0]!.owners[0], size])).toEqual([
      ['domU1', 2 ** 24],
      ['domU2', 2 ** 25],
    ]);
    const images = host.banks[0]!.segments.filter(({ claims }) => claims[0]?.use === 'kernel');
    expect(images.map(({ claims }) => claims[0]!.owners)).toEqual([['domU1', 'domU2']]);
    expect(free).toBeLessThan(total - 2 ** 24 - 2 ** 25);
    expect(outside).toEqual([]);
    expect(guests.map(({ title, banks }) => [title, banks[0]!.range])).toEqual([
      ['domU1', { start: 0x40000000, size: 2 ** 24 }],
      ['domU2', { start: 0x40000000, size: 2 ** 25 }],
    ]);
    expect(guests[0]!.banks[0]!.segments[0]).toMatchObject({ start: 0x40000000, size: 0x100000 });
  });

  it('is a bar and a list at the terminal', async () => {
    const { code, stdout } = await map(TWO);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^host memory: 1 GiB, .* free\n {2}\S{64}\n {4}0x40000000 +16 MiB {2}█ domU1: RAM\n/);
    expect(stdout).toContain('0x48000000      1 MiB  ▓ domU1, domU2: kernel\n');
    expect(stdout).toMatch(/domU2, as the guest sees it \(IPA\): 32 MiB, .* free\n/);
  });

  it('shows what overlaps, and what lies where there is no memory', async () => {
    const overlapping = TWO.replace('module@48000000', 'module@48080000').replace('<0 0x48000000', '<0 0x48080000');
    const { stdout, stderr } = await map(overlapping);
    expect(stderr).toContain('error module-overlap');
    expect(stdout).toMatch(/0x48080000 +512 KiB {2}╳ OVERLAP domU2: kernel \/ domU1: kernel\n/);
    const away = TWO.replace('<0 0x48000000', '<1 0x48000000');
    expect((await map(away)).stdout).toMatch(/no memory there:\n +0x148000000 +1 MiB {2}domU1: kernel\n/);
  });

  it('is a picture for light and dark', async () => {
    const file = join(folder.path, 'map.svg');
    expect((await map(TWO, '--svg', file)).code).toBe(0);
    const svg = readFileSync(file, 'utf8');
    expect(svg).toMatch(/^<svg xmlns="http:\/\/www.w3.org\/2000\/svg" viewBox="0 0 880 \d+"/);
    expect(svg).toContain('@media (prefers-color-scheme: dark)');
    expect(svg).toContain('<title>0x40000000 to 0x41000000: domU1: RAM (16 MiB)</title>');
    expect(svg.match(/class="band /g)).toHaveLength(2);
    expect(svg).not.toMatch(/NaN|undefined/);
    expect((await map(TWO, '--svg', '-')).stdout).toBe(svg);
    expect(await map(TWO, '--svg', '/nonexistent/x.svg')).toMatchObject({ code: 2 });
  });

  it('escapes names', async () => {
    const { stdout } = await map(TWO.replace('domU1 {', 'domU1 { dom0less,name = "a+b";'), '--svg', '-');
    expect(stdout).toContain('a+b: RAM');
  });
});
