import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { ENGINE_END, PAGE_RECORDS_BYTES, pcpuBytes } from '../src/layout.ts';
import { VCPU_BYTES } from '../src/state.ts';

const README = readFileSync(new URL('../README.md', import.meta.url), 'utf8');

it.each([
  ['board, once', ENGINE_END],
  ['pCPU', pcpuBytes(0)],
  ['page of code, for each pCPU that executes it', PAGE_RECORDS_BYTES],
  ['vCPU', VCPU_BYTES],
])('the README tells the bytes of a %s', (name, bytes) => {
  expect(README).toContain(`| ${name} | ${bytes.toLocaleString('en-US')}`);
});

it('128 vCPUs on four pCPUs fit in 256 MiB beside guest RAM', () => {
  const total = ENGINE_END + 128 * VCPU_BYTES + 4 * pcpuBytes(2048);
  expect(total).toBeLessThan(256 * 2 ** 20);
  expect(README).toContain(`${Math.ceil(total / 2 ** 20)} MiB beside guest RAM`);
});
