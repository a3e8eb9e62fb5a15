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
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type DebianOptions, fetchDebianGuests } from '../src/guests/index.ts';

/** A package of the test's own archive: control fields, and the files it holds. */
interface TestPackage {
  readonly name: string;
  readonly version: string;
  readonly depends?: string;
  readonly files: Record<string, string>;
}

const META: TestPackage = {
  name: 'linux-image-cloud-arm64',
  version: '6.1.9-1',
  depends: 'linux-image-6.1.0-9-cloud-arm64 (= 6.1.9-1)',
  files: {},
};
const KERNEL: TestPackage = {
  name: 'linux-image-6.1.0-9-cloud-arm64',
  version: '6.1.9-1',
  files: { 'boot/vmlinuz-6.1.0-9-cloud-arm64': 'a kernel', 'boot/config-6.1.0-9-cloud-arm64': 'its settings' },
};
/** Newer, but not what the meta package stands for. */
const OTHER_KERNEL: TestPackage = {
  name: 'linux-image-6.12.1-cloud-arm64',
  version: '6.12.1-1',
  files: { 'boot/vmlinuz-6.12.1-cloud-arm64': 'another kernel' },
};
const STOCK_META: TestPackage = {
  name: 'linux-image-arm64',
  version: '6.1.9-1',
  depends: 'linux-image-6.1.0-9-arm64 (= 6.1.9-1)',
  files: {},
};
const STOCK_KERNEL: TestPackage = {
  name: 'linux-image-6.1.0-9-arm64',
  version: '6.1.9-1',
  files: { 'boot/vmlinuz-6.1.0-9-arm64': 'a stock kernel' },
};
const BUSYBOX: TestPackage = {
  name: 'busybox-static',
  version: '1:1.35.0-4+b1',
  files: { 'usr/bin/busybox': 'a busybox', 'usr/share/doc/busybox-static/copyright': 'terms' },
};

