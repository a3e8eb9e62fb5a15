import { stateOffset, VCPU_BYTES } from '@dom0less/arm64-cpu';
import { describe, expect, it } from 'vitest';
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
