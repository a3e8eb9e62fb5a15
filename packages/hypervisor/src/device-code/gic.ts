/**
 * What both versions of the interrupt controller have in common, over the state that `@dom0less/vgic` describes: the interrupt
 * that comes next, and the signal of the vCPU that asks. It does what `GicCore` does for that vCPU; what reaches others is
 * for the host to do. The controller's lock is held.
 */

import { stateOffset } from '@dom0less/arm64-cpu';
import {
  add,
  and,
  atomicCode,
  select as choose,
  ctz,
  type Expr,
  eq,
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
  type Var,
  xor,
} from '@dom0less/arm64-cpu/wasm';
import { GIC_STATE, IDLE_PRIORITY, SPURIOUS, VCPU_STATE } from '@dom0less/vgic';
import type { DeviceFunction } from './device-function.ts';

const INTERRUPT_LINES = stateOffset('interruptLines');
/** Bytes from one array of bits to the next: of a vCPU's own INTIDs, and of SPIs. */
const OWN_STEP = 4;
const SPI_STEP = 128;
/** The arrays, in their order. */
const LATCH = 1;
const LINE = 2;
const ACTIVE = 3;
const EDGE = 4;

/** What tells the versions apart. `gic` and `own` are memory offsets of its state and of that of the vCPU. */
export interface GicVersionCode {
  readonly version: 2 | 3;
  /** The bits of word `n`, of SPIs if `isSpi`, that may go to the vCPU. */
  reach(f: FunctionBuilder, gic: Expr, own: Expr, n: Expr, isSpi: boolean): Expr;
}

/** GICD_TYPER.ITLinesNumber + 1. */
const linesOf = (gic: Expr): Expr => add(and(shrU(load('i32', gic, GIC_STATE.SHAPE), i32(13)), i32(0x7f)), i32(1));

/** How many vCPUs it has. */
const vcpusOf = (gic: Expr): Expr => and(load('i32', gic, GIC_STATE.SHAPE), i32(0xff));

/** Whether what becomes of the interrupt may concern other vCPUs: an SPI, where there are any. */
export const concernsOthers = (gic: Expr, intid: Expr): Expr => and(isSpi(intid), ne(vcpusOf(gic), i32(1)));

const isSpi = (intid: Expr): Expr => ne(shrU(intid, i32(5)), i32(0));

export const isImplemented = (gic: Expr, intid: Expr): Expr =>
  and(ltU(intid, shl(linesOf(gic), i32(5))), ltU(intid, i32(1020)));

/** Makes the level of an output of the vCPU that runs that of its interrupt line. */
export function drive(f: FunctionBuilder, cpu: Expr, line: number, level: Expr): void {
  const change = (op: 'and' | 'or', bits: number): void =>
    f.drop({ t: 'i32', code: atomicCode(op, 'i32', 4, INTERRUPT_LINES), args: [cpu, i32(bits)] });
  f.if(
    level,
    () => change('or', line),
    () => change('and', ~line),
  );
}

/** Looks at the pending, enabled and inactive interrupts of one word; `at` is its word of the first array. */
function lookAt(
  f: FunctionBuilder,
  { at, step, priorities, first, reach }: { at: Expr; step: number; priorities: Expr; first: Expr; reach: () => Expr },
  best: Var,
  intid: Var,
): void {
  const bits = f.local('i32');
  f.set(bits, and(load('i32', at), not(load('i32', at, ACTIVE * step))));
  f.if(f.get(bits), () => {
    const level = and(load('i32', at, LINE * step), not(load('i32', at, EDGE * step)));
    f.set(bits, and(f.get(bits), or(load('i32', at, LATCH * step), level)));
    f.if(f.get(bits), () => {
      f.set(bits, and(f.get(bits), reach()));
      f.block((end) =>
        f.loop((next) => {
          f.brIf(end, eqz(f.get(bits)));
          const n = f.tmp(ctz(f.get(bits)));
          const priority = f.tmp(load('i32_8u', add(priorities, n)));
          f.if(ltU(priority, f.get(best)), () => {
            f.set(best, priority);
            f.set(intid, add(first, n));
          });
          f.set(bits, and(f.get(bits), sub(f.get(bits), i32(1))));
          f.br(next);
        }),
      );
    });
  });
}

