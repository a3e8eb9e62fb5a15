import { readFileSync } from 'node:fs';
import { inspect } from 'node:util';
import { compileDts, writeFdt } from '@dom0less/fdt';
import { expect, test } from 'vitest';
import {
  DIAGNOSTICS,
  formatDiagnostic,
  guestRamBanks,
  parseBootPlan,
  placeImages,
  runBootScript,
} from '../src/index.ts';
import { BASICS, KERNEL } from './trees.ts';

const README = readFileSync(new URL('../README.md', import.meta.url), 'utf8');

const source = `/dts-v1/;
/ {
  #address-cells = <2>; #size-cells = <2>;
  memory@40000000 { device_type = "memory"; reg = <0 0x40000000 0 0x80000000>; };
  cpus { #address-cells = <1>; #size-cells = <0>;
    cpu@0 { device_type = "cpu"; compatible = "arm,cortex-a57"; reg = <0>; };
  };
  intc@8000000 { compatible = "arm,gic-v3"; interrupt-controller; };
  chosen {
    domU1 { ${BASICS.replace('<0 0x20000>', '<0x20000>')} ${KERNEL} };
    domU2 { ${BASICS} ${KERNEL} };
  };
};`;

const EXAMPLE = `
const { plan, diagnostics } = parseBootPlan(compileDts(source));
for (const diagnostic of diagnostics) console.log(formatDiagnostic(diagnostic));
for (const domain of plan.domains) {
  if (!domain.valid) continue;
  const banks = guestRamBanks(domain.memoryKiB);
  const kernel = { textOffset: 0, fileSize: domain.modules.kernel.size, imageSize: 0x2000000 };
  console.log(domain.name, placeImages({ banks, kernel, dtbSize: 4096, initrdSize: 0 }));
}
`;

test('the example of the README runs and prints what the README says', () => {
  expect(README).toContain(EXAMPLE);
  const lines: unknown[][] = [];
  const run = new Function(
    'source, compileDts, parseBootPlan, formatDiagnostic, guestRamBanks, placeImages, console',
    EXAMPLE,
  );
  const log = (...args: unknown[]) => lines.push(args);
  run(source, compileDts, parseBootPlan, formatDiagnostic, guestRamBanks, placeImages, { log });
  expect(lines).toEqual([
    [
      'error domain-memory-one-cell: /chosen/domU1: memory = <0x20000>: memory has one cell; it is a 64-bit count of KiB and takes two (write memory = <0 0x20000>)',
    ],
    ['domU2', { placement: { kernel: 1073741824, dtb: 1205862400 } }],
  ]);
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
