import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { compileDts, writeFdt } from '@dom0less/fdt';
import { Board } from '@dom0less/hypervisor';
import Ajv from 'ajv';
import { describe, expect, it } from 'vitest';
import { readTree } from '../src/board-files.ts';
import { main } from '../src/cli.ts';
import { smallGuest } from '../src/small-guests/index.ts';
import { Folder, hostTree } from './boards.ts';
import { fakeIo } from './fake-io.ts';

const folder = new Folder();
const guest = smallGuest('banner');
const KERNEL = folder.put('kernel', guest);
const LOAD = ['--load', `0x48000000=${KERNEL}`];
const GOOD = hostTree([{ name: 'domU1', kernel: 0x48000000 }]).replace('0x100000', `0x${guest.length.toString(16)}`);

let boards = 0;
const put = (source: string): string => folder.put(`board${++boards}.dts`, source);

const check = async (...args: string[]) => {
  const io = fakeIo();
  const code = await main(['check', ...args], io);
  expect(io.boards).toEqual([]);
  return { code, stdout: io.stdout.text, stderr: io.stderr.text };
};
const json = async (...args: string[]) => {
  const { code, stdout } = await check(...args, '--format', 'json');
  return { code, report: JSON.parse(stdout) };
};

describe('check', () => {
  it('preprocesses a source that has lines for the C preprocessor, and gives places of the files as written', async () => {
    folder.put('cpus.h', '#define CPUS 1\n');
    const macros = `#include "cpus.h"\n#ifdef CPUS\n#define KERNEL 0x48000000\n#endif\n${GOOD}`;
    const source = macros.replace('cpus = <1>', 'cpus = <CPUS>').replace('<0 0x48000000', '<0 KERNEL');
    expect(source).not.toBe(macros);
    expect((await check(put(source), ...LOAD)).code).toBe(0);
    const { code, stdout } = await check(put(source.replace('<CPUS>', '<(CPUS - 1)>')), ...LOAD);
    expect(code).toBe(1);
    const line = source.split('\n').findIndex((text) => text.includes('<CPUS>')) + 1;
    expect(stdout).toContain(`.dts:${line}:`);
  });

  it('is content with a board that starts', async () => {
    const { code, stdout } = await check(put(GOOD), ...LOAD);
    expect(code).toBe(0);
    expect(stdout).toContain('starts  domU1');
    expect(stdout).toMatch(/0 errors, 0 warnings, 1 remark\n$/);
  });

  it('shows place, line, value, repair, and what Xen does', async () => {
    const board = put(GOOD.replace('memory = <0 0x4000>', 'memory = <0x4000>'));
    const { code, stdout } = await check(board, ...LOAD);
    expect(code).toBe(1);
    expect(stdout).toContain(`error[domain-memory-one-cell]: memory has one cell`);
    expect(stdout).toMatch(/--> .*board\d+\.dts:18:4\n/);
    expect(stdout).toMatch(/18 \| {13}memory = <0x4000>; cpus.*\n +\| {13}\^{18}\n/);
    expect(stdout).toContain('= node: /chosen/domU1 memory = <0x4000>\n');
    expect(stdout).toContain('= help: write memory = <0 0x4000>\n');
    expect(stdout).toContain('= Xen: panics: Error building DomU');
    expect(stdout).toContain('fails   domU1: memory has one cell');
  });

  it('names node and property of a blob', async () => {
    const blob = folder.put('bad.dtb', writeFdt(compileDts(GOOD.replace('memory = <0 0x4000>', 'memory = <0x4000>'))));
    const { code, stdout } = await check(blob, ...LOAD);
    expect(code).toBe(1);
    expect(stdout).toContain('= at: /chosen/domU1 memory = <0x4000>');
    expect(stdout).not.toContain('-->');
  });

  it('shows every error of a source that does not compile', async () => {
    const board = put(`${GOOD}\n&nowhere { };\n&{/none} { };\n`);
    const { code, stdout } = await check(board);
    expect(code).toBe(2);
    expect(stdout.match(/error\[dts-error/g)).toHaveLength(2);
    expect(stdout).toContain('2 errors, 0 warnings, 0 remarks; nothing to boot');
  });

  it('takes images to be as the tree says if none are given, and misses one if some are', async () => {
    const board = put(GOOD);
    const alone = await json(board);
    expect(alone.code).toBe(0);
    expect(alone.report.findings.map(({ code }: { code: string }) => code)).toContain('module-assumed');
    const some = await json(board, '--load', `0x4a000000=${KERNEL}`);
    expect(some.code).toBe(1);
    expect(some.report.findings.map(({ code }: { code: string }) => code)).toContain('module-not-loaded');
  });

  it('--strict counts warnings, and an error of one domain is an error of all', async () => {
    const source = hostTree([
      { name: 'domU1', kernel: 0x48000000 },
      { name: 'domU2', kernel: 0x48000000 },
    ]);
    const board = put(source.replace('vpl011;', 'vpl011; unheard-of;'));
    expect((await check(board)).code).toBe(0);
    expect((await check(board, '--strict')).code).toBe(1);
    const { report } = await json(put(source.replace('cpus = <1>; vpl011', 'vpl011')), '--strict');
    expect(report).toMatchObject({ starts: false, domains: [{ starts: false }, { starts: false }] });
  });

  it('--pcpus is the number of pCPUs that run would have', async () => {
    const vcpu = 'vpl011; vcpu { compatible = "xen,vcpu"; id = <0>; hard-affinity = "1"; };';
    const cpu = (n: number): string => `cpu@${n} { device_type = "cpu"; compatible = "arm,armv8"; reg = <${n}>; };`;
    const cpus = `cpus { #address-cells = <1>; #size-cells = <0>; ${cpu(0)} ${cpu(1)} };`;
    const board = put(GOOD.replace('vpl011;', vcpu).replace(/cpus \{(?:[^{}]|\{[^}]*\})*\};/, cpus));
    expect(await check(board, ...LOAD, '--pcpus', '2')).toMatchObject({ code: 0 });
    const { code, stdout } = await check(board, ...LOAD, '--pcpus', '1');
    expect(code).toBe(1);
    expect(stdout).toContain('error[affinity-without-pcpus]');
    const wrong = await check(board, '--pcpus', '65');
    expect(wrong).toMatchObject({ code: 2, stdout: '', stderr: expect.stringContaining('from 1 to 64') });
  });

  it('--deterministic is as for run: one pCPU unless told', async () => {
    const vcpu = 'vpl011; vcpu { compatible = "xen,vcpu"; id = <0>; hard-affinity = "1"; };';
    const cpus = `cpus { #address-cells = <1>; #size-cells = <0>; ${[0, 1].map((n) => `cpu@${n} { device_type = "cpu"; compatible = "arm,armv8"; reg = <${n}>; };`).join(' ')} };`;
    const board = put(GOOD.replace('vpl011;', vcpu).replace(/cpus \{(?:[^{}]|\{[^}]*\})*\};/, cpus));
    const { findings } = (await json(board, ...LOAD, '--deterministic')).report;
    const { diagnostics } = Board.prepare({
      ...{ tree: readTree(board).tree, modules: new Map([[0x48000000, guest]]) },
      ...{ hostCpus: 1, deterministic: true },
    });
    expect(findings.map(({ code }: { code: string }) => code)).toEqual(diagnostics.map(({ code }) => code));
  });

  it('warns of what dtc warns of in a source, where the binding does not have it otherwise, unless -W says no', async () => {
    const odd = GOOD.replace('timer {', 'uart@1 { clocks = <7>; };\n\ttimer {').replace('domU1 {', 'domU1@1 {');
    const board = put(odd);
    const found = await check(board, ...LOAD);
    expect(found.code).toBe(0);
    const line = odd.split('\n').findIndex((text) => text.includes('uart@1')) + 1;
    expect(found.stdout).toContain(
      `warning[dtc-unit-address-vs-reg]: the node has a unit address and no 'reg' or 'ranges'\n  --> ${board}:${line}:2\n`,
    );
    expect(found.stdout).toContain('warning[dtc-clocks-property]');
    expect(found.stdout.match(/warning\[dtc-/g)).toHaveLength(2);
    expect((await check(board, ...LOAD, '--strict')).code).toBe(1);
    const less = await check(board, ...LOAD, '--strict', '-W', 'no-unit_address_vs_reg', '-W', 'no-clocks_property');
    expect(less).toMatchObject({ code: 0, stdout: expect.not.stringContaining('dtc-') });
    expect(await check(board, '-W', 'no-such')).toMatchObject({ code: 2, stdout: '' });
    const blob = folder.put('odd.dtb', writeFdt(compileDts(odd)));
    expect((await check(blob, ...LOAD)).stdout).not.toContain('dtc-');
    const log = await json(board, ...LOAD);
    const finding = log.report.findings.find(({ code }: { code: string }) => code === 'dtc-clocks-property');
    expect(finding).toMatchObject({ path: '/uart@1', property: 'clocks', line, column: 11, endColumn: 24 });
  });

  it('finds included files in -I folders, and headers as the kernel does', async () => {
    const inside = join(folder.path, 'tree/arch/arm64/boot/dts');
    const headers = join(folder.path, 'tree/include/dt-bindings/interrupt-controller');
    const more = join(folder.path, 'more');
    for (const path of [inside, headers, more]) mkdirSync(path, { recursive: true });
    writeFileSync(join(headers, 'arm-gic.h'), '#define GIC_PPI 1\n');
    writeFileSync(join(more, 'domains.dtsi'), '/ { chosen { domU1 { cpus = <GIC_PPI>; }; }; };\n');
    const board = join(inside, 'board.dts');
    writeFileSync(board, `#include <dt-bindings/interrupt-controller/arm-gic.h>\n${GOOD}\n#include "domains.dtsi"\n`);
    const missing = await check(board, ...LOAD);
    expect(missing.code).toBe(2);
    expect(missing.stdout).toContain('file "domains.dtsi" is not found');
    expect(await check(board, ...LOAD, '-I', more)).toMatchObject({ code: 0 });
    for (const command of [['explain'], ['map'], ['export', 'dts']]) {
      const io = fakeIo();
      expect(await main([...command, board, '-I', more, ...(command[0] === 'export' ? [] : LOAD)], io)).toBe(0);
    }
    const io = fakeIo();
    expect(await main(['dt', board, 'domU1', '-I', more, ...LOAD], io)).toBe(0);
    expect(io.stdout.text).toContain('cpu@0');
  });

  it('a format that is not there, and a file that is not there, are bad input', async () => {
    expect(await check(put(GOOD), '--format', 'xml')).toMatchObject({ code: 2 });
    const { code, stderr } = await check(put(GOOD), '--load', '0x48000000=/nonexistent');
    expect(code).toBe(2);
    expect(stderr).toContain('/nonexistent');
  });

  it('json has places and counts', async () => {
    const { code, report } = await json(put(GOOD.replace('vpl011;', 'vpl011 = <0>;')), ...LOAD);
    expect(code).toBe(0);
    expect(report.starts).toBe(true);
    expect(report.counts).toEqual({ error: 0, warning: 1, info: 1 });
    const finding = report.findings.find(({ code }: { code: string }) => code === 'domain-flag-value');
    expect(finding).toMatchObject({ line: 18, path: '/chosen/domU1', property: 'vpl011', value: '<0x0>', endLine: 18 });
  });
});

