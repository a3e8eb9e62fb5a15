import { FdtError, type FdtErrorCode } from './errors.ts';
import {
  alignUp,
  FDT_BEGIN_NODE,
  FDT_END,
  FDT_END_NODE,
  FDT_MAGIC,
  FDT_NOP,
  FDT_PROP,
  LAST_VERSION,
  latin1,
  MAX_DEPTH,
  MAX_NAME_LENGTH,
  RESERVE_ENTRY_SIZE,
} from './format.ts';
import type { FdtLayout, FdtResidue } from './layout.ts';
import { attachChild, attachProperty, DtNode } from './node.ts';
import { DeviceTree, type Reservation } from './tree.ts';
import { FDT_VERSIONS, type FdtForm, formOf } from './version.ts';

interface Header {
  readonly headerSize: number;
  readonly totalSize: number;
  readonly offStruct: number;
  readonly offStrings: number;
  readonly offMemRsvmap: number;
  readonly version: number;
  readonly lastCompVersion: number;
  readonly bootCpuidPhys: number;
  readonly sizeStrings: number;
  readonly sizeStruct: number | undefined;
  readonly form: FdtForm;
}

/**
 * Reads a flattened device tree of version 16 or 17 (Devicetree Specification, chapter 5), of any later version that
 * says it is compatible with them, and of the versions 1 to 3 that came before. Bytes after the blob's `totalsize` are ignored; the tree keeps no reference to `dtb`.
 *
 * Offsets, sizes and tags are not trusted: whatever the bytes are, the result is a tree or an {@link FdtError} with the
 * byte offset of the fault, in time and memory linear in the blob's size. Stricter than libfdt in this: properties
 * come before subnodes, names are neither empty nor longer than 1023 bytes, nodes nest at most 64 deep.
 */
export function parseFdt(dtb: Uint8Array): DeviceTree {
  const header = readHeader(dtb);
  const blob = dtb.subarray(0, header.totalSize);
  const residue = new ResidueCollector(blob);
  const { reservations, end: rsvmapEnd } = readReservations(blob, header);
  const structure = new StructureReader(blob, header, residue);
  const root = structure.read();
  const tree = new DeviceTree(root);
  tree.reservations = reservations;
  tree.bootCpuidPhys = header.bootCpuidPhys;
  const blocks = [
    { start: 0, end: header.headerSize },
    { start: header.offMemRsvmap, end: rsvmapEnd },
    { start: header.offStruct, end: structure.end },
    { start: header.offStrings, end: header.offStrings + header.sizeStrings },
  ].sort((a, b) => a.start - b.start || a.end - b.end);
  let covered = 0;
  let overlap = false;
  for (const { start, end } of blocks) {
    overlap ||= start < covered;
    residue.keep(covered, start);
    covered = Math.max(covered, end);
  }
  residue.keep(covered, blob.length);
  // Overlapping blocks can be read, but not be written again once something changes; old versions are written anew.
  if (!overlap && header.form.version >= 16)
    tree.layout = layoutOf(blob, header, reservations.length, structure, residue.pieces);
  return tree;
}

function layoutOf(
  blob: Uint8Array,
  header: Header,
  reservationCount: number,
  structure: StructureReader,
  residue: FdtResidue[],
): FdtLayout {
  return {
    version: header.version,
    lastCompVersion: header.lastCompVersion,
    totalSize: header.totalSize,
    offMemRsvmap: header.offMemRsvmap,
    offStruct: header.offStruct,
    offStrings: header.offStrings,
    headerStructSize: header.sizeStruct,
    structSize: structure.end - header.offStruct,
    reservationCount,
    strings: blob.slice(header.offStrings, header.offStrings + header.sizeStrings),
    nameOffsets: Uint32Array.from(structure.nameOffsets),
    nops: structure.nops,
    residue,
  };
}

