/** Immediate operands `<#name>`: how each maps to fields. Names without an entry are fields, see `operands.ts`. */
import { decodeBitMask, encodeBitMask } from '../bitmask.ts';
import type { Fields, PatternField } from '../table/row.ts';
import { signed, widthOf, wrapTo } from './operand.ts';

/** One kind of immediate. Values are as the assembler's user writes them. */
export interface Immediate {
  readonly value: (f: Fields) => bigint | number;
  /**
   * Fields for a value, or `undefined` where it can't be encoded. `f` holds the fields that operands before this one
   * told.
   */
  readonly fields: (value: bigint, f: Fields) => Readonly<Record<string, number>> | undefined;
  /** What values can be encoded. */
  readonly range: string;
  readonly hex?: boolean;
}

const inRange = (v: bigint, low: number, high: number): number | undefined =>
  v >= BigInt(low) && v <= BigInt(high) ? Number(v) : undefined;

/** A value from `low` to `high` that is a multiple of `unit`, in units and modulo 2^width, under one name. */
function scaled(name: string, width: number, isSigned: boolean, unit: number): Immediate {
  const low = isSigned ? -(2 ** (width - 1)) : 0;
  const high = low + 2 ** width - 1;
  const step = unit === 1 ? '' : ` in steps of ${unit}`;
  return {
    value: (f) => (isSigned ? signed(f[name]!, width) : f[name]!) * unit,
    fields: (v) => {
      const n = v % BigInt(unit) === 0n ? inRange(v / BigInt(unit), low, high) : undefined;
      return n === undefined ? undefined : { [name]: n < 0 ? n + 2 ** width : n };
    },
    range: `an immediate from ${low * unit} to ${high * unit}${step}`,
  };
}

/** A field, or fields joined from high to low (`imma:immd`), as an unsigned number. */
export function fieldImmediate(names: readonly string[], fields: readonly PatternField[]): Immediate {
  const widths = names.map((name) => {
    const field = fields.find((f) => f.name === name);
    if (!field) throw new Error(`the row has no field ${name}`);
    return field.width;
  });
  const bits = widths.reduce((a, b) => a + b, 0);
  return {
    value: (f) => names.reduce((value, name, i) => value * 2 ** widths[i]! + f[name]!, 0),
    fields: (v) => {
      let rest = inRange(v, 0, 2 ** bits - 1);
      if (rest === undefined) return undefined;
      const out: Record<string, number> = {};
      for (let i = names.length - 1; i >= 0; i--) {
        out[names[i]!] = rest % 2 ** widths[i]!;
        rest = Math.floor(rest / 2 ** widths[i]!);
      }
      return out;
    },
    range: `an immediate from 0 to ${2 ** bits - 1}`,
  };
}

const wideValue = (f: Fields): bigint => BigInt(f.imm16!) << BigInt(16 * f.immhw!);

/** A value with one 16-bit part that is not zero. */
function wideFields(value: bigint | undefined, f: Fields): Record<string, number> | undefined {
  if (value === undefined) return undefined;
  for (let hw = 0; hw < widthOf(f) / 16; hw++) {
    const part: bigint = (value >> BigInt(16 * hw)) & 0xffffn;
    if (part << BigInt(16 * hw) === value) return { imm16: Number(part), immhw: hw };
  }
  return undefined;
}

const maskFields = (value: bigint | undefined, f: Fields): Record<string, number> | undefined => {
  const e = value === undefined ? undefined : encodeBitMask(value, widthOf(f));
  return e && { N: e.n, immr: e.immr, imms: e.imms };
};
const mask = (f: Fields): bigint => decodeBitMask(f.N!, f.imms!, f.immr!, widthOf(f)) ?? 0n;
const MOVE_RANGE =
  'an immediate that one MOV can load: 16 bits shifted by 0, 16, 32 or 48, the inverse of that, or a bitmask immediate';
const MASK_RANGE = 'a bitmask immediate: a repeated, rotated run of ones';

/** A bit position within the register: `low` to the width less `above`. */
const position = (v: bigint, f: Fields, low: number, above: number): number | undefined =>
  inRange(v, low, widthOf(f) - above);

