/** A pCPU: one engine, and the loop that gives it vCPUs. */
import { BLOCK_BYTES, compileCore, Engine, type EngineClock, stateOffset } from '@dom0less/arm64-cpu';
import type { ConsoleTap, News } from '../console/domain-console.ts';
import { EventSink } from '../console/event-sink.ts';
import { compileDeviceCode } from '../device-code/compile.ts';
import { unassignedLine } from '../domain/boot-log.ts';
import { NO_EXCLUSIVE } from '../domain/vcpu.ts';
import { callFirmware } from '../firmware/conduit.ts';
import type { PsciDomain } from '../firmware/psci.ts';
import { CallRegisters } from '../firmware/smccc.ts';
import { hostEntropy } from '../firmware/trng.ts';
import { BoardMemory } from '../memory/board-memory.ts';
import { CONTROL, VCPU_CONTROL, VCPU_RUN } from '../memory/layout.ts';
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

/** `updateTimers` of device code, of the vCPU at `base`; 0: it was not to be done there. */
type UpdateTimers = (base: number, counter: number) => number;

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
  /** Device code's part for timers; absent in deterministic mode. */
  readonly #timersInWasm: UpdateTimers | undefined;
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
  /** CONTROL.ATTENTION when this pCPU last looked at consoles and ending domains. */
  #attended = -1;
  /** A domain was left then. */
  #left = true;
  readonly #news: News = { untold: false };
  /** CONTROL.RAM_EPOCH as the engine knows it. */
  #ramEpoch = 0;

  /** Takes over the state that is in the memory. */
  constructor(init: PcpuInit, signals: PcpuSignals, mode?: PcpuMode) {
    const { layout, pcpu, counterFrequency } = init;
    const memory = new BoardMemory(init.memory, layout);
    this.#pcpu = pcpu;
    this.#memory = memory;
    this.#signals = signals;
    this.#logsGuests = init.logsGuests;
    const now = signals.now ?? hostTime;
    const counter = mode ? undefined : new SystemCounter(counterFrequency, init.counterEpoch, now, memory);
    this.#pace = mode?.pace ?? new HostPace(counter!);
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
    this.#timersInWasm = this.#engine.front?.updateTimers as UpdateTimers | undefined;
  }

  /**
   * Serves consoles and timers, then runs the next vCPU for a slice. The caller sleeps after `last` and `idle`: until it is
   * woken, by what has happened since before the step too, and at most {@link idleMs}.
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
    if (!sleeps || this.#memory.control(CONTROL.ATTENTION) !== this.#attended) return 'ran';
    return vcpu === undefined ? 'idle' : 'last';
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
        backBlock: (block) => this.#backBlock(block),
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
    if (attention === this.#attended) return;
    this.#attended = attention;
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
      const vcpu = scheduler.vcpus[n]!;
      const known = this.#bySched.get(vcpu)!;
      const { domain, eventWait } = known;
      this.#updateTimers(known, counter);
      if (vcpu.run === VCPU_RUN.AWAITING && vcpu.eventDue <= counter && eventWait.isOver(counter)) {
        scheduler.sendEvent(vcpu);
      }
      if (scheduler.release(vcpu) && domain.isOff) this.#wentOff(domain);
    }
  }

  /** Looks at the timers of a vCPU that this pCPU has in its hands. */
  #updateTimers({ base, sched, timers }: Vcpu, counter: number): void {
    if (this.#timersInWasm === undefined || this.#timersInWasm(base, counter) === 0) timers.update(counter);
    else if (sched.interrupted) this.#scheduler.wake(sched);
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
    if (epoch === this.#ramEpoch) return;
    this.#ramEpoch = epoch;
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
    const { view } = this.#memory;
    const deadline = Math.min(vcpu.timers.deadline, this.#scheduler.deadline(this.#pcpu));
    const budget = this.#pace.begin(vcpu.base, deadline, now);
    const before = view.getUint32(vcpu.base + INSTRUCTIONS, true);
    const { control } = vcpu.sched;
    this.#memory.doubles[(control + VCPU_CONTROL.SLICE_END) / 8] = this.#pace.sliceEnd;
    this.#outcome = 'preempted';
    const reason = this.#engine.run(vcpu.base, budget);
    const sent = (control + VCPU_CONTROL.SENT) >>> 2;
    if (this.#memory.words[sent] !== 0) {
      this.#memory.words[sent] = 0;
      this.#news.untold = true;
    }
    const executed = (view.getUint32(vcpu.base + INSTRUCTIONS, true) - before) >>> 0;
    this.#ran = this.#pace.end(executed);
    if (reason === 'wait') this.#outcome = 'wait';
    if (reason === 'event') {
      this.#outcome = vcpu.eventWait.begin(this.#pace.read(), !this.#pace.exact) ? 'yield' : 'event';
    }
    if (vcpu.sched.run === VCPU_RUN.STOPPING) this.#letGo(vcpu);
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
    if (vcpu.timers.update(this.#pace.recent()) < this.#pace.sliceEnd) vcpu.sched.requestExit();
  }

  #backBlock(block: number): number {
    const at = this.#memory.backBlock(block);
    // It may have been somebody else's, whose code this engine knows.
    if (at !== 0) this.#engine.invalidateCode(at, BLOCK_BYTES);
    if (at === 0) this.#current?.domain.end('crashed', 'memory');
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
