const SIMPLE: Readonly<Record<string, number>> = { a: 7, b: 8, t: 9, n: 10, v: 11, f: 12, r: 13 };
const ESCAPE = /\\(?:([0-7]{1,3})|x([0-9a-fA-F]{0,2})|([\s\S]))/g;

/** The bytes of a string or character literal: UTF-8, with C's escapes for single bytes. */
export function decodeEscapes(text: string, fail: (message: string) => never): Uint8Array {
  const encoder = new TextEncoder();
  if (!text.includes('\\')) return encoder.encode(text);
  const bytes: number[] = [];
  let plainFrom = 0;
  for (const match of text.matchAll(ESCAPE)) {
    for (const byte of encoder.encode(text.slice(plainFrom, match.index))) bytes.push(byte);
    plainFrom = match.index + match[0].length;
    const [, octal, hex, other] = match;
    if (octal !== undefined) bytes.push(Number.parseInt(octal, 8) & 0xff);
    else if (hex === '') fail('\\x is not followed by a hexadecimal digit');
    else if (hex !== undefined) bytes.push(Number.parseInt(hex, 16));
    else if (other! in SIMPLE) bytes.push(SIMPLE[other!]!);
    else for (const byte of encoder.encode(other)) bytes.push(byte);
  }
  for (const byte of encoder.encode(text.slice(plainFrom))) bytes.push(byte);
  return Uint8Array.from(bytes);
}
