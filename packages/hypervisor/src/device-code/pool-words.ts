/** What is asked of all vCPUs of a pool, as `PoolWords` does. `control`: a vCPU's `VCPU_CONTROL`. */
import {
  and,
  atomicCode,
  atomicLoad,
  type Expr,
  eq,
  eqz,
  type FunctionBuilder,
  i32,
  load,
} from '@dom0less/arm64-cpu/wasm';
import { PCPU_CONTROL, POOL_CONTROL, VCPU_CONTROL, VCPU_RUN } from '../memory/layout.ts';
import type { DeviceFunction } from './device-function.ts';
import { INFINITY, lesser } from './doubles.ts';

type WordOf<Words> = Exclude<keyof Words, 'BYTES'>;

/** A word that only this thread changes, or that lasts. */
export const ofPcpu = (pcpu: Expr, field: WordOf<typeof PCPU_CONTROL>): Expr => load('i32', pcpu, PCPU_CONTROL[field]);

export const runOf = (control: Expr): Expr => atomicLoad('i32', 4, control, VCPU_CONTROL.RUN);
export const ownerOf = (control: Expr): Expr => atomicLoad('i32', 4, control, VCPU_CONTROL.OWNER);
export const doubleOf = (control: Expr, field: WordOf<typeof VCPU_CONTROL>): Expr =>
  load('f64', control, VCPU_CONTROL[field]);

export const setRun = (f: FunctionBuilder, control: Expr, run: number): void =>
  f.raw(atomicCode('store', 'i32', 4, VCPU_CONTROL.RUN), control, i32(run));
export const setOwner = (f: FunctionBuilder, control: Expr, owner: Expr): void =>
  f.raw(atomicCode('store', 'i32', 4, VCPU_CONTROL.OWNER), control, owner);

export function forEachVcpu(f: FunctionBuilder, pool: Expr, visit: (control: Expr) => void): void {
  const control = f.local('i32');
  f.set(control, load('i32', pool, POOL_CONTROL.FIRST));
  f.block((end) => {
    f.loop((again) => {
      f.brIf(end, eqz(f.get(control)));
      visit(f.get(control));
      f.set(control, load('i32', f.get(control), VCPU_CONTROL.NEXT));
      f.br(again);
    });
  });
}

/** The vCPU is left to the pCPU: it looks after its timers. */
export const isLeftTo = (pcpu: Expr, control: Expr): Expr =>
  and(eq(load('i32', control, VCPU_CONTROL.HOME), ofPcpu(pcpu, 'NUMBER')), eqz(ownerOf(control)));

/** It wants to run and nobody has it. */
export const isWaiting = (control: Expr): Expr =>
  and(eq(runOf(control), i32(VCPU_RUN.RUNNABLE)), eqz(ownerOf(control)));

/** deadline(pcpu): counter value at which a timer of a vCPU that is left to it is due. */
const deadline: DeviceFunction = {
  name: 'deadline',
  params: ['i32'],
  results: ['f64'],
  build(f) {
    const pcpu = f.param(0);
    const least = f.local('f64');
    f.set(least, INFINITY);
    forEachVcpu(f, ofPcpu(pcpu, 'POOL'), (control) => {
      f.if(isLeftTo(pcpu, control), () => f.set(least, lesser(f.get(least), doubleOf(control, 'DEADLINE'))));
    });
    f.ret(f.get(least));
    f.unreachable();
  },
};

/** awaitsEvent(pcpu): whether a vCPU that is left to it waits for an event. */
const awaitsEvent: DeviceFunction = {
  name: 'awaitsEvent',
  params: ['i32'],
  results: ['i32'],
  build(f) {
    const pcpu = f.param(0);
    forEachVcpu(f, ofPcpu(pcpu, 'POOL'), (control) => {
      f.if(and(isLeftTo(pcpu, control), eq(runOf(control), i32(VCPU_RUN.AWAITING))), () => f.ret(i32(1)));
    });
    f.ret(i32(0));
    f.unreachable();
  },
};

/** waiting(pool): whether there is such a vCPU. */
const waiting: DeviceFunction = {
  name: 'waiting',
  params: ['i32'],
  results: ['i32'],
  build(f) {
    forEachVcpu(f, f.param(0), (control) => {
      f.if(isWaiting(control), () => f.ret(i32(1)));
    });
    f.ret(i32(0));
    f.unreachable();
  },
};

export const POOL_FUNCTIONS: readonly DeviceFunction[] = [deadline, awaitsEvent, waiting];
