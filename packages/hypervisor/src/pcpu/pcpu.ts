/** A pCPU: one engine, and the loop that gives it vCPUs. */
import {
  BLOCK_BYTES,
  compileCore,
  Engine,
  type EngineClock,
  type ExitReason,
  exitReason,
  stateOffset,
} from '@dom0less/arm64-cpu';
import type { ConsoleTap, News } from '../console/domain-console.ts';
import { EventSink } from '../console/event-sink.ts';
import { compileDeviceCode } from '../device-code/compile.ts';
import { IDLE_END } from '../device-code/idle-end.ts';
import { unassignedLine } from '../domain/boot-log.ts';
import { NO_EXCLUSIVE } from '../domain/vcpu.ts';
import { callFirmware } from '../firmware/conduit.ts';
import type { PsciDomain } from '../firmware/psci.ts';
import { CallRegisters } from '../firmware/smccc.ts';
import { hostEntropy } from '../firmware/trng.ts';
import { BoardMemory } from '../memory/board-memory.ts';
import { CONTROL, PCPU_CONTROL, VCPU_CONTROL, VCPU_RUN } from '../memory/layout.ts';
import type { SchedVcpu } from '../schedule/sched-vcpu.ts';
import type { Outcome, Scheduler } from '../schedule/scheduler.ts';
import { DomainRuntime, type Vcpu } from './domain-runtime.ts';
import type { PcpuInit, PcpuSignals } from './init.ts';
import { HostPace, type Pace } from './pace.ts';
import { makePools } from './pools.ts';
import { hostTime, SystemCounter } from './system-counter.ts';

/**
 * What a step did: ran a vCPU; ran one that waits now, with none to run behind it; found none to run; or found that no
 * domain is left or the board was stopped.
 */
export type StepResult = 'ran' | 'last' | 'idle' | 'done';

/** Lines about calls that nobody serves, per domain, where they are shown at all: the rest is noise. */
const MAX_UNHANDLED_LINES = 10;
const INSTRUCTIONS = stateOffset('instructions');
/** The area of the pCPU that ran it last. */
const RAN_ON = stateOffset('pcpu');
const EXCLUSIVE_ADDRESS = stateOffset('exclusiveAddress');

/** Longest sleep in ms: what Atomics.wait takes for sure. */
const LONGEST_SLEEP = 2 ** 30;

/** What device code does for a pCPU. */
interface DeviceCode {
  /** Looks at the timers of the vCPU at `base`; 0: it was not to be done there. */
  updateTimers(base: number, counter: number): number;
  /** The idle loop (device-code/idle.ts). */
  idle(control: number, seen: number): number;
}

/** News as a word of shared memory, 0 or 1. */
const wordOfNews = (words: Int32Array, at: number): News => ({
  get untold() {
    return words[at] !== 0;
  },
  set untold(untold) {
    words[at] = untold ? 1 : 0;
  },
});

/** What a pCPU has instead of a clock and an output of its own. */
export interface PcpuMode {
  readonly pace: Pace;
  /** Taps the console of domain `id`. */
  tap(id: number): ConsoleTap;
}

/**
 * Runs vCPUs of its pool, one at a time. Everything that lasts is in the board's memory: this object, and all that it
 * is made of, are views. Needs a thread of its own only to sleep; see `runPcpu`.
 */
export class Pcpu {
  readonly #pcpu: number;
  readonly #memory: BoardMemory;
  readonly #engine: Engine;
  readonly #pace: Pace;
  readonly #signals: PcpuSignals;
  readonly #domains: readonly DomainRuntime[];
  /** Those of its pool with devices that do something by themselves. */
  readonly #timed: readonly DomainRuntime[];
  readonly #byBase = new Map<number, Vcpu>();
  readonly #bySched = new Map<SchedVcpu, Vcpu>();
  readonly #scheduler: Scheduler;
  /** Absent in deterministic mode. */
  readonly #deviceCode: DeviceCode | undefined;
  /** First word of its `PCPU_CONTROL`. */
  readonly #control: number;
  readonly #events: EventSink;
  readonly #registers: CallRegisters;
  readonly #logsGuests: boolean;
  /** The vCPU that this pCPU has in its hands; whether it is yet to run; why it left the engine, and the ticks that it ran. */
  #current: Vcpu | undefined;
  #isNext = false;
  #outcome: Outcome = 'preempted';
  #ran = 0;
  /** The vCPU whose translations and exclusive monitor are the engine's. */
  #last: Vcpu | undefined;
  /** A domain was left when this pCPU last looked at ending domains. */
  #left = true;
  readonly #news: News;

