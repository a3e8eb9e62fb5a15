import { describe, expect, it } from 'vitest';
import {
  GICV3_STATE,
  GICV3_VCPU_STATE,
  ICC,
  ICC_REGISTERS,
  type IccName,
  iccId,
  SPURIOUS,
  stateBytesV3,
  VCPU_STRIDE,
  VGicError,
  VGicV3,
  vcpuAffinity,
} from '../src/index.ts';
import * as H2 from './harness.ts';
import * as H from './harness-v3.ts';

describe('registers after reset, and what a write of ones leaves', () => {
  it.each([
    ['GICD_CTLR (ARE and DS are fixed)', 0x0000, 0x50, 0x53],
    ['GICD_TYPER', 0x0004, 0x00480002, 0x00480002],
    ['GICD_IIDR', 0x0008, 0x34c, 0x34c],
    ['GICD_TYPER2', 0x000c, 0, 0],
    ['GICD_STATUSR', 0x0010, 0, 0],
    ['GICD_SETSPI_NSR (no message-based SPIs)', 0x0040, 0, 0],
    ['GICD_IGROUPR0 (in the redistributors)', 0x0080, 0, 0],
    ['GICD_IGROUPR1', 0x0084, 0xffffffff, 0xffffffff],
    ['GICD_IGROUPR3 (not there)', 0x008c, 0, 0],
    ['GICD_ISENABLER0', 0x0100, 0, 0],
    ['GICD_ISENABLER1', 0x0104, 0, 0xffffffff],
    ['GICD_ISENABLER3 (not there)', 0x010c, 0, 0],
    ['GICD_ICENABLER1', 0x0184, 0, 0],
    ['GICD_ISPENDR0', 0x0200, 0, 0],
    ['GICD_ISPENDR1', 0x0204, 0, 0xffffffff],
    ['GICD_ICPENDR1', 0x0284, 0, 0],
    ['GICD_ISACTIVER1', 0x0304, 0, 0xffffffff],
    ['GICD_ICACTIVER1', 0x0384, 0, 0],
    ['GICD_IPRIORITYR7', 0x041c, 0, 0],
    ['GICD_IPRIORITYR8', 0x0420, 0, 0xf8f8f8f8],
    ['GICD_IPRIORITYR24 (not there)', 0x0460, 0, 0],
    ['GICD_ITARGETSR8 (affinity routing)', 0x0820, 0, 0],
    ['GICD_ICFGR1', 0x0c04, 0, 0],
    ['GICD_ICFGR2', 0x0c08, 0, 0xaaaaaaaa],
    ['GICD_IGRPMODR1', 0x0d04, 0, 0],
    ['GICD_NSACR2', 0x0e08, 0, 0],
    ['GICD_SGIR (affinity routing)', 0x0f00, 0, 0],
    ['GICD_SPENDSGIR0 (affinity routing)', 0x0f20, 0, 0],
    ['GICD_IROUTER31 (not there)', 0x60f8, 0, 0],
    ['GICD_IROUTER32, low', 0x6100, 0, 0x80ffffff],
    ['GICD_IROUTER32, high (no Aff3)', 0x6104, 0, 0],
    ['GICD_IROUTER95, low', 0x62f8, 0, 0x80ffffff],
    ['GICD_IROUTER96 (not there)', 0x6300, 0, 0],
    ['GICD_PIDR2 (GICv3)', 0xffe8, 0x30, 0x30],
    ['reserved', 0x7fe0, 0, 0],
  ])('%s', (_name, offset, reset, ones) => {
    const { get, set, invalid } = H.rig(2, 64);
    expect(get(offset)).toBe(reset);
    set(offset, 0xffffffff);
    expect(get(offset)).toBe(ones);
    expect(invalid).toEqual([]);
  });

  it.each([
    ['GICR_CTLR', 0x00000, 0, 0],
    ['GICR_IIDR', 0x00004, 0x34c, 0x34c],
    ['GICR_TYPER, low: processor 1, last', 0x00008, 0x110, 0x110],
    ['GICR_TYPER, high: affinity 0.0.0.1', 0x0000c, 1, 1],
    ['GICR_STATUSR', 0x00010, 0, 0],
    ['GICR_WAKER', 0x00014, 0, 0x6],
    ['GICR_PROPBASER (no LPIs)', 0x00070, 0, 0],
    ['GICR_SYNCR', 0x000c0, 0, 0],
    ['GICR_PIDR2', 0x0ffe8, 0x30, 0x30],
    ['GICR_IGROUPR0', 0x10080, 0xffffffff, 0xffffffff],
    ['GICR_ISENABLER0', 0x10100, 0, 0xffffffff],
    ['GICR_ICENABLER0', 0x10180, 0, 0],
    ['GICR_ISPENDR0 (SGIs too)', 0x10200, 0, 0xffffffff],
    ['GICR_ICPENDR0', 0x10280, 0, 0],
    ['GICR_ISACTIVER0', 0x10300, 0, 0xffffffff],
    ['GICR_ICACTIVER0', 0x10380, 0, 0],
    ['GICR_IPRIORITYR0', 0x10400, 0, 0xf8f8f8f8],
    ['GICR_IPRIORITYR7', 0x1041c, 0, 0xf8f8f8f8],
    ['GICR_IPRIORITYR8 (not there)', 0x10420, 0, 0],
    ['GICR_ICFGR0 (SGIs: edge)', 0x10c00, 0xaaaaaaaa, 0xaaaaaaaa],
    ['GICR_ICFGR1 (PPIs)', 0x10c04, 0, 0xaaaaaaaa],
    ['GICR_IGRPMODR0', 0x10d00, 0, 0],
    ['GICR_NSACR', 0x10e00, 0, 0],
    ['GICR_PIDR2 of the SGI frame', 0x1ffe8, 0x30, 0x30],
    ['reserved', 0x10020, 0, 0],
  ])('%s', (_name, offset, reset, ones) => {
    const { rget, rset, invalid } = H.rig(2, 64);
    expect(rget(offset, 1)).toBe(reset);
    rset(offset, 0xffffffff, 1);
    expect(rget(offset, 1)).toBe(ones);
    expect(invalid).toEqual([]);
  });

  it.each<[IccName, number, number]>([
    ['ICC_PMR_EL1', 0, 0xf8],
    ['ICC_IAR0_EL1', 1023, 1023],
    ['ICC_HPPIR0_EL1', 1023, 1023],
    ['ICC_BPR0_EL1', 2, 7],
    ['ICC_AP0R0_EL1', 0, 0xffffffff],
    ['ICC_AP1R0_EL1', 0, 0xffffffff],
    ['ICC_RPR_EL1', 0xff, 0xff],
    ['ICC_IAR1_EL1', 1023, 1023],
    ['ICC_HPPIR1_EL1', 1023, 1023],
    ['ICC_BPR1_EL1', 3, 7],
    ['ICC_CTLR_EL1', 0x400, 0x403],
    ['ICC_SRE_EL1', 7, 7],
    ['ICC_IGRPEN0_EL1', 0, 1],
    ['ICC_IGRPEN1_EL1', 0, 1],
  ])('%s', (name, reset, ones) => {
    const { iget, iset } = H.rig(2, 64);
    expect(iget(name, 1)).toBe(reset);
    if (ICC_REGISTERS.find((r) => r.name === name)!.access === 'rw') iset(name, 0xffffffff, 1, 0xffffffff);
    expect(iget(name, 1)).toBe(ones);
    expect(iget(name, 0)).toBe(reset);
  });

  it('SGIs stay edge-triggered', () => {
    const { rget, rset } = H.rig();
    rset(H.SGI_BASE + H.ICFGR, 0);
    expect(rget(H.SGI_BASE + H.ICFGR)).toBe(0xaaaaaaaa);
  });

  it('a binary point is at least what 5 bits of priority allow', () => {
    const { iget, iset } = H.rig();
    iset('ICC_BPR0_EL1', 0);
    iset('ICC_BPR1_EL1', 0);
    expect([iget('ICC_BPR0_EL1'), iget('ICC_BPR1_EL1')]).toEqual([2, 3]);
  });

  it('ICC_BPR1_EL1 follows ICC_BPR0_EL1 with CBPR set, and comes back with it clear', () => {
    const { iget, iset } = H.rig();
    iset('ICC_BPR1_EL1', 4);
    iset('ICC_BPR0_EL1', 5);
    iset('ICC_CTLR_EL1', 1);
    expect(iget('ICC_BPR1_EL1')).toBe(6);
    iset('ICC_BPR0_EL1', 7);
    iset('ICC_BPR1_EL1', 3);
    expect(iget('ICC_BPR1_EL1')).toBe(7);
    iset('ICC_CTLR_EL1', 0);
    expect(iget('ICC_BPR1_EL1')).toBe(4);
  });

  it('the lowest priority that PMR can mask reads back: group 0 is the guest’s', () => {
    const { iget, iset } = H.rig();
    iset('ICC_PMR_EL1', 0x08);
    expect(iget('ICC_PMR_EL1')).toBe(0x08);
  });
});

