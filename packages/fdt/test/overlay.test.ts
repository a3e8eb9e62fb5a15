import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  applyOverlay,
  compileDts,
  type DeviceTree,
  diffTrees,
  FdtError,
  mergeTrees,
  parseFdt,
  writeFdt,
} from '../src/index.ts';
import { bytesOf, textOf, thrownBy } from './fixtures.ts';

const read = (name: string) => parseFdt(bytesOf(`overlay/${name}.dtb`));

/** A blob with zeros for padding: in its place libfdt leaves what stood there before. */
function withoutResidue(blob: Uint8Array): Uint8Array {
  const tree = parseFdt(blob);
  tree.layout = { ...tree.layout!, residue: [] };
  return writeFdt(tree);
}

test.each(['by-label', 'by-path', 'by-label+second'])('base+%s has the bytes of fdtoverlay', (overlays) => {
  const result = overlays.split('+').reduce((tree, name) => applyOverlay(tree, read(name)), read('base'));
  expect(writeFdt(result)).toEqual(withoutResidue(bytesOf(`overlay/base+${overlays}.dtb`)));
});

test('trees that were compiled just now can be used, and are not changed', () => {
  const [base, overlay] = ['base', 'by-label'].map((name) =>
    compileDts(textOf(`overlay/${name}.dts`), { symbols: true }),
  );
  const before = [base!, overlay!].map((tree) => writeFdt(tree));
  expect(writeFdt(applyOverlay(base!, overlay!))).toEqual(withoutResidue(bytesOf('overlay/base+by-label.dtb')));
  expect([base!, overlay!].map((tree) => writeFdt(tree))).toEqual(before);
});

test('phandles of the overlay go behind those of the base, and symbols get their new paths', () => {
  const tree = applyOverlay(read('base'), read('by-label'));
  const phandles = [...tree.root.walk()].map((node) => node.phandle).filter((phandle) => phandle !== undefined);
  expect(new Set(phandles).size).toBe(phandles.length);
  const chip = tree.node('/soc/serial@1000/chip@0')!;
  expect(tree.node('/__symbols__')!.string('chip')).toBe(chip.path);
  const [first, second] = chip.u32s('friends')!;
  expect([tree.nodeByPhandle(first!), tree.nodeByPhandle(second!)]).toEqual([chip, tree.node('/soc/serial@1000')]);
});

/** An overlay without the compiler's help. */
const handmade = (body: string) => compileDts(`/dts-v1/; / { ${body} };`);
const fragment = (target: string, more = '') => handmade(`f { ${target} __overlay__ { x = <1>; }; }; ${more}`);

test.each<[string, DeviceTree, string]>([
  ['an unknown label', compileDts('/dts-v1/; /plugin/; &nobody { };'), 'FDT_ERR_NOTFOUND'],
  ['an unknown path', fragment('target-path = "/nobody";'), 'FDT_ERR_NOTFOUND'],
  ['an unknown phandle', fragment('target = <99>;'), 'FDT_ERR_NOTFOUND'],
  ['no target', fragment(''), 'FDT_ERR_BADOVERLAY'],
  ['a target that is no phandle', fragment('target = <1 2>;'), 'FDT_ERR_BADPHANDLE'],
  ['a target-path without an end', fragment('target-path = [2f];'), 'FDT_ERR_BADOVERLAY'],
  ['a fixup that is no list', fragment('', '__fixups__ { uart = [61]; };'), 'FDT_ERR_BADOVERLAY'],
  ['a fixup without an offset', fragment('', '__fixups__ { uart = "/f:x:"; };'), 'FDT_ERR_BADOVERLAY'],
  ['a fixup of no node', fragment('', '__fixups__ { uart = "/g:x:0"; };'), 'FDT_ERR_BADOVERLAY'],
  ['a fixup beyond the value', fragment('', '__fixups__ { uart = "/f/__overlay__:x:1"; };'), 'FDT_ERR_BADOVERLAY'],
  ['a local fixup of no node', fragment('', '__local_fixups__ { g { x = <0>; }; };'), 'FDT_ERR_BADOVERLAY'],
  ['a local fixup of no property', fragment('', '__local_fixups__ { f { y = <0>; }; };'), 'FDT_ERR_BADOVERLAY'],
  ['a local fixup beyond', handmade('x = <1>; __local_fixups__ { x = <1>; };'), 'FDT_ERR_BADOVERLAY'],
  ['a phandle too high', handmade('f { phandle = <0xfffffffe>; };'), 'FDT_ERR_NOPHANDLES'],
  ['a symbol that is no path', handmade('__symbols__ { s = <1>; };'), 'FDT_ERR_BADVALUE'],
  ['a symbol of no fragment', handmade('__symbols__ { s = "/g/__overlay__"; };'), 'FDT_ERR_BADOVERLAY'],
])('an overlay with %s is refused', (_, overlay, code) => {
  expect(thrownBy(() => applyOverlay(read('base'), overlay))).toMatchObject({ code });
});

