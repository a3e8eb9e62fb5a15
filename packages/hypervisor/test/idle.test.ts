import { EXIT_WAIT, exitReason, stateOffset } from '@dom0less/arm64-cpu';
import { GIC_STATE } from '@dom0less/vgic';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DOMAIN_STATES } from '../src/board/events.ts';
import { compileDeviceCode } from '../src/device-code/compile.ts';
import { IDLE_END } from '../src/device-code/idle-end.ts';
import { linkDevices, linkPools } from '../src/device-code/link.ts';
import { GUEST_MAP } from '../src/domain/guest-map.ts';
import { NO_EXCLUSIVE } from '../src/domain/vcpu.ts';
import { makeGic } from '../src/domain/virtual-gic.ts';
import { BoardMemory } from '../src/memory/board-memory.ts';
import {
  CONTROL,
  DOMAIN_CONTROL,
  PCPU_CONTROL,
  PCPU_IDLE,
  POOL_CONTROL,
  VCPU_CONTROL,
  VCPU_RUN,
} from '../src/memory/layout.ts';
import { makeMemory } from '../src/memory/make-memory.ts';
import { DomainRuntime, type Vcpu } from '../src/pcpu/domain-runtime.ts';
import type { PcpuDomain } from '../src/pcpu/init.ts';
import { HostPace } from '../src/pcpu/pace.ts';
import { makePools } from '../src/pcpu/pools.ts';
import { SystemCounter } from '../src/pcpu/system-counter.ts';
import type { Outcome, Scheduler } from '../src/schedule/scheduler.ts';

const TICKS_PER_MS = 1000;
const FREQUENCY = TICKS_PER_MS * 1000;
const NOW_MS = 50;
const VCPUS = 3;
const [RUNNING, ENDED] = [DOMAIN_STATES.indexOf('running'), DOMAIN_STATES.indexOf('crashed')];
type IdleEnd = Exclude<keyof typeof IDLE_END, 'MASK'>;
const at = (name: string, base: number): number => (base + stateOffset(name)) >>> 2;

interface VcpuStart {
  readonly run: 'BLOCKED' | 'RUNNABLE' | 'OFFLINE';
  /** Pcpu 1 has it in its hands. */
  readonly taken: boolean;
  readonly home: 0 | 1;
  /** CNTV_CVAL_EL0 in ms from now; undefined: the timer is off. */
  readonly timer: number | undefined;
  readonly runtime: number;
  /** An interrupt waits already. */
  readonly line: boolean;
  /** The timer was set anew since its deadline was noted: that is over, and nothing is due. */
  readonly stale?: boolean;
}

/** What a guest does in a slice. */
interface Slice {
  readonly ms: number;
  readonly instructions: number;
  readonly exit: 0 | 1 | typeof EXIT_WAIT;
  readonly timer: number | undefined;
  readonly sends: boolean;
  /** It interrupts the next vCPU. */
  readonly wakes?: boolean;
}

interface Start {
  readonly scheduler: 'fair' | 'null';
  readonly vcpus: readonly VcpuStart[];
  readonly poolRuntime: number;
  readonly otherIdles: boolean;
  readonly ended: boolean;
  readonly slices: readonly Slice[];
  /** Time is that of the host. */
  readonly sleeps?: boolean;
}

/** One domain, and pCPU 0 at its idle loop; guests are scripts. */
class IdleBoard {
  readonly memory: BoardMemory;
  readonly domain: DomainRuntime;
  readonly scheduler: Scheduler;
  /** vCPU, budget, and exit request of each slice. */
  readonly ran: (number | boolean)[][] = [];
  readonly #pace: HostPace;
  readonly #counter: SystemCounter;
  readonly #script: Slice[];
  readonly #idle: (pcpu: number, seen: number) => number;
  #ms = NOW_MS;
  /** When the last slice began. */
  ranAt = 0;
  #current: Vcpu | undefined;
  #outcome: Outcome = 'preempted';
  #isNext = false;
  #ticks = 0;

