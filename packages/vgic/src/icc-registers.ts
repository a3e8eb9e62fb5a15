/** Encoding of a system register in MRS and MSR, as a trap's syndrome has it. */
export type IccEncoding = readonly [op0: number, op1: number, CRn: number, CRm: number, op2: number];

/** What EL1 may do: the other access is UNDEFINED. */
export type IccAccess = 'r' | 'w' | 'rw';

/**
 * The system registers of the CPU interface at EL1 (IHI 0069) by name. With 5 bits of priority ICC_AP0R1
 * to 3 and ICC_AP1R1 to 3 don't exist: as any encoding that is not here they are UNDEFINED.
 */
const ENCODINGS = {
  ICC_PMR_EL1: { encoding: [3, 0, 4, 6, 0], access: 'rw' },
  ICC_IAR0_EL1: { encoding: [3, 0, 12, 8, 0], access: 'r' },
  ICC_EOIR0_EL1: { encoding: [3, 0, 12, 8, 1], access: 'w' },
  ICC_HPPIR0_EL1: { encoding: [3, 0, 12, 8, 2], access: 'r' },
  ICC_BPR0_EL1: { encoding: [3, 0, 12, 8, 3], access: 'rw' },
  ICC_AP0R0_EL1: { encoding: [3, 0, 12, 8, 4], access: 'rw' },
  ICC_AP1R0_EL1: { encoding: [3, 0, 12, 9, 0], access: 'rw' },
  ICC_DIR_EL1: { encoding: [3, 0, 12, 11, 1], access: 'w' },
  ICC_RPR_EL1: { encoding: [3, 0, 12, 11, 3], access: 'r' },
  ICC_SGI1R_EL1: { encoding: [3, 0, 12, 11, 5], access: 'w' },
  ICC_ASGI1R_EL1: { encoding: [3, 0, 12, 11, 6], access: 'w' },
  ICC_SGI0R_EL1: { encoding: [3, 0, 12, 11, 7], access: 'w' },
  ICC_IAR1_EL1: { encoding: [3, 0, 12, 12, 0], access: 'r' },
  ICC_EOIR1_EL1: { encoding: [3, 0, 12, 12, 1], access: 'w' },
  ICC_HPPIR1_EL1: { encoding: [3, 0, 12, 12, 2], access: 'r' },
  ICC_BPR1_EL1: { encoding: [3, 0, 12, 12, 3], access: 'rw' },
  ICC_CTLR_EL1: { encoding: [3, 0, 12, 12, 4], access: 'rw' },
  ICC_SRE_EL1: { encoding: [3, 0, 12, 12, 5], access: 'rw' },
  ICC_IGRPEN0_EL1: { encoding: [3, 0, 12, 12, 6], access: 'rw' },
  ICC_IGRPEN1_EL1: { encoding: [3, 0, 12, 12, 7], access: 'rw' },
} as const satisfies Record<string, { encoding: IccEncoding; access: IccAccess }>;

/** Name of a system register of the CPU interface. */
export type IccName = keyof typeof ENCODINGS;

export interface IccRegister {
  readonly name: IccName;
  readonly encoding: IccEncoding;
  readonly access: IccAccess;
  /** `iccId` of the encoding, which `readIcc` and `writeIcc` take. */
  readonly id: number;
}

/** An encoding as one number: op0, op1, CRn, CRm and op2 as in bits [20:5] of MRS and MSR. */
export const iccId = (op0: number, op1: number, CRn: number, CRm: number, op2: number): number =>
  (op0 << 14) | (op1 << 11) | (CRn << 7) | (CRm << 3) | op2;

/** Every system register of the CPU interface. */
export const ICC_REGISTERS: readonly IccRegister[] = Object.entries(ENCODINGS).map(([name, { encoding, access }]) => ({
  name: name as IccName,
  encoding,
  access,
  id: iccId(...(encoding as IccEncoding)),
}));

/** The ids of the registers by name: `ICC.ICC_IAR1_EL1`. */
export const ICC = Object.fromEntries(ICC_REGISTERS.map(({ name, id }) => [name, id])) as Readonly<
  Record<IccName, number>
>;
