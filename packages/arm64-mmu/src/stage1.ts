/* Stage 1 of the EL1&0 translation regime: VA to IPA. DDI 0487 D8.2 and D8.4, AArch64.FirstStageTranslate. */

import { type Access, ALL_PERMISSIONS, isPermitted, type Permissions, type PhysicalMemory } from './access.ts';
import { AP_EL0, AP_READ_ONLY, APTABLE_NO_EL0, APTABLE_READ_ONLY, STAGE1_LEAF, STAGE1_TABLE } from './descriptor.ts';
import { type Fault, type FaultKind, isWrite, isWriteRefused, stage1Fault } from './fault.ts';
import { getField, hasField } from './fields.ts';
import { granuleOfTg0, granuleOfTg1, type Level, levelSize, outputAddressBits, stage1StartLevel } from './granule.ts';
import {
  decodeMairAttr,
  deviceMemory,
  type MemoryAttributes,
  NON_CACHEABLE,
  normalMemory,
  WRITE_BACK,
} from './memory-attributes.ts';
import {
  currentAsid,
  mairAttr,
  SCTLR_EL1,
  TCR_EL1,
  TCR_EL1_TNSZ_MAX,
  TCR_EL1_TNSZ_MIN,
  TTBR_EL1,
} from './registers/el1.ts';
import { HCR_EL2 } from './registers/el2.ts';
import { type Stage2Regime, translateStage2 } from './stage2.ts';
import { advance, nextDescriptorAddress, rootTable, type Walk } from './walk.ts';

/** Register values that control stage 1. */
export interface Stage1Regime {
  readonly SCTLR_EL1: bigint;
  readonly TCR_EL1: bigint;
  readonly TTBR0_EL1: bigint;
  readonly TTBR1_EL1: bigint;
  readonly MAIR_EL1: bigint;
  /** Implemented physical address bits (ID_AA64MMFR0_EL1.PARange): 32 to 48. */
  readonly paMax: number;
}

/** A VA translated by stage 1, with all that a TLB entry for any access from EL0 or EL1 needs. */
export interface Stage1Translation {
  readonly kind: 'ok';
  /** The output address: an IPA if a second stage follows. */
  readonly pa: number;
  /** As the access sees them: SCTLR_EL1.C and I make data accesses and instruction fetches differ. */
  readonly attributes: MemoryAttributes;
  /** Level of the block or page; `undefined` where stage 1 is off. */
  readonly level: Level | undefined;
  /** Bytes that the block or page maps, around `pa` and aligned to their size. */
  readonly blockSize: number;
  /** Rights of EL0, and of LDTR and STTR at EL1. */
  readonly el0: Permissions;
  /** Rights of EL1. */
  readonly el1: Permissions;
  /** Not global: the translation holds for `asid` only. */
  readonly nG: boolean;
  readonly asid: number;
}

/** Limits that table descriptors on the way put on everything below them. */
interface TableLimits {
  apTable: number;
  uxn: boolean;
  pxn: boolean;
}

/** Whether stage 1 is off: SCTLR_EL1.M is 0, or HCR_EL2.DC is 1. */
export const isStage1Enabled = (regime: Stage1Regime, stage2: Stage2Regime | undefined): boolean =>
  hasField(regime.SCTLR_EL1, SCTLR_EL1.M) && !(stage2 !== undefined && hasField(stage2.HCR_EL2, HCR_EL2.DC));

/** The highest bit of a VA that counts: 55 where TCR_EL1.TBIn ignores the top byte, else 63. */
function addressTop(va: bigint, tcr: bigint): bigint {
  const isUpper = ((va >> 55n) & 1n) === 1n;
  return hasField(tcr, isUpper ? TCR_EL1.TBI1 : TCR_EL1.TBI0) ? 55n : 63n;
}

/** Stage 1 off: flat, all rights, the VA itself must fit into the PA space. AArch64.TranslateAddressS1Off. */
function translateFlat(
  regime: Stage1Regime,
  va: bigint,
  access: Access,
  isDefaultCacheable: boolean,
): Stage1Translation | Fault {
  const address = BigInt.asUintN(Number(addressTop(va, regime.TCR_EL1)) + 1, va);
  if (address >> BigInt(regime.paMax) !== 0n) return stage1Fault('address-size', 0, isWrite(access.type));
  const attributes = flatAttributes(regime, access, isDefaultCacheable);
  if (isUnalignedToDevice(attributes, access)) return stage1Fault('alignment', 0, isWrite(access.type));
  return {
    kind: 'ok',
    pa: Number(address),
    attributes,
    level: undefined,
    blockSize: 2 ** regime.paMax,
    el0: ALL_PERMISSIONS,
    el1: ALL_PERMISSIONS,
    nG: false,
    asid: currentAsid(regime),
  };
}

