/** What all schedulers have in common: the states of vCPUs, and who wakes whom. */
import type { BoardMemory } from '../memory/board-memory.ts';
import { PCPU_CONTROL, PCPU_IDLE, POOL_CONTROL, VCPU_RUN } from '../memory/layout.ts';
import type { Lock } from '../memory/lock.ts';
import { PoolWords } from './pool-words.ts';
import type { SchedVcpu } from './sched-vcpu.ts';

/** What a scheduler is made from. */
export interface SchedulerParts {
  readonly memory: BoardMemory;
  /** Memory offset of the pool's `POOL_CONTROL`. */
  readonly control: number;
  /** The pCPUs of the pool. */
  readonly pcpus: readonly number[];
  /** The vCPUs of the pool's domains, in order. */
  readonly vcpus: readonly SchedVcpu[];
}

/** Why a pCPU gives a vCPU back: its slice is over, it lets others go first, it waits for an interrupt, or for an event. */
export type Outcome = 'preempted' | 'yield' | 'wait' | 'event';

/** What came of bringing a vCPU online: it has a turn, or there is no pCPU for it now. */
export type Admission = 'admitted' | 'waits';

/**
 * The vCPUs and pCPUs of one CPU pool. Each thread has an object of its own for a pool; they are views of the same
 * shared state, and every method takes the pool's lock.
 */
export abstract class Scheduler {
  readonly pcpus: readonly number[];
  readonly vcpus: readonly SchedVcpu[];
  protected readonly memory: BoardMemory;
  protected readonly words: PoolWords;
  readonly #control: number;
  readonly #lock: Lock;

  constructor({ memory, control, pcpus, vcpus }: SchedulerParts) {
    this.memory = memory;
    this.pcpus = pcpus;
    this.vcpus = vcpus;
    this.words = new PoolWords(memory, vcpus);
    this.#control = control;
    this.#lock = memory.lock(control + POOL_CONTROL.LOCK);
  }

  /**
   * The vCPU that `pcpu` shall run now, of those that wait; undefined: none. `last`: what it has run until now, if that may
   * go on.
   */
  protected abstract choose(pcpu: number, last: SchedVcpu | undefined): SchedVcpu | undefined;

  /** A vCPU begins to want to run: it came online, or it was woken. */
  protected abstract admit(vcpu: SchedVcpu, online: boolean): Admission;

  /** A vCPU went offline for good or until the next `start`. */
  protected abstract dismiss(vcpu: SchedVcpu): void;

  /** The pCPUs that may run `vcpu` when it waits. */
  protected abstract serves(vcpu: SchedVcpu, pcpu: number): boolean;

