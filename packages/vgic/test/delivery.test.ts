import { describe, expect, it } from 'vitest';
import * as H from './harness.ts';

const { SPURIOUS } = H;

function booted(vcpus = 2, nrSpis = 64) {
  const r = H.rig(vcpus, nrSpis);
  r.boot();
  return r;
}

describe('a level-sensitive interrupt', () => {
  it('is pending while its line is, and stays so when acknowledged', () => {
    const r = booted();
    r.gic.setPpi(0, 27, true);
    expect(r.irqs).toEqual([[0, true]]);
    expect(r.ack()).toBe(27);
    expect(r.irqs).toEqual([
      [0, true],
      [0, false],
    ]);
    expect([r.get(H.GICD_ISPENDR), r.get(H.GICD_ISACTIVER)]).toEqual([1 << 27, 1 << 27]);
    r.eoi(27);
    expect(r.gic.pending(0)).toBe(true);
    r.gic.setPpi(0, 27, false);
    expect(r.gic.pending(0)).toBe(false);
    expect(r.ack()).toBe(SPURIOUS);
  });

  it('is handled once when the line drops before the end of the interrupt', () => {
    const r = booted();
    r.gic.setSpi(32, true);
    expect(r.ack()).toBe(32);
    r.gic.setSpi(32, false);
    r.eoi(32);
    expect(r.irqs).toEqual([
      [0, true],
      [0, false],
    ]);
  });

  it('stays pending by GICD_ISPENDR without a line, until acknowledged', () => {
    const r = booted();
    r.set(H.GICD_ISPENDR + 4, 1);
    expect(r.ack()).toBe(32);
    r.eoi(32);
    expect(r.ack()).toBe(SPURIOUS);
  });

  it('is not cleared by GICD_ICPENDR while the line is asserted', () => {
    const r = booted();
    r.gic.setSpi(32, true);
    r.set(H.GICD_ICPENDR + 4, 1);
    expect(r.get(H.GICD_ISPENDR + 4)).toBe(1);
  });
});

describe('an edge-triggered interrupt', () => {
  it('fires once per rising edge, also one that comes while it is active', () => {
    const r = booted();
    r.edge(40);
    r.gic.setSpi(40, true);
    expect(r.ack()).toBe(40);
    r.gic.setSpi(40, true);
    r.gic.setSpi(40, false);
    expect(r.get(H.GICD_ISPENDR + 4)).toBe(0);
    r.gic.setSpi(40, true);
    expect(r.get(H.GICD_ISPENDR + 4)).toBe(1 << 8);
    expect(r.ack()).toBe(SPURIOUS);
    r.eoi(40);
    expect(r.ack()).toBe(40);
    r.eoi(40);
    expect(r.ack()).toBe(SPURIOUS);
  });

  it('is cleared by GICD_ICPENDR', () => {
    const r = booted();
    r.edge(40);
    r.gic.setSpi(40, true);
    r.set(H.GICD_ICPENDR + 4, 1 << 8);
    expect(r.gic.pending(0)).toBe(false);
  });
});

describe('software generated interrupts', () => {
  it('carry their source, one at a time', () => {
    const r = booted(3);
    r.set(H.GICD_SGIR, (0b001 << 16) | 5, 2);
    r.set(H.GICD_SGIR, (0b001 << 16) | 5, 1);
    expect(r.gic.distributor.read(H.GICD_SPENDSGIR + 5, 1, 0)).toBe(0b110);
    expect(r.ack()).toBe(5 | (1 << 10));
    expect(r.ack()).toBe(SPURIOUS);
    r.eoi(5 | (1 << 10));
    expect(r.ack()).toBe(5 | (2 << 10));
    r.eoi(5 | (2 << 10));
    expect(r.ack()).toBe(SPURIOUS);
  });

  it.each([
    ['the list', 0, [0, 2]],
    ['all but self', 1, [0, 2, 3]],
    ['self', 2, [1]],
    ['nobody (reserved)', 3, []],
  ])('go to %s', (_name, filter, targets) => {
    const r = booted(4);
    r.set(H.GICD_SGIR, (filter << 24) | (0b11110101 << 16) | 3, 1);
    expect([0, 1, 2, 3].filter((v) => r.gic.pending(v))).toEqual(targets);
  });

  it('are set and cleared by GICD_SPENDSGIR and GICD_CPENDSGIR only', () => {
    const r = booted();
    r.set(H.GICD_ISPENDR, 0xffff);
    expect(r.gic.pending(0)).toBe(false);
    r.gic.distributor.write(H.GICD_SPENDSGIR + 7, 1, 0b11, 0);
    r.set(H.GICD_ICPENDR, 0xffff);
    expect(r.get(H.GICD_ISPENDR)).toBe(1 << 7);
    r.gic.distributor.write(H.GICD_CPENDSGIR + 7, 1, 0b01, 0);
    expect(r.ack()).toBe(7 | (1 << 10));
  });
});

