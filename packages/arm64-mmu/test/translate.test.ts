import { describe, expect, it } from 'vitest';
import {
  type Access,
  encodeFields,
  type Fault,
  type Regime,
  STAGE1_LEAF,
  Stage2Tables,
  type Translation,
  translate,
  translateStage1,
} from '../src/index.ts';
import { stage1Regime, TestMemory } from './memory.ts';

const READ: Access = { type: 'read', el: 1 };
const WRITE: Access = { type: 'write', el: 1 };
const RAM = { read: true, write: true, execute: true, memoryType: 'normal' } as const;
const LEAF = 0b11n | encodeFields(STAGE1_LEAF, { AF: 1, SH: 0b11 });

/** Guest tables at IPA 0x1000, 0x3000, 0x4000, 0x5000 map VA 0 to IPA 0x7000; stage 2 adds 0x4000_0000. */
const GUEST_TABLES = [0x1000, 0x3000, 0x4000, 0x5000] as const;
const OFFSET = 0x4000_0000;

function machine(leaf = 0x7000n | LEAF, hcr = 1n) {
  const memory = new TestMemory();
  const p2m = new Stage2Tables({ memory, vmid: 5 });
  p2m.map(0, OFFSET, 0x20_0000, RAM);
  const descriptors = [0x3003n, 0x4003n, 0x5003n, leaf];
  for (const [level, table] of GUEST_TABLES.entries()) memory.writeDescriptor(OFFSET + table, descriptors[level]!);
  const stage2 = { HCR_EL2: hcr, VTCR_EL2: p2m.VTCR_EL2, VTTBR_EL2: p2m.VTTBR_EL2, paMax: 44 };
  return { memory, p2m, regime: { stage1: stage1Regime(), stage2 } satisfies Regime };
}

const ok = (result: Translation | Fault): Translation => {
  if (result.kind === 'fault') throw new Error(JSON.stringify(result));
  return result;
};

describe('both stages', () => {
  it('fetch stage 1 descriptors through stage 2 and combine the results', () => {
    const { memory, regime } = machine();
    memory.reads = 0;
    expect(ok(translate(regime, 0x123n, READ, memory))).toMatchObject({
      pa: OFFSET + 0x7123,
      ipa: 0x7123,
      level: 3,
      stage2Level: 2,
      blockSize: 4096,
      asid: 0x42,
      vmid: 5,
    });
    expect(memory.reads).toBe(4 * (1 + 3) + 3);
  });

  it('intersect their rights', () => {
    const { memory, p2m, regime } = machine();
    p2m.map(0x7000, OFFSET + 0x7000, 0x1000, { ...RAM, write: false, execute: false });
    expect(ok(translate(regime, 0n, READ, memory))).toMatchObject({
      el0: { read: false, write: false, execute: false },
      el1: { read: true, write: false, execute: false },
      stage2Level: 3,
    });
    expect(translate(regime, 0n, WRITE, memory)).toMatchObject({
      stage: 2,
      fault: 'permission',
      ipa: 0x7000,
      write: true,
    });
  });

  it.each([0, 1, 2, 3] as const)('report a stage 2 fault on the level %i descriptor with its IPA', (level) => {
    const { memory, p2m, regime } = machine();
    p2m.unmap(GUEST_TABLES[level], 0x1000);
    for (const access of [READ, WRITE]) {
      expect(translate(regime, 0n, access, memory)).toEqual({
        kind: 'fault',
        fault: 'translation',
        stage: 2,
        level: 3,
        fsc: 0x07,
        s1ptw: true,
        write: access === WRITE,
        ipa: GUEST_TABLES[level],
      });
    }
  });

  it('report a stage 2 fault on the access itself without s1ptw', () => {
    const { memory, p2m, regime } = machine();
    p2m.unmap(0x7000, 0x1000);
    expect(translate(regime, 0x123n, READ, memory)).toMatchObject({ stage: 2, s1ptw: false, ipa: 0x7123, fsc: 0x07 });
  });

  it('a stage 1 fault comes before a stage 2 fault', () => {
    const { memory, p2m, regime } = machine(0x7000n | LEAF | encodeFields(STAGE1_LEAF, { AP: 0b10 }));
    p2m.unmap(0x7000, 0x1000);
    expect(translate(regime, 0n, WRITE, memory)).toMatchObject({ stage: 1, fault: 'permission', ipa: undefined });
  });

  it('an External abort names the stage whose descriptor failed', () => {
    const { memory, regime } = machine();
    const cut = new TestMemory(OFFSET + 0x5000);
    for (const [at, word] of memory.words) cut.writeDescriptor(at, word);
    expect(translate(regime, 0n, READ, cut)).toMatchObject({ stage: 1, fsc: 0x17, s1ptw: false });
    expect(translate(regime, 0n, READ, new TestMemory(0))).toMatchObject({ stage: 2, fsc: 0x14, s1ptw: true });
  });

  it('Device at either stage is Device, and may not hold tables with HCR_EL2.PTW', () => {
    const { memory, p2m, regime } = machine(undefined, 0b101n);
    p2m.map(0x7000, 0x900_0000, 0x1000, { ...RAM, memoryType: 'device-nGnRE' });
    expect(ok(translate(regime, 0n, READ, memory)).attributes).toEqual({
      type: 'device',
      device: 'nGnRE',
      shareability: 'OSH',
    });
    expect(ok(translate(regime, 0n, { type: 'execute', el: 1 }, memory)).attributes.type).toBe('normal');
    p2m.map(0x3000, OFFSET + 0x3000, 0x1000, { ...RAM, memoryType: 'device-nGnRE' });
    expect(translate(regime, 0n, READ, memory)).toMatchObject({ fault: 'permission', s1ptw: true, ipa: 0x3000 });
  });

  it('HCR_EL2.DC turns stage 1 off, with Write-Back memory', () => {
    const { memory, regime } = machine(undefined, 1n << 12n);
    const result = ok(translate(regime, 0x7123n, READ, memory));
    expect(result).toMatchObject({ pa: OFFSET + 0x7123, level: undefined, blockSize: 2 ** 21 });
    expect(result.attributes).toMatchObject({ type: 'normal', inner: { policy: 'WB' }, shareability: 'ISH' });
  });

  it('translateStage1 with a stage 2 leaves the output an IPA', () => {
    const { memory, regime } = machine();
    expect(translateStage1(regime.stage1, 0x123n, READ, memory, regime.stage2)).toMatchObject({ pa: 0x7123 });
  });
});
