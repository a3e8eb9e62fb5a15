/* MMU faults and their fault status codes. DDI 0487 D8 (Memory aborts), ESR_ELx ISS encodings of Data and Instruction Aborts. */

import type { AccessType, Permissions } from './access.ts';

/** Kinds of fault that have a fault status code. */
export type FaultKind =
  | 'address-size'
  | 'translation'
  | 'access-flag'
  | 'permission'
  | 'external-abort'
  | 'external-abort-on-walk'
  | 'alignment'
  | 'tlb-conflict'
  | 'unsupported-exclusive';

/** Fault status codes (DFSC and IFSC have one encoding). `levelled` ones carry the level in bits [1:0]. */
export const FAULT_STATUS = {
  'address-size': { code: 0x00, levelled: true },
  translation: { code: 0x04, levelled: true },
  'access-flag': { code: 0x08, levelled: true },
  permission: { code: 0x0c, levelled: true },
  'external-abort': { code: 0x10, levelled: false },
  'external-abort-on-walk': { code: 0x14, levelled: true },
  alignment: { code: 0x21, levelled: false },
  'tlb-conflict': { code: 0x30, levelled: false },
  'unsupported-exclusive': { code: 0x35, levelled: false },
} as const satisfies Readonly<Record<FaultKind, { code: number; levelled: boolean }>>;

/** The 6-bit fault status code of a fault; `level` (0 to 3) counts only for the kinds that have one. */
export function encodeFaultStatus(fault: FaultKind, level: number): number {
  const { code, levelled } = FAULT_STATUS[fault];
  return levelled ? code | (level & 3) : code;
}

/** Kind and level of a 6-bit fault status code; `undefined` for codes outside of FAULT_STATUS. */
export function decodeFaultStatus(fsc: number): { fault: FaultKind; level: number } | undefined {
  for (const [fault, { code, levelled }] of Object.entries(FAULT_STATUS)) {
    if (levelled ? (fsc & ~3) === code : fsc === code) {
      return { fault: fault as FaultKind, level: levelled ? fsc & 3 : 0 };
    }
  }
  return undefined;
}

/** A translation that failed. Stage 1 faults are taken to EL1, stage 2 faults to EL2. */
export interface Fault {
  readonly kind: 'fault';
  readonly fault: FaultKind;
  readonly stage: 1 | 2;
  /** Level of the lookup that failed, of the stage that failed. */
  readonly level: number;
  /** DFSC or IFSC. */
  readonly fsc: number;
  /** A stage 2 fault on the fetch of a stage 1 descriptor. */
  readonly s1ptw: boolean;
  /** ISS.WnR: the access wrote, or for an atomic, only its write was refused. */
  readonly write: boolean;
  /** Stage 2 faults: the IPA that failed, with its offset in the page; of the descriptor if `s1ptw`. */
  readonly ipa: number | undefined;
}

/** Where a stage 2 fault struck. */
export interface Stage2Place {
  readonly ipa: number;
  readonly s1ptw: boolean;
}

/** ISS.WnR of a fault that read and write meet alike: an atomic reports it as its read. */
export const isWrite = (type: AccessType): boolean => type === 'write';

/** ISS.WnR of a permission fault: an atomic reports its write only where it may read. */
export const isWriteRefused = (type: AccessType, permissions: Permissions): boolean =>
  type === 'write' || (type === 'atomic' && permissions.read);

/** A stage 1 fault. */
export const stage1Fault = (fault: FaultKind, level: number, write: boolean): Fault => ({
  kind: 'fault',
  fault,
  stage: 1,
  level,
  fsc: encodeFaultStatus(fault, level),
  s1ptw: false,
  write,
  ipa: undefined,
});

/** A stage 2 fault; on the fetch of a stage 1 descriptor, `write` is that of the access that needed it. */
export const stage2Fault = (fault: FaultKind, level: number, write: boolean, place: Stage2Place): Fault => ({
  kind: 'fault',
  fault,
  stage: 2,
  level,
  fsc: encodeFaultStatus(fault, level),
  s1ptw: place.s1ptw,
  write,
  ipa: place.ipa,
});