it('a board of many wrong domains is checked in little time, in every format', async () => {
  const many = Array.from({ length: 1500 }, (_, n) => ({ name: `domU${n}`, kernel: 0x48000000, memory: '<0x4000>' }));
  const board = put(hostTree(many));
  const start = performance.now();
  for (const format of ['text', 'json', 'sarif']) expect((await check(board, '--format', format)).code).toBe(1);
  expect(performance.now() - start).toBeLessThan(20_000);
});

describe('check --xen', () => {
  it('says what that release does not know', async () => {
    const board = put(GOOD.replace('vpl011;', 'vpl011; trap-unmapped-accesses = <1>;'));
    const { stdout, code } = await check(board, '--xen', '4.20');
    expect(code).toBe(0);
    expect(stdout).toContain('warning[xen-unknown-yet]: trap-unmapped-accesses is known since Xen 4.21; Xen 4.20 does');
    expect((await check(board, '--xen', '4.21')).stdout).not.toContain('xen-');
  });

  it('wants a release of Xen 4', async () => {
    expect(await check(put(GOOD), '--xen', '3.4')).toMatchObject({ code: 2, stdout: '' });
  });
});

describe('check --fix', () => {
  const fixed = async (source: string, ...args: string[]) => {
    const board = put(source);
    const { code, stdout, stderr } = await check(board, '--fix', ...args);
    return { code, stdout, stderr, text: readFileSync(board, 'utf8') };
  };

  it('touches only the cell that is wrong', async () => {
    const source = GOOD.replace('memory = <0 0x4000>', 'memory = < /* KiB */ 0x4000 >');
    const { code, text, stderr } = await fixed(source, ...LOAD);
    expect(text).toBe(source.replace('/* KiB */ 0x4000', '/* KiB */ 0 0x4000'));
    expect(stderr).toMatch(/board\d+\.dts:18: write two cells/);
    expect(code).toBe(0);
  });

  it("gives a module its file's size, whether reg has more or less", async () => {
    const size = `0x${guest.length.toString(16)}`;
    for (const wrong of ['0xffffff', '0x40']) {
      const source = GOOD.replace(`0 ${size}>`, `0 ${wrong}>`);
      expect((await fixed(source, ...LOAD)).text).toBe(GOOD);
    }
  });

  it('renames a node after its reg, adds cells, and writes present names', async () => {
    const source = GOOD.replace('module@48000000', 'module@4800000')
      .replace('compatible = "xen,domain"; #address-cells = <2>; #size-cells = <2>;', 'compatible = "xen,domain";')
      .replace('"multiboot,kernel", "multiboot,module"', '"xen,linux-zimage", "xen,multiboot-module"');
    const { text, stdout } = await fixed(source, ...LOAD);
    expect(text).toContain('module@48000000 {');
    expect(text).toContain('"multiboot,kernel", "multiboot,module"');
    expect(text).toContain('domU1 {\n\t\t\t#address-cells = <2>;\n\t\t\t#size-cells = <2>;\n');
    expect(stdout).toContain('0 errors, 0 warnings');
  });

  it('leaves alone what is not sure', async () => {
    const source = GOOD.replace('cpus = <1>; ', '').replace('vpl011;', 'vpl0011;');
    expect((await fixed(source, ...LOAD)).text).toBe(source);
  });
});

