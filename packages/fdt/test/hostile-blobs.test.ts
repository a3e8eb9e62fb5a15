import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { DeviceTree, DtNode, FdtError, parseFdt, writeFdt } from '../src/index.ts';
import { contentOf } from './arbitrary.ts';
import { bytesOf, thrownBy } from './fixtures.ts';

const HEADER = {
  magic: 0,
  totalsize: 4,
  struct: 8,
  strings: 12,
  rsvmap: 16,
  version: 20,
  lastComp: 24,
  stringsSize: 32,
  structSize: 36,
};

/** A blob with these cells as structure block and these characters as strings block. */
function blobOf(cells: readonly number[], strings = 'a\0', header: Partial<Record<keyof typeof HEADER, number>> = {}) {
  const struct = 56;
  const bytes = new Uint8Array(struct + cells.length * 4 + strings.length);
  const view = new DataView(bytes.buffer);
  const fields = {
    magic: 0xd00dfeed,
    totalsize: bytes.length,
    struct,
    strings: struct + cells.length * 4,
    rsvmap: 40,
    version: 17,
    lastComp: 16,
    stringsSize: strings.length,
    structSize: cells.length * 4,
    ...header,
  };
  for (const [name, at] of Object.entries(HEADER)) view.setUint32(at, fields[name as keyof typeof HEADER]);
  cells.forEach((cell, i) => {
    view.setUint32(struct + i * 4, cell);
  });
  bytes.set(new TextEncoder().encode(strings), struct + cells.length * 4);
  return bytes;
}

const [BEGIN, END_NODE, PROP, NOP, END] = [1, 2, 3, 4, 9];
const ROOT = [BEGIN, 0];
const X = 0x78000000;

test('the smallest tree is read', () => {
  expect(parseFdt(blobOf([NOP, ...ROOT, PROP, 0, 0, NOP, END_NODE, NOP, END])).root.has('a')).toBe(true);
});