describe('the table of ICC registers', () => {
  it('has every encoding once, and its id as bits [20:5] of MRS', () => {
    expect(new Set(ICC_REGISTERS.map((r) => r.id)).size).toBe(ICC_REGISTERS.length);
    // MRS x0, ICC_IAR1_EL1 and MSR ICC_SGI1R_EL1, x0 as an assembler gives them.
    expect(ICC.ICC_IAR1_EL1).toBe((0xd538cc00 >>> 5) & 0xffff);
    expect(ICC.ICC_SGI1R_EL1).toBe((0xd518cba0 >>> 5) & 0xffff);
    expect(ICC.ICC_PMR_EL1).toBe((0xd5384600 >>> 5) & 0xffff);
    for (const r of ICC_REGISTERS) expect(ICC[r.name]).toBe(iccId(...r.encoding));
  });

  it('says what can be read and written, the rest is bad-register', () => {
    const { gic } = H.rig();
    const error = expect.objectContaining({ name: 'VGicError', code: 'bad-register' });
    for (const { id, access } of ICC_REGISTERS) {
      if (access === 'w') expect(() => gic.readIcc(id, 0)).toThrow(error);
      else expect(gic.readIcc(id, 0)).toBeGreaterThanOrEqual(0);
      if (access === 'r') expect(() => gic.writeIcc(id, 0, 0, 0)).toThrow(error);
      else gic.writeIcc(id, 0, 0, 0);
    }
    // ICC_AP1R1_EL1 needs 6 bits of priority.
    expect(() => gic.readIcc(iccId(3, 0, 12, 9, 1), 0)).toThrow(error);
  });
});

