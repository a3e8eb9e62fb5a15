/** A pCPU: one engine, and the loop that gives it vCPUs. */
import { Engine, type ExitReason, stateOffset } from '@dom0less/arm64-cpu';
import type { DomainState } from '../board/events.ts';
import { type EventRecord, writeEvent } from '../console/event-ring.ts';
import { Ring } from '../console/ring.ts';
import { NO_EXCLUSIVE } from '../domain/vcpu.ts';
import { callFirmware } from '../firmware/conduit.ts';
import type { PsciDomain } from '../firmware/psci.ts';
import { CallRegisters } from '../firmware/smccc.ts';
import { BoardMemory } from '../memory/board-memory.ts';
import { CODE_PAGES, CONTROL, EVENT_RING_BYTES, VCPU_RUN } from '../memory/layout.ts';
import { DomainRuntime, type Vcpu } from './domain-runtime.ts';
import type { PcpuInit, PcpuSignals } from './init.ts';
import { hostTime, SystemCounter } from './system-counter.ts';

/** What a step did: ran a vCPU, found none to run, or found that no domain is left or the board was stopped. */
export type StepResult = 'ran' | 'idle' | 'done';

/** Most instructions between two looks at rings, timers and the other vCPUs: about a millisecond. */
const SLICE = 200_000;
const SHORTEST_SLICE = 1000;
/** Instructions per ms that the first slice is measured by. */
const FIRST_SPEED = 100_000;
/** Lines about calls that nobody serves, per domain, where they are shown at all: the rest is noise. */
const MAX_UNHANDLED_LINES = 10;
const EXIT_REQUEST = stateOffset('exitRequest');
const INSTRUCTIONS = stateOffset('instructions');
const EXCLUSIVE_ADDRESS = stateOffset('exclusiveAddress');

/** Runs vCPUs of the board, one at a time. Needs a thread of its own only to sleep; see `runPcpu`. */
export class Pcpu {
  readonly #memory: BoardMemory;
  readonly #engine: Engine;
  readonly #counter: SystemCounter;
  readonly #signals: PcpuSignals;
  readonly #domains: readonly DomainRuntime[];
  readonly #vcpus: readonly Vcpu[];
  readonly #byBase = new Map<number, Vcpu>();
  readonly #events: Ring;
  readonly #registers: CallRegisters;
  /** Domains that ended while the board had no room for their last output; it comes first. */
  #ending: { domain: DomainRuntime; record: EventRecord }[] = [];
  /** Records that found no room in the ring. */
  readonly #unsent: EventRecord[] = [];
  readonly #unhandled = new Map<DomainRuntime, number>();
  readonly #logsGuests: boolean;
  #next = 0;
  #last: Vcpu | undefined;
  #speed = FIRST_SPEED;
  /** Counter value at which the slice under way should be over. */
  #sliceEnd = 0;
  #news = false;

