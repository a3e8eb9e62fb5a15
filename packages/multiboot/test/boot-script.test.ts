import { readFileSync } from 'node:fs';
import { compileDts, printDts, writeFdt } from '@dom0less/fdt';
import { describe, expect, test } from 'vitest';
import { formatDiagnostic, parseBootPlan, runBootScript } from '../src/index.ts';
import { makeScriptImage, makeUImage } from './images.ts';

const blob = (chosen = '') =>
  writeFdt(
    compileDts(`/dts-v1/; / { #address-cells = <2>; #size-cells = <2>;
      memory@0 { device_type = "memory"; reg = <0 0 0 0x80000000>; };
      aliases { serial0 = "/uart"; };
      uart { compatible = "arm,pl011"; };
      chosen { ${chosen} }; };`),
    { padding: 4096 },
  );
const text = (content: string) => new TextEncoder().encode(content);
const FILES: Record<string, Uint8Array> = {
  'xen.dtb': blob(),
  Image: new Uint8Array(0x1234),
  ramdisk: new Uint8Array(0x800),
};

type Options = Partial<Parameters<typeof runBootScript>[1]> & { with?: Record<string, Uint8Array> };

const run = (source: string | Uint8Array, options: Options = {}) => {
  const files: Record<string, Uint8Array> = { ...FILES, ...options.with };
  return runBootScript(source, { files: (path) => files[path], ...options });
};
const codes = (source: string | Uint8Array, options?: Options) =>
  run(source, options).diagnostics.map(({ code, path }) => `${code} ${path.replace('boot script:', '')}`);
/** Diagnostics of a script without boot command, without the remark that it has none. */
const faults = (source: string, options?: Options) =>
  codes(source, options).filter((code) => !code.startsWith('script-boot-missing'));
const TREE = 'tftpb 1000000 xen.dtb; fdt addr 1000000; fdt resize\n';

describe('the example of the dom0less page', () => {
  const fixture = (name: string) =>
    readFileSync(new URL(`./fixtures/boot-scripts/${name}.cmd`, import.meta.url), 'utf8');
  const module = (kind: string, address: number) =>
    `module@${address.toString(16)} { compatible = "multiboot,${kind}", "multiboot,module"; reg = <${address} 0xffffff>; };`;
  const cpio = text('the initial ramdisk of dom0');
  const files = {
    'xen.dtb': blob(`domU1 { #address-cells = <1>; #size-cells = <1>; compatible = "xen,domain"; memory = <0 0x20000>;
      cpus = <1>; vpl011; ${module('kernel', 0x2000000)} ${module('ramdisk', 0x3000000)} };`),
    'xen-Image': new Uint8Array(100),
    'xen-rootfs.cpio.gz.u-boot': makeUImage(cpio, { type: 3 }),
    'Image-DomU': new Uint8Array(200),
    'ramdisk-DomU': new Uint8Array(300),
  };

  test('runs as it is, without the hypervisor, and leaves files and tree in memory', () => {
    const result = run(fixture('tftp-domu'), { with: files });
    expect(result.diagnostics.map(formatDiagnostic)).toEqual([
      'info script-hypervisor-absent: boot script:3:1: xen.ub at 0x1400000, which the script starts, is not there; it is not needed (nothing to do)',
    ]);
    expect(result.boot).toEqual({
      command: 'bootm',
      kernelAddress: 0x1400000,
      ramdisk: { address: 0x9000040, size: cpio.length },
      dtbAddress: 0x1280000,
    });
    expect([...result.modules.keys()]).toEqual([0x80000, 0x2000000, 0x3000000, 0x9000040]);
    expect(result.modules.get(0x2000000)).toEqual(files['Image-DomU']);
    expect(result.modules.get(0x9000040)).toEqual(cpio);
    expect(result.files.map(({ path, role }) => `${path} ${role}`)).toEqual([
      'xen-Image module',
      'xen.dtb device-tree',
      'Image-DomU module',
      'ramdisk-DomU module',
      'xen-rootfs.cpio.gz.u-boot ramdisk',
    ]);
    const chosen = result.dtb!.node('/chosen')!;
    expect([chosen.u64('linux,initrd-start'), chosen.u64('linux,initrd-end')]).toEqual([0x9000040n, 0x900005bn]);
    const { modules } = parseBootPlan(result.dtb!).plan.domains[0]!;
    expect([modules.kernel?.address, modules.ramdisk?.address]).toEqual([0x2000000, 0x3000000]);
  });

  test('means 0x80000 where it says 0x0x80000', () => {
    const result = run(fixture('tftp'), { with: files });
    expect(result.diagnostics[0]!.code).toBe('script-number-prefix');
    expect(formatDiagnostic(result.diagnostics[0]!)).toBe(
      'warning script-number-prefix: boot script:2:1: 0x0x80000 has the prefix 0x more than once; it is taken as 0x80000 (write 0x80000)',
    );
    expect(result.modules.get(0x80000)).toEqual(files['xen-Image']);
    expect(result.boot).toBeDefined();
  });

  test('does not touch the hypervisor if it is there', () => {
    const result = run(fixture('tftp-domu'), { with: { ...files, 'xen.ub': text('no executable at all') } });
    expect(result.diagnostics).toEqual([]);
    expect(result.modules.has(0x1400000)).toBe(false);
    expect(result.files).toContainEqual({ path: 'xen.ub', address: 0x1400000, size: 20, role: 'hypervisor' });
  });

  test('names a file that is too large for its place, what it would overwrite, and a free address', () => {
    const result = run(fixture('tftp-domu'), { with: { ...files, 'Image-DomU': new Uint8Array(0x1000001) } });
    expect(result.diagnostics.map(formatDiagnostic)[0]).toBe(
      'error script-overlap: boot script:7:1: ramdisk-DomU at [0x3000000, 0x300012c) would overwrite Image-DomU at [0x2000000, 0x3000001) (load it at 0x3200000, and give that address in reg)',
    );
  });

  test('names every other file that is missing, and does not blame the hypervisor for it', () => {
    const { 'xen-rootfs.cpio.gz.u-boot': _, ...others } = files;
    expect(codes(fixture('tftp-domu'), { with: others })).toEqual([
      'script-hypervisor-absent 3:1',
      'script-file-missing 4:1',
    ]);
  });
});