test('a base without symbols is named as the reason', () => {
  const base = compileDts(textOf('overlay/base.dts'));
  expect(() => applyOverlay(base, read('by-label'))).toThrow(/no \/__symbols__/);
});

test('a damaged overlay is applied or refused with an FdtError', () => {
  const blob = bytesOf('overlay/by-label.dtb');
  const base = read('base');
  fc.assert(
    fc.property(fc.nat(blob.length - 1), fc.nat(255), fc.nat(blob.length - 1), fc.nat(255), (at, byte, at2, byte2) => {
      const damaged = blob.slice();
      damaged[at] = byte;
      damaged[at2] = byte2;
      try {
        writeFdt(applyOverlay(base, parseFdt(damaged)));
      } catch (error) {
        expect(error).toBeInstanceOf(FdtError);
      }
    }),
    { numRuns: 400 },
  );
});

const tree = (body: string) => compileDts(`/dts-v1/; /memreserve/ 1 2; / { ${body} };`);

test('trees that say the same in another order do not differ', () => {
  expect(diffTrees(tree('a = <1>; b; n { }; m { };'), tree('b; a = <1>; m { }; n { };'))).toEqual([]);
});

test('differences are by node and property', () => {
  const a = tree('same; gone = <1>; changed = <1>; n { x; }; lost { deep { }; };');
  const b = compileDts('/dts-v1/; / { same; changed = <2>; came; n { }; found { }; };', { bootCpu: 1 });
  expect(diffTrees(a, b)).toEqual([
    { kind: 'reservations-changed', old: '0x1+0x2', new: '' },
    { kind: 'boot-cpu-changed', old: '0', new: '1' },
    { kind: 'property-removed', path: '/', property: 'gone', old: Uint8Array.of(0, 0, 0, 1), new: undefined },
    {
      kind: 'property-changed',
      path: '/',
      property: 'changed',
      old: Uint8Array.of(0, 0, 0, 1),
      new: Uint8Array.of(0, 0, 0, 2),
    },
    { kind: 'property-added', path: '/', property: 'came', old: undefined, new: new Uint8Array(0) },
    { kind: 'node-removed', path: '/lost' },
    { kind: 'node-added', path: '/found' },
    { kind: 'property-removed', path: '/n', property: 'x', old: new Uint8Array(0), new: undefined },
  ]);
});

test('phandles may have other numbers when asked, but not other targets', () => {
  const a = tree('r = <&l &k 5>; l: n { }; k: m { };');
  const b = tree('r = <&l &k 5>; l: n { phandle = <7>; }; k: m { };');
  const c = tree('r = <&k &l 5>; l: n { phandle = <7>; }; k: m { };');
  expect(diffTrees(a, b)).not.toEqual([]);
  expect(diffTrees(a, b, { ignorePhandles: true })).toEqual([]);
  expect(diffTrees(a, c, { ignorePhandles: true })).toMatchObject([{ kind: 'property-changed', property: 'r' }]);
});

test('merging two trees is what a second root node in the source does', () => {
  const [first, second] = ['a = <1>; n { x; y = "1"; }; m { };', 'b; a = <2>; n { y = "2"; k { }; }; new { z; };'];
  const merged = mergeTrees(tree(first!), tree(second!));
  const compiled = compileDts(`/dts-v1/; /memreserve/ 1 2; / { ${first} }; / { ${second} };`);
  expect(writeFdt(merged)).toEqual(writeFdt(compiled));
});

test('properties and children can be put before and behind others', () => {
  const { root } = tree('a; c; n { }; p { };');
  root
    .setProperty('b', new Uint8Array(0), { before: 'c' })
    .setProperty('d', new Uint8Array(0), { after: root.prop('c')! });
  root.addChild('o', { after: 'n' });
  root.addChild('m', { before: root.child('n')! });
  expect(root.properties.map(({ name }) => name)).toEqual(['a', 'b', 'c', 'd']);
  expect(root.children.map(({ name }) => name)).toEqual(['m', 'n', 'o', 'p']);
  expect(() => root.addChild('q', { before: 'none' })).toThrow(expect.objectContaining({ code: 'FDT_ERR_NOTFOUND' }));
  expect(root.child('q')).toBeUndefined();
});
