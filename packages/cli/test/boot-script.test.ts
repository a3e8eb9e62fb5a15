/** Boot scripts of U-Boot, run by the built command with small guests. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { compileDts, writeFdt } from '@dom0less/fdt';
import { describe, expect, it } from 'vitest';
import { smallGuest } from '../src/small-guests/index.ts';
import { Folder } from './boards.ts';
import { Command } from './command.ts';
import { uImage } from './uimage.ts';

const fixture = (name: string): string =>
  readFileSync(fileURLToPath(new URL(`./fixtures/boot-scripts/${name}`, import.meta.url)), 'utf8');

/** A host with RAM from 0, where the scripts load their files, and the domains of `chosen`. */
const hostTree = (chosen: string): string => `/dts-v1/;
/ {
	#address-cells = <2>; #size-cells = <2>;
	memory@0 { device_type = "memory"; reg = <0 0 0 0x40000000>; };
	cpus {
		#address-cells = <1>; #size-cells = <0>;
		cpu@0 { device_type = "cpu"; compatible = "arm,cortex-a53"; reg = <0>; };
	};
	interrupt-controller@f9010000 {
		compatible = "arm,gic-400"; interrupt-controller; #interrupt-cells = <3>;
		reg = <0 0xf9010000 0 0x10000 0 0xf9020000 0 0x20000>;
	};
	timer { compatible = "arm,armv8-timer"; interrupts = <1 13 0xf08 1 14 0xf08 1 11 0xf08 1 10 0xf08>; };
	chosen { #address-cells = <2>; #size-cells = <2>; ${chosen} };
};
`;

const DOM0 = 'module@80000 { compatible = "multiboot,kernel", "multiboot,module"; reg = <0 0x80000 0 0x1000>; };';
const folder = new Folder();
const root = join(folder.path, 'tftpboot');
mkdirSync(root);
const put = (name: string, content: Uint8Array | string): void => writeFileSync(join(root, name), content);
put('xen.dtb', writeFdt(compileDts(hostTree(DOM0 + fixture('seed-domu.dtsi')))));
put('xen-Image', smallGuest('echo'));
put('xen-rootfs.cpio.gz.u-boot', uImage(Buffer.alloc(1000, 'r')));
put('Image-DomU', smallGuest('banner'));
put('ramdisk-DomU', Buffer.alloc(5000, 'd'));

const run = async (script: string, ...options: string[]) => {
  const path = folder.put('boot.cmd', script);
  const command = new Command(['run', '--boot-script', path, '--root', root, '--timeout', '20', ...options]);
  const code = await command.exited;
  return { code, stdout: command.stdout, stderr: command.stderr };
};

describe('the boot script of the text about Dom0less', () => {
  it('boots its domU without xen.ub, and says that dom0 is not started', async () => {
    const { code, stdout, stderr } = await run(fixture('tftp-domu.cmd'));
    expect(stdout).toBe('banner: a guest that says hello and powers off\r\n');
    expect(stderr).toContain('dom0-described');
    expect(stderr).not.toMatch(/^error/m);
    expect(code).toBe(0);
  });

  it('with 0x0x80000 gets a warning with the address that was meant', async () => {
    const script = fixture('tftp-domu.cmd').replace('0x80000', '0x0x80000');
    const { code, stderr } = await run(script);
    expect(stderr).toMatch(/warning script-number-prefix: boot\.cmd:2:\d+: .*0x0x80000.*0x80000/);
    expect(code).toBe(0);
  });

  it('as it was before its domU names the files that the tree wants and that nobody loads', async () => {
    const { code, stderr } = await run(fixture('tftp.cmd'));
    expect(stderr).toMatch(/error module-not-loaded: \/chosen\/domU1\/module@2000000.*0x2000000/);
    expect(code).toBe(2);
  });
});

describe('a boot script', () => {
  it('that loads a file onto another is an error with both and a free address', async () => {
    const script = fixture('tftp-domu.cmd').replace('0x3000000 ramdisk', '0x2000010 ramdisk');
    const { code, stderr } = await run(script);
    expect(stderr).toMatch(/error script-overlap: .*ramdisk-DomU at .* would overwrite Image-DomU at .*load it at 0x/);
    expect(code).toBe(2);
  });

  it('finds no file outside of its root', async () => {
    folder.put('outside', smallGuest('banner'));
    const { code, stderr } = await run(fixture('tftp-domu.cmd').replace('Image-DomU', '../outside'));
    expect(stderr).toMatch(/error script-file-missing: .*outside/);
    expect(code).toBe(2);
  });

  it('can edit the board that is given', async () => {
    const board = folder.put('own.dts', hostTree(fixture('seed-domu.dtsi').replace('vpl011;', '')));
    const script = `fdt addr \${fdt_addr}
fdt resize 1024
fdt set /chosen/domU1 vpl011
load mmc 0 0x2000000 Image-DomU
load mmc 0 0x3000000 ramdisk-DomU
booti 0x1400000 - \${fdt_addr}
`;
    const { code, stderr } = await run(script, board, '--expect', 'domU1=hello');
    expect({ code, stderr }).toMatchObject({ code: 0 });
    const without = await run(script);
    expect(without.code).toBe(2);
  });
});