describe('the size of the GIC', () => {
  it.each([
    [1, 0, 0x00480000],
    [4, 32, 0x00480001],
    [128, 33, 0x00480002],
    [128, 988, 0x0048001f],
    [128, 992, 0x0048001f],
  ])('%i vCPUs and %i SPIs read as GICD_TYPER %i', (vcpus, nrSpis, typer) => {
    expect(H.rig(vcpus, nrSpis).get(H.GICD_TYPER)).toBe(typer);
  });

  it('ends at INTID 1019', () => {
    const { gic, get, set, isSet } = H.rig(1, 988);
    set(H.ISENABLER + 4 * 31, 0xffffffff);
    expect(get(H.ISENABLER + 4 * 31)).toBe(0x0fffffff);
    expect(get(H.IGROUPR + 4 * 31)).toBe(0x0fffffff);
    set(H.IPRIORITYR + 1020, 0xffffffff);
    expect(get(H.IPRIORITYR + 1020)).toBe(0);
    set(H.GICD_IROUTER + 8 * 1019, 3);
    set(H.GICD_IROUTER + 8 * 1020, 3);
    expect([get(H.GICD_IROUTER + 8 * 1019), get(H.GICD_IROUTER + 8 * 1020)]).toEqual([3, 0]);
    gic.setSpi(1019, true);
    expect(isSet(H.ISPENDR, 1019)).toBe(true);
    expect(() => gic.setSpi(1020, true)).toThrow(VGicError);
  });

  it('grows by the same bytes for each vCPU', () => {
    const sizes = [1, 2, 64, 128].map((vcpus) => stateBytesV3({ vcpus }));
    expect(sizes.map((size) => size - sizes[0]!)).toEqual([0, 256, 63 * 256, 127 * 256]);
  });

  it('has a redistributor for each vCPU with its affinity and number, the last one marked', () => {
    const { gic, rget } = H.rig(128, 32);
    expect(gic.redistributors.size).toBe(16 * 1024 * 1024);
    for (let v = 0; v < 128; v++) {
      expect(rget(H.GICR_TYPER, v)).toBe((v << 8) | (v === 127 ? 0x10 : 0));
      expect(rget(H.GICR_TYPER + 4, v)).toBe(vcpuAffinity(v));
    }
    expect([0, 15, 16, 127].map(vcpuAffinity)).toEqual([0, 15, 0x100, 0x70f]);
  });
});

