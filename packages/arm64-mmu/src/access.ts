/** What an access does. `atomic` is one that both reads and writes (LSE atomics, DDI 0487 CheckPermission). */
export type AccessType = 'read' | 'write' | 'execute' | 'atomic';

/** An access of a PE in the EL1&0 translation regime. */
export interface Access {
  readonly type: AccessType;
  /** PSTATE.EL. */
  readonly el: 0 | 1;
  /** LDTR and STTR: EL1 with EL0's permissions. */
  readonly unprivileged?: boolean | undefined;
  /** A data access that is not naturally aligned, or DC ZVA: an Alignment fault on Device memory. */
  readonly unaligned?: boolean | undefined;
}

/** An access as stage 2 sees it: without FEAT_XNX it does not tell EL0 from EL1. */
export interface Stage2Access {
  readonly type: AccessType;
  readonly unaligned?: boolean | undefined;
  /** The fetch of a stage 1 descriptor on behalf of an access of this type: checked as a read. */
  readonly s1ptw?: boolean | undefined;
}

/** Rights to a location. */
export interface Permissions {
  readonly read: boolean;
  readonly write: boolean;
  readonly execute: boolean;
}

/** Every right, as where a stage is off. */
export const ALL_PERMISSIONS: Permissions = { read: true, write: true, execute: true };

/** Where the walks read descriptors. */
export interface PhysicalMemory {
  /**
   * The 8 bytes at physical address `pa` (a multiple of 8, below 2^48), little-endian, as an unsigned 64-bit value;
   * `undefined` where nothing answers, which the walk reports as a synchronous External abort.
   */
  readDescriptor(pa: number): bigint | undefined;
}

/** Rights that both grant. */
export const intersect = (a: Permissions, b: Permissions): Permissions => ({
  read: a.read && b.read,
  write: a.write && b.write,
  execute: a.execute && b.execute,
});

/** Whether `permissions` allow an access of `type`. */
export function isPermitted(permissions: Permissions, type: AccessType): boolean {
  if (type === 'execute') return permissions.execute;
  if (type === 'atomic') return permissions.read && permissions.write;
  return type === 'write' ? permissions.write : permissions.read;
}