  /**
   * Gives `last` back, if there is one, and takes the vCPU to run next; undefined: `pcpu` is idle now.
   *
   * @param ran ticks of the system counter that `last` ran
   */
  next(pcpu: number, last?: SchedVcpu, outcome: Outcome = 'preempted', ran = 0): SchedVcpu | undefined {
    this.#lock.acquire();
    if (last !== undefined) this.#giveBack(last, outcome, ran);
    const taken = this.choose(pcpu, outcome === 'preempted' ? last : undefined);
    this.#setIdle(pcpu, taken === undefined);
    if (taken !== undefined) {
      taken.owner = pcpu;
      taken.home = pcpu;
    }
    if (this.#idle > 0) this.#wakeIdle();
    this.#lock.release();
    return taken;
  }

  /**
   * Takes the first vCPU from number `from` of the pool on that `pcpu` has to look after at `counter`; give it back by
   * {@link release}. Gives its number; -1 if there is none.
   */
  claimDue(pcpu: number, counter: number, from: number): number {
    const first = this.words.nextDue(pcpu, counter, from);
    if (first < 0) return first;
    this.#lock.acquire();
    const claimed = this.words.nextDue(pcpu, counter, first);
    if (claimed >= 0) this.vcpus[claimed]!.owner = pcpu;
    this.#lock.release();
    return claimed;
  }

  /**
   * Gives back what {@link claimDue} or {@link next} took; true if it went offline. The pCPU asks for its next vCPU
   * afterwards.
   *
   * @param ran ticks of the system counter that it ran
   */
  release(vcpu: SchedVcpu, ran = 0): boolean {
    this.#lock.acquire();
    vcpu.runtime += ran;
    const isOff = this.#letGo(vcpu);
    this.#lock.release();
    return isOff;
  }

  /** Counter value at which a timer of a vCPU that `pcpu` looks after is due. */
  deadline(pcpu: number): number {
    return this.words.deadline(pcpu);
  }

  /** As {@link deadline}; also when to look whether there is an event for a vCPU that waits for one. */
  due(pcpu: number): number {
    return this.words.due(pcpu);
  }

  /** An interrupt has come for a vCPU: if it waits for one, it waits no more. */
  wake(vcpu: SchedVcpu): void {
    if (!vcpu.sleeps) return;
    this.#lock.acquire();
    if (vcpu.run === VCPU_RUN.BLOCKED || this.#hasEvent(vcpu)) this.#unblock(vcpu);
    this.#lock.release();
  }

  /** An event has come for a vCPU: its next WFE does not wait, or the one that waits does so no more. */
  sendEvent(vcpu: SchedVcpu): void {
    vcpu.setEvent();
    if (vcpu.run !== VCPU_RUN.AWAITING) return;
    this.#lock.acquire();
    if (this.#hasEvent(vcpu)) this.#unblock(vcpu);
    this.#lock.release();
  }

  #hasEvent(vcpu: SchedVcpu): boolean {
    return vcpu.run === VCPU_RUN.AWAITING && vcpu.takeEvent();
  }

  #unblock(vcpu: SchedVcpu): void {
    vcpu.run = VCPU_RUN.RUNNABLE;
    this.admit(vcpu, false);
    if (vcpu.owner < 0) this.#wakeFor(vcpu);
  }

  /**
   * Begins to bring a vCPU online. False if it is not offline, or `alive` says so: its domain ends. The caller then sets
   * its registers, and calls {@link start}.
   */
  prepareStart(vcpu: SchedVcpu, alive: () => boolean): boolean {
    this.#lock.acquire();
    const may = vcpu.run === VCPU_RUN.OFFLINE && alive();
    if (may) vcpu.run = VCPU_RUN.STARTING;
    this.#lock.release();
    return may;
  }

  /** Ends what {@link prepareStart} began, unless the domain has ended in between. */
  start(vcpu: SchedVcpu): Admission {
    this.#lock.acquire();
    let admission: Admission = 'admitted';
    if (vcpu.run === VCPU_RUN.STARTING) {
      vcpu.run = VCPU_RUN.RUNNABLE;
      vcpu.deadline = Infinity;
      admission = this.admit(vcpu, true);
      this.#wakeFor(vcpu);
    }
    this.#lock.release();
    return admission;
  }

  /** Takes a vCPU offline; one that a pCPU has in its hands, as soon as that pCPU gives it back. */
  stop(vcpu: SchedVcpu): void {
    this.#lock.acquire();
    if (vcpu.owner >= 0) {
      vcpu.run = VCPU_RUN.STOPPING;
      vcpu.requestExit();
    } else if (vcpu.run !== VCPU_RUN.OFFLINE) {
      this.#goOffline(vcpu);
    }
    this.#lock.release();
  }

  #giveBack(vcpu: SchedVcpu, outcome: Outcome, ran: number): void {
    // A turn counts however short it was.
    vcpu.runtime += Math.max(1, ran);
    if (outcome === 'wait' && vcpu.run === VCPU_RUN.RUNNABLE) {
      // Said before looking: an interrupt that comes in between finds it blocked and wakes it.
      vcpu.run = VCPU_RUN.BLOCKED;
      if (vcpu.interrupted) vcpu.run = VCPU_RUN.RUNNABLE;
    } else if (outcome === 'event' && vcpu.run === VCPU_RUN.RUNNABLE) {
      vcpu.run = VCPU_RUN.AWAITING;
      if (vcpu.takeEvent()) vcpu.run = VCPU_RUN.RUNNABLE;
    }
    this.#letGo(vcpu);
  }

