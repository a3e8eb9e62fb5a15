import { describe, expect, it } from 'vitest';
import { GIC_STATE, SPURIOUS, stateBytes, VCPU_STATE, VCPU_STRIDE, VGicError, VGicV2 } from '../src/index.ts';
import * as H from './harness.ts';

describe('registers after reset, and what a write of ones leaves', () => {
  it.each([
    ['GICD_CTLR', 0x000, 0, 1],
    ['GICD_TYPER', 0x004, 0x22, 0x22],
    ['GICD_IIDR', 0x008, 0x43b, 0x43b],
    ['GICD_IGROUPR0', 0x080, 0, 0],
    ['GICD_IGROUPR1', 0x084, 0, 0],
    ['GICD_ISENABLER0', 0x100, 0, 0xffffffff],
    ['GICD_ISENABLER2', 0x108, 0, 0xffffffff],
    ['GICD_ISENABLER3 (not there)', 0x10c, 0, 0],
    ['GICD_ICENABLER1', 0x184, 0, 0],
    ['GICD_ISPENDR0 (not SGIs)', 0x200, 0, 0xffff0000],
    ['GICD_ISPENDR1', 0x204, 0, 0xffffffff],
    ['GICD_ICPENDR1', 0x284, 0, 0],
    ['GICD_ISACTIVER0', 0x300, 0, 0xffffffff],
    ['GICD_ISACTIVER1', 0x304, 0, 0xffffffff],
    ['GICD_ICACTIVER1', 0x384, 0, 0],
    ['GICD_IPRIORITYR0', 0x400, 0, 0xf8f8f8f8],
    ['GICD_IPRIORITYR23', 0x45c, 0, 0xf8f8f8f8],
    ['GICD_IPRIORITYR24 (not there)', 0x460, 0, 0],
    ['GICD_ITARGETSR0 (own mask)', 0x800, 0x01010101, 0x01010101],
    ['GICD_ITARGETSR8', 0x820, 0x01010101, 0x03030303],
    ['GICD_ITARGETSR24 (not there)', 0x860, 0, 0],
    ['GICD_ICFGR0 (SGIs: edge)', 0xc00, 0xaaaaaaaa, 0xaaaaaaaa],
    ['GICD_ICFGR1 (PPIs: level)', 0xc04, 0, 0],
    ['GICD_ICFGR2', 0xc08, 0, 0xaaaaaaaa],
    ['GICD_ICFGR6 (not there)', 0xc18, 0, 0],
    ['GICD_NSACR0', 0xe00, 0, 0],
    ['GICD_SGIR (write only)', 0xf00, 0, 0],
    ['GICD_CPENDSGIR0', 0xf10, 0, 0],
    ['GICD_SPENDSGIR0 (sources that exist)', 0xf20, 0, 0x03030303],
    ['GICD_PIDR4', 0xfd0, 0x04, 0x04],
    ['GICD_PIDR0', 0xfe0, 0x90, 0x90],
    ['GICD_PIDR1', 0xfe4, 0xb4, 0xb4],
    ['GICD_PIDR2 (GICv2)', 0xfe8, 0x2b, 0x2b],
    ['GICD_CIDR0', 0xff0, 0x0d, 0x0d],
    ['GICD_CIDR1', 0xff4, 0xf0, 0xf0],
    ['GICD_CIDR2', 0xff8, 0x05, 0x05],
    ['GICD_CIDR3', 0xffc, 0xb1, 0xb1],
    ['reserved', 0x010, 0, 0],
  ])('%s', (_name, offset, reset, ones) => {
    const { get, set, invalid } = H.rig(2, 64);
    expect(get(offset)).toBe(reset);
    set(offset, 0xffffffff);
    expect(get(offset)).toBe(ones);
    expect(invalid).toEqual([]);
  });

  it.each([
    ['GICC_CTLR', 0x00, 0, 0x201],
    ['GICC_PMR', 0x04, 0, 0xf8],
    ['GICC_BPR', 0x08, 2, 7],
    ['GICC_IAR', 0x0c, 1023, 1023],
    ['GICC_EOIR', 0x10, 0, 0],
    ['GICC_RPR', 0x14, 0xff, 0xff],
    ['GICC_HPPIR', 0x18, 1023, 1023],
    ['GICC_ABPR', 0x1c, 3, 7],
    ['GICC_AIAR', 0x20, 1023, 1023],
    ['GICC_AEOIR', 0x24, 0, 0],
    ['GICC_AHPPIR', 0x28, 1023, 1023],
    ['GICC_APR0', 0xd0, 0, 0xffffffff],
    ['GICC_APR1', 0xd4, 0, 0],
    ['GICC_NSAPR0', 0xe0, 0, 0],
    ['GICC_IIDR', 0xfc, 0x0202143b, 0x0202143b],
    ['GICC_DIR', 0x1000, 0, 0],
  ])('%s', (_name, offset, reset, ones) => {
    const { cget, cset } = H.rig(2, 64);
    expect(cget(offset)).toBe(reset);
    cset(offset, 0xffffffff);
    expect(cget(offset)).toBe(ones);
  });

  it.each([
    [2, 0, 2],
    [2, 2, 2],
    [2, 5, 5],
  ])('GICC_BPR has a least value of %i: %i gives %i', (_min, written, read) => {
    const { cget, cset } = H.rig();
    cset(H.GICC_BPR, written);
    expect(cget(H.GICC_BPR)).toBe(read);
  });
});

