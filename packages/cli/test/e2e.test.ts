/** Debian's own kernel in a domU, from `start` to power-off. Fails where its packages can't be had. */
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, it } from 'vitest';
import { findGuests } from '../src/guests/index.ts';
import { Folder } from './boards.ts';
import { Command } from './command.ts';

const FETCH_MS = 300_000;
const BOOT_MS = 180_000;
/** /proc/PID/stat counts in hundredths of a second (proc(5), sysconf(_SC_CLK_TCK)). */
const TICKS_PER_SECOND = 100;

/** Processor time that a process has used, in seconds. */
function cpuSeconds(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/^.*\) /, '')
    .split(' ');
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
}

const folder = new Folder();

beforeAll(async () => {
  const search = await findGuests({ onProgress: (line) => process.stderr.write(`${line}\n`) });
  if (!search.found) throw new Error(`no guests: ${search.reason}`);
}, FETCH_MS);

it(
  'boots to its shell, answers a command, idles without host CPU, and powers off with exit code 0',
  async () => {
    const logs = join(folder.path, 'logs');
    const command = new Command(['start', '--console-log', logs, '--timeout', String(BOOT_MS / 1000)]);
    await command.shows(/DOMU-UP \S+ domU1/);
    await command.shows(/domU1:\S+# /);
    command.type('echo $((6*7))-ok\n');
    await command.shows(/^42-ok\r?$/m);
    const before = cpuSeconds(command.pid);
    await new Promise((resolve) => setTimeout(resolve, 2000));
    expect(cpuSeconds(command.pid) - before).toBeLessThan(0.2);
    command.type('poweroff -f\n');
    expect(await command.exited).toBe(0);
    expect(command.stderr).not.toContain('error');
    expect(statSync(join(logs, 'domU1.log')).size).toBe(Buffer.byteLength(command.stdout, 'latin1'));
  },
  BOOT_MS,
);
