import { type DtsMark, type DtsValueType, stretchEnds } from './dts-marks.ts';

/** Bytes that stand in strings, and how they are escaped there. */
const ESCAPES: ReadonlyMap<number, string> = new Map([
  [7, '\\a'],
  [8, '\\b'],
  [9, '\\t'],
  [10, '\\n'],
  [11, '\\v'],
  [12, '\\f'],
  [13, '\\r'],
  [0x22, '\\"'],
  [0x5c, '\\\\'],
]);
const WIDTHS = { u8: 1, u16: 2, u32: 4, u64: 8 } as const;
const OPEN: Readonly<Record<DtsValueType, string>> = {
  u8: '[',
  u16: '/bits/ 16 <',
  u32: '<',
  u64: '/bits/ 64 <',
  string: '',
};
const CLOSE: Readonly<Record<DtsValueType, string>> = { u8: ']', u16: '>', u32: '>', u64: '>', string: '' };

const isPrintable = (byte: number): boolean => byte >= 0x20 && byte <= 0x7e;

/**
 * A property's value as source, from the space before `=`, or nothing for an empty one.
 *
 * @param marks How the source writes it; without marks of a type, strings, cells or bytes are what it looks like.
 */
export function printValue(value: Uint8Array, marks: readonly DtsMark[] = []): string {
  if (value.length === 0) return '';
  if (!marks.some(({ kind }) => kind === 'type')) return ` =${printGuessed(value, marks)}`;
  return ` =${printMarked(value, marks) ?? printGuessed(value, [])}`;
}

function printGuessed(value: Uint8Array, marks: readonly DtsMark[]): string {
  const labels = marks.filter(({ kind }) => kind === 'label');
  if (labels.length > 0) {
    const type = guessType(value, labels);
    const printed = printMarked(value, [{ offset: 0, kind: 'type', type }, ...marks]);
    if (printed !== undefined) return printed;
  }
  const type = guessType(value, []);
  return ` ${type === 'string' ? printStrings(value) : `${OPEN[type]}${printNumbers(value, type)}${CLOSE[type]}`}`;
}

/** dtc's guess; a label stands only before a string or a cell. */
function guessType(value: Uint8Array, labels: readonly DtsMark[]): DtsValueType {
  const betweenStrings = labels.every(({ offset }) => offset === 0 || value[offset - 1] === 0);
  if (looksLikeStrings(value) && betweenStrings) return 'string';
  return value.length % 4 === 0 && labels.every(({ offset }) => offset % 4 === 0) ? 'u32' : 'u8';
}

/** It ends with a NUL, all else is text, and at most half of it are NULs. */
function looksLikeStrings(value: Uint8Array): boolean {
  let nuls = 0;
  for (const byte of value) {
    if (byte === 0) nuls++;
    else if (!isPrintable(byte) && !ESCAPES.has(byte)) return false;
  }
  return value[value.length - 1] === 0 && nuls <= value.length - nuls;
}

/** A value of which marks tell all; undefined when they do not, as behind what a file gave. */
function printMarked(value: Uint8Array, marks: readonly DtsMark[]): string | undefined {
  let text = '';
  let type: DtsValueType | undefined;
  const ends = stretchEnds(marks, value.length);
  for (const [index, mark] of marks.entries()) {
    const { offset, kind } = mark;
    const end = marks[index + 1]?.offset ?? value.length;
    const typeEnd = ends[index]!;
    if (kind === 'type') {
      if (typeEnd === offset) continue;
      type = mark.type;
      text += ` ${OPEN[type]}`;
    } else if (kind === 'label') text += ` ${mark.label}:`;
    else if (offset > 0) text += ' ';
    if (type === undefined) {
      if (end > offset) return undefined;
      continue;
    }
    const chunk = printChunk(value.subarray(offset, end), type);
    if (chunk === undefined) return undefined;
    text += chunk;
    if (end === typeEnd) {
      text += `${CLOSE[type]}${end === value.length ? '' : ','}`;
      type = undefined;
    }
  }
  return text;
}

function printChunk(bytes: Uint8Array, type: DtsValueType): string | undefined {
  if (bytes.length === 0) return '';
  if (type !== 'string') return bytes.length % WIDTHS[type] === 0 ? printNumbers(bytes, type) : undefined;
  return bytes[bytes.length - 1] === 0 ? printString(bytes.subarray(0, -1)) : undefined;
}

/** Numbers of a width, as between the brackets of an array. */
function printNumbers(bytes: Uint8Array, type: Exclude<DtsValueType, 'string'>): string {
  const width = WIDTHS[type];
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const read: Record<typeof width, (at: number) => number | bigint> = {
    1: (at) => view.getUint8(at),
    2: (at) => view.getUint16(at),
    4: (at) => view.getUint32(at),
    8: (at) => view.getBigUint64(at),
  };
  const prefix = width === 1 ? '' : '0x';
  const number = (_: unknown, i: number): string =>
    `${prefix}${read[width](i * width)
      .toString(16)
      .padStart(2, '0')}`;
  return Array.from({ length: bytes.length / width }, number).join(' ');
}

const printStrings = (value: Uint8Array): string => {
  const strings: string[] = [];
  for (let at = 0; at < value.length; ) {
    const end = value.indexOf(0, at);
    strings.push(printString(value.subarray(at, end)));
    at = end + 1;
  }
  return strings.join(', ');
};

/** One string in quotes. */
function printString(bytes: Uint8Array): string {
  let text = '"';
  bytes.forEach((byte, i) => {
    text += escapeByte(byte, bytes[i + 1]);
  });
  return `${text}"`;
}

function escapeByte(byte: number, next: number | undefined): string {
  const known = ESCAPES.get(byte);
  if (known !== undefined) return known;
  // dtc writes \\0 before digits, too, which then are read as part of it.
  if (byte === 0) return next !== undefined && next >= 0x30 && next <= 0x37 ? '\\000' : '\\0';
  return isPrintable(byte) ? String.fromCharCode(byte) : `\\x${byte.toString(16).padStart(2, '0')}`;
}