describe('priorities', () => {
  it('the highest goes first, of equals the lowest INTID', () => {
    const r = booted();
    r.priority(50, 0x20);
    for (const intid of [60, 50, 33]) r.gic.setSpi(intid, true);
    r.gic.setPpi(0, 30, true);
    const order: number[] = [];
    for (let intid = r.ack(); intid !== SPURIOUS; intid = r.ack()) {
      order.push(intid);
      if (intid === 30) r.gic.setPpi(0, 30, false);
      else r.gic.setSpi(intid, false);
      r.eoi(intid);
    }
    expect(order).toEqual([50, 30, 33, 60]);
  });

  it('a higher group priority preempts, an equal one waits', () => {
    const r = booted();
    r.gic.setSpi(33, true);
    expect(r.ack()).toBe(33);
    expect(r.cget(H.GICC_RPR)).toBe(0xa0);
    r.gic.setSpi(34, true);
    expect(r.gic.pending(0)).toBe(false);
    expect(r.cget(H.GICC_HPPIR)).toBe(34);
    r.priority(34, 0x98);
    expect(r.gic.pending(0)).toBe(true);
    expect(r.ack()).toBe(34);
    expect(r.cget(H.GICC_APR0)).toBe((1 << 0x13) | (1 << 0x14));
    r.eoi(34);
    expect(r.cget(H.GICC_RPR)).toBe(0xa0);
    r.eoi(33);
    expect(r.cget(H.GICC_RPR)).toBe(0xff);
  });

  it.each([
    [2, 0x98, true],
    [3, 0x98, false],
    [3, 0xa0, true],
    [4, 0x98, false],
    [4, 0xa0, true],
    [7, 0xe8, false],
  ])('with GICC_BPR %i and %i active, priority 0x90 preempts: %s', (bpr, active, preempts) => {
    const r = booted();
    r.cset(H.GICC_BPR, bpr);
    r.priority(33, active);
    r.gic.setSpi(33, true);
    r.ack();
    r.priority(34, 0x90);
    r.gic.setSpi(34, true);
    expect(r.gic.pending(0)).toBe(preempts);
  });

  it('the mask holds back what is not above it, GICC_HPPIR shows it still', () => {
    const r = booted();
    r.cset(H.GICC_PMR, 0xa0);
    r.gic.setSpi(33, true);
    expect([r.gic.pending(0), r.ack(), r.cget(H.GICC_HPPIR)]).toEqual([false, SPURIOUS, 33]);
    r.cset(H.GICC_PMR, 0xa8);
    expect(r.gic.pending(0)).toBe(true);
  });
});

describe('the end of an interrupt', () => {
  it('with EOImode set comes in two steps', () => {
    const r = booted();
    r.cset(H.GICC_CTLR, 1 | H.EOI_MODE);
    r.gic.setSpi(33, true);
    expect(r.ack()).toBe(33);
    r.eoi(33);
    expect(r.cget(H.GICC_RPR)).toBe(0xff);
    expect(r.get(H.GICD_ISACTIVER + 4)).toBe(2);
    expect(r.gic.pending(0)).toBe(false);
    r.gic.setSpi(34, true);
    expect(r.ack()).toBe(34);
    r.cset(H.GICC_DIR, 33);
    expect(r.get(H.GICD_ISACTIVER + 4)).toBe(4);
  });

  it('may be deactivated by another vCPU', () => {
    const r = booted();
    for (const v of [0, 1]) r.cset(H.GICC_CTLR, 1 | H.EOI_MODE, v);
    r.gic.setSpi(33, true);
    r.ack(0);
    r.eoi(33, 0);
    r.cset(H.GICC_DIR, 33, 1);
    expect(r.gic.pending(0)).toBe(true);
  });

  it('does nothing for GICC_DIR with EOImode clear, nor for special INTIDs', () => {
    const r = booted();
    r.gic.setSpi(33, true);
    r.ack();
    r.cset(H.GICC_DIR, 33);
    r.eoi(SPURIOUS);
    r.eoi(1022);
    expect(r.get(H.GICD_ISACTIVER + 4)).toBe(2);
    expect(r.cget(H.GICC_RPR)).toBe(0xa0);
  });

  it('drops the priority even if the guest has cleared the active bit', () => {
    const r = booted();
    r.gic.setSpi(33, true);
    r.ack();
    r.set(H.GICD_ICACTIVER + 4, 2);
    r.eoi(33);
    expect(r.cget(H.GICC_RPR)).toBe(0xff);
    expect(r.gic.pending(0)).toBe(true);
  });
});

