import { describe, expect, it } from 'vitest';
import {
  encodeFields,
  type Fault,
  STAGE2_LEAF,
  type Stage2Access,
  type Stage2Translation,
  translateStage2,
  VTCR_EL2,
} from '../src/index.ts';
import { stage2Regime, TestMemory } from './memory.ts';

const READ: Stage2Access = { type: 'read' };
const AF = encodeFields(STAGE2_LEAF, { AF: 1 });
const NORMAL_RW = AF | encodeFields(STAGE2_LEAF, { MemAttr: 0b1111, S2AP: 0b11, SH: 0b11 });
const PAGE = 0b11n;
const BLOCK = 0b01n;
const TABLE = 0b11n;

/** Level 1 root of two tables at 0x8000, level 2 at 0xa000, level 3 at 0xb000; IPA 0x82_0040_3xxx uses the second. */
const IPA = 0x82_0040_3123;
const SLOTS = { 1: 0x8000 + 520 * 8, 2: 0xa000 + 2 * 8, 3: 0xb000 + 3 * 8 } as const;

function tables(leafLevel: 1 | 2 | 3, leaf: bigint): TestMemory {
  const memory = new TestMemory();
  if (leafLevel > 1) memory.writeDescriptor(SLOTS[1], 0xa000n | TABLE);
  if (leafLevel > 2) memory.writeDescriptor(SLOTS[2], 0xb000n | TABLE);
  memory.writeDescriptor(SLOTS[leafLevel], leaf);
  return memory;
}

const summary = (result: Stage2Translation | Fault) =>
  result.kind === 'fault' ? `${result.fault} ${result.level} s${result.stage} ${result.fsc.toString(16)}` : 'ok';

describe('a stage 2 walk', () => {
  it('goes through the second of two concatenated tables', () => {
    const memory = tables(3, 0x4567_8000n | PAGE | NORMAL_RW);
    expect(translateStage2(stage2Regime(), IPA, READ, memory)).toEqual({
      kind: 'ok',
      pa: 0x4567_8123,
      level: 3,
      blockSize: 4096,
      permissions: { read: true, write: true, execute: true },
      attributes: expect.objectContaining({ type: 'normal', shareability: 'ISH' }),
      vmid: 7,
    });
    expect(memory.reads).toBe(3);
  });

  it.each([
    [2, 2 ** 21],
    [1, 2 ** 30],
  ] as const)('maps blocks of level %i', (level, blockSize) => {
    const result = translateStage2(stage2Regime(), IPA, READ, tables(level, 0x4000_0000n | BLOCK | NORMAL_RW));
    expect(result).toMatchObject({ pa: 0x4000_0000 + (IPA % blockSize), level, blockSize });
  });

  it.each([
    ['invalid level 1', 1, 0n, 'translation 1 s2 5'],
    ['invalid level 2', 2, 0n, 'translation 2 s2 6'],
    ['invalid level 3', 3, 0n, 'translation 3 s2 7'],
    ['reserved level 3', 3, BLOCK | NORMAL_RW, 'translation 3 s2 7'],
    ['no AF at level 1', 1, BLOCK, 'access-flag 1 s2 9'],
    ['no AF at level 2', 2, BLOCK, 'access-flag 2 s2 a'],
    ['no AF at level 3', 3, PAGE, 'access-flag 3 s2 b'],
    ['no right at level 1', 1, BLOCK | AF, 'permission 1 s2 d'],
    ['no right at level 2', 2, BLOCK | AF, 'permission 2 s2 e'],
    ['no right at level 3', 3, PAGE | AF, 'permission 3 s2 f'],
  ] as const)('faults with the IPA: %s', (_name, level, leaf, expected) => {
    const result = translateStage2(stage2Regime(), IPA, READ, tables(level, leaf));
    expect(summary(result)).toBe(expected);
    expect(result).toMatchObject({ ipa: IPA, s1ptw: false, write: false });
  });

  it('faults at level 0 for an IPA beyond T0SZ', () => {
    expect(summary(translateStage2(stage2Regime(), 2 ** 40, READ, new TestMemory()))).toBe('translation 0 s2 4');
  });

  it('reports an External abort where no memory answers', () => {
    expect(summary(translateStage2(stage2Regime(), IPA, READ, new TestMemory(0)))).toBe(
      'external-abort-on-walk 1 s2 15',
    );
  });

  it('gives Address size faults for pages, tables and the root beyond PS', () => {
    const regime = stage2Regime({ PS: 0 });
    const far = 1n << 32n;
    expect(summary(translateStage2(regime, IPA, READ, tables(3, far | PAGE | NORMAL_RW)))).toBe('address-size 3 s2 3');
    expect(summary(translateStage2(regime, IPA, READ, tables(1, far | TABLE)))).toBe('address-size 1 s2 1');
    const farRoot = { ...regime, VTTBR_EL2: far };
    expect(summary(translateStage2(farRoot, IPA, READ, new TestMemory()))).toBe('address-size 0 s2 0');
  });

  it('passes everything through where HCR_EL2.VM and DC are 0', () => {
    const memory = new TestMemory(0);
    expect(translateStage2(stage2Regime({}, 0n), IPA, READ, memory)).toMatchObject({ pa: IPA, attributes: undefined });
    expect(translateStage2(stage2Regime({}, 1n << 12n), IPA, READ, memory).kind).toBe('fault');
  });

  it.each([
    [0, 7],
    [1, 0x107],
  ])('VS %i gives VMID %i', (VS, vmid) => {
    const regime = { ...stage2Regime({ VS }), VTTBR_EL2: 0x0107_0000_0000_8000n };
    expect(translateStage2(regime, IPA, READ, tables(1, BLOCK | NORMAL_RW))).toMatchObject({ vmid });
  });
});

