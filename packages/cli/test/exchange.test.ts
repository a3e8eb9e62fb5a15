import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { compileDts, diffTrees, parseFdt, writeFdt } from '@dom0less/fdt';
import { parseBootPlan, runBootScript } from '@dom0less/multiboot';
import { describe, expect, it } from 'vitest';
import { readTree } from '../src/board-files.ts';
import { main } from '../src/cli.ts';
import { readAssignments } from '../src/exchange/shell-assignments.ts';
import { smallGuest } from '../src/small-guests/index.ts';
import { Folder, hostTree } from './boards.ts';
import { Command } from './command.ts';
import { fakeIo } from './fake-io.ts';

const folder = new Folder();
const guest = smallGuest('banner');
const host = hostTree([]).replace(/chosen \{[\s\S]*?\n\t\};/, 'aliases { };');

const call = async (...args: string[]) => {
  const io = fakeIo();
  const code = await main(args, io);
  return { code, stdout: io.stdout.text, stderr: io.stderr.text };
};

let folders = 0;
/** A folder with the files that a configuration names. */
const place = (files: Record<string, string | Uint8Array>): string => {
  const path = join(folder.path, `place${++folders}`);
  mkdirSync(path);
  for (const [name, content] of Object.entries(files)) writeFileSync(join(path, name), content);
  return path;
};

/** As ImageBuilder's own README has it. */
const CONFIG = `# a comment
MEMORY_START="0x40000000"
MEMORY_END="0x80000000"
LOAD_CMD="tftpb"
BOOT_CMD="booti"

DEVICE_TREE="host.dtb"
XEN="xen"
XEN_CMD="console=dtuart bootscrub=0 conswitch=ax"

NUM_DOMUS=2
IMAGE='Image-domU'
DOMU_KERNEL[0]="$IMAGE"
DOMU_CMD[0]="console=ttyAMA0 name=first"
DOMU_MEM[0]=64
DOMU_VCPUS[0]=2
DOMU_KERNEL[1]="\${IMAGE}"
DOMU_RAMDISK[1]="initrd.cpio"
DOMU_MEM[1]="128"  # MiB
DOMU_ENHANCED[1]=0

UBOOT_SOURCE="boot.source"
UBOOT_SCRIPT="boot.scr"
`;
const files = {
  'host.dtb': writeFdt(compileDts(host)),
  'Image-domU': guest,
  'initrd.cpio': new Uint8Array(5000).fill(7),
};

describe("a shell's assignments", () => {
  const read = (source: string) => {
    const { values, problems } = readAssignments(source, 'config');
    return { values: Object.fromEntries(values), problems };
  };

  it('are read as a shell reads them', () => {
    const source = String.raw`A=1; B="two words" # rest
export C='$A "x"'
D[3]="$A-$B-\"\$\\"
E=a\ b
F=
G=x#y`;
    expect(read(source)).toEqual({
      values: {
        A: '1',
        B: 'two words',
        C: '$A "x"',
        'D[3]': '1-two words-"$\\',
        E: 'a b',
        F: '',
        G: 'x#y',
      },
      problems: [],
    });
  });

  it.each([
    ['A=$(touch /tmp/x)', 'config:1: A: it runs a command'],
    ['A=`id`', 'config:1: A: it runs a command'],
    ['A="`id`"', 'config:1: A: it runs a command'],
    ['rm -rf /', 'config:1: "rm -rf /" is no assignment'],
    ['A="open', 'config:1: A: the " is not closed'],
    ['A=1 && B=2', 'config:1: "&& B=2" is no assignment'],
    [`A=${'$'}{B:-x}`, 'is more than the value of a variable'],
  ])('%s is never run', (source, problem) => {
    expect(read(source).problems.join()).toContain(problem);
  });

  it('that double themselves end', () => {
    const source = `A=${'x'.repeat(1000)}\n${'A="$A$A"\n'.repeat(60)}`;
    expect(read(source).problems.join()).toContain('too long');
  });
});

