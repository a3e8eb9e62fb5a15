/** An ImageBuilder configuration and a U-Boot script as users write them, with Debian's kernel: there, booted, and back. */
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { compileDts, diffTrees, writeFdt } from '@dom0less/fdt';
import { beforeAll, expect, it } from 'vitest';
import { readTree } from '../src/board-files.ts';
import { findGuests, type Guests } from '../src/guests/index.ts';
import { Folder, hostTree } from './boards.ts';
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

const CONFIG = `MEMORY_START="0x40000000"
MEMORY_END="0x80000000"

DEVICE_TREE="host.dtb"
XEN="xen"
XEN_CMD="console=dtuart dtuart=serial0 bootscrub=0 sched=null"

NUM_DOMUS=2

DOMU_KERNEL[0]="Image"
DOMU_RAMDISK[0]="initrd"
DOMU_MEM[0]=160
DOMU_VCPUS[0]=1
DOMU_CMD[0]="console=ttyAMA0 name=first quiet"

DOMU_KERNEL[1]="Image"
DOMU_RAMDISK[1]="initrd"
DOMU_MEM[1]=128
DOMU_CMD[1]="console=ttyAMA0 name=second"
DOMU_STATIC_MEM[1]="0x70000000 0x8000000"
DOMU_DIRECT_MAP[1]=0

UBOOT_SOURCE="boot.source"
UBOOT_SCRIPT="boot.scr"
`;

/** As Xen's documentation has it: the files are loaded, and the tree is edited, by hand. */
const script = (kernel: number, ramdisk: number): string => String.raw`# a domU by hand
tftpb 0x44000000 Image
tftpb 0x4a000000 initrd
tftpb 0x43000000 host.dtb
tftpb 0x42000000 xen
fdt addr 0x43000000
fdt resize 4096
fdt set /chosen \#address-cells <0x2>
fdt set /chosen \#size-cells <0x2>
fdt set /chosen xen,xen-bootargs "console=dtuart sched=null"
fdt mknod /chosen domU0
fdt set /chosen/domU0 compatible "xen,domain"
fdt set /chosen/domU0 \#address-cells <0x2>
fdt set /chosen/domU0 \#size-cells <0x2>
fdt set /chosen/domU0 memory <0x0 0x28000>
fdt set /chosen/domU0 cpus <0x1>
fdt set /chosen/domU0 vpl011 <0x1>
fdt mknod /chosen/domU0 module@44000000
fdt set /chosen/domU0/module@44000000 compatible "multiboot,kernel" "multiboot,module"
fdt set /chosen/domU0/module@44000000 reg <0x0 0x44000000 0x0 0x${kernel.toString(16)}>
fdt set /chosen/domU0/module@44000000 bootargs "console=ttyAMA0 name=byhand"
fdt mknod /chosen/domU0 module@4a000000
fdt set /chosen/domU0/module@4a000000 compatible "multiboot,ramdisk" "multiboot,module"
fdt set /chosen/domU0/module@4a000000 reg <0x0 0x4a000000 0x0 0x${ramdisk.toString(16)}>
setenv fdt_high 0xffffffffffffffff
booti 0x42000000 - 0x43000000
`;

/** A folder as a TFTP server has it. */
function place(name: string): string {
  const root = join(folder.path, name);
  mkdirSync(root);
  symlinkSync(guests.kernel, join(root, 'Image'));
  symlinkSync(guests.ramdisk!, join(root, 'initrd'));
  // No Xen is run; its image only has to be there.
  writeFileSync(join(root, 'xen'), new Uint8Array(4096));
  const host = hostTree([])
    .replace(/chosen \{[\s\S]*?\n\t\};/, 'aliases { serial0 = "/serial@9000000"; }; chosen { };')
    .replace(
      'timer {',
      'serial@9000000 { compatible = "arm,pl011"; reg = <0 0x9000000 0 0x1000>; interrupts = <0 1 4>; };\n\ttimer {',
    );
  writeFileSync(join(root, 'host.dtb'), writeFdt(compileDts(host)));
  return root;
}

const call = async (...args: string[]): Promise<Command> => {
  const command = new Command(args);
  expect(await command.exited, command.stderr + command.stdout).toBe(0);
  return command;
};
const loadsOf = (board: string): string[] => /dom0less run \S+ (.*)/.exec(readFileSync(board, 'utf8'))![1]!.split(' ');
/** Boots to the shells of the domains. */
const boot = async (names: readonly (readonly [string, string])[], ...args: string[]): Promise<Command> => {
  const expects = names.flatMap(([node, name]) => ['--expect', `${node}=DOMU-UP \\S+ ${name}`]);
  return call('run', ...args, ...expects, '--timeout', String(BOOT_MS / 1000));
};
const BOTH = [
  ['domU0', 'first'],
  ['domU1', 'second'],
] as const;

it("an ImageBuilder configuration is imported, checked, booted with Debian's kernel, exported and booted again", {
  timeout: 4 * BOOT_MS,
}, async () => {
  const root = place('imagebuilder');
  const board = join(root, 'board.dts');
  writeFileSync(join(root, 'config'), CONFIG);
  await call('import', 'imagebuilder', join(root, 'config'), '-o', board);
  const loads = loadsOf(board);
  expect((await call('check', board, ...loads, '--strict')).stdout).toMatch(/starts {2}domU0\n {2}starts {2}domU1\n/);
  await boot(BOTH, board, ...loads);

  // As a configuration again, it is the same board.
  const config = join(root, 'again');
  await call('export', 'imagebuilder', board, ...loads, '-o', config);
  writeFileSync(config, readFileSync(config, 'utf8').replaceAll(`${root}/`, ''));
  const back = join(root, 'back.dts');
  await call('import', 'imagebuilder', config, '-o', back);
  expect(diffTrees(readTree(back).tree, readTree(board).tree)).toEqual([]);

  // As a boot script it boots, too.
  const exported = ['-o', join(root, 'boot.source'), '--dtb', join(root, 'host.dtb'), '--force', '--xen', '4.17'];
  await call('export', 'uboot', board, ...loads, ...exported);
  const text = readFileSync(join(root, 'boot.source'), 'utf8').replaceAll(`${root}/`, '');
  writeFileSync(join(root, 'boot.source'), text);
  await boot(BOTH, '--boot-script', join(root, 'boot.source'), '--root', root);
});

it("a boot script of U-Boot is booted as it is, imported, checked, and booted from the board with Debian's kernel", {
  timeout: 3 * BOOT_MS,
}, async () => {
  const root = place('uboot');
  const sizes = ['Image', 'initrd'].map((name) => readFileSync(join(root, name)).length);
  writeFileSync(join(root, 'boot.source'), script(sizes[0]!, sizes[1]!));
  const one = [['domU0', 'byhand']] as const;
  await boot(one, '--boot-script', join(root, 'boot.source'), '--root', root);
  const board = join(root, 'board.dts');
  await call('import', 'uboot', join(root, 'boot.source'), '--root', root, '-o', board);
  const loads = loadsOf(board);
  const checked = await call('check', board, ...loads);
  expect(checked.stdout).toContain('starts  domU0');
  await boot(one, board, ...loads);
});