describe('a blob', () => {
  const whole = [...ROOT, END_NODE, END];
  test.each([
    ['of no bytes', new Uint8Array(0), 'FDT_ERR_TRUNCATED', 0],
    ['with another magic number', blobOf(whole, '', { magic: 0xedfe0dd0 }), 'FDT_ERR_BADMAGIC', 0],
    ['that ends in its header', blobOf(whole).subarray(0, 32), 'FDT_ERR_TRUNCATED', 32],
    ['shorter than its totalsize', blobOf(whole, '', { totalsize: 10000 }), 'FDT_ERR_TRUNCATED', 4],
    ['with a totalsize below its header', blobOf(whole, '', { totalsize: 36 }), 'FDT_ERR_TRUNCATED', 4],
    ['of version 4', blobOf(whole, '', { version: 4, lastComp: 1 }), 'FDT_ERR_BADVERSION', 20],
    ['that needs version 18', blobOf(whole, '', { version: 18, lastComp: 18 }), 'FDT_ERR_BADVERSION', 20],
    ['with its structure outside', blobOf(whole, '', { struct: 4000 }), 'FDT_ERR_BADOFFSET', 8],
    ['with its structure in the header', blobOf(whole, '', { struct: 16 }), 'FDT_ERR_BADOFFSET', 8],
    ['with its structure misaligned', blobOf(whole, 'aaaa', { struct: 58 }), 'FDT_ERR_ALIGNMENT', 8],
    ['with a structure too long', blobOf(whole, '', { structSize: 0xfffffffc }), 'FDT_ERR_TRUNCATED', 8],
    ['with strings too long', blobOf(whole, '', { stringsSize: 0xffffffff }), 'FDT_ERR_TRUNCATED', 12],
    ['with reservations misaligned', blobOf(whole, '', { rsvmap: 44 }), 'FDT_ERR_ALIGNMENT', 16],
    ['with reservations that do not end', blobOf([BEGIN, 1, 1, 1], '', { rsvmap: 56 }), 'FDT_ERR_TRUNCATED', 72],
    ['without any tag', blobOf([]), 'FDT_ERR_TRUNCATED', 56],
    ['that begins with a property', blobOf([PROP, 0, 0]), 'FDT_ERR_BADSTRUCTURE', 56],
    ['that has no node', blobOf([END]), 'FDT_ERR_BADSTRUCTURE', 56],
    ['without FDT_END', blobOf([...ROOT, END_NODE]), 'FDT_ERR_TRUNCATED', 68],
    ['without FDT_END_NODE', blobOf([...ROOT, END]), 'FDT_ERR_BADSTRUCTURE', 64],
    ['with a second root', blobOf([...ROOT, END_NODE, ...ROOT, END_NODE, END]), 'FDT_ERR_BADSTRUCTURE', 68],
    ['with FDT_END_NODE twice', blobOf([...ROOT, END_NODE, END_NODE, END]), 'FDT_ERR_BADSTRUCTURE', 68],
    ['with an unknown tag', blobOf([...ROOT, 7, END_NODE, END]), 'FDT_ERR_BADSTRUCTURE', 64],
    ['with a named root', blobOf([BEGIN, X, END_NODE, END]), 'FDT_ERR_BADSTRUCTURE', 56],
    ['with a nameless child', blobOf([...ROOT, ...ROOT, END_NODE, END_NODE, END]), 'FDT_ERR_BADSTRUCTURE', 64],
    [
      'with a slash in a node name',
      blobOf([...ROOT, BEGIN, 0x612f6200, END_NODE, END_NODE, END]),
      'FDT_ERR_BADSTRUCTURE',
      64,
    ],
    ['with a node name that does not end', blobOf([...ROOT, BEGIN, 0x78787878]), 'FDT_ERR_TRUNCATED', 68],
    ['that ends in a property', blobOf([...ROOT, PROP, 0]), 'FDT_ERR_TRUNCATED', 64],
    ['with a property too long', blobOf([...ROOT, PROP, 0xffffffff, 0, END_NODE, END]), 'FDT_ERR_TRUNCATED', 64],
    ['with a string offset outside', blobOf([...ROOT, PROP, 0, 2, END_NODE, END]), 'FDT_ERR_BADOFFSET', 64],
    [
      'with a property name that does not end',
      blobOf([...ROOT, PROP, 0, 0, END_NODE, END], 'abc'),
      'FDT_ERR_TRUNCATED',
      64,
    ],
    ['with an empty property name', blobOf([...ROOT, PROP, 0, 1, END_NODE, END]), 'FDT_ERR_BADSTRUCTURE', 64],
    [
      'with a property behind a subnode',
      blobOf([...ROOT, BEGIN, X, END_NODE, PROP, 0, 0, END_NODE, END]),
      'FDT_ERR_BADSTRUCTURE',
      76,
    ],
    [
      'that nests without end',
      blobOf(Array.from({ length: 100000 }, (_, i) => (i < 2 ? ROOT[i]! : i % 2 ? X : BEGIN))),
      'FDT_ERR_BADSTRUCTURE',
      576,
    ],
  ])('%s is refused', (_, bytes, code, offset) => {
    const error = thrownBy(() => parseFdt(bytes));
    expect(error).toBeInstanceOf(FdtError);
    expect(error).toMatchObject({ code, offset });
  });
});

test('64 levels below the root are read and written, and no more are written', () => {
  const tree = new DeviceTree();
  let node = tree.root;
  for (let i = 0; i < 64; i++) node = node.addChild(`n${i}`);
  expect(contentOf(parseFdt(writeFdt(tree)))).toEqual(contentOf(tree));
  node.addChild('one-more');
  expect(() => writeFdt(tree)).toThrow(expect.objectContaining({ code: 'FDT_ERR_BADSTRUCTURE' }));
});

test('blocks that overlap are read, and written apart', () => {
  const bytes = blobOf([...ROOT, PROP, 4, 0, 0x61000000, END_NODE, END], '', { strings: 76, stringsSize: 2 });
  const tree = parseFdt(bytes);
  expect(tree.root.properties.map(({ name }) => name)).toEqual(['a']);
  tree.root.setProperty('a', Uint8Array.of(0x62, 0x62, 0, 0));
  expect(contentOf(parseFdt(writeFdt(tree)))).toEqual(contentOf(tree));
});

