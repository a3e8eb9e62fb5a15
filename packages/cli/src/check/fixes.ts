import type { DeviceTree, DtNode, DtsSourceMap, DtsSpan } from '@dom0less/fdt';
import type { BoardDiagnostic, ModuleBytes } from '@dom0less/hypervisor/plan';
import { cellStretches } from './source-cells.ts';

/** One replacement in a source file. */
export interface SourceEdit {
  readonly file: string;
  /** Text of the file that the offsets are of. */
  readonly original: string;
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

/** A sure repair of a source. */
export interface Fix {
  readonly description: string;
  readonly edits: readonly SourceEdit[];
}

/** What repairs are made from. */
export interface FixContext {
  readonly tree: DeviceTree;
  readonly sourceMap: DtsSourceMap;
  /** Host physical address to bytes. */
  readonly modules: ReadonlyMap<number, ModuleBytes>;
}

type Repair = (node: DtNode, diagnostic: BoardDiagnostic, context: FixContext) => Fix | undefined;

const cellOf = (value: Uint8Array, index: number): number =>
  new DataView(value.buffer, value.byteOffset, value.byteLength).getUint32(4 * index);
const hex = (value: number): string => `0x${value.toString(16)}`;

const editOf = (span: DtsSpan, start: number, end: number, text: string): SourceEdit => ({
  file: span.file,
  original: span.text,
  start,
  end,
  text,
});

/** Gives one cell of a property another text; undefined if the source does not show the cells one by one. */
function replaceCell(
  { sourceMap }: FixContext,
  node: DtNode,
  property: string,
  index: number,
  text: (old: string) => string,
): SourceEdit | undefined {
  const span = sourceMap.propertySpan(node.path, property);
  const value = node.prop(property)?.value;
  if (span === undefined || value === undefined) return undefined;
  const statement = span.text.slice(span.start, span.end);
  const cells = cellStretches(statement);
  const cell = cells?.[index];
  if (cell === undefined || cells!.length * 4 !== value.length) return undefined;
  const [start, end] = [span.start + cell.start, span.start + cell.end];
  return editOf(span, start, end, text(statement.slice(cell.start, cell.end)));
}

const fixOf = (description: string, ...edits: (SourceEdit | undefined)[]): Fix | undefined =>
  edits.every((edit) => edit !== undefined) ? { description, edits } : undefined;

const memoryTwoCells: Repair = (node, _diagnostic, context) =>
  fixOf(
    'write two cells',
    replaceCell(context, node, 'memory', 0, (old) => `0 ${old}`),
  );

/** Cells of a property as the tree inherits them: Xen's rule. */
function inheritedCells(node: DtNode, name: string, rootDefault: number): number {
  for (let at: DtNode | undefined = node; at !== undefined; at = at.parent) if (at.has(name)) return at.u32(name)!;
  return rootDefault;
}

const moduleSize: Repair = (node, _diagnostic, context) => {
  const value = node.prop('reg')?.value;
  if (value === undefined || node.parent === undefined) return undefined;
  const address = inheritedCells(node.parent, '#address-cells', 2);
  const size = inheritedCells(node.parent, '#size-cells', 1);
  if (value.length !== 4 * (address + size)) return undefined;
  let start = 0;
  for (let i = 0; i < address; i++) start = start * 2 ** 32 + cellOf(value, i);
  const bytes = context.modules.get(start)?.length;
  if (bytes === undefined || bytes >= 2 ** 32) return undefined;
  const edits = [replaceCell(context, node, 'reg', address + size - 1, () => hex(bytes))];
  if (size === 2 && cellOf(value, address) !== 0) edits.push(replaceCell(context, node, 'reg', address, () => '0'));
  return fixOf(`give the size of the file, ${hex(bytes)}`, ...edits);
};

const renameToReg: Repair = (node, { message }, { sourceMap }) => {
  const address = /reg says ([0-9a-f]+)$/.exec(message)?.[1];
  const span = sourceMap.nameSpan(node.path);
  if (address === undefined || span === undefined) return undefined;
  const name = `${node.baseName}@${address}`;
  if (node.parent?.children.some((one) => one.name === name)) return undefined;
  return fixOf(`rename the node to ${name}`, editOf(span, span.start, span.end, name));
};

/** What is written before a new first item of a node's body. */
function separatorAt({ text, start }: DtsSpan): string {
  const next = /^[ \t]*(?:\/\*[^\n]*?\*\/|\/\/[^\n]*)?[ \t]*\r?\n([ \t]*)/.exec(text.slice(start));
  if (next === null) return ' ';
  const empty = /^[ \t]*\}/.test(text.slice(start + next[0].length - next[1]!.length));
  return `\n${next[1]}${empty ? '\t' : ''}`;
}

