import { FdtError } from './errors.ts';
import { latin1 } from './format.ts';
import type { DtNode, DtProperty } from './node.ts';
import { sortTree } from './sort.ts';
import type { DeviceTree } from './tree.ts';

/** Bytes that stand in strings, and how they are escaped there. */
const ESCAPES: ReadonlyMap<number, string> = new Map([
  [7, '\\a'],
  [8, '\\b'],
  [9, '\\t'],
  [10, '\\n'],
  [11, '\\v'],
  [12, '\\f'],
  [13, '\\r'],
  [0x22, '\\"'],
  [0x5c, '\\\\'],
]);
const NODE_NAME = /^[a-zA-Z0-9,._+-]+(?:@[a-zA-Z0-9,._+-]*)?$/;
const PROPERTY_NAME = /^[a-zA-Z0-9,._+*#?-]+$/;

export interface DtsPrintOptions {
  /** Reservations by address, properties and nodes by name (dtc's -s). */
  readonly sort?: boolean | undefined;
  /** Puts the labels that `/__symbols__` knows before their nodes; `/__symbols__` is printed all the same. */
  readonly labels?: boolean | undefined;
}

const LABEL = /^[a-zA-Z_][a-zA-Z0-9_]*$/;

/** Labels by the path of their node. */
type Labels = ReadonlyMap<string, readonly string[]>;

/**
 * Prints a tree as source, in dtc's form; values that read as strings are printed as strings, else as cells, else as
 * bytes. The text compiles to the same blob, except that a `name` property which repeats the node's name is lost, and
 * that the boot CPU is guessed anew: source has no word for it.
 *
 * Throws FDT_ERR_BADVALUE when a node's or property's name cannot be written in source.
 */
export function printDts(tree: DeviceTree, options: DtsPrintOptions = {}): string {
  const { root, reservations } = options.sort === true ? sortTree(tree) : tree;
  const lines = ['/dts-v1/;', ''];
  for (const { address, size } of reservations) {
    lines.push(`/memreserve/\t${hex(address, 16)} ${hex(size, 16)};`);
  }
  const labels = options.labels === true ? labelsOf(root) : new Map<string, string[]>();
  printNode(root, '', '', labels, lines);
  return `${lines.join('\n')}\n`;
}

function labelsOf(root: DtNode): Labels {
  const labels = new Map<string, string[]>();
  for (const { name, value } of root.children.find((child) => child.name === '__symbols__')?.properties ?? []) {
    const path = latin1(value).replace(/\0$/, '');
    if (LABEL.test(name)) labels.set(path, [...(labels.get(path) ?? []), name]);
  }
  return labels;
}

function printNode(node: DtNode, path: string, indent: string, labels: Labels, lines: string[]): void {
  const isRoot = path === '';
  if (!isRoot && !NODE_NAME.test(node.name)) refuseName(node, undefined);
  const prefix = isRoot ? '' : (labels.get(path) ?? []).map((label) => `${label}: `).join('');
  lines.push(`${indent}${prefix}${isRoot ? '/' : node.name} {`);
  for (const property of node.properties) {
    if (!PROPERTY_NAME.test(property.name)) refuseName(node, property);
    lines.push(`${indent}\t${property.name}${printValue(property.value)};`);
  }
  for (const child of node.children) {
    lines.push('');
    printNode(child, `${path}/${child.name}`, `${indent}\t`, labels, lines);
  }
  lines.push(`${indent}};`);
}

function refuseName(node: DtNode, property: DtProperty | undefined): never {
  const { path } = node;
  const name = JSON.stringify(property?.name ?? node.name);
  const what = property === undefined ? 'node' : 'property';
  const place = property === undefined ? { path } : { path, property: property.name };
  throw new FdtError('FDT_ERR_BADVALUE', `${path}: ${what} name ${name} cannot be written in source`, place);
}

function printValue(value: Uint8Array): string {
  if (value.length === 0) return '';
  if (looksLikeStrings(value)) return ` = ${printStrings(value)}`;
  if (value.length % 4 !== 0) {
    return ` = [${Array.from(value, (byte) => byte.toString(16).padStart(2, '0')).join(' ')}]`;
  }
  const view = new DataView(value.buffer, value.byteOffset, value.byteLength);
  const cells = Array.from({ length: value.length / 4 }, (_, i) => hex(view.getUint32(i * 4), 2));
  return ` = <${cells.join(' ')}>`;
}

/** dtc's guess: it ends with a NUL, all else is text, and at most half of it are NULs. */
function looksLikeStrings(value: Uint8Array): boolean {
  let nuls = 0;
  for (const byte of value) {
    if (byte === 0) nuls++;
    else if ((byte < 0x20 || byte > 0x7e) && !ESCAPES.has(byte)) return false;
  }
  return value[value.length - 1] === 0 && nuls <= value.length - nuls;
}

function printStrings(value: Uint8Array): string {
  let text = '"';
  for (let i = 0; i < value.length - 1; i++) {
    const byte = value[i]!;
    text += byte === 0 ? '", "' : (ESCAPES.get(byte) ?? String.fromCharCode(byte));
  }
  return `${text}"`;
}

function hex(number: number | bigint, digits: number): string {
  return `0x${number.toString(16).padStart(digits, '0')}`;
}
