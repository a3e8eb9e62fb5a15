import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  applyOverlay,
  checkDts,
  checkTree,
  compileDts,
  DeviceTree,
  DtsError,
  FdtError,
  parseFdt,
  treeChecks,
} from '../src/index.ts';
import { bytesOf, textOf, thrownBy } from './fixtures.ts';

const found = (warnings: readonly { code: string; path: string }[]) =>
  [...new Set(warnings.map(({ code, path }) => `${code} ${path}`))].sort();

test.each(['many', 'cells', 'devices', 'bridges'])('%s.dts gets the warnings of dtc', (name) => {
  const { errors, warnings } = checkDts(textOf(`warnings/${name}.dts`));
  expect(errors).toEqual([]);
  expect(found(warnings)).toEqual(textOf(`warnings/${name}.txt`).trim().split('\n').sort());
});

test('a warning has its place in the source', () => {
  const source = '/dts-v1/;\n/ {\n\tmemory {\n\t\treg = <0 1>;\n\t};\n};\n';
  const { warnings } = checkDts(source, { filename: 'board.dts' });
  const formats = warnings.filter(({ code }) => code === 'reg_format');
  expect(formats).toMatchObject([
    { path: '/memory', property: 'reg', severity: 'warning', location: { file: 'board.dts', line: 4, column: 3 } },
  ]);
  expect(warnings.find(({ code }) => code === 'unit_address_vs_reg')!.location).toMatchObject({ line: 3, column: 2 });
});

test('the source map has the place of nodes and properties', () => {
  const { sourceMap } = checkDts('/dts-v1/;\n/ { n { a = <1>; }; };\n/ { n { a = <2>; }; };', { symbols: true });
  expect(sourceMap!.node('/n')).toMatchObject({ line: 2, column: 5 });
  expect(sourceMap!.property('/n', 'a')).toMatchObject({ line: 3, column: 9 });
  expect(sourceMap!.node('/none')).toBeUndefined();
});

test('checks can be switched on and off, with those that build on them', () => {
  const tree = compileDts('/dts-v1/; / { a_b@1 { reg = <1 2 3>; }; };');
  const codes = (options: Parameters<typeof checkTree>[1]) => checkTree(tree, options).map(({ code }) => code);
  expect(codes({})).toEqual(['avoid_default_addr_size', 'avoid_default_addr_size']);
  expect(codes({ enable: ['node_name_chars_strict'] })).toContain('node_name_chars_strict');
  expect(codes({ disable: ['addr_size_cells'] })).toEqual([]);
  expect(() => codes({ disable: ['none'] })).toThrow(expect.objectContaining({ code: 'FDT_ERR_BADVALUE' }));
  expect(treeChecks).toContain('unit_address_vs_reg');
});

test('a blob that dtc would refuse gets errors', () => {
  const tree = new DeviceTree();
  tree.root.addChild('a b').setProperty('phandle', new Uint8Array(4)).setProperty('x y', new Uint8Array(0));
  tree.root.addChild('n@1@2').setProperty('name', new Uint8Array(3));
  const errors = checkTree(tree).filter(({ severity }) => severity === 'error');
  const codes = ['explicit_phandles', 'name_is_string', 'node_name_chars', 'property_name_chars'];
  expect(errors.map(({ code }) => code).sort()).toEqual(codes);
});

test('the trees of Xen get no errors', () => {
  const tree = parseFdt(bytesOf('xen/gic3-vpl011-ramdisk-cpus1.domU.dtb'));
  expect(checkTree(tree).filter(({ severity }) => severity === 'error')).toEqual([]);
});

test('all errors of a source are reported, each with its place', () => {
  const source = `/dts-v1/;
/ {
	a = <(1 / 0)>;
	b = /bits/ 8 <256>;
	c = <&none>;
	dup; dup;
	l: n { };
	l: m { };
};
&lost { inside: x { }; };
/ { d = <&inside>; e = &gone; };
`;
  const { errors, tree } = checkDts(source);
  expect(tree).toBeUndefined();
  const seen = errors.map(({ location, check }) => [location.line, check]).sort((a, b) => Number(a[0]) - Number(b[0]));
  expect(seen).toEqual([
    [3, undefined],
    [4, undefined],
    [5, 'phandle_references'],
    [6, 'duplicate_property_names'],
    [8, 'duplicate_label'],
    [10, undefined],
    [11, 'path_references'],
  ]);
  const thrown = thrownBy(() => compileDts(source)) as DtsError;
  expect(thrown).toBeInstanceOf(DtsError);
  expect(thrown.errors.map(({ message }) => message)).toEqual(errors.map(({ message }) => message));
  expect(thrown.errors[0]).toBe(thrown);
});

test('a syntax error comes with the errors before it', () => {
  const { errors } = checkDts('/dts-v1/; / { a = <0x100000000>;\n b = ; };');
  expect(errors.map(({ code }) => code)).toEqual(['DTS_ERR_SEMANTIC', 'DTS_ERR_SYNTAX']);
});

test('a source with errors without end gives up', () => {
  const { errors } = checkDts(`/dts-v1/; / { a = <${'0x100000000 '.repeat(100000)}>; };`);
  expect(errors.length).toBe(1001);
});

test.each([
  ['/ { l: n { }; };\n/plugin/;', 'DTS_ERR_SYNTAX'],
  ['/plugin/;\n/dts-v1/; / { };', 'DTS_ERR_SEMANTIC'],
  ['/plugin/; / { a = &missing; };', 'DTS_ERR_SEMANTIC'],
  ['/ { }; /delete-node/ &{/};', 'DTS_ERR_SEMANTIC'],
])('%j is refused', (source, code) => {
  expect(thrownBy(() => compileDts(`/dts-v1/; ${source}`))).toMatchObject({ code });
});

test('a damaged blob can be checked', () => {
  const blob = bytesOf('xen/gic2-vpl011-ramdisk-cpus2.host.dtb');
  fc.assert(
    fc.property(fc.nat(blob.length - 1), fc.nat(255), fc.nat(blob.length - 1), fc.nat(255), (at, byte, at2, byte2) => {
      const damaged = blob.slice();
      damaged[at] = byte;
      damaged[at2] = byte2;
      try {
        for (const { code } of checkTree(parseFdt(damaged))) expect(treeChecks).toContain(code);
      } catch (error) {
        expect(error).toBeInstanceOf(FdtError);
      }
    }),
    { numRuns: 200 },
  );
});

test('ten thousand labels, and overlays upon them, take no long time', () => {
  const count = 10000;
  const lines = Array.from({ length: count }, (_, i) => `l${i}: n@${i} { r = <&l${count - 1 - i}>; };`);
  const base = compileDts(`/dts-v1/; / { ${lines.join('\n')} };`, { symbols: true });
  expect(base.node('/__symbols__')!.properties).toHaveLength(count);
  const fragments = Array.from({ length: count / 10 }, (_, i) => `&l${i} { o${i}: o { x = <&l${i} &o${i}>; }; };`);
  const overlay = compileDts(`/dts-v1/; /plugin/; ${fragments.join('\n')}`, { symbols: true });
  const tree = applyOverlay(base, overlay);
  expect(tree.node('/n@7/o')!.u32s('x')![0]).toBe(tree.node('/n@7')!.phandle);
}, 20000);
