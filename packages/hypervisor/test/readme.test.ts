import { readFileSync } from 'node:fs';
import { expect, it, vi } from 'vitest';

const read = (path: string): string => readFileSync(new URL(path, import.meta.url), 'utf8');

it("the README's example runs and prints what it says", async () => {
  const log = vi.spyOn(console, 'log').mockImplementation(() => {});
  await import('./readme-example.ts');
  const printed = log.mock.calls.map((words) => words.join(' '));
  log.mockRestore();
  expect(printed).toEqual(['domU1 running', '1 hello', 'domU1 poweroff']);
  const code = read('./readme-example.ts').replace("'../src/index.ts'", "'@dom0less/hypervisor'");
  expect(read('../README.md')).toContain(code);
});
