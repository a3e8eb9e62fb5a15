import fc from 'fast-check';
import { expect, test } from 'vitest';
import { compileDts, DeviceTree, parseFdt, printDts, writeFdt } from '../src/index.ts';
import { anyTree, contentOf } from './arbitrary.ts';
import { blobs, bytesOf, names, textOf } from './fixtures.ts';

/** dtc 1.6.1 writes a list of strings as one string with \0 in it; later ones, and we, write several strings. */
const asLists = (text: string) => text.replaceAll('\\0', '", "');

test.each(names.filter((name) => /^dtc\/.*\.printed$/.test(name)))('%s is printed as dtc prints it', (name) => {
  expect(printDts(parseFdt(bytesOf(name.replace(/printed$/, 'dtb'))))).toBe(asLists(textOf(name)));
});

test.each(names.filter((name) => name.endsWith('.domU.dts')))('%s is printed as dtc prints it', (name) => {
  expect(printDts(parseFdt(bytesOf(name.replace(/dts$/, 'dtb'))))).toBe(asLists(textOf(name)));
});

test.each(blobs)('%s compiles to the same content when printed', (name) => {
  const tree = parseFdt(bytesOf(name));
  const compiled = compileDts(printDts(tree));
  compiled.bootCpuidPhys = tree.bootCpuidPhys;
  expect(writeFdt(compiled)).toEqual(writeFdt(tree, { layout: 'dtc' }));
});

test('any tree compiles to the same content when printed', () => {
  fc.assert(
    fc.property(anyTree, (tree) => {
      const compiled = compileDts(printDts(tree));
      expect(contentOf(compiled)).toEqual({ ...contentOf(tree), bootCpuidPhys: compiled.bootCpuidPhys });
    }),
    { numRuns: 200 },
  );
});

test.each([
  [[0x61, 0], '"a"'],
  [[0x61, 0, 0x62, 0], '"a", "b"'],
  [[0x61, 0, 0x31, 0], '"a", "1"'],
  [[0x22, 0x5c, 0x0a, 0], '"\\"\\\\\\n"'],
  [[0, 0, 0, 0], '<0x00>'],
  [[0x61, 0x62, 0x63, 0x64], '<0x61626364>'],
  [[0x61, 0, 0], '[61 00 00]'],
  [[0xc3, 0xa9, 0], '[c3 a9 00]'],
  [[0, 0, 0x12, 0x34, 0, 0, 0, 5], '<0x1234 0x05>'],
])('the value %j is printed as %s', (bytes, text) => {
  const tree = new DeviceTree();
  tree.root.setProperty('a', Uint8Array.from(bytes));
  expect(printDts(tree)).toBe(`/dts-v1/;\n\n/ {\n\ta = ${text};\n};\n`);
});

test.each(['a@1', 'a b', 'é', 'a;'])('property name %j cannot be printed', (name) => {
  const tree = new DeviceTree();
  tree.root.addChild('n').setProperty(name, new Uint8Array(0));
  expect(() => printDts(tree)).toThrow(
    expect.objectContaining({ code: 'FDT_ERR_BADVALUE', path: '/n', property: name }),
  );
});

test.each(['a@1@2', 'a b', 'a;', '@1'])('node name %j cannot be printed', (name) => {
  const tree = new DeviceTree();
  tree.root.addChild(name);
  expect(() => printDts(tree)).toThrow(expect.objectContaining({ code: 'FDT_ERR_BADVALUE', path: `/${name}` }));
});
