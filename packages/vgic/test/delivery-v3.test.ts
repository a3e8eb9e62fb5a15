import { describe, expect, it } from 'vitest';
import { ICC_REGISTERS, vcpuAffinity } from '../src/index.ts';
import * as H from './harness-v3.ts';

const { SPURIOUS } = H;

function booted(vcpus = 2, nrSpis = 64) {
  const r = H.rig(vcpus, nrSpis);
  r.boot();
  return r;
}

describe('a level-sensitive interrupt', () => {
  it('is pending while its line is, and stays so when acknowledged', () => {
    const r = booted();
    r.gic.setPpi(1, 27, true);
    expect(r.irqs).toEqual([[1, true]]);
    expect([r.iget('ICC_HPPIR1_EL1', 1), r.iget('ICC_HPPIR0_EL1', 1)]).toEqual([27, SPURIOUS]);
    expect(r.ack(1)).toBe(27);
    expect(r.irqs).toEqual([
      [1, true],
      [1, false],
    ]);
    expect([r.isSet(H.ISPENDR, 27, 1), r.isSet(H.ISACTIVER, 27, 1)]).toEqual([true, true]);
    r.eoi(27, 1);
    expect(r.gic.pending(1)).toBe(true);
    r.gic.setPpi(1, 27, false);
    expect(r.gic.pending(1)).toBe(false);
    expect(r.ack(1)).toBe(SPURIOUS);
  });

  it('tells each change of an output once', () => {
    const r = booted();
    r.gic.setSpi(33, true);
    r.gic.setSpi(33, true);
    r.gic.setSpi(34, true);
    r.iset('ICC_PMR_EL1', 0xf0);
    expect(r.irqs).toEqual([[0, true]]);
    expect(r.fiqs).toEqual([]);
  });
});

describe('an edge-triggered interrupt', () => {
  it.each([
    ['SPI', 40],
    ['PPI, which GICR_ICFGR1 makes one', 20],
  ])('(%s) fires once per rising edge, also one that comes while it is active', (_name, intid) => {
    const r = booted();
    const line = (level: boolean) => (intid < 32 ? r.gic.setPpi(0, intid, level) : r.gic.setSpi(intid, level));
    r.edge(intid);
    line(true);
    expect(r.ack()).toBe(intid);
    line(false);
    expect(r.isSet(H.ISPENDR, intid)).toBe(false);
    line(true);
    expect(r.isSet(H.ISPENDR, intid)).toBe(true);
    expect(r.ack()).toBe(SPURIOUS);
    r.eoi(intid);
    expect(r.ack()).toBe(intid);
    r.eoi(intid);
    expect(r.ack()).toBe(SPURIOUS);
  });
});

