import { FdtError } from './errors.ts';
import {
  alignUp,
  FDT_BEGIN_NODE,
  FDT_END,
  FDT_END_NODE,
  FDT_MAGIC,
  FDT_NOP,
  FDT_PROP,
  MAX_DEPTH,
  putLatin1,
  RESERVE_ENTRY_SIZE,
} from './format.ts';
import type { FdtLayout } from './layout.ts';
import type { DtNode } from './node.ts';
import { StringsBlock } from './strings-block.ts';
import type { DeviceTree } from './tree.ts';
import { type FdtForm, type FdtVersion, formOf } from './version.ts';

/** How {@link writeFdt} lays out a blob. */
export interface FdtWriteOptions {
  /**
   * - `dtc`: as the device tree compiler: reservations at 0x28, strings in order of first use.
   * - `libfdt-sw`: as libfdt's sequential writer (`fdt_create` … `fdt_finish`), with which Xen makes guests' trees:
   *   reservations at 0x30, newest string first.
   *
   * Without it: as the blob that the tree was read from, while its {@link FdtLayout} describes the tree; else `dtc`.
   */
  readonly layout?: 'dtc' | 'libfdt-sw';
  /**
   * 17 unless told; all others need the layout `dtc`. 16 leaves size_dt_struct out of the header; 1 to 3, which only dtc
   * still reads, name nodes by their paths.
   */
  readonly version?: FdtVersion;
  /** Zero bytes to add at the end, as room to grow; counted in totalsize (dtc's -p). */
  readonly padding?: number;
  /** Pads with zero bytes up to this totalsize (dtc's -S). */
  readonly minSize?: number;
  /** Pads with zero bytes to a multiple of this, a power of two (dtc's -a). */
  readonly align?: number;
  /** Empty entries to add to the memory reservations, as room to grow (dtc's -R). */
  readonly reserveEntries?: number;
}

/** The names of all properties in document order, and the size of the structure block without NOPs. */
interface Plan {
  readonly form: FdtForm;
  readonly names: readonly string[];
  readonly structSize: number;
}

/** Where things go in the blob to be written. */
interface Arrangement {
  readonly form: FdtForm;
  readonly version: number;
  readonly lastCompVersion: number;
  readonly totalSize: number;
  readonly offMemRsvmap: number;
  readonly offStruct: number;
  readonly offStrings: number;
  readonly headerStructSize: number | undefined;
  readonly strings: Uint8Array;
  readonly nameOffsets: ArrayLike<number>;
  readonly nops: ReadonlyMap<number, number>;
  readonly residue: FdtLayout['residue'];
}

/**
 * Writes a flattened device tree (Devicetree Specification, chapter 5). A tree that was read and not changed becomes
 * the same bytes again, padding and sharing of strings included.
 *
 * Throws FDT_ERR_BADSTRUCTURE when nodes are nested deeper than 64, and FDT_ERR_BADVALUE for options or numbers that
 * the format cannot hold.
 */
export function writeFdt(tree: DeviceTree, options: FdtWriteOptions = {}): Uint8Array {
  const plan = planOf(tree.root, formOf(options.version ?? 17));
  const asked = Object.values(options).some((value) => value !== undefined);
  if (!asked && tree.layout !== undefined && describes(tree.layout, plan, tree)) {
    return compose(tree, { form: plan.form, ...tree.layout });
  }
  return compose(tree, arrange(tree, plan, options));
}

function planOf(root: DtNode, form: FdtForm): Plan {
  const names: string[] = [];
  let at = 0;
  for (const { node, leaving } of traverse(root)) {
    at += 4;
    if (leaving) continue;
    at += alignUp(nameOf(node, form).length + 1, 4);
    for (const { name, value } of form.propertiesOf(node)) {
      names.push(name);
      at = alignUp(valueStart(at, 0, value, form) + value.length, 4);
    }
  }
  return { form, names, structSize: at + 4 };
}

const nameOf = (node: DtNode, form: FdtForm): string => (form.fullPaths ? node.path : node.name);

/** Where the value of a property begins whose tag is at `at`, in a structure block that begins at `blockStart`. */
function valueStart(at: number, blockStart: number, value: Uint8Array, form: FdtForm): number {
  const start = at + 12;
  return form.alignValues && value.length >= 8 ? blockStart + alignUp(start - blockStart, 8) : start;
}

/** Each node twice: when it is entered and when it is left. */
function* traverse(root: DtNode): Generator<{ node: DtNode; leaving: boolean }, void, undefined> {
  const stack: { node: DtNode; next: number }[] = [{ node: root, next: 0 }];
  yield { node: root, leaving: false };
  for (let top = stack.at(-1); top !== undefined; top = stack.at(-1)) {
    const child = top.node.children[top.next++];
    if (child === undefined) {
      yield { node: top.node, leaving: true };
      stack.pop();
    } else {
      if (stack.length > MAX_DEPTH) {
        const { path } = child;
        throw new FdtError('FDT_ERR_BADSTRUCTURE', `nodes are nested deeper than ${MAX_DEPTH}`, { path });
      }
      yield { node: child, leaving: false };
      stack.push({ node: child, next: 0 });
    }
  }
}

/** True when nothing moved: blocks have their sizes, and each property's name is where the layout says. */
function describes(layout: FdtLayout, plan: Plan, tree: DeviceTree): boolean {
  const nopsSize = [...layout.nops.values()].reduce((sum, count) => sum + count * 4, 0);
  if (layout.structSize !== plan.structSize + nopsSize) return false;
  if (layout.reservationCount !== tree.reservations.length) return false;
  if (layout.nameOffsets.length !== plan.names.length) return false;
  return plan.names.every((name, i) => nameIsAt(layout.strings, layout.nameOffsets[i]!, name));
}

