/** What follows from a store to a register of CNTV_* or CNTP_*: what `VcpuTimers` does, where no line rises. */

import { ENGINE_END } from '@dom0less/arm64-cpu/sizes';
import {
  and,
  type Expr,
  eq,
  eqz,
  type FunctionBuilder,
  fop,
  i32,
  i64,
  load,
  ne,
  node,
  or,
  shrU,
  type Var,
  xor,
} from '@dom0less/arm64-cpu/wasm';
import { CONTROL, VCPU_CONTROL, VCPU_CONTROL_AT } from '../memory/layout.ts';
import { TIMER_ENABLE, TIMER_IMASK, TIMERS } from '../pcpu/generic-timer.ts';
import type { DeviceFunction } from './device-function.ts';
import { lowerPpi } from './gic.ts';
import { isVersion3 } from './gic-v3.ts';
import { tryLock, unlock } from './lock.ts';
import { ofDomain, ofVcpu, requestExit } from './places.ts';

const F64_LT = 0x63;
const F64_GE = 0x66;
const F64_ADD = 0xa0;
const asNumber = (a: Expr): Expr => node('f64', [0xba], a);
const asDouble = (bits: bigint): Expr => node('f64', [0xbf], i64(bits));
const INFINITY_BITS = 0x7ff0000000000000n;
/** CONTROL lies at the start of what the engine does not claim. */
const COUNTER = ENGINE_END + CONTROL.COUNTER;

/** lowerPpi(cpu, bit): lowers a line of the vCPU. 0: it is for the host to do. */
const lower: DeviceFunction = {
  name: 'lowerPpi',
  params: ['i32', 'i32'],
  results: ['i32'],
  build(f, fn) {
    const [cpu, bit] = [f.param(0), f.param(1)];
    const gic = f.tmp(ofDomain(ofVcpu(cpu, 'DOMAIN'), 'GIC'));
    const own = f.tmp(ofVcpu(cpu, 'GIC'));
    f.if(tryLock(gic), () => f.ret(i32(0)));
    lowerPpi(f, own, bit, () => {
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

/** timerWritten(cpu): in place of the host's. */
const timerWritten: DeviceFunction = {
  name: 'timerWritten',
  params: ['i32'],
  results: [],
  build(f, fn) {
    const cpu = f.param(0);
    const leave = (): void => {
      f.callVoid(fn('host.timerWritten'), cpu);
      f.ret();
    };
    const counter = f.tmp(load('f64', i32(0), COUNTER));
    const deadline = f.local('f64');
    f.set(deadline, asDouble(INFINITY_BITS));
    for (let n = 0; n < TIMERS.length; n++) lookAt(f, fn, cpu, n, counter, deadline, leave);
    f.store('f64', cpu, f.get(deadline), VCPU_CONTROL_AT + VCPU_CONTROL.DEADLINE);
    // The slice ends with the timer.
    const sliceEnd = load('f64', cpu, VCPU_CONTROL_AT + VCPU_CONTROL.SLICE_END);
    f.if(fop('i32', F64_LT, f.get(deadline), sliceEnd), () => requestExit(f, cpu));
  },
};

function lookAt(
  f: FunctionBuilder,
  fn: Parameters<DeviceFunction['build']>[1],
  cpu: Expr,
  n: number,
  counter: Expr,
  deadline: Var,
  leave: () => void,
): void {
  const { intid, control, compare, offset } = TIMERS[n]!;
  const levels = f.tmp(ofVcpu(cpu, 'TIMER_LEVELS'));
  const wasHigh = and(shrU(levels, i32(n)), i32(1));
  const enabled = f.tmp(eq(and(load('i32', cpu, 4 * control), i32(TIMER_ENABLE | TIMER_IMASK)), i32(TIMER_ENABLE)));
  f.if(or(enabled, wasHigh), () => {
    const own = asNumber(load('i64', cpu, 4 * compare));
    const at = f.tmp(offset === undefined ? own : fop('f64', F64_ADD, own, asNumber(load('i64', cpu, 4 * offset))));
    const level = f.tmp(and(enabled, fop('i32', F64_GE, counter, at)));
    f.if(ne(wasHigh, level), () => {
      f.if(level, leave);
      f.if(eqz(f.call(fn('lowerPpi'), cpu, i32(1 << intid))), leave);
      f.store('i32', cpu, xor(levels, i32(1 << n)), VCPU_CONTROL_AT + VCPU_CONTROL.TIMER_LEVELS);
    });
    f.if(and(enabled, eqz(level)), () => {
      f.if(fop('i32', F64_LT, at, f.get(deadline)), () => f.set(deadline, at));
    });
  });
}

export const TIMER_FUNCTIONS: readonly DeviceFunction[] = [lower, timerWritten];
