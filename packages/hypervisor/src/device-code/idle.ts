/**
 * The idle loop of a pCPU: it sleeps, and serves wake-ups of the plainest kind: one vCPU waits for an interrupt, and its timer
 * is due, or somebody else has woken it; nothing else wants to run; and the vCPU then waits again. All that a pCPU does is in
 * `Pcpu`, which takes over from any point; this does the same to the same words, where most of the time of an idle board goes.
 */
import { EXIT_WAIT, stateOffset } from '@dom0less/arm64-cpu';
import {
  add,
  and,
  atomicCode,
  atomicLoad,
  type Expr,
  eq,
  eqz,
  type FunctionBuilder,
  f64,
  i32,
  i64,
  load,
  ne,
  node,
  or,
  select,
  sub,
  tryLock,
  unlock,
} from '@dom0less/arm64-cpu/wasm';
import { DOMAIN_STATES } from '../board/events.ts';
import { NO_EXCLUSIVE } from '../domain/vcpu.ts';
import {
  CONTROL,
  DOMAIN_CONTROL,
  PCPU_CONTROL,
  PCPU_IDLE,
  POOL_CONTROL,
  VCPU_CONTROL,
  VCPU_CONTROL_AT,
  VCPU_RUN,
} from '../memory/layout.ts';
import { TURN } from '../schedule/fair.ts';
import type { DeviceFunction } from './device-function.ts';
import { atLeast, dividedBy, greater, INFINITY, lesser, lessThan, minus, plus, times, toS64 } from './doubles.ts';
import { IDLE_END } from './idle-end.ts';
import { requestExit, withdrawExit } from './places.ts';
import { doubleOf, forEachVcpu, isLeftTo, isWaiting, ofPcpu, runOf, setOwner, setRun } from './pool-words.ts';
import { CONTROL_AT, ticksPerMs } from './slice.ts';

const INTERRUPT_LINES = stateOffset('interruptLines');
const EXCLUSIVE_ADDRESS = stateOffset('exclusiveAddress');
const RUNNING = DOMAIN_STATES.indexOf('running');
const NS_PER_MS = 1e6;
/** Of V8: it cuts both the time and the clock that it adds it to. */
const ROUNDING_NS = 2000;
/** What memory.atomic.wait32 gives. */
const TIMED_OUT = 2;

const wait32 = (address: Expr, expected: Expr, ns: Expr): Expr =>
  node('i32', [0xfe, 0x01, 2, 0], address, expected, ns);
const controlWord = (field: 'ATTENTION' | 'STOP' | 'RAM_EPOCH'): Expr =>
  atomicLoad('i32', 4, i32(0), CONTROL_AT + CONTROL[field]);
/** `VCPU_CONTROL.OWNER` and `PLACE` where they name the pCPU. */
const ownMark = (pcpu: Expr): Expr => add(ofPcpu(pcpu, 'NUMBER'), i32(1));
/** Its scheduler is `FairScheduler`, not `NullScheduler`. */
const isFair = (pool: Expr): Expr => eqz(load('i32', pool, POOL_CONTROL.PLACES));
const stateOf = (control: Expr): Expr => sub(control, i32(VCPU_CONTROL_AT));
const isInterrupted = (control: Expr): Expr => atomicLoad('i32', 4, stateOf(control), INTERRUPT_LINES);

/** called(pcpu): whether something has asked it to look at consoles, ending domains, STOP or RAM. */
const called: DeviceFunction = {
  name: 'called',
  params: ['i32'],
  results: ['i32'],
  build(f) {
    const pcpu = f.param(0);
    const attention = ne(controlWord('ATTENTION'), ofPcpu(pcpu, 'ATTENDED'));
    const ram = ne(controlWord('RAM_EPOCH'), ofPcpu(pcpu, 'RAM_EPOCH'));
    f.ret(or(or(attention, ram), controlWord('STOP')));
    f.unreachable();
  },
};

/** What claimDue and takeWaiting give besides the `VCPU_CONTROL` of a vCPU. */
const NONE = 0;
const NOT_PLAIN = 1;

/**
 * claimDue(pcpu, now): takes the vCPU whose timer is due, as `Scheduler.claimDue` does, if it is the only one and waits for an
 * interrupt.
 */