describe('the size of the GIC', () => {
  it.each([
    [1, 0, 0x00],
    [1, 1, 0x01],
    [4, 32, 0x61],
    [8, 33, 0xe2],
    [8, 988, 0xff],
    [8, 992, 0xff],
  ])('%i vCPUs and %i SPIs read as GICD_TYPER %i', (vcpus, nrSpis, typer) => {
    expect(H.rig(vcpus, nrSpis).get(H.GICD_TYPER)).toBe(typer);
  });

  it('ends at INTID 1019', () => {
    const { gic, get, set } = H.rig(8, 988);
    set(H.GICD_ISENABLER + 4 * 31, 0xffffffff);
    expect(get(H.GICD_ISENABLER + 4 * 31)).toBe(0x0fffffff);
    set(H.GICD_IPRIORITYR + 1020, 0xffffffff);
    expect(get(H.GICD_IPRIORITYR + 1020)).toBe(0);
    gic.setSpi(1019, true);
    expect(get(H.GICD_ISPENDR + 4 * 31)).toBe(0x08000000);
    expect(() => gic.setSpi(1020, true)).toThrow(VGicError);
  });

  it('reads every target as vCPU 0 and ignores writes when there is only one', () => {
    const { get, set } = H.rig(1, 32);
    set(H.GICD_ITARGETSR + 32, 0);
    expect(get(H.GICD_ITARGETSR + 32)).toBe(0x01010101);
    expect(get(H.GICD_ITARGETSR)).toBe(0x01010101);
  });
});

describe('banking', () => {
  it.each([
    ['GICD_ISENABLER0', H.GICD_ISENABLER, 0x10000, 0x10000],
    ['GICD_ISPENDR0', H.GICD_ISPENDR, 0x10000, 0x10000],
    ['GICD_ISACTIVER0', H.GICD_ISACTIVER, 0x10000, 0x10000],
    ['GICD_IPRIORITYR4', H.GICD_IPRIORITYR + 16, 0x80, 0x80],
    ['GICD_SPENDSGIR0', H.GICD_SPENDSGIR, 0x02, 0x02],
  ])('%s is per vCPU', (_name, offset, value, read) => {
    const { get, set } = H.rig();
    set(offset, value, 1);
    expect([get(offset, 0), get(offset, 1)]).toEqual([0, read]);
  });

  it('GICD_ITARGETSR0 reads as the mask of who reads', () => {
    const { get } = H.rig(8);
    expect(get(H.GICD_ITARGETSR, 5)).toBe(0x20202020);
  });

  it('GICC_* is per vCPU', () => {
    const { cget, cset } = H.rig();
    cset(H.GICC_PMR, 0x80, 1);
    expect([cget(H.GICC_PMR, 0), cget(H.GICC_PMR, 1)]).toEqual([0, 0x80]);
  });
});

