import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { output, uart } from './readme-example.ts';

const text = (path: string) => readFileSync(new URL(path, import.meta.url), 'utf8');

it('shows the example that runs here', () => {
  expect(text('../README.md')).toContain(`\`\`\`ts\n${text('./readme-example.ts')}\`\`\``);
  expect(output.join('')).toBe('Hello[irq][no irq]');
  expect(uart.interruptLevel).toBe(false);
});