  #letGo(vcpu: SchedVcpu): boolean {
    vcpu.owner = -1;
    if (vcpu.run !== VCPU_RUN.STOPPING) return false;
    this.#goOffline(vcpu);
    return true;
  }

  #goOffline(vcpu: SchedVcpu): void {
    vcpu.run = VCPU_RUN.OFFLINE;
    vcpu.deadline = Infinity;
    this.dismiss(vcpu);
    if (this.#idle > 0) this.#wakeIdle();
  }

  /** To be called once, before a vCPU is started: no pCPU has had anything to run. */
  begin(): void {
    const { words } = this.memory;
    for (const pcpu of this.pcpus) Atomics.store(words, this.#idleWord(pcpu), PCPU_IDLE.UNUSED);
    Atomics.store(words, (this.#control + POOL_CONTROL.IDLE) >>> 2, this.pcpus.length);
  }

  get #idle(): number {
    return Atomics.load(this.memory.words, (this.#control + POOL_CONTROL.IDLE) >>> 2);
  }

  #isIdle(pcpu: number): boolean {
    return Atomics.load(this.memory.words, this.#idleWord(pcpu)) !== PCPU_IDLE.NO;
  }

  #isUnused(pcpu: number): boolean {
    return Atomics.load(this.memory.words, this.#idleWord(pcpu)) === PCPU_IDLE.UNUSED;
  }

  #setIdle(pcpu: number, idle: boolean): void {
    const { words } = this.memory;
    const now = idle ? PCPU_IDLE.YES : PCPU_IDLE.NO;
    const was = Atomics.exchange(words, this.#idleWord(pcpu), now) !== PCPU_IDLE.NO;
    if (was !== idle) Atomics.add(words, (this.#control + POOL_CONTROL.IDLE) >>> 2, idle ? 1 : -1);
  }

  #idleWord(pcpu: number): number {
    return (this.memory.layout.pcpuControls[pcpu]! + PCPU_CONTROL.IDLE) >>> 2;
  }

  /** No pCPU sleeps while there is a vCPU that it could run. */
  #wakeIdle(): void {
    if (!this.words.waiting) return;
    for (const vcpu of this.vcpus) if (vcpu.waiting) this.#wakeFor(vcpu);
  }

  /** Ends the sleep of a pCPU that can run `vcpu`: rather the one that knows it, and one that has run something before. */
  #wakeFor(vcpu: SchedVcpu): void {
    if (this.#idle === 0) return;
    const can = (pcpu: number): boolean => this.#isIdle(pcpu) && this.serves(vcpu, pcpu);
    const { home } = vcpu;
    const used = (): number | undefined => this.pcpus.find((pcpu) => can(pcpu) && !this.#isUnused(pcpu));
    const pcpu = can(home) ? home : (used() ?? this.pcpus.find(can));
    if (pcpu === undefined) return;
    this.#setIdle(pcpu, false);
    this.memory.wake(pcpu);
  }

  protected nextTicket(): number {
    return Atomics.add(this.memory.words, (this.#control + POOL_CONTROL.TICKET) >>> 2, 1) + 1;
  }

  /** Least runtime of the vCPUs that want to run; never goes back. */
  protected get runtime(): number {
    return this.memory.doubles[(this.#control + POOL_CONTROL.RUNTIME) / 8]!;
  }

  protected set runtime(runtime: number) {
    this.memory.doubles[(this.#control + POOL_CONTROL.RUNTIME) / 8] = runtime;
  }
}
