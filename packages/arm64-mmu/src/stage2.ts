/* Stage 2 of the EL1&0 translation regime: IPA to PA. DDI 0487 D8.2, AArch64.SecondStageTranslate. */

import { ALL_PERMISSIONS, isPermitted, type Permissions, type PhysicalMemory, type Stage2Access } from './access.ts';
import { S2AP_READ, S2AP_WRITE, STAGE2_LEAF } from './descriptor.ts';
import { type Fault, type FaultKind, isWrite, isWriteRefused, stage2Fault } from './fault.ts';
import { getField, hasField } from './fields.ts';
import { type Granule, granuleOfTg0, type Level, levelShift, levelSize, outputAddressBits } from './granule.ts';
import { decodeMemAttr, type MemoryAttributes } from './memory-attributes.ts';
import { currentVmid, HCR_EL2, VTCR_EL2, VTTBR_EL2 } from './registers/el2.ts';
import { advance, nextDescriptorAddress, rootTable, type Walk } from './walk.ts';

/** Register values that control stage 2. */
export interface Stage2Regime {
  /** VM turns stage 2 on; DC does too, and turns stage 1 off; PTW refuses stage 1 tables in Device memory. */
  readonly HCR_EL2: bigint;
  readonly VTCR_EL2: bigint;
  readonly VTTBR_EL2: bigint;
  /** Implemented physical address bits (ID_AA64MMFR0_EL1.PARange): 32 to 48. */
  readonly paMax: number;
}

/** An IPA translated. */
export interface Stage2Translation {
  readonly kind: 'ok';
  readonly pa: number;
  /** `undefined` where stage 2 is off: stage 1's attributes stand. */
  readonly attributes: MemoryAttributes | undefined;
  /** Level of the block or page; `undefined` where stage 2 is off. */
  readonly level: Level | undefined;
  /** Bytes that the block or page maps, around `pa` and aligned to their size. */
  readonly blockSize: number;
  readonly permissions: Permissions;
  readonly vmid: number;
}

/** Whether HCR_EL2.VM or HCR_EL2.DC turns stage 2 on. */
export const isStage2Enabled = (regime: Stage2Regime): boolean =>
  hasField(regime.HCR_EL2, HCR_EL2.VM) || hasField(regime.HCR_EL2, HCR_EL2.DC);

/** Most tables that may be concatenated at the first level, as a power of two. */
const MAX_CONCATENATION_BITS = 4;

/** The first level by VTCR_EL2.SL0, for a 4K granule and for the larger ones; 3 is reserved. */
const START_LEVEL_4K: readonly (Level | undefined)[] = [2, 1, 0, undefined];
const START_LEVEL_16K_64K: readonly (Level | undefined)[] = [3, 2, 1, undefined];

/** Physical address bits that a first level needs more than: 4K level 0, 16K and 64K level 1. */
const MINIMUM_PA_BITS: Readonly<Record<Granule['size'], { level: Level; above: number }>> = {
  '4K': { level: 0, above: 42 },
  '16K': { level: 1, above: 40 },
  '64K': { level: 1, above: 42 },
};

/** First level and input size of a stage 2 walk; `undefined` if VTCR_EL2 is not a configuration that can be walked. */
function stage2Start(granule: Granule, vtcr: bigint, paMax: number): { level: Level; inputBits: number } | undefined {
  const inputBits = 64 - getField(vtcr, VTCR_EL2.T0SZ);
  if (inputBits < 25 || inputBits > 48 || inputBits > paMax) return undefined;
  const sl0 = getField(vtcr, VTCR_EL2.SL0);
  const level = (granule.size === '4K' ? START_LEVEL_4K : START_LEVEL_16K_64K)[sl0];
  if (level === undefined) return undefined;
  const minimum = MINIMUM_PA_BITS[granule.size];
  if (level === minimum.level && paMax <= minimum.above) return undefined;
  const entryBits = inputBits - levelShift(granule, level);
  if (entryBits < 1 || entryBits > granule.indexBits + MAX_CONCATENATION_BITS) return undefined;
  return { level, inputBits };
}

