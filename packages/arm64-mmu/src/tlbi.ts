/* TLB maintenance operations of EL1. DDI 0487 C5.5 (A64 System instructions for TLB maintenance), D8 (TLB maintenance). */

import { field, getField } from './fields.ts';

/** Which translations of the current VMID an operation invalidates. */
export type TlbiScope =
  /** All of stage 1. */
  | 'all'
  /** All that are not global, of one ASID. */
  | 'asid'
  /** Of one address: those of one ASID, and global ones. */
  | 'va'
  /** Of one address, of every ASID. */
  | 'va-all-asid';

/** One TLBI operation: SYS with op0 = 1 and the fields below. */
export interface TlbiOperation {
  readonly name: string;
  readonly op1: number;
  readonly CRn: number;
  readonly CRm: number;
  readonly op2: number;
  readonly scope: TlbiScope;
  /** Only entries of the last level of lookup (blocks and pages), not cached table descriptors. */
  readonly lastLevel: boolean;
  /** For all PEs of the Inner Shareable domain rather than this one. */
  readonly innerShareable: boolean;
}

/** The register operand Xt. `VA` is VA[55:12]; bits [47:44] are RES0. Absent in operations of scope `all`. */
export const TLBI_OPERAND = { VA: field(43, 0), ASID: field(63, 48) } as const;

const CRM_INNER_SHAREABLE = 3;
const CRM_LOCAL = 7;

const OPERATIONS = [
  { name: 'VMALLE1', op2: 0, scope: 'all', lastLevel: false },
  { name: 'VAE1', op2: 1, scope: 'va', lastLevel: false },
  { name: 'ASIDE1', op2: 2, scope: 'asid', lastLevel: false },
  { name: 'VAAE1', op2: 3, scope: 'va-all-asid', lastLevel: false },
  { name: 'VALE1', op2: 5, scope: 'va', lastLevel: true },
  { name: 'VAALE1', op2: 7, scope: 'va-all-asid', lastLevel: true },
] as const satisfies readonly Pick<TlbiOperation, 'name' | 'op2' | 'scope' | 'lastLevel'>[];

/** The twelve operations: each for this PE, then each for the Inner Shareable domain. */
export const TLBI_OPERATIONS: readonly TlbiOperation[] = [
  ...OPERATIONS.map((o) => ({ ...o, op1: 0, CRn: 8, CRm: CRM_LOCAL, innerShareable: false })),
  ...OPERATIONS.map((o) => ({
    ...o,
    name: `${o.name}IS`,
    op1: 0,
    CRn: 8,
    CRm: CRM_INNER_SHAREABLE,
    innerShareable: true,
  })),
];

/** What a TLBI acts on; what its scope does not name is `undefined`. */
export interface TlbiTarget {
  /** Start of the 4 KiB that the operand names, sign-extended from bit 55; the granule in use decides how much goes. */
  readonly va: bigint | undefined;
  /** As given, 16 bits; TCR_EL1.AS = 0 makes the upper 8 of no effect. */
  readonly asid: number | undefined;
}

/** Reads the operand Xt of an operation. */
export function decodeTlbiOperand(operation: Pick<TlbiOperation, 'scope'>, xt: bigint): TlbiTarget {
  const { scope } = operation;
  const page = BigInt(getField(xt, TLBI_OPERAND.VA)) << 12n;
  return {
    va: scope === 'va' || scope === 'va-all-asid' ? BigInt.asUintN(64, BigInt.asIntN(56, page)) : undefined,
    asid: scope === 'va' || scope === 'asid' ? getField(xt, TLBI_OPERAND.ASID) : undefined,
  };
}
