/**
 * ICC_IAR1_EL1, ICC_EOIR1_EL1 and ICC_PMR_EL1 of a GICv3: what a guest does for each interrupt, and a kernel with pseudo-NMIs
 * wherever it masks them (IHI 0069 chapter 4).
 */
import {
  add,
  and,
  select as choose,
  ctz,
  type Expr,
  eq,
  eqz,
  extU,
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
import { GICV3_STATE, GICV3_VCPU_STATE, ICC, SPURIOUS, VCPU_STRIDE } from '@dom0less/vgic';
import { FIQ_LINE, IRQ_LINE } from '../pcpu/interrupt-lines.ts';
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
  isSpurious,
  preempts,
  select,
} from './gic.ts';
import { ofDomain, ofVcpu, VALUE } from './places.ts';

const CBPR = 1;
const EOI_MODE = 2;
const PROCESSOR_SLEEP = 2;
const PRIORITY = 0xf8;
const EOIR_INTID = 0xffffff;

/** The groups that are enabled and that the vCPU takes, as bits. */
const taken = (gic: Expr, own: Expr): Expr => {
  const sleeps = and(load('i32', own, GICV3_VCPU_STATE.GICR_WAKER), i32(PROCESSOR_SLEEP));
  const groups = choose(sleeps, i32(0), load('i32', own, GICV3_VCPU_STATE.ICC_IGRPEN));
  return and(load('i32', gic, GICV3_STATE.GICD_CTLR), groups);
};

const V3: GicVersionCode = {
  version: 3,
  reach(f, gic, own, n, isSpi) {
    const groups = f.tmp(taken(gic, own));
    const words = f.tmp(add(gic, shl(n, i32(2))));
    const group1 = f.tmp(isSpi ? load('i32', words, GICV3_STATE.SPI_GROUP) : load('i32', own, GICV3_VCPU_STATE.GROUP));
    const only = (of: Expr, cond: Expr): Expr => choose(cond, of, i32(0));
    const open = or(only(not(group1), and(groups, i32(1))), only(group1, and(groups, i32(2))));
    if (!isSpi) return open;
    const vcpu = f.tmp(shrU(sub(sub(own, gic), i32(GICV3_STATE.VCPUS)), i32(Math.log2(VCPU_STRIDE))));
    const takes = (group: number): Expr => eq(load('i32', gic, GICV3_STATE.ONE_OF_N_TARGETS + 4 * group), vcpu);
    const mine = or(only(not(group1), takes(0)), only(group1, takes(1)));
    const oneOfN = and(load('i32', words, GICV3_STATE.SPI_ONE_OF_N), mine);
    return and(open, or(load('i32', add(own, shl(n, i32(2))), GICV3_VCPU_STATE.TARGETED), oneOfN));
  },
};

/** Whether an interrupt is of group 1. */
function isGroup1(f: FunctionBuilder, gic: Expr, own: Expr, intid: Expr): Expr {
  const at = f.tmp(add(gic, shl(shrU(intid, i32(5)), i32(2))));
  const word = f.local('i32');
  f.set(word, load('i32', at, GICV3_STATE.SPI_GROUP));
  f.if(ltU(intid, i32(32)), () => f.set(word, load('i32', own, GICV3_VCPU_STATE.GROUP)));
  return and(shrU(f.get(word), and(intid, i32(31))), i32(1));
}

/** [7:BPR0+1]; [7:BPR1] for group 1 where CBPR is clear. */
const groupMask = (own: Expr, group1: Expr): Expr => {
  const common = or(eqz(group1), and(load('i32', own, GICV3_VCPU_STATE.ICC_CTLR), i32(CBPR)));
  const point = choose(
    common,
    add(load('i32', own, GICV3_VCPU_STATE.ICC_BPR0), i32(1)),
    load('i32', own, GICV3_VCPU_STATE.ICC_BPR1),
  );
  return and(shl(i32(0xff), point), i32(0xff));
};

const activePriorities = (own: Expr): Expr =>
  or(load('i32', own, GICV3_VCPU_STATE.ICC_AP0R0), load('i32', own, GICV3_VCPU_STATE.ICC_AP1R0));

/** signalV3(cpu, gic, own): drives IRQ and FIQ of the vCPU that runs. */
const signal: DeviceFunction = {
  name: 'signalV3',
  params: ['i32', 'i32', 'i32'],
  results: [],
  build(f) {
    const [cpu, gic, own] = [f.param(0), f.param(1), f.param(2)];
    const irq = f.lasting('i32');
    const fiq = f.lasting('i32');
    const hppi = f.tmp(load('i32', own, GICV3_VCPU_STATE.HPPI));
    f.if(eqz(isSpurious(hppi)), () => {
      const group1 = f.tmp(isGroup1(f, gic, own, hppi));
      const active = f.tmp(activePriorities(own));
      const level = f.tmp(preempts(own, f.tmp(groupMask(own, group1)), active));
      f.if(
        group1,
        () => f.set(irq, level),
        () => f.set(fiq, level),
      );
    });
    const irqChanges = changesTo(f, own, GICV3_VCPU_STATE.IRQ, f.get(irq));
    const fiqChanges = changesTo(f, own, GICV3_VCPU_STATE.FIQ, f.get(fiq));
    f.if(irqChanges, () => drive(f, cpu, IRQ_LINE, f.get(irq)));
    f.if(fiqChanges, () => drive(f, cpu, FIQ_LINE, f.get(fiq)));
  },
};

