import type { DeviceTree, DtNode } from '@dom0less/fdt';
import { writeFdt } from '@dom0less/fdt';
import type { BootPlan, MemoryRange } from '@dom0less/multiboot';
import type { ExchangedBoard } from './board-file.ts';

const MIB = 2 ** 20;
const ALIGN = 2 * MIB;
/** Room for Xen, which takes 8 MiB at most, and for the tree with what the script adds. */
const XEN_BYTES = 16 * MIB;
const TREE_BYTES = 4 * MIB;

/** What a script needs besides the board. */
export interface UBootOptions {
  /** Files as U-Boot loads them. */
  readonly xen: string;
  readonly dtb: string;
  /** What loads a file: `${load} ADDRESS FILE`. */
  readonly load: string;
}

const hex = (value: number): string => `0x${value.toString(16)}`;

/** A free range of host memory for `size` bytes, or undefined. */
function freeRange(plan: BootPlan, taken: readonly MemoryRange[], size: number): MemoryRange | undefined {
  for (const bank of plan.host.memory) {
    let start = Math.ceil(bank.start / ALIGN) * ALIGN;
    // Each turn goes behind one range that is in the way.
    for (let turns = taken.length + 1; turns > 0 && start + size <= bank.start + bank.size; turns--) {
      const other = taken.find((range) => range.start < start + size && range.start + range.size > start);
      if (other === undefined) return { start, size };
      start = Math.ceil((other.start + other.size) / ALIGN) * ALIGN;
    }
  }
  return undefined;
}

/** A word of U-Boot's shell: between apostrophes, where it drops a backslash that is not doubled. */
function quoted(text: string): string {
  if (/^[\w,./@:=+-]+$/.test(text)) return text;
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "'\\''")}'`;
}

/** A property's name; # would begin a comment. */
const nameWord = (name: string): string => name.replace(/^#/, '\\#');

const PRINTABLE = /^[\x20-\x7e]*$/;

function stringsOf(value: Uint8Array): string[] | undefined {
  if (value.length === 0 || value[value.length - 1] !== 0) return undefined;
  const strings = Buffer.from(value.subarray(0, -1)).toString('latin1').split('\0');
  const plain = strings.every((text) => text !== '' && PRINTABLE.test(text) && !/^[<[]/.test(text));
  return plain ? strings : undefined;
}

/** A property's value as words of `fdt set`. */
function valueWords(value: Uint8Array): string {
  if (value.length === 0) return '';
  const strings = stringsOf(value);
  if (strings !== undefined) return ` ${strings.map(quoted).join(' ')}`;
  if (value.length % 4 !== 0) {
    return ` [${Array.from(value, (byte) => byte.toString(16).padStart(2, '0')).join(' ')}]`;
  }
  const view = new DataView(value.buffer, value.byteOffset, value.byteLength);
  const cells = Array.from({ length: value.length / 4 }, (_, i) => hex(view.getUint32(4 * i)));
  return ` <${cells.join(' ')}>`;
}

/** The commands that make a node and all below it. */
function nodeLines(node: DtNode, parent: string): string[] {
  const path = `${parent === '/' ? '' : parent}/${node.name}`;
  return [
    `fdt mknode ${parent} ${node.name}`,
    ...node.properties.map(({ name, value }) => `fdt set ${path} ${nameWord(name)}${valueWords(value)}`),
    ...node.children.flatMap((child) => nodeLines(child, path)),
  ];
}

/** The tree without what the script adds: the children of /chosen and its properties. */
export function hostTree(tree: DeviceTree): DeviceTree {
  const host = tree.clone();
  const chosen = host.root.children.find(({ name }) => name === 'chosen');
  if (chosen !== undefined) host.root.removeChild(chosen);
  return host;
}

/**
 * A boot script of U-Boot for a board: it loads Xen, the host's tree without `/chosen`, and all modules, adds `/chosen`
 * with the domains to the tree, and starts Xen.
 *
 * @returns the script, or why there is none
 */
export function exportUBoot(
  { tree, loads }: ExchangedBoard,
  plan: BootPlan,
  options: UBootOptions,
): { script: string } | { problem: string } {
  const modules = [...plan.dom0.modules, ...plan.domains.flatMap((domain) => Object.values(domain.modules))];
  const statics = plan.domains.flatMap(({ staticMem }) => staticMem);
  const images = modules.map(({ address, size }) => ({ start: address, size }));
  const taken = [...plan.host.reserved, ...(plan.host.staticHeap ?? []), ...statics, ...images];
  const xen = freeRange(plan, taken, XEN_BYTES);
  const dtb = xen && freeRange(plan, [...taken, xen], TREE_BYTES + writeFdt(tree).length);
  if (xen === undefined || dtb === undefined) return { problem: 'there is no host memory left for Xen and the tree' };
  const chosen = tree.root.children.find(({ name }) => name === 'chosen')!;
  const extra = Math.ceil((writeFdt(tree).length * 2) / 4096) * 4096;
  const named = new Map(loads.map(({ address, file }) => [address, file]));
  const files = new Map(modules.map(({ address, kind }) => [address, named.get(address) ?? `${kind}-${hex(address)}`]));
  const lines = [
    '# Boots domUs under Xen dom0less. mkimage -A arm64 -T script -d THIS boot.scr',
    `${options.load} ${hex(xen.start)} ${quoted(options.xen)}`,
    `${options.load} ${hex(dtb.start)} ${quoted(options.dtb)}`,
    ...[...files].map(([address, file]) => `${options.load} ${hex(address)} ${quoted(file)}`),
    `fdt addr ${hex(dtb.start)}`,
    `fdt resize ${hex(extra)}`,
    ...nodeLines(chosen, '/'),
    `booti ${hex(xen.start)} - ${hex(dtb.start)}`,
  ];
  return { script: `${lines.join('\n')}\n` };
}