  /** Takes over the state that is in the memory. */
  constructor(init: PcpuInit, signals: PcpuSignals, mode?: PcpuMode) {
    const { layout, pcpu, counterFrequency } = init;
    const memory = new BoardMemory(init.memory, layout);
    this.#pcpu = pcpu;
    this.#memory = memory;
    this.#control = layout.pcpuControls[pcpu]! >>> 2;
    this.#own('ATTENDED', -1);
    this.#own('RAM_EPOCH', 0);
    this.#news = wordOfNews(memory.words, this.#control + (PCPU_CONTROL.UNTOLD >>> 2));
    this.#signals = signals;
    this.#logsGuests = init.logsGuests;
    const now = signals.now ?? hostTime;
    const counter = mode ? undefined : new SystemCounter(counterFrequency, init.counterEpoch, now, memory);
    this.#pace = mode?.pace ?? new HostPace(counter!, memory.doubles);
    this.#events = new EventSink(memory);
    this.#registers = new CallRegisters(memory.view);
    const { schedulers, vcpus } = makePools(memory, init);
    const pool = init.pools.findIndex(({ pcpus }) => pcpus.includes(pcpu));
    this.#scheduler = schedulers[pool]!;
    this.#domains = init.domains.map((info, n) => {
      const entropy = { seed: init.seed, hostEntropy: signals.entropy ?? hostEntropy };
      const time = { frequency: counterFrequency, counter: () => this.#pace.read() };
      const parts = { memory, scheduler: schedulers[info.pool]!, vcpus: vcpus[n]!, ...time, ...entropy, pcpu };
      return new DomainRuntime(info, { ...parts, news: this.#news, tap: mode?.tap(info.id) });
    });
    this.#timed = this.#domains.filter(({ info, isTimed }) => info.pool === pool && isTimed);
    for (const vcpu of this.#domains.flatMap((domain) => domain.vcpus)) {
      this.#byBase.set(vcpu.base, vcpu);
      this.#bySched.set(vcpu.sched, vcpu);
    }
    // In deterministic mode each byte is looked at as it is sent.
    const front = mode ? undefined : compileDeviceCode();
    this.#engine = this.#makeEngine(init, counter?.clock, front);
    this.#deviceCode = this.#engine.front as unknown as DeviceCode | undefined;
    if (counter) {
      memory.doubles[this.#control / 2 + PCPU_CONTROL.CLOCK_EPOCH / 8] = counter.clock.epoch;
      memory.doubles[this.#control / 2 + PCPU_CONTROL.TICKS_PER_MS / 8] = counter.clock.ticksPerMs;
    }
  }

  /**
   * Serves consoles and timers, then runs the next vCPU for a slice. After `last` and `idle` the caller sleeps: by {@link sleep},
   * or in some other way until it is woken, by what has happened since before the step too, and at most {@link idleMs}.
   */
  step(): StepResult {
    this.#attend();
    if (!this.#left || this.#memory.control(CONTROL.STOP) !== 0) {
      this.#tell();
      return 'done';
    }
    const now = this.#pace.read();
    this.#serveTimers(now);
    const vcpu = this.#isNext ? this.#current : this.#nextVcpu();
    this.#isNext = false;
    if (vcpu !== undefined) this.#runSlice(vcpu, now);
    const sleeps = vcpu === undefined || this.#sleepsBehind();
    this.#tell();
    // It is known to be idle since: who calls for attention later wakes it.
    if (!sleeps || this.#memory.control(CONTROL.ATTENTION) !== this.#own('ATTENDED')) return 'ran';
    return vcpu === undefined ? 'idle' : 'last';
  }

  /**
   * Sleeps until the pCPU's WAKE is no longer `seen`, what it was before the step that ended in `last` or `idle`, or there is
   * something to do. Never on a main thread.
   */
  sleep(seen: number): void {
    if (this.#deviceCode === undefined || this.#timed.length > 0) {
      this.#wait(seen);
      return;
    }
    this.#forgetRam();
    this.#outcome = 'preempted';
    this.#last = undefined;
    const end = this.#deviceCode.idle(this.#control << 2, seen);
    const why = end & IDLE_END.MASK;
    if (why === IDLE_END.WOKEN) return;
    if (why === IDLE_END.AWAITS) {
      this.#wait(seen);
      return;
    }
    const vcpu = this.#byBase.get((end - why) >>> 0)!;
    if (why === IDLE_END.CLAIMED) {
      this.#serveClaimed(vcpu, this.#pace.read());
      return;
    }
    this.#current = vcpu;
    this.#endSlice(vcpu, exitReason(why - IDLE_END.RAN));
    this.#sleepsBehind();
    this.#tell();
  }

  #wait(seen: number): void {
    const wake = this.#control + (PCPU_CONTROL.WAKE >>> 2);
    Atomics.wait(this.#memory.words, wake, seen, Math.min(this.idleMs(), LONGEST_SLEEP));
  }

  /** A word of its `PCPU_CONTROL` that only this thread changes; what it is now, if `value` says so. */
  #own(field: 'ATTENDED' | 'RAM_EPOCH', value?: number): number {
    const at = this.#control + (PCPU_CONTROL[field] >>> 2);
    if (value !== undefined) this.#memory.words[at] = value;
    return this.#memory.words[at]!;
  }

  /** Behind a slice: whether there is nothing more to run. Looked for at once where the vCPU waits, as most do then. */
  #sleepsBehind(): boolean {
    if (this.#current === undefined || this.#outcome === 'preempted') return false;
    this.#isNext = this.#nextVcpu() !== undefined;
    return !this.#isNext;
  }

  /** How long nothing will happen by itself, in ms: until the next timer, or event that a vCPU waits for. Infinity if none. */
  idleMs(): number {
    return this.#pace.msUntil(this.due());
  }

  /**
   * Counter value at which the next vCPU that this pCPU looks after is due, for its timer or an event, or a device of a
   * domain of its pool; Infinity if none is.
   */
  due(): number {
    const due = this.#scheduler.due(this.#pcpu);
    return this.#timed.length > 0 ? Math.min(due, ...this.#timed.map((domain) => domain.devicesDue())) : due;
  }

  /** Makes the vCPU that runs leave the engine behind the instruction under way. */
  leave(): void {
    this.#current?.sched.requestExit();
  }

  #makeEngine(
    { memory, core, layout, pcpu }: PcpuInit,
    clock: EngineClock | undefined,
    front: WebAssembly.Module | undefined,
  ): Engine {
    return new Engine({
      memory,
      front,
      core: core ?? compileCore(),
      pcpu: layout.pcpus[pcpu]!,
      codePages: layout.codePages,
      exchange: this.#signals.translations?.(pcpu),
      host: {
        backBlock: (block, base) => this.#backBlock(block, this.#byBase.get(base)!),
        mmio: (base, ipa, size, isWrite, valueAt) => {
          const { domain, index } = this.#byBase.get(base)!;
          return domain.bus.access(ipa, size, isWrite, valueAt, index);
        },
        hypercall: (base, immediate, isSmc) => this.#hypercall(this.#byBase.get(base)!, immediate, isSmc),
        counter: (base) => {
          // What it reads next shall be later.
          if (this.#pace.exact) this.#byBase.get(base)!.sched.requestExit();
          return this.#pace.read();
        },
        clock,
        timerWritten: (base) => this.#timerWritten(this.#byBase.get(base)!),
        systemRegister: (base, id, isWrite, valueAt) => {
          const { domain, index } = this.#byBase.get(base)!;
          return domain.systemRegister(index, id, isWrite, valueAt);
        },
        sendEvent: (base) => {
          const { domain, index } = this.#byBase.get(base)!;
          domain.sendEvent(index);
        },
      },
    });
  }

  /** Looks at consoles and ending domains where something has called for it. */
  #attend(): void {
    const attention = this.#memory.control(CONTROL.ATTENTION);
    if (attention === this.#own('ATTENDED')) return;
    this.#own('ATTENDED', attention);
    this.#left = false;
    for (const domain of this.#domains) {
      if (domain.told) {
        if (domain.held) this.#left = true;
        continue;
      }
      domain.console?.service();
      if (!this.#finishIfEnded(domain)) this.#left = true;
    }
  }

  /**
   * Tells the board of a domain's end, behind everything that the domain wrote; true if that was done, here or elsewhere.
   */
  #finishIfEnded(domain: DomainRuntime): boolean {
    const { state, info } = domain;
    if (state === 'running' || !domain.isOff) return domain.told;
    domain.console?.service();
    if (domain.console?.held || !domain.setTold(true)) return domain.told;
    if (!this.#events.send({ kind: 'domain', domain: info.id, state, text: domain.reason })) domain.setTold(false);
    this.#news.untold = true;
    // The last one ends the threads of all pCPUs.
    this.#memory.callAttention();
    if (this.#domains.every(({ told, held }) => told && !held)) this.#memory.wakeAll();
    return domain.told;
  }

  #serveTimers(counter: number): void {
    if (this.#timed.length > 0) this.#serveDevices(counter);
    const current = this.#current;
    if (current !== undefined && current.timers.deadline <= counter) this.#updateTimers(current, counter);
    const scheduler = this.#scheduler;
    const pcpu = this.#pcpu;
    for (let n = scheduler.claimDue(pcpu, counter, 0); n >= 0; n = scheduler.claimDue(pcpu, counter, n + 1)) {
      this.#serveClaimed(this.#bySched.get(scheduler.vcpus[n]!)!, counter);
    }
  }

  /** A vCPU that does not run, and that this pCPU has in its hands: what is due, then it is given back. */
  #serveClaimed(vcpu: Vcpu, counter: number): void {
    const { domain, eventWait, sched } = vcpu;
    this.#updateTimers(vcpu, counter);
    if (sched.run === VCPU_RUN.AWAITING && sched.eventDue <= counter && eventWait.isOver(counter)) {
      this.#scheduler.sendEvent(sched);
    }
    if (this.#scheduler.release(sched) && domain.isOff) this.#wentOff(domain);
  }

  /** Looks at the timers of a vCPU that this pCPU has in its hands. */
  #updateTimers({ base, sched, timers }: Vcpu, counter: number): void {
    if (this.#deviceCode === undefined || this.#deviceCode.updateTimers(base, counter) === 0) timers.update(counter);
    if (sched.interrupted) this.#scheduler.wake(sched);
  }

  #serveDevices(counter: number): void {
    for (const domain of this.#timed) if (domain.devicesDue() <= counter) domain.serveDevices();
  }

  /** Gives the vCPU back that ran, and takes the next. */
  #nextVcpu(): Vcpu | undefined {
    const last = this.#current;
    const next = this.#scheduler.next(this.#pcpu, last?.sched, this.#outcome, this.#ran);
    this.#current = next && this.#bySched.get(next);
    if (last?.sched.run === VCPU_RUN.OFFLINE && last.domain.isOff) this.#wentOff(last.domain);
    return this.#current;
  }

  #wentOff(domain: DomainRuntime): void {
    domain.end('crashed', 'offline');
    this.#finishIfEnded(domain);
  }

  /** RAM was scrubbed or loaded anew: nothing that this engine remembers of it holds. */
  #forgetRam(): void {
    const epoch = this.#memory.control(CONTROL.RAM_EPOCH);
    if (epoch === this.#own('RAM_EPOCH')) return;
    this.#own('RAM_EPOCH', epoch);
    const { blocks } = this.#memory.layout;
    this.#engine.flushTlbs();
    this.#engine.invalidateCode(blocks, this.#memory.control(CONTROL.BLOCKS_USED) * BLOCK_BYTES);
  }

  #runSlice(vcpu: Vcpu, now: number): void {
    this.#forgetRam();
    this.#switchTo(vcpu);
    vcpu.sched.clearExitRequest();
    // Asked for since it was given to this pCPU.
    if (vcpu.domain.state !== 'running') vcpu.sched.requestExit();
    const { control } = vcpu.sched;
    const deadline = Math.min(vcpu.timers.deadline, this.#scheduler.deadline(this.#pcpu));
    const budget = this.#pace.begin(control, deadline, now);
    this.#memory.words[(control + VCPU_CONTROL.SLICE_FIRST) >>> 2] = this.#executed(vcpu);
    this.#outcome = 'preempted';
    this.#endSlice(vcpu, this.#engine.run(vcpu.base, budget));
  }

  /** The engine came back from the slice of a vCPU. */
  #endSlice(vcpu: Vcpu, reason: ExitReason): void {
    const { words } = this.#memory;
    const { control } = vcpu.sched;
    const sent = (control + VCPU_CONTROL.SENT) >>> 2;
    if (words[sent] !== 0) {
      words[sent] = 0;
      this.#news.untold = true;
    }
    const executed = (this.#executed(vcpu) - words[(control + VCPU_CONTROL.SLICE_FIRST) >>> 2]!) >>> 0;
    this.#ran = this.#pace.end(control, executed);
    if (reason === 'wait') this.#outcome = 'wait';
    if (reason === 'event') {
      this.#outcome = vcpu.eventWait.begin(this.#pace.read(), !this.#pace.exact) ? 'yield' : 'event';
    }
    if (vcpu.sched.run === VCPU_RUN.STOPPING) this.#letGo(vcpu);
  }

  /** Instructions, modulo 2^32. */
  #executed({ base }: Vcpu): number {
    return this.#memory.words[(base + INSTRUCTIONS) >>> 2]!;
  }

  /** A vCPU is off: at once, since another may want to start it again. */
  #letGo({ domain, sched }: Vcpu): void {
    this.#current = undefined;
    this.#scheduler.release(sched, this.#ran);
    if (domain.isOff) this.#wentOff(domain);
  }

  /** Another vCPU ran here in between, or this one elsewhere: its exclusive monitor opens. */
  #switchTo(vcpu: Vcpu): void {
    const stayed = this.#memory.view.getUint32(vcpu.base + RAN_ON, true) === this.#engine.pcpu;
    const last = this.#last;
    this.#last = vcpu;
    if (last === vcpu && stayed) return;
    this.#memory.view.setInt32(vcpu.base + EXCLUSIVE_ADDRESS, NO_EXCLUSIVE, true);
  }

