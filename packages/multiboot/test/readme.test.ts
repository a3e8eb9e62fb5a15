import { readFileSync } from 'node:fs';
import { inspect } from 'node:util';
import { compileDts, writeFdt } from '@dom0less/fdt';
import { expect, test, vi } from 'vitest';
import { DIAGNOSTICS, formatDiagnostic, runBootScript } from '../src/index.ts';

const README = readFileSync(new URL('../README.md', import.meta.url), 'utf8');

test('the example of the README runs and prints what the README says', async () => {
  const log = vi.spyOn(console, 'log').mockImplementation(() => {});
  await import('./readme-example.ts');
  const lines = log.mock.calls;
  log.mockRestore();
  expect(lines).toEqual([
    [
      'error domain-memory-one-cell: /chosen/domU1: memory = <0x20000>: memory has one cell; it is a 64-bit count of KiB and takes two (write memory = <0 0x20000>)',
    ],
    ['domU2', { placement: { kernel: 1073741824, dtb: 1205862400 } }],
  ]);
  const code = readFileSync(new URL('./readme-example.ts', import.meta.url), 'utf8');
  expect(README).toContain(code.replace("'../src/index.ts'", "'@dom0less/multiboot'"));
  expect(README).toContain(String(lines[0]![0]));
  expect(README).toContain('domU2 { placement: { kernel: 1073741824, dtb: 1205862400 } }');
});

const SCRIPT_EXAMPLE = /\n(const script = [\s\S]*?)```/.exec(README)![1]!;

test('the boot script of the README runs and prints what the README says', () => {
  const lines: string[] = [];
  const log = (...args: unknown[]) =>
    lines.push(args.map((arg) => (typeof arg === 'string' ? arg : inspect(arg))).join(' '));
  const files = new Map([
    ['host.dtb', writeFdt(compileDts('/dts-v1/; / { chosen { }; };'))],
    ['Image', new Uint8Array(100)],
  ]);
  new Function('runBootScript, formatDiagnostic, files, console', SCRIPT_EXAMPLE)(
    runBootScript,
    formatDiagnostic,
    files,
    { log },
  );
  expect(README.split('in `files`, it prints:\n\n```\n')[1]!.split('\n```')[0]).toBe(lines.join('\n'));
});

/** The text as Markdown shows it: the padding of table cells does not count. */
const unpadded = (text: string) =>
  text
    .replace(/ *\| */g, '|')
    .replace(/-+/g, '-')
    .trim();

test('the README lists every diagnostic', () => {
  const cell = (text: string) => text.replaceAll('<', '\\<');
  const rows = Object.entries(DIAGNOSTICS).map(([code, { severity, message, remedy, xen }]) =>
    ['', `\`${code}\``, severity, cell(message), cell(remedy), cell(xen), ''].join('|'),
  );
  const table = ['|code|severity|message|remedy|Xen|', '|-|-|-|-|-|', ...rows].join('\n');
  const printed = README.split('<!-- diagnostics -->\n')[1]!.split('\n<!-- /diagnostics -->')[0]!;
  expect(unpadded(printed)).toBe(unpadded(table));
});