function nameIsAt(strings: Uint8Array, offset: number, name: string): boolean {
  for (let i = 0; i < name.length; i++) if (strings[offset + i] !== name.charCodeAt(i)) return false;
  return strings[offset + name.length] === 0;
}

function arrange(tree: DeviceTree, plan: Plan, options: FdtWriteOptions): Arrangement {
  const { version = 17, padding = 0, minSize = 0, align = 1, reserveEntries = 0 } = options;
  const sequential = options.layout === 'libfdt-sw';
  if (sequential && version !== 17) throw new FdtError('FDT_ERR_BADVALUE', 'layout libfdt-sw has version 17 only');
  for (const [name, value] of Object.entries({ padding, minSize, align, reserveEntries })) {
    if (!Number.isInteger(value) || value < 0 || value > 0x7fffffff) {
      throw new FdtError('FDT_ERR_BADVALUE', `${name} is ${value}; it is a number below 2^31`);
    }
  }
  if ((align & (align - 1)) !== 0 || align === 0) {
    throw new FdtError('FDT_ERR_BADVALUE', `align is ${align}; it is a power of two`);
  }
  const block = new StringsBlock(sequential ? 'prepend' : 'append', plan.names);
  const places = plan.names.map((name) => block.place(name));
  const { form } = plan;
  const offMemRsvmap = alignUp(form.headerSize, sequential ? RESERVE_ENTRY_SIZE : 8);
  const offStruct = offMemRsvmap + (tree.reservations.length + reserveEntries + 1) * RESERVE_ENTRY_SIZE;
  const offStrings = offStruct + plan.structSize;
  const used = offStrings + block.size;
  const totalSize = alignUp(Math.max(used + padding, minSize), align);
  if (totalSize > 0x7fffffff) throw new FdtError('FDT_ERR_BADVALUE', `the blob would have ${totalSize} bytes`);
  return {
    form,
    version,
    lastCompVersion: form.lastCompVersion,
    totalSize,
    offMemRsvmap,
    offStruct,
    offStrings,
    headerStructSize: form.structSize ? plan.structSize : undefined,
    strings: block.bytes(),
    nameOffsets: places.map((place) => block.offsetOf(place)),
    nops: new Map(),
    residue: [],
  };
}

function compose(tree: DeviceTree, to: Arrangement): Uint8Array {
  if (tree.bootCpuidPhys >>> 0 !== tree.bootCpuidPhys) {
    throw new FdtError('FDT_ERR_BADVALUE', `bootCpuidPhys is ${tree.bootCpuidPhys}; it is a 32-bit number`);
  }
  const blob = new Uint8Array(to.totalSize);
  const view = new DataView(blob.buffer);
  for (const { offset, bytes } of to.residue) blob.set(bytes, offset);
  const header = [
    FDT_MAGIC,
    to.totalSize,
    to.offStruct,
    to.offStrings,
    to.offMemRsvmap,
    to.version,
    to.lastCompVersion,
  ];
  if (to.form.bootCpu) header.push(tree.bootCpuidPhys);
  if (to.form.stringsSize) header.push(to.strings.length);
  if (to.headerStructSize !== undefined) header.push(to.headerStructSize);
  header.forEach((field, i) => {
    view.setUint32(i * 4, field);
  });
  writeReservations(view, to.offMemRsvmap, tree);
  blob.set(to.strings, to.offStrings);
  writeStructure(blob, view, tree.root, to);
  return blob;
}

function writeReservations(view: DataView, start: number, tree: DeviceTree): void {
  tree.reservations.forEach(({ address, size }, i) => {
    if (address === 0n && size === 0n) {
      throw new FdtError('FDT_ERR_BADVALUE', `reservation ${i} is 0, 0, which ends the list; remove it`);
    }
    for (const number of [address, size]) {
      if (BigInt.asUintN(64, number) !== number) {
        throw new FdtError('FDT_ERR_BADVALUE', `reservation ${i}: ${number} does not fit in 64 bits`);
      }
    }
    view.setBigUint64(start + i * RESERVE_ENTRY_SIZE, address);
    view.setBigUint64(start + i * RESERVE_ENTRY_SIZE + 8, size);
  });
  view.setBigUint64(start + tree.reservations.length * RESERVE_ENTRY_SIZE, 0n);
  view.setBigUint64(start + tree.reservations.length * RESERVE_ENTRY_SIZE + 8, 0n);
}

function writeStructure(blob: Uint8Array, view: DataView, root: DtNode, to: Arrangement): void {
  let at = to.offStruct;
  let tagIndex = 0;
  let propertyIndex = 0;
  const cell = (value: number): void => {
    view.setUint32(at, value);
    at += 4;
  };
  const tag = (value: number): void => {
    for (let nops = to.nops.get(tagIndex) ?? 0; nops > 0; nops--) cell(FDT_NOP);
    tagIndex++;
    cell(value);
  };
  for (const { node, leaving } of traverse(root)) {
    if (leaving) {
      tag(FDT_END_NODE);
      continue;
    }
    tag(FDT_BEGIN_NODE);
    const name = nameOf(node, to.form);
    putLatin1(blob, at, name);
    blob[at + name.length] = 0;
    at = alignUp(at + name.length + 1, 4);
    for (const { value } of to.form.propertiesOf(node)) {
      const start = valueStart(at, to.offStruct, value, to.form);
      tag(FDT_PROP);
      cell(value.length);
      cell(to.nameOffsets[propertyIndex++]!);
      at = Math.max(at, start);
      blob.set(value, at);
      at = alignUp(at + value.length, 4);
    }
  }
  tag(FDT_END);
}