function fail(code: FdtErrorCode, message: string, offset: number): never {
  throw new FdtError(code, message, { offset });
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function readHeader(dtb: Uint8Array): Header {
  if (dtb.length < 4) fail('FDT_ERR_TRUNCATED', `the blob has only ${dtb.length} bytes, not even a magic number`, 0);
  const view = viewOf(dtb);
  const magic = view.getUint32(0);
  if (magic !== FDT_MAGIC) fail('FDT_ERR_BADMAGIC', `the magic number is 0x${magic.toString(16)}, not 0xd00dfeed`, 0);
  if (dtb.length < formOf(1).headerSize) {
    fail('FDT_ERR_TRUNCATED', `the blob has ${dtb.length} bytes, less than its header`, dtb.length);
  }
  const version = view.getUint32(20);
  const lastCompVersion = view.getUint32(24);
  const known = FDT_VERSIONS.find((one) => one === Math.min(version, LAST_VERSION));
  if (known === undefined || lastCompVersion > LAST_VERSION || lastCompVersion > version) {
    const range = `${version}, compatible back to ${lastCompVersion}`;
    fail('FDT_ERR_BADVERSION', `the blob's version is ${range}; 1, 2, 3, 16 and 17 can be read`, 20);
  }
  const form = formOf(known);
  const { headerSize } = form;
  if (dtb.length < headerSize) {
    fail('FDT_ERR_TRUNCATED', `the blob has ${dtb.length} bytes, less than its header`, dtb.length);
  }
  const totalSize = view.getUint32(4);
  if (totalSize > dtb.length || totalSize < headerSize) {
    fail('FDT_ERR_TRUNCATED', `totalsize says ${totalSize} bytes, and ${dtb.length} are there`, 4);
  }
  const header: Header = {
    headerSize,
    totalSize,
    offStruct: view.getUint32(8),
    offStrings: view.getUint32(12),
    offMemRsvmap: view.getUint32(16),
    version,
    lastCompVersion,
    bootCpuidPhys: form.bootCpu ? view.getUint32(28) : 0,
    sizeStrings: form.stringsSize ? view.getUint32(32) : Math.max(totalSize - view.getUint32(12), 0),
    sizeStruct: form.structSize ? view.getUint32(36) : undefined,
    form,
  };
  checkBlock('structure block', header, header.offStruct, header.sizeStruct ?? 0, 4, 8);
  checkBlock('strings block', header, header.offStrings, header.sizeStrings, 1, 12);
  checkBlock('memory reservation block', header, header.offMemRsvmap, RESERVE_ENTRY_SIZE, 8, 16);
  return header;
}

function checkBlock(what: string, header: Header, start: number, size: number, align: number, field: number): void {
  if (start < header.headerSize || start > header.totalSize) {
    fail('FDT_ERR_BADOFFSET', `the ${what} is said to begin at 0x${start.toString(16)}, outside of the blob`, field);
  }
  if (start + size > header.totalSize) {
    fail('FDT_ERR_TRUNCATED', `the ${what} (0x${start.toString(16)}, ${size} bytes) ends beyond totalsize`, field);
  }
  if (start % align !== 0) {
    fail('FDT_ERR_ALIGNMENT', `the ${what} begins at 0x${start.toString(16)}, not a multiple of ${align}`, field);
  }
}

function readReservations(blob: Uint8Array, header: Header): { reservations: Reservation[]; end: number } {
  const view = viewOf(blob);
  const reservations: Reservation[] = [];
  for (let at = header.offMemRsvmap; ; at += RESERVE_ENTRY_SIZE) {
    if (at + RESERVE_ENTRY_SIZE > blob.length) {
      fail('FDT_ERR_TRUNCATED', 'the memory reservation block has no terminating entry', at);
    }
    const address = view.getBigUint64(at);
    const size = view.getBigUint64(at + 8);
    if (address === 0n && size === 0n) return { reservations, end: at + RESERVE_ENTRY_SIZE };
    reservations.push({ address, size });
  }
}

/** Remembers stretches of meaningless bytes which are not all zero. */
class ResidueCollector {
  readonly pieces: FdtResidue[] = [];
  readonly #blob: Uint8Array;

  constructor(blob: Uint8Array) {
    this.#blob = blob;
  }

  keep(start: number, end: number): void {
    for (let at = start; at < end; at++) {
      if (this.#blob[at] !== 0) {
        this.pieces.push({ offset: at, bytes: this.#blob.slice(at, end) });
        return;
      }
    }
  }
}

/** Walks the structure block once, without recursion. */
class StructureReader {
  readonly nameOffsets: number[] = [];
  readonly nops = new Map<number, number>();
  readonly #blob: Uint8Array;
  readonly #view: DataView;
  readonly #header: Header;
  readonly #residue: ResidueCollector;
  readonly #limit: number;
  readonly #names = new Map<number, string>();
  #at: number;
  #tagIndex = 0;

  constructor(blob: Uint8Array, header: Header, residue: ResidueCollector) {
    this.#blob = blob;
    this.#view = viewOf(blob);
    this.#header = header;
    this.#residue = residue;
    this.#at = header.offStruct;
    this.#limit = header.sizeStruct === undefined ? blob.length : header.offStruct + header.sizeStruct;
  }

  /** Offset just behind FDT_END, once the block was read. */
  get end(): number {
    return this.#at;
  }

  read(): DtNode {
    let tagAt = this.#nextTag();
    if (this.#tag(tagAt) !== FDT_BEGIN_NODE) this.#unexpected(tagAt, 'the structure block begins');
    const root = this.#beginNode(undefined, tagAt);
    let node: DtNode | undefined = root;
    let depth = 0;
    while (node !== undefined) {
      tagAt = this.#nextTag();
      const tag = this.#tag(tagAt);
      if (tag === FDT_PROP) {
        this.#property(node, tagAt);
      } else if (tag === FDT_BEGIN_NODE) {
        if (++depth > MAX_DEPTH) fail('FDT_ERR_BADSTRUCTURE', `nodes are nested deeper than ${MAX_DEPTH}`, tagAt);
        node = this.#beginNode(node, tagAt);
      } else if (tag === FDT_END_NODE) {
        depth--;
        node = node.parent;
      } else {
        this.#unexpected(tagAt, `node ${node.path} goes on`);
      }
    }
    tagAt = this.#nextTag();
    if (this.#tag(tagAt) !== FDT_END) this.#unexpected(tagAt, 'the root node has ended and the block goes on');
    return root;
  }

  #tag(at: number): number {
    return this.#view.getUint32(at);
  }

  #unexpected(at: number, where: string): never {
    fail('FDT_ERR_BADSTRUCTURE', `${where} with unexpected tag 0x${this.#tag(at).toString(16)}`, at);
  }

  /** Steps over NOPs and one tag, and returns that tag's offset. */
  #nextTag(): number {
    let nops = 0;
    for (;;) {
      const at = this.#at;
      if (at + 4 > this.#limit) fail('FDT_ERR_TRUNCATED', 'the structure block ends without FDT_END', at);
      this.#at += 4;
      if (this.#tag(at) !== FDT_NOP) {
        if (nops > 0) this.nops.set(this.#tagIndex, nops);
        this.#tagIndex++;
        return at;
      }
      nops++;
    }
  }

  #beginNode(parent: DtNode | undefined, tagAt: number): DtNode {
    const nameAt = this.#at;
    const end = this.#blob.subarray(0, this.#limit).indexOf(0, nameAt);
    if (end < 0) fail('FDT_ERR_TRUNCATED', 'a node name is not NUL-terminated', nameAt);
    const start = this.#header.form.fullPaths ? this.#behindParent(parent, nameAt, end) : nameAt;
    if (end - start > MAX_NAME_LENGTH) {
      fail('FDT_ERR_BADSTRUCTURE', `a node name has ${end - start} bytes; at most ${MAX_NAME_LENGTH} are read`, start);
    }
    const name = latin1(this.#blob.subarray(start, end));
    if (parent === undefined ? name !== '' : name === '' || name.includes('/')) {
      fail(
        'FDT_ERR_BADSTRUCTURE',
        `${JSON.stringify(name)} cannot be the name of ${parent ? 'a' : 'the root'} node`,
        tagAt,
      );
    }
    this.#skipTo(end + 1);
    const node = new DtNode(name);
    if (parent !== undefined) attachChild(parent, node);
    return node;
  }

  /** Where a node's own name begins in its path, before version 16. */
  #behindParent(parent: DtNode | undefined, start: number, end: number): number {
    const above = parent === undefined ? '/' : parent.path === '/' ? '/' : `${parent.path}/`;
    const found = latin1(this.#blob.subarray(start, Math.min(end, start + above.length)));
    if (found === above) return start + above.length;
    return fail('FDT_ERR_BADSTRUCTURE', `a node's path does not begin with its parent's, ${above}`, start);
  }

  #property(node: DtNode, tagAt: number): void {
    if (node.children.length > 0) {
      fail('FDT_ERR_BADSTRUCTURE', `node ${node.path} has a property behind a subnode`, tagAt);
    }
    if (this.#at + 8 > this.#limit) fail('FDT_ERR_TRUNCATED', 'the structure block ends inside of a property', tagAt);
    const length = this.#view.getUint32(this.#at);
    const nameOffset = this.#view.getUint32(this.#at + 4);
    const unaligned = this.#at + 8;
    const { form, offStruct } = this.#header;
    const aligned = form.alignValues && length >= 8 ? offStruct + alignUp(unaligned - offStruct, 8) : unaligned;
    this.#skipTo(aligned);
    const start = this.#at;
    if (start + length > this.#limit) {
      fail('FDT_ERR_TRUNCATED', `a property of ${node.path} is said to have ${length} bytes, beyond the block`, tagAt);
    }
    const name = this.#propertyName(nameOffset, tagAt);
    this.nameOffsets.push(nameOffset);
    attachProperty(node, { name, value: this.#blob.slice(start, start + length) });
    this.#skipTo(start + length);
  }

  /** Steps over padding up to the next tag. */
  #skipTo(end: number): void {
    this.#at = Math.min(alignUp(end, 4), this.#limit);
    this.#residue.keep(end, this.#at);
  }

  #propertyName(offset: number, tagAt: number): string {
    const known = this.#names.get(offset);
    if (known !== undefined) return known;
    const { offStrings, sizeStrings } = this.#header;
    if (offset >= sizeStrings) {
      fail('FDT_ERR_BADOFFSET', `a property's name is at ${offset} of a strings block of ${sizeStrings} bytes`, tagAt);
    }
    const start = offStrings + offset;
    const window = this.#blob.subarray(start, Math.min(offStrings + sizeStrings, start + MAX_NAME_LENGTH + 1));
    const length = window.indexOf(0);
    if (length < 0)
      fail('FDT_ERR_TRUNCATED', `the property name at ${offset} of the strings block does not end`, tagAt);
    if (length === 0)
      fail('FDT_ERR_BADSTRUCTURE', `the property name at ${offset} of the strings block is empty`, tagAt);
    const name = latin1(window.subarray(0, length));
    this.#names.set(offset, name);
    return name;
  }
}