  constructor(start: Start) {
    const { memory, layout } = makeMemory({ pcpus: 2, domains: [{ cpus: VCPUS, gicVersion: 2 }], blocksWanted: 0 });
    const board = new BoardMemory(memory, layout);
    this.memory = board;
    this.#script = [...start.slices];
    const info: PcpuDomain = {
      ...{ id: 1, name: 'domU', cpus: VCPUS, nrSpis: 32, gicVersion: 2, console: false, map: GUEST_MAP },
      ...{ devices: [], windows: [], openBus: false, VTTBR_EL2: 0n, VTCR_EL2: 0n, CNTVOFF_EL2: 0 },
      ...{ layout: layout.domains[0]!, pool: 0, affinity: [] },
    };
    const pools = [{ scheduler: start.scheduler, pcpus: [0, 1] }];
    const { schedulers, vcpus } = makePools(board, { domains: [info], pools, counterFrequency: FREQUENCY });
    this.scheduler = schedulers[0]!;
    const ignore = (): void => {};
    const gic = { buffer: board.view.buffer, byteOffset: info.layout.gic, vcpus: VCPUS, nrSpis: info.nrSpis };
    makeGic(2, { ...gic, onIrq: ignore, onFiq: ignore }).reset();
    this.domain = new DomainRuntime(info, {
      ...{ memory: board, scheduler: this.scheduler, vcpus: vcpus[0]!, frequency: FREQUENCY, counter: () => 0 },
      ...{ pcpu: 0, news: { untold: false }, seed: 1, hostEntropy: ignore },
    });
    linkDevices(board, info);
    linkPools(board, pools, [info]);
    const now = (): number => this.#ms;
    this.#counter = new SystemCounter(FREQUENCY, 0, now, board);
    this.#pace = new HostPace(this.#counter, board.doubles);
    const control = layout.pcpuControls[0]!;
    board.doubles[(control + PCPU_CONTROL.TICKS_PER_MS) / 8] = TICKS_PER_MS;
    this.#enableTimers();
    this.#set(start);
    const host = {
      memory,
      run: (cpu: number, budget: number) => this.#run(cpu >>> 0, budget),
      hostTime: () => {
        if (start.sleeps) this.#ms = performance.now();
        // The clock is read before each sleep: none lasts.
        else Atomics.add(board.words, this.wakeWord, 1);
        return this.#ms;
      },
      counter: () => this.#counter.read(),
      ...{ mmio: () => 0, systemRegister: () => 0, timerWritten: ignore },
    };
    const { exports } = new WebAssembly.Instance(compileDeviceCode(), { host });
    this.#idle = exports.idle as (pcpu: number, seen: number) => number;
  }

  get control(): number {
    return this.memory.layout.pcpuControls[0]!;
  }

  get wakeWord(): number {
    return (this.control + PCPU_CONTROL.WAKE) >>> 2;
  }