  #timerWritten(vcpu: Vcpu): void {
    // Where it is due already, or between then and now, the slice ends, and the timer is looked at behind it.
    const sliceEnd = this.#memory.doubles[(vcpu.sched.control + VCPU_CONTROL.SLICE_END) / 8]!;
    if (vcpu.timers.update(this.#pace.recent()) < sliceEnd) vcpu.sched.requestExit();
  }

  #backBlock(block: number, { domain }: Vcpu): number {
    const at = this.#memory.backBlock(block);
    // It may have been somebody else's, whose code this engine knows.
    if (at !== 0) this.#engine.invalidateCode(at, BLOCK_BYTES);
    if (at === 0) domain.end('crashed', 'memory');
    return at;
  }

  #hypercall(vcpu: Vcpu, immediate: number, isSmc: boolean): boolean {
    this.#registers.base = vcpu.base;
    const unhandled = (id: number): void => this.#unhandledCall(vcpu, id);
    return callFirmware(this.#registers, this.#psciDomain(vcpu), immediate, isSmc, vcpu.domain.entropy, unhandled);
  }

  /** What PSCI may do for a vCPU. A vCPU that shall not go on leaves the engine. */
  #psciDomain({ domain, index, sched }: Vcpu): PsciDomain {
    return {
      cpus: domain.vcpus.length,
      isOn: (vcpu) => domain.isOn(vcpu),
      start: (vcpu, entry, context) => {
        const admission = domain.start(vcpu, entry, context);
        if (admission === 'waits') this.#log(unassignedLine(`d${domain.info.id}v${vcpu}`));
        return admission !== undefined;
      },
      stop: () => domain.stop(index),
      suspend: () => {
        this.#outcome = 'wait';
        sched.requestExit();
      },
      shutdown: (state) => domain.end(state, 'own'),
    };
  }

  #unhandledCall(vcpu: Vcpu, id: number): void {
    const { domain, index } = vcpu;
    if (!this.#logsGuests || domain.countUnhandled() >= MAX_UNHANDLED_LINES) return;
    this.#log(`(XEN) d${domain.info.id}v${index} Unhandled SMC/HVC: 0x${id.toString(16)}`);
  }

  #log(text: string): void {
    this.#events.log(text);
    this.#news.untold = true;
  }

  /** Wakes the board if there is news that it does not know of. */
  #tell(): void {
    if (!this.#news.untold) return;
    this.#news.untold = false;
    if (this.#memory.setControl(CONTROL.NOTIFIED, 1) === 0) this.#signals.notify();
  }
}