describe('VTCR_EL2 configurations', () => {
  /** TG0, SL0, first input size and last input size that can be walked with a PA size of 48. */
  const RANGES = [
    [0b00, 0, 25, 34],
    [0b00, 1, 31, 43],
    [0b00, 2, 40, 48],
    [0b10, 0, 25, 29],
    [0b10, 1, 26, 40],
    [0b10, 2, 37, 48],
    [0b01, 0, 25, 33],
    [0b01, 1, 30, 46],
    [0b01, 2, 43, 48],
  ] as const;

  it.each(RANGES)('TG0 %i, SL0 %i can be walked for %i to %i bits and faults otherwise', (TG0, SL0, first, last) => {
    for (let bits = 20; bits <= 52; bits++) {
      const regime = stage2Regime({ TG0, SL0, T0SZ: 64 - bits });
      const memory = new TestMemory();
      const result = translateStage2(regime, 0, READ, memory);
      expect(summary(result)).toMatch(/^translation/);
      const isWalked = bits >= first && bits <= last;
      expect({ bits, reads: memory.reads }).toEqual({ bits, reads: isWalked ? 1 : 0 });
    }
  });

  it('SL0 3 is reserved', () => {
    for (const TG0 of [0, 1, 2]) {
      const memory = new TestMemory();
      expect(summary(translateStage2(stage2Regime({ TG0, SL0: 3 }), 0, READ, memory))).toBe('translation 0 s2 4');
      expect(memory.reads).toBe(0);
    }
  });

  it.each([
    [0b00, 2, 42, 43],
    [0b10, 2, 40, 41],
    [0b01, 2, 42, 43],
  ])('TG0 %i, SL0 %i needs a PA size above %i', (TG0, SL0, refused, accepted) => {
    const attempt = (paMax: number) => {
      const memory = new TestMemory();
      const VTCR = encodeFields(VTCR_EL2, { TG0, SL0, T0SZ: 64 - paMax, PS: 5 });
      translateStage2({ ...stage2Regime(), VTCR_EL2: VTCR, VTTBR_EL2: 0n, paMax }, 0, READ, memory);
      return memory.reads;
    };
    expect([attempt(refused), attempt(accepted)]).toEqual([0, 1]);
  });

  it('an input size above the PA size faults', () => {
    const memory = new TestMemory();
    expect(summary(translateStage2({ ...stage2Regime(), paMax: 39 }, 0, READ, memory))).toBe('translation 0 s2 4');
  });
});

describe('stage 2 permissions', () => {
  const CASES = [0b00, 0b01, 0b10, 0b11].flatMap((S2AP) => [0, 1].map((XN) => [S2AP, XN] as const));

  it.each(CASES)('S2AP %i, XN %i', (S2AP, XN) => {
    const memory = tables(3, PAGE | AF | encodeFields(STAGE2_LEAF, { MemAttr: 0b1111, S2AP, XN }));
    const read = (S2AP & 1) !== 0;
    const write = (S2AP & 2) !== 0;
    const kind = (access: Stage2Access) => summary(translateStage2(stage2Regime(), IPA, access, memory));
    const expected = (allowed: boolean) => (allowed ? 'ok' : 'permission 3 s2 f');
    expect(kind(READ)).toBe(expected(read));
    expect(kind({ type: 'write' })).toBe(expected(write));
    expect(kind({ type: 'execute' })).toBe(expected(XN === 0));
    expect(kind({ type: 'atomic' })).toBe(expected(read && write));
    for (const type of ['read', 'write', 'execute', 'atomic'] as const) {
      expect(kind({ type, s1ptw: true })).toBe(expected(read));
    }
    const refused = translateStage2(stage2Regime(), IPA, { type: 'atomic' }, memory);
    if (refused.kind === 'fault') expect(refused.write).toBe(read);
  });
});

describe('stage 2 Device memory', () => {
  const device = tables(3, PAGE | AF | encodeFields(STAGE2_LEAF, { MemAttr: 0b0001, S2AP: 0b11 }));

  it('refuses unaligned data', () => {
    const access = { type: 'write', unaligned: true } as const;
    const result = translateStage2(stage2Regime(), IPA, access, device);
    expect(summary(result)).toBe('alignment 3 s2 21');
    expect(result).toMatchObject({ write: true });
    expect(translateStage2(stage2Regime(), IPA, { type: 'execute', unaligned: true }, device).kind).toBe('ok');
  });

  it('refuses stage 1 tables only with HCR_EL2.PTW', () => {
    const walk = { type: 'write', s1ptw: true } as const;
    expect(translateStage2(stage2Regime(), IPA, walk, device).kind).toBe('ok');
    expect(translateStage2(stage2Regime({}, 0b101n), IPA, walk, device)).toMatchObject({
      fault: 'permission',
      s1ptw: true,
      write: true,
      fsc: 0xf,
    });
    expect(translateStage2(stage2Regime({}, 0b101n), IPA, { type: 'write' }, device).kind).toBe('ok');
  });
});
