import { compileDts, type DeviceTree, DtNode } from '@dom0less/fdt';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { DIAGNOSTICS, formatDiagnostic, parseBootPlan } from '../src/index.ts';
import { BASICS, board, fixture, KERNEL } from './trees.ts';

const GOLDEN = compileDts(fixture('trees/gic3-vpl011-ramdisk-cpus2'));
const REFUSED = compileDts(fixture('refused/overlap'));

type Change = { node: number; property: number; kind: number; value: Uint8Array };

const anyValue = fc.oneof(
  fc.uint8Array({ maxLength: 40 }),
  fc.array(fc.constantFrom(0, 1, 2, 0x40000000, 0xffffffff), { maxLength: 6 }).map((cells) => {
    const bytes = new Uint8Array(cells.length * 4);
    const view = new DataView(bytes.buffer);
    for (const [i, cell] of cells.entries()) view.setUint32(i * 4, cell);
    return bytes;
  }),
  fc
    .constantFrom('', 'disabled', 'xen,domain', 'multiboot,kernel', 'multiboot,module')
    .map((text) => new TextEncoder().encode(`${text}\0`)),
);
const anyChange: fc.Arbitrary<Change> = fc.record({
  node: fc.nat(),
  property: fc.nat(),
  kind: fc.nat({ max: 4 }),
  value: anyValue,
});

const NAMES = [
  'status',
  'reg',
  'memory',
  'compatible',
  '#size-cells',
  'xen,static-mem',
  'xen,enhanced',
  'domain-cpupool',
];

/** Changes, adds or removes a property, or removes or moves a node; mostly below /chosen. */
const apply = (tree: DeviceTree, { node, property, kind, value }: Change): void => {
  const chosen = tree.root.child('chosen');
  const nodes: DtNode[] = [...(chosen && node % 4 !== 0 ? chosen : tree.root).walk()];
  const target = nodes[node % nodes.length]!;
  const name = target.properties[property % Math.max(target.properties.length, 1)]?.name;
  if (kind === 0 && name !== undefined) target.removeProperty(name);
  else if (kind === 1) target.setProperty(NAMES[property % NAMES.length]!, value);
  else if (kind === 2 && target.parent !== undefined && target.name !== 'chosen') {
    const copy = target.clone();
    const home = nodes[property % nodes.length]!;
    if (!home.children.some((child) => child.name === copy.name)) home.addChild(copy);
  } else if (kind === 3 && target.parent !== undefined) target.parent.removeChild(target);
  else if (name !== undefined) target.setProperty(name, value);
};

describe('parseBootPlan', () => {
  test('never throws, and a domain is valid if and only if it has no error', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(GOLDEN, REFUSED),
        fc.array(anyChange, { minLength: 1, maxLength: 12 }),
        (base, changes) => {
          const tree = base.clone();
          for (const change of changes) apply(tree, change);
          const { plan, diagnostics } = parseBootPlan(tree);
          for (const { nodeName, valid, modules } of plan.domains) {
            const errors = diagnostics.filter(({ domain, severity }) => domain === nodeName && severity === 'error');
            expect(errors.length === 0).toBe(valid);
            if (valid) expect(modules.kernel).toBeDefined();
          }
          for (const diagnostic of diagnostics) {
            expect(diagnostic.severity).toBe(DIAGNOSTICS[diagnostic.code].severity);
            expect(formatDiagnostic(diagnostic)).not.toMatch(/\{\w+\}|undefined|NaN|\[object/);
          }
        },
      ),
      { numRuns: 400 },
    );
  });

  test('does not change the tree, and gives the same for the same tree', () => {
    const tree = REFUSED.clone();
    const first = parseBootPlan(tree);
    expect(parseBootPlan(REFUSED)).toEqual(first);
    expect([...tree.root.walk()].length).toBe([...REFUSED.root.walk()].length);
  });

  test('takes little time for a tree with thousands of domains whose modules all overlap', () => {
    const count = 2000;
    const tree = board(`d { ${BASICS} ${KERNEL} };`);
    const chosen = tree.root.child('chosen')!;
    const original = chosen.children[0]!;
    for (let i = 0; i < count; i++) {
      const copy = new DtNode(`d${i}`);
      for (const { name, value } of original.properties) copy.setProperty(name, value);
      const module = copy.addChild(`m${i}`);
      for (const { name, value } of original.children[0]!.properties) module.setProperty(name, value.slice());
      module.prop('reg')!.value[7] = i & 0xff;
      module.prop('reg')!.value[6] = i >> 8;
      chosen.addChild(copy);
    }
    const start = performance.now();
    const { plan, diagnostics } = parseBootPlan(tree);
    expect(performance.now() - start).toBeLessThan(3000);
    expect(plan.domains).toHaveLength(count + 1);
    expect(diagnostics.length).toBeLessThan(count * 6);
  });
});
