/** Small boards and guests for tests: instruction words in an arm64 Image, a host tree, and a pCPU on this thread. */
import { readFileSync } from 'node:fs';
import { compileDts, type DeviceTree } from '@dom0less/fdt';
import { Board, type BoardEvent, type BoardOptions, Pcpu, type PreparedBoard, type StepResult } from '../src/index.ts';
import { BoardMemory } from '../src/memory/board-memory.ts';
import { CONTROL } from '../src/memory/layout.ts';
import { type ModuleBytes, type PlannedDomain, planBoard } from '../src/plan.ts';

export const fixture = (name: string): Uint8Array =>
  new Uint8Array(readFileSync(new URL(`fixtures/${name}`, import.meta.url)));

export const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);

/** Encodings of what the guests here need (Arm ARM C6.2). Registers are X or W by the name's suffix. */
export const A = {
  movz: (rd: number, imm: number, shift = 0): number => (0xd2800000 | ((shift / 16) << 21) | (imm << 5) | rd) >>> 0,
  movk: (rd: number, imm: number, shift = 0): number => (0xf2800000 | ((shift / 16) << 21) | (imm << 5) | rd) >>> 0,
  adr: (rd: number, offset: number): number =>
    (0x10000000 | ((offset & 3) << 29) | (((offset >> 2) & 0x7ffff) << 5) | rd) >>> 0,
  addImm: (rd: number, rn: number, imm: number): number => (0x91000000 | (imm << 10) | (rn << 5) | rd) >>> 0,
  subsW: (rd: number, rn: number, imm: number): number => (0x71000000 | (imm << 10) | (rn << 5) | rd) >>> 0,
  ldrbPost: (rt: number, rn: number): number => 0x38401400 | (rn << 5) | rt,
  ldrW: (rt: number, rn: number, offset = 0): number => (0xb9400000 | ((offset / 4) << 10) | (rn << 5) | rt) >>> 0,
  strW: (rt: number, rn: number, offset = 0): number => (0xb9000000 | ((offset / 4) << 10) | (rn << 5) | rt) >>> 0,
  str: (rt: number, rn: number, offset = 0): number => (0xf9000000 | ((offset / 8) << 10) | (rn << 5) | rt) >>> 0,
  ldr: (rt: number, rn: number, offset = 0): number => (0xf9400000 | ((offset / 8) << 10) | (rn << 5) | rt) >>> 0,
  cbz: (rt: number, offset: number): number => (0x34000000 | (((offset >> 2) & 0x7ffff) << 5) | rt) >>> 0,
  cbnz: (rt: number, offset: number): number => (0x35000000 | (((offset >> 2) & 0x7ffff) << 5) | rt) >>> 0,
  tbnz: (rt: number, bit: number, offset: number): number =>
    (0x37000000 | (bit << 19) | (((offset >> 2) & 0x3fff) << 5) | rt) >>> 0,
  b: (offset: number): number => (0x14000000 | ((offset >> 2) & 0x3ffffff)) >>> 0,
  br: (rn: number): number => (0xd61f0000 | (rn << 5)) >>> 0,
  hvc: (imm = 0): number => (0xd4000002 | (imm << 5)) >>> 0,
  smc: (imm = 0): number => (0xd4000003 | (imm << 5)) >>> 0,
  /** MSR or MRS of the register op0, op1, CRn, CRm, op2. */
  msr: (op0: number, op1: number, crn: number, crm: number, op2: number, rt: number): number =>
    (0xd5000000 | (op0 << 19) | (op1 << 16) | (crn << 12) | (crm << 8) | (op2 << 5) | rt) >>> 0,
  mrs: (op0: number, op1: number, crn: number, crm: number, op2: number, rt: number): number =>
    (0xd5200000 | (op0 << 19) | (op1 << 16) | (crn << 12) | (crm << 8) | (op2 << 5) | rt) >>> 0,
  wfi: 0xd503207f,
  daifclrI: 0xd50342ff,
} as const;

/** X0 = `id`, HVC #0. */
export const hvcCall = (id: number): number[] => [A.movz(0, id >>> 16, 16), A.movk(0, id & 0xffff), A.hvc()];
export const systemOff = (): number[] => hvcCall(0x84000008);