function flatAttributes(regime: Stage1Regime, access: Access, isDefaultCacheable: boolean): MemoryAttributes {
  if (isDefaultCacheable) return normalMemory(WRITE_BACK, WRITE_BACK, 'NSH');
  if (access.type !== 'execute') return deviceMemory('nGnRnE');
  if (!hasField(regime.SCTLR_EL1, SCTLR_EL1.I)) return normalMemory(NON_CACHEABLE, NON_CACHEABLE, 'OSH');
  const writeThrough = { policy: 'WT', transient: false, readAllocate: true, writeAllocate: false } as const;
  return normalMemory(writeThrough, writeThrough, 'OSH');
}

const isUnalignedToDevice = (attributes: MemoryAttributes, access: Access): boolean =>
  attributes.type === 'device' && access.unaligned === true && access.type !== 'execute';

/** Chooses the half of the VA space and prepares its walk, or names the level 0 fault that stops it. */
function startWalk(regime: Stage1Regime, va: bigint): Walk | FaultKind {
  const tcr = regime.TCR_EL1;
  const top = addressTop(va, tcr);
  const isUpper = ((va >> top) & 1n) === 1n;
  const tnsz = getField(tcr, isUpper ? TCR_EL1.T1SZ : TCR_EL1.T0SZ);
  if (tnsz < TCR_EL1_TNSZ_MIN || tnsz > TCR_EL1_TNSZ_MAX) return 'translation';
  const inputBits = 64 - tnsz;
  // Bits from the input size up to `top` must all equal the bit that chose the half.
  const signed = BigInt.asIntN(Number(top) + 1, va) >> BigInt(inputBits);
  if (signed !== (isUpper ? -1n : 0n)) return 'translation';
  if (hasField(tcr, isUpper ? TCR_EL1.EPD1 : TCR_EL1.EPD0)) return 'translation';
  const granule = isUpper ? granuleOfTg1(getField(tcr, TCR_EL1.TG1)) : granuleOfTg0(getField(tcr, TCR_EL1.TG0));
  const level = stage1StartLevel(granule, inputBits);
  const outputBits = outputAddressBits(getField(tcr, TCR_EL1.IPS), regime.paMax);
  const baddr = getField(isUpper ? regime.TTBR1_EL1 : regime.TTBR0_EL1, TTBR_EL1.BADDR);
  const table = rootTable(baddr, granule, level, inputBits, outputBits);
  if (table === undefined) return 'address-size';
  const inputAddress = Number(BigInt.asUintN(inputBits, va));
  return { granule, inputAddress, outputBits, level, table, tableSpan: 2 ** inputBits };
}

function addTableLimits(limits: TableLimits, descriptor: bigint): void {
  limits.apTable |= getField(descriptor, STAGE1_TABLE.APTable);
  limits.uxn ||= hasField(descriptor, STAGE1_TABLE.XNTable);
  limits.pxn ||= hasField(descriptor, STAGE1_TABLE.PXNTable);
}

/**
 * Rights of EL0 and EL1 at a block or page, under the limits of the tables above it and SCTLR_EL1.WXN.
 * EL1 never executes what EL0 may write. AArch64.CheckPermission.
 */
function leafPermissions(
  regime: Stage1Regime,
  descriptor: bigint,
  limits: TableLimits,
): { el0: Permissions; el1: Permissions } {
  const ap = getField(descriptor, STAGE1_LEAF.AP);
  const isReadOnly = (ap & AP_READ_ONLY) !== 0 || (limits.apTable & APTABLE_READ_ONLY) !== 0;
  const isEl0 = (ap & AP_EL0) !== 0 && (limits.apTable & APTABLE_NO_EL0) === 0;
  const uxn = hasField(descriptor, STAGE1_LEAF.UXN) || limits.uxn;
  const pxn = hasField(descriptor, STAGE1_LEAF.PXN) || limits.pxn;
  const wxn = hasField(regime.SCTLR_EL1, SCTLR_EL1.WXN);
  const el0Write = isEl0 && !isReadOnly;
  const el1Write = !isReadOnly;
  return {
    el0: { read: isEl0, write: el0Write, execute: !(uxn || (wxn && el0Write)) },
    el1: { read: true, write: el1Write, execute: !(pxn || (wxn && el1Write) || el0Write) },
  };
}

