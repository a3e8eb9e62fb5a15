/** What went wrong in a call of this package; faults of a guest are values (`Fault`), never errors. */
export type MmuErrorCode =
  /** A register field was given a value wider than the field. */
  | 'FIELD_RANGE'
  /** An address or size is not a multiple of the 4 KiB granule (or a root table of its size). */
  | 'UNALIGNED'
  /** An address range leaves the IPA or PA space, or is empty. */
  | 'ADDRESS_RANGE'
  /** An IPA or PA size that stage 2 cannot be configured for. */
  | 'ADDRESS_SIZE'
  /** Table memory that was written by this package cannot be read back. */
  | 'TABLE_MEMORY';

/** The one error class of this package. `message` names the argument, its value and the limit. */
export class MmuError extends Error {
  readonly code: MmuErrorCode;

  constructor(code: MmuErrorCode, message: string) {
    super(message);
    this.name = 'MmuError';
    this.code = code;
  }
}

/** `value` in hexadecimal for messages. */
export const hex = (value: number | bigint): string => `0x${value.toString(16)}`;
