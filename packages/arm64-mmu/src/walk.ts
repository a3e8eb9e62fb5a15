/* One step of a translation table walk, the same for both stages. DDI 0487 D8.2, AArch64.TranslationTableWalk. */

import { AF, descriptorAddress, descriptorKind } from './descriptor.ts';
import type { FaultKind } from './fault.ts';
import { hasField } from './fields.ts';
import { type Granule, type Level, levelShift, levelSize } from './granule.ts';

/** Where a walk stands. A walk has at most four steps: each table moves it one level down and level 3 has none. */
export interface Walk {
  readonly granule: Granule;
  /** The input address without the bits above the input size. */
  readonly inputAddress: number;
  /** Bits of an output address; larger addresses in descriptors are Address size faults. */
  readonly outputBits: number;
  level: Level;
  /** Address of the table of `level`. */
  table: number;
  /** Bytes that the table of `level` maps; the first table may be shorter or longer (concatenated) than the others. */
  tableSpan: number;
}

/** What a descriptor did to a walk. On `table` the walk has moved down. */
export type WalkStep =
  | { readonly kind: 'table' }
  | { readonly kind: 'leaf'; readonly outputAddress: number }
  | { readonly kind: 'fault'; readonly fault: FaultKind };

const TABLE: WalkStep = { kind: 'table' };
const TRANSLATION_FAULT: WalkStep = { kind: 'fault', fault: 'translation' };
const ADDRESS_SIZE_FAULT: WalkStep = { kind: 'fault', fault: 'address-size' };
const ACCESS_FLAG_FAULT: WalkStep = { kind: 'fault', fault: 'access-flag' };

/**
 * Base address of the first table: `baddr` (a BADDR field, in units of 2 bytes) without the bits that its size makes RES0.
 * `undefined` if it lies beyond `outputBits`, which is a level 0 Address size fault.
 */
export function rootTable(
  baddr: number,
  granule: Granule,
  level: Level,
  inputBits: number,
  outputBits: number,
): number | undefined {
  const address = baddr * 2;
  if (address >= 2 ** outputBits) return undefined;
  const tableSize = 8 * 2 ** (inputBits - levelShift(granule, level));
  return address - (address % tableSize);
}

/** Address of the descriptor that the walk needs next. */
export function nextDescriptorAddress(walk: Walk): number {
  const offset = walk.inputAddress % walk.tableSpan;
  return walk.table + 8 * Math.floor(offset / levelSize(walk.granule, walk.level));
}

/** Takes the descriptor at `nextDescriptorAddress`: moves the walk down, ends it, or faults at the walk's level. */
export function advance(walk: Walk, descriptor: bigint): WalkStep {
  const { granule, level, outputBits } = walk;
  const kind = descriptorKind(descriptor, level);
  if (kind === 'invalid' || (kind === 'block' && level < granule.firstBlockLevel)) return TRANSLATION_FAULT;
  const address = descriptorAddress(descriptor);
  if (address >= 2 ** outputBits) return ADDRESS_SIZE_FAULT;
  if (kind === 'table') {
    walk.table = address - (address % 2 ** granule.pageShift);
    walk.tableSpan = levelSize(granule, level);
    walk.level = (level + 1) as Level;
    return TABLE;
  }
  if (!hasField(descriptor, AF)) return ACCESS_FLAG_FAULT;
  const size = levelSize(granule, level);
  return { kind: 'leaf', outputAddress: address - (address % size) + (walk.inputAddress % size) };
}