/** Rights of a stage 2 block or page descriptor. Without FEAT_XNX, XN does not depend on the Exception level. */
function leafPermissions(descriptor: bigint): Permissions {
  const s2ap = getField(descriptor, STAGE2_LEAF.S2AP);
  return {
    read: (s2ap & S2AP_READ) !== 0,
    write: (s2ap & S2AP_WRITE) !== 0,
    execute: !hasField(descriptor, STAGE2_LEAF.XN),
  };
}

/** Why a block or page refuses an access, in order of priority; `undefined` if it does not. */
function refusal(
  regime: Stage2Regime,
  permissions: Permissions,
  attributes: MemoryAttributes,
  access: Stage2Access,
): FaultKind | undefined {
  const isDevice = attributes.type === 'device';
  if (access.s1ptw === true) {
    const isProtected = isDevice && hasField(regime.HCR_EL2, HCR_EL2.PTW);
    return permissions.read && !isProtected ? undefined : 'permission';
  }
  if (isDevice && access.unaligned === true && access.type !== 'execute') return 'alignment';
  return isPermitted(permissions, access.type) ? undefined : 'permission';
}

/** Prepares the walk of `ipa`, or names the level 0 fault that stops it before its first lookup. */
function startWalk(regime: Stage2Regime, ipa: number): Walk | FaultKind {
  const vtcr = regime.VTCR_EL2;
  const granule = granuleOfTg0(getField(vtcr, VTCR_EL2.TG0));
  const start = stage2Start(granule, vtcr, regime.paMax);
  if (start === undefined || ipa >= 2 ** start.inputBits) return 'translation';
  const outputBits = outputAddressBits(getField(vtcr, VTCR_EL2.PS), regime.paMax);
  const baddr = getField(regime.VTTBR_EL2, VTTBR_EL2.BADDR);
  const table = rootTable(baddr, granule, start.level, start.inputBits, outputBits);
  if (table === undefined) return 'address-size';
  return { granule, inputAddress: ipa, outputBits, level: start.level, table, tableSpan: 2 ** start.inputBits };
}

/** Ends a walk at a block or page: checks the access and gathers what the descriptor says. */
function finish(
  regime: Stage2Regime,
  walk: Walk,
  descriptor: bigint,
  pa: number,
  ipa: number,
  access: Stage2Access,
): Stage2Translation | Fault {
  const permissions = leafPermissions(descriptor);
  const attributes = decodeMemAttr(getField(descriptor, STAGE2_LEAF.MemAttr), getField(descriptor, STAGE2_LEAF.SH));
  const refused = refusal(regime, permissions, attributes, access);
  if (refused !== undefined) {
    const isOwnPermission = refused === 'permission' && access.s1ptw !== true;
    const write = isOwnPermission ? isWriteRefused(access.type, permissions) : isWrite(access.type);
    return stage2Fault(refused, walk.level, write, { ipa, s1ptw: access.s1ptw === true });
  }
  const blockSize = levelSize(walk.granule, walk.level);
  return { kind: 'ok', pa, attributes, level: walk.level, blockSize, permissions, vmid: currentVmid(regime) };
}

/**
 * Translates `ipa` (0 to 2^48 - 1) by stage 2. At most four descriptors are read.
 * Where stage 2 is off the address and every right pass through, and the VMID is 0.
 */
export function translateStage2(
  regime: Stage2Regime,
  ipa: number,
  access: Stage2Access,
  memory: PhysicalMemory,
): Stage2Translation | Fault {
  if (!isStage2Enabled(regime)) {
    const off = { level: undefined, attributes: undefined, blockSize: 2 ** regime.paMax };
    return { kind: 'ok', pa: ipa, ...off, permissions: ALL_PERMISSIONS, vmid: 0 };
  }
  const walk = startWalk(regime, ipa);
  const fault = (kind: FaultKind, level: number): Fault =>
    stage2Fault(kind, level, isWrite(access.type), { ipa, s1ptw: access.s1ptw === true });
  if (typeof walk === 'string') return fault(walk, 0);
  for (;;) {
    const descriptor = memory.readDescriptor(nextDescriptorAddress(walk));
    if (descriptor === undefined) return fault('external-abort-on-walk', walk.level);
    const step = advance(walk, descriptor);
    if (step.kind === 'fault') return fault(step.fault, walk.level);
    if (step.kind === 'leaf') return finish(regime, walk, descriptor, step.outputAddress, ipa, access);
  }
}
