import { describe, expect, it } from 'vitest';
import {
  type Access,
  encodeFields,
  type Fault,
  GRANULES,
  levelSize,
  STAGE1_LEAF,
  STAGE1_TABLE,
  type Stage1Regime,
  type Stage1Translation,
  stage1StartLevel,
  TCR_EL1,
  translateStage1,
} from '../src/index.ts';
import { stage1Regime, TestMemory } from './memory.ts';

const READ: Access = { type: 'read', el: 1 };
const WRITE: Access = { type: 'write', el: 1 };
const EXECUTE: Access = { type: 'execute', el: 1 };
const PAGE = 0b11n;
const BLOCK = 0b01n;
const TABLE = 0b11n;
const AF = 1n << 10n;
/** Page of Normal Write-Back memory, Inner Shareable, EL1 read/write, global. */
const LEAF = AF | encodeFields(STAGE1_LEAF, { SH: 0b11 });

/** Tables at 0x1000 (level 0), 0x3000, 0x4000, 0x5000 for VA 0x0000_4080_6050_7xxx: indexes 129, 1, 258, 0x107. */
const VA = (129n << 39n) | (1n << 30n) | (258n << 21n) | (0x107n << 12n) | 0x123n;
const SLOTS = [0x1000 + 129 * 8, 0x3000 + 1 * 8, 0x4000 + 258 * 8, 0x5000 + 0x107 * 8] as const;

function tables(leafLevel: 1 | 2 | 3, leaf: bigint, tableAttributes = 0n): TestMemory {
  const memory = new TestMemory();
  const next = [0x3000n, 0x4000n, 0x5000n];
  for (let level = 0; level < leafLevel; level++) {
    memory.writeDescriptor(SLOTS[level]!, next[level]! | TABLE | tableAttributes);
  }
  memory.writeDescriptor(SLOTS[leafLevel]!, leaf);
  return memory;
}

const ok = (result: Stage1Translation | Fault): Stage1Translation => {
  if (result.kind === 'fault') throw new Error(`unexpected fault ${JSON.stringify(result)}`);
  return result;
};

const summary = (result: Stage1Translation | Fault) =>
  result.kind === 'fault' ? `${result.fault} ${result.level} s${result.stage} ${result.fsc.toString(16)}` : 'ok';