describe('check --format sarif', () => {
  const require = createRequire(import.meta.url);
  const schema = require('@microsoft/jest-sarif/lib/schemas/sarif-2.1.0-rtm.5.json');
  const ajv = new Ajv({ schemaId: 'auto', unknownFormats: 'ignore', logger: false });
  ajv.addMetaSchema(require('ajv/lib/refs/json-schema-draft-04.json'));
  const validate = ajv.compile(schema);
  const sarif = async (...args: string[]) => {
    const log = JSON.parse((await check(...args, '--format', 'sarif')).stdout);
    validate(log);
    expect(validate.errors).toBeNull();
    return log;
  };

  it('is a valid log with rules, regions and fixes', async () => {
    const source = GOOD.replace('memory = <0 0x4000>', 'memory = <0x4000>').replace('vpl011;', 'vpl0011;');
    const { runs } = await sarif(put(source), ...LOAD);
    const [{ results, tool }] = runs;
    const result = results.find(({ ruleId }: { ruleId: string }) => ruleId === 'domain-memory-one-cell');
    expect(tool.driver.rules[result.ruleIndex].id).toBe('domain-memory-one-cell');
    expect(result.level).toBe('error');
    expect(result.locations[0].physicalLocation.region).toEqual({
      startLine: 18,
      startColumn: 4,
      endLine: 18,
      endColumn: 22,
    });
    expect(result.fixes[0].artifactChanges[0].replacements[0]).toEqual({
      deletedRegion: { startLine: 18, startColumn: 14, endLine: 18, endColumn: 20 },
      insertedContent: { text: '0 0x4000' },
    });
  });

  it('is a valid log for a good board, a blob, and a source that does not compile', async () => {
    expect((await sarif(put(GOOD), ...LOAD)).runs[0].results).toHaveLength(1);
    await sarif(folder.put('good.dtb', writeFdt(compileDts(GOOD))));
    expect((await sarif(put('/dts-v1/; / { a; a; };'))).runs[0].results[0].level).toBe('error');
  });
});

