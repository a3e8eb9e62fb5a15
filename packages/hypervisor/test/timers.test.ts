import { stateOffset, VCPU_BYTES } from '@dom0less/arm64-cpu';
import { describe, expect, it } from 'vitest';
import { BoardMemory } from '../src/memory/board-memory.ts';
import { VCPU_CONTROL } from '../src/memory/layout.ts';
import { makeMemory } from '../src/memory/make-memory.ts';
import { VcpuTimers } from '../src/pcpu/generic-timer.ts';
import { SystemCounter } from '../src/pcpu/system-counter.ts';

describe('the timers of a vCPU', () => {
  const setup = () => {
    const view = new DataView(new ArrayBuffer(VCPU_BYTES + VCPU_CONTROL.BYTES));
    const set = (name: string, value: bigint): void => view.setBigUint64(stateOffset(name), value, true);
    const told: string[] = [];
    const timers = new VcpuTimers(view.buffer, { state: 0, control: VCPU_BYTES }, (intid, level) =>
      told.push(`${intid} ${level}`),
    );
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
  const { memory, layout } = makeMemory({ pcpus: 1, domains: [], blocksWanted: 0 });
  const board = new BoardMemory(memory, layout);

  it('follows host time and never goes back', () => {
    let ms = 1000;
    const counter = new SystemCounter(62_500_000, 1000, () => ms, board);
    expect(counter.read()).toBe(0);
    ms = 1002;
    expect(counter.read()).toBe(125_000);
    ms = 1001;
    expect(counter.read()).toBe(125_000);
    expect(counter.msUntil(125_000 + 62_500, 125_000)).toBe(1);
    expect(counter.msUntil(Infinity, 0)).toBe(Infinity);
  });

  it('is never behind what another thread has read of it, whose clock is ahead', () => {
    let ms = 3000;
    const ahead = new SystemCounter(1000, 1000, () => ms + 5, board);
    const behind = new SystemCounter(1000, 1000, () => ms, board);
    const first = ahead.read();
    expect(behind.read()).toBe(first);
    ms += 7;
    expect(behind.read()).toBeGreaterThan(first);
    // One that is made later, after host time was set back, goes on from there.
    const later = new SystemCounter(1000, 1000, () => 0, board);
    expect(later.read()).toBeGreaterThanOrEqual(behind.read());
  });
});