describe('shared interrupts', () => {
  it('with several targets go to the first vCPU that acknowledges', () => {
    const r = booted();
    r.targets(33, 0b11);
    r.gic.setSpi(33, true);
    expect(r.irqs).toEqual([
      [0, true],
      [1, true],
    ]);
    expect(r.ack(1)).toBe(33);
    expect(r.ack(0)).toBe(SPURIOUS);
    expect(r.irqs.slice(2).sort()).toEqual([
      [0, false],
      [1, false],
    ]);
  });

  it('move with GICD_ITARGETSR, and go nowhere without a target', () => {
    const r = booted();
    r.gic.setSpi(33, true);
    r.targets(33, 0b10);
    expect(r.irqs).toEqual([
      [0, true],
      [0, false],
      [1, true],
    ]);
    r.targets(33, 0);
    expect(r.gic.pending(1)).toBe(false);
    expect(r.get(H.GICD_ISPENDR + 4)).toBe(2);
  });
});

describe('enables', () => {
  it.each([
    ['GICD_CTLR', (r: ReturnType<typeof booted>, on: boolean) => r.set(H.GICD_CTLR, on ? 1 : 0)],
    ['GICC_CTLR', (r: ReturnType<typeof booted>, on: boolean) => r.cset(H.GICC_CTLR, on ? 1 : 0)],
    [
      'GICD_ISENABLER',
      (r: ReturnType<typeof booted>, on: boolean) => r.set((on ? H.GICD_ISENABLER : H.GICD_ICENABLER) + 4, 2),
    ],
  ])('%s gates delivery and keeps pending', (_name, enable) => {
    const r = booted();
    enable(r, false);
    r.gic.setSpi(33, true);
    expect(r.irqs).toEqual([]);
    expect(r.ack()).toBe(SPURIOUS);
    expect(r.get(H.GICD_ISPENDR + 4)).toBe(2);
    enable(r, true);
    expect(r.irqs).toEqual([[0, true]]);
  });
});

describe('reset', () => {
  it('lowers the outputs, clears the registers and keeps the input lines and the lock', () => {
    const r = booted();
    const lock = new Int32Array(r.memory, 0, 1);
    lock[0] = 1;
    r.gic.setSpi(33, true);
    r.gic.setPpi(0, 27, true);
    r.gic.reset();
    expect(r.irqs).toEqual([
      [0, true],
      [0, false],
    ]);
    expect([r.get(H.GICD_ISENABLER + 4), r.get(H.GICD_ISPENDR + 4), r.get(H.GICD_ISPENDR)]).toEqual([0, 2, 1 << 27]);
    expect(lock[0]).toBe(1);
  });
});

describe('a noisy state', () => {
  it('never hangs or throws', () => {
    let seed = 1;
    const buffer = new ArrayBuffer(4096);
    const bytes = new Uint8Array(buffer);
    for (let i = 0; i < bytes.length; i++) {
      seed = (Math.imul(seed, 1103515245) + 12345) >>> 0;
      bytes[i] = seed >>> 16;
    }
    new Int32Array(buffer)[1] = 0;
    const r = H.rig(8, 988, buffer);
    for (let v = 0; v < 8; v++) {
      for (let i = 0; i < 40; i++) r.eoi(r.ack(v), v);
      r.set(H.GICD_SGIR, 1 << 24, v);
    }
    r.gic.reset();
    expect(r.gic.pending(0)).toBe(false);
  });
});
