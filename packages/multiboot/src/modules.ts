import type { DtNode } from '@dom0less/fdt';
import type { BootModule, ModuleKind } from './boot-plan.ts';
import { type InheritedCells, readModuleReg } from './cells.ts';
import { suggest } from './nearest.ts';
import { compatibleOf, disabledStatus, stringOf } from './property.ts';
import type { Reporter } from './reporter.ts';

/** Names that make a node a module. */
export const GENERIC_NAMES: readonly string[] = ['multiboot,module', 'xen,multiboot-module'];

/** Names that say what a module is; `instead` is set for names of old bindings. */
const KINDS: Record<string, { kind: ModuleKind; instead?: string }> = {
  'multiboot,kernel': { kind: 'kernel' },
  'multiboot,ramdisk': { kind: 'ramdisk' },
  'multiboot,device-tree': { kind: 'device-tree' },
  'multiboot,microcode': { kind: 'microcode' },
  'xen,xsm-policy': { kind: 'xsm-policy' },
  'xen,linux-zimage': { kind: 'kernel', instead: 'multiboot,kernel' },
  'xen,linux-initrd': { kind: 'ramdisk', instead: 'multiboot,ramdisk' },
};

/** Every compatible name that says what a module is. */
export const KIND_NAMES: readonly string[] = Object.keys(KINDS);

/** Every compatible name that has to do with modules. */
export const MODULE_NAMES: readonly string[] = [...GENERIC_NAMES, ...KIND_NAMES];

/** Properties that any node may have, whatever it describes. */
export const COMMON_PROPERTIES: readonly string[] = ['compatible', 'status', 'phandle', 'linux,phandle', 'name'];
const MODULE_PROPERTIES = [...COMMON_PROPERTIES, 'reg', 'bootargs', 'xen,uefi-binary'];

/** Longest command line of a module in bytes, terminator included (Xen's BOOTMOD_MAX_CMDLINE). */
const MAX_BOOTARGS = 1024;

/** True if the node is a module, or claims to be one by half. */
export const isModule = (node: DtNode): boolean =>
  compatibleOf(node).some((name) => MODULE_NAMES.includes(name.toLowerCase()));

/** Reports every property that is not in `known`. */
export const checkPropertyNames = (reporter: Reporter, node: DtNode, known: readonly string[]): void => {
  for (const { name } of node.properties) {
    if (!known.includes(name)) reporter.report('property-unknown', node, name, { name, hint: suggest(name, known) });
  }
};

const checkCompatible = (reporter: Reporter, node: DtNode, inDomain: boolean): ModuleKind => {
  const compatible = compatibleOf(node);
  const lower = compatible.map((name) => name.toLowerCase());
  lower.forEach((expected, i) => {
    const found = compatible[i]!;
    if (found !== expected && MODULE_NAMES.includes(expected)) {
      reporter.report('compatible-case', node, 'compatible', { found, expected });
    }
  });
  const found = lower.find((name) => Object.hasOwn(KINDS, name));
  if (found === undefined) return 'unknown';
  const { kind, instead } = KINDS[found]!;
  if (instead !== undefined && inDomain)
    reporter.report('module-legacy', node, 'compatible', { found, expected: instead });
  if (!lower.some((name) => GENERIC_NAMES.includes(name))) {
    reporter.report('module-generic-missing', node, 'compatible', { found: instead ?? found });
  }
  return kind;
};

const checkUnitAddress = (reporter: Reporter, node: DtNode, address: number): void => {
  const found = node.unitAddress?.replace(/^0x/i, '');
  if (found === undefined || !/^[0-9a-f]{1,16}$/i.test(found)) return;
  if (BigInt(`0x${found}`) !== BigInt(address)) {
    reporter.report('unit-address-mismatch', node, 'reg', { found, expected: address.toString(16) });
  }
};

const readBootargs = (reporter: Reporter, node: DtNode): string | undefined => {
  const value = node.prop('bootargs')?.value;
  if (value === undefined || value.length === 0) return undefined;
  const text = stringOf(node, 'bootargs');
  if (text === undefined) reporter.report('bootargs-invalid', node, 'bootargs');
  else if (value.length > MAX_BOOTARGS) reporter.report('bootargs-too-long', node, 'bootargs', { found: value.length });
  return text;
};

/**
 * Reads one module node.
 *
 * @param cells those of the node's parent; undefined if they are unusable, which was reported
 * @param inDomain whether the node belongs to a domain, where the names of old bindings do not count for Xen
 * @returns undefined if the module is left out or has no usable `reg`
 */
export const readModule = (
  reporter: Reporter,
  node: DtNode,
  cells: InheritedCells | undefined,
  inDomain: boolean,
): BootModule | undefined => {
  const found = disabledStatus(node);
  if (found !== undefined) {
    reporter.report('module-disabled', node, 'status', { found });
    return undefined;
  }
  const kind = checkCompatible(reporter, node, inDomain);
  checkPropertyNames(reporter, node, MODULE_PROPERTIES);
  if (node.has('xen,uefi-binary')) reporter.report('module-uefi-binary', node, 'xen,uefi-binary');
  const bootargs = readBootargs(reporter, node);
  const range = cells && readModuleReg(reporter, node, cells);
  if (range === undefined) return undefined;
  checkUnitAddress(reporter, node, range.start);
  if (range.size === 0) {
    reporter.report('module-empty', node, 'reg', { kind });
    return undefined;
  }
  return {
    kind,
    address: range.start,
    size: range.size,
    path: node.path,
    compatible: compatibleOf(node),
    ...(bootargs === undefined ? {} : { bootargs }),
  };
};
