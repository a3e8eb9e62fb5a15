import { decode } from '../decoder.ts';
import { allTemplates, format, prefers } from './template.ts';

/** Bits of an address that decoding takes. */
const PAGE_MASK = 0xfffn;

/**
 * The text of the instruction word at `address`, in the style of GNU objdump: lower case, preferred aliases, addresses
 * in hexadecimal. `undefined` where the word is not in the instruction table.
 */
export function disassemble(word: number, address: bigint): string | undefined {
  const decoded = decode(word >>> 0, Number(address & PAGE_MASK));
  if (!decoded) return undefined;
  const instruction = { fields: decoded.fields, word: word >>> 0, address };
  const forms = allTemplates().byRow[decoded.encoding.index]!;
  const form = forms.find(({ alias }) => !alias || prefers(alias, decoded.fields))!;
  return format(form, instruction);
}