/** Code that writes `message` to the UART, which X1 then points to. Uses X2 and X3. */
export const print = (message: string): number[] => {
  const bytes = new TextEncoder().encode(`${message}\0`);
  const words = new Uint32Array(Math.ceil(bytes.length / 4));
  new Uint8Array(words.buffer).set(bytes);
  const body = [A.ldrbPost(3, 2), A.cbz(3, 12), A.strW(3, 1), A.b(-12)];
  return [A.movz(1, 0x2200, 16), A.adr(2, 8), A.b(4 * words.length + 4), ...words, ...body];
};

/** An arm64 Image whose first instruction branches to `code`. */
export const image = (code: readonly number[]): Uint8Array => {
  const bytes = new Uint8Array(64 + 4 * code.length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, A.b(64), true);
  view.setUint32(16, 0x10000, true);
  view.setUint32(0x38, 0x644d5241, true);
  code.forEach((word, n) => {
    view.setUint32(64 + 4 * n, word, true);
  });
  return bytes;
};

export interface GuestSpec {
  readonly kernel: ModuleBytes;
  /** As in the tree; its file has `kernel`'s bytes. */
  readonly memoryKiB?: number;
  readonly cpus?: number;
  readonly extra?: string;
  readonly load?: boolean;
}

/** `chosen` is text for /chosen, `nodes` for the root. */
export interface HostSpec {
  readonly gic?: 2 | 3;
  /** CPUs of the host, labelled cpu0, cpu1, …; 1 if absent. */
  readonly cpus?: number;
  readonly chosen?: string;
  readonly nodes?: string;
  /** Further files, by address. */
  readonly files?: ReadonlyMap<number, ModuleBytes>;
}

const KERNELS = 0x50000000;
const KERNEL_STRIDE = 0x400000;

/** A host tree of 1 GiB with the guests as domU1, domU2, …, and the files of their kernels. */
export const boardInput = (
  guests: readonly GuestSpec[],
  { gic = 2, cpus: hostCpus = 1, chosen = '', nodes: more = '', files = new Map() }: HostSpec = {},
): { tree: DeviceTree; modules: Map<number, ModuleBytes> } => {
  const modules = new Map<number, ModuleBytes>(files);
  const nodes = guests.map(({ kernel, memoryKiB = 0x10000, cpus = 1, extra = '', load = true }, n) => {
    const at = KERNELS + n * KERNEL_STRIDE;
    if (load) modules.set(at, kernel);
    return `domU${n + 1} { compatible = "xen,domain"; #address-cells = <2>; #size-cells = <2>; vpl011;
      memory = <0 ${memoryKiB}>; cpus = <${cpus}>; ${extra}
      module@${at.toString(16)} { compatible = "multiboot,kernel", "multiboot,module";
        reg = <0 0x${at.toString(16)} 0 ${kernel.length}>; bootargs = "console=ttyAMA0"; }; };`;
  });
  const cpuNodes = Array.from({ length: hostCpus }, (_, n) => {
    return `cpu${n}: cpu@${n.toString(16)} { device_type = "cpu"; compatible = "arm,cortex-a57"; reg = <${n}>; };`;
  });
  const source = `/dts-v1/; / { #address-cells = <2>; #size-cells = <2>; interrupt-parent = <&gic>;
    cpus { #address-cells = <1>; #size-cells = <0>;
      ${cpuNodes.join('\n')} };
    memory@40000000 { device_type = "memory"; reg = <0 0x40000000 0 0x40000000>; };
    ${more}
    gic: intc@8000000 { compatible = "${gic === 2 ? 'arm,cortex-a15-gic' : 'arm,gic-v3'}"; #interrupt-cells = <3>; interrupt-controller;
      reg = <0 0x8000000 0 0x10000>, <0 0x8010000 0 0x10000>; };
    timer { compatible = "arm,armv8-timer"; interrupts = <1 13 4 1 14 4 1 11 4 1 10 4>; };
    chosen { #address-cells = <2>; #size-cells = <2>; ${chosen} ${nodes.join('\n')} }; };`;
  return { tree: compileDts(source), modules };
};

