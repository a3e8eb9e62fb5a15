/** What the binding can give a domU, used by Debian's kernel: shared memory, direct map, a pool, devices of the board. */
import { readFileSync, statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { compileDts, writeFdt } from '@dom0less/fdt';
import { beforeAll, expect, it } from 'vitest';
import { findGuests, type Guests } from '../src/guests/index.ts';
import { Folder } from './boards.ts';
import { Command } from './command.ts';

const FETCH_MS = 300_000;
const BOOT_MS = 180_000;
const folder = new Folder();
const fragment = writeFdt(
  compileDts(readFileSync(fileURLToPath(new URL('./fixtures/passthrough.dts', import.meta.url)), 'utf8')),
);

let guests: Guests;
beforeAll(async () => {
  const search = await findGuests({ onProgress: (line) => process.stderr.write(`${line}\n`) });
  if (!search.found) throw new Error(`no guests: ${search.reason}`);
  guests = search.guests;
}, FETCH_MS);

const KERNEL = 0x78000000;
const RAMDISK = 0x7b000000;
const FRAGMENT = 0x7c000000;
const module = (kind: string, address: number, size: number, more = ''): string =>
  `m@${address.toString(16)} { compatible = "multiboot,${kind}", "multiboot,module"; reg = <0 ${address} 0 ${size}>; ${more} };`;

const domain = (name: string, content: string, bootargs = ''): string => `${name} {
  compatible = "xen,domain"; #address-cells = <2>; #size-cells = <2>; memory = <0 0x20000>; cpus = <1>; vpl011; ${content}
  ${module('kernel', KERNEL, statSync(guests.kernel).size, `bootargs = "console=ttyAMA0 name=${name} ${bootargs}";`)}
  ${module('ramdisk', RAMDISK, statSync(guests.ramdisk!).size)} };`;

/** A board of 1 GiB with a few devices. */
const board = (domains: string): string => `/dts-v1/; / {
  #address-cells = <2>; #size-cells = <2>; interrupt-parent = <&gic>;
  memory@40000000 { device_type = "memory"; reg = <0 0x40000000 0 0x40000000>; };
  cpus { #address-cells = <1>; #size-cells = <0>;
    cpu@0 { device_type = "cpu"; compatible = "arm,cortex-a57"; reg = <0>; };
    cpu1: cpu@1 { device_type = "cpu"; compatible = "arm,cortex-a57"; reg = <1>; }; };
  gic: intc@8000000 { compatible = "arm,gic-400"; interrupt-controller; #interrupt-cells = <3>;
    reg = <0 0x8000000 0 0x1000>, <0 0x8010000 0 0x2000>; };
  timer { compatible = "arm,armv8-timer"; interrupts = <1 13 0xf08 1 14 0xf08 1 11 0xf08 1 10 0xf08>; };
  pl011@9000000 { compatible = "arm,pl011"; reg = <0 0x9000000 0 0x1000>; interrupts = <0 1 4>; };
  pl031@9010000 { compatible = "arm,pl031"; reg = <0 0x9010000 0 0x1000>; interrupts = <0 2 4>; xen,passthrough; };
  pl061@9030000 { compatible = "arm,pl061"; reg = <0 0x9030000 0 0x1000>; interrupts = <0 7 4>; xen,passthrough; };
  pl011@9040000 { compatible = "arm,pl011"; reg = <0 0x9040000 0 0x1000>; interrupts = <0 8 4>; xen,passthrough; };
  chosen { #address-cells = <2>; #size-cells = <2>; stdout-path = "/pl011@9000000";
    pool: pool { compatible = "xen,cpupool"; cpupool-cpus = <&cpu1>; cpupool-sched = "null"; };
    ${domains} }; };`;

const shm = (role: string): string => `shm { compatible = "xen,domain-shared-memory-v1"; xen,shm-id = "mailbox";
  role = "${role}"; xen,shared-mem = <0 0x70000000 0 0x50000000 0 0x100000>; };`;

/** Arguments of `run` for a board, with what is typed at each domain's prompt. */
const runs = (dts: string, sends: Readonly<Record<string, string>>): string[] => [
  ...['run', folder.put('board.dts', dts), '--console-log', folder.path, '--timeout', String(BOOT_MS / 1000)],
  ...['--load', `${KERNEL}=${guests.kernel}`, '--load', `${RAMDISK}=${guests.ramdisk}`],
  ...['--load', `${FRAGMENT}=${folder.put('fragment.dtb', fragment)}`],
  ...Object.entries(sends).flatMap(([name, text]) => ['--send', `${name}=${name}:\\S+# =${text}\\n`]),
];
const console = (name: string): string => readFileSync(`${folder.path}/${name}.log`, 'latin1');

it(
  'two domUs exchange messages through shared memory; a direct-map one, pinned to a pCPU of a pool of its own, uses clock, GPIO and UART of the board',
  async () => {
    // mem= keeps the shared pages out of what the kernel takes for its own, so that /dev/mem may reach them.
    const mailbox = (role: string, name: string): string => domain(name, shm(role), 'mem=128M');
    const direct = `xen,static-mem = <0 0x60000000 0 0x8000000>; direct-map; domain-cpupool = <&pool>;
      vcpu { compatible = "xen,vcpu"; id = <0>; hard-affinity = "1"; };
      ${module('device-tree', FRAGMENT, fragment.length)}`;
    const wait = (at: string, value: string): string => `while [ $(devmem ${at}) != ${value} ]; do sleep 1; done`;
    const devices = [
      'grep -E "System RAM|sbsa-uart" /proc/iomem',
      'echo clock-$(($(date -u +%s) - $(cat /sys/class/rtc/rtc0/since_epoch)))',
      'cd /sys/class/gpio; base=$(cat gpiochip*/base); echo $base > export; echo $((base+4)) > export',
      'echo high > gpio$base/direction; echo gpio-$(cat gpio$((base+4))/value)',
      'echo 0 > gpio$base/value; echo gpio-$(cat gpio$((base+4))/value)',
      'stty -F /dev/ttyAMA1 raw -echo; (sleep 1; echo hello > /dev/ttyAMA1) & head -n 1 /dev/ttyAMA1; echo loop-$((1+2))',
    ];
    const sends = {
      domU1: `devmem 0x50000000 32 0x1234; ${wait('0x50000004', '0x0000ABCD')}; echo got-$((1))`,
      domU2: `${wait('0x50000000', '0x00001234')}; devmem 0x50000004 32 0xABCD; echo got-$((1+1))`,
      domU3: devices.join('; '),
    };
    const domains = [mailbox('owner', 'domU1'), mailbox('borrower', 'domU2'), domain('domU3', direct)];
    const expects = ['domU1=^got-1', 'domU2=^got-2', 'domU3=^loop-3'].flatMap((one) => ['--expect', one]);
    const command = new Command([...runs(board(domains.join('\n')), sends), ...expects]);
    expect(await command.exited).toBe(0);
    expect(command.stderr).not.toMatch(/^(error|warning)/m);
    expect(command.stdout).toContain('(XEN) Brought up 2 CPUs');
    const third = console('domU3');
    expect(third).toMatch(/^60000000-67ffffff : System RAM/m);
    expect(third).toMatch(/^09000000-09000fff : 9000000\.sbsa-uart/m);
    expect(Math.abs(Number(/^clock-(-?\d+)/m.exec(third)![1]))).toBeLessThan(5);
    expect(third).toMatch(/^gpio-1\r?\n(?:.*\n)*?gpio-0\r?$/m);
    expect(third).toMatch(/^hello\r?\nloop-3/m);
  },
  BOOT_MS,
);