/** Immediates whose value is not simply a field's. */
export const IMMEDIATES: Readonly<Record<string, Immediate>> = {
  bitmask: { value: mask, fields: (v, f) => maskFields(wrapTo(v, widthOf(f)), f), range: MASK_RANGE, hex: true },
  /** MOV by ORR. */
  movmask: { value: mask, fields: (v, f) => maskFields(wrapTo(v, widthOf(f)), f), range: MOVE_RANGE, hex: true },
  /** Of BIC, ORN and EON with an immediate: the mask inverted. */
  notbitmask: {
    value: (f) => BigInt.asUintN(widthOf(f), ~mask(f)),
    fields: (v, f) => maskFields(wrapTo(~v, widthOf(f)), f),
    range: MASK_RANGE,
    hex: true,
  },
  /** MOV by MOVZ. */
  movz: {
    value: wideValue,
    fields: (v, f) => wideFields(wrapTo(v, widthOf(f)), f),
    range: MOVE_RANGE,
    hex: true,
  },
  /** MOV by MOVN. */
  movn: {
    value: (f) => BigInt.asUintN(widthOf(f), ~wideValue(f)),
    fields: (v, f) => {
      const value = wrapTo(v, widthOf(f));
      return wideFields(value === undefined ? undefined : BigInt.asUintN(widthOf(f), ~value), f);
    },
    range: MOVE_RANGE,
    hex: true,
  },
  /** Number of the bit that TBZ tests. */
  bit: {
    value: (f) => f.immb5! * 32 + f.immb40!,
    fields: (v) => {
      const n = inRange(v, 0, 63);
      return n === undefined ? undefined : { immb5: n >> 5, immb40: n & 31 };
    },
    range: 'a bit number of the register',
  },
  /** LSL by UBFM. */
  lsl: {
    value: (f) => widthOf(f) - 1 - f.imms!,
    fields: (v, f) => {
      const n = position(v, f, 0, 1);
      return n === undefined ? undefined : { immr: (widthOf(f) - n) % widthOf(f), imms: widthOf(f) - 1 - n };
    },
    range: 'a shift below the register width',
  },
  /** LSR by UBFM and ASR by SBFM. */
  right: {
    value: (f) => f.immr!,
    fields: (v, f) => {
      const n = position(v, f, 0, 1);
      return n === undefined ? undefined : { immr: n, imms: widthOf(f) - 1 };
    },
    range: 'a shift below the register width',
  },
  /** ROR by EXTR. */
  ror: {
    value: (f) => f.imms!,
    fields: (v, f) => {
      const n = position(v, f, 0, 1);
      return n === undefined ? undefined : { imms: n };
    },
    range: 'a shift below the register width',
  },
  /** UBFX, SBFX, BFXIL: lowest bit and width of the source field. */
  fromlsb: {
    value: (f) => f.immr!,
    fields: (v, f) => {
      const n = position(v, f, 0, 1);
      return n === undefined ? undefined : { immr: n };
    },
    range: 'a bit number of the register',
  },
  fromwidth: {
    value: (f) => f.imms! - f.immr! + 1,
    fields: (v, f) => {
      const n = position(v, f, 1, f.immr!);
      return n === undefined ? undefined : { imms: f.immr! + n - 1 };
    },
    range: 'a width of at least 1 that ends within the register',
  },
  /** UBFIZ, SBFIZ, BFI, BFC: lowest bit and width of the destination field. */
  tolsb: {
    value: (f) => (widthOf(f) - f.immr!) % widthOf(f),
    fields: (v, f) => {
      const n = position(v, f, 0, 1);
      return n === undefined ? undefined : { immr: (widthOf(f) - n) % widthOf(f) };
    },
    range: 'a bit number of the register',
  },
  towidth: {
    value: (f) => f.imms! + 1,
    fields: (v, f) => {
      const n = position(v, f, 1, (widthOf(f) - f.immr!) % widthOf(f));
      return n === undefined ? undefined : { imms: n - 1 };
    },
    range: 'a width of at least 1 that ends within the register',
  },
  /** SHLL shifts by the width of the source's lanes. */
  lanebits: {
    value: (f) => 8 << f.size!,
    fields: (v, f) => (v === BigInt(8 << f.size!) ? {} : undefined),
    range: "the width of the source's lanes",
  },
  /** Every bit of the field is a byte of zeros or ones. */
  bytemask: {
    value: (f) => {
      let out = 0n;
      for (let bit = 0; bit < 8; bit++) if (((f.imma! * 32 + f.immd!) >> bit) & 1) out |= 0xffn << BigInt(8 * bit);
      return out;
    },
    fields: (v) => {
      const value = wrapTo(v, 64);
      if (value === undefined) return undefined;
      let byte = 0;
      for (let bit = 0; bit < 8; bit++) {
        const part = (value >> BigInt(8 * bit)) & 0xffn;
        if (part !== 0n && part !== 0xffn) return undefined;
        if (part) byte |= 1 << bit;
      }
      return { imma: byte >> 5, immd: byte & 31 };
    },
    range: 'an immediate of which every byte is 0x00 or 0xff',
    hex: true,
  },
  /** Fraction bits of a fixed-point number. */
  fbits: {
    value: (f) => 64 - f.immscale!,
    fields: (v, f) => {
      const n = position(v, f, 1, 0);
      return n === undefined ? undefined : { immscale: 64 - n };
    },
    range: 'a number of fraction bits from 1 to the register width',
  },
  simm9: scaled('imm9', 9, true, 1),
};

/** `<#rshift>`: the field of n bits holds the lane's width less the shift. */
export function rightShift(field: PatternField): Immediate {
  const bits = 2 ** field.width;
  return {
    value: (f) => bits - f[field.name]!,
    fields: (v) => {
      const n = inRange(v, 1, bits);
      return n === undefined ? undefined : { [field.name]: bits - n };
    },
    range: `a shift from 1 to ${bits}`,
  };
}

/** `<#pimm7:bytes>` and `<#poffset:bytes>` of pairs, `<#uoffset:log2>` and `<#soffset>` of single registers. */
export const pairOffset = (bytes: number): Immediate => scaled('imm7', 7, true, bytes);
export const unsignedOffset = (log2: number): Immediate => scaled('imm12', 12, false, 2 ** log2);

/** Immediates that are written in hexadecimal. */
export const HEX_FIELDS: ReadonlySet<string> = new Set(['immCRm', 'immCRm:immop2', 'immnzcv', 'imm5', 'imma:immd']);