// apt itself, over an archive in a folder: everything but the network is real.
describe.runIf(existsSync('/usr/bin/apt-get') && existsSync('/usr/bin/dpkg-deb'))('fetchDebianGuests, with apt', () => {
  let folder = '';
  const inherited = process.env.APT_CONFIG;
  const put = (path: string, text: string): string => {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text);
    return join(folder, path);
  };
  const sha256 = (path: string): string => createHash('sha256').update(readFileSync(path)).digest('hex');

  function build({ name, version, depends, files }: TestPackage): string {
    const fields = [
      `Package: ${name}`,
      `Version: ${version}`,
      'Architecture: arm64',
      'Maintainer: Test <test@localhost>',
    ];
    if (depends !== undefined) fields.push(`Depends: ${depends}`);
    const control = [...fields, 'Description: test package', ''].join('\n');
    put(`build/${name}/DEBIAN/control`, control);
    rmSync(join(folder, `build/${name}/boot`), { recursive: true, force: true });
    for (const [file, text] of Object.entries(files)) put(`build/${name}/${file}`, text);
    const deb = `archive/pool/${name}_${version.replace(':', '%3a')}.deb`;
    mkdirSync(join(folder, 'archive/pool'), { recursive: true });
    execFileSync('dpkg-deb', ['--root-owner-group', '--build', join(folder, 'build', name), join(folder, deb)]);
    const path = join(folder, deb);
    return `${control}Filename: ${deb.slice('archive/'.length)}\nSize: ${statSync(path).size}\nSHA256: ${sha256(path)}\n`;
  }

  /** Fills the archive and points apt's system configuration, as apt-config shows it, at an entry for another architecture. */
  function publish(packages: readonly TestPackage[], backports?: readonly TestPackage[]): void {
    rmSync(join(folder, 'archive'), { recursive: true, force: true });
    publishSuite('bookworm', packages);
    if (backports !== undefined) publishSuite('bookworm-backports', backports);
  }

  function publishSuite(suite: string, packages: readonly TestPackage[]): void {
    const index = 'main/binary-arm64/Packages';
    const path = put(`archive/dists/${suite}/${index}`, packages.map(build).join('\n'));
    const release = [
      'Origin: test',
      `Suite: ${suite}`,
      `Codename: ${suite}`,
      'Architectures: arm64',
      'Components: main',
      ...(suite.endsWith('-backports') ? ['NotAutomatic: yes', 'ButAutomaticUpgrades: yes'] : []),
    ];
    const hash = [
      'Date: Sat, 01 Jan 2022 00:00:00 UTC',
      'SHA256:',
      ` ${sha256(path)} ${statSync(path).size} ${index}`,
      '',
    ];
    put(`archive/dists/${suite}/Release`, [...release, ...hash].join('\n'));
  }

  const options = (cache: string, lines: string[] = []): DebianOptions => ({
    cacheDir: join(folder, cache),
    osRelease: join(folder, 'os-release'),
    onProgress: (line) => lines.push(line),
  });

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'dom0less-apt-'));
    put('os-release', 'ID=debian\nVERSION_CODENAME=bookworm\n');
    put('etc/none.d/README', '');
    put('etc/apt.conf.d/hook', `APT::Update::Pre-Invoke { "touch ${folder}/hook-ran"; };\n`);
    const list = put('etc/sources.list', `deb [arch=amd64 trusted=yes] file:${folder}/archive bookworm main\n`);
    const settings = [
      `Dir::Etc::sourcelist "${list}";`,
      `Dir::Etc::sourceparts "${folder}/etc/none.d";`,
      `Dir::Etc::parts "${folder}/etc/apt.conf.d";`,
    ];
    process.env.APT_CONFIG = put('etc/apt.conf', `${settings.join('\n')}\n`);
    publish([META, KERNEL, OTHER_KERNEL, STOCK_META, STOCK_KERNEL, BUSYBOX]);
  });
  afterAll(() => {
    if (inherited === undefined) delete process.env.APT_CONFIG;
    else process.env.APT_CONFIG = inherited;
    rmSync(folder, { recursive: true, force: true });
  });

  it('takes the kernel that the meta package names, and busybox, for arm64 and without running hooks', async () => {
    const guests = await fetchDebianGuests(options('cache'));
    expect(readFileSync(guests.kernel, 'utf8')).toBe('a kernel');
    expect(readFileSync(guests.busybox, 'utf8')).toBe('a busybox');
    expect(guests.versions).toEqual({
      kernel: 'linux-image-6.1.0-9-cloud-arm64 6.1.9-1',
      busybox: 'busybox-static 1:1.35.0-4+b1',
    });
    expect(existsSync(join(folder, 'hook-ran'))).toBe(false);
  });

  it('keeps kernels of several flavours side by side', async () => {
    const cloud = await fetchDebianGuests(options('flavours'));
    const lines: string[] = [];
    const stock = await fetchDebianGuests({ ...options('flavours', lines), flavour: 'stock' });
    expect(readFileSync(stock.kernel, 'utf8')).toBe('a stock kernel');
    expect(lines.filter((line) => line.startsWith('downloading'))).toHaveLength(1);
    expect(await fetchDebianGuests(options('flavours'))).toEqual(cloud);
    expect(await fetchDebianGuests({ ...options('flavours'), flavour: 'stock' })).toEqual(stock);
  });

  it('keeps the two files, each under package and version, and nothing else', async () => {
    await fetchDebianGuests(options('kept'));
    const home = join(folder, 'kept', 'debian-bookworm-arm64');
    const files = readdirSync(home, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
    expect(files.map((entry) => entry.name).sort()).toEqual(['busybox', 'current.json', 'vmlinuz-6.1.0-9-cloud-arm64']);
    expect(readdirSync(home).sort()).toEqual([
      'busybox-static_1%3a1.35.0-4+b1',
      'current.json',
      'linux-image-6.1.0-9-cloud-arm64_6.1.9-1',
    ]);
  });

  it('fetches once when several ask at the same time', async () => {
    const lines: string[] = [];
    const all = await Promise.all([1, 2, 3].map(() => fetchDebianGuests(options('shared', lines))));
    expect(new Set(all.map((guests) => guests.kernel)).size).toBe(1);
    expect(lines.filter((line) => line.startsWith('downloading'))).toHaveLength(2);
  });

  it('asks nobody the second time, and for what is newest when told to', async () => {
    await fetchDebianGuests(options('again'));
    publish([{ ...META, depends: 'linux-image-6.12.1-cloud-arm64 (= 6.12.1-1)' }, KERNEL, OTHER_KERNEL, BUSYBOX]);
    const lines: string[] = [];
    const cached = await fetchDebianGuests(options('again', lines));
    expect(cached.versions.kernel).toBe('linux-image-6.1.0-9-cloud-arm64 6.1.9-1');
    expect(lines).toEqual([]);
    const fresh = await fetchDebianGuests({ ...options('again', lines), refresh: true });
    expect(readFileSync(fresh.kernel, 'utf8')).toBe('another kernel');
    expect(lines.filter((line) => line.startsWith('downloading'))).toEqual([
      expect.stringContaining('linux-image-6.12.1-cloud-arm64 6.12.1-1'),
    ]);
  });

  it('fetches again what was lost from the cache', async () => {
    const first = await fetchDebianGuests(options('lost'));
    rmSync(first.busybox);
    expect(readFileSync((await fetchDebianGuests(options('lost'))).busybox, 'utf8')).toBe('a busybox');
  });

  it('takes the newest kernel of an archive without the meta package', async () => {
    publish([KERNEL, OTHER_KERNEL, BUSYBOX]);
    const guests = await fetchDebianGuests(options('no-meta'));
    expect(guests.versions.kernel).toBe('linux-image-6.12.1-cloud-arm64 6.12.1-1');
  });

  it('takes a package that only stands for others for no kernel', async () => {
    const standing = { name: 'linux-image-6.12-arm64-16k', version: '6.12.1-1', files: {} };
    const kernel = { ...standing, name: 'linux-image-6.12.1-arm64-16k', files: { 'boot/vmlinuz-6.12.1': '16 KiB' } };
    publish([standing, kernel, BUSYBOX]);
    const guests = await fetchDebianGuests({ ...options('standing'), flavour: '16k' });
    expect(readFileSync(guests.kernel, 'utf8')).toBe('16 KiB');
  });

  it('takes a kernel of the backports only when told to, and keeps both', async () => {
    const meta = { ...META, version: '6.12.1-1', depends: 'linux-image-6.12.1-cloud-arm64 (= 6.12.1-1)' };
    publish([META, KERNEL, BUSYBOX], [meta, OTHER_KERNEL]);
    const own = await fetchDebianGuests(options('suites'));
    const later = await fetchDebianGuests({ ...options('suites'), backports: true });
    expect(readFileSync(own.kernel, 'utf8')).toBe('a kernel');
    expect(readFileSync(later.kernel, 'utf8')).toBe('another kernel');
    expect(later.busybox).toBe(own.busybox);
    expect(await fetchDebianGuests(options('suites'))).toEqual(own);
    expect(await fetchDebianGuests({ ...options('suites'), backports: true })).toEqual(later);
  });

  it('says that there are no backports rather than take the kernel of the release', async () => {
    publish([META, KERNEL, BUSYBOX]);
    await expect(fetchDebianGuests({ ...options('no-backports'), backports: true })).rejects.toMatchObject({
      code: 'update-failed',
      message: expect.stringContaining('bookworm-backports'),
    });
  });

  it('names the package that an archive lacks', async () => {
    publish([META, KERNEL]);
    const fetching = fetchDebianGuests(options('no-busybox'));
    await expect(fetching).rejects.toMatchObject({
      code: 'package-not-found',
      message: expect.stringContaining('busybox-static'),
    });
  });

  it('refuses a package whose content is not what the archive promised', async () => {
    publish([META, KERNEL, BUSYBOX]);
    const deb = join(folder, 'archive/pool/busybox-static_1%3a1.35.0-4+b1.deb');
    const bytes = readFileSync(deb);
    bytes[bytes.length - 1]! ^= 0xff;
    writeFileSync(deb, bytes);
    await expect(fetchDebianGuests(options('forged'))).rejects.toMatchObject({ code: 'download-failed' });
    expect(existsSync(join(folder, 'forged/debian-bookworm-arm64/current.json'))).toBe(false);
  });

  it("reports apt's own words when no list can be had", async () => {
    rmSync(join(folder, 'archive'), { recursive: true });
    const fetching = fetchDebianGuests(options('offline'));
    await expect(fetching).rejects.toMatchObject({
      code: 'update-failed',
      message: expect.stringContaining('bookworm'),
    });
  });

  it('stops when it is told to', async () => {
    publish([META, KERNEL, BUSYBOX]);
    const stop = new AbortController();
    const fetching = fetchDebianGuests({ ...options('stopped'), signal: stop.signal, onProgress: () => stop.abort() });
    await expect(fetching).rejects.toMatchObject({ code: 'aborted' });
  });
});
