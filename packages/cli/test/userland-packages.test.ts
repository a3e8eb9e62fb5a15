import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { DebianOptions } from '../src/guests/index.ts';
import { fetchPackages } from '../src/guests/packages.ts';
import { treeEntries } from '../src/guests/root-tree.ts';

interface TestPackage {
  readonly name: string;
  readonly version: string;
  readonly depends?: string;
  readonly recommends?: string;
}

/** Each package holds one file, usr/share/NAME, with its version. */
const PACKAGES: readonly TestPackage[] = [
  { name: 'program', version: '1:2.0-1', depends: 'library (>= 1), data', recommends: 'ornament' },
  { name: 'library', version: '1.5-1', depends: 'data' },
  { name: 'data', version: '3' },
  { name: 'ornament', version: '1' },
  { name: 'other', version: '1', depends: 'nowhere' },
];

let folder = '';
const put = (path: string, content: string): string => {
  mkdirSync(dirname(join(folder, path)), { recursive: true });
  writeFileSync(join(folder, path), content);
  return join(folder, path);
};

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'dom0less-packages-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

// apt itself, over an archive in a folder: everything but the network is real.
describe.runIf(existsSync('/usr/bin/apt-get') && existsSync('/usr/bin/dpkg-deb'))('fetchPackages, with apt', () => {
  const inherited = process.env.APT_CONFIG;
  const sha256 = (path: string): string => createHash('sha256').update(readFileSync(path)).digest('hex');

  function build({ name, version, depends, recommends }: TestPackage): string {
    const control = [
      `Package: ${name}`,
      `Version: ${version}`,
      'Architecture: arm64',
      'Maintainer: Test <test@localhost>',
      ...(depends === undefined ? [] : [`Depends: ${depends}`]),
      ...(recommends === undefined ? [] : [`Recommends: ${recommends}`]),
      'Description: test package',
      '',
    ].join('\n');
    put(`build/${name}/DEBIAN/control`, control);
    put(`build/${name}/usr/share/${name}`, version);
    mkdirSync(join(folder, 'archive/pool'), { recursive: true });
    const path = join(folder, `archive/pool/${name}.deb`);
    execFileSync('dpkg-deb', ['--root-owner-group', '--build', join(folder, 'build', name), path]);
    return `${control}Filename: pool/${name}.deb\nSize: ${statSync(path).size}\nSHA256: ${sha256(path)}\n`;
  }

  function publish(packages: readonly TestPackage[]): void {
    rmSync(join(folder, 'archive'), { recursive: true, force: true });
    const index = 'main/binary-arm64/Packages';
    const path = put(`archive/dists/bookworm/${index}`, packages.map(build).join('\n'));
    const release = `Origin: test\nSuite: bookworm\nCodename: bookworm\nArchitectures: arm64\nComponents: main\nDate: Sat, 01 Jan 2022 00:00:00 UTC\nSHA256:\n ${sha256(path)} ${statSync(path).size} ${index}\n`;
    put('archive/dists/bookworm/Release', release);
  }

  const options = (cache: string, lines: string[] = []): DebianOptions => ({
    cacheDir: join(folder, cache),
    osRelease: join(folder, 'os-release'),
    onProgress: (line) => lines.push(line),
  });

  beforeAll(() => {
    put('os-release', 'ID=debian\nVERSION_CODENAME=bookworm\n');
    put('etc/none.d/README', '');
    const list = put('etc/sources.list', `deb [arch=amd64 trusted=yes] file:${folder}/archive bookworm main\n`);
    const settings = [`Dir::Etc::sourcelist "${list}";`, `Dir::Etc::sourceparts "${folder}/etc/none.d";`];
    process.env.APT_CONFIG = put('etc/apt.conf', `${settings.join('\n')}\n`);
    publish(PACKAGES);
  });
  afterAll(() => {
    if (inherited === undefined) delete process.env.APT_CONFIG;
    else process.env.APT_CONFIG = inherited;
  });

  it('unpacks a package and all that it depends on, but nothing that is only recommended', async () => {
    const { root, packages } = await fetchPackages(['program'], options('cache'));
    expect(packages).toEqual(['data=3', 'library=1.5-1', 'program=1:2.0-1']);
    expect(readdirSync(join(root, 'usr/share')).sort()).toEqual(['data', 'library', 'program']);
    expect(readFileSync(join(root, 'usr/share/program'), 'utf8')).toBe('1:2.0-1');
  });

  it('asks nobody the second time, whatever the order of the names, and again when told to', async () => {
    await fetchPackages(['library', 'ornament'], options('again'));
    publish(PACKAGES.map((one) => (one.name === 'data' ? { ...one, version: '4' } : one)));
    const lines: string[] = [];
    const cached = await fetchPackages(['ornament', 'library'], options('again', lines));
    expect(lines).toEqual([]);
    expect(cached.packages).toContain('data=3');
    const fresh = await fetchPackages(['library', 'ornament'], { ...options('again'), refresh: true });
    expect(fresh.packages).toContain('data=4');
    expect(fresh.root).not.toBe(cached.root);
  });

  it('fetches again what was lost from the cache, and leaves nothing else in it', async () => {
    const first = await fetchPackages(['data'], options('lost'));
    rmSync(join(first.root, 'usr/share/data'));
    const second = await fetchPackages(['data'], options('lost'));
    expect(readFileSync(join(second.root, 'usr/share/data'), 'utf8')).not.toBe('');
    const kept = readdirSync(dirname(second.root)).filter((name) => !/^(?:root-\w+|packages-\w+\.json)$/.test(name));
    expect(kept).toEqual([]);
  });

  it('fetches once when several ask at the same time', async () => {
    const lines: string[] = [];
    await Promise.all([1, 2, 3].map(() => fetchPackages(['program'], options('shared', lines))));
    expect(lines.filter((line) => line.startsWith('downloading'))).toHaveLength(1);
  });

  it('names the package that the archive lacks, and takes no option for a package', async () => {
    const refused = { code: 'package-not-found' };
    const missing = fetchPackages(['nothing-like-it'], options('missing'));
    await expect(missing).rejects.toMatchObject({ ...refused, message: expect.stringContaining('nothing-like-it') });
    await expect(fetchPackages(['--reinstall'], options('missing'))).rejects.toMatchObject(refused);
    await expect(fetchPackages(['other'], options('missing'))).rejects.toMatchObject(refused);
  });

  it('stops when it is told to', async () => {
    const stop = new AbortController();
    const fetching = fetchPackages(['program'], {
      ...options('stopped'),
      signal: stop.signal,
      onProgress: () => stop.abort(),
    });
    await expect(fetching).rejects.toMatchObject({ code: 'aborted' });
  });
});

describe('treeEntries', () => {
  it('lists folders before what they hold, keeps links and permissions, and leaves out what is refused', async () => {
    put('tree/b/program', 'text');
    execFileSync('chmod', ['755', join(folder, 'tree/b/program'), join(folder, 'tree'), join(folder, 'tree/b')]);
    put('tree/c/doc/page', 'text');
    execFileSync('chmod', ['750', join(folder, 'tree/c')]);
    symlinkSync('b/program', join(folder, 'tree/a'));
    symlinkSync('/nowhere', join(folder, 'tree/c/absolute'));
    execFileSync('mkfifo', [join(folder, 'tree/pipe')]);
    expect(await treeEntries(join(folder, 'tree'), (path) => path !== 'c/doc')).toEqual([
      { type: 'symlink', path: 'a', target: 'b/program' },
      { type: 'directory', path: 'b', mode: 0o755 },
      { type: 'file', path: 'b/program', mode: 0o755, data: Buffer.from('text') },
      { type: 'directory', path: 'c', mode: 0o750 },
      { type: 'symlink', path: 'c/absolute', target: '/nowhere' },
    ]);
  });
});
