import { propStrings } from '@dom0less/fdt';
import { hex } from '../../property.ts';

/** What `fdt set` makes of its value words; `remarks` are oddities that U-Boot passes over. */
export type FdtValue = { value: Uint8Array; remarks: string[] } | { detail: string; remedy: string };

const CELL = /^(?:(?:0x)*(?<hex>[0-9a-f]+)|(?<decimal>\d+))$/i;

/** One number by C's rules: 0x, a leading 0 for octal, or decimal. */
const readCell = (text: string): { number: bigint; remark?: string } | { detail: string; remedy: string } => {
  const bad = { detail: `${text} is no number`, remedy: 'write cells as <0x1 2>, with blanks between them' };
  if (/^0x/i.test(text)) {
    const digits = CELL.exec(text)?.groups?.hex;
    if (digits === undefined) return bad;
    const number = BigInt(`0x${digits}`);
    return /^0x0x/i.test(text) ? { number, remark: `${text} is taken as ${hex(number)}` } : { number };
  }
  if (!/^\d+$/.test(text)) {
    const remedy = /^[0-9a-f]+$/i.test(text) ? `write 0x${text}` : bad.remedy;
    return { ...bad, remedy };
  }
  if (!/^0\d/.test(text)) return { number: BigInt(text) };
  if (/[89]/.test(text)) return { detail: `${text} is no octal number`, remedy: `write ${text.replace(/^0+/, '')}` };
  const number = BigInt(`0o${text.slice(1)}`);
  return { number, remark: `${text} is octal: ${hex(number)}` };
};

const cells = (text: string, old: Uint8Array): FdtValue => {
  const words = text.split(/\s+/).filter((word) => word !== '');
  const value = new Uint8Array(words.length * 4);
  const view = new DataView(value.buffer);
  const remarks: string[] = [];
  for (const [i, word] of words.entries()) {
    if (word === '?') {
      value.set(old.subarray(4 * i, 4 * i + 4), 4 * i);
      continue;
    }
    const cell = readCell(word);
    if ('detail' in cell) return cell;
    if (cell.number > 0xffff_ffffn) {
      const halves = `${hex(cell.number >> 32n)} ${hex(cell.number & 0xffff_ffffn)}`;
      return { detail: `${word} does not fit in a cell of 32 bits`, remedy: `write it as two cells: ${halves}` };
    }
    if (cell.remark !== undefined) remarks.push(cell.remark);
    view.setUint32(4 * i, Number(cell.number));
  }
  return { value, remarks };
};

const bytes = (text: string): FdtValue => {
  const words = text.split(/\s+/).filter((word) => word !== '');
  const wrong = words.find((word) => !/^[0-9a-f]{1,2}$/i.test(word));
  if (wrong !== undefined) {
    return { detail: `${wrong} is no byte`, remedy: 'write bytes as [00 1f], hexadecimal, with blanks between them' };
  }
  return { value: Uint8Array.from(words, (word) => Number.parseInt(word, 16)), remarks: [] };
};

/** Values of these are one text; several strings mean that quotes are missing. */
const isOneText = (property: string): boolean => /(^|-)bootargs$/.test(property);

const strings = (property: string, words: readonly string[]): FdtValue => {
  const remarks: string[] = [];
  if (words.length > 1 && isOneText(property)) {
    remarks.push(
      `the ${words.length} words become as many strings, of which only the first is read; put quotes around`,
    );
  }
  const quoted = words.find((word) => word.includes('"'));
  if (quoted !== undefined) remarks.push(`the string ${quoted} itself holds a double quote`);
  return { value: propStrings(...words.map((word) => word.replaceAll('\0', ''))), remarks };
};

/**
 * The value words of `fdt set`: `<…>` are cells, `[…]` bytes, whatever else strings, one for each word. Blanks inside
 * brackets may have split them into several words.
 *
 * @param old the property's value so far, of which a cell `?` keeps its part
 */
export const parseFdtValue = (property: string, words: readonly string[], old: Uint8Array): FdtValue => {
  const open = words[0]?.[0];
  if (open !== '<' && open !== '[') return strings(property, words);
  const close = open === '<' ? '>' : ']';
  const text = words.join(' ');
  const end = text.indexOf(close);
  if (end < 0) return { detail: `${close} is missing`, remedy: `end the value with ${close}` };
  const result = open === '<' ? cells(text.slice(1, end), old) : bytes(text.slice(1, end));
  const rest = text.slice(end + 1).trim();
  if (rest !== '' && 'remarks' in result) {
    result.remarks.push(`${rest} behind ${close} is left out; one pair of brackets holds all`);
  }
  return result;
};
