import { stateOffset, VCPU_BYTES } from '@dom0less/arm64-cpu';
import { describe, expect, it } from 'vitest';
import { sharesTranslations } from '../src/pcpu/address-space.ts';
import { VcpuTimers } from '../src/pcpu/generic-timer.ts';
import { SystemCounter } from '../src/pcpu/system-counter.ts';

describe('the timers of a vCPU', () => {
  const setup = () => {
    const view = new DataView(new ArrayBuffer(VCPU_BYTES));
    const set = (name: string, value: bigint): void => view.setBigUint64(stateOffset(name), value, true);
    const told: string[] = [];
    const timers = new VcpuTimers(view, 0, (intid, level) => told.push(`${intid} ${level}`));
    set('CNTVOFF_EL2', 1000n);
    timers.update(0);
    told.length = 0;
    return { set, told, timers };
  };

  it('fire at CVAL, the virtual one CNTVOFF later, as PPI 30 and 27', () => {
    const { set, told, timers } = setup();
    for (const name of ['V', 'P']) {
      set(`CNT${name}_CVAL_EL0`, 500n);
      set(`CNT${name}_CTL_EL0`, 1n);
    }
    timers.update(499);
    expect([told, timers.deadline]).toEqual([[], 500]);
    timers.update(500);
    expect([told, timers.deadline]).toEqual([['30 true'], 1500]);
    timers.update(1500);
    expect([told, timers.deadline]).toEqual([['30 true', '27 true'], Infinity]);
  });

  it('drop their level when masked, disabled or set to later', () => {
    for (const [ctl, cval] of [
      [3n, 10n],
      [0n, 10n],
      [1n, 5000n],
    ] as const) {
      const { set, told, timers } = setup();
      set('CNTV_CVAL_EL0', 10n);
      set('CNTV_CTL_EL0', 1n);
      timers.update(2000);
      set('CNTV_CTL_EL0', ctl);
      set('CNTV_CVAL_EL0', cval);
      timers.update(2000);
      expect(told).toEqual(['27 true', '27 false']);
      expect(timers.deadline).toBe(cval === 10n ? Infinity : 6000);
    }
  });

  it('that are set to the end of time never fire', () => {
    const { set, told, timers } = setup();
    set('CNTV_CVAL_EL0', 2n ** 64n - 1n);
    set('CNTV_CTL_EL0', 1n);
    timers.update(2 ** 52);
    expect(told).toEqual([]);
    expect(timers.deadline).toBeGreaterThan(2 ** 63);
  });
});

describe('the system counter', () => {
  it('follows host time and never goes back', () => {
    let ms = 1000;
    const counter = new SystemCounter(62_500_000, 1000, () => ms);
    expect(counter.read()).toBe(0);
    ms = 1002;
    expect(counter.read()).toBe(125_000);
    ms = 1001;
    expect(counter.read()).toBe(125_000);
    expect(counter.msUntil(125_000 + 62_500, 125_000)).toBe(1);
    expect(counter.msUntil(Infinity, 0)).toBe(Infinity);
  });
});

describe('two vCPUs of a domain', () => {
  const state = (values: Record<string, bigint>): Record<string, bigint> => ({
    SCTLR_EL1: 1n,
    TCR_EL1: 1n << 22n,
    TTBR0_EL1: 0x1000n,
    TTBR1_EL1: (5n << 48n) | 0x2000n,
    MAIR_EL1: 0xffn,
    ...values,
  });
  it.each([
    ['with equal tables and ASIDs', {}, true],
    ['one of which has its MMU off', { SCTLR_EL1: 0n }, false],
    ['with other tables for the same ASID', { TTBR0_EL1: 0x3000n }, false],
    ['with other tables for another ASID', { TTBR0_EL1: 0x3000n, TTBR1_EL1: (6n << 48n) | 0x2000n }, true],
    ['with other memory attributes', { MAIR_EL1: 0n }, false],
    ['with another TCR_EL1', { TCR_EL1: 0n }, false],
  ])('%s', (_, values, shares) => {
    const view = new DataView(new ArrayBuffer(2 * VCPU_BYTES));
    for (const [base, one] of [
      [0, state({})],
      [VCPU_BYTES, state(values)],
    ] as const) {
      for (const [name, value] of Object.entries(one)) view.setBigUint64(base + stateOffset(name), value, true);
    }
    expect(sharesTranslations(view, 0, VCPU_BYTES)).toBe(shares);
    expect(sharesTranslations(view, VCPU_BYTES, 0)).toBe(shares);
  });
});
