import { type InvalidAccess, stateBytes, VGicV2 } from '../src/index.ts';

export const GICD_CTLR = 0x000;
export const GICD_TYPER = 0x004;
export const GICD_IGROUPR = 0x080;
export const GICD_ISENABLER = 0x100;
export const GICD_ICENABLER = 0x180;
export const GICD_ISPENDR = 0x200;
export const GICD_ICPENDR = 0x280;
export const GICD_ISACTIVER = 0x300;
export const GICD_ICACTIVER = 0x380;
export const GICD_IPRIORITYR = 0x400;
export const GICD_ITARGETSR = 0x800;
export const GICD_ICFGR = 0xc00;
export const GICD_SGIR = 0xf00;
export const GICD_CPENDSGIR = 0xf10;
export const GICD_SPENDSGIR = 0xf20;

export const GICC_CTLR = 0x00;
export const GICC_PMR = 0x04;
export const GICC_BPR = 0x08;
export const GICC_IAR = 0x0c;
export const GICC_EOIR = 0x10;
export const GICC_RPR = 0x14;
export const GICC_HPPIR = 0x18;
export const GICC_ABPR = 0x1c;
export const GICC_APR0 = 0xd0;
export const GICC_IIDR = 0xfc;
export const GICC_DIR = 0x1000;

export const EOI_MODE = 0x200;
export const SPURIOUS = 1023;

/** A GIC with everything it said to the outside, and short names for word accesses. */
export function rig(vcpus = 2, nrSpis = 64, buffer?: ArrayBufferLike) {
  const irqs: [vcpu: number, level: boolean][] = [];
  const invalid: InvalidAccess[] = [];
  const memory = buffer ?? new SharedArrayBuffer(stateBytes({ vcpus }));
  const gic = new VGicV2({
    buffer: memory,
    byteOffset: 0,
    vcpus,
    nrSpis,
    onIrq: (vcpu, level) => irqs.push([vcpu, level]),
    onInvalidAccess: (access) => invalid.push(access),
  });
  if (!buffer) gic.reset();
  const get = (offset: number, vcpu = 0) => gic.distributor.read(offset, 4, vcpu);
  const set = (offset: number, value: number, vcpu = 0) => gic.distributor.write(offset, 4, value, vcpu);
  const cget = (offset: number, vcpu = 0) => gic.cpuInterface.read(offset, 4, vcpu);
  const cset = (offset: number, value: number, vcpu = 0) => gic.cpuInterface.write(offset, 4, value, vcpu);
  return {
    gic,
    irqs,
    invalid,
    memory,
    get,
    set,
    cget,
    cset,
    ack: (vcpu = 0) => cget(GICC_IAR, vcpu),
    eoi: (value: number, vcpu = 0) => cset(GICC_EOIR, value, vcpu),
    /** As a kernel does it: everything on, PMR open, all INTIDs enabled at one priority. */
    boot(priority = 0xa0) {
      set(GICD_CTLR, 1);
      for (let v = 0; v < vcpus; v++) {
        cset(GICC_CTLR, 1, v);
        cset(GICC_PMR, 0xf0, v);
        set(GICD_ISENABLER, 0xffffffff, v);
        for (let i = 0; i < 32; i++) gic.distributor.write(GICD_IPRIORITYR + i, 1, priority, v);
      }
      for (let n = 1; n <= Math.ceil(nrSpis / 32); n++) set(GICD_ISENABLER + 4 * n, 0xffffffff);
      for (let i = 32; i < 32 + nrSpis; i++) gic.distributor.write(GICD_IPRIORITYR + i, 1, priority, 0);
    },
    priority: (intid: number, value: number, vcpu = 0) =>
      gic.distributor.write(GICD_IPRIORITYR + intid, 1, value, vcpu),
    targets: (intid: number, value: number) => gic.distributor.write(GICD_ITARGETSR + intid, 1, value, 0),
    edge(intid: number) {
      const offset = GICD_ICFGR + 4 * (intid >> 4);
      set(offset, get(offset) | (2 << (2 * (intid & 15))));
    },
  };
}
