/** A domain as the thread of a pCPU sees it: devices, vCPUs, life. */
import { kick, stateOffset } from '@dom0less/arm64-cpu';
import { END_REASONS, type EndReason } from '../board/end-reasons.ts';
import { DOMAIN_STATES, type DomainState } from '../board/events.ts';
import { type ConsoleTap, DomainConsole, type News } from '../console/domain-console.ts';
import { AbsentDevice, type BoardDevice } from '../devices/device.ts';
import { modelNamed } from '../devices/models.ts';
import { resetVcpu } from '../domain/vcpu.ts';
import { type Entropy, seededEntropy } from '../firmware/trng.ts';
import type { BoardMemory } from '../memory/board-memory.ts';
import { DOMAIN_CONTROL, VCPU_RUN } from '../memory/layout.ts';
import type { Lock } from '../memory/lock.ts';
import type { SchedVcpu } from '../schedule/sched-vcpu.ts';
import type { Admission, Scheduler } from '../schedule/scheduler.ts';
import { DomainGic } from './domain-gic.ts';
import { EventWait } from './event-wait.ts';
import { VcpuTimers } from './generic-timer.ts';
import type { PcpuDomain } from './init.ts';
import { FIQ_LINE, IRQ_LINE } from './interrupt-lines.ts';
import { LockedDevice, MmioBus } from './mmio-bus.ts';

const INTERRUPT_LINES = stateOffset('interruptLines');

/** One vCPU. Its registers are the engine's state at `base`. */
export interface Vcpu {
  readonly domain: DomainRuntime;
  readonly index: number;
  readonly base: number;
  readonly timers: VcpuTimers;
  readonly eventWait: EventWait;
  /** What the scheduler knows of it. */
  readonly sched: SchedVcpu;
}

/** What a thread's view of a domain is made from, besides the domain. */
export interface DomainContext {
  readonly memory: BoardMemory;
  readonly scheduler: Scheduler;
  /** The domain's vCPUs. */
  readonly vcpus: readonly SchedVcpu[];
  /** Frequency of the system counter. */
  readonly frequency: number;
  /** The system counter now. */
  readonly counter: () => number;
  /** The pCPU whose thread this is; -1: that of all. */
  readonly pcpu: number;
  /** What the thread tells the board of. */
  readonly news: News;
  /** Where its console output goes besides the ring. */
  readonly tap?: ConsoleTap | undefined;
  /** What its entropy follows from; undefined: from `hostEntropy`. */
  readonly seed: number | undefined;
  readonly hostEntropy: Entropy;
}

/** Devices and vCPUs of one domain over the board's memory: views of shared state, of which each thread has its own. */
export class DomainRuntime {
  readonly info: PcpuDomain;
  readonly vcpus: readonly Vcpu[];
  readonly bus: MmioBus;
  /** Absent if the domain has no UART. */
  readonly console: DomainConsole | undefined;
  readonly scheduler: Scheduler;
  /** What its firmware gives as random bits. */
  readonly entropy: Entropy;
  readonly #context: DomainContext;
  readonly #gic: DomainGic;
  /** Devices that do something by themselves. */
  readonly #timed: { readonly device: BoardDevice; readonly lock: Lock }[] = [];

