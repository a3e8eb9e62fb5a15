import { link, mkdir, open, readFile, rename, rm, stat, utimes } from 'node:fs/promises';
import { hostname } from 'node:os';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { GuestFetchError } from './errors.ts';

/** How often a holder shows that it lives, by touching its lock file. */
const HEARTBEAT_MS = 1_000;
/** A lock that nobody touched for this long belongs to nobody; far above any pause of a busy machine. */
const STALE_MS = 30_000;
const POLL_MS = 100;

/** Options of {@link withFileLock}. */
export interface FileLockOptions {
  /** How long to wait for another holder, in milliseconds. */
  readonly timeoutMs: number;
  /** Called once when somebody else holds the lock. */
  readonly onWait?: (() => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

const isCode = (error: unknown, code: string): boolean =>
  error instanceof Error && (error as NodeJS.ErrnoException).code === code;

/** Nonce of this holder: host and process id make a dead holder recognizable, the rest makes it unique. */
const newOwner = (): string => `${hostname()} ${process.pid} ${crypto.randomUUID()}`;

async function tryTake(path: string, owner: string): Promise<boolean> {
  // A file that appears under its name with its content in it: written aside, then linked, which fails if the name is taken.
  const aside = `${path}.${crypto.randomUUID()}`;
  const file = await open(aside, 'wx');
  try {
    await file.writeFile(owner);
    await file.close();
    await link(aside, path);
    return true;
  } catch (error) {
    if (isCode(error, 'EEXIST')) return false;
    throw error;
  } finally {
    await rm(aside, { force: true });
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return !isCode(error, 'ESRCH');
  }
}

/** Content of a lock whose holder is gone, or undefined while it is held (or was just released). */
async function staleOwner(path: string): Promise<string | undefined> {
  try {
    const owner = await readFile(path, 'utf8');
    const { mtimeMs } = await stat(path);
    const [host, pid] = owner.split(' ');
    const dead = host === hostname() && !isAlive(Number(pid));
    return dead || Date.now() - mtimeMs > STALE_MS ? owner : undefined;
  } catch (error) {
    if (isCode(error, 'ENOENT')) return undefined;
    throw error;
  }
}

/** Takes a stale lock away. Between the look and the move another waiter may have renewed it: then it is put back. */
async function breakLock(path: string, stale: string): Promise<void> {
  const aside = `${path}.${crypto.randomUUID()}`;
  try {
    await rename(path, aside);
    if ((await readFile(aside, 'utf8')) !== stale) await link(aside, path);
  } catch (error) {
    if (!isCode(error, 'ENOENT') && !isCode(error, 'EEXIST')) throw error;
  } finally {
    await rm(aside, { force: true });
  }
}

async function take(path: string, owner: string, options: FileLockOptions): Promise<void> {
  const deadline = Date.now() + options.timeoutMs;
  let told = false;
  while (!(await tryTake(path, owner))) {
    const stale = await staleOwner(path);
    if (stale !== undefined) {
      await breakLock(path, stale);
      continue;
    }
    if (Date.now() >= deadline) {
      throw new GuestFetchError(
        'lock-timeout',
        `another process has held ${path} for ${Math.round(options.timeoutMs / 1000)} s`,
        `wait for it to end; if none runs, delete ${path}`,
      );
    }
    if (!told) options.onWait?.();
    told = true;
    await sleep(POLL_MS, undefined, options.signal === undefined ? {} : { signal: options.signal });
  }
}

/**
 * Runs `work` while holding the lock file `path`, which processes on one machine (or on a shared folder) respect. A
 * holder that died is recognized by its process id, or by a lock file that has not been touched for half a minute.
 *
 * @throws {GuestFetchError} `lock-timeout` if another holder outlasts the timeout; whatever `work` throws.
 */
export async function withFileLock<T>(path: string, options: FileLockOptions, work: () => Promise<T>): Promise<T> {
  await mkdir(dirname(path), { recursive: true });
  const owner = newOwner();
  await take(path, owner, options);
  const heartbeat = setInterval(() => {
    const now = new Date();
    // The lock file vanishes only when somebody broke it; the work then ends as it would have.
    utimes(path, now, now).catch(() => undefined);
  }, HEARTBEAT_MS);
  heartbeat.unref();
  try {
    return await work();
  } finally {
    clearInterval(heartbeat);
    const content = await readFile(path, 'utf8').catch(() => undefined);
    if (content === owner) await rm(path, { force: true });
  }
}
