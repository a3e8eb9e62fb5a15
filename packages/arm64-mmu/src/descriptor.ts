/* VMSAv8-64 translation table descriptors with 48-bit addresses. DDI 0487 D8.3. */

import { field } from './fields.ts';
import type { Level } from './granule.ts';

/** Bits [1:0] of a descriptor. BLOCK is reserved at level 3, where PAGE has TABLE's encoding. */
export const DESCRIPTOR_TYPE = { INVALID: 0b00, BLOCK: 0b01, TABLE: 0b11, PAGE: 0b11 } as const;

/** Fields that every valid descriptor has. */
export const DESCRIPTOR = { VALID: field(0), TYPE: field(1, 0), ADDRESS: field(47, 12) } as const;

/** Bits [47:12]: the next table, or the output address (low bits are RES0 for larger blocks and granules). */
export const DESCRIPTOR_ADDRESS_MASK = DESCRIPTOR.ADDRESS.mask;

/** Attributes of a stage 1 table descriptor: limits on everything below it. */
export const STAGE1_TABLE = {
  PXNTable: field(59),
  XNTable: field(60),
  APTable: field(62, 61),
  NSTable: field(63),
} as const;

/** Attributes of a stage 1 block or page descriptor of the EL1&0 regime. `AP` is AP[2:1]. */
export const STAGE1_LEAF = {
  AttrIndx: field(4, 2),
  NS: field(5),
  AP: field(7, 6),
  SH: field(9, 8),
  AF: field(10),
  nG: field(11),
  DBM: field(51),
  Contiguous: field(52),
  PXN: field(53),
  UXN: field(54),
} as const;

/** Attributes of a stage 2 block or page descriptor. `XN` is one bit without FEAT_XNX. */
export const STAGE2_LEAF = {
  MemAttr: field(5, 2),
  S2AP: field(7, 6),
  SH: field(9, 8),
  AF: field(10),
  DBM: field(51),
  Contiguous: field(52),
  XN: field(54),
} as const;

/** The access flag, at the same place in both stages. */
export const AF = STAGE1_LEAF.AF;

/** Bits of AP[2:1]. */
export const AP_EL0 = 0b01;
export const AP_READ_ONLY = 0b10;

/** Bits of APTable[1:0]. */
export const APTABLE_NO_EL0 = 0b01;
export const APTABLE_READ_ONLY = 0b10;

/** Bits of S2AP[1:0]. */
export const S2AP_READ = 0b01;
export const S2AP_WRITE = 0b10;

/** SH[1:0]. 0b01 is reserved. */
export const SH = { NON_SHAREABLE: 0b00, OUTER_SHAREABLE: 0b10, INNER_SHAREABLE: 0b11 } as const;

/** What a descriptor is at its level. Reserved encodings are invalid. */
export type DescriptorKind = 'invalid' | 'table' | 'block' | 'page';

/** Classifies a descriptor by bits [1:0] and level; whether the granule allows blocks there is the walk's matter. */
export function descriptorKind(descriptor: bigint, level: Level): DescriptorKind {
  const type = Number(descriptor & 3n);
  if ((type & 1) === 0) return 'invalid';
  if (type === DESCRIPTOR_TYPE.BLOCK) return level === 3 ? 'invalid' : 'block';
  return level === 3 ? 'page' : 'table';
}

/** Bits [47:12] of a descriptor as an address. */
export const descriptorAddress = (descriptor: bigint): number => Number(descriptor & DESCRIPTOR_ADDRESS_MASK);
