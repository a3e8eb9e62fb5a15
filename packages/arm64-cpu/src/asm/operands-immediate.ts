/** Operands that are immediates: `<#…>`, shifts of immediates, and offsets in brackets. */

import type { Pattern } from '../table/row.ts';
import { parseExpression, type SymbolScope } from './expression.ts';
import {
  fieldImmediate,
  HEX_FIELDS,
  IMMEDIATES,
  type Immediate,
  pairOffset,
  rightShift,
  unsignedOffset,
} from './immediates.ts';
import { type FieldWriter, hex, type Operand, parseImmediate, put } from './operand.ts';
import type { Scanner } from './scanner.ts';

function parseFields(s: Scanner, out: FieldWriter, scope: SymbolScope, immediate: Immediate): void {
  s.skipBlanks();
  const { at } = s;
  const value = parseImmediate(s, scope, immediate.range);
  put(s, out, immediate.fields(value, out.fields()) ?? s.fail(immediate.range, at), immediate.range, at);
}

const plain = (immediate: Immediate, inHex = immediate.hex): Operand => ({
  format: (i) => `#${inHex ? hex(immediate.value(i.fields)) : immediate.value(i.fields)}`,
  parse: (s, out, scope) => parseFields(s, out, scope, immediate),
});

/** `, #16` behind a base register; nothing for 0. */
const offset = (immediate: Immediate): Operand => ({
  format: (i) => (immediate.value(i.fields) === 0 ? '' : `, #${immediate.value(i.fields)}`),
  parse: (s, out, scope) => {
    if (s.take(',')) return parseFields(s, out, scope, immediate);
    put(s, out, immediate.fields(0n, out.fields())!, '`,` and an offset', s.at);
  },
});

/** `, lsl #12` behind an immediate: shifts by `unit` times the field; nothing for 0. */
function shiftSuffix(keyword: 'lsl' | 'msl', field: string, unit: number, base: number): Operand {
  return {
    format: ({ fields: f }) => (f[field]! + base === 0 ? '' : `, ${keyword} #${(f[field]! + base) * unit}`),
    parse: (s, out, scope) => {
      if (base === 0 && !s.take(',')) return put(s, out, { [field]: 0 }, '`,` and a shift', s.at);
      if (base !== 0 && !s.take(',')) s.fail('`,`');
      if (!s.take(keyword)) s.fail(keyword);
      const { at } = s;
      const expected = `a shift that is a multiple of ${unit} and allowed here`;
      const amount = parseImmediate(s, scope, expected);
      if (amount % BigInt(unit) !== 0n) s.fail(expected, at);
      const value = Number(amount / BigInt(unit)) - base;
      if (!out.field(field) || value >= 2 ** out.field(field)!.width) s.fail(expected, at);
      put(s, out, { [field]: value }, expected, at);
    },
  };
}

const ADD_RANGE = 'an immediate from 0 to 4095, or a multiple of 4096 below 16 MiB';

/** ADD's immediate; `sign` -1 for the alias that ADD of a negative number is of SUB. */
const addImmediate = (sign: 1 | -1): Operand => ({
  format: ({ fields: f }) => `#${hex(f.imm12!)}${f.sh ? ', lsl #12' : ''}`,
  parse: (s, out, scope) => {
    s.skipBlanks();
    const { at } = s;
    const value = parseImmediate(s, scope, ADD_RANGE) * BigInt(sign);
    if (s.take(',')) {
      if (!s.take('lsl')) s.fail('lsl');
      const amount = parseImmediate(s, scope, 'a shift by 0 or 12');
      if ((amount !== 0n && amount !== 12n) || value < 0n || value > 4095n) s.fail(ADD_RANGE, at);
      return put(s, out, { imm12: Number(value), sh: amount === 12n ? 1 : 0 }, ADD_RANGE, at);
    }
    const sh = value > 4095n ? 1 : 0;
    const imm12 = sh ? value >> 12n : value;
    if (value < 0n || (sh && value & 4095n) || imm12 > 4095n) s.fail(ADD_RANGE, at);
    put(s, out, { imm12: Number(imm12), sh }, ADD_RANGE, at);
  },
});

const WIDE_RANGE = 'an immediate from 0 to 65535';

