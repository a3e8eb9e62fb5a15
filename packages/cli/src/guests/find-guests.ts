import { createHash } from 'node:crypto';
import { access, constants, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { guestCacheDir } from './cache-dir.ts';
import { debianCodename, fetchDebianGuests, type KernelFlavour } from './debian.ts';
import { GuestFetchError } from './errors.ts';
import { makeInitramfs } from './initramfs.ts';

/** A kernel, and what it unpacks as its first root file system. Paths are absolute. */
export interface Guests {
  /** `environment`: named by the user; `debian`: fetched. */
  readonly source: 'environment' | 'debian';
  /** Path of an arm64 kernel. */
  readonly kernel: string;
  /** Path of its initramfs; a kernel that the user named may have none. */
  readonly ramdisk: string | undefined;
  /** One line for people: what this is. */
  readonly description: string;
}

/** Result of {@link findGuests}: guests, or why there are none. */
export type GuestSearch =
  | { readonly found: true; readonly guests: Guests }
  | { readonly found: false; readonly reason: string; readonly error?: GuestFetchError };

/** Options of {@link findGuests}. */
export interface FindGuestsOptions {
  /** Environment that is asked; `process.env` unless given. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Told once per step, one line without a line end. */
  readonly onProgress?: (line: string) => void;
  /** Ask Debian for the newest versions although the cache holds some. */
  readonly refresh?: boolean;
  /** Which of Debian's kernels is fetched; `cloud` if absent. */
  readonly flavour?: KernelFlavour;
  /** Take the kernel from the backports of the running release: a later one. */
  readonly backports?: boolean;
  readonly signal?: AbortSignal;
  /** os-release(5) file; the system's unless given. */
  readonly osRelease?: string;
}

async function namedFile(env: Readonly<Record<string, string | undefined>>, name: string): Promise<string | undefined> {
  const value = env[name];
  if (value === undefined || value === '') return undefined;
  const path = resolve(value);
  try {
    await access(path, constants.R_OK);
  } catch (error) {
    throw new GuestFetchError(
      'bad-environment',
      `${name}=${value} can't be read`,
      `name a readable file, or unset ${name}`,
      {
        cause: error,
      },
    );
  }
  return path;
}

async function environmentGuests(env: Readonly<Record<string, string | undefined>>): Promise<Guests | undefined> {
  const [kernel, ramdisk] = [await namedFile(env, 'DOM0LESS_KERNEL'), await namedFile(env, 'DOM0LESS_RAMDISK')];
  if (kernel !== undefined) {
    const description = `${kernel}${ramdisk === undefined ? ' without a ramdisk' : ` with ${ramdisk}`}`;
    return { source: 'environment', kernel, ramdisk, description };
  }
  if (ramdisk === undefined) return undefined;
  throw new GuestFetchError(
    'bad-environment',
    'DOM0LESS_RAMDISK is set but DOM0LESS_KERNEL is not',
    'set DOM0LESS_KERNEL to the kernel that the ramdisk belongs to',
  );
}

/** The initramfs around a busybox, kept beside it under a name made of its content: made once, and again when it would differ. */
async function initramfsFor(busybox: string, cacheDir: string): Promise<string> {
  const bytes = makeInitramfs({ busybox: await readFile(busybox) });
  const path = join(cacheDir, `initramfs-${createHash('sha256').update(bytes).digest('hex').slice(0, 16)}.cpio`);
  const there = await access(path).then(
    () => true,
    () => false,
  );
  if (there) return path;
  const aside = `${path}.${crypto.randomUUID()}`;
  try {
    await mkdir(cacheDir, { recursive: true });
    await writeFile(aside, bytes);
    await rename(aside, path);
  } finally {
    await rm(aside, { force: true });
  }
  return path;
}

async function debianGuests(options: FindGuestsOptions, cacheDir: string): Promise<Guests> {
  const { kernel, busybox, versions } = await fetchDebianGuests({ ...options, cacheDir });
  const ramdisk = await initramfsFor(busybox, cacheDir);
  return { source: 'debian', kernel, ramdisk, description: `${versions.kernel}, ${versions.busybox}` };
}

/**
 * Finds a kernel and its initramfs: those that DOM0LESS_KERNEL and DOM0LESS_RAMDISK name, else on Debian one of its
 * own arm64 kernels with busybox, fetched once. Elsewhere, and when fetching fails, the answer says why there are none.
 *
 * @throws {GuestFetchError} `bad-environment` if a variable names a file that can't be read; `aborted`.
 */
export async function findGuests(options: FindGuestsOptions = {}): Promise<GuestSearch> {
  const env = options.env ?? process.env;
  const named = await environmentGuests(env);
  if (named !== undefined) return { found: true, guests: named };
  if ((await debianCodename(options.osRelease)) === undefined) {
    const reason = 'this system is not Debian, and DOM0LESS_KERNEL and DOM0LESS_RAMDISK are not set';
    return { found: false, reason };
  }
  try {
    return { found: true, guests: await debianGuests(options, guestCacheDir(env)) };
  } catch (error) {
    if (!(error instanceof GuestFetchError) || error.code === 'aborted') throw error;
    return { found: false, reason: `${error.message} (${error.remedy})`, error };
  }
}
