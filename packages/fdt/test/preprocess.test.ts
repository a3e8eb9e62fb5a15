import fc from 'fast-check';
import { expect, test } from 'vitest';
import { checkDts, compileDts, DtsError, writeFdt } from '../src/index.ts';
import { bytesOf, names, textOf, thrownBy } from './fixtures.ts';

const include = (name: string, from: string) => {
  const path = from === '' ? name : from.replace(/[^/]*$/, name);
  return names.includes(path) ? bytesOf(path) : undefined;
};
const run = (source: string, more: object = {}) => compileDts(`/dts-v1/;\n${source}`, { preprocess: true, ...more });
const cell = (source: string, more: object = {}) => run(source, more).root.u32('a');

test('a board with headers compiles to what cpp and dtc make of it', () => {
  const options = { filename: 'cpp/board.dts', include, includePaths: ['cpp/include'], preprocess: true };
  expect(writeFdt(compileDts(textOf('cpp/board.dts'), options))).toEqual(bytesOf('cpp/board.dtb'));
});

test('sources without directives compile as without the preprocessor', () => {
  for (const name of ['dtc/values', 'dtc/merging', 'dtc/references', 'options/labels']) {
    const options = { filename: `${name}.dts`, include };
    const plain = writeFdt(compileDts(textOf(`${name}.dts`), options));
    expect(writeFdt(compileDts(textOf(`${name}.dts`), { ...options, preprocess: true }))).toEqual(plain);
  }
});

// Each was tried with cpp.
test.each([
  ['#define A 7\n/ { a = <A>; };', 7],
  ['#define F(x) (x * 2)\n/ { a = <F(3)>; };', 6],
  ['#define F(x) (x * 2)\n#define F2 F\n/ { a = <F2 (F(3))>; };', 12],
  ['#define F() 5\n/ { a = <F()>; };', 5],
  ['#define G(a, b...) <b>\n/ { a = G(1, 9); };', 9],
  ['#define E(x) 1 ## x\n/ { a = <E()>; };', 1],
  ['#define X 1\n#undef X\n#ifdef X\n/ { a = <1>; };\n#else\n/ { a = <2>; };\n#endif', 2],
  ['#if 0\n/ { a = <1>; };\n#elif 1\n/ { a = <2>; };\n#elif 1\n/ { a = <3>; };\n#endif', 2],
  ['#if 0\n#if 1\n/ { a = <1>; };\n#else\n#endif\n#error x\n#endif\n/ { a = <4>; };', 4],
  ['#if -1 < 0 && 5 / 2 == 2 && (1 ? 2 : 3) == 2 && ~0 == -1 && -7 % 3 == -1\n/ { a = <1>; };\n#endif', 1],
  ["#if 0x10u > 3 && 'a' == 97 && 1 << 4 == 0x10 && -1 > 0u\n/ { a = <1>; };\n#endif", 1],
  ['#if 0 && 1 / 0 || 1 || 1 / 0\n/ { a = <1>; };\n#endif', 1],
  ['#define Y\n#if defined Y && !defined(Z) && Z == 0\n/ { a = <1>; };\n#endif', 1],
  ['#define A 1 /* two\nlines */ + 2\n/ { a = <(A)>; };', 3],
  ['#define A 1\\\n2\n/ { a = <A>; };', 12],
])('%j sets a', (source, expected) => {
  expect(cell(source)).toBe(expected);
});

test('words behind # that are no directives, and strings, stay as they are', () => {
  const tree = run('#define size 7\n/ {\n#address-cells = <1>;\n#size-x = "size";\n};');
  expect(tree.root.properties.map(({ name }) => name)).toEqual(['#address-cells', '#7-x']);
  expect(tree.root.string('#7-x')).toBe('size');
});

test('macros come from the options, and __DTS__ is defined', () => {
  expect(cell('#ifdef __DTS__\n/ { a = <N>; };\n#endif', { defines: { N: 5 } })).toBe(5);
});

test('places are those of the files as they were written', () => {
  const files: Record<string, string> = { 'soc.h': '#define BAD &nothing\n', 'soc.dtsi': '\n\n/ { b = <&lost>; };\n' };
  const source = '/dts-v1/;\n#include "soc.h"\n/ {\n\ta = <1 \\\n\t     2>, <BAD>;\n};\n#include "soc.dtsi"\n';
  const { errors } = checkDts(source, { filename: 'b.dts', preprocess: true, include: (name) => files[name] });
  expect(errors.map(({ location }) => location)).toEqual([
    { file: 'b.dts', line: 5, column: 12, sourceLine: '\t     2>, <BAD>;' },
    { file: 'soc.dtsi', line: 3, column: 10, sourceLine: '/ { b = <&lost>; };' },
  ]);
});

