import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { Stage2Tables, type TableMemory, translateStage2 } from '../src/index.ts';

const IMPORT = "import { Stage2Tables, type TableMemory, translateStage2 } from '@dom0less/arm64-mmu';";

const log: unknown[] = [];
const console = { log: (line: unknown) => void log.push(line) };

/** The example, between the markers, exactly as README.md shows it. */
const example = () => {
  // example: begin
  const words = new Map<number, bigint>();
  let nextPage = 0x10_0000;
  const allocate = (pages: number) => {
    const size = pages * 4096;
    const page = Math.ceil(nextPage / size) * size;
    nextPage = page + size;
    return page;
  };
  const memory: TableMemory = {
    readDescriptor: (pa) => words.get(pa) ?? 0n,
    writeDescriptor: (pa, value) => void words.set(pa, value),
    allocTablePage: () => allocate(1),
    allocRootPages: allocate,
  };

  const p2m = new Stage2Tables({ memory, ipaBits: 44, vmid: 1 });
  p2m.map(0x4000_0000, 0x1_2000_0000, 0x800_0000, { read: true, write: true, execute: true, memoryType: 'normal' });

  const regime = { HCR_EL2: 1n, VTCR_EL2: p2m.VTCR_EL2, VTTBR_EL2: p2m.VTTBR_EL2, paMax: 44 };
  const inside = translateStage2(regime, 0x4123_4567, { type: 'write' }, memory);
  const outside = translateStage2(regime, 0x900_0000, { type: 'read' }, memory);
  console.log(inside.kind === 'ok' && inside.pa.toString(16)); // 121234567
  console.log(outside.kind === 'fault' && outside.fault); // translation
  // example: end
};

const read = (path: string) => readFileSync(new URL(path, import.meta.url), 'utf8');

it('the example of README.md is this code and prints what it says', () => {
  example();
  expect(log).toEqual(['121234567', 'translation']);
  const source = read('./readme.test.ts');
  const shown = source.slice(source.indexOf('// example: begin\n') + 18, source.lastIndexOf('  // example: end\n};'));
  const code = shown
    .split('\n')
    .map((line) => line.replace(/^ {2}/, ''))
    .join('\n');
  expect(read('../README.md')).toContain(`\`\`\`ts\n${IMPORT}\n\n${code}\`\`\`\n`);
});

it('README.md names every value that the package exports', async () => {
  const readme = read('../README.md');
  const names = Object.keys(await import('../src/index.ts'));
  const constants = /^(AF|AP_|APTABLE_|S2AP_|SH$|ALL_PERMISSIONS|DEVICE_TYPES|TG[01]_|.*_RES1$|.*_M(IN|AX)$|.*_MASK$)/;
  expect(names.filter((name) => !constants.test(name) && !readme.includes(name))).toEqual([]);
});
