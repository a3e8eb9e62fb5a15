import { describe, expect, test } from 'vitest';
import {
  compileDts,
  DeviceTree,
  DtNode,
  FdtError,
  propEmpty,
  propReg,
  propStrings,
  propU32,
  propU64,
} from '../src/index.ts';
import { thrownBy } from './fixtures.ts';

const tree = compileDts(`/dts-v1/;
/ {
	#address-cells = <2>; #size-cells = <2>;
	aliases { serial0 = &uart; soc = "/soc"; broken = <1>; relative = "soc"; gone = "/nowhere"; phandle = <77>; };
	soc {
		#address-cells = <1>; #size-cells = <1>;
		compatible = "vendor,soc", "simple-bus";
		uart: uart@9000000 { reg = <0x9000000 0x1000 0xa000000 0x10>; clock = <&{/cpus}>; };
		timer@1 { }; timer@2 { }; gpio@3 { }; gpio { };
	};
	memory@40000000 { reg = <0x1 0x40000000 0x0 0x80000000>; };
	cpus {
		#address-cells = <1>; #size-cells = <0>;
		cpu@1 { reg = <1>; };
		odd { reg = <1 2>; reg2 = [01 02 03]; };
	};
	defaults { dev { reg = <1 2 3>; }; };
	bad { #address-cells = <5>; #size-cells = "x"; dev { reg = <1>; }; };
	values {
		empty; cell = <0xffffffff>; cells = <1 2 3>; wide = <0x12345678 0x9abcdef0>;
		text = "één"; list = "a", "", "c"; bytes = [01 02 03]; open = [61 62]; latin = [e9 00];
		linux,phandle = <9>;
	};
};`);
const values = tree.node('/values')!;

describe('a path', () => {
  test.each([
    ['/', '/'],
    ['/soc', '/soc'],
    ['/soc/uart@9000000', '/soc/uart@9000000'],
    ['/soc/uart', '/soc/uart@9000000'],
    ['/memory', '/memory@40000000'],
    ['/soc/gpio', '/soc/gpio'],
    ['/soc/gpio@3', '/soc/gpio@3'],
    ['serial0', '/soc/uart@9000000'],
    ['soc/timer@2', '/soc/timer@2'],
    ['/soc/', '/soc'],
  ])('%s finds %s', (path, found) => {
    expect(tree.node(path)?.path).toBe(found);
  });

  test.each([
    '/soc/timer',
    '/soc/timer@3',
    '/nowhere',
    '/nowhere/at/all',
    'serial1',
    'relative',
    'gone',
    '',
    'phandle',
  ])('%j finds nothing', (path) => {
    expect(tree.node(path)).toBeUndefined();
  });

  test('through an alias that is no string is refused', () => {
    expect(() => tree.node('broken')).toThrow(
      expect.objectContaining({ code: 'FDT_ERR_BADVALUE', path: '/aliases', property: 'broken' }),
    );
  });
});

test('aliases are paths by name, without the phandle of /aliases itself', () => {
  const board = compileDts('/dts-v1/; / { aliases { phandle = <1>; a = "/b"; }; };');
  expect([...board.aliases]).toEqual([['a', '/b']]);
  expect(() => tree.aliases).toThrow(FdtError);
  expect(new DeviceTree().aliases.size).toBe(0);
});

test('a node is found by its phandle, in either property', () => {
  expect(tree.nodeByPhandle(tree.node('/soc/uart')!.u32('clock')!)?.path).toBe('/cpus');
  expect(tree.nodeByPhandle(9)).toBe(values);
  expect(values.phandle).toBe(9);
  expect(tree.nodeByPhandle(12345)).toBeUndefined();
  expect(tree.root.phandle).toBeUndefined();
});

test('a name falls apart into base name and unit address', () => {
  const uart = tree.node('/soc/uart')!;
  expect([uart.name, uart.baseName, uart.unitAddress]).toEqual(['uart@9000000', 'uart', '9000000']);
  expect([values.baseName, values.unitAddress]).toEqual(['values', undefined]);
});

