import fc from 'fast-check';
import { DeviceTree, DtNode } from '../src/index.ts';

interface NodeData {
  readonly name: string;
  readonly properties: readonly { name: string; value: Uint8Array }[];
  readonly children: readonly NodeData[];
}

const textValue = fc
  .array(fc.string({ unit: 'grapheme-ascii', maxLength: 8 }), { minLength: 1, maxLength: 3 })
  .map((strings) => new TextEncoder().encode(strings.map((text) => `${text}\0`).join('')));
const value = fc.oneof(fc.uint8Array({ maxLength: 24 }), fc.uint8Array({ minLength: 8, maxLength: 8 }), textValue);

/** Few words, so that names repeat and end each other (`cells`, `#size-cells`). */
const word = fc.constantFrom('a', 'cells', '#size-cells', '#address-cells', 'reg', 'linux,phandles', 'phandles', 's');
const sourceName = fc.oneof(word, fc.stringMatching(/^[a-zA-Z0-9,._+*#?-]{1,12}$/)).filter((name) => name !== 'name');

const nodeName = fc.oneof(fc.constantFrom('a', 'cells', 'cpus'), fc.stringMatching(/^[a-zA-Z0-9,._+-]{1,12}$/));

function nodeData(depth: number): fc.Arbitrary<NodeData> {
  const isPhandle = (name: string) => name === 'phandle' || name === 'linux,phandle';
  return fc.record({
    name: fc.tuple(nodeName, fc.stringMatching(/^(@[0-9a-f]{1,4})?$/)).map(([base, unit]) => base + unit),
    properties: fc.uniqueArray(fc.record({ name: sourceName.filter((name) => !isPhandle(name)), value }), {
      maxLength: 4,
      selector: (property) => property.name,
    }),
    children:
      depth === 0
        ? fc.constant([])
        : fc.uniqueArray(nodeData(depth - 1), { maxLength: 3, selector: (child) => child.name }),
  });
}

function fill(node: DtNode, data: NodeData): DtNode {
  for (const property of data.properties) node.setProperty(property.name, property.value);
  for (const child of data.children) fill(node.addChild(child.name), child);
  return node;
}

const u64 = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });

/** Trees whose names can stand in source; phandles are left to the compiler. */
export const anyTree: fc.Arbitrary<DeviceTree> = fc
  .record({
    root: nodeData(3),
    reservations: fc.array(fc.record({ address: u64, size: u64.map((size) => size || 1n) }), { maxLength: 3 }),
    bootCpuidPhys: fc.nat(0xffffffff),
  })
  .map(({ root, reservations, bootCpuidPhys }) => {
    const tree = new DeviceTree(fill(new DtNode(), root));
    tree.reservations = reservations;
    tree.bootCpuidPhys = bootCpuidPhys;
    return tree;
  });

/** All that a tree says, as plain data for comparisons. */
export function contentOf(tree: DeviceTree) {
  const nodes = [...tree.root.walk()].map((node) => ({
    path: node.path,
    properties: node.properties.map(({ name, value: bytes }) => [name, [...bytes]]),
  }));
  return { nodes, reservations: tree.reservations, bootCpuidPhys: tree.bootCpuidPhys };
}