  /** Distributor and CPU interfaces let interrupts of virtual timers through. */
  #enableTimers(): void {
    const { bus, vcpus } = this.domain;
    const { gicd, gicc } = GUEST_MAP;
    const { view } = this.memory;
    const write = (ipa: number, value: number, vcpu: number): void => {
      const { base } = vcpus[vcpu]!;
      view.setUint32(base, value, true);
      bus.access(ipa, 4, true, base, vcpu);
      view.setUint32(base, 0, true);
    };
    for (let vcpu = 0; vcpu < VCPUS; vcpu++) {
      write(gicd, 1, vcpu);
      write(gicd + 0x100, 1 << 27, vcpu);
      write(gicc, 1, vcpu);
      write(gicc + 4, 0xff, vcpu);
    }
  }

  #set(start: Start): void {
    const { words, doubles, layout } = this.memory;
    const pool = layout.pools[0]!;
    doubles[(pool + POOL_CONTROL.RUNTIME) / 8] = start.poolRuntime;
    words[(pool + POOL_CONTROL.IDLE) >>> 2] = start.otherIdles ? 2 : 1;
    words[(layout.pcpuControls[0]! + PCPU_CONTROL.IDLE) >>> 2] = PCPU_IDLE.YES;
    words[(layout.pcpuControls[1]! + PCPU_CONTROL.IDLE) >>> 2] = start.otherIdles ? PCPU_IDLE.YES : PCPU_IDLE.NO;
    words[(layout.domains[0]!.control + DOMAIN_CONTROL.STATE) >>> 2] = start.ended ? ENDED : RUNNING;
    const placed = new Set<number>();
    start.vcpus.forEach(({ run, taken, home, timer, runtime, line, stale }, n) => {
      const vcpu = this.domain.vcpus[n]!;
      const { sched, base } = vcpu;
      sched.run = VCPU_RUN[run];
      sched.home = home;
      sched.runtime = runtime;
      sched.ticket = 1;
      if (start.scheduler === 'null') {
        sched.ticket = 0;
        // Who has no place has never run.
        if (placed.has(home)) sched.run = VCPU_RUN.RUNNABLE;
        else sched.place = home;
        placed.add(home);
      }
      this.setTimer(vcpu, timer);
      sched.deadline = timer === undefined ? Infinity : (NOW_MS + timer) * TICKS_PER_MS;
      if (stale) {
        this.setTimer(vcpu, undefined);
        sched.deadline = (NOW_MS - 1) * TICKS_PER_MS;
      }
      if (line) words[at('interruptLines', base)] = 1;
      if (taken) sched.owner = 1;
    });
  }

  setTimer({ base }: Vcpu, ms: number | undefined): void {
    const { words } = this.memory;
    words[at('CNTV_CTL_EL0', base)] = ms === undefined ? 0 : 1;
    words[at('CNTV_CVAL_EL0', base)] = ms === undefined ? 0 : (this.#ms + ms) * TICKS_PER_MS;
  }

  /** The engine: the guest's script. */
  #run(cpu: number, budget: number): number {
    const { words } = this.memory;
    const index = this.domain.vcpus.findIndex(({ base }) => base === cpu);
    const vcpu = this.domain.vcpus[index]!;
    const { control, run, owner } = vcpu.sched;
    this.ranAt = performance.now();
    const idle = Atomics.load(words, (this.control + PCPU_CONTROL.IDLE) >>> 2);
    const opened = words[at('exclusiveAddress', cpu)] === NO_EXCLUSIVE;
    this.ran.push([index, budget, words[at('exitRequest', cpu)]!, run, owner, idle, opened]);
    const slice = this.#script.shift() ?? { ms: 0, instructions: 1, exit: EXIT_WAIT, timer: undefined, sends: false };
    words[at('instructions', cpu)]! += slice.instructions;
    words[at('interruptLines', cpu)] = 0;
    this.#ms += slice.ms;
    this.setTimer(vcpu, slice.timer);
    vcpu.timers.update(this.#counter.recent);
    if (slice.wakes) {
      const next = this.domain.vcpus[(index + 1) % VCPUS]!;
      words[at('interruptLines', next.base)] = 1;
      this.scheduler.wake(next.sched);
    }
    if (slice.sends) words[(control + VCPU_CONTROL.SENT) >>> 2] = 1;
    return slice.exit;
  }

  /** What `Pcpu` does, until there is nothing to run. */
  steps(): void {
    // Where it is idle a sleep follows, which ends if a timer is due.
    const isDue = (): boolean => this.scheduler.due(0) <= this.#counter.peek();
    for (let n = 0; n < 40 && (this.#step() || isDue()); n++);
  }

  #step(): boolean {
    const { scheduler, domain } = this;
    const now = this.#counter.read();
    this.#current?.timers.update(now);
    for (let n = scheduler.claimDue(0, now, 0); n >= 0; n = scheduler.claimDue(0, now, n + 1)) {
      this.#serveClaimed(domain.vcpus[n]!, now);
    }
    const vcpu = this.#isNext ? this.#current : this.#next();
    this.#isNext = false;
    if (vcpu === undefined) return false;
    const { words } = this.memory;
    const { base, sched, timers } = vcpu;
    words[at('exclusiveAddress', base)] = NO_EXCLUSIVE;
    sched.clearExitRequest();
    if (domain.state !== 'running') sched.requestExit();
    const budget = this.#pace.begin(sched.control, Math.min(timers.deadline, scheduler.deadline(0)), now);
    words[(sched.control + VCPU_CONTROL.SLICE_FIRST) >>> 2] = words[at('instructions', base)]!;
    this.#endSlice(vcpu, this.#run(base, budget));
    return this.#outcome !== 'wait' || this.#isNext;
  }

  #next(): Vcpu | undefined {
    const next = this.scheduler.next(0, this.#current?.sched, this.#outcome, this.#ticks);
    this.#current = this.domain.vcpus.find(({ sched }) => sched === next);
    return this.#current;
  }

  #serveClaimed({ timers, sched }: Vcpu, counter: number): void {
    timers.update(counter);
    if (sched.interrupted) this.scheduler.wake(sched);
    this.scheduler.release(sched);
  }

  #endSlice(vcpu: Vcpu, exit: number): void {
    const { words } = this.memory;
    const { control } = vcpu.sched;
    words[(control + VCPU_CONTROL.SENT) >>> 2] = 0;
    const executed = words[at('instructions', vcpu.base)]! - words[(control + VCPU_CONTROL.SLICE_FIRST) >>> 2]!;
    this.#ticks = this.#pace.end(control, executed);
    this.#outcome = exitReason(exit) === 'wait' ? 'wait' : 'preempted';
    if (this.#outcome === 'wait') this.#isNext = this.#next() !== undefined;
  }

  /** The idle loop; gives how it ended, and with which vCPU. */
  #end(seen: number): { why: number; vcpu: Vcpu | undefined } {
    const end = this.#idle(this.control, seen);
    const why = end & IDLE_END.MASK;
    return { why, vcpu: this.domain.vcpus.find(({ base }) => base === (end - why) >>> 0) };
  }

  loop(seen: number): number {
    return this.#end(seen).why;
  }

  /** The idle loop, and `Pcpu` behind it; gives how the loop ended. */
  idle(seen: number): number {
    const { why, vcpu } = this.#end(seen);
    if (why === IDLE_END.CLAIMED) {
      this.#serveClaimed(vcpu!, this.#counter.read());
    }
    if (why >= IDLE_END.RAN) {
      this.#current = vcpu;
      this.#endSlice(vcpu!, why - IDLE_END.RAN);
    }
    return why;
  }

  get isIdle(): boolean {
    return this.memory.words[(this.control + PCPU_CONTROL.IDLE) >>> 2] === PCPU_IDLE.YES;
  }

  /** Everything that either way changes. */
  get words(): unknown {
    const { memory, domain } = this;
    const { layout } = memory;
    const part = (from: number, to: number): string => Buffer.from(memory.bytes.slice(from, to)).toString('hex');
    return {
      ran: this.ran,
      vcpus: domain.vcpus.map(({ base, sched: { control } }) => [
        part(control, control + VCPU_CONTROL.BYTES),
        memory.words[at('interruptLines', base)],
      ]),
      pool: part(layout.pools[0]!, layout.pools[0]! + POOL_CONTROL.BYTES),
      idle: layout.pcpuControls.map((control) => memory.words[(control + PCPU_CONTROL.IDLE) >>> 2]),
      counter: memory.doubles[(layout.control + CONTROL.COUNTER) / 8],
      gic: part(layout.domains[0]!.gic, layout.domains[0]!.gic + GIC_STATE.VCPUS),
    };
  }
}

