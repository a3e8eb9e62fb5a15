import { FdtError } from './errors.ts';

/** How many 32-bit cells an address and a size take. */
export interface Cells {
  readonly address: number;
  readonly size: number;
}

/** One entry of a `reg` property: address and size in bytes, in the parent bus's address space. */
export interface RegEntry {
  readonly address: bigint;
  readonly size: bigint;
}

function refuse(what: string): never {
  throw new FdtError('FDT_ERR_BADVALUE', what);
}

/** Cells of a property: each number becomes four bytes, most significant first. Takes 0..2^32-1. */
export function propU32(...cells: readonly number[]): Uint8Array {
  const value = new Uint8Array(cells.length * 4);
  const view = new DataView(value.buffer);
  cells.forEach((cell, i) => {
    if (!Number.isInteger(cell) || cell < 0 || cell > 0xffffffff) refuse(`${cell} does not fit in a 32-bit cell`);
    view.setUint32(i * 4, cell);
  });
  return value;
}

/** 64-bit numbers of a property, eight bytes each, most significant first. Takes 0..2^64-1. */
export function propU64(...numbers: readonly bigint[]): Uint8Array {
  const value = new Uint8Array(numbers.length * 8);
  numbers.forEach((number, i) => {
    putCells(value, i * 8, number, 2);
  });
  return value;
}

/** One or more NUL-terminated UTF-8 strings; with none, an empty value. A string cannot hold U+0000. */
export function propStrings(...strings: readonly string[]): Uint8Array {
  const bad = strings.find((text) => text.includes('\0'));
  if (bad !== undefined) refuse(`string ${JSON.stringify(bad)} holds a NUL; pass two strings instead`);
  return new TextEncoder().encode(strings.map((text) => `${text}\0`).join(''));
}

/** The value of a property that is true by being there. */
export function propEmpty(): Uint8Array {
  return new Uint8Array(0);
}

/** A `reg` value: each entry as `cells.address` then `cells.size` cells (Devicetree Specification 2.3.6). */
export function propReg(entries: readonly RegEntry[], cells: Cells): Uint8Array {
  const stride = (cells.address + cells.size) * 4;
  const value = new Uint8Array(entries.length * stride);
  entries.forEach((entry, i) => {
    putCells(value, i * stride, entry.address, cells.address);
    putCells(value, i * stride + cells.address * 4, entry.size, cells.size);
  });
  return value;
}

function putCells(value: Uint8Array, offset: number, number: bigint, cells: number): void {
  if (number < 0n || number >= 1n << BigInt(cells * 32)) {
    refuse(`0x${number.toString(16)} does not fit in ${cells} cell(s)`);
  }
  let rest = number;
  for (let i = cells * 4 - 1; i >= 0; i--) {
    value[offset + i] = Number(rest & 0xffn);
    rest >>= 8n;
  }
}

/** The unsigned number that `cells` cells at `offset` make; 0 cells make 0n. */
export function cellsToBigInt(value: Uint8Array, offset: number, cells: number): bigint {
  const view = new DataView(value.buffer, value.byteOffset, value.byteLength);
  let number = 0n;
  for (let i = 0; i < cells; i++) number = (number << 32n) | BigInt(view.getUint32(offset + i * 4));
  return number;
}

/** A value for an error message: text when it is text, else bytes; long ones are cut. */
export function describeValue(value: Uint8Array): string {
  if (value.length === 0) return 'empty';
  const shown = value.subarray(0, 16);
  const hex = Array.from(shown, (byte) => byte.toString(16).padStart(2, '0')).join(' ');
  return `[${hex}${value.length > shown.length ? ' …' : ''}] (${value.length} bytes)`;
}
