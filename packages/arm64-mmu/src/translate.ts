/* Both stages of the EL1&0 translation regime. DDI 0487 D8.2, AArch64.FullTranslate. */

import { type Access, intersect, type PhysicalMemory } from './access.ts';
import type { Fault } from './fault.ts';
import type { Level } from './granule.ts';
import { combineAttributes } from './memory-attributes.ts';
import { asFetched, type Stage1Regime, type Stage1Translation, translateStage1 } from './stage1.ts';
import { type Stage2Regime, translateStage2 } from './stage2.ts';

/** Register values of both stages. */
export interface Regime {
  readonly stage1: Stage1Regime;
  readonly stage2: Stage2Regime;
}

/**
 * A VA translated by both stages. `pa` is physical, `attributes` and rights are those that both stages leave,
 * `blockSize` is the smaller one, around which `pa`, `ipa` and the VA run in parallel; `level` is stage 1's.
 */
export interface Translation extends Stage1Translation {
  readonly ipa: number;
  /** Level of the stage 2 block or page; `undefined` where stage 2 is off. */
  readonly stage2Level: Level | undefined;
  readonly vmid: number;
}

/**
 * Translates `va` (taken modulo 2^64) by stage 1 and then stage 2, and checks the access at both.
 * At most 24 descriptors are read.
 */
export function translate(regime: Regime, va: bigint, access: Access, memory: PhysicalMemory): Translation | Fault {
  const stage1 = translateStage1(regime.stage1, va, access, memory, regime.stage2);
  if (stage1.kind === 'fault') return stage1;
  const ipa = stage1.pa;
  const stage2 = translateStage2(regime.stage2, ipa, access, memory);
  if (stage2.kind === 'fault') return stage2;
  const attributes =
    stage2.attributes === undefined ? stage1.attributes : combineAttributes(stage1.attributes, stage2.attributes);
  return {
    ...stage1,
    pa: stage2.pa,
    ipa,
    attributes: asFetched(attributes, access),
    blockSize: Math.min(stage1.blockSize, stage2.blockSize),
    el0: intersect(stage1.el0, stage2.permissions),
    el1: intersect(stage1.el1, stage2.permissions),
    stage2Level: stage2.level,
    vmid: stage2.vmid,
  };
}