describe('words', () => {
  // What the shell makes of a line, by the old hush parser of U-Boot (common/cli_hush.c).
  const apostrophe = "'";
  test.each<[string, string]>([
    ['echo a   b', 'a b'],
    ['echo "a   b"', 'a   b'],
    [`echo 'a   $v'`, 'a   $v'],
    ['echo a\\ b\\;c', 'a b;c'],
    ['echo \\#address-cells', '#address-cells'],
    [`echo '#address-cells' a#b`, '#address-cells a#b'],
    ['echo a # b', 'a'],
    ['echo "a # b; c && d"', 'a # b; c && d'],
    [`echo $v \${v} \${v}x $vx|| echo`, 'one two one two one twox'],
    ['echo "$v"', 'one  two'],
    ['echo \\$v "\\$v"', '$v \\$v'],
    ['echo "a\\"b"', 'a\\"b'],
    ['echo \\"$v\\"', 'one  two'],
    ['echo "\\"$v\\""', '"one  two"'],
    [`echo 'a\\b' 'c\\\\d'`, 'ab c\\d'],
    [`echo "it${apostrophe}s"`, "it's"],
    ['echo a\\\nb \\\n  c', 'ab c'],
    ['echo "a\nb"', 'a\nb'],
    [`echo \${none}x\${none:-d} \${v:+set} \${none:+set}.`, 'xd set.'],
    [`echo \${new:=5} $new`, '5 5'],
    ['false; echo $?; true; echo $?', '1\n0'],
    ['local=7; echo $local', '7'],
    ['v=8; echo $v', 'one two'],
    ['echo $ a$', '$ a$'],
    ['setenv c "echo 1; echo 2"; run c', '1\n2'],
    [`setenv c 'echo $v'; setenv v 3; run c`, '3'],
    ['setenv c echo 4; $c', '4'],
    ['setenv c; printenv fdt_addr; echo $c.', 'fdt_addr=0x40000000\n.'],
    ['echo <0x1 [00] {x} (y) *', '<0x1 [00] {x} (y) *'],
    ['echo a\r\necho b\r\n', 'a\nb'],
  ])('%s', (source, expected) => {
    const { output, diagnostics } = run(source, { env: { v: 'one  two' } });
    expect(output).toBe(`${expected}\n`);
    expect(diagnostics.map(({ code }) => code)).toEqual(['script-boot-missing']);
  });

  test('a word with # in a command with variables is kept, with a warning', () => {
    const result = run('echo \\#size-cells $board b');
    expect(result.output).toBe('#size-cells qemu-arm b\n');
    expect(result.diagnostics).toMatchObject([
      { code: 'script-hash-word', severity: 'warning', path: 'boot script:1:1' },
      { code: 'script-boot-missing' },
    ]);
  });

  test.each([
    ["echo 'a\necho b", '1:6'],
    ['echo "a\necho b', '1:6'],
    [`echo \${a\necho b`, '1:6'],
    ['echo a & echo c\necho b', '1:8'],
    ['echo a | cat\necho b', '1:8'],
    ['&& echo a\necho b', '1:1'],
    ['fi\necho b', '1:1'],
    ['if true; echo a; fi; done\necho b', '1:18'],
    ['if true; then echo a\necho b', '2:7'],
    ['setenv q "\'"; echo "$q"\necho b', '1:15'],
  ])('%j cannot be read, and says where', (source, place) => {
    expect(codes(source)[0]).toBe(`script-syntax ${place}`);
  });

  test('a line that cannot be read does not keep the next one from running', () => {
    expect(run("echo 'a\necho b").output).toBe('b\n');
    expect(run('echo "a\necho b').output).toBe('b\n');
    expect(run('echo ${a\necho b').output).toBe('b\n');
  });
});