describe('banking', () => {
  it.each([
    ['GICR_WAKER', H.GICR_WAKER, 0x2, 0x6],
    ['GICR_IGROUPR0', H.SGI_BASE + H.IGROUPR, 0x5, 0x5],
    ['GICR_ISENABLER0', H.SGI_BASE + H.ISENABLER, 0x10001, 0x10001],
    ['GICR_ISPENDR0', H.SGI_BASE + H.ISPENDR, 0x10001, 0x10001],
    ['GICR_ISACTIVER0', H.SGI_BASE + H.ISACTIVER, 0x10001, 0x10001],
    ['GICR_IPRIORITYR4', H.SGI_BASE + H.IPRIORITYR + 16, 0x80, 0x80],
    ['GICR_ICFGR1', H.SGI_BASE + H.ICFGR + 4, 0x2, 0x2],
  ])('%s is of the vCPU whose frame it is in, whoever accesses', (_name, offset, value, read) => {
    const { gic, rget } = H.rig();
    const before = rget(offset, 0);
    gic.redistributors.write(H.GICR_SIZE + offset, 4, value, 0);
    expect([rget(offset, 0), rget(offset, 1)]).toEqual([before, read]);
    expect(gic.redistributors.read(H.GICR_SIZE + offset, 4, 1)).toBe(read);
  });
});

