import { FdtError } from './errors.ts';

/** Numbers of the flattened format (Devicetree Specification v0.4, chapter 5). */
export const FDT_MAGIC = 0xd00dfeed;
export const FDT_BEGIN_NODE = 1;
export const FDT_END_NODE = 2;
export const FDT_PROP = 3;
export const FDT_NOP = 4;
export const FDT_END = 9;

export const LAST_VERSION = 17;
/** Version 17 added size_dt_struct; a version 16 header ends before it. */
export const HEADER_SIZE_V16 = 36;
export const HEADER_SIZE_V17 = 40;
export const RESERVE_ENTRY_SIZE = 16;

/** Nodes below the root can nest so deep; Linux has the same limit. */
export const MAX_DEPTH = 64;

/** Longest node or property name. The specification says 31 and real trees have more; a bound keeps memory bounded. */
export const MAX_NAME_LENGTH = 1023;

export const alignUp = (offset: number, alignment: number): number => Math.ceil(offset / alignment) * alignment;

/** Bytes as text with one character per byte, so that any name survives a round trip. */
export function latin1(bytes: Uint8Array): string {
  let text = '';
  for (let at = 0; at < bytes.length; at += 8192) {
    text += String.fromCharCode(...bytes.subarray(at, at + 8192));
  }
  return text;
}

/** Writes a name, one byte per character; the name was checked by {@link checkName}. */
export function putLatin1(target: Uint8Array, offset: number, text: string): void {
  for (let i = 0; i < text.length; i++) target[offset + i] = text.charCodeAt(i);
}

/** Throws unless `name` can be stored in a blob as the name of a node or property. */
export function checkName(what: 'node' | 'property', name: string, path?: string): void {
  const place = path === undefined ? '' : ` in ${path}`;
  const complain = (why: string): never => {
    throw new FdtError(
      'FDT_ERR_BADVALUE',
      `${what} name ${JSON.stringify(name.slice(0, 64))}${place} ${why}`,
      path === undefined ? {} : { path },
    );
  };
  if (name.length === 0) complain('is empty');
  if (name.length > MAX_NAME_LENGTH) complain(`has ${name.length} characters; at most ${MAX_NAME_LENGTH} are possible`);
  for (let i = 0; i < name.length; i++) {
    const code = name.charCodeAt(i);
    if (code === 0 || code > 0xff || (what === 'node' && code === 0x2f)) {
      complain(`contains ${JSON.stringify(name[i])}, which no ${what} name can hold`);
    }
  }
}