test('nodes of the same name are read, and written again', () => {
  const bytes = blobOf([...ROOT, BEGIN, X, END_NODE, BEGIN, X, END_NODE, END_NODE, END]);
  expect(parseFdt(bytes).root.children.map(({ name }) => name)).toEqual(['x', 'x']);
  expect(writeFdt(parseFdt(bytes))).toEqual(bytes);
});

test('names keep bytes that are not ASCII', () => {
  const bytes = blobOf([...ROOT, BEGIN, 0xffe98000, END_NODE, END_NODE, END]);
  expect(writeFdt(parseFdt(bytes), { layout: 'dtc' }).subarray(56, 80)).toEqual(bytes.subarray(56, 80));
});

test('the result does not depend on the buffer that was read', () => {
  const bytes = bytesOf('dtc/references.dtb');
  const copy = bytes.slice();
  const tree = parseFdt(copy);
  copy.fill(0xff);
  expect(writeFdt(tree)).toEqual(bytes);
});

const seeds = ['dtc/references.dtb', 'libfdt/edited.dtb', 'xen/gic3-vpl011-ramdisk-cpus1.domU.dtb'].map(bytesOf);
const mutation = fc.oneof(
  fc.record({ kind: fc.constant('byte' as const), at: fc.nat(4000), value: fc.nat(255) }),
  fc.record({
    kind: fc.constant('cell' as const),
    at: fc.nat(1000),
    value: fc.constantFrom(0, 1, 2, 3, 4, 9, 0x7fffffff, 0xffffffff),
  }),
  fc.record({ kind: fc.constant('cut' as const), at: fc.nat(4000), value: fc.nat(64) }),
  fc.record({ kind: fc.constant('splice' as const), at: fc.nat(1000), value: fc.nat(1000) }),
);

function mutate(
  seed: Uint8Array,
  { kind, at, value }: { kind: 'byte' | 'cell' | 'cut' | 'splice'; at: number; value: number },
) {
  const bytes = seed.slice();
  if (kind === 'cut') return bytes.subarray(0, Math.max(0, bytes.length - value));
  if (kind === 'byte') bytes[at % bytes.length] = value;
  else if (kind === 'cell') new DataView(bytes.buffer).setUint32((at * 4) % (bytes.length - 4), value);
  else bytes.copyWithin((at * 4) % bytes.length, (value * 4) % bytes.length, ((value * 4) % bytes.length) + 16);
  return bytes;
}

test('a damaged blob is refused with an FdtError, or read so that it can be written again', () => {
  fc.assert(
    fc.property(fc.constantFrom(...seeds), fc.array(mutation, { minLength: 1, maxLength: 4 }), (seed, mutations) => {
      const bytes = mutations.reduce((blob, each) => (blob.length > 64 ? mutate(blob.slice(), each) : blob), seed);
      let tree: DeviceTree;
      try {
        tree = parseFdt(bytes);
      } catch (error) {
        expect(error).toBeInstanceOf(FdtError);
        return;
      }
      if (tree.layout !== undefined) expect(writeFdt(tree)).toEqual(bytes.slice(0, tree.layout.totalSize));
      expect(contentOf(parseFdt(writeFdt(tree, { layout: 'dtc' })))).toEqual(contentOf(tree));
    }),
    { numRuns: 1500 },
  );
});

test('arbitrary bytes behind a sound header are refused or read', () => {
  fc.assert(
    fc.property(fc.array(fc.constantFrom(1, 2, 3, 4, 9, 0, 0x61000000, 8), { maxLength: 40 }), (cells) => {
      try {
        expect(parseFdt(blobOf([...ROOT, ...cells, END])).root).toBeInstanceOf(DtNode);
      } catch (error) {
        expect(error).toBeInstanceOf(FdtError);
      }
    }),
    { numRuns: 1000 },
  );
});