const timer = fc.option(fc.constantFrom(-10, -0.5, 0, 0.25, 3, 20), { nil: undefined, freq: 4 });
const vcpuStart = fc.record<VcpuStart>({
  run: fc.constantFrom('BLOCKED', 'BLOCKED', 'BLOCKED', 'RUNNABLE', 'OFFLINE'),
  taken: fc.boolean(),
  home: fc.constantFrom(0, 0, 1),
  timer,
  runtime: fc.integer({ min: 0, max: 20_000 }),
  line: fc.integer({ min: 0, max: 7 }).map((n) => n === 0),
  stale: fc.integer({ min: 0, max: 7 }).map((n) => n === 0),
});
const slice = fc.record<Slice>({
  ms: fc.constantFrom(0, 0.005, 0.3, 4),
  instructions: fc.integer({ min: 1, max: 400_000 }),
  exit: fc.constantFrom(EXIT_WAIT, EXIT_WAIT, EXIT_WAIT, 0, 1),
  timer,
  sends: fc.integer({ min: 0, max: 4 }).map((n) => n === 0),
  wakes: fc.integer({ min: 0, max: 4 }).map((n) => n === 0),
});
const starts = fc.record<Start>({
  scheduler: fc.constantFrom('fair', 'null'),
  vcpus: fc.array(vcpuStart, { minLength: VCPUS, maxLength: VCPUS }),
  poolRuntime: fc.integer({ min: 0, max: 20_000 }),
  otherIdles: fc.boolean(),
  ended: fc.integer({ min: 0, max: 9 }).map((n) => n === 0),
  slices: fc.array(slice, { maxLength: 3 }),
});

