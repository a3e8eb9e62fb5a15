import { describe, expect, it } from 'vitest';
import { VCPU_CONTROL } from '../src/memory/layout.ts';
import { HostPace } from '../src/pcpu/pace.ts';

const TICKS_PER_MS = 1000;

/** A pace over a clock that the test turns, and slices of vCPUs that run at a speed of their own. */
class Paced {
  ms = 0;
  readonly pace = new HostPace(
    {
      frequency: TICKS_PER_MS * 1000,
      read: () => Math.floor(this.ms * TICKS_PER_MS),
      recent: 0,
      msUntil: (deadline, counter) => Math.max(0, (deadline - counter) / TICKS_PER_MS),
    },
    new Float64Array(VCPU_CONTROL.BYTES),
  );

  /** Runs a slice of vCPU `vcpu`, which does `speed` instructions a ms; gives the ms that it took. */
  slice(vcpu: number, speed: number, msToTimer = Infinity): number {
    const now = this.pace.read();
    const control = vcpu * VCPU_CONTROL.BYTES;
    const budget = this.pace.begin(control, (this.ms + msToTimer) * TICKS_PER_MS, now);
    this.ms += budget / speed;
    this.pace.end(control, budget);
    return budget / speed;
  }
}

describe('the pace of host time', () => {
  it('gives a vCPU whose instructions are dear no more time than another, from its second slice on', () => {
    const paced = new Paced();
    for (const [vcpu, speed] of [
      [1, 250_000],
      [2, 1000],
      [3, 5],
    ] as const) {
      paced.slice(vcpu, speed);
      for (let n = 0; n < 20; n++) expect(paced.slice(vcpu, speed)).toBeLessThanOrEqual(2.2);
    }
  });

  it('does not let a slow vCPU slow a fast one down', () => {
    const paced = new Paced();
    for (let n = 0; n < 10; n++)
      for (const [vcpu, speed] of [
        [1, 150_000],
        [2, 100],
      ] as const)
        paced.slice(vcpu, speed);
    expect(paced.slice(1, 150_000)).toBeGreaterThan(0.9);
  });

  it('believes a vCPU that has become fast again', () => {
    const paced = new Paced();
    paced.slice(1, 150_000);
    for (let n = 0; n < 3; n++) paced.slice(1, 10);
    for (let n = 0; n < 16; n++) paced.slice(1, 150_000);
    expect(paced.slice(1, 150_000)).toBeGreaterThan(0.9);
  });

  it('ends a slice at the next timer, or soon after the start where that is due', () => {
    const paced = new Paced();
    for (let n = 0; n < 4; n++) paced.slice(1, 150_000);
    expect(paced.slice(1, 150_000, 0.25)).toBeCloseTo(0.25, 2);
    expect(paced.slice(1, 150_000, 0)).toBeLessThan(0.02);
  });
});
