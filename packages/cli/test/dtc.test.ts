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
    expect((await dtc(near)).code).toBe(1);
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
    expect(fatal).toMatchObject({ code: 2, bytes: new Uint8Array() });
    expect(fatal.stderr).toContain('ERROR (unit_address_vs_reg)');
    expect((await dtc('-f', '-E', 'unit_address_vs_reg', odd)).bytes.length).toBeGreaterThan(0);
    expect((await dtc('-q', '-q', '-E', 'unit_address_vs_reg', odd)).stderr).not.toContain('ERROR (');
    expect((await dtc('-E', 'unit_address_vs_reg', '-E', 'no_unit_address_vs_reg', odd)).code).toBe(0);
    expect((await dtc('-W', 'no_such_check', odd)).code).toBe(1);
  });

  it.each([
    [['-I', 'yaml', source], 'expected dts, dtb, fs'],
    [['-O', 'elf', source], 'expected dts, dtb, yaml, asm, null'],
    [['-V', '4', source], 'expected 1, 2, 3, 16, 17'],
    [['-T', source], 'source from source'],
    [['-I', 'dtb', '-O', 'yaml', source], 'source only'],
    [['-p', '1', '-S', '1', source], 'exclude each other'],
    [['-a', '24', source], 'power of two'],
    [['-I', 'dtb', source], 'FDT_ERR|magic|begin'],
    [['/nonexistent.dts'], 'no such file'],
  ])('%j is bad input', async (args, says) => {
    const { code, stderr } = await dtc(...args);
    expect(code).toBe(1);
    expect(stderr).toMatch(new RegExp(says));
  });

  it('shows every error of a source, by the name of the check, and writes output all the same with -f', async () => {
    const bad = folder.put('bad.dts', '/dts-v1/;\n/ { a = <&none>; b = <&nor>; };\n');
    const { code, stderr, bytes } = await dtc(bad);
    expect({ code, bytes }).toEqual({ code: 2, bytes: new Uint8Array() });
    expect(stderr.match(/bad\.dts:2\.\d+: ERROR \(phandle_references\): \/: /g)).toHaveLength(2);
    const forced = await dtc('-f', '-O', 'dts', bad);
    expect(forced.code).toBe(0);
    expect(Buffer.from(forced.bytes).toString()).toContain('a = <0xffffffff>;');
  });

  it('writes YAML, assembler and annotated source, guessed from the name of the output too', async () => {
    const text = async (...args: string[]) => Buffer.from((await dtc('-q', ...args, source)).bytes).toString();
    expect(await text('-O', 'yaml')).toBe(
      '---\n- b@1:\n    reg: [[0x1]]\n    x: [[!phandle 0x1]]\n  a:\n    phandle: [[0x1]]\n...\n',
    );
    expect(await text('-O', 'asm')).toContain('\t.globl\tl\nl:\n\t/* FDT_BEGIN_NODE */\n');
    expect(await text('-O', 'null')).toBe('');
    expect(await text('-T', '-O', 'dts')).toContain('l: b@1 { /* x.dts:3 */\n\t\treg = <0x01>; /* x.dts:3 */');
    const out = join(folder.path, 'out.yaml');
    expect((await dtc('-q', '-o', out, source)).code).toBe(0);
    expect(readFileSync(out, 'utf8')).toBe(await text('-O', 'yaml'));
  });

  it('leaves out a name that says what the node is called, and finds the CPU that boots in a folder', async () => {
    const tree = join(folder.path, 'proc');
    mkdirSync(join(tree, 'cpus', 'cpu@5'), { recursive: true });
    writeFileSync(join(tree, 'cpus', 'cpu@5', 'reg'), Uint8Array.of(0, 0, 0, 5));
    expect(parseFdt((await dtc('-q', '-O', 'dtb', tree)).bytes).bootCpuidPhys).toBe(5);
    const old = folder.put('old.dtb', writeFdt(compileDts(SOURCE), { version: 3 }));
    expect((await dtc('-q', '-I', 'dtb', '-O', 'dtb', old)).bytes).toEqual(
      new Uint8Array(writeFdt(compileDts(SOURCE), { layout: 'dtc' })),
    );
  });
});
