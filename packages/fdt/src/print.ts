import type { DtsRange, DtsSourceMap } from './dts-source-map.ts';
import { FdtError } from './errors.ts';
import { latin1 } from './format.ts';
import type { DtNode, DtProperty } from './node.ts';
import { printValue } from './print-value.ts';
import { sortTree } from './sort.ts';
import type { DeviceTree } from './tree.ts';

const NODE_NAME = /^[a-zA-Z0-9,._+-]+(?:@[a-zA-Z0-9,._+-]*)?$/;
const PROPERTY_NAME = /^[a-zA-Z0-9,._+*#?-]+$/;

export interface DtsPrintOptions {
  /** Reservations by address, properties and nodes by name (dtc's -s). */
  readonly sort?: boolean | undefined;
  /** Puts the labels that `/__symbols__` knows before their nodes; `/__symbols__` is printed all the same. */
  readonly labels?: boolean | undefined;
  /** The source that the tree was compiled from: its labels and its forms of values are kept, as dtc does. */
  readonly source?: DtsSourceMap | undefined;
  /**
   * Says in comments where definitions stand in `source` (dtc's -T): `lines`, file and line, with the path of the file
   * as seen from the folder of `main`; `ranges`, file, lines and columns (-T -T).
   */
  readonly annotate?: { readonly style: 'lines' | 'ranges'; readonly main: string } | undefined;
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
  const { source, annotate } = options;
  const lines = ['/dts-v1/;', ''];
  for (const reservation of reservations) {
    const own = prefixOf(source?.reservationLabels(reservation) ?? []);
    lines.push(`${own}/memreserve/\t${hex(reservation.address)} ${hex(reservation.size)};`);
  }
  const labels = options.labels === true ? labelsOf(root) : new Map<string, string[]>();
  printNode(root, '', '', { labels, source, comment: source && annotate && commenter(annotate) }, lines);
  return `${lines.join('\n')}\n`;
}

/** What is printed beside the tree. */
interface Additions {
  readonly labels: Labels;
  readonly source: DtsSourceMap | undefined;
  readonly comment: ((ranges: readonly DtsRange[], where: 'first' | 'last') => string) | undefined;
}

const prefixOf = (labels: readonly string[]): string => labels.map((label) => `${label}: `).join('');

function commenter({ style, main }: NonNullable<DtsPrintOptions['annotate']>): Additions['comment'] {
  return (ranges, where) => {
    if (ranges.length === 0) return style === 'lines' ? '' : ' /* <no-file>:<no-line> */';
    const places = ranges.map(({ file, firstLine, firstColumn, lastLine, lastColumn }) =>
      style === 'ranges'
        ? `${file}:${firstLine}:${firstColumn}-${lastLine}:${lastColumn}`
        : `${relativeTo(main, file)}:${where === 'first' ? firstLine : lastLine}`,
    );
    return ` /* ${places.join(', ')} */`;
  };
}

/** A file's path as seen from the folder of `main`, if they have any folder in common. */
function relativeTo(main: string, file: string): string {
  let common = 0;
  for (let at = 0; at < Math.min(main.length, file.length) && main[at] === file[at]; at++) {
    if (main[at] === '/') common = at + 1;
  }
  if (common === 0) return file;
  return `${'../'.repeat(main.slice(common).split('/').length - 1)}${file.slice(common)}`;
}

function labelsOf(root: DtNode): Labels {
  const labels = new Map<string, string[]>();
  for (const { name, value } of root.children.find((child) => child.name === '__symbols__')?.properties ?? []) {
    const path = latin1(value).replace(/\0$/, '');
    if (LABEL.test(name)) labels.set(path, [...(labels.get(path) ?? []), name]);
  }
  return labels;
}

function printNode(node: DtNode, path: string, indent: string, additions: Additions, lines: string[]): void {
  const isRoot = path === '';
  const fullPath = path || '/';
  if (!isRoot && !NODE_NAME.test(node.name)) refuseName(node, undefined);
  const { labels, source, comment } = additions;
  const own = source?.labels(fullPath) ?? (isRoot ? [] : (labels.get(path) ?? []));
  const ranges = comment && source!.definitions(fullPath);
  lines.push(`${indent}${prefixOf(own)}${isRoot ? '/' : node.name} {${ranges ? comment(ranges, 'first') : ''}`);
  for (const property of node.properties) {
    const { name, value } = property;
    if (!PROPERTY_NAME.test(name)) refuseName(node, property);
    const range = source?.propertyDefinition(fullPath, name);
    const said = comment?.(range === undefined ? [] : [range], 'first') ?? '';
    const prefix = prefixOf(source?.propertyLabels(fullPath, name) ?? []);
    lines.push(`${indent}\t${prefix}${name}${printValue(value, source?.marks(fullPath, name))};${said}`);
  }
  for (const child of node.children) {
    lines.push('');
    printNode(child, `${path}/${child.name}`, `${indent}\t`, additions, lines);
  }
  lines.push(`${indent}};${ranges ? comment!(ranges, 'last') : ''}`);
}

function refuseName(node: DtNode, property: DtProperty | undefined): never {
  const { path } = node;
  const name = JSON.stringify(property?.name ?? node.name);
  const what = property === undefined ? 'node' : 'property';
  const place = property === undefined ? { path } : { path, property: property.name };
  throw new FdtError('FDT_ERR_BADVALUE', `${path}: ${what} name ${name} cannot be written in source`, place);
}

const hex = (number: bigint): string => `0x${number.toString(16).padStart(16, '0')}`;
