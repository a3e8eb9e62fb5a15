import type { DtNode, DtsSourceMap } from '@dom0less/fdt';
import type { DomainPlan } from '@dom0less/multiboot';

/** Where a value comes from. */
export interface Origin {
  readonly given: boolean;
  /** `board.dts:17`, or the node's path for a blob; absent for a default. */
  readonly place?: string;
}

/** Entries that are no properties of the domain node but modules, or on one. */
const MODULES: Readonly<Record<string, 'kernel' | 'ramdisk' | 'deviceTree'>> = {
  kernel: 'kernel',
  ramdisk: 'ramdisk',
  'device-tree': 'deviceTree',
};

function placeOf(sourceMap: DtsSourceMap | undefined, path: string, property: string | undefined): string {
  const at = property === undefined ? sourceMap?.node(path) : sourceMap?.property(path, property);
  if (at !== undefined) return `${at.file}:${at.line}`;
  return property === undefined ? path : `${path} ${property}`;
}

/** Tells where an entry of a domain has its value from. */
export function originOf(
  name: string,
  domain: DomainPlan,
  node: DtNode | undefined,
  sourceMap: DtsSourceMap | undefined,
): Origin {
  const given = (path: string, property?: string): Origin => ({
    given: true,
    place: placeOf(sourceMap, path, property),
  });
  const kind = Object.hasOwn(MODULES, name) ? MODULES[name] : undefined;
  if (kind !== undefined) {
    const module = domain.modules[kind];
    return module === undefined ? { given: false } : given(module.path);
  }
  if (name === 'bootargs') {
    const { kernel } = domain.modules;
    return kernel?.bootargs === undefined ? { given: false } : given(kernel.path, 'bootargs');
  }
  if (name === 'hard-affinity') {
    const child = node?.children.find((one) => one.has('hard-affinity'));
    return child === undefined ? { given: false } : given(child.path, 'hard-affinity');
  }
  return node?.has(name) === true ? given(domain.path, name) : { given: false };
}
