/** Debian's kernel in deterministic mode: it boots, reboots and goes on the same way each time, to the instruction. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, it } from 'vitest';
import { findGuests, type Guests } from '../src/guests/index.ts';
import { Folder } from './boards.ts';
import { Command } from './command.ts';

const FETCH_MS = 300_000;
const BOOT_MS = 180_000;
const folder = new Folder();

let guests: Guests;
beforeAll(async () => {
  const search = await findGuests({ onProgress: (line) => process.stderr.write(`${line}\n`) });
  if (!search.found) throw new Error(`no guests: ${search.reason}`);
  guests = search.guests;
}, FETCH_MS);

it('a domU that reboots beside another gives the same bytes and counts of instructions each time', {
  timeout: 3 * BOOT_MS,
}, async () => {
  const board = join(folder.path, 'board.dts');
  const files = ['--kernel', guests.kernel, '--ramdisk', guests.ramdisk!];
  const made = new Command(['init', '--domains', '2', ...files, '-o', board]);
  expect(await made.exited).toBe(0);
  const source = readFileSync(board, 'utf8');
  const again = folder.put('again.dts', source.replace('vpl011;', 'vpl011; dom0less,on-reboot = "restart";'));
  const loads = /dom0less run \S+ (.*)/.exec(source)![1]!.split(' ');
  const boot = async (name: string) => {
    const logs = join(folder.path, name);
    const command = new Command([
      ...['run', again, ...loads, '--deterministic', '--console-log', logs, '--timeout', String(BOOT_MS / 1000)],
      ...['--send', 'domU1=:\\S+# =reboot -f\\n', '--expect', 'domU1=DOMU-UP[\\s\\S]*DOMU-UP'],
    ]);
    expect(await command.exited, command.stderr).toBe(0);
    return {
      consoles: ['domU1', 'domU2'].map((domain) => readFileSync(join(logs, `${domain}.log`), 'latin1')),
      instructions: `${command.stdout}${command.stderr}`.match(/dom0less: domU\d executed \d+ instructions/g),
    };
  };
  const first = await boot('first');
  expect(first.consoles[0]!.match(/DOMU-UP/g)).toHaveLength(2);
  expect(first.instructions).toHaveLength(2);
  expect(await boot('second')).toEqual(first);
});