describe('a stage 1 walk with a 4K granule', () => {
  it('maps a page at level 3', () => {
    const memory = tables(3, 0x1_2345_6000n | PAGE | LEAF);
    const result = ok(translateStage1(stage1Regime(), VA, READ, memory));
    expect(result).toMatchObject({ pa: 0x1_2345_6123, level: 3, blockSize: 0x1000, nG: false, asid: 0x42 });
    expect(result.attributes).toMatchObject({ type: 'normal', shareability: 'ISH', outer: { policy: 'WB' } });
    expect(memory.reads).toBe(4);
  });

  it('maps a 2 MiB block at level 2 and ignores the address bits below it', () => {
    const memory = tables(2, 0x1_2340_1000n | BLOCK | LEAF);
    const expected = 0x1_2340_0000 + Number(VA & 0x1f_ffffn);
    expect(ok(translateStage1(stage1Regime(), VA, READ, memory))).toMatchObject({ pa: expected, blockSize: 2 ** 21 });
  });

  it('maps a 1 GiB block at level 1', () => {
    const memory = tables(1, 0x1_4000_0000n | BLOCK | LEAF);
    const expected = 0x1_4000_0000 + Number(VA & 0x3fff_ffffn);
    expect(ok(translateStage1(stage1Regime(), VA, READ, memory))).toMatchObject({ pa: expected, level: 1 });
  });

  it('uses TTBR1_EL1 for the upper half', () => {
    const memory = new TestMemory();
    memory.writeDescriptor(0x2000 + 511 * 8, 0x3000n | TABLE);
    memory.writeDescriptor(0x3000 + 511 * 8, 0x4000_0000n | BLOCK | LEAF);
    expect(ok(translateStage1(stage1Regime(), -1n, READ, memory)).pa).toBe(0x7fff_ffff);
  });

  it('is not changed by the Contiguous hint or DBM', () => {
    const hint = encodeFields(STAGE1_LEAF, { Contiguous: 1, DBM: 1 });
    const plain = translateStage1(stage1Regime(), VA, READ, tables(3, 0x6000n | PAGE | LEAF));
    expect(translateStage1(stage1Regime(), VA, READ, tables(3, 0x6000n | PAGE | LEAF | hint))).toEqual(plain);
  });

  it.each([
    ['level 0 entry invalid', 0, 0n, 'translation 0 s1 4'],
    ['level 0 block', 0, BLOCK | LEAF, 'translation 0 s1 4'],
    ['level 1 entry invalid', 1, 0b10n, 'translation 1 s1 5'],
    ['level 2 entry invalid', 2, 0n, 'translation 2 s1 6'],
    ['level 3 entry invalid', 3, 0n, 'translation 3 s1 7'],
    ['level 3 reserved block', 3, BLOCK | LEAF, 'translation 3 s1 7'],
    ['level 1 block without AF', 1, BLOCK, 'access-flag 1 s1 9'],
    ['level 2 block without AF', 2, BLOCK, 'access-flag 2 s1 a'],
    ['level 3 page without AF', 3, PAGE, 'access-flag 3 s1 b'],
  ] as const)('faults: %s', (_name, level, descriptor, expected) => {
    const memory = tables(3, 0x6000n | PAGE | LEAF);
    memory.writeDescriptor(SLOTS[level], descriptor);
    for (const access of [READ, WRITE, EXECUTE]) {
      const result = translateStage1(stage1Regime(), VA, access, memory);
      expect(summary(result)).toBe(expected);
      expect(result).toMatchObject({ write: access === WRITE, s1ptw: false, ipa: undefined });
    }
  });

  it.each([0, 1, 2, 3] as const)('reports an External abort on the level %i descriptor', (level) => {
    const memory = tables(3, 0x6000n | PAGE | LEAF);
    const beyond = new TestMemory(SLOTS[level] - (SLOTS[level] % 4096));
    for (const [address, word] of memory.words) beyond.writeDescriptor(address, word);
    const code = (0x14 + level).toString(16);
    expect(summary(translateStage1(stage1Regime(), VA, READ, beyond))).toBe(
      `external-abort-on-walk ${level} s1 ${code}`,
    );
  });
});

describe('the output address size', () => {
  const sizes = [
    [0, 32],
    [1, 36],
    [2, 40],
    [3, 42],
    [4, 44],
  ] as const;

  it.each(sizes)('IPS %i limits pages, tables and the TTBR to %i bits', (IPS, bits) => {
    const regime = stage1Regime({ IPS });
    const beyond = 1n << BigInt(bits);
    const last = beyond - 0x1000n;
    expect(summary(translateStage1(regime, VA, READ, tables(3, last | PAGE | LEAF)))).toBe('ok');
    expect(summary(translateStage1(regime, VA, READ, tables(3, beyond | PAGE | LEAF)))).toBe('address-size 3 s1 3');
    expect(summary(translateStage1(regime, VA, READ, tables(2, beyond | BLOCK | LEAF)))).toBe('address-size 2 s1 2');
    const memory = tables(3, PAGE | LEAF);
    memory.writeDescriptor(SLOTS[1], beyond | TABLE);
    expect(summary(translateStage1(regime, VA, READ, memory))).toBe('address-size 1 s1 1');
    memory.writeDescriptor(SLOTS[0], beyond | TABLE);
    expect(summary(translateStage1(regime, VA, READ, memory))).toBe('address-size 0 s1 0');
    const farRoot = { ...regime, TTBR0_EL1: beyond | 0x1000n };
    expect(summary(translateStage1(farRoot, VA, READ, memory))).toBe('address-size 0 s1 0');
  });

  it('is capped by the implemented PA size whatever IPS says', () => {
    const regime = { ...stage1Regime({ IPS: 7 }), paMax: 36 };
    expect(summary(translateStage1(regime, VA, READ, tables(3, (1n << 36n) | PAGE | LEAF)))).toBe(
      'address-size 3 s1 3',
    );
  });

  it('outranks the access flag', () => {
    const regime = stage1Regime({ IPS: 0 });
    expect(summary(translateStage1(regime, VA, READ, tables(3, (1n << 40n) | PAGE)))).toBe('address-size 3 s1 3');
  });
});

