import { describe, expect, it } from 'vitest';
import { STAGE2_ROOTS, type Stage2MemoryType, type Stage2Regime, Stage2Tables, translateStage2 } from '../src/index.ts';
import { TestMemory } from './memory.ts';

const K4 = 2 ** 12;
const M2 = 2 ** 21;
const G1 = 2 ** 30;
const RAM = { read: true, write: true, execute: true, memoryType: 'normal' } as const;
const MMIO = { read: true, write: true, execute: false, memoryType: 'device-nGnRE' } as const;

const make = (options: { ipaBits?: number; paBits?: number; vmid?: number } = {}) => {
  const memory = new TestMemory();
  const p2m = new Stage2Tables({ memory, ...options });
  return { memory, p2m };
};

const regime = (p2m: Stage2Tables): Stage2Regime => ({
  HCR_EL2: 1n,
  VTCR_EL2: p2m.VTCR_EL2,
  VTTBR_EL2: p2m.VTTBR_EL2,
  paMax: 48,
});

describe('the registers', () => {
  it("are Xen's for a 44-bit IPA and PA: VTCR 0x80043594", () => {
    expect(make().p2m.VTCR_EL2).toBe(0x8004_3594n);
    expect(make().p2m.startLevel).toBe(0);
  });

  it('hold root and VMID in VTTBR_EL2', () => {
    const { p2m } = make({ vmid: 9 });
    expect(p2m.VTTBR_EL2).toBe((9n << 48n) | BigInt(p2m.root));
  });

  it('ask for two concatenated tables at level 1 for 40 bits', () => {
    const { p2m } = make({ ipaBits: 40, paBits: 40 });
    expect(p2m.startLevel).toBe(1);
    expect(p2m.VTCR_EL2).toBe(0x8002_3558n);
    expect(p2m.root % (2 * K4)).toBe(0);
  });

  it.each(STAGE2_ROOTS)('$ipaBits bits: the first and last page translate', ({ ipaBits }) => {
    const { memory, p2m } = make({ ipaBits, paBits: 48 });
    const last = 2 ** ipaBits - K4;
    p2m.map(0, 0x1000_0000, K4, RAM);
    p2m.map(last, 0x2000_0000, K4, RAM);
    const pa = (ipa: number) => {
      const result = translateStage2(regime(p2m), ipa, { type: 'read' }, memory);
      return result.kind === 'ok' ? result.pa : result.fault;
    };
    expect([pa(5), pa(last + 5), pa(2 ** (ipaBits - 1)), pa(2 ** ipaBits)]).toEqual([
      0x1000_0005,
      0x2000_0005,
      'translation',
      'translation',
    ]);
  });
});

describe('map', () => {
  it('uses the largest blocks that IPA, PA and size allow', () => {
    const { memory, p2m } = make();
    expect(p2m.map(G1 - M2 - K4, 2 * G1 - M2 - K4, K4 + M2 + G1 + M2 + K4, RAM)).toBe(false);
    const level = (ipa: number) => p2m.lookup(ipa)?.level;
    expect([G1 - M2 - K4, G1 - M2, G1, 2 * G1, 2 * G1 + M2].map(level)).toEqual([3, 2, 1, 2, 3]);
    expect(level(2 * G1 + M2 + K4)).toBeUndefined();
    // One level 1 table; level 2 and 3 tables on either side of the gigabyte.
    expect(memory.used.size).toBe(5);
  });

  it('falls back to pages where IPA and PA are not congruent', () => {
    const { p2m } = make();
    p2m.map(0, K4, M2, RAM);
    expect(p2m.lookup(M2 - 1)).toMatchObject({ level: 3, pa: M2 + K4 - 1 });
  });

  it.each<Stage2MemoryType>([
    'normal',
    'normal-non-cacheable',
    'device-nGnRnE',
    'device-nGnRE',
    'device-nGRE',
    'device-GRE',
  ])('keeps memory type %s with every combination of rights', (memoryType) => {
    const { memory, p2m } = make();
    for (let rights = 0; rights < 8; rights++) {
      const attributes = { read: !!(rights & 1), write: !!(rights & 2), execute: !!(rights & 4), memoryType };
      p2m.map(rights * K4, 0x4000_0000, K4, attributes);
      expect(p2m.lookup(rights * K4)).toEqual({ ...attributes, pa: 0x4000_0000, level: 3, blockSize: K4 });
      const { read } = attributes;
      const result = translateStage2(regime(p2m), rights * K4, { type: 'read' }, memory);
      expect(result.kind).toBe(read ? 'ok' : 'fault');
      if (result.kind !== 'ok') continue;
      expect(result.permissions).toEqual({ read, write: attributes.write, execute: attributes.execute });
      const type = result.attributes!.type === 'device' ? `device-${result.attributes!.device}` : 'normal';
      expect(type).toBe(memoryType.startsWith('normal') ? 'normal' : memoryType);
    }
  });

  it('splits a block where part of it is remapped, and says that something was replaced', () => {
    const { p2m } = make();
    p2m.map(0, 4 * G1, G1, RAM);
    expect(p2m.map(M2 + K4, 0x900_0000, K4, MMIO)).toBe(true);
    expect(p2m.lookup(0)).toMatchObject({ level: 2, pa: 4 * G1 });
    expect(p2m.lookup(M2)).toMatchObject({ level: 3, pa: 4 * G1 + M2, memoryType: 'normal' });
    expect(p2m.lookup(M2 + K4)).toMatchObject({ level: 3, pa: 0x900_0000, memoryType: 'device-nGnRE', execute: false });
    expect(p2m.lookup(G1 - 1)).toMatchObject({ level: 2, pa: 5 * G1 - 1 });
  });

  it('puts a block over a table and frees all tables below', () => {
    const { memory, p2m } = make();
    p2m.map(0, 0, K4, RAM);
    p2m.map(5 * M2, 0, K4, RAM);
    expect(memory.used.size).toBe(4);
    expect(p2m.map(0, 4 * G1, G1, RAM)).toBe(true);
    expect(memory.used.size).toBe(1);
    expect(p2m.lookup(5 * M2)).toMatchObject({ level: 1, pa: 4 * G1 + 5 * M2 });
  });
});

