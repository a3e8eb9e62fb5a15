/** GICC_IAR and GICC_EOIR of a GICv2: what a guest does for each interrupt (IHI 0048B chapter 3). */
import {
  add,
  and,
  select as choose,
  ctz,
  type Expr,
  eqz,
  type FunctionBuilder,
  i32,
  load,
  ltU,
  ne,
  not,
  or,
  shl,
  shrU,
  sub,
  tryLock,
  unlock,
} from '@dom0less/arm64-cpu/wasm';
import { GIC_STATE, SPURIOUS, VCPU_STATE } from '@dom0less/vgic';
import { IRQ_LINE } from '../pcpu/interrupt-lines.ts';
import type { DeviceFunction } from './device-function.ts';
import {
  activate,
  activatePriority,
  changesTo,
  concernsOthers,
  deactivate,
  drive,
  type GicVersionCode,
  isImplemented,
  preempts,
  select,
} from './gic.ts';
import { ofDomain, ofVcpu, VALUE } from './places.ts';

const GICC_IAR = 0x0c;
const GICC_EOIR = 0x10;
const EOI_MODE = 0x200;
const INTID = 0x3ff;
const SOURCE_SHIFT = 10;

const V2: GicVersionCode = {
  version: 2,
  reach: (_f, _gic, own, n, isSpi) => (isSpi ? load('i32', add(own, shl(n, i32(2))), VCPU_STATE.TARGETED) : i32(-1)),
};

/** [7:BPR+1]. */
const groupMask = (own: Expr): Expr =>
  and(shl(i32(0xff), add(load('i32', own, VCPU_STATE.GICC_BPR), i32(1))), i32(0xff));

/** signalV2(cpu, gic, own): drives the IRQ of the vCPU that runs. */
const signal: DeviceFunction = {
  name: 'signalV2',
  params: ['i32', 'i32', 'i32'],
  results: [],
  build(f) {
    const [cpu, gic, own] = [f.param(0), f.param(1), f.param(2)];
    const enabled = and(load('i32', gic, GIC_STATE.GICD_CTLR), load('i32', own, VCPU_STATE.GICC_CTLR));
    const mask = f.tmp(groupMask(own));
    const active = f.tmp(load('i32', own, VCPU_STATE.GICC_APR0));
    const level = f.tmp(and(and(enabled, i32(1)), preempts(own, mask, active)));
    f.if(changesTo(f, own, VCPU_STATE.IRQ, level), () => drive(f, cpu, IRQ_LINE, level));
  },
};

/** refreshV2(cpu, gic, own): finds HPPI and drives the IRQ. Of SGIs with equal INTID the lowest source goes first. */
const refresh: DeviceFunction = {
  name: 'refreshV2',
  params: ['i32', 'i32', 'i32'],
  results: [],
  build(f, fn) {
    const [cpu, gic, own] = [f.param(0), f.param(1), f.param(2)];
    const intid = f.local('i32');
    f.set(intid, f.call(fn('selectV2'), gic, own));
    f.if(ltU(f.get(intid), i32(16)), () => {
      const source = ctz(load('i32_8u', add(own, f.get(intid)), VCPU_STATE.SGI_SOURCES));
      f.set(intid, or(f.get(intid), shl(source, i32(SOURCE_SHIFT))));
    });
    f.store('i32', own, f.get(intid), VCPU_STATE.HPPI);
    f.callVoid(fn('signalV2'), cpu, gic, own);
  },
};

/** Pending to active of an SGI: of one source, and pending no longer where it has no other. */
function activateSgi(f: FunctionBuilder, own: Expr, intid: Expr, hppi: Expr): void {
  const bit = f.tmp(shl(i32(1), intid));
  f.store('i32', own, or(load('i32', own, VCPU_STATE.ACTIVE), bit), VCPU_STATE.ACTIVE);
  const at = f.tmp(add(own, intid));
  const source = shl(i32(1), shrU(hppi, i32(SOURCE_SHIFT)));
  const sources = f.tmp(and(load('i32_8u', at, VCPU_STATE.SGI_SOURCES), not(source)));
  f.store('i32_8', at, sources, VCPU_STATE.SGI_SOURCES);
  const latch = load('i32', own, VCPU_STATE.LATCH);
  f.if(
    sources,
    () => f.store('i32', own, or(latch, bit), VCPU_STATE.LATCH),
    () => f.store('i32', own, and(latch, not(bit)), VCPU_STATE.LATCH),
  );
}

/** giccV2(cpu, domain, offset, isWrite): an access of 4 bytes to the CPU interface. 0: it is for the host to do. */
const gicc: DeviceFunction = {
  name: 'giccV2',
  params: ['i32', 'i32', 'i32', 'i32'],
  results: ['i32'],
  build(f, fn) {
    const [cpu, domain, offset, isWrite] = [f.param(0), f.param(1), f.param(2), f.param(3)];
    f.if(ne(offset, choose(isWrite, i32(GICC_EOIR), i32(GICC_IAR))), () => f.ret(i32(0)));
    const gic = f.tmp(ofDomain(domain, 'GIC'));
    const own = f.tmp(ofVcpu(cpu, 'GIC'));
    f.if(tryLock(gic), () => f.ret(i32(0)));
    const leave = (done: number): void => {
      unlock(f, gic);
      f.ret(i32(done));
    };
    f.if(
      isWrite,
      () => {
        const intid = f.tmp(and(load('i32', cpu, VALUE), i32(INTID)));
        f.if(eqz(isImplemented(gic, intid)), () => leave(1));
        f.if(concernsOthers(gic, intid), () => leave(0));
        const active = f.tmp(load('i32', own, VCPU_STATE.GICC_APR0));
        f.store('i32', own, and(active, sub(active, i32(1))), VCPU_STATE.GICC_APR0);
        f.callVoid(fn('signalV2'), cpu, gic, own);
        f.if(eqz(and(load('i32', own, VCPU_STATE.GICC_CTLR), i32(EOI_MODE))), () => {
          deactivate(f, gic, own, intid, () => f.callVoid(fn('refreshV2'), cpu, gic, own));
        });
      },
      () => {
        const hppi = f.local('i32');
        f.set(hppi, i32(SPURIOUS));
        f.if(load('i32', own, VCPU_STATE.IRQ), () => {
          f.set(hppi, load('i32', own, VCPU_STATE.HPPI));
          const intid = f.tmp(and(f.get(hppi), i32(INTID)));
          f.if(concernsOthers(gic, intid), () => leave(0));
          activatePriority(f, own, VCPU_STATE.GICC_APR0, groupMask(own));
          f.if(
            ltU(intid, i32(16)),
            () => activateSgi(f, own, intid, f.get(hppi)),
            () => activate(f, gic, own, intid),
          );
          f.callVoid(fn('refreshV2'), cpu, gic, own);
        });
        f.store('i32', cpu, f.get(hppi), VALUE);
      },
    );
    leave(1);
    f.unreachable();
  },
};

export const GIC_V2: readonly DeviceFunction[] = [select(V2), signal, refresh, gicc];
