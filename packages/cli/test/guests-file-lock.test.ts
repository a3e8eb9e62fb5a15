import { spawnSync } from 'node:child_process';
import { mkdtemp, readdir, rm, utimes, writeFile } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { withFileLock } from '../src/guests/file-lock.ts';

let folder = '';
let path = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'dom0less-lock-'));
  path = join(folder, 'lock');
});
afterEach(() => rm(folder, { recursive: true, force: true }));

describe('withFileLock', () => {
  it('lets one holder in at a time and leaves nothing behind', async () => {
    let inside = 0;
    let most = 0;
    const work = async (value: number): Promise<number> => {
      inside += 1;
      most = Math.max(most, inside);
      await sleep(5);
      inside -= 1;
      return value;
    };
    const all = [1, 2, 3, 4].map((value) => withFileLock(path, { timeoutMs: 20_000 }, () => work(value)));
    expect(await Promise.all(all)).toEqual([1, 2, 3, 4]);
    expect(most).toBe(1);
    expect(await readdir(folder)).toEqual([]);
  });

  it('is released when the work fails', async () => {
    const failing = withFileLock(path, { timeoutMs: 1_000 }, () => Promise.reject(new Error('work failed')));
    await expect(failing).rejects.toThrow('work failed');
    expect(await readdir(folder)).toEqual([]);
  });

  it('gives up with a typed error while a living holder keeps it', async () => {
    await writeFile(path, `${hostname()} ${process.pid} held`);
    let waits = 0;
    const waiting = withFileLock(path, { timeoutMs: 250, onWait: () => waits++ }, () => Promise.resolve());
    await expect(waiting).rejects.toMatchObject({ code: 'lock-timeout', remedy: expect.stringContaining(path) });
    expect(waits).toBe(1);
  });

  it('is taken from a holder whose process is gone', async () => {
    const { pid } = spawnSync(process.execPath, ['-e', '']);
    await writeFile(path, `${hostname()} ${pid} gone`);
    const lockers = [1, 2, 3].map((value) => withFileLock(path, { timeoutMs: 20_000 }, () => Promise.resolve(value)));
    expect(await Promise.all(lockers)).toEqual([1, 2, 3]);
    expect(await readdir(folder)).toEqual([]);
  });

  it("is taken from another machine's holder that no longer touches it", async () => {
    await writeFile(path, 'another-machine 1 gone');
    const past = new Date(Date.now() - 60_000);
    await utimes(path, past, past);
    expect(await withFileLock(path, { timeoutMs: 1_000 }, () => Promise.resolve('taken'))).toBe('taken');
  });

  it('stops waiting when it is told to', async () => {
    await writeFile(path, `${hostname()} ${process.pid} held`);
    const stop = new AbortController();
    const waiting = withFileLock(path, { timeoutMs: 20_000, signal: stop.signal, onWait: () => stop.abort() }, () =>
      Promise.resolve(),
    );
    await expect(waiting).rejects.toMatchObject({ name: 'AbortError' });
  });
});
