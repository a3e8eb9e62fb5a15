import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readdir, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { openPrivateApt, tail, tool } from './apt.ts';
import { type DebianOptions, debianCodename } from './debian.ts';
import { GuestFetchError } from './errors.ts';
import { withFileLock } from './file-lock.ts';
import type { Finished } from './process.ts';

const ARCHITECTURE = 'arm64';
/** Prefix of folders that debian.ts, too, clears away when a fetch was killed. */
const UNPACK_PREFIX = 'unpack-';
/** A slow line needs a while for 100 MB. */
const LOCK_TIMEOUT_MS = 30 * 60_000;
/** Debian policy 5.6.1; anything else would be an option or a pattern to apt. */
const PACKAGE_NAME = /^[a-z0-9][a-z0-9+.-]+$/;

/** Debian packages with all that they depend on, unpacked into one folder. */
export interface PackageRoot {
  /** Absolute path of the folder: a root file system without what maintainer scripts would have made. */
  readonly root: string;
  /** `name=version` of every package in it, sorted. */
  readonly packages: readonly string[];
}

interface RootRecord {
  /** Folder name in the cache. */
  readonly root: string;
  readonly packages: readonly string[];
  /** Number of files and folders in the root. */
  readonly entries: number;
}

const digest = (text: string): string => createHash('sha256').update(text).digest('hex').slice(0, 16);
const countEntries = async (root: string): Promise<number> =>
  (await readdir(root, { recursive: true }).catch((): string[] => [])).length;

/** What an earlier fetch of the same names left, if all of it is still there. */
async function readRecord(home: string, recordName: string): Promise<PackageRoot | undefined> {
  let record: Partial<RootRecord>;
  try {
    record = JSON.parse(await readFile(join(home, recordName), 'utf8')) as Partial<RootRecord>;
  } catch {
    return undefined;
  }
  if (record.root === undefined || record.packages === undefined) return undefined;
  const root = join(home, record.root);
  return (await countEntries(root)) === record.entries ? { root, packages: record.packages } : undefined;
}

interface Download {
  /** `name=version`, as apt-get takes it. */
  readonly packages: readonly string[];
  /** What runs apt-get with the private apt's configuration. */
  readonly aptGet: (args: readonly string[], cwd?: string) => Promise<Finished>;
}