describe('the input address size', () => {
  /** One leaf at the largest block below the root for VA 0 of the lower half (and the last of the upper). */
  const granules = [
    ['4K', 0b00, 0b10],
    ['16K', 0b10, 0b01],
    ['64K', 0b01, 0b11],
  ] as const;

  it.each(granules)('%s granule: every TnSZ from 16 to 39 walks from its level', (size, TG0, TG1) => {
    const granule = GRANULES[size];
    for (let tnsz = 16; tnsz <= 39; tnsz++) {
      const inputBits = 64 - tnsz;
      const regime: Stage1Regime = {
        ...stage1Regime({ T0SZ: tnsz, T1SZ: tnsz, TG0, TG1 }),
        TTBR0_EL1: 0x100_0000n,
        TTBR1_EL1: 0x100_0000n,
      };
      const startLevel = stage1StartLevel(granule, inputBits);
      const memory = new TestMemory();
      const lastVa = 2n ** BigInt(inputBits) - 1n;
      let table = 0x100_0000;
      for (let level = startLevel as number; level <= 3; level++) {
        const span = levelSize(granule, level);
        const tableSpan = level === startLevel ? 2 ** inputBits : levelSize(granule, level - 1);
        const last = table + 8 * (tableSpan / span - 1);
        const next = 0x200_0000 + level * 0x10_0000;
        memory.writeDescriptor(last, level === 3 ? 0x4000_0000n | PAGE | LEAF : BigInt(next) | TABLE);
        table = next;
      }
      const pageMask = 2 ** granule.pageShift - 1;
      expect(ok(translateStage1(regime, lastVa, READ, memory))).toMatchObject({ pa: 0x4000_0000 + pageMask, level: 3 });
      expect(memory.reads).toBe(4 - startLevel);
      expect(ok(translateStage1(regime, -1n, READ, memory)).pa).toBe(0x4000_0000 + pageMask);
      expect(summary(translateStage1(regime, lastVa + 1n, READ, memory))).toBe('translation 0 s1 4');
      expect(summary(translateStage1(regime, -lastVa - 2n, READ, memory))).toBe('translation 0 s1 4');
    }
  });

  it.each([0, 15, 40, 63])('TnSZ %i is a level 0 translation fault', (tnsz) => {
    const regime = stage1Regime({ T0SZ: tnsz, T1SZ: tnsz });
    expect(summary(translateStage1(regime, 0n, READ, new TestMemory()))).toBe('translation 0 s1 4');
    expect(summary(translateStage1(regime, -1n, READ, new TestMemory()))).toBe('translation 0 s1 4');
  });

  it('EPD0 and EPD1 each shut their half without a lookup', () => {
    const memory = tables(3, PAGE | LEAF);
    memory.writeDescriptor(0x2000 + 511 * 8, 0x3000n | TABLE);
    expect(summary(translateStage1(stage1Regime({ EPD0: 1 }), VA, READ, memory))).toBe('translation 0 s1 4');
    expect(memory.reads).toBe(0);
    expect(summary(translateStage1(stage1Regime({ EPD0: 1 }), -1n, READ, memory))).toBe('translation 1 s1 5');
    expect(summary(translateStage1(stage1Regime({ EPD1: 1 }), VA, READ, memory))).toBe('ok');
    expect(summary(translateStage1(stage1Regime({ EPD1: 1 }), -1n, READ, memory))).toBe('translation 0 s1 4');
  });

  it('ignores the top byte only where TBI of the half is set, and chooses the half by bit 55 then', () => {
    const memory = tables(3, 0x6000n | PAGE | LEAF);
    memory.writeDescriptor(0x2000 + 511 * 8, 0x3000n | TABLE);
    memory.writeDescriptor(0x3000 + 511 * 8, 0x4000_0000n | BLOCK | LEAF);
    const tagged = VA | (0xa5n << 56n);
    const upper = 0x5aff_ffff_ffff_ffffn;
    expect(summary(translateStage1(stage1Regime(), tagged, READ, memory))).toBe('translation 0 s1 4');
    expect(summary(translateStage1(stage1Regime({ TBI1: 1 }), tagged, READ, memory))).toBe('translation 0 s1 4');
    expect(ok(translateStage1(stage1Regime({ TBI0: 1 }), tagged, READ, memory)).pa).toBe(0x6123);
    expect(summary(translateStage1(stage1Regime({ TBI0: 1 }), upper, READ, memory))).toBe('translation 0 s1 4');
    expect(ok(translateStage1(stage1Regime({ TBI1: 1 }), upper, READ, memory)).pa).toBe(0x7fff_ffff);
  });

  it('drops the bits of BADDR below the alignment of the root table', () => {
    const regime = { ...stage1Regime(), TTBR0_EL1: 0x1ffen };
    expect(summary(translateStage1(regime, VA, READ, tables(3, PAGE | LEAF)))).toBe('ok');
  });
});

