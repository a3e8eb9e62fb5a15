import { describe, expect, it } from 'vitest';
import { main } from '../src/cli.ts';
import { ENTRIES } from '../src/explain/entries.ts';
import { smallGuest } from '../src/small-guests/index.ts';
import { Folder, hostTree } from './boards.ts';
import { fakeIo } from './fake-io.ts';

const folder = new Folder();
const kernel = folder.put('kernel', smallGuest('banner'));
const board = folder.put(
  'board.dts',
  hostTree([
    { name: 'domU1', kernel: 0x48000000 },
    { name: 'dom.U2@1', kernel: 0x48000000, vpl011: false },
  ]).replace('vpl011;', 'vpl011; nr_spis = <64>;'),
);
const explain = async (...args: string[]) => {
  const io = fakeIo();
  const code = await main(['explain', ...args], io);
  return { code, stdout: io.stdout.text, stderr: io.stderr.text };
};

describe('explain', () => {
  it('lists every entry of every domain, given or default, with place and release', async () => {
    const { code, stdout } = await explain(board);
    expect(code).toBe(0);
    for (const { name } of ENTRIES) expect(stdout).toContain(`\n  ${name} `);
    expect(stdout).toMatch(/domU1: domain 1 \(\/chosen\/domU1, .*board\.dts:16\), can be built/);
    expect(stdout).toMatch(/ {2}memory +16 MiB \(16384 KiB\) +.*board\.dts:18 {2}Xen 4\.12\n/);
    expect(stdout).toMatch(/ {2}nr_spis +64 +.*board\.dts:18 {2}Xen 4\.13\n/);
    expect(stdout).toMatch(/ {2}max_grant_frames +64 +default +Xen 4\.18\n/);
    expect(stdout).toContain('domain 2');
  });

  it('one domain: where its images go', async () => {
    const { stdout } = await explain(board, 'domU1', '--load', `0x48000000=${kernel}`);
    expect(stdout).toMatch(/kernel +.* at 0x48000000; arm64-image, goes to IPA 0x40000000/);
    expect(stdout).toMatch(/RAM +0x40000000 to 0x41000000 \(16 MiB\)\n +in host +0x40000000 to 0x41000000/);
    expect(stdout).not.toContain('domain 2');
  });

  it('one property: meaning, place, default, release, and what is wrong with it', async () => {
    const { stdout } = await explain(board, 'domU1.nr_spis');
    expect(stdout).toMatch(/^domU1\.nr_spis = 64\n.*virtual GIC\n {2}given in .*board\.dts:18\n {2}default: as many/);
    const wrong = folder.put('wrong.dts', hostTree([{ name: 'domU1', kernel: 0x48000000, memory: '<0x4000>' }]));
    expect((await explain(wrong, 'domU1.memory')).stdout).toContain('error[domain-memory-one-cell]');
  });

  it('what only this project knows: name, UUID, GIC, restarts, start', async () => {
    const own = [
      ...[
        'dom0less,name = "web"; dom0less,uuid = "01234567-89AB-cdef-0123-456789abcdef"; dom0less,gic-version = "v3";',
      ],
      ...['dom0less,on-reboot = "restart"; dom0less,max-restarts = <7>; dom0less,start-order = <2>;'],
    ].join(' ');
    const source = hostTree([
      { name: 'domU1', kernel: 0x48000000 },
      { name: 'domU2', kernel: 0x48000000 },
    ])
      .replace('vpl011;', `vpl011; ${own}`)
      .replace(/(domU2 \{[^}]*?vpl011;)/, '$1 dom0less,start-after = "web", "ready";');
    const path = folder.put('own.dts', source);
    const values = async (domain: string, names: readonly string[]): Promise<string[]> => {
      const texts = await Promise.all(names.map((name) => explain(path, `${domain}.dom0less,${name}`)));
      return texts.map(({ stdout }) => /= (.*)\n/.exec(stdout)?.[1] ?? stdout);
    };
    const names = ['name', 'uuid', 'gic-version', 'on-reboot', 'max-restarts', 'start-order', 'start-after'];
    const uuid = '01234567-89ab-cdef-0123-456789abcdef';
    expect(await values('web', names)).toEqual(['web', uuid, 'v3', 'restart', '7', '2', 'none']);
    const after = 'web prints "ready"';
    expect(await values('domU2', names)).toEqual(['domU2', 'none', 'v2', 'preserve', 'any number', '0', after]);
    expect((await explain(path, 'web.dom0less,uuid')).stdout).toContain('dom0less only: Xen ignores it');
  });

  it('a domain whose name has dots is found, with a property and without', async () => {
    expect((await explain(board, 'dom.U2@1')).stdout).toContain('domain 2');
    expect((await explain(board, 'dom.U2.vpl011')).stdout).toMatch(/^dom\.U2\.vpl011 = off\n.*\n {2}not given/);
  });

  it('what is not there is bad input, with the nearest name', async () => {
    expect(await explain(board, 'domU7')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('no domain domU7'),
    });
    const { code, stderr } = await explain(board, 'domU1.memry');
    expect(code).toBe(2);
    expect(stderr).toContain('did you mean memory?');
  });
});