const claimDue: DeviceFunction = {
  name: 'claimDue',
  params: ['i32', 'f64'],
  results: ['i32'],
  build(f) {
    const [pcpu, now] = [f.param(0), f.param(1)];
    const pool = f.tmp(ofPcpu(pcpu, 'POOL'));
    const found = f.local('i32');
    f.set(found, i32(NONE));
    forEachVcpu(f, pool, (control) => {
      f.if(and(isLeftTo(pcpu, control), atLeast(now, doubleOf(control, 'DEADLINE'))), () => {
        f.if(f.get(found), () => f.ret(i32(NOT_PLAIN)));
        f.set(found, control);
      });
    });
    f.if(eqz(f.get(found)), () => f.ret(i32(NONE)));
    f.if(tryLock(pool), () => f.ret(i32(NOT_PLAIN)));
    const isBlocked = eq(runOf(f.get(found)), i32(VCPU_RUN.BLOCKED));
    const may = f.tmp(and(isLeftTo(pcpu, f.get(found)), isBlocked));
    f.if(may, () => setOwner(f, f.get(found), ownMark(pcpu)));
    unlock(f, pool);
    f.ret(select(may, f.get(found), i32(NOT_PLAIN)));
    f.unreachable();
  },
};

/** Says whether the pCPU is idle. The pool's lock is held. */
function setIdle(f: FunctionBuilder, pcpu: Expr, pool: Expr, idle: boolean): void {
  const [to, change] = idle ? [PCPU_IDLE.YES, 1] : [PCPU_IDLE.NO, -1];
  const was = node('i32', atomicCode('xchg', 'i32', 4, PCPU_CONTROL.IDLE), pcpu, i32(to));
  const changed = idle ? eq(was, i32(PCPU_IDLE.NO)) : ne(was, i32(PCPU_IDLE.NO));
  f.if(changed, () => f.drop(node('i32', atomicCode('add', 'i32', 4, POOL_CONTROL.IDLE), pool, i32(change))));
}

/** The least runtime of the vCPUs of the pool that want to run is the pool's, which never goes back. */
function raiseRuntime(f: FunctionBuilder, pool: Expr): void {
  const least = f.local('f64');
  f.set(least, INFINITY);
  forEachVcpu(f, pool, (control) => {
    f.if(eq(runOf(control), i32(VCPU_RUN.RUNNABLE)), () => {
      f.set(least, lesser(f.get(least), doubleOf(control, 'RUNTIME')));
    });
  });
  const was = load('f64', pool, POOL_CONTROL.RUNTIME);
  f.if(and(isFair(pool), lessThan(f.get(least), INFINITY)), () => {
    f.store('f64', pool, greater(was, f.get(least)), POOL_CONTROL.RUNTIME);
  });
}

/** The vCPU is the one to run, as if `Scheduler.next` had chosen it. The pool's lock is held. */
function take(f: FunctionBuilder, pcpu: Expr, pool: Expr, control: Expr): void {
  raiseRuntime(f, pool);
  f.if(isFair(pool), () => {
    f.raw(atomicCode('store', 'i32', 4, VCPU_CONTROL.TICKET), control, i32(0));
  });
  setIdle(f, pcpu, pool, false);
  setOwner(f, control, ownMark(pcpu));
}

/** takeWaiting(pcpu): takes the vCPU that wants to run, if there is one, and it ran here last. */
const takeWaiting: DeviceFunction = {
  name: 'takeWaiting',
  params: ['i32'],
  results: ['i32'],
  build(f, fn) {
    const pcpu = f.param(0);
    const pool = f.tmp(ofPcpu(pcpu, 'POOL'));
    f.if(eqz(f.call(fn('waiting'), pool)), () => f.ret(i32(NONE)));
    f.if(tryLock(pool), () => f.ret(i32(NOT_PLAIN)));
    const found = f.local('i32');
    f.set(found, i32(NONE));
    forEachVcpu(f, pool, (control) => {
      f.if(isWaiting(control), () => {
        const isPlaced = eq(load('i32', control, VCPU_CONTROL.PLACE), ownMark(pcpu));
        const isOwn = and(isLeftTo(pcpu, control), or(isFair(pool), isPlaced));
        f.if(or(f.get(found), eqz(isOwn)), () => {
          unlock(f, pool);
          f.ret(i32(NOT_PLAIN));
        });
        f.set(found, control);
      });
    });
    f.if(f.get(found), () => take(f, pcpu, pool, f.get(found)));
    unlock(f, pool);
    f.ret(f.get(found));
    f.unreachable();
  },
};

