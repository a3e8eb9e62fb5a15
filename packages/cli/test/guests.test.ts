import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { sortKernelPackages } from '../src/guests/debian.ts';
import { debianCodename, fetchDebianGuests, findGuests, guestCacheDir } from '../src/guests/index.ts';

let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'dom0less-guests-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const put = async (name: string, text: string): Promise<string> => {
  const path = join(folder, name);
  await mkdir(join(path, '..'), { recursive: true });
  await writeFile(path, text);
  return path;
};
const debian = (): Promise<string> => put('os-release', 'PRETTY_NAME="Debian"\nVERSION_CODENAME=bookworm\nID=debian\n');

/** A cache as an earlier fetch leaves it. */
async function filledCache(): Promise<void> {
  await put('cache/debian-bookworm-arm64/k_1/vmlinuz-1', 'kernel');
  await put('cache/debian-bookworm-arm64/b_1/busybox', 'busybox');
  const record = {
    kernel: 'k_1/vmlinuz-1',
    busybox: 'b_1/busybox',
    versions: { kernel: 'k 1', busybox: 'b 1' },
    kernelBytes: 6,
    busyboxBytes: 7,
  };
  await put('cache/debian-bookworm-arm64/current.json', JSON.stringify(record));
}

describe('findGuests', () => {
  it('takes the files that the environment names, wherever it runs', async () => {
    const [kernel, ramdisk] = [await put('Image', 'k'), await put('rd', 'r')];
    const osRelease = await debian();
    expect(await findGuests({ osRelease, env: { DOM0LESS_KERNEL: kernel, DOM0LESS_RAMDISK: ramdisk } })).toEqual({
      found: true,
      guests: { source: 'environment', kernel, ramdisk, description: `${kernel} with ${ramdisk}` },
    });
    const alone = await findGuests({ osRelease, env: { DOM0LESS_KERNEL: kernel } });
    expect(alone).toMatchObject({ found: true, guests: { kernel, ramdisk: undefined } });
  });

  it('refuses an environment that names a missing file or a ramdisk alone, naming the variable', async () => {
    const missing = findGuests({ env: { DOM0LESS_KERNEL: join(folder, 'absent') } });
    await expect(missing).rejects.toMatchObject({
      code: 'bad-environment',
      remedy: expect.stringContaining('DOM0LESS_KERNEL'),
    });
    const alone = findGuests({ env: { DOM0LESS_RAMDISK: await put('rd', 'r') } });
    await expect(alone).rejects.toMatchObject({
      code: 'bad-environment',
      remedy: expect.stringContaining('DOM0LESS_KERNEL'),
    });
  });

  it('says why there are none on a system that is not Debian', async () => {
    const osRelease = await put('os-release', 'ID=other\nID_LIKE=debian\n');
    const search = await findGuests({ osRelease, env: {} });
    expect(search).toEqual({ found: false, reason: expect.stringContaining('not Debian') });
  });

  it('answers from the cache, with an initramfs made of the cached busybox', async () => {
    await filledCache();
    const lines: string[] = [];
    const options = { osRelease: await debian(), env: { DOM0LESS_CACHE: join(folder, 'cache') } };
    const first = await findGuests({ ...options, onProgress: (line) => lines.push(line) });
    if (!first.found) throw new Error(first.reason);
    expect(first.guests).toMatchObject({ source: 'debian', description: 'k 1, b 1' });
    expect(await readFile(first.guests.kernel, 'utf8')).toBe('kernel');
    expect(await readFile(first.guests.ramdisk!, 'latin1')).toMatch(/^070701.*busybox.*TRAILER!!!/s);
    expect(lines).toEqual([]);
    expect(await findGuests(options)).toEqual(first);
  });
});

describe('fetchDebianGuests', () => {
  it('is for Debian only', async () => {
    const fetching = fetchDebianGuests({ cacheDir: folder, osRelease: join(folder, 'absent') });
    await expect(fetching).rejects.toMatchObject({ name: 'GuestFetchError', code: 'not-debian' });
  });

  it('says which folder to mend when the cache is unusable', async () => {
    const cacheDir = await put('cache', 'a file, not a folder');
    const fetching = fetchDebianGuests({ cacheDir, osRelease: await debian() });
    await expect(fetching).rejects.toMatchObject({ code: 'cache-unusable', remedy: expect.stringContaining(cacheDir) });
  });
});

describe('debianCodename', () => {
  it('reads os-release, and takes Debian without a code name for unstable', async () => {
    expect(await debianCodename(await debian())).toBe('bookworm');
    expect(await debianCodename(await put('sid', 'ID=debian\n'))).toBe('unstable');
    expect(await debianCodename(await put('other', 'ID="other"\nVERSION_CODENAME=bookworm\n'))).toBeUndefined();
  });
});

describe('sortKernelPackages', () => {
  it('puts the newest first by number, a signed one before its unsigned twin, and drops what is no kernel', () => {
    const names = [
      'linux-image-6.1.0-9-cloud-arm64',
      'linux-image-6.1.0-56-cloud-arm64-unsigned',
      'linux-image-cloud-arm64',
      'linux-image-6.12.117+deb12-cloud-arm64',
      'linux-image-6.1.0-56-cloud-arm64-dbg',
      'linux-image-6.1.0-56-cloud-arm64',
      'linux-headers-6.1.0-56-cloud-arm64',
      'linux-image-6.1.0-56-arm64',
      'linux-image-6.1.0-56-arm64-dbg',
      'linux-image-6.1.0-56-rt-arm64',
      'linux-image-6.12.117+deb12-arm64',
    ];
    expect(sortKernelPackages(names, 'stock')).toEqual([
      'linux-image-6.12.117+deb12-arm64',
      'linux-image-6.1.0-56-arm64',
    ]);
    expect(sortKernelPackages(names, 'rt')).toEqual(['linux-image-6.1.0-56-rt-arm64']);
    expect(sortKernelPackages(names, 'cloud')).toEqual([
      'linux-image-6.12.117+deb12-cloud-arm64',
      'linux-image-6.1.0-56-cloud-arm64',
      'linux-image-6.1.0-56-cloud-arm64-unsigned',
      'linux-image-6.1.0-9-cloud-arm64',
    ]);
  });
});

describe('guestCacheDir', () => {
  it('follows DOM0LESS_CACHE, then XDG_CACHE_HOME, then the home folder', () => {
    expect(guestCacheDir({ DOM0LESS_CACHE: '/c', XDG_CACHE_HOME: '/x', HOME: '/h' })).toBe('/c');
    expect(guestCacheDir({ XDG_CACHE_HOME: '/x', HOME: '/h' })).toBe('/x/dom0less');
    expect(guestCacheDir({ XDG_CACHE_HOME: 'relative', HOME: '/h' })).toBe('/h/.cache/dom0less');
  });
});