/** Memory type of a block or page as the access sees it. */
function leafAttributes(regime: Stage1Regime, descriptor: bigint, access: Access): MemoryAttributes {
  const attr = mairAttr(regime.MAIR_EL1, getField(descriptor, STAGE1_LEAF.AttrIndx));
  const enable = access.type === 'execute' ? SCTLR_EL1.I : SCTLR_EL1.C;
  return decodeMairAttr(attr, getField(descriptor, STAGE1_LEAF.SH), hasField(regime.SCTLR_EL1, enable));
}

/** Ends a walk at a block or page: checks the access and gathers what the descriptors said. */
function finish(
  regime: Stage1Regime,
  walk: Walk,
  descriptor: bigint,
  limits: TableLimits,
  pa: number,
  access: Access,
): Stage1Translation | Fault {
  const { el0, el1 } = leafPermissions(regime, descriptor, limits);
  const attributes = leafAttributes(regime, descriptor, access);
  if (isUnalignedToDevice(attributes, access)) return stage1Fault('alignment', walk.level, isWrite(access.type));
  const permissions = access.el === 1 && !(access.unprivileged === true && access.type !== 'execute') ? el1 : el0;
  if (!isPermitted(permissions, access.type)) {
    return stage1Fault('permission', walk.level, isWriteRefused(access.type, permissions));
  }
  return {
    kind: 'ok',
    pa,
    attributes: asFetched(attributes, access),
    level: walk.level,
    blockSize: levelSize(walk.granule, walk.level),
    el0,
    el1,
    nG: hasField(descriptor, STAGE1_LEAF.nG),
    asid: currentAsid(regime),
  };
}

/** An instruction fetch from Device memory that is not execute-never is taken as one from Normal Non-cacheable memory. */
export const asFetched = (attributes: MemoryAttributes, access: Access): MemoryAttributes =>
  access.type === 'execute' && attributes.type === 'device'
    ? normalMemory(NON_CACHEABLE, NON_CACHEABLE, 'OSH')
    : attributes;

/** Reads the stage 1 descriptor at `address`, through stage 2 if there is one. */
function fetchDescriptor(
  address: number,
  level: Level,
  access: Access,
  memory: PhysicalMemory,
  stage2: Stage2Regime | undefined,
): bigint | Fault {
  let pa = address;
  if (stage2 !== undefined) {
    const translated = translateStage2(stage2, address, { type: access.type, s1ptw: true }, memory);
    if (translated.kind === 'fault') return translated;
    pa = translated.pa;
  }
  return memory.readDescriptor(pa) ?? stage1Fault('external-abort-on-walk', level, isWrite(access.type));
}

/**
 * Translates `va` (taken modulo 2^64) by stage 1 and checks the access.
 * Given a `stage2`, the descriptors are fetched through it, so that the result may be a stage 2 fault with `s1ptw`;
 * the output address itself stays an IPA. At most 4 stage 1 and 16 stage 2 descriptors are read.
 */
export function translateStage1(
  regime: Stage1Regime,
  va: bigint,
  access: Access,
  memory: PhysicalMemory,
  stage2?: Stage2Regime,
): Stage1Translation | Fault {
  const address = BigInt.asUintN(64, va);
  if (!isStage1Enabled(regime, stage2)) {
    const isDefaultCacheable = stage2 !== undefined && hasField(stage2.HCR_EL2, HCR_EL2.DC);
    return translateFlat(regime, address, access, isDefaultCacheable);
  }
  const walk = startWalk(regime, address);
  if (typeof walk === 'string') return stage1Fault(walk, 0, isWrite(access.type));
  const limits: TableLimits = { apTable: 0, uxn: false, pxn: false };
  for (;;) {
    const descriptor = fetchDescriptor(nextDescriptorAddress(walk), walk.level, access, memory, stage2);
    if (typeof descriptor !== 'bigint') return descriptor;
    const step = advance(walk, descriptor);
    if (step.kind === 'fault') return stage1Fault(step.fault, walk.level, isWrite(access.type));
    if (step.kind === 'leaf') return finish(regime, walk, descriptor, limits, step.outputAddress, access);
    addTableLimits(limits, descriptor);
  }
}
