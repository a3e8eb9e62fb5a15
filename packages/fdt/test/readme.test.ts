import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { compileDts, parseFdt, printDts, propReg, writeFdt } from '../src/index.ts';

const printed: unknown[] = [];

function example(print: (value: unknown) => void): void {
  // example
  const source = `/dts-v1/;
/ {
	#address-cells = <2>; #size-cells = <2>;
	aliases { serial0 = &uart; };
	memory@40000000 { device_type = "memory"; reg = <0 0x40000000 0 0x10000000>; };
	uart: uart@9000000 { compatible = "arm,pl011", "arm,primecell"; reg = <0 0x9000000 0 0x1000>; };
};`;
  const blob = writeFdt(compileDts(source, { filename: 'board.dts' })); // the bytes that dtc writes
  const tree = parseFdt(blob);

  const memory = tree.node('/memory')!; // a unit address may be left out where that is unambiguous
  print(memory.reg()); // [{ address: 0x40000000n, size: 0x10000000n }]
  print(tree.node('serial0')!.name); // through the alias: uart@9000000
  print(tree.node('serial0')!.isCompatible('arm,pl011')); // true

  memory.setProperty('reg', propReg([{ address: 0x40000000n, size: 0x20000000n }], { address: 2, size: 2 }));
  print(printDts(tree));
  // end of example
}

/** Lines without the differences that standing in a function makes. */
const linesOf = (text: string) =>
  text
    .replaceAll('console.log', 'print')
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('import '));

test('the example of the README runs and prints what it says', () => {
  example((value) => printed.push(value));
  expect(printed.slice(0, 3)).toEqual([[{ address: 0x40000000n, size: 0x10000000n }], 'uart@9000000', true]);
  expect(printed[3]).toContain('reg = <0x00 0x40000000 0x00 0x20000000>;');
});

test('the example of the README is the one that runs', () => {
  const here = readFileSync(new URL(import.meta.url), 'utf8');
  const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8');
  const ran = /\/\/ example\n([\s\S]*?)\/\/ end of example/.exec(here)![1]!;
  expect(linesOf(/```ts\n([\s\S]*?)```/.exec(readme)![1]!)).toEqual(linesOf(ran));
});
