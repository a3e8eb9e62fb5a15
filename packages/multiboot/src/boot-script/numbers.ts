/** A hexadecimal number as U-Boot's commands take it, with or without 0x. */
export interface ScriptNumber {
  value: number;
  /** True if 0x stands there more than once: U-Boot reads such a number as 0. */
  doubled: boolean;
}

const HEX = /^(?:0x)*([0-9a-f]+)$/i;
const DOUBLED = /^0x0x/i;
/** Physical addresses have 48 bits. */
const LIMIT = 2 ** 48;

/** Reads a hexadecimal number below 2^48; undefined if it is none. */
export const parseHex = (text: string): ScriptNumber | undefined => {
  const digits = HEX.exec(text)?.[1];
  if (digits === undefined) return undefined;
  const value = Number(`0x${digits}`);
  return value < LIMIT ? { value, doubled: DOUBLED.test(text) } : undefined;
};