describe('import imagebuilder', () => {
  it('makes a board that checks clean, boots, and goes back', async () => {
    const root = place({ ...files, config: CONFIG });
    const board = join(root, 'board.dts');
    expect(await call('import', 'imagebuilder', join(root, 'config'), '-o', board)).toMatchObject({
      code: 0,
      stderr: '',
    });
    const source = readFileSync(board, 'utf8');
    const loads = /dom0less run \S+ (.*)/.exec(source)![1]!.split(' ');
    const checked = await call('check', board, ...loads, '--strict');
    expect(checked.stdout).toContain('0 errors, 0 warnings');
    const { plan } = parseBootPlan(readTree(board).tree);
    expect(plan.xenCommandLine).toBe('console=dtuart bootscrub=0 conswitch=ax');
    expect(plan.domains).toMatchObject([
      { name: 'domU0', memoryKiB: 65536, cpus: 2, bootargs: 'console=ttyAMA0 name=first', enhanced: 'disabled' },
      { name: 'domU1', memoryKiB: 131072, cpus: 1, bootargs: 'console=ttyAMA0', modules: { ramdisk: { size: 5000 } } },
    ]);
    const command = new Command(['run', board, ...loads, '--timeout', '60']);
    expect(await command.exited).toBe(0);
    expect(command.stdout).toContain('DOM1: banner: a guest');

    const config = join(root, 'again');
    await call('export', 'imagebuilder', board, ...loads, '-o', config);
    const text = readFileSync(config, 'utf8').replaceAll(`${root}/`, '');
    expect(text).toContain('DOMU_KERNEL[1]="Image-domU"\nDOMU_RAMDISK[1]="initrd.cpio"');
    writeFileSync(config, text);
    const back = join(root, 'back.dts');
    expect(await call('import', 'imagebuilder', config, '-o', back)).toMatchObject({ code: 0 });
    expect(diffTrees(readTree(back).tree, readTree(board).tree)).toEqual([]);
  });

  it('static memory, pools, sharing, switches', async () => {
    const config = `DEVICE_TREE=host.dtb
NUM_CPUPOOLS=1
CPUPOOL[0]="cpu@0 null"
NUM_DOMUS=1
DOMU_KERNEL[0]=Image-domU
DOMU_MEM[0]=64
DOMU_STATIC_MEM[0]="0x60000000 0x8000000"
DOMU_DIRECT_MAP[0]=0
DOMU_ENHANCED[0]=no-xenstore
DOMU_CPUPOOL[0]=0
DOMU_CAPS[0]="control"
DOMU_TRAP_UNMAP[0]=0
DOMU_MAPTRACK_FRAMES[0]=10
DOMU_SHARED_MEM[0]="box 0x70000000 0x80000000 0x100000"
DOMU_ROOTFS[0]=disk
DOMU_MEM[1]=9
DOM0_KERNEL=Image
TYPO=1
`;
    const root = place({ ...files, config });
    const { code, stdout, stderr } = await call('import', 'imagebuilder', join(root, 'config'));
    expect(code).toBe(0);
    for (const note of [
      '131072 KiB are taken',
      'DOMU_ROOTFS[0] is left out',
      'DOMU_MEM[1] is beyond',
      'DOM0_KERNEL',
      'TYPO',
    ]) {
      expect(stderr).toContain(note);
    }
    const { plan } = parseBootPlan(compileDts(stdout));
    expect(plan.domains[0]).toMatchObject({
      memoryKiB: 131072,
      staticMem: [{ start: 0x60000000, size: 0x8000000 }],
      directMap: false,
      enhanced: 'no-xenstore',
      capabilities: { control: true },
      trapUnmappedAccesses: false,
      maxMaptrackFrames: 10,
      sharedMemory: [{ id: 'box', hostAddress: 0x70000000, guestAddress: 0x80000000, size: 0x100000 }],
    });
    expect(plan.cpupools.find(({ path }) => path === '/chosen/cpupool_0')).toMatchObject({ scheduler: 'null' });
  });

  it('a domU without a console, capabilities by name, and the numbers of DOMU_ENHANCED, there and back', async () => {
    const config = `DEVICE_TREE=host.dtb
NUM_DOMUS=2
DOMU_KERNEL[0]=Image-domU
DOMU_MEM[0]=64
DOMU_MEM[1]=64
DOMU_VPL011[0]=0
DOMU_ENHANCED[0]=2
DOMU_LOAD[0]="tftpb"
DOMU_CAPS[0]="dom0"
DOMU_NR_SPIS[0]=64
DOMU_GRANT_VER[0]=1
DOMU_GRANT_FRAMES[0]=32
DOMU_MAPTRACK_FRAMES[0]=16
DOMU_KERNEL[1]=Image-domU
DOMU_CAPS[1]=none
DOMU_ENHANCED[1]=1
`;
    const root = place({ ...files, config });
    const { stdout, stderr } = await call('import', 'imagebuilder', join(root, 'config'));
    expect(stderr).toBe('');
    const [first, second] = parseBootPlan(compileDts(stdout)).plan.domains;
    expect(first).toMatchObject({ vpl011: false, bootargs: '', enhanced: 'no-xenstore' });
    expect(first).toMatchObject({ capabilities: { control: true, hardware: true, xenstore: true } });
    expect(second).toMatchObject({ vpl011: true, bootargs: 'console=ttyAMA0', enhanced: 'enabled' });
    expect(second).toMatchObject({ capabilities: { control: false, hardware: false, xenstore: false } });
    const cells = compileDts(stdout).node('/chosen/domU0')!;
    expect(cells.u32('nr_spis')).toBe(64);
    expect([1, 32, 16]).toEqual(
      ['max_grant_version', 'max_grant_frames', 'max_maptrack_frames'].map((name) => cells.u32(name)),
    );
    // A hardware domain would need memory of its own; the others can be exported.
    const board = folder.put('caps.dts', stdout.replace('capabilities = <0x07>', 'capabilities = <0x05>'));
    const exported = await call('export', 'imagebuilder', board);
    for (const line of ['DOMU_VPL011[0]=0', 'DOMU_ENHANCED[0]=2', 'DOMU_CAPS[0]="control|xenstore"']) {
      expect(exported.stdout + exported.stderr).toContain(line);
    }
  });

  it.each([
    ['NUM_DOMUS=1', 'DOMU_KERNEL[0] is missing'],
    ['NUM_DOMUS=many', 'expected a number'],
    ['NUM_DOMUS=1\nDOMU_KERNEL[0]=none', 'none is not there'],
    ['', 'NUM_DOMUS is 0'],
    ['NUM_DOMUS=1\nDOMU_KERNEL[0]=Image-domU\nDOMU_STATIC_MEM[0]="1 2 3"', 'expected addresses and sizes in turn'],
    ['NUM_DOMUS=1\nDOMU_KERNEL[0]=Image-domU\nDOMU_CPUPOOL[0]=3', 'there is no CPUPOOL[3]'],
    ['NUM_DOMUS=1\nDOMU_KERNEL[0]=Image-domU\nMEMORY_END=0x41000010', 'ends past MEMORY_END'],
  ])('%j is bad input', async (config, problem) => {
    const root = place({ ...files, config: `DEVICE_TREE=host.dtb\n${config}\n` });
    const { code, stderr } = await call('import', 'imagebuilder', join(root, 'config'));
    expect(code).toBe(2);
    expect(stderr).toContain(problem);
  });
});

