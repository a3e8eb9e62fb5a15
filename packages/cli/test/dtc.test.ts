import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { compileDts, type DtsCompileOptions, type FdtWriteOptions, parseFdt, printDts, writeFdt } from '@dom0less/fdt';
import { describe, expect, it } from 'vitest';
import { main } from '../src/cli.ts';
import { Folder } from './boards.ts';
import { Command } from './command.ts';
import { fakeIo } from './fake-io.ts';

const folder = new Folder();
const SOURCE = `/dts-v1/;
/ {
	l: b@1 { reg = <1>; x = <&m>; };
	m: a { };
};
`;
const source = folder.put('x.dts', SOURCE);

const dtc = async (...args: string[]) => {
  const io = fakeIo();
  const code = await main(['dtc', ...args], io);
  return { code, bytes: new Uint8Array(io.stdout.bytes), stderr: io.stderr.text };
};

describe('dtc', () => {
  it.each<[string, DtsCompileOptions, FdtWriteOptions]>([
    ['', {}, {}],
    ['-@', { symbols: true }, {}],
    ['-A', { autoAliases: true }, {}],
    ['-H both', { phandles: 'both' }, {}],
    ['-b 7', { bootCpu: 7 }, {}],
    ['-p 0x10 -a 64', {}, { padding: 16, align: 64 }],
    ['-S 4096 -R 3', {}, { minSize: 4096, reserveEntries: 3 }],
    ['-V 16', {}, { version: 16 }],
  ])('%s is the option of the compiler', async (options, compile, write) => {
    const { code, bytes } = await dtc('-q', ...options.split(' ').filter(Boolean), source);
    expect(code).toBe(0);
    expect(bytes).toEqual(writeFdt(compileDts(SOURCE, compile), { layout: 'dtc', ...write }));
  });

  it('decompiles a blob, sorted with -s, and reads a folder as the kernel shows one', async () => {
    const blob = folder.put('x.dtb', writeFdt(compileDts(SOURCE)));
    const text = async (...args: string[]) => Buffer.from((await dtc('-q', ...args)).bytes).toString();
    expect(await text(blob)).toBe(printDts(parseFdt(readFileSync(blob))));
    expect((await text('-s', blob)).indexOf('\ta {')).toBeLessThan((await text('-s', blob)).indexOf('\tb@1 {'));
    const tree = join(folder.path, 'tree');
    mkdirSync(join(tree, 'node'), { recursive: true });
    writeFileSync(join(tree, 'node', 'p'), Uint8Array.of(0, 0, 0, 5));
    writeFileSync(join(tree, 'node', 'name'), 'node\0');
    expect(await text('-O', 'dts', tree)).toContain('node {\n\t\tp = <0x05>;\n\t};');
  });

  it('reads standard input and writes to it', async () => {
    const command = new Command(['dtc', '-q', '-I', 'dts', '-O', 'dtb', '-']);
    command.type(SOURCE);
    command.endInput();
    expect(await command.exited).toBe(0);
    expect(Buffer.from(command.stdout, 'latin1').equals(writeFdt(compileDts(SOURCE)))).toBe(true);
  });

  it('writes what make needs to know, and the output, to files', async () => {
    folder.put('part.dtsi', '/ { part; };');
    const whole = folder.put('a whole.dts', '/dts-v1/; / { }; /include/ "part.dtsi"');
    const [out, deps] = [join(folder.path, 'out.dtb'), join(folder.path, 'out.d')];
    expect(await dtc('-q', '-o', out, '-d', deps, whole)).toMatchObject({ code: 0 });
    expect(parseFdt(readFileSync(out)).root.has('part')).toBe(true);
    const escaped = (name: string) => join(folder.path, name).replaceAll(' ', '\\ ');
    expect(readFileSync(deps, 'utf8')).toBe(`${out}: ${escaped('a whole.dts')} ${escaped('part.dtsi')}\n`);
  });

  it('looks for included files in -i folders', async () => {
    const inside = join(folder.path, 'inc');
    mkdirSync(inside);
    writeFileSync(join(inside, 'far.dtsi'), '/ { far; };');
    const near = folder.put('near.dts', '/dts-v1/; / { }; /include/ "far.dtsi"');
    expect((await dtc(near)).code).toBe(2);
    expect((await dtc('-i', inside, near)).code).toBe(0);
  });

  it('warns at the place, as told by -W, -E, -q and -f', async () => {
    const odd = folder.put('odd.dts', '/dts-v1/;\n/ {\n\ta@1 { };\n};\n');
    const plain = await dtc(odd);
    expect(plain.code).toBe(0);
    expect(plain.stderr).toMatch(
      /odd\.dts:3\.2: Warning \(unit_address_vs_reg\): \/a@1: .*\n {2}\ta@1 \{ \};\n {2}\t\^/,
    );
    expect((await dtc('-q', odd)).stderr).toBe('');
    expect((await dtc('-W', 'no-unit_address_vs_reg', odd)).stderr).toBe('');
    const fatal = await dtc('-E', 'unit_address_vs_reg', odd);
    expect(fatal).toMatchObject({ code: 1, bytes: new Uint8Array() });
    expect(fatal.stderr).toContain('ERROR (unit_address_vs_reg)');
    expect((await dtc('-f', '-E', 'unit_address_vs_reg', odd)).bytes.length).toBeGreaterThan(0);
    expect((await dtc('-q', '-q', '-E', 'unit_address_vs_reg', odd)).stderr).toBe('');
    expect((await dtc('-W', 'no_such_check', odd)).code).toBe(2);
  });

  it.each([
    [['-I', 'yaml', source], 'expected dts, dtb, fs'],
    [['-O', 'asm', source], 'expected dts, dtb'],
    [['-V', '3', source], 'expected 16, 17'],
    [['-p', '1', '-S', '1', source], 'exclude each other'],
    [['-a', '24', source], 'power of two'],
    [['-I', 'dtb', source], 'FDT_ERR|magic|begin'],
    [['/nonexistent.dts'], 'no such file'],
  ])('%j is bad input', async (args, says) => {
    const { code, stderr } = await dtc(...args);
    expect(code).toBe(2);
    expect(stderr).toMatch(new RegExp(says));
  });

  it('shows every error of a source', async () => {
    const bad = folder.put('bad.dts', '/dts-v1/;\n/ { a = <&none>; b = <&nor>; };\n');
    const { code, stderr } = await dtc(bad);
    expect(code).toBe(2);
    expect(stderr.match(/bad\.dts:2:/g)).toHaveLength(2);
  });
});
