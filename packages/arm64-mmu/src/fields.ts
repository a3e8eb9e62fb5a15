/* Bit fields of 64-bit registers and descriptors, declared as tables that encode, decode and code generation all read. */

import { MmuError } from './error.ts';

/** A field of a 64-bit value: bits `shift + width - 1` down to `shift`. `mask` is in place (already shifted). */
export interface Field {
  readonly shift: number;
  readonly width: number;
  readonly mask: bigint;
}

/** Fields of one register or descriptor by their Arm ARM name, in ascending bit order. */
export type FieldTable = Readonly<Record<string, Field>>;

/** Values for `encodeFields`; a field that is left out is 0. */
export type FieldValues<T extends FieldTable> = { readonly [K in keyof T]?: number };

/**
 * The field of bits `msb` down to `lsb`, both counted as in the Arm ARM.
 * At most 48 bits wide, so that every value is exact as a number.
 */
export function field(msb: number, lsb: number = msb): Field {
  const width = msb - lsb + 1;
  return { shift: lsb, width, mask: ((1n << BigInt(width)) - 1n) << BigInt(lsb) };
}

/** The value of `f` in `value`, right-aligned and unsigned. */
export const getField = (value: bigint, f: Field): number => Number((value & f.mask) >> BigInt(f.shift));

/** Whether any bit of `f` is set in `value`. */
export const hasField = (value: bigint, f: Field): boolean => (value & f.mask) !== 0n;

/**
 * `value` with `f` replaced.
 * @throws MmuError FIELD_RANGE if `fieldValue` is negative, fractional or wider than the field.
 */
export function setField(value: bigint, f: Field, fieldValue: number): bigint {
  if (!Number.isSafeInteger(fieldValue) || fieldValue < 0 || fieldValue >= 2 ** f.width) {
    throw new MmuError('FIELD_RANGE', `field value ${fieldValue} does not fit into ${f.width} bits at bit ${f.shift}`);
  }
  return (value & ~f.mask) | (BigInt(fieldValue) << BigInt(f.shift));
}

/**
 * A 64-bit value from named field values, everything else 0.
 * @throws MmuError FIELD_RANGE if a value does not fit, or names no field of the table.
 */
export function encodeFields<T extends FieldTable>(table: T, values: FieldValues<T>): bigint {
  let encoded = 0n;
  for (const [name, value] of Object.entries(values)) {
    const f = table[name];
    if (f === undefined) throw new MmuError('FIELD_RANGE', `no field ${name} in the table`);
    encoded = setField(encoded, f, value as number);
  }
  return encoded;
}

/** All fields of `value` by name, right-aligned and unsigned. Bits outside the table are dropped. */
export function decodeFields<T extends FieldTable>(table: T, value: bigint): { [K in keyof T]: number } {
  const entries = Object.entries(table).map(([name, f]) => [name, getField(value, f)]);
  return Object.fromEntries(entries) as { [K in keyof T]: number };
}
