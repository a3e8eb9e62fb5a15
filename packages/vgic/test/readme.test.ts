import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import * as v2 from './readme-example.ts';
import * as v3 from './readme-example-v3.ts';

const text = (path: string) => readFileSync(new URL(path, import.meta.url), 'utf8');

it('shows the GICv2 example that runs here', () => {
  expect(text('../README.md')).toContain(`\`\`\`ts\n${text('./readme-example.ts')}\`\`\``);
  expect(v2.intid).toBe(27);
  expect(v2.irqs).toEqual([true, false]);
  expect(v2.gic.pending(0)).toBe(false);
});

it('shows the GICv3 example that runs here', () => {
  expect(text('../README.md')).toContain(`\`\`\`ts\n${text('./readme-example-v3.ts')}\`\`\``);
  expect(v3.intid).toBe(5);
  expect(v3.irqs).toEqual([
    [17, true],
    [17, false],
  ]);
});