  /** Takes over the state that is in the memory. */
  constructor(init: PcpuInit, signals: PcpuSignals) {
    const { layout } = init;
    this.#signals = signals;
    this.#logsGuests = init.logsGuests;
    this.#memory = new BoardMemory(init.memory, layout);
    const start = Math.max(0, ...init.domains.map(({ CNTVOFF_EL2 }) => CNTVOFF_EL2));
    this.#counter = new SystemCounter(init.counterFrequency, init.counterEpoch, signals.now ?? hostTime, start);
    this.#events = new Ring(init.memory.buffer, layout.events, EVENT_RING_BYTES);
    this.#registers = new CallRegisters(this.#memory.view);
    this.#domains = init.domains.map((info) => new DomainRuntime(this.#memory, info, init.counterFrequency));
    this.#vcpus = this.#domains.flatMap(({ vcpus }) => vcpus);
    for (const vcpu of this.#vcpus) this.#byBase.set(vcpu.base, vcpu);
    this.#engine = this.#makeEngine(init);
  }

  /**
   * Serves rings and timers, then runs the next vCPU that can run for a slice. The caller sleeps after `idle`; see
   * {@link idleMs}.
   */
  step(): StepResult {
    const running = this.#service();
    if (!running || this.#memory.control(CONTROL.STOP) !== 0) {
      this.#tell();
      return 'done';
    }
    const vcpu = this.#pick();
    if (vcpu === undefined) {
      this.#tell();
      return 'idle';
    }
    this.#runSlice(vcpu);
    this.#tell();
    return 'ran';
  }

  /** How long nothing will happen by itself, in ms: until the next timer. Infinity if there is none. */
  idleMs(): number {
    return this.#counter.msUntil(this.#deadline(), this.#counter.read());
  }

  #makeEngine({ memory, core, layout, pcpu }: PcpuInit): Engine {
    return new Engine({
      memory,
      core,
      pcpu: layout.pcpus[pcpu]!,
      codePages: CODE_PAGES,
      host: {
        backBlock: (block) => this.#backBlock(block),
        mmio: (base, ipa, size, isWrite, valueAt) => {
          const { domain, index } = this.#byBase.get(base)!;
          return domain.bus.access(ipa, size, isWrite, valueAt, index);
        },
        hypercall: (base, immediate, isSmc) => this.#hypercall(this.#byBase.get(base)!, immediate, isSmc),
        counter: () => this.#counter.read(),
        timerWritten: (base) => this.#timerWritten(this.#byBase.get(base)!),
      },
    });
  }