/** What wakeClaimed gives. */
const ASLEEP = 0;
const AWAKE = 1;
const STAYS_CLAIMED = 2;

/**
 * wakeClaimed(pcpu, control, now): looks at the timers of a vCPU that was claimed, and takes it to run it, as
 * `Scheduler.wake`, `release` and `next` do one behind the other where nothing else wants to run.
 */
const wakeClaimed: DeviceFunction = {
  name: 'wakeClaimed',
  params: ['i32', 'i32', 'f64'],
  results: ['i32'],
  build(f, fn) {
    const [pcpu, control, now] = [f.param(0), f.param(1), f.param(2)];
    const pool = f.tmp(ofPcpu(pcpu, 'POOL'));
    f.if(eqz(f.call(fn('updateTimers'), stateOf(control), now)), () => f.ret(i32(STAYS_CLAIMED)));
    f.if(tryLock(pool), () => f.ret(i32(STAYS_CLAIMED)));
    f.if(or(ne(runOf(control), i32(VCPU_RUN.BLOCKED)), f.call(fn('waiting'), pool)), () => {
      unlock(f, pool);
      f.ret(i32(STAYS_CLAIMED));
    });
    f.if(eqz(isInterrupted(control)), () => {
      setOwner(f, control, i32(0));
      unlock(f, pool);
      f.ret(i32(ASLEEP));
    });
    setRun(f, control, VCPU_RUN.RUNNABLE);
    f.if(isFair(pool), () => {
      const behind = minus(load('f64', pool, POOL_CONTROL.RUNTIME), times(ticksPerMs(pcpu), f64(TURN * 1000)));
      f.store('f64', control, greater(doubleOf(control, 'RUNTIME'), behind), VCPU_CONTROL.RUNTIME);
    });
    take(f, pcpu, pool, control);
    unlock(f, pool);
    f.ret(i32(AWAKE));
    f.unreachable();
  },
};

/** runSlice(pcpu, control, now): gives what `run` of the engine gives. */
const runSlice: DeviceFunction = {
  name: 'runSlice',
  params: ['i32', 'i32', 'f64'],
  results: ['i32'],
  build(f, fn) {
    const [pcpu, control, now] = [f.param(0), f.param(1), f.param(2)];
    const cpu = f.tmp(stateOf(control));
    // It has waited: what its monitor had marked counts no more.
    f.store('i32', cpu, i32(NO_EXCLUSIVE), EXCLUSIVE_ADDRESS);
    withdrawExit(f, cpu);
    const domain = load('i32', control, VCPU_CONTROL.DOMAIN);
    f.if(ne(atomicLoad('i32', 4, domain, DOMAIN_CONTROL.STATE), i32(RUNNING)), () => requestExit(f, cpu));
    const deadline = lesser(doubleOf(control, 'DEADLINE'), f.call(fn('deadline'), pcpu));
    f.ret(f.call(fn('host.run'), cpu, f.call(fn('beginSlice'), pcpu, control, deadline, now)));
    f.unreachable();
  },
};

/**
 * giveBack(pcpu, control): the vCPU waits for an interrupt, and the pCPU has nothing to run, as behind `Scheduler.next`. 0:
 * that is not so, or its lock is not to be had, and nothing is changed.
 */
const giveBack: DeviceFunction = {
  name: 'giveBack',
  params: ['i32', 'i32'],
  results: ['i32'],
  build(f, fn) {
    const [pcpu, control] = [f.param(0), f.param(1)];
    const pool = f.tmp(ofPcpu(pcpu, 'POOL'));
    const now = f.tmp(f.call(fn('readCounter'), pcpu));
    const leave = (): void => {
      unlock(f, pool);
      f.ret(i32(0));
    };
    f.if(tryLock(pool), () => f.ret(i32(0)));
    f.if(or(ne(runOf(control), i32(VCPU_RUN.RUNNABLE)), f.call(fn('waiting'), pool)), leave);
    // Said before looking: an interrupt that comes in between finds it blocked, and its sender waits for the lock.
    setRun(f, control, VCPU_RUN.BLOCKED);
    f.if(isInterrupted(control), () => {
      setRun(f, control, VCPU_RUN.RUNNABLE);
      leave();
    });
    const ran = greater(f64(1), f.call(fn('endSlice'), pcpu, control, now));
    f.store('f64', control, plus(doubleOf(control, 'RUNTIME'), ran), VCPU_CONTROL.RUNTIME);
    setOwner(f, control, i32(0));
    raiseRuntime(f, pool);
    setIdle(f, pcpu, pool, true);
    unlock(f, pool);
    f.ret(i32(1));
    f.unreachable();
  },
};