describe('export uboot', () => {
  const nasty = String.raw`console=ttyAMA0 a="b c" d='e' f=$x g=\\h i;j #k`;
  const source = host.replace(
    'aliases { };',
    `chosen { #address-cells = <2>; #size-cells = <2>; xen,xen-bootargs = "console=dtuart";
      domU1 { compatible = "xen,domain"; #address-cells = <2>; #size-cells = <2>; memory = <0 0x10000>; cpus = <1>; vpl011;
        module@48000000 { compatible = "multiboot,kernel", "multiboot,module"; reg = <0 0x48000000 0 ${guest.length}>;
          bootargs = ${JSON.stringify(nasty)}; }; }; };`,
  );

  it('makes a script that builds the same tree, and that can be imported, checked and booted', async () => {
    const root = place({ 'board.dts': source, 'Image-domU': guest });
    const [board, script, dtb] = ['board.dts', 'boot.cmd', 'host.dtb'].map((name) => join(root, name)) as [
      string,
      string,
      string,
    ];
    const load = ['--load', `0x48000000=${join(root, 'Image-domU')}`];
    const exported = await call('export', 'uboot', board, ...load, '--xen', '4.17', '--dtb', dtb, '-o', script);
    expect(exported).toMatchObject({ code: 0, stderr: '' });
    const text = readFileSync(script, 'utf8').replaceAll(`${root}/`, '');
    writeFileSync(script, text);
    expect(parseFdt(readFileSync(dtb)).node('/chosen')).toBeUndefined();

    const { dtb: made, diagnostics } = runBootScript(text, {
      files: (name) => (name === 'xen' ? undefined : readFileSync(join(root, name))),
    });
    expect(diagnostics.filter(({ severity }) => severity === 'error')).toEqual([]);
    expect(diffTrees(made!, readTree(board).tree)).toEqual([]);

    const back = join(root, 'back.dts');
    const imported = await call('import', 'uboot', script, '-o', back);
    expect(imported.code).toBe(0);
    const loads = /dom0less run \S+ (.*)/.exec(readFileSync(back, 'utf8'))![1]!.split(' ');
    expect((await call('check', back, ...loads)).code).toBe(0);
    const command = new Command(['run', back, ...loads, '--timeout', '60']);
    expect(await command.exited).toBe(0);
    expect(command.stdout).toContain('banner: a guest');
  });

  it('says what the release does not know, and refuses a board with errors', async () => {
    const root = place({
      'new.dts': source.replace('vpl011;', 'vpl011; max_grant_frames = <10>;'),
      'bad.dts': source.replace('cpus = <1>; vpl011', 'vpl011'),
    });
    const { code, stderr, stdout } = await call('export', 'dts', join(root, 'new.dts'), '--xen', '4.17');
    expect(code).toBe(0);
    expect(stderr).toContain('warning xen-unknown-yet');
    expect(diffTrees(compileDts(stdout), readTree(join(root, 'new.dts')).tree)).toEqual([]);
    const bad = await call('export', 'uboot', join(root, 'bad.dts'));
    expect(bad.code).toBe(2);
    expect(bad.stderr).toContain('domain-cpus-missing');
  });

  it.each([
    ['export', 'pdf', 'board.dts'],
    ['import', 'qemu', 'x'],
  ])('%s %s is bad usage', async (...args) => expect((await call(...args)).code).toBe(2));
});