  /** Rings and timers of all domains; false if no domain runs or has output to give. */
  #service(): boolean {
    const counter = this.#counter.read();
    this.#finishEnding();
    let running = this.#ending.length > 0;
    for (const domain of this.#domains) {
      if (domain.state !== 'running') continue;
      running = true;
      if (domain.console?.service()) this.#news = true;
      for (const { timers } of domain.vcpus) if (timers.deadline <= counter) timers.update(counter);
    }
    return running;
  }

  /** The next vCPU that can run, round robin. */
  #pick(): Vcpu | undefined {
    const count = this.#vcpus.length;
    for (let n = 0; n < count; n++) {
      const at = (this.#next + n) % count;
      const vcpu = this.#vcpus[at]!;
      if (vcpu.domain.state !== 'running' || vcpu.domain.run(vcpu.index) !== VCPU_RUN.RUNNABLE) continue;
      this.#next = (at + 1) % count;
      return vcpu;
    }
    return undefined;
  }

  #runSlice(vcpu: Vcpu): void {
    this.#switchTo(vcpu);
    const { view } = this.#memory;
    const start = this.#counter.read();
    const ms = this.#counter.msUntil(this.#deadline(), start);
    const budget = Math.max(SHORTEST_SLICE, Math.min(SLICE, Math.floor(ms * this.#speed)));
    this.#sliceEnd = start + (budget / this.#speed) * (this.#counter.frequency / 1000);
    const before = view.getUint32(vcpu.base + INSTRUCTIONS, true);
    const reason = this.#engine.run(vcpu.base, budget);
    const executed = (view.getUint32(vcpu.base + INSTRUCTIONS, true) - before) >>> 0;
    this.#measure(executed, this.#counter.msUntil(this.#counter.read(), start));
    this.#left(vcpu, reason);
  }

  #left(vcpu: Vcpu, reason: ExitReason): void {
    this.#memory.view.setInt32(vcpu.base + EXIT_REQUEST, 0, true);
    if (reason === 'wait' && vcpu.domain.run(vcpu.index) === VCPU_RUN.RUNNABLE) vcpu.domain.block(vcpu.index);
  }

  /** Keeps a running mean of the speed; slices that are mostly waiting for the host say little. */
  #measure(instructions: number, ms: number): void {
    if (instructions < SHORTEST_SLICE || ms <= 0) return;
    this.#speed = 0.9 * this.#speed + 0.1 * (instructions / ms);
  }

  /** Another vCPU ran in between: its stores may have hit what this one's exclusive monitor watches. */
  #switchTo(vcpu: Vcpu): void {
    const last = this.#last;
    this.#last = vcpu;
    if (last === undefined || last === vcpu) return;
    this.#memory.view.setInt32(vcpu.base + EXCLUSIVE_ADDRESS, NO_EXCLUSIVE, true);
  }

  #deadline(): number {
    let deadline = Infinity;
    for (const { domain, timers } of this.#vcpus) {
      if (timers.deadline < deadline && domain.state === 'running') deadline = timers.deadline;
    }
    return deadline;
  }

  #timerWritten(vcpu: Vcpu): void {
    vcpu.timers.update(this.#counter.read());
    if (vcpu.timers.deadline < this.#sliceEnd) vcpu.domain.requestExit(vcpu.index);
  }

  #backBlock(block: number): number {
    const at = this.#memory.backBlock(block);
    const vcpu = this.#last;
    if (at === 0 && vcpu !== undefined) {
      const reason = `the board's memory of ${this.#memory.layout.blockCount * 2} MiB is used up`;
      this.#end(vcpu.domain, 'crashed', reason);
      vcpu.domain.requestExit(vcpu.index);
    }
    return at;
  }

  #hypercall(vcpu: Vcpu, immediate: number, isSmc: boolean): boolean {
    this.#registers.base = vcpu.base;
    const unhandled = (id: number): void => this.#unhandledCall(vcpu, id);
    return callFirmware(this.#registers, this.#psciDomain(vcpu), immediate, isSmc, unhandled);
  }

  /** What PSCI may do for a vCPU. A vCPU that shall not go on leaves the engine. */
  #psciDomain({ domain, index }: Vcpu): PsciDomain {
    return {
      cpus: domain.vcpus.length,
      isOn: (vcpu) => domain.run(vcpu) !== VCPU_RUN.OFFLINE,
      start: (vcpu, entry, context) => {
        domain.start(vcpu, entry, context);
        domain.vcpus[vcpu]!.timers.update(this.#counter.read());
      },
      stop: () => {
        domain.setRun(index, VCPU_RUN.OFFLINE);
        domain.requestExit(index);
        const on = domain.vcpus.some((vcpu) => domain.run(vcpu.index) !== VCPU_RUN.OFFLINE);
        if (!on) this.#end(domain, 'crashed', 'the guest took all its vCPUs offline: nothing can start them again');
      },
      suspend: () => {
        domain.block(index);
        domain.requestExit(index);
      },
      shutdown: (state) => {
        this.#end(domain, state, '');
        domain.requestExit(index);
      },
    };
  }

  #unhandledCall({ domain, index }: Vcpu, id: number): void {
    const count = (this.#unhandled.get(domain) ?? 0) + 1;
    this.#unhandled.set(domain, count);
    if (!this.#logsGuests || count > MAX_UNHANDLED_LINES) return;
    const text = `(XEN) d${domain.info.id}v${index} Unhandled SMC/HVC: 0x${id.toString(16)}`;
    this.#send({ kind: 'log', text });
  }

  #end(domain: DomainRuntime, state: DomainState, reason: string): void {
    if (domain.state !== 'running') return;
    domain.setState(state);
    this.#ending.push({ domain, record: { kind: 'domain', domain: domain.info.id, state, text: reason } });
    this.#finishEnding();
  }

  /** The board hears of a domain's end behind everything that the domain wrote. */
  #finishEnding(): void {
    this.#ending = this.#ending.filter(({ domain, record }) => {
      if (domain.console?.service()) this.#news = true;
      if (domain.console?.held) return true;
      this.#send(record);
      return false;
    });
  }

  #send(record: EventRecord): void {
    this.#unsent.push(record);
    this.#news = true;
  }

  /** Moves records to the ring and wakes the board if there is news that it does not know of. */
  #tell(): void {
    while (this.#unsent.length > 0 && writeEvent(this.#events, this.#unsent[0]!)) this.#unsent.shift();
    if (!this.#news) return;
    this.#news = false;
    if (this.#memory.setControl(CONTROL.NOTIFIED, 1) === 0) this.#signals.notify();
  }
}