describe('width of access', () => {
  it.each([
    ['GICD_IPRIORITYR', 'distributor', H.IPRIORITYR + 33],
    ['GICR_IPRIORITYR', 'redistributors', H.SGI_BASE + H.IPRIORITYR + 17],
  ] as const)('%s takes bytes', (_name, frame, offset) => {
    const { gic, invalid } = H.rig();
    gic[frame].write(offset, 1, 0x40, 0);
    expect(gic[frame].read(offset, 1, 0)).toBe(0x40);
    expect(gic[frame].read(offset & ~3, 4, 0)).toBe(0x4000);
    expect(invalid).toEqual([]);
  });

  it.each([
    ['a byte of GICD_CTLR', 'distributor', H.GICD_CTLR, 1],
    ['a byte of GICD_IROUTER', 'distributor', H.GICD_IROUTER + 256, 1],
    ['a byte of GICD_IPRIORITYR0, which is reserved', 'distributor', H.IPRIORITYR, 1],
    ['a halfword of GICD_IPRIORITYR', 'distributor', H.IPRIORITYR + 32, 2],
    ['an unaligned word', 'distributor', H.IPRIORITYR + 33, 4],
    ['a word past the end', 'distributor', 0x10000, 4],
    ['a byte of GICR_WAKER', 'redistributors', H.GICR_WAKER, 1],
    ['a halfword of GICR_ISENABLER0', 'redistributors', H.SGI_BASE + H.ISENABLER, 2],
    ['a word past the last redistributor', 'redistributors', 2 * H.GICR_SIZE, 4],
  ] as const)('%s is reported, reads as zero and ignores writes', (_name, frame, offset, size) => {
    const r = H.rig();
    r.boot();
    r.gic.setSpi(32, true);
    const before = new Uint8Array(r.memory).slice();
    expect(r.gic[frame].read(offset, size, 1)).toBe(0);
    r.gic[frame].write(offset, size, 0xff, 1);
    expect(new Uint8Array(r.memory)).toEqual(before);
    const name = frame === 'distributor' ? frame : 'redistributor';
    expect(r.invalid).toEqual([
      { frame: name, vcpu: 1, offset, size },
      { frame: name, vcpu: 1, offset, size, value: 0xff },
    ]);
  });

  it('any offset and size gives an unsigned number of that size and never throws', () => {
    const { gic } = H.rig(2, 988);
    for (const frame of [gic.distributor, gic.redistributors]) {
      expect(frame.size % 4096).toBe(0);
      for (const size of [1, 2, 4] as const) {
        for (let offset = 0; offset <= frame.size + 4; offset++) {
          frame.write(offset, size, 0xffffffff, offset % 2);
          const value = frame.read(offset, size, offset % 2);
          if (!(Number.isInteger(value) && value >= 0 && value < 2 ** (8 * size))) {
            expect.unreachable(`${offset}/${size}: ${value}`);
          }
        }
      }
    }
  });

  it('registers of 64 bits are GICD_IROUTER and GICR_TYPER, where they start', () => {
    const { gic } = H.rig(2, 64);
    const where = (frame: { size: number; isDoubleword(offset: number): boolean }) =>
      Array.from({ length: frame.size + 16 }, (_, n) => n - 8).filter((offset) => frame.isDoubleword(offset));
    expect(where(gic.redistributors)).toEqual([H.GICR_TYPER, H.GICR_SIZE + H.GICR_TYPER]);
    expect(where(gic.distributor)).toEqual(Array.from({ length: 988 }, (_, n) => H.GICD_IROUTER + 8 * (32 + n)));
    const v2 = H2.rig();
    expect([...where(v2.gic.distributor), ...where(v2.gic.cpuInterface)]).toEqual([]);
  });

  it('any value in any ICC register gives an unsigned word and never throws', () => {
    const { gic } = H.rig(20, 988);
    for (const value of [0, 1, 0x7fffffff, 0x80000000, 0xffffffff]) {
      for (const high of [0, 0x100, 0xffffffff]) {
        for (const { id, access } of ICC_REGISTERS) {
          if (access !== 'r') gic.writeIcc(id, value, high, 19);
          const read = access === 'w' ? 0 : gic.readIcc(id, 19);
          expect(Number.isInteger(read) && read >= 0 && read < 2 ** 32).toBe(true);
        }
      }
    }
  });
});

