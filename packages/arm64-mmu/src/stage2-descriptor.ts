/* Stage 2 descriptors as the p2m writes and reads them, 4 KiB granule. DDI 0487 D8.3. */

import type { Permissions } from './access.ts';
import { DESCRIPTOR_TYPE, descriptorAddress, S2AP_READ, S2AP_WRITE, SH, STAGE2_LEAF } from './descriptor.ts';
import { hex, MmuError } from './error.ts';
import { encodeFields, getField, hasField } from './fields.ts';
import { GRANULES, type Level, levelSize } from './granule.ts';

/** Memory types that stage 2 can give; the weaker of this and stage 1's is what a guest gets. */
export type Stage2MemoryType =
  | 'normal'
  | 'normal-non-cacheable'
  | 'device-nGnRnE'
  | 'device-nGnRE'
  | 'device-nGRE'
  | 'device-GRE';

/** MemAttr and SH by memory type. `normal` is Write-Back and Inner Shareable at both levels of cache. */
const MEMORY_TYPES: Readonly<Record<Stage2MemoryType, { memAttr: number; sh: number }>> = {
  normal: { memAttr: 0b1111, sh: SH.INNER_SHAREABLE },
  'normal-non-cacheable': { memAttr: 0b0101, sh: SH.OUTER_SHAREABLE },
  'device-nGnRnE': { memAttr: 0b0000, sh: SH.OUTER_SHAREABLE },
  'device-nGnRE': { memAttr: 0b0001, sh: SH.OUTER_SHAREABLE },
  'device-nGRE': { memAttr: 0b0010, sh: SH.OUTER_SHAREABLE },
  'device-GRE': { memAttr: 0b0011, sh: SH.OUTER_SHAREABLE },
};

/** Rights and memory type of a mapping. */
export interface Stage2Attributes extends Permissions {
  readonly memoryType: Stage2MemoryType;
}

const GRANULE = GRANULES['4K'];

/** Bytes that one stage 2 descriptor of `level` maps: 512 GiB, 1 GiB, 2 MiB, 4 KiB. */
export const STAGE2_LEVEL_SIZE: readonly [number, number, number, number] = [
  levelSize(GRANULE, 0),
  levelSize(GRANULE, 1),
  levelSize(GRANULE, 2),
  levelSize(GRANULE, 3),
];

/** Descriptors in a full table. */
export const TABLE_ENTRIES = 2 ** GRANULE.indexBits;

/** Bytes of a full table. */
export const TABLE_SIZE = 2 ** GRANULE.pageShift;

/** A table descriptor that points to `table`. */
export const encodeTable = (table: number): bigint => BigInt(table) | BigInt(DESCRIPTOR_TYPE.TABLE);

/** A block (levels 1 and 2) or page (level 3) descriptor, access flag set. */
export function encodeLeaf(level: Level, pa: number, attributes: Stage2Attributes): bigint {
  const { memAttr, sh } = MEMORY_TYPES[attributes.memoryType];
  const fields = encodeFields(STAGE2_LEAF, {
    MemAttr: memAttr,
    S2AP: (attributes.read ? S2AP_READ : 0) | (attributes.write ? S2AP_WRITE : 0),
    SH: sh,
    AF: 1,
    XN: attributes.execute ? 0 : 1,
  });
  return fields | leafType(level) | BigInt(pa);
}

const leafType = (level: Level): bigint => BigInt(level === 3 ? DESCRIPTOR_TYPE.PAGE : DESCRIPTOR_TYPE.BLOCK);

/**
 * Attributes of a block or page descriptor that `encodeLeaf` made.
 * @throws MmuError TABLE_MEMORY if its MemAttr is none that `encodeLeaf` writes.
 */
export function decodeLeaf(descriptor: bigint): Stage2Attributes {
  const memAttr = getField(descriptor, STAGE2_LEAF.MemAttr);
  const s2ap = getField(descriptor, STAGE2_LEAF.S2AP);
  const types = Object.keys(MEMORY_TYPES) as Stage2MemoryType[];
  const memoryType = types.find((type) => MEMORY_TYPES[type].memAttr === memAttr);
  if (memoryType === undefined) throw new MmuError('TABLE_MEMORY', `${hex(descriptor)} was not written by this p2m`);
  return {
    read: (s2ap & S2AP_READ) !== 0,
    write: (s2ap & S2AP_WRITE) !== 0,
    execute: !hasField(descriptor, STAGE2_LEAF.XN),
    memoryType,
  };
}

/** The descriptor of part `index` of a block of `level`, one level down, with the block's attributes. */
export function splitLeaf(descriptor: bigint, level: 1 | 2, index: number): bigint {
  const childLevel = (level + 1) as Level;
  const pa = descriptorAddress(descriptor) + index * STAGE2_LEVEL_SIZE[childLevel];
  const attributes = descriptor & ~(0xffff_ffff_f000n | 3n);
  return attributes | leafType(childLevel) | BigInt(pa);
}