const asleep: VcpuStart = { run: 'BLOCKED', taken: false, home: 0, timer: 3, runtime: 0, line: false };
const off: VcpuStart = { ...asleep, run: 'OFFLINE', timer: undefined };
const quiet: Start = {
  ...{ scheduler: 'fair', vcpus: [asleep, off, off], poolRuntime: 0, otherIdles: false, ended: false, slices: [] },
};

describe('the idle loop', () => {
  it('sleeps until a timer is due', () => {
    const due = performance.now() + 30;
    const vcpus = [{ ...asleep, timer: due - NOW_MS }, off, off];
    const slices: Slice[] = [{ ms: 0, instructions: 9, exit: 0, timer: undefined, sends: false }];
    const board = new IdleBoard({ ...quiet, vcpus, slices, sleeps: true });
    expect(board.idle(Atomics.load(board.memory.words, board.wakeWord))).toBe(IDLE_END.RAN);
    expect(board.ran).toHaveLength(1);
    expect(board.ranAt).toBeGreaterThanOrEqual(due);
  });

  it('comes back where there is something that is not for it', () => {
    const ways: [IdleEnd, (board: IdleBoard, set: (at: number, value: number) => void) => void][] = [
      ['WOKEN', ({ memory: { layout } }, set) => set(layout.control + CONTROL.ATTENTION, 1)],
      ['WOKEN', ({ memory: { layout } }, set) => set(layout.control + CONTROL.STOP, 1)],
      ['WOKEN', ({ memory: { layout } }, set) => set(layout.control + CONTROL.RAM_EPOCH, 1)],
      ['WOKEN', ({ memory: { layout } }, set) => set(layout.pools[0]! + POOL_CONTROL.LOCK, 1)],
      ['CLAIMED', ({ memory: { layout } }, set) => set(layout.domains[0]!.gic + GIC_STATE.LOCK, 1)],
      ['AWAITS', ({ domain }, set) => set(domain.vcpus[1]!.sched.control + VCPU_CONTROL.RUN, VCPU_RUN.AWAITING)],
    ];
    for (const [end, prepare] of ways) {
      const board = new IdleBoard({ ...quiet, vcpus: [{ ...asleep, timer: 0 }, off, off] });
      const { words } = board.memory;
      prepare(board, (at, value) => {
        words[at >>> 2] = value;
      });
      expect(board.loop(Atomics.load(words, board.wakeWord))).toBe(IDLE_END[end]);
      expect(board.ran).toEqual([]);
    }
  });

  it('comes back with the first news', () => {
    const slices: Slice[] = [{ ms: 0, instructions: 9, exit: EXIT_WAIT, timer: 0, sends: true }];
    const board = new IdleBoard({ ...quiet, vcpus: [{ ...asleep, timer: 0 }, off, off], slices });
    expect(board.loop(0)).toBe(IDLE_END.RAN + EXIT_WAIT);
    expect(board.domain.vcpus[0]!.sched.owner).toBe(0);
  });

  it('leaves what it did as a pCPU that goes step by step would have', () => {
    const ends = new Map<number, number>();
    fc.assert(
      fc.property(starts, (start) => {
        const [looped, stepped] = [new IdleBoard(start), new IdleBoard(start)];
        const why = looped.idle(Atomics.load(looped.memory.words, looped.wakeWord));
        ends.set(why, (ends.get(why) ?? 0) + 1);
        if (why === IDLE_END.WOKEN) expect(looped.isIdle).toBe(true);
        looped.steps();
        stepped.steps();
        expect(looped.words).toEqual(stepped.words);
      }),
      { numRuns: 4000 },
    );
    // All ways in which it comes back but one were seen.
    expect([...ends.keys()].sort((a, b) => a - b)).toEqual([
      IDLE_END.WOKEN,
      IDLE_END.CLAIMED,
      ...[0, 1, EXIT_WAIT].map((exit) => IDLE_END.RAN + exit),
    ]);
  });
});
