/** Operands of the base instructions beside plain immediates: registers, shifts, extensions, conditions, labels. */
import type { SymbolScope } from './expression.ts';
import { hex, type Instruction, type Operand, parseImmediate, put, signed, widthOf } from './operand.ts';
import { generalName, parseRegisterName, type RegisterName } from './register-names.ts';
import type { Scanner } from './scanner.ts';

export const CONDITIONS = [
  'eq',
  'ne',
  'cs',
  'cc',
  'mi',
  'pl',
  'vs',
  'vc',
  'hi',
  'ls',
  'ge',
  'lt',
  'gt',
  'le',
  'al',
  'nv',
] as const;
/** Other names of conditions. */
export const CONDITION_SYNONYMS: Readonly<Record<string, number>> = { hs: 2, lo: 3 };
const SHIFTS = ['lsl', 'lsr', 'asr', 'ror'] as const;
const EXTENDS = ['uxtb', 'uxth', 'uxtw', 'uxtx', 'sxtb', 'sxth', 'sxtw', 'sxtx'] as const;
const UXTW = 2;
const UXTX = 3;

/** Reads a general register of one of `letters`; `sp` tells whether 31 is the stack pointer. */
export function parseGeneral(s: Scanner, letters: string, sp: boolean): RegisterName {
  const name = s.peekName();
  const register = parseRegisterName(name);
  const fits = register && letters.includes(register.letter) && (register.number < 31 || register.sp === sp);
  if (!fits) return s.fail(describeGeneral(letters, sp));
  s.at += name.length;
  return register;
}

const describeGeneral = (letters: string, sp: boolean): string =>
  [...letters].map((l) => `${l}0 to ${l}30 or ${generalName(l, 31, sp)}`).join(' or ');

/** A register of fixed width: `<Xd>`, `<Wt2>`, `<Xn|SP>`, `<Xs+1>`. */
export function fixedRegister(letter: string, field: string, offset: number, sp: boolean): Operand {
  return {
    format: (i) => generalName(letter, (i.fields[field]! + offset) % 32, sp),
    parse: (s, out) => {
      s.skipBlanks();
      const { at } = s;
      const { number } = parseGeneral(s, letter, sp);
      const wanted = (number - offset + 32) % 32;
      put(
        s,
        out,
        { [field]: wanted },
        offset ? 'the register behind the one before' : 'the same register as before',
        at,
      );
    },
  };
}

const widthLetter = (i: Instruction): string => (i.fields.sf ? 'x' : 'w');

/** A register of the width that `sf` gives. */
export function sizedRegister(field: string, sp: boolean): Operand {
  return {
    format: (i) => generalName(widthLetter(i), i.fields[field]!, sp),
    parse: (s, out) => {
      const known = out.get('sf');
      const { letter, number } = parseGeneral(s, known === undefined ? 'xw' : known ? 'x' : 'w', sp);
      put(s, out, { [field]: number, sf: letter === 'x' ? 1 : 0 }, 'the same register as before', s.at);
    },
  };
}

/** `, lsl #3` behind Rm; nothing for LSL by 0. */
const shift: Operand = {
  format: ({ fields: f }) => (f.shift || f.imm6 ? `, ${SHIFTS[f.shift!]} #${f.imm6}` : ''),
  parse: (s, out, scope) => {
    if (!s.take(',')) return put(s, out, { shift: 0, imm6: 0 }, '`,` and a shift', s.at);
    const type = SHIFTS.findIndex((name) => s.take(name));
    const { at } = s;
    if (type < 0 || !out.set('shift', type)) s.fail('lsl, lsr, asr or ror (ror of logical instructions only)');
    const range = `a shift from 0 to ${widthOf(out.fields()) - 1}`;
    const amount = parseImmediate(s, scope, range);
    if (amount < 0n || amount >= BigInt(widthOf(out.fields()))) s.fail(range, at);
    put(s, out, { imm6: Number(amount) }, range, at);
  },
};

