/** WFE: what ends a wait for an event, on pCPUs that the test drives. */
import { assemble } from '@dom0less/arm64-cpu';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { nextStreamEvent } from '../src/pcpu/event-wait.ts';
import { Bench, image } from './board.ts';

const words = (source: string): number[] => [...new Uint32Array(assemble(source).bytes.buffer)];
const POWER_OFF = 'movz w0, #0x8400, lsl #16\nmovk w0, #8\nhvc #0';
/** WFI until the virtual timer's interrupt, 1 ms from now; it stays masked. GICv2 at Xen's addresses. */
const SLEEP_1_MS = `
  movz x11, #0x300, lsl #16
  add x12, x11, #0x2000
  add x11, x11, #0x1000
  mov w1, #1
  str w1, [x11]
  str w1, [x12]
  mov w1, #0xff
  str w1, [x12, #4]
  mov w1, #1 << 27
  str w1, [x11, #0x100]
  mov x1, #62500
  msr cntv_tval_el0, x1
  mov x1, #1
  msr cntv_ctl_el0, x1
  wfi`;

/** vCPU 0 runs `first`, vCPU 1 `second`, both with X10 at zeroed data. */
const guest = (first: string, second: string): Uint8Array =>
  image(
    words(`
      movz w0, #0xc400, lsl #16 // CPU_ON
      movk w0, #3
      mov x1, #1
      adr x2, second
      mov x3, #0
      hvc #0
      adr x10, data
      ${first}
    second:
      adr x10, data
      ${second}
      .balign 64
    data:
      .quad 0, 0, 0, 0, 0, 0, 0, 0`),
  );

/** Steps until no pCPU has anything to do; gives the ms until one has. */
const settle = (bench: Bench): number => {
  for (let n = 0; n < 200; n++) {
    if (bench.step().every((result) => result === 'idle' || result === 'done'))
      return Math.min(...bench.pcpus.map((one) => one.idleMs()));
  }
  throw new Error('the pCPUs do not come to rest');
};

describe.each([1, 2])('WFE on %i pCPUs', (pcpus) => {
  it('sleeps until the SEV of another vCPU', () => {
    const first = `${SLEEP_1_MS}
        str x1, [x10]
        dsb ish
        sev
     1: wfe
        ldr x1, [x10, #8]
        cbz x1, 1b
        ${POWER_OFF}`;
    const second = `
     1: wfe
        ldr x1, [x10]
        cbz x1, 1b
        str x1, [x10, #8]
        dsb ish
        sev
        b .`;
    const bench = new Bench([{ kernel: guest(first, second), cpus: 2 }], { pcpus });
    expect(settle(bench)).toBeCloseTo(1, 3);
    expect(bench.run()).toBe('done');
    expect(bench.states()).toEqual(['poweroff']);
    expect(bench.ms).toBeLessThan(10);
  });

  it('sleeps until another vCPU stores to what an exclusive load has marked', () => {
    const second = `
     1: ldxr x1, [x10]
        cbnz x1, 2f
        wfe
        b 1b
     2: ${POWER_OFF}`;
    const bench = new Bench([{ kernel: guest(`${SLEEP_1_MS}\nstr x1, [x10]\nwfe`, second), cpus: 2 }], { pcpus });
    // Nobody tells of plain stores: they are looked for, at first after 0.1 ms, and ever more seldom.
    expect(settle(bench)).toBeCloseTo(0.1, 3);
    bench.ms += 0.5;
    expect(settle(bench)).toBeCloseTo(0.2, 3);
    expect(bench.run()).toBe('done');
    expect(bench.states()).toEqual(['poweroff']);
    expect(bench.ms).toBeLessThan(10);
  });
});

describe('WFE', () => {
  const wfe = (control: number): Bench =>
    new Bench([{ kernel: image(words(`mov x1, #${control}\nmsr cntkctl_el1, x1\nwfe\nwfe\n${POWER_OFF}`)) }]);

  it('ends with the next event of the timer, where that has its stream on', () => {
    // Bit 15 of a counter of 62.5 MHz: an event each 1.05 ms.
    const bench = wfe(0xf4);
    expect(settle(bench)).toBeLessThan(1.05);
    expect(bench.states()).toEqual(['running']);
    bench.ms += 1.05;
    expect(settle(bench)).toBeLessThan(1.05);
    bench.ms += 1.05;
    expect(bench.run()).toBe('done');
  });

  it('sleeps for good where nothing can end it', () => {
    const bench = wfe(0xf0);
    expect(settle(bench)).toBe(Infinity);
    bench.ms += 1e6;
    expect(settle(bench)).toBe(Infinity);
    bench.board.stop();
  });
});

describe('the event stream', () => {
  it('is at changes of one bit of the virtual counter', () => {
    fc.assert(
      fc.property(fc.nat(15), fc.boolean(), fc.nat(1e9), fc.nat(1e9), (bit, falls, offset, since) => {
        const counter = offset + since;
        const at = nextStreamEvent(4 | (falls ? 8 : 0) | (bit << 4), offset, counter);
        const bitAt = (count: number): number => Math.floor((count - offset) / 2 ** bit) % 2;
        expect([bitAt(at - 1), bitAt(at)]).toEqual(falls ? [1, 0] : [0, 1]);
        expect(at > counter && at <= counter + 2 ** (bit + 1)).toBe(true);
      }),
    );
    expect(nextStreamEvent(0xf0, 0, 5)).toBe(Infinity);
  });
});
