import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { checkDts, compileDts, DtsError, FdtError, writeFdt } from '../src/index.ts';
import { bytesOf, compileFixture, names, textOf, thrownBy } from './fixtures.ts';

const sources = names.filter((name) => /^(dtc|xen)\/.*\.dts$/.test(name) && !name.endsWith('.domU.dts'));

test.each(sources)("%s compiles to dtc's bytes", (name) => {
  expect(writeFdt(compileFixture(name))).toEqual(bytesOf(name.replace(/\.dts$/, '.dtb')));
});

const root = (body: string) => `/dts-v1/; / { ${body} };`;

describe('a source', () => {
  // dtc 1.6.1 refuses each of these, too.
  test.each([
    ['', 'DTS_ERR_SYNTAX', 1],
    ['/ { };', 'DTS_ERR_SYNTAX', 1],
    ['/dts-v1/;', 'DTS_ERR_SYNTAX', 10],
    ['/dts-v1/; / { }', 'DTS_ERR_SYNTAX', 16],
    ['/dts-v1/; / { };;', 'DTS_ERR_SYNTAX', 17],
    ['/dts-v1/; / { }; /memreserve/ 1 2;', 'DTS_ERR_SYNTAX', 18],
    ['/dts-v1/; l: / { };', 'DTS_ERR_SYNTAX', 14],
    ['/dts-v1/; &l { };', 'DTS_ERR_SEMANTIC', 11],
    ['/dts-v1/; / { }; &l { };', 'DTS_ERR_SEMANTIC', 18],
    ['/dts-v1/; / { }; /delete-node/ &{/n};', 'DTS_ERR_SEMANTIC', 32],
    ['/dts-v1/; / { }; /* open', 'DTS_ERR_SYNTAX', 18],
    [root('a = "open;'), 'DTS_ERR_SYNTAX', 19],
    [root('a = "x" "y";'), 'DTS_ERR_SYNTAX', 23],
    [root('a = ;'), 'DTS_ERR_SYNTAX', 19],
    [root('a = <1>, ;'), 'DTS_ERR_SYNTAX', 24],
    [root('a = (1);'), 'DTS_ERR_SYNTAX', 19],
    [root('a = <1 - 2>;'), 'DTS_ERR_SYNTAX', 22],
    [root('a = <1u>;'), 'DTS_ERR_SYNTAX', 21],
    [root('a = <0x>;'), 'DTS_ERR_SYNTAX', 21],
    [root('a = <089>;'), 'DTS_ERR_SEMANTIC', 20],
    [root('a = <(1 2)>;'), 'DTS_ERR_SYNTAX', 23],
    [root('a = <(1 / 0)>;'), 'DTS_ERR_SEMANTIC', 23],
    [root('a = <0x100000000>;'), 'DTS_ERR_SEMANTIC', 20],
    [root('a = <0x11111111111111111>;'), 'DTS_ERR_SEMANTIC', 20],
    [root('a = /bits/ 8 <256>;'), 'DTS_ERR_SEMANTIC', 29],
    [root('a = /bits/ 24 <1>;'), 'DTS_ERR_SEMANTIC', 19],
    [root('a = /bits/ 16 <&{/}>;'), 'DTS_ERR_SEMANTIC', 30],
    [root("a = <''>;"), 'DTS_ERR_SEMANTIC', 20],
    [root("a = <'ab'>;"), 'DTS_ERR_SEMANTIC', 20],
    [root('a = [0 1];'), 'DTS_ERR_SYNTAX', 20],
    [root('a = "\\xzz";'), 'DTS_ERR_SYNTAX', 19],
    [root('a = <&l>;'), 'DTS_ERR_SEMANTIC', 20],
    [root('a = &l;'), 'DTS_ERR_SEMANTIC', 19],
    [root('a; a;'), 'DTS_ERR_SEMANTIC', 18],
    [root('a@1;'), 'DTS_ERR_SEMANTIC', 15],
    [root('n { }; n { };'), 'DTS_ERR_SEMANTIC', 22],
    [root('n { }; /delete-node/ n;'), 'DTS_ERR_SEMANTIC', 22],
    [root('n@1@2 { };'), 'DTS_ERR_SEMANTIC', 15],
    [root('n { }; a;'), 'DTS_ERR_SYNTAX', 22],
    [root('l: n { }; l: m { };'), 'DTS_ERR_SEMANTIC', 28],
    [root('l: n { }; m { l: a; };'), 'DTS_ERR_SEMANTIC', 32],
    [root('phandle = <0>;'), 'DTS_ERR_SEMANTIC', 15],
    [root('phandle = <0xffffffff>;'), 'DTS_ERR_SEMANTIC', 15],
    [root('phandle = <1 2>;'), 'DTS_ERR_SEMANTIC', 15],
    [root('l: n { phandle = &l; };'), 'DTS_ERR_SEMANTIC', 22],
    [root('n { phandle = <&{/}>; };'), 'DTS_ERR_SEMANTIC', 19],
    [root('phandle = <1>; linux,phandle = <2>;'), 'DTS_ERR_SEMANTIC', 15],
    [root('n { phandle = <1>; }; m { phandle = <1>; };'), 'DTS_ERR_SEMANTIC', 41],
    [root('n { name = "m"; };'), 'DTS_ERR_SEMANTIC', 19],
    [root('a = /incbin/("x");'), 'DTS_ERR_INCLUDE', 28],
    [root('/include/ "x"'), 'DTS_ERR_INCLUDE', 15],
  ] as const)('%j is refused with %s at column %i', (source, code, column) => {
    const error = thrownBy(() => compileDts(source));
    expect(error).toBeInstanceOf(DtsError);
    expect(error).toMatchObject({ code, location: { file: 'input.dts', line: 1, column } });
  });
});