describe('a typed accessor', () => {
  test('gives the value', () => {
    expect(values.u32('cell')).toBe(0xffffffff);
    expect(values.u64('wide')).toBe(0x123456789abcdef0n);
    expect(values.u32s('cells')).toEqual([1, 2, 3]);
    expect(values.u32s('empty')).toEqual([]);
    expect(values.string('text')).toBe('één');
    expect(values.string('list')).toBe('a');
    expect(values.strings('list')).toEqual(['a', '', 'c']);
    expect(values.strings('empty')).toEqual([]);
    expect(values.has('empty')).toBe(true);
  });

  test('gives undefined for what is absent', () => {
    for (const read of ['u32', 'u64', 'u32s', 'string', 'strings', 'prop'] as const) {
      expect(values[read]('absent')).toBeUndefined();
    }
    expect(values.reg()).toBeUndefined();
    expect(values.has('absent')).toBe(false);
    expect(values.compatible()).toEqual([]);
    expect(values.isCompatible('x')).toBe(false);
  });

  test.each([
    ['u32', 'wide'],
    ['u32', 'empty'],
    ['u64', 'cell'],
    ['u64', 'cells'],
    ['u32s', 'bytes'],
    ['string', 'empty'],
    ['string', 'open'],
    ['strings', 'bytes'],
    ['string', 'latin'],
  ] as const)('%s of %s is refused, naming node, property and value', (read, property) => {
    const error = thrownBy(() => values[read](property));
    expect(error).toBeInstanceOf(FdtError);
    expect(error).toMatchObject({ code: 'FDT_ERR_BADVALUE', path: '/values', property });
    expect((error as FdtError).message).toMatch(new RegExp(`^/values: property ${property} is not .*its value is `));
  });
});

test('compatible strings are matched whole', () => {
  const soc = tree.node('/soc')!;
  expect(soc.compatible()).toEqual(['vendor,soc', 'simple-bus']);
  expect(soc.isCompatible('simple-bus')).toBe(true);
  expect(soc.isCompatible('simple')).toBe(false);
});

describe('reg', () => {
  test("is read with the parent's cells", () => {
    expect(tree.node('/memory')!.reg()).toEqual([{ address: 0x140000000n, size: 0x80000000n }]);
    expect(tree.node('/soc/uart')!.reg()).toEqual([
      { address: 0x9000000n, size: 0x1000n },
      { address: 0xa000000n, size: 0x10n },
    ]);
    expect(tree.node('/cpus/cpu')!.reg()).toEqual([{ address: 1n, size: 0n }]);
  });

  test('has two address cells and one size cell when the parent does not say', () => {
    expect(tree.node('/defaults/dev')!.reg()).toEqual([{ address: 0x100000002n, size: 3n }]);
    expect([tree.node('/defaults')!.addressCells, tree.node('/defaults')!.sizeCells]).toEqual([2, 1]);
  });

  test('is read with the cells that the caller names', () => {
    const uart = tree.node('/soc/uart')!;
    expect(uart.reg({ address: 2, size: 2 })).toEqual([{ address: 0x900000000001000n, size: 0xa00000000000010n }]);
    expect(uart.reg({ address: 4, size: 0 })).toEqual([{ address: 0x0900000000001000_0a00000000000010n, size: 0n }]);
    expect(tree.node('/cpus/odd')!.regProperty('reg')).toHaveLength(2);
  });

  test('of another length is refused', () => {
    expect(() => tree.node('/soc/uart')!.reg({ address: 2, size: 1 })).toThrow(/2 address and 1 size cells/);
    expect(() => tree.node('/soc/uart')!.reg({ address: 0, size: 0 })).toThrow(FdtError);
    expect(() => tree.node('/cpus/odd')!.regProperty('reg2')).toThrow(FdtError);
  });

  test('below impossible cell counts is refused', () => {
    expect(() => tree.node('/bad/dev')!.reg()).toThrow(
      expect.objectContaining({ code: 'FDT_ERR_BADNCELLS', path: '/bad', property: '#address-cells' }),
    );
    expect(() => tree.node('/bad')!.sizeCells).toThrow(expect.objectContaining({ code: 'FDT_ERR_BADVALUE' }));
  });
});

