/** Which words of the instruction table a case may hold, and why not the others. */
import type { Decoded } from '../src/decoder.ts';
import type { Fields } from '../src/table/row.ts';

export interface Exclusion {
  readonly rows: RegExp;
  /** The words that are excluded; default all of the rows. */
  readonly when?: (f: Fields) => boolean;
  readonly reason: string;
}

/** Fields that chance would hardly meet: the system registers that user code has to itself. */
export const CHOICES: Readonly<Record<string, readonly Fields[]>> = {
  MRS_storage_EL0: [
    { o0: 1, op1: 3, CRn: 4, CRm: 4, op2: 0 },
    { o0: 1, op1: 3, CRn: 4, CRm: 4, op2: 1 },
    { o0: 1, op1: 3, CRn: 13, CRm: 0, op2: 2 },
  ],
};
const isChoice = (f: Fields, choice: Fields): boolean => Object.entries(choice).every(([name, v]) => f[name] === v);

const isPair = /^LDN?P/;

/** Words that are in the table and in no case. */
export const EXCLUSIONS: readonly Exclusion[] = [
  {
    rows: /^(UDF|SVC|HVC|SMC|BRK|HLT|ERET)$/,
    reason: 'raises an exception: the end of a case',
  },
  {
    rows: /^(WFI|WFE|SEV|SEVL)$/,
    reason: 'waits for an event: what wakes it is the host, not the case',
  },
  {
    rows: /^(MRS|MSR)_(?!storage_EL0$|NZCV$|FPCR$|FPSR$|TPIDR_EL0$)/,
    reason: 'system register of EL1, a timer, or one that says which core it is',
  },
  {
    rows: /^MRS_storage_EL0$/,
    when: (f) => !CHOICES.MRS_storage_EL0!.some((choice) => isChoice(f, choice)),
    reason: 'TPIDRRO_EL0 is what the kernel of the process puts there',
  },
  {
    rows: /^(TLBI|AT|IC_IALLU|IC_IALLUIS|DC_IVAC|DC_ISW|DC_CSW|DC_CISW)/,
    reason: 'not executable at EL0',
  },
  {
    rows: isPair,
    when: (f) => f.Rt === f.Rt2,
    reason: 'CONSTRAINED UNPREDICTABLE: a load of a pair with Rt = Rt2',
  },
  {
    rows: /^LDA?XP_/,
    when: (f) => f.Rt === f.Rt2,
    reason: 'CONSTRAINED UNPREDICTABLE: an exclusive load of a pair with Rt = Rt2',
  },
  {
    rows: /^(LD|ST)R?S?[BHW]?(_(32|64|SW))?_(post|pre)$/,
    when: (f) => f.Rn !== 31 && f.Rn === f.Rt,
    reason: 'CONSTRAINED UNPREDICTABLE: writeback to the register that is loaded or stored',
  },
  {
    rows: /^(LDP|STP|LDPSW)_(32|64|SW)_(post|pre)$/,
    when: (f) => f.Rn !== 31 && (f.Rn === f.Rt || f.Rn === f.Rt2),
    reason: 'CONSTRAINED UNPREDICTABLE: writeback to a register that is loaded or stored',
  },
  {
    rows: /^STL?X/,
    when: (f) => f.Rs === f.Rt || f.Rs === f.Rt2 || (f.Rn !== 31 && f.Rs === f.Rn),
    reason: 'CONSTRAINED UNPREDICTABLE: the status register of an exclusive store is its data or its base',
  },
];

/** Why a word is in no case; undefined where it may be. */
export const excluded = ({ encoding, fields }: Decoded): string | undefined =>
  EXCLUSIONS.find((e) => e.rows.test(encoding.row.name) && (e.when?.(fields) ?? true))?.reason;

/** Bits of FPCR and FPSR that a case starts with: AHP, DN, FZ and RMode; N, Z, C, V, QC and the cumulative flags. */
export const FPCR_BITS = 0x07c0_0000;
export const FPSR_BITS = 0xf800_009f;

/** Bits that MSR may write to FPCR: the reference has FZ16, and keeps AArch32's Len and Stride. */
export const FPCR_WRITES = ~0x003f_0000n;
export const FPSR_WRITES = ~0n;
