import { mkdir, mkdtemp, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { openPrivateApt, type PackageFields, type PrivateApt, tail, tool } from './apt.ts';
import { GuestFetchError } from './errors.ts';
import { withFileLock } from './file-lock.ts';

const ARCHITECTURE = 'arm64';
/** Debian's kernels for arm64: the package that stands for the newest one, and the names of such kernels. */
const FLAVOURS = {
  cloud: { meta: 'linux-image-cloud-arm64', kernel: /^linux-image-[\w.+~-]+-cloud-arm64(?:-unsigned)?$/ },
  stock: { meta: 'linux-image-arm64', kernel: /^linux-image-(?!\S*-(?:cloud|rt)-)[\w.+~-]+-arm64(?:-unsigned)?$/ },
  rt: { meta: 'linux-image-rt-arm64', kernel: /^linux-image-[\w.+~-]+-rt-arm64(?:-unsigned)?$/ },
  '16k': { meta: 'linux-image-arm64-16k', kernel: /^linux-image-[\w.+~-]+-arm64-16k(?:-unsigned)?$/ },
} as const;
/** A kernel's version has three numbers; a package with fewer only stands for others (linux-image-6.12-arm64). */
const KERNEL_VERSION = /^linux-image-\d+\.\d+\.\d/;
const UNPACK_PREFIX = 'unpack-';
const BUSYBOX_PACKAGE = 'busybox-static';
/** A slow line needs a while for 30 MB. */
const LOCK_TIMEOUT_MS = 15 * 60_000;

/**
 * A kernel of Debian's, by the package that stands for it:
 *
 * - `cloud`, linux-image-cloud-arm64: the drivers of virtual machines only; the smallest, and the quickest to boot
 * - `stock`, linux-image-arm64: all drivers
 * - `rt`, linux-image-rt-arm64: `stock` with PREEMPT_RT
 * - `16k`, linux-image-arm64-16k: `stock` with pages of 16 KiB; Debian 13 has it, and the backports for Debian 12
 */
export type KernelFlavour = keyof typeof FLAVOURS;

/** All flavours. */
export const KERNEL_FLAVOURS: readonly KernelFlavour[] = ['cloud', 'stock', 'rt', '16k'];

/** Debian's own arm64 kernel and busybox, unpacked. Paths are absolute and stay valid until the cache is deleted. */
export interface DebianGuests {
  /** Path of the kernel, as the package has it in /boot: an arm64 Image. */
  readonly kernel: string;
  /** Path of the statically linked busybox. */
  readonly busybox: string;
  /** Package and version of each, as apt names them. */
  readonly versions: { readonly kernel: string; readonly busybox: string };
}

/** Options of {@link fetchDebianGuests}. */
export interface DebianOptions {
  /** Folder that everything is kept in; created if absent. */
  readonly cacheDir: string;
  /** `cloud` if absent. */
  readonly flavour?: KernelFlavour | undefined;
  /** Take packages of the release's backports, of a later Debian release, from the same archive. */
  readonly backports?: boolean | undefined;
  /** Told once per step, one line without a line end. */
  readonly onProgress?: ((line: string) => void) | undefined;
  /** Ask for the newest versions although the cache holds some. */
  readonly refresh?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Where the system describes itself; os-release(5). */
  readonly osRelease?: string | undefined;
}

/**
 * Code name of the Debian release that runs here, or undefined on any other system.
 *
 * @param path os-release(5) file.
 */
export async function debianCodename(path = '/etc/os-release'): Promise<string | undefined> {
  const text = await readFile(path, 'utf8').catch(() => '');
  const value = (name: string): string | undefined => new RegExp(`^${name}=["']?([\\w.-]+)["']?$`, 'm').exec(text)?.[1];
  return value('ID') === 'debian' ? (value('VERSION_CODENAME') ?? 'unstable') : undefined;
}

interface CacheRecord extends DebianGuests {
  readonly kernelBytes: number;
  readonly busyboxBytes: number;
}

const sizeOf = async (path: string): Promise<number | undefined> => (await stat(path).catch(() => undefined))?.size;

/** Name of the file that says what is kept of a flavour and suite. */
const recordName = ({ flavour = 'cloud', backports = false }: DebianOptions): string =>
  `current${flavour === 'cloud' ? '' : `-${flavour}`}${backports ? '-backports' : ''}.json`;

/** What an earlier fetch left, if all of it is still there. Files are named relative to `home`: a cache may be moved. */
async function readRecord(home: string, options: DebianOptions): Promise<DebianGuests | undefined> {
  let record: Partial<CacheRecord>;
  try {
    record = JSON.parse(await readFile(join(home, recordName(options)), 'utf8')) as Partial<CacheRecord>;
  } catch {
    return undefined;
  }
  if (record.kernel === undefined || record.busybox === undefined || record.versions === undefined) return undefined;
  const kernel = join(home, record.kernel);
  const busybox = join(home, record.busybox);
  const whole = (await sizeOf(kernel)) === record.kernelBytes && (await sizeOf(busybox)) === record.busyboxBytes;
  return whole ? { kernel, busybox, versions: record.versions } : undefined;
}

interface Wanted {
  readonly name: string;
  readonly version: string;
  readonly bytes: number;
}

function wanted(fields: PackageFields | undefined): Wanted | undefined {
  const name = fields?.get('package');
  const version = fields?.get('version');
  if (name === undefined || version === undefined) return undefined;
  return { name, version, bytes: Number(fields?.get('size') ?? 0) };
}

const notFound = (name: string): GuestFetchError =>
  new GuestFetchError(
    'package-not-found',
    `the ${ARCHITECTURE} package lists hold no ${name}`,
    "add Debian's main archive to the system's apt sources, or set DOM0LESS_KERNEL and DOM0LESS_RAMDISK",
  );

/** Kernel packages, newest first by the numbers in their names; of one version the signed one comes first. */
export function sortKernelPackages(names: readonly string[], flavour: KernelFlavour): string[] {
  const collator = new Intl.Collator('en', { numeric: true });
  const release = (name: string): string => name.replace(/-unsigned$/, '');
  return names
    .filter((name) => KERNEL_VERSION.test(name) && FLAVOURS[flavour].kernel.test(name))
    .sort((a, b) => collator.compare(release(b), release(a)) || a.length - b.length);
}

/** The kernel that the meta package stands for; without a meta package, the newest kernel there is. */
async function resolveKernel(apt: PrivateApt, flavour: KernelFlavour): Promise<Wanted> {
  const { meta } = FLAVOURS[flavour];
  const depends = (await apt.show(meta))?.get('depends') ?? '';
  const named = depends.split(/[,|]/).map((dependency) => dependency.trim().split(/[\s(]/)[0] ?? '');
  const candidates = sortKernelPackages(named, flavour).flatMap((name) => [name, `${name}-unsigned`]);
  for (const name of candidates.length > 0 ? candidates : sortKernelPackages(await apt.names(), flavour)) {
    const found = wanted(await apt.show(name));
    if (found !== undefined) return found;
  }
  throw notFound(meta);
}

async function resolveBusybox(apt: PrivateApt): Promise<Wanted> {
  const found = wanted(await apt.show(BUSYBOX_PACKAGE));
  if (found === undefined) throw notFound(BUSYBOX_PACKAGE);
  return found;
}

/** First of the package's files in one of `folders` whose name fits. */
async function findFile(root: string, folders: readonly string[], name: RegExp): Promise<string | undefined> {
  for (const folder of folders) {
    const found = (await readdir(join(root, folder)).catch((): string[] => [])).find((file) => name.test(file));
    if (found !== undefined) return join(root, folder, found);
  }
  return undefined;
}

interface Fetcher {
  readonly home: string;
  readonly apt: PrivateApt;
  readonly options: DebianOptions;
}

/** Downloads and unpacks one package and keeps one file of it in a folder named by package and version. */
async function fetchFile(
  { home, apt, options }: Fetcher,
  what: Wanted,
  where: { readonly folders: readonly string[]; readonly name: RegExp },
): Promise<string> {
  const kept = join(home, `${what.name}_${what.version.replaceAll(':', '%3a')}`);
  const cached = await findFile(kept, ['.'], where.name);
  if (cached !== undefined) return cached;
  const work = await mkdtemp(join(home, UNPACK_PREFIX));
  try {
    options.onProgress?.(`downloading ${what.name} ${what.version} (${(what.bytes / 1e6).toFixed(1)} MB)`);
    const deb = await apt.download(what.name, what.version, work);
    const { code, log } = await tool('dpkg-deb', ['-x', deb, join(work, 'root')], { signal: options.signal });
    const file = await findFile(join(work, 'root'), where.folders, where.name);
    if (code !== 0 || file === undefined) {
      throw new GuestFetchError(
        'unpack-failed',
        `${basename(deb)} could not be unpacked, or holds no ${where.name.source}:\n${tail(log)}`,
        'check the free space of the cache folder and try again',
      );
    }
    await mkdir(join(work, 'kept'));
    await rename(file, join(work, 'kept', basename(file)));
    await rm(kept, { recursive: true, force: true });
    await rename(join(work, 'kept'), kept);
    return join(kept, basename(file));
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

async function fetchAll(home: string, codename: string, options: DebianOptions): Promise<DebianGuests> {
  const flavour = options.flavour ?? 'cloud';
  const aptRoot = join(home, 'apt');
  // What a fetch that was killed left behind; nobody else works here, the lock is ours.
  const left = (await readdir(home)).filter((name) => name === basename(aptRoot) || name.startsWith(UNPACK_PREFIX));
  await Promise.all(left.map((name) => rm(join(home, name), { recursive: true, force: true })));
  const { signal, backports } = options;
  const apt = await openPrivateApt(aptRoot, { architecture: ARCHITECTURE, codename, backports, signal });
  options.onProgress?.(`reading Debian ${codename}'s ${ARCHITECTURE} package lists from the system's sources`);
  await apt.update();
  const fetcher = { home, apt, options };
  const [kernelPackage, busyboxPackage] = [await resolveKernel(apt, flavour), await resolveBusybox(apt)];
  const kernel = await fetchFile(fetcher, kernelPackage, { folders: ['boot'], name: /^vmlinuz/ });
  const busybox = await fetchFile(fetcher, busyboxPackage, { folders: ['bin', 'usr/bin'], name: /^busybox$/ });
  const versions = {
    kernel: `${kernelPackage.name} ${kernelPackage.version}`,
    busybox: `${busyboxPackage.name} ${busyboxPackage.version}`,
  };
  const relative = (path: string): string => path.slice(home.length + 1);
  const record: CacheRecord = {
    kernel: relative(kernel),
    busybox: relative(busybox),
    versions,
    kernelBytes: (await sizeOf(kernel)) ?? 0,
    busyboxBytes: (await sizeOf(busybox)) ?? 0,
  };
  const path = join(home, recordName(options));
  await writeFile(`${path}.new`, `${JSON.stringify(record, undefined, 2)}\n`);
  await rename(`${path}.new`, path);
  await rm(aptRoot, { recursive: true, force: true });
  return { kernel, busybox, versions };
}

/**
 * Fetches one of Debian's arm64 kernels and busybox-static with the system's own apt sources and keyring, in folders of
 * its own: nothing of the system changes, and any user may do it. What was fetched once is answered from the cache
 * without touching the network. Safe to call from several processes at once: one fetches, the others wait for it.
 *
 * @throws {GuestFetchError}
 */
export async function fetchDebianGuests(options: DebianOptions): Promise<DebianGuests> {
  const codename = await debianCodename(options.osRelease);
  if (codename === undefined) {
    throw new GuestFetchError(
      'not-debian',
      'this system is not Debian',
      'set DOM0LESS_KERNEL and DOM0LESS_RAMDISK to an arm64 kernel and its initramfs',
    );
  }
  const home = join(options.cacheDir, `debian-${codename}-${ARCHITECTURE}`);
  const cached = options.refresh ? undefined : await readRecord(home, options);
  if (cached !== undefined) return cached;
  try {
    const lock = {
      timeoutMs: LOCK_TIMEOUT_MS,
      signal: options.signal,
      onWait: () => options.onProgress?.('waiting for another process that fetches the same packages'),
    };
    return await withFileLock(join(home, 'lock'), lock, async () => {
      const made = options.refresh ? undefined : await readRecord(home, options);
      return made ?? (await fetchAll(home, codename, options));
    });
  } catch (error) {
    if (error instanceof GuestFetchError) throw error;
    if (options.signal?.aborted) {
      throw new GuestFetchError('aborted', 'fetching was stopped', 'start again; what is complete is kept', {
        cause: error,
      });
    }
    if (!(error instanceof Error && 'syscall' in error)) throw error;
    throw new GuestFetchError(
      'cache-unusable',
      `the cache folder can't be used: ${error.message}`,
      `make ${home} writable, free some space, or set DOM0LESS_CACHE to another folder`,
      { cause: error },
    );
  }
}
