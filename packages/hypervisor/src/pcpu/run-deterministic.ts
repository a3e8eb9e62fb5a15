/** Deterministic mode: all pCPUs of a board on one thread, where time is the count of instructions. */
import type { ConsoleTap, InputSource } from '../console/domain-console.ts';
import type { Ring } from '../console/ring.ts';
import { BoardMemory } from '../memory/board-memory.ts';
import { CONTROL } from '../memory/layout.ts';
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

  constructor(init: PcpuInit, signals: PcpuSignals, script: ConsoleScript | undefined) {
    this.#memory = new BoardMemory(init.memory, init.layout);
    this.#signals = signals;
    this.#script = script;
    this.#pace = new InstructionPace(init.counterFrequency);
    for (const { id } of init.domains) this.#taps.set(id, this.#makeTap(id));
    const mode = { pace: this.#pace, tap: (id: number) => this.#taps.get(id)! };
    this.#pcpus = init.layout.pcpus.map((_, pcpu) => new Pcpu({ ...init, pcpu }, signals, mode));
  }

  run(): void {
    for (;;) {
      const seen = this.#memory.control(CONTROL.ATTENTION);
      let ran = false;
      for (const pcpu of this.#pcpus) {
        const result = pcpu.step();
        if (result === 'done') return;
        if (result === 'ran') ran = true;
      }
      if (!ran) this.#idle(seen);
    }
  }

  /** Time goes on to the next timer or event at once; without one, only input can make something happen. */
  #idle(seen: number): void {
    const due = Math.min(...this.#pcpus.map((pcpu) => pcpu.due()));
    if (Number.isFinite(due)) this.#pace.skipTo(due);
    else this.#sleep(seen);
  }

  /** Sleeps until the board has something. */
  #sleep(seen: number): void {
    const { words, layout } = this.#memory;
    Atomics.wait(words, (layout.control + CONTROL.ATTENTION) >>> 2, seen);
  }

  #makeTap(domain: number): ConsoleTap {
    const typed = new TypedInput();
    return {
      typed,
      onOutput: (byte) => {
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
 * Each instruction, of whatever vCPU, takes a nanosecond, and time in which nothing can run passes at once. What comes
 * through `Board.input` enters when it comes, and is not repeated. Never on a main thread: it sleeps in Atomics.wait where
 * only the board can bring things on.
 *
 * @param init that of any pCPU
 */
export const runDeterministic = (init: PcpuInit, signals: PcpuSignals, script?: ConsoleScript): void =>
  new DeterministicRun(init, signals, script).run();