  /** Takes over the state that is in the memory. */
  constructor(info: PcpuDomain, context: DomainContext) {
    const { memory, news, tap } = context;
    const { layout } = info;
    this.info = info;
    this.scheduler = context.scheduler;
    this.#context = context;
    const drawn = (): number => Atomics.add(this.#words, this.#word('ENTROPY'), 1);
    this.entropy = context.seed === undefined ? context.hostEntropy : seededEntropy(context.seed, info.id, drawn);
    this.bus = new MmioBus(memory.view, info.openBus);
    this.#gic = new DomainGic(memory, info, this.bus, {
      onIrq: (vcpu, level) => this.#drive(vcpu, IRQ_LINE, level),
      onFiq: (vcpu, level) => this.#drive(vcpu, FIQ_LINE, level),
    });
    if (info.console) {
      const onInterrupt = (level: boolean): void => this.#gic.setSpi(info.map.uartIntid, level);
      this.console = new DomainConsole(memory, layout, onInterrupt, news, tap);
      this.bus.attach(info.map.uart, new LockedDevice(this.console.uart, this.console.lock));
    }
    this.#attachDevices();
    this.vcpus = context.vcpus.map((sched, index) => ({
      domain: this,
      index,
      base: layout.vcpus[index]!.state,
      timers: new VcpuTimers(memory.view.buffer, layout.vcpus[index]!, (intid, level) =>
        this.#gic.setPpi(index, intid, level),
      ),
      eventWait: new EventWait(memory.view, layout.vcpus[index]!.state, context.frequency, sched),
      sched,
    }));
  }

  get state(): DomainState {
    return DOMAIN_STATES[Atomics.load(this.#words, this.#word('STATE'))]!;
  }

  /** The board was told that it has ended. */
  get told(): boolean {
    return Atomics.load(this.#words, this.#word('TOLD')) !== 0;
  }

  /** The board may yet start it. */
  get held(): boolean {
    return Atomics.load(this.#words, this.#word('HELD')) !== 0;
  }

  /** Says whether the board is told; false if that was said already, by this thread or another. */
  setTold(told: boolean): boolean {
    const [from, to] = told ? [0, 1] : [1, 0];
    return Atomics.compareExchange(this.#words, this.#word('TOLD'), from, to) === from;
  }

  /** Why it has ended. */
  get reason(): string {
    const code = Atomics.load(this.#words, this.#word('REASON'));
    return END_REASONS[code]!.text(this.#context.memory.layout);
  }

  /** Counts a call that nobody serves; gives how many there were before. */
  countUnhandled(): number {
    return Atomics.add(this.#words, this.#word('UNHANDLED'), 1);
  }

  /** All its vCPUs are off, and no pCPU has one in its hands. */
  get isOff(): boolean {
    return this.vcpus.every(({ sched }) => sched.run === VCPU_RUN.OFFLINE && sched.owner < 0);
  }

  /** False as soon as it is to go off: it executes nothing any more, whenever its pCPU lets go of it. */
  isOn(vcpu: number): boolean {
    const { run } = this.vcpus[vcpu]!.sched;
    return run !== VCPU_RUN.OFFLINE && run !== VCPU_RUN.STOPPING;
  }

  /** Ends the domain, on whatever pCPUs its vCPUs run; the first to say so says why. */
  end(state: DomainState, reason: EndReason): void {
    const running = DOMAIN_STATES.indexOf('running');
    const to = DOMAIN_STATES.indexOf(state);
    if (Atomics.compareExchange(this.#words, this.#word('STATE'), running, to) !== running) return;
    const code = END_REASONS.findIndex(({ name }) => name === reason);
    Atomics.store(this.#words, this.#word('REASON'), code);
    for (const { sched } of this.vcpus) this.scheduler.stop(sched);
  }

  /**
   * Starts an offline vCPU. Its interrupt lines are as its GIC has them. If its pCPU has yet to let go of it, this waits,
   * which is a matter of microseconds unless the host took that pCPU's core away.
   *
   * @returns undefined if it is not offline, or the domain has ended
   */
  start(vcpu: number, entry: bigint, context: bigint): Admission | undefined {
    const { base, sched } = this.vcpus[vcpu]!;
    while (sched.run === VCPU_RUN.STOPPING && this.state === 'running') sched.awaitChange(VCPU_RUN.STOPPING);
    if (!this.scheduler.prepareStart(sched, () => this.state === 'running')) return undefined;
    const { memory, frequency } = this.#context;
    this.#gic.withOutputs(vcpu, (irq, fiq) => {
      const CNTVOFF_EL2 = memory.doubles[(this.info.layout.control + DOMAIN_CONTROL.CNTVOFF) / 8]!;
      resetVcpu(memory.view, base, vcpu, { ...this.info, CNTVOFF_EL2, CNTFRQ_EL0: frequency }, entry, context);
      this.#setLine(vcpu, IRQ_LINE, irq);
      this.#setLine(vcpu, FIQ_LINE, fiq);
    });
    this.vcpus[vcpu]!.timers.update(0);
    return this.scheduler.start(sched);
  }

  /** Some of its devices do something by themselves. */
  get isTimed(): boolean {
    return this.#timed.length > 0;
  }

  /** System counter at which one of its devices will do something by itself; Infinity if none will. */
  devicesDue(): number {
    let due = Infinity;
    if (this.state !== 'running') return due;
    for (const { device } of this.#timed) due = Math.min(due, device.due!());
    return due;
  }

  /** Has its devices do what is due. */
  serveDevices(): void {
    for (const { device, lock } of this.#timed) {
      lock.acquire();
      device.tick?.();
      lock.release();
    }
  }

  /** Takes the vCPU that asks for it offline. */
  stop(vcpu: number): void {
    this.#gic.resetCpu(vcpu);
    this.scheduler.stop(this.vcpus[vcpu]!.sched);
  }

  /** SEV by a vCPU: the others have an event. */
  sendEvent(from: number): void {
    for (const { index, sched } of this.vcpus) if (index !== from) this.scheduler.sendEvent(sched);
  }

  /**
   * MRS or MSR of an ICC register, by op0, op1, CRn, CRm and op2 as in the instruction; its 8 bytes are at memory offset
   * `valueAt`. False: UNDEFINED.
   */
  systemRegister(vcpu: number, id: number, isWrite: boolean, valueAt: number): boolean {
    const { view } = this.#context.memory;
    if (isWrite) {
      return this.#gic.writeRegister(vcpu, id, view.getUint32(valueAt, true), view.getUint32(valueAt + 4, true));
    }
    const value = this.#gic.readRegister(vcpu, id);
    if (value < 0) return false;
    view.setUint32(valueAt, value, true);
    view.setUint32(valueAt + 4, 0, true);
    return true;
  }

  /** Devices of the board, and behind them the pages that they are in. */
  #attachDevices(): void {
    const { memory, frequency, counter } = this.#context;
    const { devices, windows, layout } = this.info;
    devices.forEach(({ model, address, intid }, n) => {
      const byteOffset = layout.devices[n]!;
      const onInterrupt = (level: boolean): void => {
        if (intid !== undefined) this.#gic.setSpi(intid, level);
      };
      const parts = { buffer: memory.view.buffer, byteOffset, onInterrupt, counter, frequency };
      const device = modelNamed(model).make(parts);
      const lock = memory.lock(byteOffset);
      if (device.due !== undefined) this.#timed.push({ device, lock });
      this.bus.attach(address, new LockedDevice(device, lock));
    });
    for (const { address, size } of windows) this.bus.attach(address, new AbsentDevice(size));
  }

  get #words(): Int32Array {
    return this.#context.memory.words;
  }

  #word(field: Exclude<keyof typeof DOMAIN_CONTROL, 'BYTES'>): number {
    return (this.info.layout.control + DOMAIN_CONTROL[field]) >>> 2;
  }

  #setLine(vcpu: number, line: number, level: boolean): void {
    const word = (this.info.layout.vcpus[vcpu]!.state + INTERRUPT_LINES) >>> 2;
    if (level) Atomics.or(this.#words, word, line);
    else Atomics.and(this.#words, word, ~line);
  }

  /** A line changes: a vCPU that waits wakes. */
  #drive(vcpu: number, line: number, level: boolean): void {
    this.#setLine(vcpu, line, level);
    if (!level) return;
    const { sched, base } = this.vcpus[vcpu]!;
    this.scheduler.wake(sched);
    // The pCPU of this thread looks at the line behind what it is doing; another one has to be told.
    const { owner } = sched;
    if (owner >= 0 && owner !== this.#context.pcpu) kick(this.#words, base);
  }
}