describe('blocks of larger granules', () => {
  it.each([
    ['16K', 0b10, 1, 'translation 1 s1 5'],
    ['16K', 0b10, 2, 'ok'],
    ['64K', 0b01, 1, 'translation 1 s1 5'],
    ['64K', 0b01, 2, 'ok'],
  ] as const)('%s granule, block at level %s %s: %s', (size, TG0, level, expected) => {
    const memory = new TestMemory();
    const regime = { ...stage1Regime({ TG0 }), TTBR0_EL1: 0x100_0000n };
    const start = stage1StartLevel(GRANULES[size], 48);
    for (let l = start as number; l < level; l++) {
      memory.writeDescriptor(
        0x100_0000 + (l - start) * 0x10_0000,
        BigInt(0x100_0000 + (l - start + 1) * 0x10_0000) | TABLE,
      );
    }
    memory.writeDescriptor(0x100_0000 + (level - start) * 0x10_0000, BLOCK | LEAF);
    const result = translateStage1(regime, 0x12_3456n, READ, memory);
    expect(summary(result)).toBe(expected);
    if (result.kind === 'ok') expect(result).toMatchObject({ pa: 0x12_3456, blockSize: levelSize(GRANULES[size], 2) });
  });
});

describe('nG and ASID', () => {
  it.each([
    [0, 1, 0x0142],
    [1, 1, 0x0143],
    [0, 0, 0x42],
    [1, 0, 0x43],
  ])('A1 %i, AS %i give ASID %i', (A1, AS, expected) => {
    const regime = { ...stage1Regime({ A1, AS }), TTBR0_EL1: 0x0142_0000_0000_1000n };
    const leaf = PAGE | LEAF | encodeFields(STAGE1_LEAF, { nG: 1 });
    expect(ok(translateStage1(regime, VA, READ, tables(3, leaf)))).toMatchObject({ nG: true, asid: expected });
  });
});

describe('stage 1 off', () => {
  const off = stage1Regime({}, { M: 0 });

  it('is flat, with Device-nGnRnE data and every right', () => {
    const memory = new TestMemory(0);
    const result = ok(translateStage1(off, 0x9000_0123n, WRITE, memory));
    expect(result).toMatchObject({ pa: 0x9000_0123, level: undefined, blockSize: 2 ** 48 });
    expect(result.attributes).toEqual({ type: 'device', device: 'nGnRnE', shareability: 'OSH' });
    expect(result.el0).toEqual({ read: true, write: true, execute: true });
    expect(memory.reads).toBe(0);
  });

  it('fetches instructions as Normal memory, Write-Through where SCTLR_EL1.I is set', () => {
    expect(ok(translateStage1(off, 0n, EXECUTE, new TestMemory())).attributes).toMatchObject({
      inner: { policy: 'WT' },
    });
    const cold = stage1Regime({}, { M: 0, I: 0 });
    expect(ok(translateStage1(cold, 0n, EXECUTE, new TestMemory())).attributes).toMatchObject({
      inner: { policy: 'NC' },
    });
  });

  it('gives an Address size fault beyond the PA size, and honours TBI', () => {
    const regime = { ...off, paMax: 40 };
    expect(summary(translateStage1(regime, 1n << 40n, READ, new TestMemory()))).toBe('address-size 0 s1 0');
    expect(summary(translateStage1(regime, 0xff00_0000_0000_1000n, READ, new TestMemory()))).toBe(
      'address-size 0 s1 0',
    );
    const tagged = { ...regime, TCR_EL1: encodeFields(TCR_EL1, { TBI0: 1 }) };
    expect(ok(translateStage1(tagged, 0xff00_0000_0000_1000n, READ, new TestMemory())).pa).toBe(0x1000);
  });

  it('gives an Alignment fault for unaligned data', () => {
    expect(summary(translateStage1(off, 1n, { ...READ, unaligned: true }, new TestMemory()))).toBe('alignment 0 s1 21');
  });
});