describe('unmap', () => {
  it('splits the blocks at both ends and keeps what lies outside', () => {
    const { p2m } = make();
    p2m.map(0, 4 * G1, 2 * G1, RAM);
    expect(p2m.unmap(G1 - K4, 2 * K4)).toBe(true);
    expect(p2m.lookup(G1 - K4 - 1)).toMatchObject({ level: 3, pa: 5 * G1 - K4 - 1 });
    expect(p2m.lookup(G1 - K4)).toBeUndefined();
    expect(p2m.lookup(G1 + K4 - 1)).toBeUndefined();
    expect(p2m.lookup(G1 + K4)).toMatchObject({ level: 3, pa: 5 * G1 + K4 });
    expect(p2m.lookup(2 * G1 - 1)).toMatchObject({ level: 2 });
  });

  it('frees every table that becomes empty, page by page', () => {
    const { memory, p2m } = make();
    p2m.map(3 * G1 + M2, 0, 4 * K4, RAM);
    expect(memory.used.size).toBe(3);
    for (let page = 0; page < 4; page++) {
      expect(memory.used.size).toBe(3);
      p2m.unmap(3 * G1 + M2 + page * K4, K4);
    }
    expect(memory.used.size).toBe(0);
  });

  it('of the whole IPA space empties the root without visiting each page', () => {
    const { memory, p2m } = make();
    p2m.map(0, 0, 3 * G1 + M2 + K4, RAM);
    p2m.map(2 ** 44 - K4, 0, K4, RAM);
    memory.reads = 0;
    p2m.unmap(0, 2 ** 44);
    expect(memory.used.size).toBe(0);
    expect(memory.reads).toBeLessThan(10_000);
    expect([...memory.words.values()].every((word) => word === 0n)).toBe(true);
  });

  it('of nothing changes nothing and says so', () => {
    const { memory, p2m } = make();
    expect(p2m.unmap(0, 2 ** 40)).toBe(false);
    expect(memory.used.size).toBe(0);
  });
});

describe('when tables run out', () => {
  it('leaves everything before the failing page mapped and the tables consistent', () => {
    const { memory, p2m } = make();
    memory.pagesLeft = 3;
    expect(() => p2m.map(M2 - K4, M2 - K4, 2 * K4 + M2, RAM)).toThrow('no pages left');
    expect(p2m.lookup(M2 - 1)).toMatchObject({ level: 3 });
    expect(p2m.lookup(2 * M2 - 1)).toMatchObject({ level: 2 });
    expect(p2m.lookup(2 * M2)).toBeUndefined();
    p2m.unmap(0, 2 ** 44);
    expect(memory.used.size).toBe(0);
  });
});

describe('refuses', () => {
  const { p2m } = make();
  it.each([
    ['an unaligned IPA', () => p2m.map(1, 0, K4, RAM), 'UNALIGNED'],
    ['an unaligned PA', () => p2m.map(0, 0x10, K4, RAM), 'UNALIGNED'],
    ['an unaligned size', () => p2m.unmap(0, K4 + 1), 'UNALIGNED'],
    ['an empty range', () => p2m.map(0, 0, 0, RAM), 'ADDRESS_RANGE'],
    ['a negative IPA', () => p2m.unmap(-K4, 2 * K4), 'ADDRESS_RANGE'],
    ['NaN', () => p2m.unmap(Number.NaN, K4), 'UNALIGNED'],
    ['an IPA beyond the space', () => p2m.map(2 ** 44 - K4, 0, 2 * K4, RAM), 'ADDRESS_RANGE'],
    ['a PA beyond the space', () => p2m.map(0, 2 ** 44, K4, RAM), 'ADDRESS_RANGE'],
    ['an unknown IPA size', () => make({ ipaBits: 41 }), 'ADDRESS_SIZE'],
    ['an unknown PA size', () => make({ paBits: 45 }), 'ADDRESS_SIZE'],
    ['an IPA size above the PA size', () => make({ ipaBits: 44, paBits: 40 }), 'ADDRESS_SIZE'],
    ['a VMID of 9 bits', () => make({ vmid: 256 }), 'FIELD_RANGE'],
  ])('%s', (_name, call, code) => {
    expect(call).toThrow(expect.objectContaining({ name: 'MmuError', code }));
  });

  it('a root that is not aligned to its size', () => {
    const memory = new TestMemory();
    memory.allocRootPages = () => 0x1000;
    expect(() => new Stage2Tables({ memory, ipaBits: 40 })).toThrow(expect.objectContaining({ code: 'UNALIGNED' }));
  });

  it('finds nothing outside of the IPA space', () => {
    expect([p2m.lookup(-1), p2m.lookup(2 ** 44), p2m.lookup(Number.NaN)]).toEqual([undefined, undefined, undefined]);
  });
});
