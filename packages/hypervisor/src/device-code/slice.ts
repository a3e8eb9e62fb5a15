/** Time, and slices of it, as `SystemCounter` and `HostPace` have them. */
import { stateOffset } from '@dom0less/arm64-cpu';
import { ENGINE_END } from '@dom0less/arm64-cpu/sizes';
import { type Expr, f64, i32, load, or, select, sub, tryLock, unlock } from '@dom0less/arm64-cpu/wasm';
import { CONTROL, PCPU_CONTROL, VCPU_CONTROL, VCPU_CONTROL_AT } from '../memory/layout.ts';
import { FIRST_SPEED, SHORTEST_MS, SLICE, SLICE_MS } from '../pcpu/pace.ts';
import type { DeviceFunction } from './device-function.ts';
import {
  atLeast,
  atMost,
  dividedBy,
  floor,
  fromU32,
  greater,
  greaterThan,
  lesser,
  minus,
  plus,
  times,
  toU32,
} from './doubles.ts';
import { doubleOf } from './pool-words.ts';

const INSTRUCTIONS = stateOffset('instructions');
/** CONTROL lies at the start of what the engine does not claim. */
export const CONTROL_AT = ENGINE_END;

export const ticksPerMs = (pcpu: Expr): Expr => load('f64', pcpu, PCPU_CONTROL.TICKS_PER_MS);

/** readCounter(pcpu): what `SystemCounter.read` gives. */
const readCounter: DeviceFunction = {
  name: 'readCounter',
  params: ['i32'],
  results: ['f64'],
  build(f, fn) {
    const pcpu = f.param(0);
    const ms = minus(f.call(fn('host.hostTime')), load('f64', pcpu, PCPU_CONTROL.CLOCK_EPOCH));
    const ticks = f.tmp(floor(times(ms, ticksPerMs(pcpu))));
    const lock = i32(CONTROL_AT + CONTROL.COUNTER_LOCK);
    f.if(tryLock(lock), () => f.ret(f.call(fn('host.counter'), i32(0))));
    const latest = f.tmp(greater(ticks, load('f64', i32(0), CONTROL_AT + CONTROL.COUNTER)));
    f.store('f64', i32(0), latest, CONTROL_AT + CONTROL.COUNTER);
    unlock(f, lock);
    f.ret(latest);
    f.unreachable();
  },
};

const speedOf = (control: Expr): Expr => {
  const speed = doubleOf(control, 'SPEED');
  return select(atMost(speed, f64(0)), f64(FIRST_SPEED), speed);
};

const instructionsOf = (control: Expr): Expr => load('i32', sub(control, i32(VCPU_CONTROL_AT)), INSTRUCTIONS);

/** beginSlice(pcpu, control, deadline, now): what `HostPace.begin` does; gives the instructions that it may have. */
const beginSlice: DeviceFunction = {
  name: 'beginSlice',
  params: ['i32', 'i32', 'f64', 'f64'],
  results: ['i32'],
  build(f) {
    const [pcpu, control, deadline, now] = [f.param(0), f.param(1), f.param(2), f.param(3)];
    const speed = f.tmp(speedOf(control));
    const msUntil = dividedBy(minus(deadline, now), ticksPerMs(pcpu));
    const ms = f.tmp(greater(f64(SHORTEST_MS), lesser(f64(SLICE_MS), msUntil)));
    const budget = f.tmp(greater(f64(1), lesser(f64(SLICE), floor(times(ms, speed)))));
    f.store('f64', control, now, VCPU_CONTROL.SLICE_START);
    const end = plus(now, times(dividedBy(budget, speed), ticksPerMs(pcpu)));
    f.store('f64', control, end, VCPU_CONTROL.SLICE_END);
    f.store('i32', control, instructionsOf(control), VCPU_CONTROL.SLICE_FIRST);
    f.ret(toU32(budget));
    f.unreachable();
  },
};

/** endSlice(pcpu, control, now): what `HostPace.end` does; gives the ticks that it took. */
const endSlice: DeviceFunction = {
  name: 'endSlice',
  params: ['i32', 'i32', 'f64'],
  results: ['f64'],
  build(f) {
    const [pcpu, control, now] = [f.param(0), f.param(1), f.param(2)];
    const before = f.tmp(speedOf(control));
    const executed = sub(instructionsOf(control), load('i32', control, VCPU_CONTROL.SLICE_FIRST));
    const ticks = f.tmp(minus(now, doubleOf(control, 'SLICE_START')));
    const ms = f.tmp(dividedBy(ticks, ticksPerMs(pcpu)));
    // Without time, infinite.
    const measured = f.tmp(dividedBy(greater(f64(1), fromU32(executed)), ms));
    f.if(or(greaterThan(measured, before), atLeast(ms, f64(SHORTEST_MS))), () => {
      f.store('f64', control, lesser(measured, times(f64(2), before)), VCPU_CONTROL.SPEED);
    });
    f.ret(ticks);
    f.unreachable();
  },
};

export const SLICE_FUNCTIONS: readonly DeviceFunction[] = [readCounter, beginSlice, endSlice];
