import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseFdt, propU32, writeFdt } from '../src/index.ts';
import { anyTree, contentOf } from './arbitrary.ts';
import { blobs, bytesOf } from './fixtures.ts';

test.each(blobs)('%s is written as it was read', (name) => {
  const bytes = bytesOf(name);
  expect(writeFdt(parseFdt(bytes))).toEqual(bytes);
});

test.each(blobs.filter((name) => name.endsWith('.domU.dtb')))(
  "%s is what the sequential writer's layout gives for its content",
  (name) => {
    const bytes = bytesOf(name);
    expect(writeFdt(parseFdt(bytes), { layout: 'libfdt-sw' })).toEqual(bytes);
  },
);

test.each(blobs.filter((name) => /\.host\.dtb$|^dtc\/[a-z-]*\.dtb$/.test(name)))(
  "%s is what dtc's layout gives for its content",
  (name) => {
    const bytes = bytesOf(name);
    expect(writeFdt(parseFdt(bytes), { layout: 'dtc' })).toEqual(bytes);
  },
);

describe('any tree', () => {
  test.each([{}, { layout: 'dtc', version: 16 }, { layout: 'libfdt-sw' }, { padding: 13 }, { minSize: 4096 }] as const)(
    'is read as it was written with %o, and written the same again',
    (options) => {
      fc.assert(
        fc.property(anyTree, (tree) => {
          const bytes = writeFdt(tree, options);
          const read = parseFdt(bytes);
          expect(contentOf(read)).toEqual(contentOf(tree));
          expect(writeFdt(read)).toEqual(bytes);
          expect(writeFdt(read, options)).toEqual(bytes);
        }),
        { numRuns: 60 },
      );
    },
  );
});

test("dtc's version, padding and minimum size come out of the options of the same meaning", () => {
  const tree = parseFdt(bytesOf('dtc/values.dtb'));
  expect(writeFdt(tree, { version: 16 })).toEqual(bytesOf('dtc/values.v16.dtb'));
  expect(writeFdt(tree, { padding: 128 })).toEqual(bytesOf('dtc/values.padding.dtb'));
  expect(writeFdt(tree, { minSize: 4096 })).toEqual(bytesOf('dtc/values.min-size.dtb'));
});

test('a value of the same size leaves the rest of a foreign layout alone', () => {
  const bytes = bytesOf('xen/gic3-vpl011-ramdisk-cpus1.domU.dtb');
  const tree = parseFdt(bytes);
  tree.node('/timer')!.setProperty('interrupt-parent', propU32(0x12345678));
  const written = writeFdt(tree);
  const changed = [...written.keys()].filter((i) => written[i] !== bytes[i]);
  expect(written.length).toBe(bytes.length);
  expect(changed.length).toBe(4);
  expect(parseFdt(written).node('/timer')!.u32('interrupt-parent')).toBe(0x12345678);
});

test('a tree that outgrew its foreign layout is written canonically', () => {
  const tree = parseFdt(bytesOf('xen/gic3-vpl011-ramdisk-cpus1.domU.dtb'));
  tree.node('/timer')!.setProperty('always-on', new Uint8Array(0));
  expect(writeFdt(tree)).toEqual(writeFdt(tree, { layout: 'dtc' }));
});

test('a renamed property is not written under its old name', () => {
  const tree = parseFdt(bytesOf('xen/gic3-vpl011-ramdisk-cpus1.domU.dtb'));
  const uart = tree.node('/sbsa-uart')!;
  const { value } = uart.prop('current-speed')!;
  uart.removeProperty('current-speed');
  uart.setProperty('current-speee', value);
  expect(contentOf(parseFdt(writeFdt(tree)))).toEqual(contentOf(tree));
});

test('a clone writes the same bytes and shares no values', () => {
  const bytes = bytesOf('libfdt/edited.dtb');
  const tree = parseFdt(bytes);
  const clone = tree.clone();
  expect(writeFdt(clone)).toEqual(bytes);
  clone.root.prop('model')!.value[0] = 0x58;
  expect(writeFdt(tree)).toEqual(bytes);
});

test('NOPs, gaps and nonzero padding are kept', () => {
  const tree = parseFdt(bytesOf('dtc/strings.dtb'));
  const bytes = writeFdt(tree, { padding: 16 });
  bytes.fill(0xaa, bytes.length - 16);
  const view = new DataView(bytes.buffer);
  // "sub" is the only child: NOP out its first property (12 + 4 bytes) as libfdt does.
  const sub = view.getUint32(8) + 4 + 4 + 16 + 12 + 16 + 8;
  expect(view.getUint32(sub)).toBe(3);
  for (let at = sub; at < sub + 16; at += 4) view.setUint32(at, 4);
  const read = parseFdt(bytes);
  expect(read.node('/sub')!.has('phandle')).toBe(false);
  expect(writeFdt(read)).toEqual(bytes);
  expect(writeFdt(read, { layout: 'dtc' }).length).toBe(bytes.length - 32);
});

test.each([
  ['a boot CPU id of 33 bits', (tree: ReturnType<typeof parseFdt>) => Object.assign(tree, { bootCpuidPhys: 2 ** 32 })],
  [
    'a reservation that ends the list',
    (tree: ReturnType<typeof parseFdt>) => tree.reservations.push({ address: 0n, size: 0n }),
  ],
  [
    'a reservation beyond 64 bits',
    (tree: ReturnType<typeof parseFdt>) => tree.reservations.push({ address: 1n << 64n, size: 1n }),
  ],
])('%s is refused', (_, spoil) => {
  const tree = parseFdt(bytesOf('dtc/boot-cpu.dtb'));
  spoil(tree);
  expect(() => writeFdt(tree)).toThrow(expect.objectContaining({ code: 'FDT_ERR_BADVALUE' }));
});

test.each([{ padding: -1 }, { minSize: 1.5 }, { minSize: 2 ** 31 }, { layout: 'libfdt-sw', version: 16 }] as const)(
  'options %o are refused',
  (options) => {
    const tree = parseFdt(bytesOf('dtc/boot-cpu.dtb'));
    expect(() => writeFdt(tree, options)).toThrow(expect.objectContaining({ code: 'FDT_ERR_BADVALUE' }));
  },
);
