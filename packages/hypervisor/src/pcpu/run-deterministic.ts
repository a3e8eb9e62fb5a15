/** Deterministic mode: all pCPUs of a board on one thread, where time is the count of instructions. */
import type { ConsoleTap, InputSource } from '../console/domain-console.ts';
import type { Ring } from '../console/ring.ts';
import { BoardMemory } from '../memory/board-memory.ts';
import { CONTROL, DOMAIN_CONTROL } from '../memory/layout.ts';
import type { PcpuInit, PcpuSignals } from './init.ts';
import { InstructionPace } from './pace.ts';
import { Pcpu } from './pcpu.ts';

/** Reads the consoles and types at them as the guests run, so that what it does depends on nothing else. */
export interface ConsoleScript {
  /** Takes a byte that domain `domain` has written; gives what is typed into it now, before its next instruction. */
  output(domain: number, byte: number): Uint8Array | undefined;
  /** True: the board shall stop here. */
  readonly done: boolean;
}

const NO_BYTES = new Uint8Array();

/** What was typed and not taken. */
class TypedInput implements InputSource {
  #bytes = NO_BYTES;

  get length(): number {
    return this.#bytes.length;
  }

  add(bytes: Uint8Array): void {
    this.#bytes = Uint8Array.from([...this.#bytes, ...bytes]);
  }

  peek(limit: number): Uint8Array {
    return this.#bytes.subarray(0, limit);
  }

  drop(count: number): void {
    this.#bytes = this.#bytes.slice(count);
  }
}

/** The thread of deterministic mode. */
class DeterministicRun {
  readonly #memory: BoardMemory;
  readonly #signals: PcpuSignals;
  readonly #script: ConsoleScript | undefined;
  readonly #pace: InstructionPace;
  readonly #pcpus: readonly Pcpu[];
  readonly #taps = new Map<number, ConsoleTap>();
  /** Words of the domains' `TOLD`, and what they were when the board acted last. */
  readonly #told: { readonly word: number; value: number }[];
  /** A domain has written that another one waits for. */
  #awaitedOutput = false;

  constructor(init: PcpuInit, signals: PcpuSignals, script: ConsoleScript | undefined) {
    this.#memory = new BoardMemory(init.memory, init.layout);
    this.#signals = signals;
    this.#script = script;
    this.#pace = new InstructionPace(init.counterFrequency, this.#memory.doubles);
    for (const { id, layout } of init.domains) this.#taps.set(id, this.#makeTap(id, layout.control));
    this.#told = init.domains.map(({ layout }) => ({ word: (layout.control + DOMAIN_CONTROL.TOLD) >>> 2, value: 0 }));
    this.#seeTold();
    const mode = { pace: this.#pace, tap: (id: number) => this.#taps.get(id)! };
    this.#pcpus = init.layout.pcpus.map((_, pcpu) => new Pcpu({ ...init, pcpu }, signals, mode));
  }

  run(): void {
    for (;;) {
      const seen = this.#memory.control(CONTROL.ATTENTION);
      let ran = false;
      for (const pcpu of this.#pcpus) {
        if (this.#actDue <= this.#pace.read()) this.#haveBoardAct();
        const result = pcpu.step();
        if (result === 'done') return;
        if (result !== 'idle') ran = true;
        if (this.#seeTold() || this.#awaitedOutput) this.#haveBoardAct();
      }
      if (!ran) this.#idle(seen);
    }
  }

  get #actDue(): number {
    const { doubles, layout } = this.#memory;
    return doubles[(layout.control + CONTROL.ACT_DUE) / 8]!;
  }

  /** True if the board was told of a domain's end since the last look. */
  #seeTold(): boolean {
    let any = false;
    for (const told of this.#told) {
      const value = Atomics.load(this.#memory.words, told.word);
      any ||= value > told.value;
      told.value = value;
    }
    return any;
  }

  /**
   * Stands still until the board has done what is to be done now: it starts domains, and so does it at the same count of
   * instructions each time.
   */
  #haveBoardAct(): void {
    const { words, doubles, layout } = this.#memory;
    this.#awaitedOutput = false;
    doubles[(layout.control + CONTROL.COUNTER) / 8] = this.#pace.read();
    this.#memory.setControl(CONTROL.ACT, 1);
    if (this.#memory.setControl(CONTROL.NOTIFIED, 1) === 0) this.#signals.notify();
    while (this.#memory.control(CONTROL.ACT) !== 0 && this.#memory.control(CONTROL.STOP) === 0) {
      Atomics.wait(words, (layout.control + CONTROL.ACT) >>> 2, 1);
    }
    this.#seeTold();
  }

  /** Time goes on to the next timer or event at once; without one, only input can make something happen. */
  #idle(seen: number): void {
    const due = Math.min(this.#actDue, ...this.#pcpus.map((pcpu) => pcpu.due()));
    if (Number.isFinite(due)) this.#pace.skipTo(due);
    else this.#sleep(seen);
  }

  /** Sleeps until the board has something. */
  #sleep(seen: number): void {
    const { words, layout } = this.#memory;
    Atomics.wait(words, (layout.control + CONTROL.ATTENTION) >>> 2, seen);
  }

  #makeTap(domain: number, control: number): ConsoleTap {
    const typed = new TypedInput();
    const watched = (control + DOMAIN_CONTROL.WATCHED) >>> 2;
    return {
      typed,
      onOutput: (byte) => {
        if (Atomics.load(this.#memory.words, watched) !== 0) this.#awaitedOutput = true;
        const text = this.#script?.output(domain, byte);
        if (text !== undefined) typed.add(text);
        if (this.#script?.done) this.#stop();
      },
      waitForRoom: (ring) => this.#waitForRoom(ring),
    };
  }

  #stop(): void {
    this.#memory.setControl(CONTROL.STOP, 1);
    for (const pcpu of this.#pcpus) pcpu.leave();
  }

  /** The guest does not notice: no time goes by. */
  #waitForRoom(ring: Ring): void {
    for (;;) {
      const seen = this.#memory.control(CONTROL.ATTENTION);
      this.#memory.setControl(CONTROL.WANTS_ROOM, 1);
      if (this.#memory.setControl(CONTROL.NOTIFIED, 1) === 0) this.#signals.notify();
      if (ring.room > 0 || this.#memory.control(CONTROL.STOP) !== 0) return;
      this.#sleep(seen);
    }
  }
}

/**
 * Runs all pCPUs of a board that was prepared as `deterministic`, until no domain is left or the board is stopped: the
 * same board and script give the same bytes on every console and the same counts of instructions, on any machine.
 *
 * Each instruction, of whatever vCPU, takes a nanosecond, and time in which nothing can run passes at once. While the
 * board starts domains, for the first time or again, time stands still. What comes
 * through `Board.input` enters when it comes, and is not repeated. Never on a main thread: it sleeps in Atomics.wait where
 * only the board can bring things on.
 *
 * @param init that of any pCPU
 */
export const runDeterministic = (init: PcpuInit, signals: PcpuSignals, script?: ConsoleScript): void =>
  new DeterministicRun(init, signals, script).run();