/** select(gic, own): INTID of the highest priority pending interrupt of the vCPU; its priority goes to HPPI_PRIORITY. */
export const select = (code: GicVersionCode): DeviceFunction => ({
  name: `selectV${code.version}`,
  params: ['i32', 'i32'],
  results: ['i32'],
  build(f) {
    const [gic, own] = [f.param(0), f.param(1)];
    const best = f.local('i32');
    const intid = f.local('i32');
    const n = f.local('i32');
    f.set(best, i32(IDLE_PRIORITY));
    f.set(intid, i32(SPURIOUS));
    const reachOwn = (): Expr => code.reach(f, gic, own, i32(0), false);
    const ownWord = { at: add(own, i32(VCPU_STATE.ENABLE)), priorities: add(own, i32(VCPU_STATE.PRIORITY)) };
    lookAt(f, { ...ownWord, step: OWN_STEP, first: i32(0), reach: reachOwn }, best, intid);
    const lines = f.tmp(linesOf(gic));
    f.set(n, i32(1));
    f.block((end) =>
      f.loop((next) => {
        f.brIf(end, eqz(ltU(f.get(n), lines)));
        const first = f.tmp(shl(f.get(n), i32(5)));
        const at = f.tmp(add(add(gic, i32(GIC_STATE.SPI_ENABLE)), shl(f.get(n), i32(2))));
        const priorities = f.tmp(add(add(gic, i32(GIC_STATE.SPI_PRIORITY)), first));
        const reach = (): Expr => code.reach(f, gic, own, f.get(n), true);
        lookAt(f, { at, step: SPI_STEP, priorities, first, reach }, best, intid);
        f.set(n, add(f.get(n), i32(1)));
        f.br(next);
      }),
    );
    f.store('i32', own, f.get(best), VCPU_STATE.HPPI_PRIORITY);
    f.ret(f.get(intid));
    f.unreachable();
  },
});

/** Whether HPPI may be signalled, of priorities whose bits of `groupMask` decide, above what is active. */
export function preempts(own: Expr, groupMask: Expr, activePriorities: Expr): Expr {
  const priority = load('i32', own, VCPU_STATE.HPPI_PRIORITY);
  const running = shl(ctz(activePriorities), i32(3));
  const above = or(eqz(activePriorities), ltU(and(priority, groupMask), running));
  return and(ltU(priority, load('i32', own, VCPU_STATE.GICC_PMR)), above);
}

/** Makes HPPI's priority active in the active priorities register at `offset`. */
export function activatePriority(f: FunctionBuilder, own: Expr, offset: number, groupMask: Expr): void {
  const priority = and(load('i32', own, VCPU_STATE.HPPI_PRIORITY), groupMask);
  f.store('i32', own, or(load('i32', own, offset), shl(i32(1), shrU(priority, i32(3)))), offset);
}

/** Where the bit of an interrupt is in the first of the arrays, and how far it is to the next. */
function placeOf(f: FunctionBuilder, gic: Expr, own: Expr, intid: Expr): { at: Expr; step: Expr; bit: Expr } {
  const at = f.local('i32');
  const step = f.local('i32');
  f.if(
    isSpi(intid),
    () => {
      f.set(at, add(add(gic, i32(GIC_STATE.SPI_ENABLE)), shl(shrU(intid, i32(5)), i32(2))));
      f.set(step, i32(SPI_STEP));
    },
    () => {
      f.set(at, add(own, i32(VCPU_STATE.ENABLE)));
      f.set(step, i32(OWN_STEP));
    },
  );
  return { at: f.get(at), step: f.get(step), bit: f.tmp(shl(i32(1), and(intid, i32(31)))) };
}

/** Active, and no longer latched. */
export function activate(f: FunctionBuilder, gic: Expr, own: Expr, intid: Expr): void {
  const { at, step, bit } = placeOf(f, gic, own, intid);
  const latch = f.tmp(add(at, step));
  const active = f.tmp(add(latch, shl(step, i32(1))));
  f.store('i32', active, or(load('i32', active), bit));
  f.store('i32', latch, and(load('i32', latch), not(bit)));
}

/** Makes an interrupt inactive; `refresh` where it was active. */
export function deactivate(f: FunctionBuilder, gic: Expr, own: Expr, intid: Expr, refresh: () => void): void {
  const { at, step, bit } = placeOf(f, gic, own, intid);
  const active = f.tmp(add(at, add(step, shl(step, i32(1)))));
  f.if(and(load('i32', active), bit), () => {
    f.store('i32', active, xor(load('i32', active), bit));
    refresh();
  });
}

/** Sets the level of a PPI's line of the vCPU; `refresh` where that may change what is pending. */
export function setPpi(f: FunctionBuilder, own: Expr, bit: Expr, level: Expr, refresh: () => void): void {
  const line = f.tmp(load('i32', own, VCPU_STATE.LINE));
  const next = f.tmp(choose(level, or(line, bit), and(line, not(bit))));
  f.if(ne(line, next), () => {
    f.store('i32', own, next, VCPU_STATE.LINE);
    const rises = choose(level, and(load('i32', own, VCPU_STATE.EDGE), bit), i32(0));
    f.store('i32', own, or(load('i32', own, VCPU_STATE.LATCH), rises), VCPU_STATE.LATCH);
    const open = and(load('i32', own, VCPU_STATE.ENABLE), not(load('i32', own, VCPU_STATE.ACTIVE)));
    f.if(and(open, bit), refresh);
  });
}

/** Whether the level that an output has is another than `level`; it has that afterwards. */
export function changesTo(f: FunctionBuilder, own: Expr, output: number, level: Expr): Expr {
  const changes = f.tmp(ne(load('i32', own, output), level));
  f.store('i32', own, level, output);
  return changes;
}

export const isSpurious = (hppi: Expr): Expr => eq(hppi, i32(SPURIOUS));