describe('control flow', () => {
  test.each<[string, string]>([
    ['true && echo a || echo b; echo c', 'a c'],
    ['false && echo a; echo c', 'c'],
    ['false || echo b && echo c', 'b c'],
    ['true || echo b && echo c; echo d', 'd'],
    ['if true; then echo a; else echo b; fi', 'a'],
    ['if false\nthen\n echo a\nelif true\nthen\n echo b\nelse echo c\nfi; echo d', 'b d'],
    ['if test a = b; then echo a; else if test -n x; then echo b; fi; fi', 'b'],
    ['for i in a "b c" $board; do echo $i; done', 'a b c qemu-arm'],
    ['n=0; while test $n -lt 3; do echo $n; setexpr n $n + 1; n=$n; done', '0 1 2'],
    ['setenv n 0; while test $n -lt 3; do echo $n; setexpr n $n + 1; done', '0 1 2'],
    [`setenv n; until test "$n" = xx; do setenv n \${n}x; echo $n; done`, 'x xx'],
    ['exit; echo a', ''],
    ['setenv c "echo a; exit; echo b"; run c; echo d', 'a d'],
    ['echo if then; echo "fi"', 'if then fi'],
    ['test a = a -a ! b = c && echo y; test 1 -gt 2 -o -z "" && echo z', 'y z'],
    ['test -e mmc 0 Image && echo there; test -e mmc 0 none || echo gone', 'there gone'],
    ['env set k 1; env exists k && env print k; env delete k; env exists k || echo no', 'k=1 no'],
    ['setexpr k 10 - 1; echo $k; setexpr k 0xff \\& f0; echo $k', 'f f0'],
    ['size mmc 0 Image; echo $filesize', '1234'],
  ])('%s', (source, expected) => {
    expect(run(source, { maxSteps: 60 }).output.trim().replaceAll('\n', ' ')).toBe(expected);
  });
});