describe('a value builder', () => {
  test('makes the bytes that the accessors read', () => {
    const node = new DtNode('n')
      .setProperty('cells', propU32(1, 0xffffffff))
      .setProperty('wide', propU64(1n, 2n ** 64n - 1n))
      .setProperty('list', propStrings('one', 'zwei ½'))
      .setProperty('flag', propEmpty())
      .setProperty('reg', propReg([{ address: 2n ** 33n, size: 16n }], { address: 2, size: 1 }));
    expect(node.u32s('cells')).toEqual([1, 0xffffffff]);
    expect(node.u32s('wide')).toEqual([0, 1, 0xffffffff, 0xffffffff]);
    expect(node.strings('list')).toEqual(['one', 'zwei ½']);
    expect(node.prop('flag')!.value.length).toBe(0);
    expect(node.reg({ address: 2, size: 1 })).toEqual([{ address: 2n ** 33n, size: 16n }]);
    expect(propStrings()).toEqual(propEmpty());
  });

  test.each([
    () => propU32(-1),
    () => propU32(2 ** 32),
    () => propU32(1.5),
    () => propU64(-1n),
    () => propU64(2n ** 64n),
    () => propStrings('a\0b'),
    () => propReg([{ address: 2n ** 32n, size: 0n }], { address: 1, size: 1 }),
    () => propReg([{ address: 0n, size: 1n }], { address: 1, size: 0 }),
  ])('refuses what does not fit: %s', (build) => {
    expect(build).toThrow(expect.objectContaining({ code: 'FDT_ERR_BADVALUE' }));
  });
});

describe('an edit', () => {
  test('keeps the place of a property that is set again, and adds new ones last', () => {
    const node = new DtNode('n').setProperty('a', propU32(1)).setProperty('b', propU32(2)).setProperty('a', propU32(3));
    expect(node.properties.map(({ name, value }) => [name, value[3]])).toEqual([
      ['a', 3],
      ['b', 2],
    ]);
    expect(node.removeProperty('a')).toBe(true);
    expect(node.removeProperty('a')).toBe(false);
    expect(node.properties).toHaveLength(1);
  });

  test('adds, removes and moves children', () => {
    const board = new DeviceTree();
    const cpus = board.root.addChild('cpus');
    const cpu = cpus.addChild('cpu@0');
    expect(cpu.path).toBe('/cpus/cpu@0');
    expect(cpus.removeChild('cpu@0')).toBe(cpu);
    expect(cpu.parent).toBeUndefined();
    expect(cpus.removeChild('cpu@0')).toBeUndefined();
    board.root.addChild('other').addChild(cpu);
    expect(board.node('/other/cpu@0')).toBe(cpu);
    expect(cpu.parent!.removeChild(cpu)).toBe(cpu);
  });

  test('cannot make twins, circles or a node with two parents', () => {
    const root = new DtNode();
    const a = root.addChild('a');
    const b = a.addChild('b');
    expect(() => root.addChild('a')).toThrow(expect.objectContaining({ code: 'FDT_ERR_EXISTS', path: '/' }));
    expect(() => b.addChild(a)).toThrow(expect.objectContaining({ code: 'FDT_ERR_BADSTRUCTURE' }));
    expect(() => root.addChild(b)).toThrow(expect.objectContaining({ code: 'FDT_ERR_BADSTRUCTURE' }));
    const loose = new DtNode('loose');
    expect(() => loose.addChild('x').addChild(loose)).toThrow(
      expect.objectContaining({ code: 'FDT_ERR_BADSTRUCTURE' }),
    );
    root.addChild(b.clone());
    expect([...root.walk()].map((node) => node.path)).toEqual(['/', '/a', '/a/b', '/b']);
  });

  test.each(['', 'a/b', 'a\0', '€', 'x'.repeat(1024)])('cannot name a node %j', (name) => {
    expect(() => new DtNode('n').addChild(name)).toThrow(expect.objectContaining({ code: 'FDT_ERR_BADVALUE' }));
  });

  test.each(['', 'a\0', '€', 'x'.repeat(1024)])('cannot name a property %j', (name) => {
    expect(() => new DtNode('n').setProperty(name, propEmpty())).toThrow(
      expect.objectContaining({ code: 'FDT_ERR_BADVALUE' }),
    );
  });
});
