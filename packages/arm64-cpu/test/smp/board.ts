/** Several engines in worker threads over one memory, for tests: the smallest host that runs guests on real cores. */
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { Stage2Tables } from '@dom0less/arm64-mmu';
import { assemble } from '../../src/asm/assemble.ts';
import { compileCore } from '../../src/core-module.ts';
import { BLOCK_BYTES, BLOCK_TABLE, ENGINE_END, pcpuBytes } from '../../src/layout.ts';
import { stateOffset, VCPU_BYTES } from '../../src/state.ts';
import {
  COMMAND_BYTES,
  COMMAND_MODULES,
  COMMAND_STATE,
  COMMAND_VCPU,
  type PcpuInit,
  STATE_QUIT,
  STATE_RUN,
} from './protocol.ts';

const require = createRequire(import.meta.url);
const CODE_PAGES = 64;
export const RAM_BASE = 0x4000_0000;
const RAM_BYTES = 32 * 2 ** 20;
const TABLES = RAM_BASE + RAM_BYTES;
const CODE_END = RAM_BASE + 0x40_0000;

let workerCode: string | undefined;
/** The worker as one script: Node runs no TypeScript. */
async function workerScript(): Promise<string> {
  const { build } = require('esbuild') as typeof import('esbuild');
  const out = await build({
    entryPoints: [fileURLToPath(new URL('./pcpu-worker.ts', import.meta.url))],
    bundle: true,
    write: false,
    platform: 'node',
    format: 'cjs',
    conditions: ['@dom0less/source'],
  });
  return out.outputFiles[0]!.text;
}

/** `pcpus` threads and `vcpus` vCPUs of one domain: RAM at RAM_BASE, stage 2 one to one, EL1 with the MMU off. */
export class SmpBoard {
  readonly memory: WebAssembly.Memory;
  readonly view: DataView;
  readonly words: Int32Array;
  readonly vcpus: readonly number[];
  readonly #ram: number;
  readonly #commands: number;
  readonly #stage2: Stage2Tables;
  readonly #workers: Worker[] = [];
  /** Why a thread has died. */
  #death: Error | undefined;
  #nextTable = TABLES;
  #nextCode = RAM_BASE + 0x10_0000;
  #tablesMade = false;

