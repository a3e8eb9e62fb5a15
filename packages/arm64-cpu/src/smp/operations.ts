/**
 * Operations of the log by which pCPUs tell each other what to forget (see broadcast.ts). Each belongs to the domain (VMID)
 * that asked for it, or to none (ANY_VMID); `operand` is 32 bits wide.
 */

/** VMID of what the host asks for, beyond the 15 bits of a VMID. */
export const ANY_VMID = 0xffff;

/** TLB entries of one address; the operand is the low 32 bits of VA[55:12]. */
export const OP_VA = 1;
/** TLB entries of an address space; the operand is VMID << 16 | ASID. */
export const OP_ASID = 2;
/** All TLB entries of the domain. */
export const OP_VMID = 3;
/** TLB entries by which the domain may write. */
export const OP_WRITES = 4;
/** Records of some lines of a page; the operand is the host page, 8 bytes more are a bit for each line of 64 bytes. */
export const OP_CODE_LINES = 5;
/** All records of the domain's code. */
export const OP_CODE = 6;
/** All TLB entries of all domains. */
export const OP_EVERYTHING = 7;
