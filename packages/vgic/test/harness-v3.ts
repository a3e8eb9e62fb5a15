import { ICC, type IccName, type InvalidAccess, stateBytesV3, VGicV3 } from '../src/index.ts';
import {
  GICD_CTLR,
  GICD_ICFGR as ICFGR,
  GICD_IGROUPR as IGROUPR,
  GICD_IPRIORITYR as IPRIORITYR,
  GICD_ISENABLER as ISENABLER,
} from './harness.ts';

export {
  GICD_CTLR,
  GICD_ICACTIVER as ICACTIVER,
  GICD_ICENABLER as ICENABLER,
  GICD_ICFGR as ICFGR,
  GICD_ICPENDR as ICPENDR,
  GICD_IGROUPR as IGROUPR,
  GICD_IPRIORITYR as IPRIORITYR,
  GICD_ISACTIVER as ISACTIVER,
  GICD_ISENABLER as ISENABLER,
  GICD_ISPENDR as ISPENDR,
  GICD_TYPER,
  SPURIOUS,
} from './harness.ts';

export const GICD_IROUTER = 0x6000;
export const PIDR2 = 0xffe8;

export const GICR_CTLR = 0x0000;
export const GICR_TYPER = 0x0008;
export const GICR_WAKER = 0x0014;
export const SGI_BASE = 0x10000;
export const GICR_SIZE = 0x20000;

export const IRM = 0x80000000;

/** A GIC with everything it said to the outside, and short names for accesses. */
export function rig(vcpus = 2, nrSpis = 64, buffer?: ArrayBufferLike) {
  const irqs: [vcpu: number, level: boolean][] = [];
  const fiqs: [vcpu: number, level: boolean][] = [];
  const invalid: InvalidAccess[] = [];
  const memory = buffer ?? new SharedArrayBuffer(stateBytesV3({ vcpus }));
  const gic = new VGicV3({
    buffer: memory,
    byteOffset: 0,
    vcpus,
    nrSpis,
    onIrq: (vcpu, level) => irqs.push([vcpu, level]),
    onFiq: (vcpu, level) => fiqs.push([vcpu, level]),
    onInvalidAccess: (access) => invalid.push(access),
  });
  if (!buffer) gic.reset();
  const get = (offset: number, vcpu = 0) => gic.distributor.read(offset, 4, vcpu);
  const set = (offset: number, value: number, vcpu = 0) => gic.distributor.write(offset, 4, value, vcpu);
  const rget = (offset: number, owner = 0) => gic.redistributors.read(owner * GICR_SIZE + offset, 4, 0);
  const rset = (offset: number, value: number, owner = 0) =>
    gic.redistributors.write(owner * GICR_SIZE + offset, 4, value, 0);
  const iget = (name: IccName, vcpu = 0) => gic.readIcc(ICC[name], vcpu);
  const iset = (name: IccName, low: number, vcpu = 0, high = 0) => gic.writeIcc(ICC[name], low, high, vcpu);
  /** The register per 32 INTIDs that has `intid`: in the distributor, or in the SGI frame of `vcpu`. */
  const bitsGet = (base: number, intid: number, vcpu = 0) =>
    intid < 32 ? rget(SGI_BASE + base, vcpu) : get(base + 4 * (intid >> 5));
  const bitsSet = (base: number, intid: number, value: number, vcpu = 0) =>
    intid < 32 ? rset(SGI_BASE + base, value, vcpu) : set(base + 4 * (intid >> 5), value);
  const byteSet = (base: number, intid: number, value: number, vcpu = 0) =>
    intid < 32
      ? gic.redistributors.write(vcpu * GICR_SIZE + SGI_BASE + base + intid, 1, value, vcpu)
      : gic.distributor.write(base + intid, 1, value, vcpu);
  return {
    gic,
    irqs,
    fiqs,
    invalid,
    memory,
    get,
    set,
    rget,
    rset,
    iget,
    iset,
    bitsSet,
    isSet: (base: number, intid: number, vcpu = 0) => ((bitsGet(base, intid, vcpu) >>> (intid & 31)) & 1) === 1,
    /** Writes 1 to the bit of `intid` and 0 to the others. */
    setBit: (base: number, intid: number, vcpu = 0) => bitsSet(base, intid, 1 << (intid & 31), vcpu),
    ack: (vcpu = 0) => iget('ICC_IAR1_EL1', vcpu),
    eoi: (intid: number, vcpu = 0) => iset('ICC_EOIR1_EL1', intid, vcpu),
    priority: (intid: number, value: number, vcpu = 0) => byteSet(IPRIORITYR, intid, value, vcpu),
    route: (intid: number, value: number) => set(GICD_IROUTER + 8 * intid, value),
    group(intid: number, group: number, vcpu = 0) {
      const bit = 1 << (intid & 31);
      const old = bitsGet(IGROUPR, intid, vcpu);
      bitsSet(IGROUPR, intid, group ? old | bit : old & ~bit, vcpu);
    },
    edge(intid: number, on = true, vcpu = 0) {
      const offset = ICFGR + 4 * (intid >> 4);
      const field = 2 << (2 * (intid & 15));
      const old = intid < 32 ? rget(SGI_BASE + offset, vcpu) : get(offset);
      const value = on ? old | field : old & ~field;
      if (intid < 32) rset(SGI_BASE + offset, value, vcpu);
      else set(offset, value);
    },
    /** As Linux's driver does it: groups and all INTIDs on at one priority, PMR open, SPIs to vCPU 0. */
    boot(priority = 0xa0) {
      set(GICD_CTLR, 0x13);
      for (let v = 0; v < vcpus; v++) {
        rset(GICR_WAKER, 0, v);
        rset(SGI_BASE + ISENABLER, 0xffffffff, v);
        for (let i = 0; i < 32; i += 4) rset(SGI_BASE + IPRIORITYR + i, priority * 0x01010101, v);
        iset('ICC_SRE_EL1', 7, v);
        iset('ICC_PMR_EL1', 0xf0, v);
        iset('ICC_BPR1_EL1', 0, v);
        iset('ICC_CTLR_EL1', 0, v);
        iset('ICC_IGRPEN1_EL1', 1, v);
      }
      for (let i = 32; i < 32 + nrSpis; i += 4) set(IPRIORITYR + i, priority * 0x01010101);
      for (let i = 32; i < 32 + nrSpis; i += 32) set(ISENABLER + i / 8, 0xffffffff);
    },
  };
}

export type Rig = ReturnType<typeof rig>;