describe('check and run', () => {
  const fixtures = fileURLToPath(new URL('./fixtures/refused', import.meta.url));

  it.each(readdirSync(fixtures))('find the same in %s', async (name) => {
    const board = `${fixtures}/${name}`;
    const { tree } = readTree(board);
    const modules = new Map([
      [0x50000000, guest],
      [0x5c000000, new Uint8Array(4096)],
    ]);
    const files = [...modules].map(
      ([address, bytes]) => `0x${address.toString(16)}=${folder.put(`${address}`, bytes)}`,
    );
    const { report } = await json(board, ...files.flatMap((file) => ['--load', file]));
    const { diagnostics, board: prepared } = Board.prepare({ tree, modules, hostCpus: fakeIo().hostCpus });
    const brief = (all: readonly { code: string; path?: string; message: string }[]) =>
      all.map(({ code, path, message }) => `${code} ${path} ${message}`);
    const ofBoard = report.findings.filter(({ code }: { code: string }) => !code.startsWith('dtc-'));
    expect(brief(ofBoard)).toEqual(brief(diagnostics));
    expect(report.starts).toBe(prepared !== undefined);
    const starting = report.domains.filter(({ starts }: { starts: boolean }) => starts);
    const running = prepared?.domains.filter(({ state }) => state === 'running') ?? [];
    expect(starting.map(({ name }: { name: string }) => name)).toEqual(running.map(({ nodeName }) => nodeName));
    prepared?.stop();
  });
});