/** `w2, uxtb #1`: Rm with its extension, of ADD and SUB (extended register). `spRd`: register 31 as Rd is SP. */
export const extend = (spRd: boolean): Operand => ({
  format: ({ fields: f }) => {
    const letter = f.sf && (f.option! & 3) === 3 ? 'x' : 'w';
    const register = generalName(letter, f.Rm!, false);
    // LSL is the name where SP takes part.
    const isLsl = f.option === (f.sf ? UXTX : UXTW) && (f.Rn === 31 || (spRd && f.Rd === 31));
    if (isLsl) return f.imm3 ? `${register}, lsl #${f.imm3}` : register;
    return `${register}, ${EXTENDS[f.option!]}${f.imm3 ? ` #${f.imm3}` : ''}`;
  },
  parse: (s, out, scope) => {
    const sf = out.get('sf') ?? 1;
    const { letter, number } = parseGeneral(s, sf ? 'xw' : 'w', false);
    put(s, out, { Rm: number }, 'the same register as before', s.at);
    const plain = { option: sf ? UXTX : UXTW, imm3: 0 };
    if (!s.take(',')) {
      if (letter !== (sf ? 'x' : 'w')) s.fail('`,` and an extension');
      return put(s, out, plain, 'an extension', s.at);
    }
    const { at } = s;
    const isLsl = s.take('lsl');
    const option = isLsl ? plain.option : EXTENDS.findIndex((name) => s.take(name));
    if (option < 0) s.fail('lsl, uxtb, uxth, uxtw, uxtx, sxtb, sxth, sxtw or sxtx');
    const wide = (option & 3) === 3;
    if (sf && (letter === 'x') !== wide) s.fail(wide ? 'an x register before it' : 'a w register before it', at);
    put(s, out, { option, imm3: parseAmount(s, scope, isLsl) }, 'an extension', at);
  },
});

function parseAmount(s: Scanner, scope: SymbolScope, required: boolean): number {
  if (s.atEnd() && !required) return 0;
  const { at } = s;
  const amount = parseImmediate(s, scope, 'a shift from 0 to 4');
  if (amount < 0n || amount > 4n) s.fail('a shift from 0 to 4', at);
  return Number(amount);
}

/** `x2, lsl #3` within brackets: the register offset of loads and stores of 2^log2 bytes. */
export function registerOffset(log2: number): Operand {
  const range = `#${log2}${log2 ? ' or #0' : ''}`;
  return {
    format: ({ fields: f }) => {
      const register = generalName(f.option! & 1 ? 'x' : 'w', f.Rm!, false);
      if (f.option === UXTX) return f.S ? `${register}, lsl #${log2}` : register;
      return `${register}, ${EXTENDS[f.option!]}${f.S ? ` #${log2}` : ''}`;
    },
    parse: (s, out, scope) => {
      const { letter, number } = parseGeneral(s, 'xw', false);
      put(s, out, { Rm: number }, 'the same register as before', s.at);
      const { at } = s;
      if (!s.take(',')) {
        if (letter === 'w') s.fail('`,` and uxtw or sxtw');
        return put(s, out, { option: UXTX, S: 0 }, 'an extension', at);
      }
      const isLsl = s.take('lsl');
      const names = letter === 'x' ? ['sxtx'] : ['uxtw', 'sxtw'];
      const name = isLsl ? 'uxtx' : names.find((n) => s.take(n));
      if (!name || (isLsl && letter === 'w')) return s.fail(letter === 'x' ? 'lsl or sxtx' : 'uxtw or sxtw');
      const option = EXTENDS.findIndex((n) => n === name);
      if (!isLsl && s.peek() === ']') return put(s, out, { option, S: 0 }, 'an extension', at);
      const amountAt = s.at;
      const amount = parseImmediate(s, scope, range);
      if (amount !== BigInt(log2) && amount !== 0n) s.fail(range, amountAt);
      put(s, out, { option, S: amount === BigInt(log2) ? 1 : 0 }, range, amountAt);
    },
  };
}

const conditionNumber = (name: string): number =>
  CONDITION_SYNONYMS[name] ?? CONDITIONS.findIndex((condition) => condition === name);

