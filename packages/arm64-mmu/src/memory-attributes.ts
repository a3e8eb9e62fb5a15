/* Memory types and attributes: MAIR_EL1, stage 2 MemAttr, and how two stages combine. DDI 0487 D8.5. */

import { SH } from './descriptor.ts';

/** Device types from the strongest to the weakest; indices are the encoding in MAIR_EL1 and MemAttr. */
export const DEVICE_TYPES = ['nGnRnE', 'nGnRE', 'nGRE', 'GRE'] as const;
export type DeviceType = (typeof DEVICE_TYPES)[number];

/** Non-cacheable, Write-Through, Write-Back. */
export type CachePolicy = 'NC' | 'WT' | 'WB';

/** Cacheability of Normal memory at one level, with allocation hints. */
export interface Cacheability {
  readonly policy: CachePolicy;
  readonly transient: boolean;
  readonly readAllocate: boolean;
  readonly writeAllocate: boolean;
}

/** Non-, Outer and Inner Shareable. */
export type Shareability = 'NSH' | 'OSH' | 'ISH';

/** Attributes of a location. Device memory and Normal memory that is nowhere cacheable are always Outer Shareable. */
export type MemoryAttributes =
  | { readonly type: 'device'; readonly device: DeviceType; readonly shareability: 'OSH' }
  | {
      readonly type: 'normal';
      readonly inner: Cacheability;
      readonly outer: Cacheability;
      readonly shareability: Shareability;
    };

const POLICY_ORDER: readonly CachePolicy[] = ['NC', 'WT', 'WB'];
const SHAREABILITY_ORDER: readonly Shareability[] = ['NSH', 'ISH', 'OSH'];

/** Non-cacheable. */
export const NON_CACHEABLE: Cacheability = {
  policy: 'NC',
  transient: false,
  readAllocate: false,
  writeAllocate: false,
};

/** Write-Back, Read-Allocate, Write-Allocate. */
export const WRITE_BACK: Cacheability = { policy: 'WB', transient: false, readAllocate: true, writeAllocate: true };

/** Device memory of the given type. */
export const deviceMemory = (device: DeviceType): MemoryAttributes => ({ type: 'device', device, shareability: 'OSH' });

/** Normal memory; `shareability` gives way to Outer Shareable where neither level is cacheable. */
export function normalMemory(outer: Cacheability, inner: Cacheability, shareability: Shareability): MemoryAttributes {
  const nonCacheable = outer.policy === 'NC' && inner.policy === 'NC';
  return { type: 'normal', outer, inner, shareability: nonCacheable ? 'OSH' : shareability };
}

/** Decodes SH[1:0]; the reserved value 0b01 is taken as Outer Shareable. */
export function decodeShareability(sh: number): Shareability {
  if (sh === SH.NON_SHAREABLE) return 'NSH';
  return sh === SH.INNER_SHAREABLE ? 'ISH' : 'OSH';
}

/** Encodes as SH[1:0]. */
export function encodeShareability(shareability: Shareability): number {
  if (shareability === 'NSH') return SH.NON_SHAREABLE;
  return shareability === 'ISH' ? SH.INNER_SHAREABLE : SH.OUTER_SHAREABLE;
}

/** One nibble of a MAIR attribute for Normal memory. 0b0000 is UNPREDICTABLE there and taken as Non-cacheable. */
function decodeMairNibble(nibble: number): Cacheability {
  const readAllocate = (nibble & 0b10) !== 0;
  const writeAllocate = (nibble & 0b01) !== 0;
  const kind = nibble >> 2;
  if (kind === 0b10 || kind === 0b11) {
    return { policy: kind === 0b10 ? 'WT' : 'WB', transient: false, readAllocate, writeAllocate };
  }
  if (!readAllocate && !writeAllocate) return NON_CACHEABLE;
  return { policy: kind === 0b00 ? 'WT' : 'WB', transient: true, readAllocate, writeAllocate };
}

function encodeMairNibble(cacheability: Cacheability): number {
  if (cacheability.policy === 'NC') return 0b0100;
  const writeThrough = cacheability.policy === 'WT';
  const kind = cacheability.transient ? (writeThrough ? 0b00 : 0b01) : writeThrough ? 0b10 : 0b11;
  return (kind << 2) | (cacheability.readAllocate ? 0b10 : 0) | (cacheability.writeAllocate ? 0b01 : 0);
}

/**
 * Memory attributes of an 8-bit MAIR_EL1 attribute and the descriptor's SH.
 * With `cacheable` false (SCTLR_EL1.C for data, I for instructions is 0) Normal memory becomes Non-cacheable.
 */
export function decodeMairAttr(attr: number, sh: number, cacheable = true): MemoryAttributes {
  if (attr >> 4 === 0) return deviceMemory(DEVICE_TYPES[(attr >> 2) & 3]!);
  const outer = cacheable ? decodeMairNibble(attr >> 4) : NON_CACHEABLE;
  const inner = cacheable ? decodeMairNibble(attr & 15) : NON_CACHEABLE;
  return normalMemory(outer, inner, decodeShareability(sh));
}

/** The 8-bit encoding that MAIR_EL1 and PAR_EL1.ATTR use. */
export function encodeMairAttr(attributes: MemoryAttributes): number {
  if (attributes.type === 'device') return DEVICE_TYPES.indexOf(attributes.device) << 2;
  return (encodeMairNibble(attributes.outer) << 4) | encodeMairNibble(attributes.inner);
}

function decodeMemAttrHalf(half: number): Cacheability {
  if (half === 0b11) return WRITE_BACK;
  return half === 0b10 ? { ...WRITE_BACK, policy: 'WT' } : NON_CACHEABLE;
}

/** Memory attributes of stage 2 MemAttr[3:0] and SH. A reserved inner 0b00 is taken as Non-cacheable. */
export function decodeMemAttr(memAttr: number, sh: number): MemoryAttributes {
  if (memAttr >> 2 === 0) return deviceMemory(DEVICE_TYPES[memAttr & 3]!);
  return normalMemory(decodeMemAttrHalf(memAttr >> 2), decodeMemAttrHalf(memAttr & 3), decodeShareability(sh));
}

/** The less cacheable policy of both stages; hints are stage 1's. */
function combineCacheability(stage1: Cacheability, stage2: Cacheability): Cacheability {
  const policy = POLICY_ORDER[Math.min(POLICY_ORDER.indexOf(stage1.policy), POLICY_ORDER.indexOf(stage2.policy))]!;
  return policy === 'NC' ? NON_CACHEABLE : { ...stage1, policy };
}

/** Combines both stages: Device wins over Normal, the stronger Device type, the lower cacheability, the wider domain. */
export function combineAttributes(stage1: MemoryAttributes, stage2: MemoryAttributes): MemoryAttributes {
  if (stage1.type === 'device' && stage2.type === 'device') {
    return deviceMemory(
      DEVICE_TYPES[Math.min(DEVICE_TYPES.indexOf(stage1.device), DEVICE_TYPES.indexOf(stage2.device))]!,
    );
  }
  if (stage1.type === 'device') return stage1;
  if (stage2.type === 'device') return stage2;
  const wider = Math.max(
    SHAREABILITY_ORDER.indexOf(stage1.shareability),
    SHAREABILITY_ORDER.indexOf(stage2.shareability),
  );
  return normalMemory(
    combineCacheability(stage1.outer, stage2.outer),
    combineCacheability(stage1.inner, stage2.inner),
    SHAREABILITY_ORDER[wider]!,
  );
}
