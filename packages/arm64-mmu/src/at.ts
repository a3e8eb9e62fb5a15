/* Address translation instructions and PAR_EL1. DDI 0487 C5.4 (A64 System instructions for address translation), PAR_EL1. */

import type { Access } from './access.ts';
import type { Fault } from './fault.ts';
import { encodeFields, field } from './fields.ts';
import { encodeMairAttr, encodeShareability, type MemoryAttributes } from './memory-attributes.ts';

/* PAR_EL1, Physical Address Register: F = 0. PA is PA[47:12]. */
export const PAR_EL1_SUCCESS = {
  F: field(0),
  SH: field(8, 7),
  NS: field(9),
  RES1: field(11),
  PA: field(47, 12),
  ATTR: field(63, 56),
} as const;

/* PAR_EL1: F = 1 */
export const PAR_EL1_FAULT = { F: field(0), FST: field(6, 1), PTW: field(8), S: field(9), RES1: field(11) } as const;

/** One AT operation: SYS with op0 = 1 and the fields below. */
export interface AtOperation {
  readonly name: string;
  readonly op1: number;
  readonly CRn: number;
  readonly CRm: number;
  readonly op2: number;
  /** Stages that are translated: 1 alone, or 1 and 2 (EL2 only). */
  readonly stages: 1 | 12;
  readonly access: Access;
}

/** AT operations of the EL1&0 translation regime. */
export const AT_OPERATIONS: readonly AtOperation[] = [
  { name: 'S1E1R', op1: 0, CRn: 7, CRm: 8, op2: 0, stages: 1, access: { type: 'read', el: 1 } },
  { name: 'S1E1W', op1: 0, CRn: 7, CRm: 8, op2: 1, stages: 1, access: { type: 'write', el: 1 } },
  { name: 'S1E0R', op1: 0, CRn: 7, CRm: 8, op2: 2, stages: 1, access: { type: 'read', el: 0 } },
  { name: 'S1E0W', op1: 0, CRn: 7, CRm: 8, op2: 3, stages: 1, access: { type: 'write', el: 0 } },
  { name: 'S12E1R', op1: 4, CRn: 7, CRm: 8, op2: 4, stages: 12, access: { type: 'read', el: 1 } },
  { name: 'S12E1W', op1: 4, CRn: 7, CRm: 8, op2: 5, stages: 12, access: { type: 'write', el: 1 } },
  { name: 'S12E0R', op1: 4, CRn: 7, CRm: 8, op2: 6, stages: 12, access: { type: 'read', el: 0 } },
  { name: 'S12E0W', op1: 4, CRn: 7, CRm: 8, op2: 7, stages: 12, access: { type: 'write', el: 0 } },
];

/**
 * PAR_EL1 after an AT operation: of `translateStage1` for S1 operations (`pa` is then an IPA), of `translate` for S12.
 * NS reads as 1: there is no Secure state.
 * A stage 2 fault on the walk of an S1 operation from EL1 is not reported here; it is taken to EL2 as a Data Abort.
 */
export function encodeParEl1(
  result: { readonly kind: 'ok'; readonly pa: number; readonly attributes: MemoryAttributes } | Fault,
): bigint {
  if (result.kind === 'fault') {
    return encodeFields(PAR_EL1_FAULT, {
      F: 1,
      FST: result.fsc,
      PTW: Number(result.s1ptw),
      S: Number(result.stage === 2),
      RES1: 1,
    });
  }
  return encodeFields(PAR_EL1_SUCCESS, {
    SH: encodeShareability(result.attributes.shareability),
    NS: 1,
    RES1: 1,
    PA: Math.floor(result.pa / 4096),
    ATTR: encodeMairAttr(result.attributes),
  });
}