describe('loading', () => {
  test.each([
    ['tftpb 0x2000000 Image', 0x2000000],
    ['tftpboot 2000000 10.0.2.2:Image', 0x2000000],
    ['tftp Image', 0x40200000],
    ['setenv bootfile Image; dhcp 2000000', 0x2000000],
    ['load mmc 0:1 $kernel_addr_r Image', 0x40400000],
    ['fatload virtio 0 0x2000000 Image', 0x2000000],
    ['ext4load scsi 0:2 2000000 Image', 0x2000000],
    ['ext2load scsi 0:2 2000000 Image', 0x2000000],
    ['setenv loadcmd "load virtio 0:1"; $loadcmd 2000000 Image', 0x2000000],
    ['smhload Image 2000000', 0x2000000],
  ])('%s', (source, address) => {
    const result = run(`${source}; echo $filesize $fileaddr`);
    expect(result.modules.get(address)).toEqual(FILES.Image);
    expect(result.output).toBe(`1234 ${address.toString(16)}\n`);
  });

  test('takes a part of a file', () => {
    expect(run('load mmc 0 1000 Image 10 1230; echo $filesize').output).toBe('4\n');
    expect(run('load mmc 0 1000 Image 10; echo $filesize').output).toBe('10\n');
  });

  test.each([
    ['load mmc 0 2000000 none', 'script-file-missing 1:1'],
    ['if load mmc 0 2000000 none; then run x; fi', 'script-file-absent 1:4'],
    ['load mmc 0 2000000 none || load mmc 0 2000000 Image', 'script-file-absent 1:1'],
    ['size mmc 0 none', 'script-file-missing 1:1'],
    ['load mmc 0 2000000 empty', 'script-file-empty 1:1'],
    ['load mmc 0 $unset Image', 'script-usage 1:1'],
    ['load mmc 0 "$unset" Image', 'script-number 1:1'],
    ['load mmc', 'script-usage 1:1'],
    ['tftpb 1000 Image Image', 'script-usage 1:1'],
    ['tftpb 1000000000000 Image', 'script-number 1:1'],
    ['tftpb ffffffffffff Image', 'script-range 1:1'],
    ['tftpb 1000 Image; tftpb 2000 ramdisk', 'script-overlap 1:19'],
    ['tftpb 2000 ramdisk; tftpb 1000 Image', 'script-overlap 1:21'],
    ['tftpb 1000 ramdisk; tftpb 1000 Image', 'script-overlap 1:21'],
  ])('%s', (source, fault) => {
    expect(faults(source, { with: { empty: new Uint8Array() } })).toContain(fault);
  });

  test('the same file may be loaded to the same address again, and others beside it', () => {
    expect(faults('tftpb 1000 Image; tftpb 1000 Image; tftpb 2234 ramdisk; tftpb 800 ramdisk')).toEqual([]);
  });

  test('what was used up may be overwritten', () => {
    const script = 'tftpb 1000 vars; env import -t 1000 $filesize; tftpb 1000 Image; echo $a.$c';
    const result = run(script, { with: { vars: text('a=b\n#x=y\nc=d e\r\n') } });
    expect(result.output).toBe('b.d e\n');
    expect(result.modules.get(0x1000)).toEqual(FILES.Image);
  });
});

