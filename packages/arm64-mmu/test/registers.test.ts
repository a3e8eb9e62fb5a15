import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  combineAttributes,
  DESCRIPTOR,
  decodeFields,
  decodeMairAttr,
  decodeMemAttr,
  ESR_ELX,
  encodeFields,
  encodeMairAttr,
  type FieldTable,
  HCR_EL2,
  HPFAR_EL2,
  ISS_DATA_ABORT,
  MAIR_EL1,
  type MemoryAttributes,
  mairAttr,
  SCTLR_EL1,
  SCTLR_EL1_RES1,
  STAGE1_LEAF,
  STAGE1_TABLE,
  STAGE2_LEAF,
  setField,
  TCR_EL1,
  TLBI_OPERAND,
  TTBR_EL1,
  VTCR_EL2,
  VTTBR_EL2,
} from '../src/index.ts';

const TABLES: Readonly<Record<string, FieldTable>> = {
  SCTLR_EL1,
  TCR_EL1,
  TTBR_EL1,
  MAIR_EL1,
  HCR_EL2,
  VTCR_EL2,
  VTTBR_EL2,
  HPFAR_EL2,
  ESR_ELX,
  ISS_DATA_ABORT,
  STAGE1_LEAF,
  STAGE1_TABLE,
  STAGE2_LEAF,
  TLBI_OPERAND,
};

describe('field tables', () => {
  it.each(Object.entries(TABLES))('%s: fields do not overlap, and decode reverses encode', (_name, table) => {
    let seen = 0n;
    for (const { mask } of Object.values(table)) {
      expect(seen & mask).toBe(0n);
      seen |= mask;
    }
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), (value) => {
        expect(encodeFields(table, decodeFields(table, value))).toBe(value & seen);
      }),
      { numRuns: 20 },
    );
  });

  it('refuse values that do not fit', () => {
    for (const value of [64, -1, 0.5, Number.NaN]) {
      expect(() => setField(0n, TCR_EL1.T0SZ, value)).toThrow(expect.objectContaining({ code: 'FIELD_RANGE' }));
    }
    const unknown: FieldTable = DESCRIPTOR;
    expect(() => encodeFields(unknown, { VALUE: 1 })).toThrow(expect.objectContaining({ code: 'FIELD_RANGE' }));
  });

  it("agree with values that Linux and the Arm ARM's reset values show", () => {
    // TCR_EL1 of a 48-bit, 4 KiB kernel with 16-bit ASIDs and 44-bit PA.
    expect(decodeFields(TCR_EL1, 0x34_b550_3510n)).toMatchObject({
      T0SZ: 16,
      T1SZ: 16,
      TG0: 0,
      TG1: 2,
      IPS: 4,
      AS: 1,
      TBI0: 1,
      A1: 1,
    });
    expect(SCTLR_EL1_RES1).toBe([11, 20, 22, 23, 28, 29].reduce((all, bit) => all | (1n << BigInt(bit)), 0n));
    expect(mairAttr(0x0000_0000_bb44_00ffn, 3)).toBe(0xbb);
  });
});

const text = (attributes: MemoryAttributes): string => {
  if (attributes.type === 'device') return attributes.device;
  const half = (c: typeof attributes.inner) =>
    c.policy === 'NC'
      ? 'NC'
      : `${c.policy}${c.transient ? 't' : ''}${c.readAllocate ? 'R' : ''}${c.writeAllocate ? 'W' : ''}`;
  return `${half(attributes.outer)}/${half(attributes.inner)} ${attributes.shareability}`;
};

describe('memory attributes', () => {
  it.each([
    [0x00, 3, 'nGnRnE'],
    [0x04, 3, 'nGnRE'],
    [0x08, 3, 'nGRE'],
    [0x0c, 3, 'GRE'],
    [0x44, 3, 'NC/NC OSH'],
    [0xff, 3, 'WBRW/WBRW ISH'],
    [0xbb, 0, 'WTRW/WTRW NSH'],
    [0xf4, 2, 'WBRW/NC OSH'],
    [0x1a, 3, 'WTtW/WTR ISH'],
    [0x7e, 3, 'WBtRW/WBR ISH'],
    [0xf0, 3, 'WBRW/NC ISH'],
    [0xff, 1, 'WBRW/WBRW OSH'],
  ])('MAIR attribute 0x%s with SH %i', (attr, sh, expected) => {
    expect(text(decodeMairAttr(attr, sh))).toBe(expected);
  });

  it('encode to the MAIR byte that they came from', () => {
    for (let attr = 0; attr < 256; attr++) {
      const isDevice = attr < 16;
      const isUnpredictable = isDevice ? (attr & 3) !== 0 : (attr & 15) === 0;
      if (!isUnpredictable) expect(encodeMairAttr(decodeMairAttr(attr, 3))).toBe(attr);
    }
  });

  it.each([
    [0b0000, 3, 'nGnRnE'],
    [0b0001, 3, 'nGnRE'],
    [0b0010, 3, 'nGRE'],
    [0b0011, 3, 'GRE'],
    [0b0101, 3, 'NC/NC OSH'],
    [0b1010, 3, 'WTRW/WTRW ISH'],
    [0b1111, 0, 'WBRW/WBRW NSH'],
    [0b0111, 3, 'NC/WBRW ISH'],
  ])('MemAttr %i with SH %i', (memAttr, sh, expected) => {
    expect(text(decodeMemAttr(memAttr, sh))).toBe(expected);
  });

  it.each([
    [0xff, 0, 0b1111, 3, 'WBRW/WBRW ISH'],
    [0xff, 3, 0b1111, 2, 'WBRW/WBRW OSH'],
    [0xff, 3, 0b1010, 0, 'WTRW/WTRW ISH'],
    [0xee, 3, 0b1010, 0, 'WTR/WTR ISH'],
    [0xff, 3, 0b0101, 3, 'NC/NC OSH'],
    [0x44, 3, 0b1111, 3, 'NC/NC OSH'],
    [0xff, 3, 0b0001, 3, 'nGnRE'],
    [0x08, 3, 0b1111, 3, 'nGRE'],
    [0x08, 3, 0b0001, 3, 'nGnRE'],
    [0x00, 3, 0b0011, 3, 'nGnRnE'],
  ])('stage 1 0x%s SH %i with stage 2 MemAttr %i SH %i give %s', (attr, sh1, memAttr, sh2, expected) => {
    expect(text(combineAttributes(decodeMairAttr(attr, sh1), decodeMemAttr(memAttr, sh2)))).toBe(expected);
  });
});