/** The board of {@link boardInput}. */
export const boardOf = (
  guests: readonly GuestSpec[],
  options: Partial<BoardOptions> = {},
  host: HostSpec = {},
): PreparedBoard => Board.prepare({ ...boardInput(guests, host), ...options });

interface BenchOptions {
  readonly host?: HostSpec;
  /** RAM blocks that the pCPUs may give out; all if absent. */
  readonly blocksLeft?: number;
  readonly pcpus?: number;
}

/** pCPUs driven by the test: no threads, and time that passes when the test says so (1 ms a step unless told). */
export class Bench {
  readonly board: Board;
  readonly events: BoardEvent[] = [];
  /** What the domains were built from. */
  readonly planned: readonly PlannedDomain[];
  /** The first of them. */
  readonly pcpu: Pcpu;
  readonly pcpus: readonly Pcpu[];
  ms = 0;
  /** What the board wants to be called for, by time. */
  #timers: { at: number; callback: () => void }[] = [];

  constructor(guests: readonly GuestSpec[], { host = {}, blocksLeft, pcpus = 1 }: BenchOptions = {}) {
    const after = (ms: number, callback: () => void): void => void this.#timers.push({ at: this.ms + ms, callback });
    const prepared = boardOf(guests, { now: () => this.ms, after, pcpus }, host);
    if (prepared.board === undefined) throw new Error(JSON.stringify(prepared.diagnostics, undefined, 1));
    this.board = prepared.board;
    this.planned = planBoard(boardInput(guests, host)).planned;
    this.board.subscribe((event) => this.events.push(event));
    const signals = { notify: () => {}, now: () => this.ms };
    const init = this.board.pcpuInit(0);
    const used = new Int32Array(init.memory.buffer)[(init.layout.control + CONTROL.BLOCKS_USED) >>> 2]!;
    const blockCount = blocksLeft === undefined ? init.layout.blockCount : used + blocksLeft;
    const layout = { ...init.layout, blockCount };
    this.pcpus = layout.pcpus.map((_, pcpu) => new Pcpu({ ...init, layout, pcpu }, signals));
    this.pcpu = this.pcpus[0]!;
  }

  /** One step of each pCPU. */
  step(): StepResult[] {
    return this.pcpus.map((pcpu) => pcpu.step());
  }

  /** Steps until nothing is left, or `until` holds, or `limit` steps; sleeps through idle times. */
  run(until: () => boolean = () => false, limit = 2000): 'done' | 'until' | 'limit' {
    for (let n = 0; n < limit; n++) {
      const results = this.step();
      this.board.pump();
      if (results.every((result) => result === 'done')) return 'done';
      if (until()) return 'until';
      const isIdle = results.every((result) => result === 'idle');
      const idle = isIdle ? Math.min(...this.pcpus.map((pcpu) => pcpu.idleMs())) : 0;
      this.ms += Number.isFinite(idle) ? Math.max(1, idle) : 1;
      this.#callBack();
    }
    return 'limit';
  }

  /** Calls back what is due. */
  #callBack(): void {
    const due = this.#timers.filter(({ at }) => at <= this.ms);
    this.#timers = this.#timers.filter(({ at }) => at > this.ms);
    for (const { callback } of due) callback();
  }

  /** Everything that a domain wrote. */
  bytes(domain = 1): Uint8Array {
    const parts = this.events.flatMap((event) =>
      event.type === 'console' && event.domain === domain ? event.bytes : [],
    );
    return Uint8Array.from(parts.flatMap((part) => [...part]));
  }

  /** Lines of Xen's log. */
  log(): string[] {
    return this.events.flatMap((event) => (event.type === 'log' ? event.line : []));
  }

  output(domain = 1): string {
    return text(this.bytes(domain));
  }

  /** Host memory at a physical address, inside one block. */
  physical(pa: number, length: number): Uint8Array {
    const { memory, layout } = this.board.pcpuInit(0);
    const at = new BoardMemory(memory, layout).offsetOf(pa);
    return new Uint8Array(memory.buffer, at, length).slice();
  }

  states(): string[] {
    return this.board.domains.map(({ state }) => state);
  }
}