describe('width of access', () => {
  it.each([
    ['GICD_IPRIORITYR', H.GICD_IPRIORITYR + 33, 0x40],
    ['GICD_ITARGETSR', H.GICD_ITARGETSR + 33, 0x02],
    ['GICD_SPENDSGIR', H.GICD_SPENDSGIR + 5, 0x02],
  ])('%s takes bytes', (_name, offset, value) => {
    const { gic, get, invalid } = H.rig();
    gic.distributor.write(offset, 1, value, 0);
    expect(gic.distributor.read(offset, 1, 0)).toBe(value);
    expect((get(offset & ~3) >>> 8) & 0xff).toBe(value);
    expect(invalid).toEqual([]);
  });

  it.each([
    ['a byte of GICD_CTLR', 'distributor', H.GICD_CTLR, 1],
    ['a byte of GICD_ISENABLER', 'distributor', H.GICD_ISENABLER, 1],
    ['a halfword of GICD_IPRIORITYR', 'distributor', H.GICD_IPRIORITYR, 2],
    ['an unaligned word', 'distributor', H.GICD_IPRIORITYR + 1, 4],
    ['a word past the end', 'distributor', 0x1000, 4],
    ['a byte of GICC_PMR', 'cpuInterface', H.GICC_PMR, 1],
    ['a halfword of GICC_IAR', 'cpuInterface', H.GICC_IAR, 2],
  ] as const)('%s is reported, reads as zero and ignores writes', (_name, frame, offset, size) => {
    const r = H.rig();
    r.boot();
    r.gic.setSpi(32, true);
    const before = new Uint8Array(r.memory).slice();
    expect(r.gic[frame].read(offset, size, 1)).toBe(0);
    r.gic[frame].write(offset, size, 0xff, 1);
    expect(new Uint8Array(r.memory)).toEqual(before);
    const name = frame === 'distributor' ? frame : 'cpu-interface';
    expect(r.invalid).toEqual([
      { frame: name, vcpu: 1, offset, size },
      { frame: name, vcpu: 1, offset, size, value: 0xff },
    ]);
  });

  it('any offset and size gives an unsigned number of that size and never throws', () => {
    const { gic } = H.rig(8, 988);
    for (const frame of [gic.distributor, gic.cpuInterface]) {
      for (const size of [1, 2, 4] as const) {
        for (let offset = 0; offset <= frame.size + 4; offset++) {
          frame.write(offset, size, 0xffffffff, offset % 8);
          const value = frame.read(offset, size, offset % 8);
          if (!(Number.isInteger(value) && value >= 0 && value < 2 ** (8 * size))) {
            expect.unreachable(`${offset}/${size}: ${value}`);
          }
        }
      }
    }
  });
});

describe('the embedder', () => {
  const options = { byteOffset: 0, vcpus: 2, nrSpis: 64, onIrq: () => {} };
  const make = (extra: object) =>
    new VGicV2({ ...options, buffer: new ArrayBuffer(stateBytes({ vcpus: 2 })), ...extra });

  it.each([
    ['bad-option', { vcpus: 0 }],
    ['bad-option', { vcpus: 9 }],
    ['bad-option', { nrSpis: 993 }],
    ['bad-option', { nrSpis: 1.5 }],
    ['state-misaligned', { byteOffset: 2 }],
    ['state-too-small', { byteOffset: 4 }],
  ])('gets %s for %o', (code, extra) => {
    expect(() => make(extra)).toThrow(expect.objectContaining({ name: 'VGicError', code }));
  });

  it('gets state-mismatch for a state of another shape', () => {
    const { memory } = H.rig(2, 64);
    expect(() => H.rig(1, 64, memory)).toThrow(expect.objectContaining({ code: 'state-mismatch' }));
    expect(() => H.rig(2, 96, memory)).toThrow(/2 vCPUs and 64 SPIs/);
  });

  it('gets bad-vcpu and bad-intid for what is not there', () => {
    const { gic } = H.rig(2, 64);
    expect(() => gic.setPpi(2, 27, true)).toThrow(expect.objectContaining({ code: 'bad-vcpu' }));
    expect(() => gic.cpuInterface.read(0, 4, -1)).toThrow(expect.objectContaining({ code: 'bad-vcpu' }));
    expect(() => gic.setPpi(0, 15, true)).toThrow(expect.objectContaining({ code: 'bad-intid' }));
    expect(() => gic.setSpi(96, true)).toThrow(/32 to 95/);
  });

  it('finds the state where the layout says', () => {
    const r = H.rig(2, 64);
    r.boot();
    r.targets(40, 2);
    r.gic.setSpi(40, true);
    const view = new DataView(r.memory);
    const word = (offset: number) => view.getUint32(offset, true);
    const cpu = GIC_STATE.VCPUS + VCPU_STRIDE;
    expect(word(GIC_STATE.SPI_LINE + 4)).toBe(1 << 8);
    expect(word(cpu + VCPU_STATE.TARGETED + 4)).toBe(1 << 8);
    expect([word(cpu + VCPU_STATE.HPPI), word(cpu + VCPU_STATE.HPPI_PRIORITY)]).toEqual([40, 0xa0]);
    expect(word(cpu + VCPU_STATE.IRQ)).toBe(1);
    expect(word(GIC_STATE.VCPUS + VCPU_STATE.HPPI)).toBe(SPURIOUS);
    expect(stateBytes({ vcpus: 2 })).toBe(r.memory.byteLength);
  });
});