describe('memory type', () => {
  const withAttr = (AttrIndx: number, more = 0n) =>
    tables(3, PAGE | LEAF | encodeFields(STAGE1_LEAF, { AttrIndx }) | more);

  it('is chosen by AttrIndx', () => {
    const attributes = (i: number) => ok(translateStage1(stage1Regime(), VA, READ, withAttr(i))).attributes;
    expect(attributes(0)).toMatchObject({ type: 'normal', inner: { policy: 'WB' }, shareability: 'ISH' });
    expect(attributes(1)).toEqual({ type: 'device', device: 'nGnRnE', shareability: 'OSH' });
    expect(attributes(2)).toMatchObject({ inner: { policy: 'NC' }, outer: { policy: 'NC' }, shareability: 'OSH' });
    expect(attributes(3)).toMatchObject({ inner: { policy: 'WT' }, outer: { policy: 'WT' } });
  });

  it('becomes Non-cacheable with SCTLR_EL1.C clear for data and I clear for instructions', () => {
    const inner = (access: Access, C: number, I: number) => {
      const { attributes } = ok(translateStage1(stage1Regime({}, { C, I }), VA, access, withAttr(0)));
      return attributes.type === 'normal' ? attributes.inner.policy : attributes.device;
    };
    expect([inner(READ, 0, 1), inner(READ, 1, 0), inner(EXECUTE, 0, 1), inner(EXECUTE, 1, 0)]).toEqual([
      'NC',
      'WB',
      'WB',
      'NC',
    ]);
  });

  it('Device: an unaligned access is an Alignment fault, before any Permission fault', () => {
    const memory = withAttr(1, encodeFields(STAGE1_LEAF, { AP: 0b10 }));
    expect(summary(translateStage1(stage1Regime(), VA, { ...WRITE, unaligned: true }, memory))).toBe(
      'alignment 3 s1 21',
    );
    expect(summary(translateStage1(stage1Regime(), VA, WRITE, memory))).toBe('permission 3 s1 f');
    expect(summary(translateStage1(stage1Regime(), VA, { ...READ, unaligned: true }, withAttr(0)))).toBe('ok');
  });

  it('Device that is not execute-never is fetched as Normal Non-cacheable', () => {
    expect(ok(translateStage1(stage1Regime(), VA, EXECUTE, withAttr(1))).attributes).toMatchObject({
      type: 'normal',
      inner: { policy: 'NC' },
    });
  });
});

