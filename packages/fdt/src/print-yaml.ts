import { type DtsMark, type DtsValueType, stretchEnds } from './dts-marks.ts';
import type { DtsSourceMap } from './dts-source-map.ts';
import { FdtError } from './errors.ts';
import type { DtNode, DtProperty } from './node.ts';
import type { DeviceTree } from './tree.ts';
import { YamlEmitter } from './yaml-emitter.ts';

const WIDTHS = { u8: 1, u16: 2, u32: 4, u64: 8 } as const;

/**
 * Prints a compiled tree as YAML, byte by byte as dtc does (-O yaml): values with the types that the source gives them.
 * Memory reservations and the boot CPU are not in it.
 *
 * Throws FDT_ERR_BADVALUE for a string that is not ASCII, or a value that its types do not fit.
 */
export function printYaml(tree: DeviceTree, source: DtsSourceMap): string {
  const out = new YamlEmitter();
  const isEmpty = (node: DtNode): boolean => node.properties.length + node.children.length === 0;
  const print = (node: DtNode, path: string): void => {
    for (const property of node.properties) {
      out.key(property.name, false);
      printValue(out, property, path, source.marks(path, property.name) ?? []);
    }
    for (const child of node.children) {
      out.key(child.name, true);
      const inside = `${path === '/' ? '' : path}/${child.name}`;
      out.mapping(() => print(child, inside), isEmpty(child));
    }
  };
  out.document(() => print(tree.root, '/'), isEmpty(tree.root));
  return out.text;
}

function printValue(out: YamlEmitter, { name, value }: DtProperty, path: string, marks: readonly DtsMark[]): void {
  if (value.length === 0) {
    out.plain('true');
    return;
  }
  const refuse = (why: string): never => {
    throw new FdtError('FDT_ERR_BADVALUE', `${path}: property ${name} ${why}`, { path, property: name });
  };
  const phandles = new Set(marks.filter(({ kind }) => kind === 'phandle').map(({ offset }) => offset));
  const ends = stretchEnds(marks, value.length);
  const items = marks.flatMap((mark, i) => {
    if (mark.kind !== 'type') return [];
    const { type, offset } = mark;
    const bytes = value.subarray(offset, ends[i]);
    if (bytes.length === 0) return [];
    if (type === 'string') {
      if (bytes.at(-1) !== 0 || bytes.some((byte) => byte > 0x7f))
        refuse('has other characters than ASCII in a string');
      return [() => out.quoted(bytes.subarray(0, -1))];
    }
    if (bytes.length % WIDTHS[type] !== 0) refuse(`has ${bytes.length} bytes where numbers of ${WIDTHS[type]} are`);
    return [() => printNumbers(out, bytes, type, (at) => phandles.has(offset + at))];
  });
  out.sequence(items);
}

function printNumbers(
  out: YamlEmitter,
  bytes: Uint8Array,
  type: Exclude<DtsValueType, 'string'>,
  isPhandle: (at: number) => boolean,
): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const width = WIDTHS[type];
  const numberAt = (at: number): number | bigint => {
    if (type === 'u64') return view.getBigUint64(at);
    return type === 'u8' ? view.getUint8(at) : type === 'u16' ? view.getUint16(at) : view.getUint32(at);
  };
  const items = Array.from({ length: bytes.length / width }, (_, i) => () => {
    const tag = type === 'u32' && isPhandle(i * width) ? '!phandle' : undefined;
    out.plain(`0x${numberAt(i * width).toString(16)}`, tag);
  });
  out.sequence(items, type === 'u32' ? undefined : `!${type}`);
}