  private constructor(pcpus: number, vcpus: number) {
    this.#commands = ENGINE_END;
    this.vcpus = Array.from({ length: vcpus }, (_, n) => ENGINE_END + 0x10000 + n * VCPU_BYTES);
    const areas = ENGINE_END + 0x20000;
    const area = pcpuBytes(CODE_PAGES);
    this.#ram = Math.ceil((areas + pcpus * area) / BLOCK_BYTES) * BLOCK_BYTES;
    const pages = (this.#ram + RAM_BYTES + BLOCK_BYTES) / 0x10000;
    this.memory = new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true });
    this.view = new DataView(this.memory.buffer);
    this.words = new Int32Array(this.memory.buffer);
    for (let at = 0; at < RAM_BYTES + BLOCK_BYTES; at += BLOCK_BYTES) {
      this.view.setUint32(BLOCK_TABLE + 4 * ((RAM_BASE + at) / BLOCK_BYTES), this.#ram + at, true);
    }
    this.#stage2 = new Stage2Tables({
      memory: {
        readDescriptor: (pa) => this.view.getBigUint64(this.at(pa), true),
        writeDescriptor: (pa, value) => this.view.setBigUint64(this.at(pa), value, true),
        allocTablePage: () => this.#take(1),
        allocRootPages: (n) => this.#take(n),
      },
    });
    this.#stage2.map(RAM_BASE, RAM_BASE, RAM_BYTES, { read: true, write: true, execute: true, memoryType: 'normal' });
    for (let n = 0; n < vcpus; n++) this.reset(n);
  }

  /** Starts a thread for each of as many pCPUs as vCPUs. */
  static async start(vcpus: number, translate: PcpuInit['translate'] = true): Promise<SmpBoard> {
    const pcpus = vcpus;
    const board = new SmpBoard(pcpus, vcpus);
    workerCode ??= await workerScript();
    const core = compileCore();
    const ready = Array.from({ length: pcpus }, (_, n) => {
      const init: PcpuInit = {
        memory: board.memory,
        core,
        pcpu: ENGINE_END + 0x20000 + n * pcpuBytes(CODE_PAGES),
        codePages: CODE_PAGES,
        command: board.#commands + n * COMMAND_BYTES,
        clock: ENGINE_END + 0x8000,
        translate,
      };
      const worker = new Worker(workerCode!, { eval: true, workerData: init });
      board.#workers.push(worker);
      worker.on('error', (cause) => {
        board.#death = new Error(`the thread of pCPU ${n} died: ${cause}`, { cause });
      });
      return new Promise<void>((resolve, reject) => {
        worker.once('message', () => resolve());
        worker.once('error', reject);
      });
    });
    await Promise.all(ready);
    return board;
  }

  #take(pages: number): number {
    this.#nextTable += 4096 * pages;
    return this.#nextTable - 4096 * pages;
  }

  /** Memory offset of a physical address. */
  at = (pa: number): number => this.#ram + (pa - RAM_BASE);

  /** Puts a vCPU at EL1h with the MMU off. */
  reset(n: number): void {
    const vcpu = this.vcpus[n]!;
    new Uint8Array(this.memory.buffer, vcpu, VCPU_BYTES).fill(0);
    this.set32(n, 'el', 1);
    this.set32(n, 'spsel', 1);
    this.set32(n, 'daif', 0x3c0);
    this.set32(n, 'exclusiveAddress', -1);
    this.set(n, 'MPIDR_EL1', BigInt(n));
    this.set(n, 'SCTLR_EL1', 0x00c50078n);
    this.set(n, 'CPACR_EL1', 3n << 20n);
    this.set(n, 'flagZ', 1n);
    this.set(n, 'VTTBR_EL2', this.#stage2.VTTBR_EL2 | (1n << 48n));
    this.set(n, 'VTCR_EL2', this.#stage2.VTCR_EL2);
  }

  /** MMU on: RAM one to one by blocks of 2 MiB, Normal memory, so that accesses go through TLBs. */
  mmuOn(n: number): void {
    const [l0, l1, l2] = [TABLES + 0x10_0000, TABLES + 0x10_1000, TABLES + 0x10_2000];
    if (!this.#tablesMade) this.#makeTables(l0, l1, l2);
    this.set(n, 'TTBR0_EL1', BigInt(l0));
    this.set(n, 'MAIR_EL1', 0xffn);
    this.set(n, 'TCR_EL1', 16n | (16n << 16n) | (1n << 23n) | (2n << 30n) | (4n << 32n));
    this.set(n, 'SCTLR_EL1', 0x34d5d91dn & ~(1n << 19n));
  }

  #makeTables(l0: number, l1: number, l2: number): void {
    this.#tablesMade = true;
    this.view.setBigUint64(this.at(l0), BigInt(l1) | 3n, true);
    this.view.setBigUint64(this.at(l1) + 8 * (RAM_BASE / 2 ** 30), BigInt(l2) | 3n, true);
    for (let b = 0; b < RAM_BYTES / BLOCK_BYTES; b++) {
      this.view.setBigUint64(this.at(l2) + 8 * b, BigInt(RAM_BASE + b * BLOCK_BYTES) | 0x701n, true);
    }
    this.#stage2.map(TABLES, TABLES, BLOCK_BYTES, { read: true, write: false, execute: false, memoryType: 'normal' });
  }

  /** Maps one page in the tables that `mmuOn` made; gives the address of its descriptor, which guests may write. */
  mapPage(va: number, pa: number): number {
    const [l2, l3] = [TABLES + 0x10_2000, RAM_BASE + 0x3_0000];
    new Uint8Array(this.memory.buffer, this.at(l3), 0x1000).fill(0);
    this.view.setBigUint64(this.at(l2) + 8 * ((va - RAM_BASE) / BLOCK_BYTES), BigInt(l3) | 3n, true);
    const entry = l3 + 8 * ((va / 4096) & 511);
    this.view.setBigUint64(this.at(entry), BigInt(pa) | 0x703n, true);
    return entry;
  }

  /** Assembles a program to a place where none was before: nobody has records of it. Gives its address. */
  program(source: string): number {
    const pa = this.#nextCode;
    const { bytes } = assemble(source, { origin: BigInt(pa) });
    this.#nextCode += Math.ceil(bytes.length / 0x1000) * 0x1000;
    if (this.#nextCode > CODE_END) throw new Error('no room for more programs');
    new Uint8Array(this.memory.buffer).set(bytes, this.at(pa));
    return pa;
  }

  get = (n: number, name: string): bigint => this.view.getBigUint64(this.vcpus[n]! + stateOffset(name), true);
  set(n: number, name: string, value: bigint): void {
    this.view.setBigUint64(this.vcpus[n]! + stateOffset(name), value, true);
  }
  set32(n: number, name: string, value: number): void {
    this.view.setInt32(this.vcpus[n]! + stateOffset(name), value, true);
  }

  /** Runs vCPU `vcpu` on pCPU `pcpu` from `pc` until it calls HVC. */
  async run(pcpu: number, vcpu: number, pc: number | bigint): Promise<void> {
    const command = (this.#commands + pcpu * COMMAND_BYTES) >>> 2;
    this.set(vcpu, 'pc', BigInt(pc));
    this.words[command + COMMAND_VCPU] = this.vcpus[vcpu]!;
    Atomics.store(this.words, command + COMMAND_STATE, STATE_RUN);
    Atomics.notify(this.words, command + COMMAND_STATE);
    while (Atomics.load(this.words, command + COMMAND_STATE) === STATE_RUN) {
      const waiting = Atomics.waitAsync(this.words, command + COMMAND_STATE, STATE_RUN, 1000);
      if (waiting.async) await waiting.value;
      if (this.#death) throw this.#death;
    }
  }

  /** How many modules of translated code a pCPU has made. */
  modules(pcpu: number): number {
    return Atomics.load(this.words, ((this.#commands + pcpu * COMMAND_BYTES) >>> 2) + COMMAND_MODULES);
  }

  async stop(): Promise<void> {
    for (let n = 0; n < this.#workers.length; n++) {
      const command = (this.#commands + n * COMMAND_BYTES) >>> 2;
      Atomics.store(this.words, command + COMMAND_STATE, STATE_QUIT);
      Atomics.notify(this.words, command + COMMAND_STATE);
    }
    await Promise.all(this.#workers.map((w) => w.terminate()));
  }
}
