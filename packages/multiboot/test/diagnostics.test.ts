import { readdirSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { finding } from '../src/diagnostic.ts';
import { DIAGNOSTICS, formatDiagnostic, KernelImageError, locate, parseBootPlan } from '../src/index.ts';
import { identifyKernel } from '../src/kernel-image.ts';
import { domain } from './trees.ts';

const SOURCES = readdirSync(new URL('../src', import.meta.url), { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.ts') && !name.startsWith('diagnostics/'))
  .map((name) => readFileSync(new URL(`../src/${name}`, import.meta.url), 'utf8'))
  .join('\n');

const TESTS = readdirSync(new URL('.', import.meta.url))
  .filter((name) => name.endsWith('.test.ts'))
  .map((name) => readFileSync(new URL(name, import.meta.url), 'utf8'))
  .join('\n');

test.each(Object.keys(DIAGNOSTICS))('%s can be produced, and a test expects it', (code) => {
  expect(SOURCES.includes(`'${code}'`), 'used by a source').toBe(true);
  expect(new RegExp(`['\`]${code}\\b`).test(TESTS), 'named by a test').toBe(true);
});

test('a finding says what the table says, with its parameters filled in', () => {
  expect(finding('module-duplicate', { kind: 'kernel', other: '/chosen/d/k' })).toEqual({
    code: 'module-duplicate',
    severity: 'warning',
    message: 'a second kernel module replaces /chosen/d/k',
    remedy: 'keep one kernel module per domain',
  });
});

test('the error of a kernel image becomes a diagnostic at its module', () => {
  try {
    identifyKernel(new Uint8Array(4));
    expect.unreachable();
  } catch (error) {
    if (!(error instanceof KernelImageError)) throw error;
    const diagnostic = locate(error.finding, { path: '/chosen/d/k', property: 'reg', value: '<1>', domain: 'd' });
    expect(formatDiagnostic(diagnostic)).toBe(
      'error kernel-unknown: /chosen/d/k: reg = <1>: the kernel image of 4 bytes, beginning 00 00 00 00, is in no known format (use an arm64 Image, a gzip-compressed one, a uImage of these, or an EFI zboot image)',
    );
  }
});

test('values are shown as source text, shortened if long', () => {
  const value = (content: string) => parseBootPlan(domain(content)).diagnostics[0]?.value;
  expect(value('foo = <1 2>;')).toBe('<0x1 0x2>');
  expect(value('foo = <1 2 3 4 5 6 7 8 9>;')).toBe('<0x1 0x2 0x3 0x4 0x5 0x6 0x7 0x8 …>');
  expect(value('foo = "a", "b\\"";')).toBe('"a", "b\\""');
  expect(value('foo = [01 02 03];')).toBe('[01 02 03]');
  expect(value('foo;')).toBeUndefined();
  expect(value(`foo = "${'x'.repeat(200)}";`)).toHaveLength(81);
});