/** refreshV3(cpu, gic, own): finds HPPI and drives IRQ and FIQ. */
const refresh: DeviceFunction = {
  name: 'refreshV3',
  params: ['i32', 'i32', 'i32'],
  results: [],
  build(f, fn) {
    const [cpu, gic, own] = [f.param(0), f.param(1), f.param(2)];
    f.store('i32', own, f.call(fn('selectV3'), gic, own), GICV3_VCPU_STATE.HPPI);
    f.callVoid(fn('signalV3'), cpu, gic, own);
  },
};

/** acknowledgeV3(cpu, gic, own): ICC_IAR1_EL1; -1: it is for the host to do. */
const acknowledge: DeviceFunction = {
  name: 'acknowledgeV3',
  params: ['i32', 'i32', 'i32'],
  results: ['i32'],
  build(f, fn) {
    const [cpu, gic, own] = [f.param(0), f.param(1), f.param(2)];
    f.if(eqz(load('i32', own, GICV3_VCPU_STATE.IRQ)), () => f.ret(i32(SPURIOUS)));
    const intid = f.tmp(load('i32', own, GICV3_VCPU_STATE.HPPI));
    f.if(concernsOthers(gic, intid), () => f.ret(i32(-1)));
    activatePriority(f, own, GICV3_VCPU_STATE.ICC_AP1R0, groupMask(own, i32(1)));
    activate(f, gic, own, intid);
    f.callVoid(fn('refreshV3'), cpu, gic, own);
    f.ret(intid);
    f.unreachable();
  },
};

/** endV3(cpu, gic, own, intid): ICC_EOIR1_EL1; 0: it is for the host to do. */
const end: DeviceFunction = {
  name: 'endV3',
  params: ['i32', 'i32', 'i32', 'i32'],
  results: ['i32'],
  build(f, fn) {
    const [cpu, gic, own, intid] = [f.param(0), f.param(1), f.param(2), f.param(3)];
    f.if(eqz(isImplemented(gic, intid)), () => f.ret(i32(1)));
    f.if(concernsOthers(gic, intid), () => f.ret(i32(0)));
    const active = f.tmp(load('i32', own, GICV3_VCPU_STATE.ICC_AP1R0));
    // Nothing is active, or the running priority is of the other group.
    f.if(eqz(active), () => f.ret(i32(1)));
    f.if(ne(ctz(active), ctz(activePriorities(own))), () => f.ret(i32(1)));
    f.store('i32', own, and(active, sub(active, i32(1))), GICV3_VCPU_STATE.ICC_AP1R0);
    f.callVoid(fn('signalV3'), cpu, gic, own);
    f.if(eqz(and(load('i32', own, GICV3_VCPU_STATE.ICC_CTLR), i32(EOI_MODE))), () => {
      deactivate(f, gic, own, intid, () => f.callVoid(fn('refreshV3'), cpu, gic, own));
    });
    f.ret(i32(1));
    f.unreachable();
  },
};

/** iccV3(cpu, gic, own, id, isWrite): an ICC register with the lock held. 0: it is for the host to do. */
const icc: DeviceFunction = {
  name: 'iccV3',
  params: ['i32', 'i32', 'i32', 'i32', 'i32'],
  results: ['i32'],
  build(f, fn) {
    const [cpu, gic, own, id, isWrite] = [f.param(0), f.param(1), f.param(2), f.param(3), f.param(4)];
    const value = load('i32', cpu, VALUE);
    f.if(eq(id, i32(ICC.ICC_PMR_EL1)), () => {
      f.if(
        isWrite,
        () => {
          f.store('i32', own, and(value, i32(PRIORITY)), GICV3_VCPU_STATE.ICC_PMR);
          f.callVoid(fn('signalV3'), cpu, gic, own);
        },
        () => f.store('i64', cpu, extU(load('i32', own, GICV3_VCPU_STATE.ICC_PMR)), VALUE),
      );
      f.ret(i32(1));
    });
    f.if(isWrite, () => f.ret(f.call(fn('endV3'), cpu, gic, own, and(value, i32(EOIR_INTID)))));
    const intid = f.tmp(f.call(fn('acknowledgeV3'), cpu, gic, own));
    f.if(eq(intid, i32(-1)), () => f.ret(i32(0)));
    f.store('i64', cpu, extU(intid), VALUE);
    f.ret(i32(1));
    f.unreachable();
  },
};

/** systemRegister(cpu, id, isWrite): in place of the host's. */
const systemRegister: DeviceFunction = {
  name: 'systemRegister',
  params: ['i32', 'i32', 'i32'],
  results: ['i32'],
  build(f, fn) {
    const [cpu, id, isWrite] = [f.param(0), f.param(1), f.param(2)];
    const domain = f.tmp(ofVcpu(cpu, 'DOMAIN'));
    const gic = f.tmp(ofDomain(domain, 'GIC'));
    const usual = eq(id, choose(isWrite, i32(ICC.ICC_EOIR1_EL1), i32(ICC.ICC_IAR1_EL1)));
    const isOurs = and(isVersion3(gic), or(usual, eq(id, i32(ICC.ICC_PMR_EL1))));
    f.if(isOurs, () => {
      f.if(eqz(tryLock(gic)), () => {
        const done = f.tmp(f.call(fn('iccV3'), cpu, gic, ofVcpu(cpu, 'GIC'), id, isWrite));
        unlock(f, gic);
        f.if(done, () => f.ret(i32(1)));
      });
    });
    f.ret(f.call(fn('host.systemRegister'), cpu, id, isWrite));
    f.unreachable();
  },
};

/** Whether the state is that of a GICv3. */
export const isVersion3 = (gic: Expr): Expr => and(shrU(load('i32', gic, GICV3_STATE.SHAPE), i32(30)), i32(1));

export const GIC_V3: readonly DeviceFunction[] = [select(V3), signal, refresh, acknowledge, end, icc, systemRegister];