describe('scripts', () => {
  test('may be images of mkimage', () => {
    expect(run(makeScriptImage('echo hello\n')).output).toBe('hello\n');
    expect(run(text('echo hello\0 rubbish')).output).toBe('hello\n');
  });

  test.each<[string, Uint8Array]>([
    ['of another type', makeScriptImage('echo', { type: 2 })],
    ['with a damaged header', makeScriptImage('echo').map((byte, i) => (i === 40 ? 1 : byte))],
    ['with a size that is not there', makeScriptImage('echo', { length: 99 })],
    ['that are cut off', makeScriptImage('echo').slice(0, 70)],
  ])('%s are refused', (_, bytes) => {
    expect(codes(bytes)).toEqual(['script-image boot script']);
  });

  test('run others, from files and variables, and say where something is wrong in them', () => {
    const others = { 'b.scr': makeScriptImage('echo b; bogus\n'), 'c.txt': text('echo c') };
    const result = run('tftpb 1000 b.scr; source 1000; tftpb 1000 c.txt; source 1000; setenv d "\n\nbogus"; run d', {
      with: others,
    });
    expect(result.output).toBe('b\nc\n');
    expect(result.diagnostics.map(({ path }) => path)).toEqual(['b.scr:1:9', '$d:3:1']);
    expect(result.modules.size).toBe(0);
    expect(faults('source 1000; run x; printenv y')).toEqual([
      'script-image 1:1',
      'script-variable-undefined 1:14',
      'script-variable-undefined 1:21',
    ]);
  });

  test.each<[string, string]>([
    ['while true; do true; done', 'script-limit'],
    ['until false; do true; done', 'script-limit'],
    ['source 40200000', 'script-limit'],
    ['source 40200000; source 40200000', 'script-limit'],
    ['setenv a "run a"; run a', 'script-limit'],
    ['setenv a "run a; run a"; run a', 'script-limit'],
    ['setenv a xxxxxxxxxxxxxxxx; while true; do setenv a $a$a$a$a; done', 'script-limit'],
    [`setenv a ${'x'.repeat(9000)}; for i in 1 2 3; do setenv b$i $a; done; echo $a$a`, 'script-limit'],
    [`${TREE}fdt resize ffffffffff`, 'script-limit'],
    [`${TREE}fdt addr 1000000 7fffffff`, 'script-limit'],
    [`${'if true; then '.repeat(40)}${'; fi'.repeat(40)}`, 'script-syntax'],
    [
      'while true; do echo aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa; done',
      'script-limit',
    ],
    [`${TREE}setenv v ${'x'.repeat(16000)}; while true; do fdt set / a$i $v; setenv i x$i; done`, 'script-limit'],
  ])('%.60s … ends with an error', (source, code) => {
    const result = run(source, { scriptAddress: 0x40200000 });
    expect(result.diagnostics.map((diagnostic) => diagnostic.code)).toContain(code);
    expect(result.output.length).toBeLessThan(300_000);
  });

  test.each([
    ['tftpbot 1000 Image', 'unknown command tftpbot; did you mean tftpboot?'],
    ['ftd addr 1000', 'unknown command ftd; did you mean fdt?'],
    ['frobnicate', 'unknown command frobnicate'],
  ])('%s is unknown, and the script goes on', (source, message) => {
    const { diagnostics, output } = run(`true; ${source}\necho on`);
    expect(diagnostics).toMatchObject([{ code: 'script-command-unknown', path: 'boot script:1:7', message }]);
    expect(output).toBe('on\n');
  });

  test('commands without effect are passed over, others are refused with a way out', () => {
    expect(faults('usb start; mmc dev 0')).toEqual(['script-command-ignored 1:1', 'script-command-ignored 1:12']);
    expect(faults('bootz 1000; imxtract 1 2 3; cp.b 1 2 3')).toEqual([
      'script-command-unsupported 1:1',
      'script-command-unsupported 1:13',
      'script-command-unsupported 1:29',
    ]);
  });

  test('that start nothing get a warning', () => {
    expect(codes('echo')).toEqual(['script-boot-missing boot script']);
  });
});

describe('boot commands', () => {
  const LOADS = 'tftpb 1000000 xen.dtb; tftpb 2000000 ramdisk; tftpb 3000000 xen\n';
  const boot = (command: string, options: Options = {}) =>
    run(`${LOADS}${command}\necho not reached`, { with: { xen: new Uint8Array(9) }, ...options });

  test.each([
    ['booti 3000000 - 1000000', { command: 'booti', kernelAddress: 0x3000000, dtbAddress: 0x1000000 }],
    ['bootefi 3000000:9 1000000', { command: 'bootefi', kernelAddress: 0x3000000, dtbAddress: 0x1000000 }],
    ['fdt addr 1000000; bootm 3000000#conf', { command: 'bootm', kernelAddress: 0x3000000, dtbAddress: 0x1000000 }],
    [
      'booti 0x3000000 2000000:700 0x1000000',
      {
        command: 'booti',
        kernelAddress: 0x3000000,
        ramdisk: { address: 0x2000000, size: 0x700 },
        dtbAddress: 0x1000000,
      },
    ],
    [
      "setenv bootcmd 'booti 3000000 - 1000000'; boot",
      { command: 'booti', kernelAddress: 0x3000000, dtbAddress: 0x1000000 },
    ],
  ])('%s', (command, expected) => {
    const result = boot(command);
    expect(result.boot).toEqual(expected);
    expect([result.diagnostics, result.output]).toEqual([[], '']);
    expect(result.dtb?.node('/uart')).toBeDefined();
  });

  test('write bootargs and the ramdisk to /chosen', () => {
    const { dtb } = boot('setenv bootargs console=dtuart; booti 3000000 2000000:700 1000000');
    const chosen = dtb!.node('/chosen')!;
    expect(chosen.string('bootargs')).toBe('console=dtuart');
    expect(chosen.u64('linux,initrd-end')).toBe(0x2000700n);
  });

  test.each([
    ['booti 3000000 2000000 1000000', 'script-ramdisk-size'],
    ['booti 3000000 5000000 1000000', 'script-ramdisk-missing'],
    ['booti 3000000 - 5000000', 'script-tree-missing'],
    ['booti 3000000 - 2000000', 'script-tree-invalid'],
    ['booti 3000000', 'script-tree-not-set'],
    ['booti 1 2 3 4', 'script-usage'],
    ['booti x', 'script-number'],
  ])('%s', (command, code) => {
    expect(boot(command).diagnostics.map((diagnostic) => diagnostic.code)).toEqual([code]);
  });

  test('need no hypervisor, also where the script asks whether it is there', () => {
    const { boot: started, diagnostics } = run(
      'tftpb 1000000 xen.dtb && load mmc 0 3000000 xen && booti 3000000 - 1000000',
    );
    expect(started?.kernelAddress).toBe(0x3000000);
    expect(diagnostics.map(({ code }) => code)).toEqual(['script-hypervisor-absent']);
  });

  test("do not count the board's own tree among the files if another one is booted", () => {
    const result = boot('booti 3000000 - 1000000', { boardTree: blob() });
    expect(result.files.map(({ path }) => path)).toEqual(['xen.dtb', 'ramdisk', 'xen']);
    expect([...result.modules.keys()]).toEqual([0x2000000]);
  });

  test("find the board's own tree at fdt_addr", () => {
    const result = run(
      'tftpb 3000000 Image; fdt addr -c; fdt addr $fdtcontroladdr; fdt mknod /chosen a; booti 3000000 - $fdt_addr',
      {
        boardTree: blob(),
      },
    );
    expect(result.dtb?.node('/chosen/a')).toBeDefined();
    expect(result.diagnostics).toEqual([]);
  });
});

