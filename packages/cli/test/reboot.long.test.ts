/** A domU that reboots ten times beside one that counts on. */
import { existsSync, readFileSync, statSync } from 'node:fs';
import { expect, it } from 'vitest';
import { findGuests, type Guests } from '../src/guests/index.ts';
import { Folder } from './boards.ts';
import { Command } from './command.ts';

const TEST_MS = 900_000;
const folder = new Folder();
const KERNEL = 0x78000000;
const RAMDISK = 0x7b000000;
const hex = (value: number): string => `0x${value.toString(16)}`;

const domain = ({ kernel, ramdisk }: Guests, name: string, content: string): string => {
  const module = (kind: string, address: number, file: string, more = ''): string =>
    `m@${address.toString(16)} { compatible = "multiboot,${kind}", "multiboot,module"; reg = <0 ${hex(address)} 0 ${statSync(file).size}>; ${more} };`;
  return `${name} { compatible = "xen,domain"; #address-cells = <2>; #size-cells = <2>; memory = <0 0x20000>; cpus = <1>; vpl011;
    ${content}
    ${module('kernel', KERNEL, kernel, `bootargs = "console=ttyAMA0 name=${name}";`)}
    ${module('ramdisk', RAMDISK, ramdisk!)} };`;
};
const board = (domains: string): string => `/dts-v1/; / { #address-cells = <2>; #size-cells = <2>;
  memory@40000000 { device_type = "memory"; reg = <0 0x40000000 0 0x40000000>; };
  cpus { #address-cells = <1>; #size-cells = <0>;
    cpu@0 { device_type = "cpu"; compatible = "arm,cortex-a57"; reg = <0>; }; };
  intc@8000000 { compatible = "arm,gic-400"; interrupt-controller; #interrupt-cells = <3>;
    reg = <0 0x8000000 0 0x1000>, <0 0x8010000 0 0x2000>; };
  timer { compatible = "arm,armv8-timer"; interrupts = <1 13 0xf08 1 14 0xf08 1 11 0xf08 1 10 0xf08>; };
  chosen { #address-cells = <2>; #size-cells = <2>; ${domains} }; };`;

/** Numbers that the neighbour has counted to. */
const counts = (log: string): number[] => [...log.matchAll(/^count-(\d+)\r?$/gm)].map(([, number]) => Number(number));

it(
  'boots Debian from its pristine images each time, and the neighbour misses no number',
  async () => {
    const search = await findGuests();
    if (!search.found) throw new Error(`no guests: ${search.reason}`);
    const reboots = 'dom0less,on-reboot = "restart";';
    const dts = board(domain(search.guests, 'domU1', reboots) + domain(search.guests, 'domU2', ''));
    const args = ['run', folder.put('board.dts', dts), '--json', '--console-log', folder.path];
    const loads = [
      '--load',
      `${hex(KERNEL)}=${search.guests.kernel}`,
      '--load',
      `${hex(RAMDISK)}=${search.guests.ramdisk}`,
    ];
    const count = 'domU2=domU2:\\S+# =n=0; while sleep 1; do n=$((n+1)); echo count-$n; done\\n';
    const command = new Command([...args, ...loads, '--send', count, '--timeout', String(TEST_MS / 1000 - 30)]);
    const log = (name: string): string => {
      const path = `${folder.path}/${name}.log`;
      return existsSync(path) ? readFileSync(path, 'latin1') : '';
    };
    for (let boot = 1; boot <= 11; boot++) {
      await command.shows(() => (log('domU1').match(/domU1:\S+# /g) ?? []).length >= boot);
      // Typed input goes to the first domain.
      command.type(boot < 11 ? `touch /tmp/boot-${boot}; ls /tmp; reboot -f\n` : 'ls /tmp; poweroff -f\n');
      await command.shows(
        (stdout) => (stdout.match(/"domain":"domU1","id":1,"state":"(reboot|poweroff)"/g) ?? []).length >= boot,
      );
    }
    const before = counts(log('domU2')).length;
    await command.shows(() => counts(log('domU2')).length > before + 1);
    command.kill('SIGTERM');
    expect(await command.exited).toBe(143);
    const first = log('domU1');
    expect(first.match(/Linux version/g)).toHaveLength(11);
    // Each boot finds only what it made itself.
    for (let boot = 2; boot <= 10; boot++) expect(first).toMatch(new RegExp(`^boot-${boot}\\r?$`, 'm'));
    expect(first.match(/^boot-1\r?$/gm)).toHaveLength(1);
    expect(counts(log('domU2'))).toEqual(counts(log('domU2')).map((_, n) => n + 1));
    expect(log('domU2').match(/Linux version/g)).toHaveLength(1);
  },
  TEST_MS,
);