describe('software generated interrupts among 128 vCPUs', () => {
  const receivers = (r: H.Rig, sgi: number) =>
    Array.from({ length: 128 }, (_, v) => v).filter((v) => r.isSet(H.ISPENDR, sgi, v));
  const sgi1r = (sgi: number, aff1: number, list: number) => ((sgi << 24) | (aff1 << 16) | list) >>> 0;

  it('go to every single vCPU by its affinity', () => {
    const r = booted(128, 32);
    for (let v = 0; v < 128; v++) {
      r.iset('ICC_SGI1R_EL1', sgi1r(5, vcpuAffinity(v) >> 8, 1 << (vcpuAffinity(v) & 15)), (v + 1) % 128);
      expect(receivers(r, 5)).toEqual([v]);
      expect(r.ack(v)).toBe(5);
      r.eoi(5, v);
    }
  });

  it('go to a list in one cluster of 16', () => {
    const r = booted(128, 32);
    r.iset('ICC_SGI1R_EL1', sgi1r(15, 7, 0x8005), 112);
    expect(receivers(r, 15)).toEqual([112, 114, 127]);
  });

  it('go to all but self with IRM, whatever else the value has', () => {
    const r = booted(128, 32);
    r.iset('ICC_SGI1R_EL1', sgi1r(3, 2, 0xffff), 77, 0x1ff);
    expect(receivers(r, 3)).toEqual(Array.from({ length: 128 }, (_, v) => v).filter((v) => v !== 77));
    expect(r.irqs).toHaveLength(127);
  });

  it.each([
    ['Aff3', 0, 1 << 16],
    ['Aff2', 0, 1],
    ['a range selector (Aff0 16 to 31)', 0, 1 << 12],
    ['Aff1 past the last vCPU', 8, 0],
  ])('reach nobody with %s', (_name, aff1, high) => {
    const r = booted(128, 32);
    r.iset('ICC_SGI1R_EL1', sgi1r(3, aff1, 0xffff), 0, high);
    expect(receivers(r, 3)).toEqual([]);
  });

  it('reach nobody past the last vCPU of a cluster that is not full', () => {
    const r = booted(18, 32);
    r.iset('ICC_SGI1R_EL1', sgi1r(3, 1, 0xffff));
    expect(r.irqs).toEqual([
      [16, true],
      [17, true],
    ]);
    expect(r.fiqs).toEqual([]);
  });

  it('pend once however often they are sent, and can be cleared by GICR_ICPENDR0', () => {
    const r = booted();
    r.iset('ICC_SGI1R_EL1', sgi1r(1, 0, 1), 1);
    r.iset('ICC_SGI1R_EL1', sgi1r(1, 0, 1), 0);
    expect(r.ack()).toBe(1);
    r.eoi(1);
    expect(r.ack()).toBe(SPURIOUS);
    r.iset('ICC_SGI1R_EL1', sgi1r(1, 0, 1), 1);
    r.setBit(H.ICPENDR, 1);
    expect(r.gic.pending(0)).toBe(false);
  });

  it.each([
    ['ICC_SGI1R_EL1', [0, 1]],
    ['ICC_ASGI1R_EL1', [1]],
    ['ICC_SGI0R_EL1', [1]],
  ] as const)('%s reaches groups as with one Security state', (name, targets) => {
    const r = booted();
    r.group(4, 0, 1);
    r.iset(name, sgi1r(4, 0, 0b11));
    expect([0, 1].filter((v) => r.isSet(H.ISPENDR, 4, v))).toEqual(targets);
  });
});