describe('permissions', () => {
  const bits = [0, 1] as const;
  const rwx = (p: { read: boolean; write: boolean; execute: boolean }) =>
    `${p.read ? 'r' : '-'}${p.write ? 'w' : '-'}${p.execute ? 'x' : '-'}`;

  /** Rights at EL0 and EL1 by AP[2:1] with UXN = PXN = 0, and WXN = 0 or 1. */
  const AP_TABLE = [
    [0b00, 0, '--x', 'rwx'],
    [0b01, 0, 'rwx', 'rw-'],
    [0b10, 0, '--x', 'r-x'],
    [0b11, 0, 'r-x', 'r-x'],
    [0b00, 1, '--x', 'rw-'],
    [0b01, 1, 'rw-', 'rw-'],
    [0b10, 1, '--x', 'r-x'],
    [0b11, 1, 'r-x', 'r-x'],
  ] as const;

  it.each(AP_TABLE)('AP %i, WXN %i, every UXN and PXN', (AP, WXN, el0, el1) => {
    for (const UXN of bits) {
      for (const PXN of bits) {
        const leaf = PAGE | LEAF | encodeFields(STAGE1_LEAF, { AP, UXN, PXN });
        const result = ok(translateStage1(stage1Regime({}, { WXN }), VA, READ, tables(3, leaf)));
        expect(rwx(result.el0)).toBe(UXN ? el0.replace('x', '-') : el0);
        expect(rwx(result.el1)).toBe(PXN ? el1.replace('x', '-') : el1);
      }
    }
  });

  it.each([0b00, 0b01, 0b10, 0b11])('APTable %i limits every AP', (APTable) => {
    for (const AP of [0b00, 0b01, 0b10, 0b11]) {
      const leaf = PAGE | LEAF | encodeFields(STAGE1_LEAF, { AP });
      const memory = tables(3, leaf, encodeFields(STAGE1_TABLE, { APTable }));
      const effective = (AP & ~(APTable & 1)) | (APTable & 2);
      const row = AP_TABLE[effective]!;
      const result = ok(translateStage1(stage1Regime(), VA, READ, memory));
      expect([rwx(result.el0), rwx(result.el1)]).toEqual([row[2], row[3]]);
    }
  });

  it('takes table limits from any single level', () => {
    for (const level of [0, 1, 2] as const) {
      const memory = tables(3, PAGE | LEAF);
      const limit = encodeFields(STAGE1_TABLE, { XNTable: 1, PXNTable: 1, APTable: 0b10 });
      memory.writeDescriptor(SLOTS[level], memory.words.get(SLOTS[level])! | limit);
      const result = ok(translateStage1(stage1Regime(), VA, READ, memory));
      expect([rwx(result.el0), rwx(result.el1)]).toEqual(['---', 'r--']);
    }
    const onlyXn = ok(
      translateStage1(stage1Regime(), VA, READ, tables(3, PAGE | LEAF, encodeFields(STAGE1_TABLE, { XNTable: 1 }))),
    );
    expect([rwx(onlyXn.el0), rwx(onlyXn.el1)]).toEqual(['---', 'rwx']);
    const onlyPxn = ok(
      translateStage1(stage1Regime(), VA, READ, tables(3, PAGE | LEAF, encodeFields(STAGE1_TABLE, { PXNTable: 1 }))),
    );
    expect([rwx(onlyPxn.el0), rwx(onlyPxn.el1)]).toEqual(['--x', 'rw-']);
  });

  it.each([1, 2, 3] as const)('grants each access exactly by the rights of its EL, at level %i', (level) => {
    const type = level === 3 ? PAGE : BLOCK;
    for (const AP of [0b00, 0b01, 0b10, 0b11]) {
      for (const UXN of bits) {
        for (const PXN of bits) {
          const memory = tables(level, type | LEAF | encodeFields(STAGE1_LEAF, { AP, UXN, PXN }));
          const rights = ok(translateStage1(stage1Regime(), VA, READ, memory));
          for (const kind of ['read', 'write', 'execute'] as const) {
            for (const [access, allowed] of [
              [{ type: kind, el: 0 }, rights.el0[kind]],
              [{ type: kind, el: 1 }, rights.el1[kind]],
              [{ type: kind, el: 1, unprivileged: true }, (kind === 'execute' ? rights.el1 : rights.el0)[kind]],
            ] as const) {
              const result = translateStage1(stage1Regime(), VA, access, memory);
              expect(summary(result)).toBe(allowed ? 'ok' : `permission ${level} s1 ${(0xc + level).toString(16)}`);
              if (result.kind === 'fault') expect(result.write).toBe(kind === 'write');
            }
          }
        }
      }
    }
  });

  it('an atomic needs both rights and reports WnR only where it could read', () => {
    const result = (AP: number, el: 0 | 1) =>
      translateStage1(
        stage1Regime(),
        VA,
        { type: 'atomic', el },
        tables(3, PAGE | LEAF | encodeFields(STAGE1_LEAF, { AP })),
      );
    expect(result(0b01, 0).kind).toBe('ok');
    expect(result(0b11, 0)).toMatchObject({ fault: 'permission', write: true });
    expect(result(0b00, 0)).toMatchObject({ fault: 'permission', write: false });
    expect(result(0b10, 1)).toMatchObject({ fault: 'permission', write: true });
  });

  it('access flag outranks permission', () => {
    const memory = tables(3, PAGE | encodeFields(STAGE1_LEAF, { AP: 0b10 }));
    expect(summary(translateStage1(stage1Regime(), VA, WRITE, memory))).toBe('access-flag 3 s1 b');
  });
});