/** What apt would install for the names into an empty system. */
async function resolveClosure(aptGet: Download['aptGet'], names: readonly string[]): Promise<string[]> {
  const { code, stdout, log } = await aptGet(['install', '--simulate', '--no-install-recommends', '--', ...names]);
  if (code === 0)
    return [...stdout.matchAll(/^Inst (\S+) \((\S+)/gm)].map(([, name, version]) => `${name}=${version}`).sort();
  const missing = /E: Unable to locate package (\S+)|E: Package '(\S+)' has no installation candidate/.exec(log);
  if (missing === null) {
    throw new GuestFetchError(
      'package-not-found',
      `the ${ARCHITECTURE} package lists can't satisfy what ${names.join(', ')} depend on:\n${tail(log)}`,
      "check that the system's apt sources are of one release and complete",
    );
  }
  throw new GuestFetchError(
    'package-not-found',
    `the ${ARCHITECTURE} package lists hold no ${missing[1] ?? missing[2]}`,
    "add Debian's main archive to the system's apt sources",
  );
}

/** Downloads and verifies packages into an existing folder; paths of the `.deb` files. */
async function download({ packages, aptGet }: Download, folder: string): Promise<string[]> {
  const { code, log } = await aptGet(['download', '--', ...packages], folder);
  const debs = (await readdir(folder)).filter((file) => file.endsWith('.deb')).sort();
  if (code === 0 && debs.length === packages.length) return debs.map((file) => join(folder, file));
  throw new GuestFetchError(
    'download-failed',
    `${packages.length} packages could not be downloaded:\n${tail(log)}`,
    'check the network and the free space of the cache folder, and try again',
  );
}

/** Unpacks packages over each other. Where they hold no /lib, because it is a link in the release, the link is made. */
async function unpack(debs: readonly string[], root: string, signal: AbortSignal | undefined): Promise<void> {
  await mkdir(root);
  for (const deb of debs) {
    const { code, log } = await tool('dpkg-deb', ['-x', deb, root], { signal });
    if (code !== 0) {
      throw new GuestFetchError(
        'unpack-failed',
        `${basename(deb)} could not be unpacked:\n${tail(log)}`,
        'check the free space of the cache folder and try again',
      );
    }
  }
  if (!(await readdir(root)).includes('lib')) await symlink('usr/lib', join(root, 'lib'));
}

async function fetchRoot(
  home: string,
  codename: string,
  names: readonly string[],
  options: DebianOptions,
): Promise<RootRecord> {
  const aptRoot = join(home, 'apt');
  // What a fetch that was killed left behind; nobody else works here, the lock is ours.
  const left = (await readdir(home)).filter((name) => name === basename(aptRoot) || name.startsWith(UNPACK_PREFIX));
  await Promise.all(left.map((name) => rm(join(home, name), { recursive: true, force: true })));
  const { signal, backports } = options;
  const apt = await openPrivateApt(aptRoot, { architecture: ARCHITECTURE, codename, backports, signal });
  options.onProgress?.(`reading Debian ${codename}'s ${ARCHITECTURE} package lists from the system's sources`);
  await apt.update();
  const aptGet: Download['aptGet'] = (args, cwd = aptRoot) =>
    tool('apt-get', args, { cwd, env: { APT_CONFIG: join(aptRoot, 'apt.conf') }, signal });
  const packages = await resolveClosure(aptGet, names);
  const name = `root-${digest(packages.join('\n'))}`;
  const root = join(home, name);
  const work = await mkdtemp(join(home, UNPACK_PREFIX));
  try {
    options.onProgress?.(`downloading ${names.join(', ')}: ${packages.length} packages with what they depend on`);
    await mkdir(join(work, 'debs'));
    const debs = await download({ packages, aptGet }, join(work, 'debs'));
    await unpack(debs, join(work, 'root'), signal);
    await rm(root, { recursive: true, force: true });
    await rename(join(work, 'root'), root);
  } finally {
    await rm(work, { recursive: true, force: true });
  }
  await rm(aptRoot, { recursive: true, force: true });
  return { root: name, packages, entries: await countEntries(root) };
}

async function fetchAndRecord(
  home: string,
  codename: string,
  recordName: string,
  names: readonly string[],
  options: DebianOptions,
): Promise<PackageRoot> {
  const record = await fetchRoot(home, codename, names, options);
  const path = join(home, recordName);
  await writeFile(`${path}.new`, `${JSON.stringify(record, undefined, 2)}\n`);
  await rename(`${path}.new`, path);
  return { root: join(home, record.root), packages: record.packages };
}

/** Names in a fixed order, so that asking for the same packages finds the same record. */
function checkedNames(names: readonly string[]): string[] {
  for (const name of names) {
    if (!PACKAGE_NAME.test(name)) {
      throw new GuestFetchError(
        'package-not-found',
        `${JSON.stringify(name)} is no name of a Debian package`,
        'name packages as apt lists them, in lower case and without a version',
      );
    }
  }
  return [...new Set(names)].sort();
}

/** Errors of the file system and of a stopped wait, in the terms of {@link GuestFetchError}; others as they are. */
function translated(error: unknown, home: string, signal: AbortSignal | undefined): unknown {
  if (error instanceof GuestFetchError) return error;
  if (signal?.aborted) {
    return new GuestFetchError('aborted', 'fetching was stopped', 'start again; what is complete is kept', {
      cause: error,
    });
  }
  if (!(error instanceof Error && 'syscall' in error)) return error;
  return new GuestFetchError(
    'cache-unusable',
    `the cache folder can't be used: ${error.message}`,
    `make ${home} writable, free some space, or set DOM0LESS_CACHE to another folder`,
    { cause: error },
  );
}

/**
 * Fetches Debian packages for arm64 with everything that they depend on (recommended packages are left out), and
 * unpacks them into one folder, with the system's own apt sources and keyring and in folders of its own. No maintainer
 * script runs. What was fetched once is answered from the cache without touching the network. Safe to call from
 * several processes at once: one fetches, the others wait for it.
 *
 * @param names names of binary packages; their order doesn't matter.
 * @throws {GuestFetchError}
 */
export async function fetchPackages(names: readonly string[], options: DebianOptions): Promise<PackageRoot> {
  const wanted = checkedNames(names);
  const codename = await debianCodename(options.osRelease);
  if (codename === undefined) {
    throw new GuestFetchError('not-debian', 'this system is not Debian', 'run this on Debian');
  }
  const home = join(options.cacheDir, `debian-${codename}-${ARCHITECTURE}`);
  const recordName = `packages-${digest([...wanted, ...(options.backports ? ['backports'] : [])].join('\n'))}.json`;
  const cached = options.refresh ? undefined : await readRecord(home, recordName);
  if (cached !== undefined) return cached;
  const lock = {
    timeoutMs: LOCK_TIMEOUT_MS,
    signal: options.signal,
    onWait: () => options.onProgress?.('waiting for another process that fetches packages'),
  };
  try {
    return await withFileLock(join(home, 'lock'), lock, async () => {
      const made = options.refresh ? undefined : await readRecord(home, recordName);
      return made ?? (await fetchAndRecord(home, codename, recordName, wanted, options));
    });
  } catch (error) {
    throw translated(error, home, options.signal);
  }
}