const addCells: Repair = (node, _diagnostic, { sourceMap }) => {
  const span = sourceMap.bodySpan(node.path);
  if (span === undefined) return undefined;
  const lines = (
    [
      ['#address-cells', 2],
      ['#size-cells', 1],
    ] as const
  )
    .filter(([name]) => !node.has(name))
    .map(([name, rootDefault]) => `${name} = <${inheritedCells(node, name, rootDefault)}>;`);
  const separator = separatorAt(span);
  const text = lines.map((line) => `${separator}${line}`).join('');
  return fixOf(`add ${lines.join(' ')}`, editOf(span, span.start, span.start, text));
};

/** Changes quoted strings of `compatible`. */
const compatibleStrings =
  (description: string, change: (names: string[]) => string[]): Repair =>
  (node, _diagnostic, { sourceMap }) => {
    const span = sourceMap.propertySpan(node.path, 'compatible');
    const names = node.strings('compatible');
    const statement = span?.text.slice(span.start, span.end);
    const match =
      statement === undefined ? null : /^(compatible\s*=\s*)("[^"\\]*"(?:\s*,\s*"[^"\\]*")*)\s*;$/.exec(statement);
    if (span === undefined || names === undefined || match === null) return undefined;
    const start = span.start + match[1]!.length;
    const text = change([...names])
      .map((name) => JSON.stringify(name))
      .join(', ');
    return fixOf(description, editOf(span, start, start + match[2]!.length, text));
  };

const LEGACY: Readonly<Record<string, string>> = {
  'xen,linux-zimage': 'multiboot,kernel',
  'xen,linux-initrd': 'multiboot,ramdisk',
  'xen,multiboot-module': 'multiboot,module',
};

/** The repairs that are sure, by the code of what they repair. */
const REPAIRS: Readonly<Record<string, Repair>> = {
  'domain-memory-one-cell': memoryTwoCells,
  'module-truncated': moduleSize,
  'module-cut': moduleSize,
  'unit-address-mismatch': renameToReg,
  'cells-inherited': addCells,
  'module-legacy': compatibleStrings('write the names of the present binding', (names) =>
    names.map((name) => LEGACY[name.toLowerCase()] ?? name),
  ),
  'module-generic-missing': compatibleStrings('add "multiboot,module"', (names) => [...names, 'multiboot,module']),
  'compatible-case': compatibleStrings('write the names in lower case', (names) =>
    names.map((name) => name.toLowerCase()),
  ),
};

/** The sure repair of a diagnostic's cause, if there is one and the source shows where. */
export function fixFor(diagnostic: BoardDiagnostic, context: FixContext): Fix | undefined {
  const repair = Object.hasOwn(REPAIRS, diagnostic.code) ? REPAIRS[diagnostic.code] : undefined;
  const node = repair && context.tree.node(diagnostic.path);
  return node?.path === diagnostic.path ? repair!(node, diagnostic, context) : undefined;
}

/** Texts of the files with as many fixes as don't touch each other; the rest waits for another round. */
export function applyFixes(fixes: readonly Fix[]): { texts: Map<string, string>; applied: Fix[] } {
  const taken = new Map<string, SourceEdit[]>();
  const applied: Fix[] = [];
  const collides = (edit: SourceEdit): boolean =>
    (taken.get(edit.file) ?? []).some((other) => edit.start <= other.end && other.start <= edit.end);
  for (const fix of fixes) {
    if (fix.edits.some(collides)) continue;
    applied.push(fix);
    for (const edit of fix.edits) taken.set(edit.file, [...(taken.get(edit.file) ?? []), edit]);
  }
  const texts = new Map<string, string>();
  for (const [file, edits] of taken) {
    let text = edits[0]!.original;
    for (const { start, end, text: inserted } of edits.sort((a, b) => b.start - a.start)) {
      text = text.slice(0, start) + inserted + text.slice(end);
    }
    texts.set(file, text);
  }
  return { texts, applied };
}
