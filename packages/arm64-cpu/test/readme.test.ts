import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { assemble, BareMachine, disassemble, ID_REGISTERS } from '../src/index.ts';

const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8');

/** The example of the README, line for line. */
function example(console: { log(...values: unknown[]): void }): void {
  const program = assemble('mov x1, #6; mov x2, #7; mul x0, x1, x2; hvc #0', { origin: 0x4000_0000n });
  const machine = new BareMachine({ ramBase: 0x4000_0000, ramBytes: 2 * 2 ** 20 });
  machine.write(0x4000_0000, program.bytes);
  machine.set('pc', 0x4000_0000n);
  const reason = machine.run(1000);
  console.log(reason, machine.get('x0')); // request 42n
  console.log(disassemble(0x9b027c20, 0n)); // mul x0, x1, x2
}

it('the example of the README does what its comments say', () => {
  const lines = readme
    .match(/```ts\n([\s\S]*?)```/)![1]!
    .trim()
    .split('\n')
    .slice(2);
  const printed: string[] = [];
  example({
    log: (...values) => void printed.push(values.map((v) => (typeof v === 'bigint' ? `${v}n` : String(v))).join(' ')),
  });
  const comments = lines.flatMap((l) => l.match(/\/\/ (.*)$/)?.[1] ?? []);
  expect(printed).toEqual(comments);
});

it('the code of the example stands in this test', () => {
  const here = readFileSync(new URL(import.meta.url), 'utf8');
  const lines = readme
    .match(/```ts\n([\s\S]*?)```/)![1]!
    .trim()
    .split('\n')
    .slice(2);
  for (const line of lines) expect(here).toContain(line.trim());
});

it('the README lists every identification register with its value', () => {
  for (const { name, value, note = '' } of ID_REGISTERS) {
    expect(readme).toMatch(
      new RegExp(`\\| ${name} +\\| 0x${value.toString(16)} +\\| ${note.replace(/[.*+?^$()[\]\\]/g, '\\$&')} *\\|`),
    );
  }
});