/** `#0x12, lsl #16` of MOVZ, MOVN and MOVK; `:abs_g1:symbol` is bits 31:16 of the symbol with that shift. */
const wideImmediate = (hw: string): Operand => ({
  format: ({ fields: f }) => `#${hex(f.imm16!)}${f[hw] ? `, lsl #${f[hw]! * 16}` : ''}`,
  parse: (s, out, scope) => {
    s.skipBlanks();
    const { at } = s;
    const relocation = s.match(/#?:abs_g([0-3])(_nc)?:/iy);
    if (relocation) {
      const group = Number(relocation[1]);
      const value = BigInt.asUintN(64, parseExpression(s, scope)) >> BigInt(16 * group);
      if (!relocation[2] && value > 0xffffn) s.fail(`a value below 2^${16 * group + 16}`, at);
      return put(s, out, { imm16: Number(value & 0xffffn), [hw]: group }, 'a shift within the register', at);
    }
    const value = parseImmediate(s, scope, WIDE_RANGE);
    if (value < 0n || value > 0xffffn) s.fail(WIDE_RANGE, at);
    put(s, out, { imm16: Number(value) }, WIDE_RANGE, at);
    shiftSuffix('lsl', hw, 16, 0).parse(s, out, scope);
  },
});

/** VFPExpandImm: sign, exponent's top bit inverted and repeated, 2 bits of exponent, 4 of fraction. */
function expandFloat(imm8: number): number {
  const exponent = (imm8 & 0x40 ? -3 : 1) + ((imm8 >> 4) & 3);
  return (imm8 & 0x80 ? -1 : 1) * 2 ** exponent * (1 + (imm8 & 15) / 16);
}

const FLOATS = new Map(Array.from({ length: 256 }, (_, imm8) => [expandFloat(imm8), imm8]));
const FLOAT = /#?([-+]?(\d+(\.\d*)?|\.\d+)(e[-+]?\d+)?)/iy;

/** A floating-point immediate in imm8, or imma:immd of the vector forms. */
const floatImmediate = (split: boolean): Operand => ({
  format: ({ fields: f }) => {
    const text = expandFloat(split ? f.imma! * 32 + f.immd! : f.imm8!).toExponential(18);
    return `#${text.replace(/e([-+])(\d)$/, 'e$10$2')}`;
  },
  parse: (s, out) => {
    s.skipBlanks();
    const { at } = s;
    const imm8 = FLOATS.get(Number(s.match(FLOAT)?.[1]));
    if (imm8 === undefined)
      return s.fail('a floating-point immediate: ±n/16 × 2^r with n from 16 to 31 and r from -3 to 4', at);
    put(s, out, split ? { imma: imm8 >> 5, immd: imm8 & 31 } : { imm8 }, 'an immediate', at);
  },
});

/** The operand of an immediate placeholder, without its angle brackets; `undefined` where it is none. */
export function immediateOperand(name: string, pattern: Pattern): Operand | undefined {
  const has = (field: string): boolean => pattern.fields.some((f) => f.name === field);
  const suffix = /^(lsl8|msl):(\w+)$/.exec(name);
  if (suffix) return suffix[1] === 'msl' ? shiftSuffix('msl', suffix[2]!, 8, 1) : shiftSuffix('lsl', suffix[2]!, 8, 0);
  if (!name.startsWith('#')) return undefined;
  const [kind, argument] = name.slice(1).split(':') as [string, string?];
  switch (kind) {
    case 'imm12sh':
    case 'negimm12sh':
      return addImmediate(kind === 'imm12sh' ? 1 : -1);
    case 'imm16hw':
      return wideImmediate(has('hw') ? 'hw' : 'immhw');
    case 'imm16hex':
      return plain(fieldImmediate(['imm16'], pattern.fields), true);
    case 'fpimm8':
      return floatImmediate(has('imma'));
    case 'rshift':
      return plain(rightShift(pattern.fields.find((f) => f.name === 'immb')!));
    case 'uoffset':
      return offset(unsignedOffset(Number(argument)));
    case 'soffset':
      return offset(IMMEDIATES.simm9!);
    case 'poffset':
      return offset(pairOffset(Number(argument)));
    case 'pimm7':
      return plain(pairOffset(Number(argument)));
    default: {
      const known = IMMEDIATES[kind];
      return known
        ? plain(known)
        : plain(fieldImmediate(name.slice(1).split(':'), pattern.fields), HEX_FIELDS.has(name.slice(1)));
    }
  }
}