describe('the embedder', () => {
  const options = { byteOffset: 0, vcpus: 2, nrSpis: 64, onIrq: () => {} };
  const make = (extra: object) =>
    new VGicV3({ ...options, buffer: new ArrayBuffer(stateBytesV3({ vcpus: 2 })), ...extra });

  it.each([
    ['bad-option', { vcpus: 0 }],
    ['bad-option', { vcpus: 129 }],
    ['bad-option', { nrSpis: 993 }],
    ['state-misaligned', { byteOffset: 2 }],
    ['state-too-small', { byteOffset: 4 }],
  ])('gets %s for %o', (code, extra) => {
    expect(() => make(extra)).toThrow(expect.objectContaining({ name: 'VGicError', code }));
  });

  it('gets state-mismatch for a state of another shape or version', () => {
    const { memory } = H.rig(2, 64);
    expect(() => H.rig(1, 64, memory)).toThrow(expect.objectContaining({ code: 'state-mismatch' }));
    expect(() => H2.rig(2, 64, memory)).toThrow(/GICv3 with 2 vCPUs and 64 SPIs.*GICv2 with 2 and 64/);
    const v2 = H2.rig(2, 64).memory.slice(0);
    const buffer = new ArrayBuffer(stateBytesV3({ vcpus: 2 }));
    new Uint8Array(buffer).set(new Uint8Array(v2));
    expect(() => H.rig(2, 64, buffer)).toThrow(expect.objectContaining({ code: 'state-mismatch' }));
  });

  it('gets bad-vcpu and bad-intid for what is not there', () => {
    const { gic } = H.rig(2, 64);
    const badVcpu = expect.objectContaining({ code: 'bad-vcpu' });
    expect(() => gic.setPpi(2, 27, true)).toThrow(badVcpu);
    expect(() => gic.readIcc(ICC.ICC_PMR_EL1, 2)).toThrow(badVcpu);
    expect(() => gic.writeIcc(ICC.ICC_PMR_EL1, 0, 0, -1)).toThrow(badVcpu);
    expect(() => gic.redistributors.read(0, 4, 2)).toThrow(badVcpu);
    expect(() => gic.pendingFiq(2)).toThrow(badVcpu);
    expect(() => gic.setPpi(0, 32, true)).toThrow(expect.objectContaining({ code: 'bad-intid' }));
    expect(() => gic.setSpi(96, true)).toThrow(/32 to 95/);
  });

  it('finds the state where the layout says', () => {
    const r = H.rig(20, 64);
    r.boot();
    r.route(40, vcpuAffinity(17));
    r.route(41, H.IRM);
    r.gic.setSpi(40, true);
    const view = new DataView(r.memory);
    const word = (offset: number) => view.getUint32(offset, true);
    const cpu = GICV3_STATE.VCPUS + 17 * VCPU_STRIDE;
    expect(word(GICV3_STATE.SPI_LINE + 4)).toBe(1 << 8);
    expect(word(GICV3_STATE.SPI_ROUTER + 4 * 40)).toBe(0x101);
    expect(word(GICV3_STATE.SPI_ONE_OF_N + 4)).toBe(1 << 9);
    expect([word(GICV3_STATE.ONE_OF_N_TARGETS), word(GICV3_STATE.ONE_OF_N_TARGETS + 4)]).toEqual([0xffffffff, 0]);
    expect(word(GICV3_STATE.SPI_GROUP + 4)).toBe(0xffffffff);
    expect(view.getUint8(GICV3_STATE.SPI_PRIORITY + 40)).toBe(0xa0);
    expect(word(cpu + GICV3_VCPU_STATE.TARGETED + 4)).toBe(1 << 8);
    expect([word(cpu + GICV3_VCPU_STATE.HPPI), word(cpu + GICV3_VCPU_STATE.HPPI_PRIORITY)]).toEqual([40, 0xa0]);
    expect([word(cpu + GICV3_VCPU_STATE.IRQ), word(cpu + GICV3_VCPU_STATE.FIQ)]).toEqual([1, 0]);
    expect(word(cpu + GICV3_VCPU_STATE.ICC_IGRPEN)).toBe(2);
    r.ack(17);
    expect([word(cpu + GICV3_VCPU_STATE.ICC_AP1R0), word(cpu + GICV3_VCPU_STATE.HPPI)]).toEqual([1 << 20, SPURIOUS]);
    expect(stateBytesV3({ vcpus: 20 })).toBe(r.memory.byteLength);
  });
});
