/* Syndromes of MMU faults. DDI 0487 D, ESR_ELx: ISS encoding for an exception from a Data Abort, from an Instruction Abort. */

import type { Fault } from './fault.ts';
import { encodeFields, field, getField } from './fields.ts';

/* ESR_ELx, Exception Syndrome Register */
export const ESR_ELX = { ISS: field(24, 0), IL: field(25), EC: field(31, 26) } as const;

/** ESR_ELx.EC of aborts. */
export const ESR_EC = {
  INSTRUCTION_ABORT_LOWER_EL: 0x20,
  INSTRUCTION_ABORT_SAME_EL: 0x21,
  DATA_ABORT_LOWER_EL: 0x24,
  DATA_ABORT_SAME_EL: 0x25,
} as const;

/** ISS of a Data Abort. */
export const ISS_DATA_ABORT = {
  DFSC: field(5, 0),
  WnR: field(6),
  S1PTW: field(7),
  CM: field(8),
  EA: field(9),
  FnV: field(10),
  SET: field(12, 11),
  AR: field(14),
  SF: field(15),
  SRT: field(20, 16),
  SSE: field(21),
  SAS: field(23, 22),
  ISV: field(24),
} as const;

/** ISS of an Instruction Abort. */
export const ISS_INSTRUCTION_ABORT = {
  IFSC: field(5, 0),
  S1PTW: field(7),
  EA: field(9),
  FnV: field(10),
  SET: field(12, 11),
} as const;

/** The instruction syndrome, ISS[23:14]: what a hypervisor needs to emulate a load or store. */
export interface InstructionSyndrome {
  /** Bytes of the access. */
  readonly size: 1 | 2 | 4 | 8;
  /** The load sign-extends (SSE). */
  readonly signExtend: boolean;
  /** Number of the transfer register (SRT), 31 for the zero register. */
  readonly register: number;
  /** The transfer register is 64 bits wide (SF). */
  readonly is64Bit: boolean;
  /** Acquire or release semantics (AR). */
  readonly acquireRelease: boolean;
}

/** What a Data Abort adds to its fault. */
export interface DataAbortDetails {
  /** Given for single loads and stores of one general-purpose register without writeback. */
  readonly syndrome?: InstructionSyndrome | undefined;
  /** A cache maintenance or address translation instruction; WnR is then 1. */
  readonly cacheMaintenance?: boolean | undefined;
  /** FAR is not valid (only on an External abort that is not on a walk). */
  readonly farNotValid?: boolean | undefined;
  /** EA: the implementation's class of an External abort. */
  readonly externalAbortType?: 0 | 1 | undefined;
}

const SAS_OF_SIZE = { 1: 0, 2: 1, 4: 2, 8: 3 } as const;
const SIZE_OF_SAS = [1, 2, 4, 8] as const;

/** Whether ISS[23:14] may be valid: stage 2 only, not on a stage 1 walk. */
const isSyndromeAllowed = (fault: Fault): boolean => fault.stage === 2 && !fault.s1ptw;

/** The 25-bit ISS of a Data Abort. ISV is 0 for stage 1 faults and stage 1 walks whatever `details` hold. */
export function dataAbortIss(fault: Fault, details: DataAbortDetails = {}): number {
  const syndrome = isSyndromeAllowed(fault) ? details.syndrome : undefined;
  const cacheMaintenance = details.cacheMaintenance === true;
  return Number(
    encodeFields(ISS_DATA_ABORT, {
      DFSC: fault.fsc,
      WnR: Number(fault.write || cacheMaintenance),
      S1PTW: Number(fault.s1ptw),
      CM: Number(cacheMaintenance),
      EA: details.externalAbortType ?? 0,
      FnV: Number(details.farNotValid === true && fault.fault === 'external-abort'),
      ...(syndrome && {
        ISV: 1,
        SAS: SAS_OF_SIZE[syndrome.size],
        SSE: Number(syndrome.signExtend),
        SRT: syndrome.register,
        SF: Number(syndrome.is64Bit),
        AR: Number(syndrome.acquireRelease),
      }),
    }),
  );
}

/** The 25-bit ISS of an Instruction Abort. */
export function instructionAbortIss(
  fault: Fault,
  details: Pick<DataAbortDetails, 'farNotValid' | 'externalAbortType'> = {},
): number {
  return Number(
    encodeFields(ISS_INSTRUCTION_ABORT, {
      IFSC: fault.fsc,
      S1PTW: Number(fault.s1ptw),
      EA: details.externalAbortType ?? 0,
      FnV: Number(details.farNotValid === true && fault.fault === 'external-abort'),
    }),
  );
}

/** The fields of a Data Abort's ISS that decide how a hypervisor emulates the access. */
export interface DecodedDataAbort {
  readonly dfsc: number;
  readonly write: boolean;
  readonly s1ptw: boolean;
  readonly cacheMaintenance: boolean;
  /** `undefined` if ISV is 0. */
  readonly syndrome: InstructionSyndrome | undefined;
}

/** Reads the ISS of a Data Abort; bits above [24:0] are ignored, so that the low half of ESR_ELx may be given. */
export function decodeDataAbortIss(iss: number): DecodedDataAbort {
  const bit = (n: number): boolean => ((iss >>> n) & 1) !== 0;
  return {
    dfsc: iss & 0x3f,
    write: bit(ISS_DATA_ABORT.WnR.shift),
    s1ptw: bit(ISS_DATA_ABORT.S1PTW.shift),
    cacheMaintenance: bit(ISS_DATA_ABORT.CM.shift),
    syndrome: bit(ISS_DATA_ABORT.ISV.shift)
      ? {
          size: SIZE_OF_SAS[(iss >>> ISS_DATA_ABORT.SAS.shift) & 3]!,
          signExtend: bit(ISS_DATA_ABORT.SSE.shift),
          register: (iss >>> ISS_DATA_ABORT.SRT.shift) & 31,
          is64Bit: bit(ISS_DATA_ABORT.SF.shift),
          acquireRelease: bit(ISS_DATA_ABORT.AR.shift),
        }
      : undefined,
  };
}

/** ESR_ELx of an abort: `ec` from ESR_EC, IL as for a 32-bit instruction. */
export const encodeEsr = (ec: number, iss: number): bigint => encodeFields(ESR_ELX, { EC: ec, IL: 1, ISS: iss });

/** EC and ISS of an ESR_ELx value. */
export const decodeEsr = (esr: bigint): { ec: number; iss: number } => ({
  ec: getField(esr, ESR_ELX.EC),
  iss: getField(esr, ESR_ELX.ISS),
});