test('an error shows file, line, column, the line and a caret below the place', () => {
  const source = '/dts-v1/;\n/ {\n\tnode {\n\t\treg = <1 2x>;\n\t};\n};\n';
  const error = thrownBy(() => compileDts(source, { filename: 'board.dts' })) as DtsError;
  expect(error.message.split('\n')).toEqual([
    expect.stringMatching(/^board\.dts:4:13: expected a number/),
    '  \t\treg = <1 2x>;',
    '  \t\t          ^',
  ]);
  expect(error.location.sourceLine).toBe('\t\treg = <1 2x>;');
});

test('a line marker of the preprocessor gives the file and line of what follows', () => {
  const source = '# 1 "board.dts"\n/dts-v1/;\n# 20 "soc.dtsi" 1\n/ {\n  a = ;\n};';
  expect(() => compileDts(source)).toThrow(/^soc\.dtsi:21:7: /);
});

test('an error in an included file names that file', () => {
  const include = (name: string) => (name === 'soc.dtsi' ? '/ {\n  a = ;\n};' : undefined);
  expect(() => compileDts('/dts-v1/; /include/ "soc.dtsi"', { include })).toThrow(/^soc\.dtsi:2:7: /);
});

test('a preprocessor directive gets the advice to preprocess', () => {
  expect(() => compileDts('/dts-v1/;\n#include "soc.dtsi"\n/ { };')).toThrow(/preprocessor/);
});

test('files that include each other are refused', () => {
  const include = () => '/include/ "again"';
  expect(thrownBy(() => compileDts('/dts-v1/; /include/ "again"', { include }))).toMatchObject({
    code: 'DTS_ERR_INCLUDE',
  });
});

test('files that include each other many times are refused', () => {
  const line = '/include/ "again" '.repeat(4).padEnd(2 ** 20);
  expect(thrownBy(() => compileDts('/dts-v1/; /include/ "again"', { include: () => line }))).toMatchObject({
    code: 'DTS_ERR_INCLUDE',
  });
});

test.each([
  ['nodes', '/dts-v1/; / '.padEnd(400000, '{ n ')],
  ['parentheses', root(`a = <${'('.repeat(200000)}1>;`)],
  ['signs', root(`a = <(${'-'.repeat(200000)}1)>;`)],
  ['conditions', root(`a = <(${'1?'.repeat(200000)}1)>;`)],
  ['labels', `/dts-v1/; ${'l:'.repeat(200000)}`],
  ['comments', `/dts-v1/; ${'/**/'.repeat(200000)}`],
  ['an open string', root(`a = "${'\\"'.repeat(200000)}`)],
  ['a number', root(`a = <${'1'.repeat(400000)}>;`)],
  ['a name', root(`${'n'.repeat(400000)};`)],
])('%s without end are refused', (_, source) => {
  expect(thrownBy(() => compileDts(source))).toBeInstanceOf(DtsError);
});

test('long strings, comments and zeros are no trouble', () => {
  const source = root(`s = "${'\\"'.repeat(300000)}"; z = <${'0'.repeat(300000)}7>;${'/**/ '.repeat(100000)}`);
  const tree = compileDts(source);
  expect(tree.root.string('s')!.length).toBe(300000);
  expect(tree.root.u32('z')).toBe(7);
});

test('a reference may begin with a label and go on with a path', () => {
  const tree = compileDts(root('p = &{l/sub}; l: n { sub { }; };'));
  expect(tree.root.string('p')).toBe('/n/sub');
});

test('a damaged source compiles or is refused with an FdtError', () => {
  const seeds = [
    'dtc/values.dts',
    'dtc/references.dts',
    'dtc/merging.dts',
    'options/labels.dts',
    'options/plugin.dts',
    'warnings/devices.dts',
  ].map(textOf);
  const junk = fc.constantFrom(
    '',
    ';',
    '{',
    '}',
    '<',
    '>',
    '(',
    ')',
    '"',
    "'",
    '/',
    '&',
    '&l',
    '@',
    '\\',
    ':',
    '/*',
    '[',
  );
  fc.assert(
    fc.property(fc.constantFrom(...seeds), fc.nat(2000), fc.nat(12), junk, (seed, at, cut, insert) => {
      const start = at % seed.length;
      try {
        const damaged = seed.slice(0, start) + insert + seed.slice(start + cut);
        const { tree, errors } = checkDts(damaged, { include: () => '', symbols: true, autoAliases: true });
        expect(tree === undefined).toBe(errors.length > 0);
        for (const error of errors) expect(error).toBeInstanceOf(DtsError);
        if (tree !== undefined) writeFdt(tree);
      } catch (error) {
        expect(error).toBeInstanceOf(FdtError);
      }
    }),
    { numRuns: 500 },
  );
});