test('#line gives the file and line of what follows', () => {
  expect(() => run('#line 20 "soc.dts"\n/ { a = ; };')).toThrow(/^soc\.dts:20:9: /);
});

test.each([
  ['#error stop here', /#error stop here/],
  ['#if 1\n', /no '#endif'/],
  ['#endif', /no '#if'/],
  ['#if 1\n#else\n#else\n#endif', /behind '#else'/],
  ['#if\n#endif', /empty/],
  ['#if 1 +\n#endif', /expected a number/],
  ['#if 1 / 0\n#endif', /division by zero/],
  ['#if (1\n#endif', /expected '\)'/],
  ['#define 1', /expected a name/],
  ['#define F(x\n', /expected '\)'/],
  ['#define F(x, x) x\n', /same name/],
  ['#define F(x) x\n/ { a = <F(1, 2)>; };', /1 parameter\(s\), and 2/],
  ['#define F(x) x\n/ { a = <F(1', /do not end/],
  ['#define F(x) x ##\n/ { a = <F(1)>; };', /at the end/],
  ['#include none', /expected "file"/],
  ['#include "none"', /not found|no include resolver/],
  ['/* open', /does not end/],
])('%j is refused', (source, message) => {
  const error = thrownBy(() => run(source, { include: () => undefined }));
  expect(error).toBeInstanceOf(DtsError);
  expect((error as Error).message).toMatch(message);
});

const doubling = Array.from({ length: 64 }, (_, i) => `#define M${i + 1} M${i} M${i}`).join('\n');
const pasting = Array.from({ length: 64 }, (_, i) => `#define P${i + 1}(x) P${i}(x##x)`).join('\n');

test.each([
  ['a file that includes itself', '#include "again"', '#include "again"'],
  ['a file that includes itself twice', '#include "again"', '#include "again"\n#include "again"'],
  ['macros that double', `#define M0 1\n${doubling}\n/ { a = <M64>; };`, ''],
  ['names that double', `#define P0(x) x\n${pasting}\n/ { a = <P64(1)>; };`, ''],
  [
    'a chain of macros',
    `${Array.from({ length: 9999 }, (_, i) => `#define C${i} C${i + 1}\n`).join('')}/ { a = <C0>; };`,
    '',
  ],
  ['nested calls', `#define F(x) x\n/ { a = <${'F('.repeat(50000)}>; };`, ''],
  ['nested conditions', `#if ${'('.repeat(50000)}\n#endif`, ''],
  ['signs', `#if ${'!'.repeat(50000)}1\n#endif`, ''],
  ['open comments', '/*'.repeat(200000), ''],
])('%s without end are refused', (_, source, again) => {
  expect(thrownBy(() => run(source, { include: () => again }))).toBeInstanceOf(DtsError);
});

test('quotes that are not closed are no trouble', () => {
  expect(() => run(`/ { a = <1>; }; ${'"\\'.repeat(200000)}`)).toThrow(DtsError);
});

test('a macro that names itself ends', () => {
  expect(() => run('#define A B\n#define B A\n/ { a = <A>; };')).toThrow(/expected a number/);
});

test('a damaged source compiles or is refused with a DtsError', () => {
  const seeds = ['cpp/board.dts', 'cpp/soc.dtsi', 'cpp/include/dt-bindings/irq.h'].map(textOf);
  const junk = fc.constantFrom(
    '',
    '#',
    '##',
    '(',
    ')',
    ',',
    '\\\n',
    '"',
    "'",
    '#define ',
    '#if ',
    '#endif\n',
    'CAT',
    '/*',
  );
  const options = { filename: 'cpp/x.dts', include, includePaths: ['cpp/include'], preprocess: true };
  fc.assert(
    fc.property(fc.constantFrom(...seeds), fc.nat(1200), fc.nat(10), junk, (seed, at, cut, insert) => {
      const start = at % seed.length;
      try {
        compileDts(`/dts-v1/;\n${seed.slice(0, start)}${insert}${seed.slice(start + cut)}`, options);
      } catch (error) {
        expect(error).toBeInstanceOf(DtsError);
      }
    }),
    { numRuns: 400 },
  );
});
