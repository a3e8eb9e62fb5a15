import { expect, test } from 'vitest';
import {
  compileDts,
  type DtsCompileOptions,
  type FdtWriteOptions,
  parseFdt,
  printDts,
  sortTree,
  writeFdt,
} from '../src/index.ts';
import { bytesOf, textOf } from './fixtures.ts';

const compile = (name: string, options: DtsCompileOptions = {}) => compileDts(textOf(`options/${name}.dts`), options);

test.each<[string, string, DtsCompileOptions, FdtWriteOptions?]>([
  ['labels', 'labels', {}],
  ['labels.symbols', 'labels', { symbols: true }],
  ['labels.aliases', 'labels', { autoAliases: true }],
  ['labels.all', 'labels', { symbols: true, autoAliases: true, phandles: 'both' }],
  ['labels.legacy', 'labels', { phandles: 'legacy' }],
  ['labels.boot-cpu', 'labels', { bootCpu: 5 }],
  ['labels.align', 'labels', {}, { padding: 5, align: 64 }],
  ['plugin', 'plugin', {}],
  ['plugin.symbols', 'plugin', { symbols: true }],
])('%s has the bytes of dtc', (blob, source, options, layout = {}) => {
  expect(writeFdt(compile(source, options), layout)).toEqual(bytesOf(`options/${blob}.dtb`));
});

test.each(['base', 'by-label', 'by-path', 'second'])('%s, for overlays, has the bytes of dtc -@', (name) => {
  const tree = compileDts(textOf(`overlay/${name}.dts`), { symbols: true });
  expect(writeFdt(tree)).toEqual(bytesOf(`overlay/${name}.dtb`));
});

test('a sorted tree has the bytes of dtc -s', () => {
  expect(writeFdt(sortTree(compile('labels')))).toEqual(bytesOf('options/labels.sorted.dtb'));
});

test('a tree is printed sorted as dtc -s prints it', () => {
  const printed = printDts(parseFdt(bytesOf('options/labels.symbols.dtb')), { sort: true });
  expect(printed).toBe(textOf('options/labels.sorted.printed').replaceAll('\\0', '", "'));
});

test('room for reservations and a power of two are as dtc makes them', () => {
  const tree = compileDts(textOf('dtc/values.dts'), {
    filename: 'dtc/values.dts',
    include: () => bytesOf('dtc/blob.bin'),
  });
  tree.bootCpuidPhys = 7;
  expect(writeFdt(tree, { reserveEntries: 4, align: 64 })).toEqual(bytesOf('dtc/values.reserve.dtb'));
  expect(() => writeFdt(tree, { align: 24 })).toThrow(expect.objectContaining({ code: 'FDT_ERR_BADVALUE' }));
});

test('labels that a blob knows are printed, and compile to the same bytes', () => {
  const blob = bytesOf('options/labels.symbols.dtb');
  const printed = printDts(parseFdt(blob), { labels: true });
  expect(printed).toContain(`\n\t${labelsOf(blob, '/node@1')} node@1 {`);
  const compiled = compileDts(printed, { bootCpu: 3 });
  expect(writeFdt(compiled)).toEqual(blob);
});

function labelsOf(blob: Uint8Array, path: string): string {
  const symbols = parseFdt(blob).node('/__symbols__')!;
  const labels = symbols.properties.filter(({ name }) => symbols.string(name) === path);
  expect(labels).toHaveLength(3);
  return labels.map(({ name }) => `${name}:`).join(' ');
}

test('include paths are tried in their order, and <name> is not looked for beside the file', () => {
  const files: Record<string, string> = { 'a/x.dtsi': '/ { a; };', 'b/x.dtsi': '/ { b; };', 'b/y.dtsi': '/ { y; };' };
  const include = (name: string) => files[name];
  const properties = (line: string) => {
    const options = { include, includePaths: ['a', 'b/'], preprocess: true };
    return compileDts(`/dts-v1/;\n${line}\n`, options).root.properties.map(({ name }) => name);
  };
  expect(properties('/include/ "x.dtsi"')).toEqual(['a']);
  expect(properties('#include <y.dtsi>')).toEqual(['y']);
  files['x.dtsi'] = '/ { beside; };';
  expect(properties('#include "x.dtsi"')).toEqual(['beside']);
  expect(properties('#include <x.dtsi>')).toEqual(['a']);
  expect(() => properties('#include <none.h>')).toThrow(/not found \(include paths: a, b\//);
});