/** A condition; inverted for the aliases that CSINC and its like stand behind. */
function condition(invert: 0 | 1): Operand {
  return {
    format: (i) => CONDITIONS[i.fields.cond! ^ invert]!,
    parse: (s, out) => {
      const name = s.peekName();
      const number = conditionNumber(name);
      // AL and NV have no inverse.
      if (number < 0 || (invert && number >= 14))
        s.fail('a condition (eq, ne, cs, cc, mi, pl, vs, vc, hi, ls, ge, lt, gt, le)');
      put(s, out, { cond: number ^ invert }, 'another condition', s.at);
      s.at += name.length;
    },
  };
}

/** A PC-relative address: bits of the offset, its unit, and the fields that hold it, high first. */
interface Label {
  readonly fields: readonly { readonly name: string; readonly width: number }[];
  readonly unit: bigint;
  /** What base and target are rounded down to. */
  readonly page: bigint;
}

const LABELS: Readonly<Record<string, Label>> = {
  imm26: { fields: [{ name: 'imm26', width: 26 }], unit: 4n, page: 1n },
  imm19: { fields: [{ name: 'imm19', width: 19 }], unit: 4n, page: 1n },
  imm14: { fields: [{ name: 'imm14', width: 14 }], unit: 4n, page: 1n },
  adr: {
    fields: [
      { name: 'immhi', width: 19 },
      { name: 'immlo', width: 2 },
    ],
    unit: 1n,
    page: 1n,
  },
  adrp: {
    fields: [
      { name: 'immhi', width: 19 },
      { name: 'immlo', width: 2 },
    ],
    unit: 4096n,
    page: 4096n,
  },
};

export function label(kind: string): Operand | undefined {
  const l = LABELS[kind];
  if (!l) return undefined;
  const width = l.fields.reduce((bits, f) => bits + f.width, 0);
  const base = (address: bigint): bigint => (address / l.page) * l.page;
  const range = `an address within ${(l.unit << BigInt(width - 1)) / 1024n} KiB${l.unit === 4n ? ', a multiple of 4 away' : ''}`;
  return {
    format: (i) => {
      const value = l.fields.reduce((v, f) => v * 2 ** f.width + i.fields[f.name]!, 0);
      return hex(BigInt.asUintN(64, base(i.address) + BigInt(signed(value, width)) * l.unit));
    },
    parse: (s, out, scope) => {
      s.skipBlanks();
      const { at } = s;
      const target = base(BigInt.asUintN(64, parseImmediate(s, scope, 'an address')));
      const distance = BigInt.asIntN(64, target - base(scope.address));
      const limit = 1n << BigInt(width - 1);
      const units = distance / l.unit;
      if (distance % l.unit !== 0n || units >= limit || units < -limit) s.fail(range, at);
      let rest = BigInt.asUintN(width, units);
      for (const f of [...l.fields].reverse()) {
        put(s, out, { [f.name]: Number(rest & ((1n << BigInt(f.width)) - 1n)) }, range, at);
        rest >>= BigInt(f.width);
      }
    },
  };
}

/** Base operands by placeholder. */
export const GENERAL_OPERANDS: Readonly<Record<string, Operand>> = {
  shift,
  cond: condition(0),
  invcond: condition(1),
  /** RET's register; x30 is left out. */
  'Xn,ret': {
    format: (i) => (i.fields.Rn === 30 ? '' : generalName('x', i.fields.Rn!, false)),
    parse: (s, out) => {
      const number = s.atEnd() ? 30 : parseGeneral(s, 'x', false).number;
      put(s, out, { Rn: number }, 'x0 to x30 or xzr', s.at);
    },
  },
  /** TBZ's register: w for bits below 32. */
  'Rt,bit': {
    format: (i) => generalName(i.fields.immb5 ? 'x' : 'w', i.fields.Rt!, false),
    parse: (s, out) => {
      const { letter, number } = parseGeneral(s, 'xw', false);
      put(s, out, letter === 'w' ? { Rt: number, immb5: 0 } : { Rt: number }, 'a register', s.at);
    },
  },
  /** A register that the operation does not use: `, x3` unless it is xzr. */
  ',Xt': {
    format: (i) => (i.fields.Rt === 31 ? '' : `, ${generalName('x', i.fields.Rt!, false)}`),
    parse: (s, out) => {
      const number = s.take(',') ? parseGeneral(s, 'x', false).number : 31;
      put(s, out, { Rt: number }, 'x0 to x30 or xzr', s.at);
    },
  },
};