describe('fdt', () => {
  const edit = (commands: string) => run(TREE + commands);
  const property = (commands: string, name = 'p') => edit(commands).dtb?.node('/chosen')?.prop(name)?.value;
  const hexOf = (value?: Uint8Array) => value && Buffer.from(value).toString('hex');

  test.each([
    ['p', ''],
    ['p <1>', '00000001'],
    ['p <0x1 0x2>', '0000000100000002'],
    ['p < 1 2 >', '0000000100000002'],
    ['p "<1 2>"', '0000000100000002'],
    [`p <$a \${a}>`, '0000001000000010'],
    ['p <0xffffffff 10>', 'ffffffff0000000a'],
    ['p <5 6>; fdt set /chosen p <? 7>', '0000000500000007'],
    ['p [00 1f a]', '001f0a'],
    ['p [ 00 ]', '00'],
    ['p ab', '616200'],
    ['p "a b" c', '61206200' + '6300'],
    [`p ''`, '00'],
    ['p <>', ''],
    ['p "console=$board"', Buffer.from('console=qemu-arm\0').toString('hex')],
    ['p \\"$two\\"', Buffer.from('x y\0').toString('hex')],
  ])('set /chosen %s', (value, expected) => {
    const { dtb, diagnostics } = edit(`setenv a 0x10; setenv two "x y"; fdt set /chosen ${value}`);
    expect(hexOf(dtb?.node('/chosen')?.prop('p')?.value)).toBe(expected);
    expect(diagnostics.map(({ code }) => code)).toEqual(['script-boot-missing']);
  });

  test('set takes the names of cell counts, quoted or with a backslash', () => {
    expect(hexOf(property('fdt set /chosen \\#address-cells <2>', '#address-cells'))).toBe('00000002');
    expect(hexOf(property("fdt set /chosen '#size-cells' <$devnum>", '#size-cells'))).toBe('00000000');
  });

  test.each([
    ['<0x100000000>', '0x100000000 does not fit in a cell of 32 bits', 'write it as two cells: 0x1 0x0'],
    ['<1 x>', 'x is no number', 'write cells as <0x1 2>, with blanks between them'],
    ['<1,2>', '1,2 is no number', 'write cells as <0x1 2>, with blanks between them'],
    ['<ff>', 'ff is no number', 'write 0xff'],
    ['<08>', '08 is no octal number', 'write 8'],
    ['<1', '> is missing', 'end the value with >'],
    ['[0011]', '0011 is no byte', 'write bytes as [00 1f], hexadecimal, with blanks between them'],
  ])('set refuses %s', (value, detail, remedy) => {
    const { diagnostics, dtb } = edit(`fdt set /chosen p ${value}`);
    expect(diagnostics).toMatchObject([
      { code: 'script-fdt-value', path: 'boot script:2:1', message: `p ${value}: ${detail}`, remedy },
    ]);
    expect(dtb?.node('/chosen')?.has('p')).toBe(false);
  });

  test.each([
    ['p <010>', '010 is octal: 0x8', '00000008'],
    ['p <0x0x10>', '0x0x10 is taken as 0x10', '00000010'],
    ['p <1> <2>', '<2> behind > is left out; one pair of brackets holds all', '00000001'],
    ['p "a\\"b"', 'the string a\\"b itself holds a double quote', '615c226200'],
  ])('set warns of %s', (value, detail, expected) => {
    const { diagnostics, dtb } = edit(`fdt set /chosen ${value}`);
    expect(diagnostics[0]).toMatchObject({ code: 'script-fdt-value-odd', severity: 'warning' });
    expect(diagnostics[0]!.message).toContain(detail);
    expect(hexOf(dtb?.node('/chosen')?.prop('p')?.value)).toBe(expected);
  });

  test('set warns of bootargs in several words', () => {
    expect(edit('fdt set /chosen xen,xen-bootargs console=dtuart dom0_mem=1G').diagnostics[0]?.message).toContain(
      'the 2 words become as many strings',
    );
  });

  test('makes and removes nodes and properties', () => {
    const { dtb, diagnostics } = edit(`fdt mknode /chosen domU1; fdt mknod /chosen/domU1 module@2000000
      fdt set /chosen/domU1 cpus <1>; fdt set /chosen/domU1 vpl011; fdt rm /chosen/domU1 cpus; fdt rm serial0
      fdt memory 40000000 1000; fdt bootcpu 1; fdt rsvmem add 1000 2000; fdt rsvmem add 1 2; fdt rsvmem delete 1
      fdt chosen 100 200; fdt boardsetup`);
    expect(diagnostics.map(({ code }) => code)).toEqual(['script-command-ignored', 'script-boot-missing']);
    expect(dtb?.bootCpuidPhys).toBe(1);
    expect(dtb?.reservations).toEqual([{ address: 0x1000n, size: 0x2000n }]);
    expect(dtb?.node('/memory')?.reg()).toEqual([{ address: 0x40000000n, size: 0x1000n }]);
    const printed = printDts(dtb!);
    expect(printed).toContain('module@2000000 {');
    expect(printed).toContain('vpl011;');
    expect(printed).not.toMatch(/uart \{|cpus/);
  });

  test('prints and stores what is there', () => {
    const { output } = edit(`fdt get value v /uart compatible; fdt get value w / '#address-cells'; echo $v $w
      fdt get size n /; fdt get size s /uart compatible; fdt get name c / 0; echo $n $s $c
      fdt get value r /memory reg; echo $r; fdt print /uart; fdt list / ; fdt print /uart compatible; fdt addr`);
    expect(output.split('\n')).toEqual([
      'arm,pl011 0x00000002',
      '4 0x0000000a memory@0',
      '00000000000000000000000080000000',
      'uart {',
      '\tcompatible = "arm,pl011";',
      '};',
      '/ {',
      '\t#address-cells = <0x2>;',
      '\t#size-cells = <0x2>;',
      '\tmemory@0 {',
      '\taliases {',
      '\tuart {',
      '\tchosen {',
      '};',
      'compatible = "arm,pl011"',
      'Working FDT set to 1000000',
      '',
    ]);
    expect(edit('fdt header').output).toContain('magic:\t\t0xd00dfeed');
  });

  test.each([
    ['fdt set /none p <1>', 'script-node-missing'],
    ['fdt mknode /none x', 'script-node-missing'],
    ['fdt mknode / chosen', 'script-tree-edit'],
    ['fdt mknode / a/b', 'script-tree-edit'],
    ['fdt rm /chosen none', 'script-property-missing'],
    ['fdt get value x /chosen none', 'script-property-missing'],
    ['fdt print /chosen none', 'script-property-missing'],
    ['fdt rm /', 'script-usage'],
    ['fdt set /chosen', 'script-usage'],
    ['fdt frob', 'script-usage'],
    ['fdt apply 1000', 'script-command-unsupported'],
    ['fdt addr 2000', 'script-tree-missing'],
    ['tftpb 2000 Image; fdt addr 2000', 'script-tree-invalid'],
    ['tftpb 1002000 Image; fdt resize 2000', 'script-overlap'],
  ])('%s', (command, code) => {
    expect(edit(command).diagnostics.map((diagnostic) => diagnostic.code)).toEqual([code]);
  });

  test('wants a tree to be chosen first', () => {
    expect(faults('fdt set /chosen p <1>')).toEqual(['script-tree-not-set 1:1']);
  });

  test('moves the tree, and keeps both', () => {
    const { dtb, modules, files } = edit('fdt set /chosen a; fdt move 1000000 5000000; fdt set /chosen b');
    expect(dtb?.node('/chosen')?.properties.map(({ name }) => name)).toEqual(['a', 'b']);
    expect(files.map(({ address, role }) => [address, role])).toEqual([
      [0x1000000, 'module'],
      [0x5000000, 'device-tree'],
    ]);
    expect([...modules.keys()]).toEqual([0x1000000]);
  });

  test('warns if the edited tree has outgrown its space', () => {
    const script = (extra: string) =>
      `tftpb 1000000 t; fdt addr 1000000; ${extra}; setenv v ${'x'.repeat(5000)}; fdt set /chosen p $v; booti 9000000 - 1000000`;
    const tight = { with: { t: writeFdt(compileDts('/dts-v1/; / { chosen { }; };')) } };
    const warned = run(script('true'), tight);
    expect(warned.diagnostics.map(({ code }) => code)).toEqual(['script-fdt-no-room']);
    expect(warned.diagnostics[0]!.remedy).toBe('run fdt resize 0x2000 before the first edit');
    expect(codes(script('fdt resize 2000'), tight)).toEqual([]);
  });
});

describe('a script that writes the domains itself', () => {
  // The shape of what Xen's ImageBuilder generates: sizes written out, one line for each property.
  const SCRIPT = `load virtio 0:1 0x1000000 xen
load virtio 0:1 0x1400000 Image
setenv kernel_size 0x\${filesize}
load virtio 0:1 0x1600000 ramdisk
load virtio 0:1 0x1800000 xen.dtb
fdt addr 0x1800000
fdt resize 1024
fdt set /chosen \\#address-cells <0x2>
fdt set /chosen \\#size-cells <0x2>
fdt set /chosen xen,xen-bootargs "console=dtuart sched=null"
fdt mknod /chosen domU0
fdt set /chosen/domU0 compatible "xen,domain"
fdt set /chosen/domU0 \\#address-cells <0x2>
fdt set /chosen/domU0 \\#size-cells <0x2>
fdt set /chosen/domU0 memory <0 131072>
fdt set /chosen/domU0 cpus <1>
fdt set /chosen/domU0 vpl011 <0x1>
fdt mknod /chosen/domU0 module0x1400000
fdt set /chosen/domU0/module0x1400000 compatible "multiboot,kernel" "multiboot,module"
fdt set /chosen/domU0/module0x1400000 reg <0x0 0x1400000 0x0 \${kernel_size}>
fdt set /chosen/domU0/module0x1400000 bootargs "console=ttyAMA0"
fdt mknod /chosen/domU0 module0x1600000
fdt set /chosen/domU0/module0x1600000 compatible "multiboot,ramdisk" "multiboot,module"
fdt set /chosen/domU0/module0x1600000 reg <0x0 0x1600000 0x0 0x800>
setenv fdt_high 0xffffffffffffffff
booti 0x1000000 - 0x1800000
`;

  test.each<[string, string | Uint8Array]>([
    ['text', SCRIPT],
    ['an image of mkimage', makeScriptImage(SCRIPT)],
  ])('describes a valid domain, as %s', (_, script) => {
    const { dtb, diagnostics, modules } = run(script);
    expect(diagnostics.map(({ code }) => code)).toEqual(['script-hypervisor-absent']);
    const { plan } = parseBootPlan(dtb!);
    expect(plan.domains).toMatchObject([
      {
        name: 'domU0',
        valid: true,
        memoryKiB: 131072,
        modules: { kernel: { address: 0x1400000, size: 0x1234 }, ramdisk: { address: 0x1600000, size: 0x800 } },
      },
    ]);
    expect([...modules.keys()]).toEqual([0x1400000, 0x1600000]);
  });
});