/**
 * Sleeps until the counter is at `due`, unless WAKE is no longer `seen`; gives what memory.atomic.wait32 does. Runtimes cut
 * what is less than a microsecond off: an end that is too early would mean one more sleep.
 */
const sleep = (pcpu: Expr, seen: Expr, due: Expr, now: Expr): Expr => {
  const ns = toS64(plus(times(dividedBy(minus(due, now), ticksPerMs(pcpu)), f64(NS_PER_MS)), f64(ROUNDING_NS)));
  const forEver = i64(-1);
  return wait32(add(pcpu, i32(PCPU_CONTROL.WAKE)), seen, select(lessThan(due, INFINITY), ns, forEver));
};

/**
 * idle(pcpu, seen): for a pCPU that found nothing to run; `seen` is its WAKE from before it looked. Gives the state of a vCPU,
 * or 0, and beside it one of IDLE_END.
 */
const idle: DeviceFunction = {
  name: 'idle',
  params: ['i32', 'i32'],
  results: ['i32'],
  build(f, fn) {
    const pcpu = f.param(0);
    const seen = f.params[1]!;
    const isWoken = f.local('i32');
    const end = (why: number, cpu: Expr = i32(0)): void => f.ret(or(cpu, i32(why)));
    f.loop((again) => {
      f.if(f.call(fn('awaitsEvent'), pcpu), () => end(IDLE_END.AWAITS));
      const due = f.tmp(f.call(fn('deadline'), pcpu));
      const before = f.tmp(f.call(fn('readCounter'), pcpu));
      f.set(isWoken, i32(0));
      f.if(lessThan(before, due), () => {
        f.set(isWoken, ne(sleep(pcpu, f.get(seen), due, before), i32(TIMED_OUT)));
      });
      // Read before anything is looked at: what comes later ends the next sleep.
      f.set(seen, atomicLoad('i32', 4, pcpu, PCPU_CONTROL.WAKE));
      f.if(f.call(fn('called'), pcpu), () => end(IDLE_END.WOKEN));
      const now = f.tmp(f.call(fn('readCounter'), pcpu));
      const control = f.local('i32');
      f.set(control, f.call(fn('claimDue'), pcpu, now));
      f.if(
        eqz(f.get(control)),
        () => {
          f.set(control, f.call(fn('takeWaiting'), pcpu));
          f.if(eqz(f.get(control)), () => {
            f.brIf(again, eqz(f.get(isWoken)));
            end(IDLE_END.WOKEN);
          });
          f.if(eq(f.get(control), i32(NOT_PLAIN)), () => end(IDLE_END.WOKEN));
        },
        () => {
          f.if(eq(f.get(control), i32(NOT_PLAIN)), () => end(IDLE_END.WOKEN));
          const woken = f.tmp(f.call(fn('wakeClaimed'), pcpu, f.get(control), now));
          f.brIf(again, eq(woken, i32(ASLEEP)));
          f.if(eq(woken, i32(STAYS_CLAIMED)), () => end(IDLE_END.CLAIMED, stateOf(f.get(control))));
        },
      );
      const cpu = f.tmp(stateOf(f.get(control)));
      const exit = f.tmp(f.call(fn('runSlice'), pcpu, f.get(control), now));
      const news = or(load('i32', f.get(control), VCPU_CONTROL.SENT), ofPcpu(pcpu, 'UNTOLD'));
      f.if(or(ne(exit, i32(EXIT_WAIT)), news), () => end(IDLE_END.RAN, or(cpu, exit)));
      f.if(eqz(f.call(fn('giveBack'), pcpu, f.get(control))), () => end(IDLE_END.RAN | EXIT_WAIT, cpu));
      f.brIf(again, eqz(f.call(fn('called'), pcpu)));
    });
    f.ret(i32(IDLE_END.WOKEN));
    f.unreachable();
  },
};

export const IDLE_FUNCTIONS: readonly DeviceFunction[] = [
  called,
  claimDue,
  takeWaiting,
  wakeClaimed,
  runSlice,
  giveBack,
  idle,
];
