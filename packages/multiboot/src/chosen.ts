import type { DtNode } from '@dom0less/fdt';
import type { BootModule, Dom0Plan } from './boot-plan.ts';
import { checkedCells, type InheritedCells } from './cells.ts';
import type { OwnedModule } from './memory-checks.ts';
import { isModule, KIND_NAMES, readModule } from './modules.ts';
import { hasCompatible, numberAt, renderValue, stringOf } from './property.ts';
import type { Reporter } from './reporter.ts';

/** dom0 as the tree describes it, and its modules with their nodes. */
export interface Dom0Draft {
  plan: Dom0Plan;
  modules: OwnedModule[];
}

const DOMAIN = 'xen,domain';
/** Kinds of dom0's modules that do not say what they are, by their position. */
const UNTYPED_KINDS = ['kernel', 'ramdisk'] as const;

/** The modules of all of /chosen, domains included, that do not say what they are: Xen counts them together. */
const untypedNodes = (chosen: DtNode): DtNode[] =>
  chosen.children
    .flatMap((node) => [node, ...node.children])
    .filter((node) => isModule(node) && !KIND_NAMES.some((name) => hasCompatible(node, name)))
    .slice(0, UNTYPED_KINDS.length);

const readInitrd = (reporter: Reporter, chosen: DtNode): BootModule | undefined => {
  const [first, last] = ['linux,initrd-start', 'linux,initrd-end'].map((name) => {
    const value = chosen.prop(name)?.value;
    if (value === undefined || value.length === 4 || value.length === 8) {
      return value && numberAt(value, 0, value.length / 4);
    }
    const found = `${name} is ${renderValue(value) ?? 'empty'}`;
    reporter.report('host-property-invalid', chosen, name, { found, expected: 'one or two cells' });
    return undefined;
  });
  if (first === undefined || last === undefined) return undefined;
  if (first >= last || last > 2n ** 48n) {
    const found = `the initrd begins at 0x${first.toString(16)} and ends at 0x${last.toString(16)}`;
    reporter.report('host-property-invalid', chosen, 'linux,initrd-start', { found, expected: 'an ascending range' });
    return undefined;
  }
  return { kind: 'ramdisk', address: Number(first), size: Number(last - first), path: chosen.path, compatible: [] };
};

/** Nodes of modules that belong to dom0, with the cells of their parents. */
const dom0ModuleNodes = (reporter: Reporter, chosen: DtNode): { node: DtNode; cells: InheritedCells | undefined }[] => {
  const below = (parent: DtNode, nodes: readonly DtNode[]) => {
    if (nodes.length === 0) return [];
    const cells = checkedCells(reporter, parent);
    return nodes.map((node) => ({ node, cells }));
  };
  const containers = chosen.children.filter((node) => !isModule(node) && !hasCompatible(node, DOMAIN));
  for (const node of containers) {
    const found = ['memory', 'cpus'].filter((name) => node.has(name)).join(' and ');
    if (found !== '' && node.children.some(isModule)) {
      reporter.report('container-like-domain', node, 'compatible', { found });
    }
  }
  return [
    ...below(chosen, chosen.children.filter(isModule)),
    ...containers.flatMap((node) => below(node, node.children.filter(isModule))),
  ];
};

/** Reads what lies in /chosen outside of domain nodes: the modules and the command line of dom0. */
export const readDom0 = (reporter: Reporter, chosen: DtNode): Dom0Draft => {
  const untyped = untypedNodes(chosen);
  const modules: OwnedModule[] = [];
  for (const { node, cells } of dom0ModuleNodes(reporter, chosen)) {
    const module = readModule(reporter, node, cells, false);
    if (module === undefined) continue;
    if (module.kind === 'unknown') module.kind = UNTYPED_KINDS[untyped.indexOf(node)] ?? 'unknown';
    modules.push({ module, node, reporter });
  }
  const initrd = readInitrd(reporter, chosen);
  if (initrd !== undefined) modules.push({ module: initrd, node: chosen, reporter });
  const kernel = modules.find(({ module }) => module.kind === 'kernel')?.module;
  if (kernel !== undefined) reporter.report('dom0-described', chosen, undefined);
  const own = stringOf(chosen, 'xen,dom0-bootargs');
  const general = xenOwnsBootargs(chosen, kernel) ? undefined : stringOf(chosen, 'bootargs');
  const bootargs = kernel?.bootargs ?? own ?? general ?? '';
  return { plan: { present: kernel !== undefined, modules: modules.map(({ module }) => module), bootargs }, modules };
};

/** True if /chosen/bootargs is Xen's command line and not dom0's. */
const xenOwnsBootargs = (chosen: DtNode, dom0Kernel: BootModule | undefined): boolean =>
  !chosen.has('xen,xen-bootargs') && (chosen.has('xen,dom0-bootargs') || Boolean(dom0Kernel?.bootargs));

/** Xen's command line and the property of /chosen that it is from; undefined if there is none. */
export const readXenCommandLine = (chosen: DtNode, dom0: Dom0Plan): { property: string; text: string } | undefined => {
  const kernel = dom0.modules.find(({ kind }) => kind === 'kernel');
  const own = chosen.has('xen,xen-bootargs');
  if (!own && !xenOwnsBootargs(chosen, kernel)) return undefined;
  const property = own ? 'xen,xen-bootargs' : 'bootargs';
  const text = stringOf(chosen, property);
  return text === undefined ? undefined : { property, text };
};
