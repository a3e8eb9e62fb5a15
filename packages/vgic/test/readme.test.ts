import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { gic, intid, irqs } from './readme-example.ts';

const text = (path: string) => readFileSync(new URL(path, import.meta.url), 'utf8');

it('shows the example that runs here', () => {
  expect(text('../README.md')).toContain(`\`\`\`ts\n${text('./readme-example.ts')}\`\`\``);
  expect(intid).toBe(27);
  expect(irqs).toEqual([true, false]);
  expect(gic.pending(0)).toBe(false);
});
