import { describe, expect, it } from 'vitest';
import {
  AT_OPERATIONS,
  dataAbortIss,
  decodeDataAbortIss,
  decodeEsr,
  decodeFaultStatus,
  decodeHpfarEl2,
  decodeTlbiOperand,
  ESR_EC,
  encodeEsr,
  encodeFaultStatus,
  encodeHpfarEl2,
  encodeParEl1,
  type Fault,
  type FaultKind,
  instructionAbortIss,
  TLBI_OPERATIONS,
  translateStage1,
} from '../src/index.ts';
import { stage1Regime, TestMemory } from './memory.ts';

const FAULT: Fault = {
  kind: 'fault',
  fault: 'translation',
  stage: 2,
  level: 2,
  fsc: 0x06,
  s1ptw: false,
  write: true,
  ipa: 0x900_0018,
};
const SYNDROME = { size: 4, signExtend: false, register: 1, is64Bit: false, acquireRelease: false } as const;

describe('fault status codes', () => {
  const LEVELLED: readonly [FaultKind, number][] = [
    ['address-size', 0b000000],
    ['translation', 0b000100],
    ['access-flag', 0b001000],
    ['permission', 0b001100],
    ['external-abort-on-walk', 0b010100],
  ];

  it.each(LEVELLED)('%s carries its level', (fault, base) => {
    for (const level of [0, 1, 2, 3]) {
      expect(encodeFaultStatus(fault, level)).toBe(base + level);
      expect(decodeFaultStatus(base + level)).toEqual({ fault, level });
    }
  });

  it.each([
    ['external-abort', 0b010000],
    ['alignment', 0b100001],
    ['tlb-conflict', 0b110000],
    ['unsupported-exclusive', 0b110101],
  ] as const)('%s has no level', (fault, code) => {
    expect(encodeFaultStatus(fault, 3)).toBe(code);
    expect(decodeFaultStatus(code)).toEqual({ fault, level: 0 });
  });

  it('leaves other codes undecoded', () => {
    expect(decodeFaultStatus(0x22)).toBeUndefined();
    expect(decodeFaultStatus(0x31)).toBeUndefined();
  });
});

describe('syndromes', () => {
  it('STR W1 on an unmapped device page gives ESR_EL2 0x93810046', () => {
    const iss = dataAbortIss(FAULT, { syndrome: SYNDROME });
    expect(iss).toBe((1 << 24) | (2 << 22) | (1 << 16) | (1 << 6) | 6);
    expect(encodeEsr(ESR_EC.DATA_ABORT_LOWER_EL, iss)).toBe(0x9381_0046n);
    expect(decodeEsr(0x9381_0046n)).toEqual({ ec: 0x24, iss });
    expect(decodeDataAbortIss(0x9381_0046)).toEqual({
      dfsc: 6,
      write: true,
      s1ptw: false,
      cacheMaintenance: false,
      syndrome: SYNDROME,
    });
  });

  it('has a decoder for every instruction syndrome', () => {
    for (const size of [1, 2, 4, 8] as const) {
      for (const flag of [false, true]) {
        const syndrome = { size, signExtend: flag, register: 30, is64Bit: !flag, acquireRelease: flag };
        expect(decodeDataAbortIss(dataAbortIss(FAULT, { syndrome })).syndrome).toEqual(syndrome);
      }
    }
  });

  it('has no instruction syndrome on stage 1 and on stage 1 walks', () => {
    const details = { syndrome: SYNDROME };
    expect(dataAbortIss({ ...FAULT, stage: 1 }, details)).toBe(0x46);
    expect(dataAbortIss({ ...FAULT, s1ptw: true }, details)).toBe(0xc6);
  });

  it('sets CM and WnR for cache maintenance, EA and FnV for External aborts', () => {
    expect(dataAbortIss({ ...FAULT, write: false }, { cacheMaintenance: true })).toBe(0x146);
    const external: Fault = { ...FAULT, fault: 'external-abort', fsc: 0x10, write: false };
    expect(dataAbortIss(external, { farNotValid: true, externalAbortType: 1 })).toBe(0x610);
    expect(dataAbortIss(FAULT, { farNotValid: true })).toBe(0x46);
  });

  it('has S1PTW but no WnR in instruction aborts', () => {
    expect(instructionAbortIss({ ...FAULT, s1ptw: true })).toBe(0x86);
  });

  it('HPFAR_EL2 holds IPA[47:12] from bit 4', () => {
    expect(encodeHpfarEl2(0x900_0018)).toBe(0x9_0000n);
    expect(decodeHpfarEl2(encodeHpfarEl2(2 ** 48 - 1))).toBe(2 ** 48 - 4096);
  });
});

describe('PAR_EL1', () => {
  it('holds PA, SH and ATTR of a translation', () => {
    const normal = { policy: 'WB', transient: false, readAllocate: true, writeAllocate: true } as const;
    const attributes = { type: 'normal', inner: normal, outer: normal, shareability: 'ISH' } as const;
    expect(encodeParEl1({ kind: 'ok', pa: 0x8_1234_5678, attributes })).toBe(0xff00_0008_1234_5b80n);
    const device = { type: 'device', device: 'nGnRE', shareability: 'OSH' } as const;
    expect(encodeParEl1({ kind: 'ok', pa: 0x900_0000, attributes: device })).toBe(0x0400_0000_0900_0b00n);
  });

  it('holds FST, PTW and S of a fault', () => {
    expect(encodeParEl1(translateStage1(stage1Regime(), 0n, { type: 'read', el: 1 }, new TestMemory()))).toBe(0x809n);
    expect(encodeParEl1({ ...FAULT, s1ptw: true })).toBe(0x801n | (6n << 1n) | (1n << 8n) | (1n << 9n));
  });

  it('has eight AT operations with distinct encodings', () => {
    expect(new Set(AT_OPERATIONS.map((o) => `${o.op1} ${o.CRn} ${o.CRm} ${o.op2}`)).size).toBe(8);
    expect(AT_OPERATIONS.find((o) => o.name === 'S1E0W')).toMatchObject({ op1: 0, CRn: 7, CRm: 8, op2: 3 });
  });
});

describe('TLBI', () => {
  const find = (name: string) => TLBI_OPERATIONS.find((o) => o.name === name)!;

  it('has twelve operations with distinct encodings', () => {
    expect(new Set(TLBI_OPERATIONS.map((o) => `${o.op1} ${o.CRn} ${o.CRm} ${o.op2}`)).size).toBe(12);
    expect(find('VMALLE1')).toMatchObject({ op1: 0, CRn: 8, CRm: 7, op2: 0, innerShareable: false });
    expect(find('VAALE1IS')).toMatchObject({ op1: 0, CRn: 8, CRm: 3, op2: 7, lastLevel: true, innerShareable: true });
  });

  it('reads the operand by scope, sign-extending the VA', () => {
    const xt = (0x1234n << 48n) | (0xfn << 44n) | 0xfff_8000_0123n;
    expect(decodeTlbiOperand(find('VAE1'), xt)).toEqual({ va: 0xffff_f800_0012_3000n, asid: 0x1234 });
    expect(decodeTlbiOperand(find('VAAE1IS'), xt)).toEqual({ va: 0xffff_f800_0012_3000n, asid: undefined });
    expect(decodeTlbiOperand(find('ASIDE1'), xt)).toEqual({ va: undefined, asid: 0x1234 });
    expect(decodeTlbiOperand(find('VMALLE1IS'), xt)).toEqual({ va: undefined, asid: undefined });
  });
});