describe('GICD_IROUTER', () => {
  it('sends an SPI to the vCPU with the affinity, and moves it while it is pending', () => {
    const r = booted(128, 64);
    r.gic.setSpi(40, true);
    for (const v of [1, 15, 16, 127]) {
      r.route(40, vcpuAffinity(v));
      expect(r.irqs.filter(([, level]) => level).at(-1)).toEqual([v, true]);
      expect(Array.from({ length: 128 }, (_, i) => i).filter((i) => r.gic.pending(i))).toEqual([v]);
    }
  });

  it('keeps an SPI waiting for an affinity that nobody has', () => {
    const r = booted(18, 64);
    r.gic.setSpi(40, true);
    for (const affinity of [0x102, 0x10, 0x10000, 0x800]) {
      r.route(40, affinity);
      expect(r.get(H.GICD_IROUTER + 8 * 40)).toBe(affinity);
      expect(r.irqs.at(-1)).toEqual([0, false]);
    }
    r.route(40, 0x101);
    expect(r.ack(17)).toBe(40);
  });

  it.each([
    ['low word first', [0, 4]],
    ['high word first', [4, 0]],
  ])('takes its low word alone, so that an 8-byte store may come as two words: %s', (_name, order) => {
    const r = booted();
    const register = H.GICD_IROUTER + 8 * 40;
    for (const half of order) r.set(register + half, half ? 0xff : 1);
    expect([r.get(register), r.get(register + 4)]).toEqual([1, 0]);
    r.gic.setSpi(40, true);
    expect(r.irqs).toEqual([[1, true]]);
  });

  it('leaves an active SPI to be ended by the vCPU that has it', () => {
    const r = booted();
    r.gic.setSpi(40, true);
    expect(r.ack(0)).toBe(40);
    r.route(40, 1);
    expect(r.gic.pending(1)).toBe(false);
    r.eoi(40, 0);
    expect([r.gic.pending(0), r.gic.pending(1)]).toEqual([false, true]);
  });

  it('with Interrupt_Routing_Mode sends an SPI to one vCPU that takes its group', () => {
    const r = booted(4);
    r.route(40, H.IRM | 3);
    r.gic.setSpi(40, true);
    const who = () => [0, 1, 2, 3].filter((v) => r.gic.pending(v));
    expect(who()).toEqual([0]);
    r.iset('ICC_IGRPEN1_EL1', 0, 0);
    expect(who()).toEqual([1]);
    r.rset(H.GICR_WAKER, 2, 1);
    expect(who()).toEqual([2]);
    r.iset('ICC_IGRPEN1_EL1', 1, 0);
    expect(who()).toEqual([0]);
    r.route(40, 3);
    expect(who()).toEqual([3]);
  });

  it('with Interrupt_Routing_Mode chooses a vCPU for each group', () => {
    const r = booted(4);
    for (const v of [1, 2]) r.iset('ICC_IGRPEN0_EL1', 1, v);
    for (const intid of [40, 41]) r.route(intid, H.IRM);
    r.group(40, 0);
    r.gic.setSpi(40, true);
    r.gic.setSpi(41, true);
    expect([r.irqs, r.fiqs]).toEqual([[[0, true]], [[1, true]]]);
    r.iset('ICC_IGRPEN0_EL1', 0, 1);
    expect(r.fiqs.slice(1)).toEqual([
      [1, false],
      [2, true],
    ]);
    r.group(41, 0);
    expect(r.irqs.at(-1)).toEqual([0, false]);
    expect([r.iget('ICC_IAR0_EL1', 2), r.iget('ICC_HPPIR0_EL1', 2)]).toEqual([40, 41]);
  });
});

