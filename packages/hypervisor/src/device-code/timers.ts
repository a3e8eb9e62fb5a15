/** The timers of a vCPU that this pCPU has in its hands: what `VcpuTimers` does. */

import { ENGINE_END } from '@dom0less/arm64-cpu/sizes';
import {
  and,
  type Expr,
  eq,
  eqz,
  type FunctionBuilder,
  i32,
  load,
  ne,
  or,
  shrU,
  tryLock,
  unlock,
  type Var,
  xor,
} from '@dom0less/arm64-cpu/wasm';
import { CONTROL, VCPU_CONTROL, VCPU_CONTROL_AT } from '../memory/layout.ts';
import { TIMER_ENABLE, TIMER_IMASK, TIMERS } from '../pcpu/generic-timer.ts';
import type { DeviceFunction, Functions } from './device-function.ts';
import { atLeast, fromU64, INFINITY, lessThan, plus } from './doubles.ts';
import { setPpi } from './gic.ts';
import { isVersion3 } from './gic-v3.ts';
import { ofDomain, ofVcpu, requestExit } from './places.ts';

/** CONTROL lies at the start of what the engine does not claim. */
const COUNTER = ENGINE_END + CONTROL.COUNTER;

/** setPpi(cpu, bit, level): sets a line of the vCPU. 0: the controller's lock is not to be had. */
const line: DeviceFunction = {
  name: 'setPpi',
  params: ['i32', 'i32', 'i32'],
  results: ['i32'],
  build(f, fn) {
    const [cpu, bit, level] = [f.param(0), f.param(1), f.param(2)];
    const gic = f.tmp(ofDomain(ofVcpu(cpu, 'DOMAIN'), 'GIC'));
    const own = f.tmp(ofVcpu(cpu, 'GIC'));
    f.if(tryLock(gic), () => f.ret(i32(0)));
    setPpi(f, own, bit, level, () => {
      f.if(
        isVersion3(gic),
        () => f.callVoid(fn('refreshV3'), cpu, gic, own),
        () => f.callVoid(fn('refreshV2'), cpu, gic, own),
      );
    });
    unlock(f, gic);
    f.ret(i32(1));
    f.unreachable();
  },
};

/** Looks at one of the timers; leaves the function with 0 where a line is not to be set. */
function lookAt(f: FunctionBuilder, fn: Functions, cpu: Expr, n: number, counter: Expr, deadline: Var): void {
  const { intid, control, compare, offset } = TIMERS[n]!;
  const levels = f.tmp(ofVcpu(cpu, 'TIMER_LEVELS'));
  const wasHigh = and(shrU(levels, i32(n)), i32(1));
  const enabled = f.tmp(eq(and(load('i32', cpu, 4 * control), i32(TIMER_ENABLE | TIMER_IMASK)), i32(TIMER_ENABLE)));
  f.if(or(enabled, wasHigh), () => {
    const own = fromU64(load('i64', cpu, 4 * compare));
    const at = f.tmp(offset === undefined ? own : plus(own, fromU64(load('i64', cpu, 4 * offset))));
    const level = f.tmp(and(enabled, atLeast(counter, at)));
    f.if(ne(wasHigh, level), () => {
      f.if(eqz(f.call(fn('setPpi'), cpu, i32(1 << intid), level)), () => f.ret(i32(0)));
      f.store('i32', cpu, xor(levels, i32(1 << n)), VCPU_CONTROL_AT + VCPU_CONTROL.TIMER_LEVELS);
    });
    f.if(and(enabled, eqz(level)), () => {
      f.if(lessThan(at, f.get(deadline)), () => f.set(deadline, at));
    });
  });
}

/** updateTimers(cpu, counter): looks at both timers when the counter is at `counter`. 0: it is for the host to do. */
const updateTimers: DeviceFunction = {
  name: 'updateTimers',
  params: ['i32', 'f64'],
  results: ['i32'],
  build(f, fn) {
    const [cpu, counter] = [f.param(0), f.param(1)];
    const deadline = f.local('f64');
    f.set(deadline, INFINITY);
    for (let n = 0; n < TIMERS.length; n++) lookAt(f, fn, cpu, n, counter, deadline);
    f.store('f64', cpu, f.get(deadline), VCPU_CONTROL_AT + VCPU_CONTROL.DEADLINE);
    f.ret(i32(1));
    f.unreachable();
  },
};

/** timerWritten(cpu): in place of the host's. */
const timerWritten: DeviceFunction = {
  name: 'timerWritten',
  params: ['i32'],
  results: [],
  build(f, fn) {
    const cpu = f.param(0);
    f.if(eqz(f.call(fn('updateTimers'), cpu, load('f64', i32(0), COUNTER))), () => {
      f.callVoid(fn('host.timerWritten'), cpu);
      f.ret();
    });
    // The slice ends with the timer.
    const deadline = load('f64', cpu, VCPU_CONTROL_AT + VCPU_CONTROL.DEADLINE);
    const sliceEnd = load('f64', cpu, VCPU_CONTROL_AT + VCPU_CONTROL.SLICE_END);
    f.if(lessThan(deadline, sliceEnd), () => requestExit(f, cpu));
  },
};

export const TIMER_FUNCTIONS: readonly DeviceFunction[] = [line, updateTimers, timerWritten];
