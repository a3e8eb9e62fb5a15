import type { DtNode } from '@dom0less/fdt';

/** A big-endian cell; the value must be long enough. */
export const cellAt = (value: Uint8Array, offset: number): number =>
  new DataView(value.buffer, value.byteOffset, value.byteLength).getUint32(offset);

/** A number of one or two cells. */
export const numberAt = (value: Uint8Array, offset: number, cells: number): bigint => {
  let number = 0n;
  for (let i = 0; i < cells; i++) number = (number << 32n) | BigInt(cellAt(value, offset + 4 * i));
  return number;
};

/** A property that is exactly one cell; undefined if it is absent or anything else. */
export const u32Of = (node: DtNode, name: string): number | undefined => {
  const value = node.prop(name)?.value;
  return value?.length === 4 ? cellAt(value, 0) : undefined;
};

const decodeStrings = (value: Uint8Array): string[] | undefined => {
  if (value.length === 0 || value[value.length - 1] !== 0) return undefined;
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(value.subarray(0, -1)).split('\0');
  } catch {
    return undefined;
  }
};

/** The first string of a property; undefined if it is absent or no text. */
export const stringOf = (node: DtNode, name: string): string | undefined => {
  const value = node.prop(name)?.value;
  return value === undefined ? undefined : decodeStrings(value)?.[0];
};

/** The strings of a property; none if it is absent or no text. */
export const stringsOf = (node: DtNode, name: string): string[] => {
  const value = node.prop(name)?.value;
  return value === undefined ? [] : (decodeStrings(value) ?? []);
};

/** The strings of `compatible`; none if it is absent or no text. */
export const compatibleOf = (node: DtNode): string[] => stringsOf(node, 'compatible');

/** True if `compatible` has the name, in any case: how Xen looks for nodes. */
export const hasCompatible = (node: DtNode, name: string): boolean =>
  compatibleOf(node).some((one) => one.toLowerCase() === name);

/** The value of `status` if it switches the node off. */
export const disabledStatus = (node: DtNode): string | undefined => {
  const status = stringOf(node, 'status');
  return status === undefined || status === 'okay' || status === 'ok' ? undefined : status;
};

const MAX_SHOWN_CELLS = 8;
const MAX_SHOWN_TEXT = 80;
const PRINTABLE = /^[\x20-\x7e]+$/;

const shorten = (text: string): string => (text.length > MAX_SHOWN_TEXT ? `${text.slice(0, MAX_SHOWN_TEXT)}…` : text);

/** A property's value as DTS source, shortened if long; undefined for an empty value. */
export const renderValue = (value: Uint8Array): string | undefined => {
  if (value.length === 0) return undefined;
  const strings = decodeStrings(value);
  if (strings?.every((text) => PRINTABLE.test(text))) {
    return shorten(strings.map((text) => JSON.stringify(text)).join(', '));
  }
  if (value.length % 4 === 0) {
    const count = value.length / 4;
    const cells = Array.from({ length: Math.min(count, MAX_SHOWN_CELLS) }, (_, i) => hex(cellAt(value, 4 * i)));
    return `<${cells.join(' ')}${count > MAX_SHOWN_CELLS ? ' …' : ''}>`;
  }
  const bytes = Array.from(value.subarray(0, 4 * MAX_SHOWN_CELLS), (byte) => byte.toString(16).padStart(2, '0'));
  return `[${bytes.join(' ')}${value.length > bytes.length ? ' …' : ''}]`;
};

/** A number the way device trees write it. */
export const hex = (value: number | bigint): string => `0x${value.toString(16)}`;