describe('groups', () => {
  it('a group 0 interrupt is an FIQ and answers to the group 0 registers', () => {
    const r = booted();
    r.group(33, 0);
    r.gic.setSpi(33, true);
    expect(r.fiqs).toEqual([]);
    r.iset('ICC_IGRPEN0_EL1', 1);
    expect(r.gic.pendingFiq(0)).toBe(true);
    expect([r.irqs, r.fiqs]).toEqual([[], [[0, true]]]);
    expect([r.ack(), r.iget('ICC_HPPIR1_EL1'), r.iget('ICC_HPPIR0_EL1')]).toEqual([SPURIOUS, SPURIOUS, 33]);
    expect(r.iget('ICC_IAR0_EL1')).toBe(33);
    expect([r.iget('ICC_AP0R0_EL1'), r.iget('ICC_AP1R0_EL1')]).toEqual([1 << 20, 0]);
    r.eoi(33);
    expect(r.isSet(H.ISACTIVER, 33)).toBe(true);
    r.iset('ICC_EOIR0_EL1', 33);
    expect([r.isSet(H.ISACTIVER, 33), r.iget('ICC_RPR_EL1')]).toEqual([false, 0xff]);
  });

  it('only the group that runs can be ended', () => {
    const r = booted();
    r.iset('ICC_IGRPEN0_EL1', 1);
    r.gic.setSpi(33, true);
    expect(r.ack()).toBe(33);
    r.group(34, 0);
    r.priority(34, 0x80);
    r.gic.setSpi(34, true);
    expect(r.iget('ICC_IAR0_EL1')).toBe(34);
    r.eoi(33);
    expect([r.isSet(H.ISACTIVER, 33), r.iget('ICC_AP1R0_EL1'), r.iget('ICC_RPR_EL1')]).toEqual([true, 1 << 20, 0x80]);
    r.iset('ICC_EOIR0_EL1', 34);
    expect(r.iget('ICC_RPR_EL1')).toBe(0xa0);
    r.eoi(33);
    expect([r.isSet(H.ISACTIVER, 33), r.iget('ICC_RPR_EL1')]).toEqual([false, 0xff]);
  });

  it('a disabled group does not stand before an enabled one', () => {
    const r = booted();
    r.group(33, 0);
    r.priority(33, 0);
    r.gic.setSpi(33, true);
    r.gic.setSpi(34, true);
    expect(r.ack()).toBe(34);
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

  it.each([
    [3, 0x98, 0x90, true],
    [4, 0x98, 0x90, false],
    [4, 0xa0, 0x90, true],
    [5, 0x98, 0x80, false],
    [5, 0xa0, 0x98, true],
    [7, 0xe8, 0x80, false],
    [7, 0x80, 0x78, true],
  ])('with ICC_BPR1_EL1 %i and %i active, priority %i preempts: %s', (bpr, active, priority, preempts) => {
    const r = booted();
    r.iset('ICC_BPR1_EL1', bpr);
    r.priority(33, active);
    r.gic.setSpi(33, true);
    expect(r.ack()).toBe(33);
    r.priority(34, priority);
    r.gic.setSpi(34, true);
    expect(r.gic.pending(0)).toBe(preempts);
  });

  it.each([
    [0, 0xe8, true],
    [1, 0x80, false],
  ])(
    'with CBPR %i, ICC_BPR0_EL1 6 makes a group 1 priority of 0xe8 run as %i, and 0x88 preempts: %s',
    (cbpr, rpr, is) => {
      const r = booted();
      r.iset('ICC_BPR0_EL1', 6);
      r.iset('ICC_CTLR_EL1', cbpr);
      r.priority(33, 0xe8);
      r.gic.setSpi(33, true);
      expect(r.ack()).toBe(33);
      expect(r.iget('ICC_RPR_EL1')).toBe(rpr);
      r.priority(34, 0x88);
      r.gic.setSpi(34, true);
      expect(r.gic.pending(0)).toBe(is);
    },
  );

  it('nested interrupts are each in ICC_AP1R0_EL1, and ended from the highest', () => {
    const r = booted();
    const active = [0xa0, 0x80, 0x08].map((priority, i) => {
      r.priority(33 + i, priority);
      r.gic.setSpi(33 + i, true);
      expect(r.ack()).toBe(33 + i);
      expect(r.iget('ICC_RPR_EL1')).toBe(priority);
      return r.iget('ICC_AP1R0_EL1');
    });
    expect(active).toEqual([0x100000, 0x110000, 0x110002]);
    for (const [intid, rpr] of [
      [35, 0x80],
      [34, 0xa0],
      [33, 0xff],
    ] as const) {
      r.gic.setSpi(intid, false);
      r.eoi(intid);
      expect(r.iget('ICC_RPR_EL1')).toBe(rpr);
    }
  });
});

describe('priority masking as Linux does it for pseudo-NMIs', () => {
  const IRQON = 0xe0;
  const IRQOFF = 0x60;
  const PRIORITY_NMI = 0x20;
  const PRIORITY_IRQ = 0xa0;

  it('an NMI comes through a mask that holds interrupts back, and inside a handler', () => {
    const r = booted(1);
    r.priority(35, PRIORITY_NMI);
    r.iset('ICC_PMR_EL1', IRQON);
    r.gic.setPpi(0, 27, true);
    expect(r.ack()).toBe(27);
    expect(r.iget('ICC_RPR_EL1')).toBe(PRIORITY_IRQ);
    r.iset('ICC_PMR_EL1', IRQOFF);
    r.gic.setSpi(34, true);
    expect(r.gic.pending(0)).toBe(false);
    r.gic.setSpi(35, true);
    expect(r.gic.pending(0)).toBe(true);
    expect(r.ack()).toBe(35);
    expect(r.iget('ICC_RPR_EL1')).toBe(PRIORITY_NMI);
    r.gic.setSpi(35, false);
    r.eoi(35);
    expect(r.iget('ICC_RPR_EL1')).toBe(PRIORITY_IRQ);
    r.gic.setPpi(0, 27, false);
    r.eoi(27);
    expect(r.gic.pending(0)).toBe(false);
    r.iset('ICC_PMR_EL1', IRQON);
    expect(r.ack()).toBe(34);
  });

  it('with EOImode the priority drops before the interrupt is deactivated', () => {
    const r = booted(2);
    r.iset('ICC_CTLR_EL1', 2, 0);
    r.iset('ICC_CTLR_EL1', 2, 1);
    r.gic.setSpi(33, true);
    expect(r.ack()).toBe(33);
    r.eoi(33);
    expect([r.iget('ICC_RPR_EL1'), r.isSet(H.ISACTIVER, 33)]).toEqual([0xff, true]);
    r.gic.setSpi(34, true);
    expect(r.ack()).toBe(34);
    r.iset('ICC_DIR_EL1', 33, 1);
    expect([r.isSet(H.ISACTIVER, 33), r.isSet(H.ISACTIVER, 34)]).toEqual([false, true]);
  });

  it('special and absent INTIDs end nothing', () => {
    const r = booted();
    r.gic.setSpi(33, true);
    r.ack();
    for (const intid of [SPURIOUS, 1022, 96, 8192, 0xffffff]) {
      r.eoi(intid);
      r.iset('ICC_DIR_EL1', intid);
    }
    r.iset('ICC_DIR_EL1', 33);
    expect([r.isSet(H.ISACTIVER, 33), r.iget('ICC_RPR_EL1')]).toEqual([true, 0xa0]);
  });
});

describe('enables', () => {
  it.each([
    ['GICD_CTLR.EnableGrp1', (r: H.Rig, on: boolean) => r.set(H.GICD_CTLR, on ? 2 : 1)],
    ['ICC_IGRPEN1_EL1', (r: H.Rig, on: boolean) => r.iset('ICC_IGRPEN1_EL1', on ? 1 : 0)],
    ['GICR_WAKER.ProcessorSleep', (r: H.Rig, on: boolean) => r.rset(H.GICR_WAKER, on ? 0 : 2)],
    ['GICD_ISENABLER', (r: H.Rig, on: boolean) => r.setBit(on ? H.ISENABLER : H.ICENABLER, 33)],
  ])('%s gates delivery and keeps pending', (_name, enable) => {
    const r = booted();
    enable(r, false);
    r.gic.setSpi(33, true);
    expect(r.irqs).toEqual([]);
    expect([r.ack(), r.iget('ICC_HPPIR1_EL1')]).toEqual([SPURIOUS, SPURIOUS]);
    expect(r.isSet(H.ISPENDR, 33)).toBe(true);
    enable(r, true);
    expect(r.irqs).toEqual([[0, true]]);
  });
});

describe('a guest that leaves groups and GICR_WAKER to firmware', () => {
  it('gets its interrupts as IRQs', () => {
    const r = H.rig(1, 32);
    r.set(H.GICD_CTLR, 2);
    r.iset('ICC_PMR_EL1', 0xff);
    r.iset('ICC_IGRPEN1_EL1', 1);
    r.setBit(H.ISENABLER, 27);
    r.setBit(H.ISENABLER, 32);
    r.gic.setPpi(0, 27, true);
    r.gic.setSpi(32, true);
    expect([r.ack(), r.irqs]).toEqual([
      27,
      [
        [0, true],
        [0, false],
      ],
    ]);
  });
});

describe('reset', () => {
  it('lowers the outputs, clears the registers and keeps the input lines and the lock', () => {
    const r = booted();
    const lock = new Int32Array(r.memory, 0, 1);
    lock[0] = 1;
    r.iset('ICC_IGRPEN0_EL1', 1);
    r.group(34, 0);
    r.priority(34, 0);
    r.gic.setSpi(33, true);
    r.gic.setSpi(34, true);
    expect([r.gic.pending(0), r.gic.pendingFiq(0)]).toEqual([false, true]);
    r.route(33, H.IRM);
    r.gic.reset();
    expect([r.irqs.at(-1), r.fiqs.at(-1)]).toEqual([
      [0, false],
      [0, false],
    ]);
    expect([r.isSet(H.ISENABLER, 33), r.isSet(H.ISPENDR, 33), r.isSet(H.IGROUPR, 34)]).toEqual([false, true, true]);
    expect([r.get(H.GICD_IROUTER + 8 * 33), lock[0]]).toEqual([0, 1]);
    r.boot();
    expect(r.ack()).toBe(33);
  });
});

describe('a noisy state', () => {
  it('never hangs or throws', () => {
    let seed = 1;
    const buffer = new ArrayBuffer(65536);
    const bytes = new Uint8Array(buffer);
    for (let i = 0; i < bytes.length; i++) {
      seed = (Math.imul(seed, 1103515245) + 12345) >>> 0;
      bytes[i] = seed >>> 16;
    }
    new Int32Array(buffer)[1] = 0;
    const r = H.rig(128, 988, buffer);
    for (let v = 0; v < 128; v++) {
      for (let i = 0; i < 40; i++) r.eoi(r.ack(v), v);
      r.iset('ICC_SGI1R_EL1', 0, v, 0x100);
    }
    r.route(40, H.IRM);
    r.gic.reset();
    expect(r.gic.pending(0)).toBe(false);
  });
});

describe('a vCPU that is powered off', () => {
  it('has its ICC registers at reset values, and its redistributor as it was', () => {
    const r = H.rig(2, 64);
    const fresh = H.rig(2, 64);
    r.boot();
    r.setBit(H.ISPENDR, 5, 1);
    expect([r.ack(1), r.gic.pending(1)]).toEqual([5, false]);
    r.iset('ICC_CTLR_EL1', 3, 1);
    r.iset('ICC_BPR0_EL1', 5, 1);
    r.gic.setPpi(1, 27, true);
    const redistributor = r.rget(H.SGI_BASE + H.ISENABLER, 1);
    r.gic.resetCpuInterface(1);
    for (const { name, access } of ICC_REGISTERS) {
      if (access === 'rw') expect([name, r.iget(name, 1)]).toEqual([name, fresh.iget(name, 1)]);
    }
    expect([r.iget('ICC_RPR_EL1', 1), r.gic.pending(1)]).toEqual([0xff, false]);
    expect([r.rget(H.SGI_BASE + H.ISENABLER, 1), r.isSet(H.ISACTIVER, 5, 1)]).toEqual([redistributor, true]);
    r.iset('ICC_PMR_EL1', 0xf0, 1);
    r.iset('ICC_IGRPEN1_EL1', 1, 1);
    expect([r.gic.pending(1), r.ack(1)]).toEqual([true, 27]);
    expect(() => r.gic.resetCpuInterface(2)).toThrow(expect.objectContaining({ code: 'bad-vcpu' }));
  });

  it('lowers its outputs, and lets another vCPU have the 1 of N SPIs', () => {
    const r = H.rig(2, 64);
    r.boot();
    r.route(40, H.IRM);
    r.gic.setSpi(40, true);
    expect([r.gic.pending(0), r.gic.pending(1)]).toEqual([true, false]);
    r.irqs.length = 0;
    r.gic.resetCpuInterface(0);
    expect(r.irqs).toContainEqual([0, false]);
    expect([r.gic.pending(0), r.gic.pending(1), r.ack(1)]).toEqual([false, true, 40]);
  });
});
