/** The engine on one pCPU: instantiates the core module over the board's shared memory and runs vCPUs on it. */

import type { CompiledCore } from './core-module.ts';
import { EXIT_BUDGET, EXIT_EVENT, EXIT_REQUEST, EXIT_WAIT } from './interpreter/outcomes.ts';
import {
  BLOCK_TABLE,
  CODE_PAGES_SHIFT,
  CODE_TLB_BYTES,
  CODE_TLB_INDEX_BITS,
  CONSTANTS_BASE,
  PAGE_FLAGS,
  PAGE_HAS_CODE,
  PAGE_RECORDS_BYTES,
  PCPU_CLOCK_EPOCH,
  PCPU_CLOCK_LATEST,
  PCPU_CLOCK_LOCK,
  PCPU_CLOCK_TICKS,
  PCPU_CODE_PAGES,
  PCPU_NO_CODE,
  PCPU_RECORDS,
  PCPU_SLOT_KEYS,
  RECORD_COUNT,
  RECORD_SHIFT,
  recordsIn,
  SLOTS,
  TLB_EMPTY_UPPER,
} from './layout.ts';
import { Maintenance, type TlbExports } from './smp/maintenance.ts';
import { stateOffset, VCPU_FIELDS } from './state.ts';
import type { TranslationExchange } from './translator/exchange.ts';
import type { TranslationOptions } from './translator/options.ts';
import { Translator } from './translator/translator.ts';

/**
 * Why `run` came back: the budget is used up, the host asked by `exitRequest`, the vCPU waits for an interrupt (WFI), or it
 * waits for an event (WFE).
 */
export type ExitReason = 'budget' | 'request' | 'wait' | 'event';
const REASONS: Record<number, ExitReason> = {
  [EXIT_BUDGET]: 'budget',
  [EXIT_REQUEST]: 'request',
  [EXIT_WAIT]: 'wait',
  [EXIT_EVENT]: 'event',
};

/** What a number says that a module in front of the host (`EngineOptions.front`) got from `run`. */
export const exitReason = (code: number): ExitReason => REASONS[code]!;

/**
 * The system counter as a clock and memory that all pCPUs share, so that reading it needs no call of the host: what the
 * clock says, or the latest value if that is more.
 */
export interface EngineClock {
  /** Host time in ms, about the same on all threads; never goes back on one. Called without `this`. */
  readonly now: () => number;
  /** Host time at which the counter was 0. */
  readonly epoch: number;
  readonly ticksPerMs: number;
  /** Memory offset of the latest value that any pCPU has read: an f64. */
  readonly latest: number;
  /** Memory offset of its lock, a u32: 0 free, 1 held, 2 held while somebody waits, who is then notified. */
  readonly lock: number;
}

/**
 * What the engine asks of its host while it runs. `vcpu` is the vCPU's base in the memory. Calls are synchronous. A host
 * with several pCPUs must not call `flushTlbs` or `synchronize` of an engine while it holds a lock that any of these
 * functions takes: other pCPUs answer when their call is over.
 */
export interface EngineHost {
  /**
   * Memory offset that shall back the physical block `block` (address / 2 MiB), zeroed, or 0 where the board has no RAM.
   * The engine enters it in the block table. `vcpu` has touched it.
   */
  backBlock(block: number, vcpu: number): number;
  /**
   * An access of `size` bytes (1, 2, 4, 8 or 16) to an IPA that stage 2 does not map. A write's value is at
   * `valueAt` in the memory, a read's goes there. False: nothing is there, and the guest takes an external abort.
   */
  mmio(vcpu: number, ipa: number, size: number, isWrite: boolean, valueAt: number): boolean;
  /** HVC or SMC with its immediate; arguments and results are in the vCPU's X registers. False: UNDEFINED. */
  hypercall(vcpu: number, immediate: number, isSmc: boolean): boolean;
  /**
   * The system counter (CNTPCT_EL0), below 2^53. All pCPUs read one counter: what one has read, no other may read less
   * than later, so it comes of a clock that is one for all threads.
   */
  counter(vcpu: number): number;
  /** How the counter is read instead, where that is enough. Absent: `counter` is asked each time. */
  readonly clock?: EngineClock | undefined;
  /** CNTV_* or CNTP_* of the vCPU changed. */
  timerWritten(vcpu: number): void;
  /**
   * MRS or MSR at EL1 of a register that is not the engine's: the ICC registers of a GICv3's CPU interface. `id` is bits
   * [20:5] of the instruction: op0, op1, CRn, CRm and op2. A write's 8 bytes are at `valueAt` in the memory, a read's
   * go there. False: the vCPU hasn't got it, and the instruction is UNDEFINED. Absent: no vCPU has any.
   */
  systemRegister?(vcpu: number, id: number, isWrite: boolean, valueAt: number): boolean;
  /**
   * SEV: the other vCPUs of the domain have an event: `eventRegister` of each shall be 1, and those that wait in WFE go on.
   * A host that runs waiting vCPUs again by itself, soon, may leave this out.
   */
  sendEvent?(vcpu: number): void;
}

export interface EngineOptions {
  readonly memory: WebAssembly.Memory;
  /** The compiled core module, which threads may share; see `compileCore`. */
  readonly core: CompiledCore;
  /** Base of this pCPU's area: `pcpuBytes(codePages)` zeroed bytes, 64 KiB aligned. */
  readonly pcpu: number;
  /** Pages of code whose records are kept. */
  readonly codePages: number;
  readonly host: EngineHost;
  /**
   * Stands in front of `mmio`, `systemRegister` or `timerWritten` of the host: a module that imports the memory (`host`,
   * `memory`) and what it stands in front of (`host`, by these names), and exports functions of the same names and types,
   * and what else the host likes (`Engine.front`). For that it may import `run` of the engine, which gives an i32 (see
   * `exitReason`), and of the host `counter` and `clock.now` (as `hostTime`).
   * In WebAssembly the base of a vCPU comes as an i32, an IPA as two (low, high), truth as 0 or 1; values are at
   * `stateOffset('scratch0')` of the vCPU. Absent: the engine asks the host.
   */
  readonly front?: WebAssembly.Module | undefined;
  /** Translate what is run often to WebAssembly of its own. Default yes. */
  readonly translate?: boolean | TranslationOptions | undefined;
  /** How translations are shared with other pCPUs, and kept. Absent: they are this pCPU's own. */
  readonly exchange?: TranslationExchange | undefined;
}

/** Of so many runs by the module in front of the host one looks after translations. */
const RUNS_PER_TICK = 64;
/** Writes of a page that holds code before its records are given up for the sake of the data on it. */
const WRITES_BEFORE_DROP = 16;

const PAGE_BYTES = 4096;
const CODE_TLB_MASK = 2 ** CODE_TLB_INDEX_BITS - 1;
const SCRATCH = stateOffset('scratch0');
/** No write to a page that holds code is longer (DC ZVA). */
const LONGEST_WRITE = 64;

interface CoreExports extends TlbExports {
  enterAndRun(pcpu: number, vcpu: number, budget: number): number;
  forgetCode(pcpu: number, records: number): void;
  clearRecords(records: number, hostPage: number, trapsFp: number, count: number, used: number): void;
  voidRecords(records: number, first: number, last: number): void;
}

/** Runs vCPUs of the board's memory on one pCPU (one thread). */
export class Engine {
  readonly memory: WebAssembly.Memory;
  readonly pcpu: number;
  /** What the module in front of the host exports. */
  readonly front: WebAssembly.Exports | undefined;
  readonly #view: DataView;
  readonly #u32: Uint32Array;
  readonly #bytes: Uint8Array;
  readonly #host: EngineHost;
  readonly #core: CoreExports;
  readonly #codePages: number;
  /** Host page of each page of records, and how often it was written since. */
  readonly #hostPages: Uint32Array;
  readonly #writes: Uint16Array;
  /** Which of the two maps of PCPU_CODE_PAGES each page of records is in. */
  readonly #trapsFp: Uint8Array;
  /** The domain whose vCPU first executed each page of records. */
  readonly #vmids: Uint16Array;
  readonly #maintenance: Maintenance;
  #frontRuns = 0;
  #nextCodePage = 0;
  /** Pages of records that were ever in use: the others are still zero. */
  #usedCodePages = 0;
  readonly #translator: Translator | undefined;

  constructor(options: EngineOptions) {
    const { memory, pcpu, codePages, host } = options;
    this.memory = memory;
    this.pcpu = pcpu;
    this.#host = host;
    this.#codePages = codePages;
    this.#view = new DataView(memory.buffer);
    this.#u32 = new Uint32Array(memory.buffer);
    this.#bytes = new Uint8Array(memory.buffer);
    this.#hostPages = new Uint32Array(codePages);
    this.#writes = new Uint16Array(codePages);
    this.#trapsFp = new Uint8Array(codePages);
    this.#vmids = new Uint16Array(codePages);
    this.#bytes.set(options.core.constants, CONSTANTS_BASE);
    this.#bytes.fill(TLB_EMPTY_UPPER, pcpu + PCPU_NO_CODE, pcpu + PCPU_NO_CODE + CODE_TLB_BYTES);
    for (let n = 0; n < SLOTS; n++) this.#view.setInt32(pcpu + PCPU_SLOT_KEYS + 4 * n, -1, true);
    const { clock } = host;
    this.#view.setFloat64(pcpu + PCPU_CLOCK_EPOCH, clock?.epoch ?? 0, true);
    this.#view.setFloat64(pcpu + PCPU_CLOCK_TICKS, clock?.ticksPerMs ?? 0, true);
    this.#view.setUint32(pcpu + PCPU_CLOCK_LATEST, clock?.latest ?? 0, true);
    this.#view.setUint32(pcpu + PCPU_CLOCK_LOCK, clock?.lock ?? 0, true);
    // Addresses come as i32: those from 2 GiB on are negative.
    const imports = {
      memory,
      newCodePage: (vcpu: number, page: number, trapsFp: number) => this.#newCodePage(vcpu >>> 0, page >>> 0, trapsFp),
      codePageWritten: (vcpu: number, at: number) => this.#codePageWritten(vcpu >>> 0, at >>> 0),
      backBlock: (vcpu: number, block: number) => this.#backBlock(vcpu >>> 0, block),
      mmio: (cpu: number, low: number, high: number, size: number, isWrite: number) => {
        const vcpu = cpu >>> 0;
        const ipa = (high >>> 0) * 2 ** 32 + (low >>> 0);
        return host.mmio(vcpu, ipa, size, isWrite !== 0, vcpu + SCRATCH) ? 1 : 0;
      },
      hypercall: (vcpu: number, immediate: number, isSmc: number) => this.#hypercall(vcpu >>> 0, immediate, isSmc),
      counter: (vcpu: number) => host.counter(vcpu >>> 0),
      hostTime: host.clock?.now ?? Date.now,
      timerWritten: (vcpu: number) => host.timerWritten(vcpu >>> 0),
      systemRegister: (cpu: number, id: number, isWrite: number) => {
        const vcpu = cpu >>> 0;
        return host.systemRegister?.(vcpu, id, isWrite !== 0, vcpu + SCRATCH) ? 1 : 0;
      },
      hotEntry: (vcpu: number, rec: number) => this.#hotEntry(vcpu >>> 0, rec >>> 0),
      leftOften: (vcpu: number, region: number) => {
        const executed = this.#view.getBigUint64((vcpu >>> 0) + stateOffset('instructions'), true);
        this.#translator?.leftOften(region, Number(executed));
      },
      sendEvent: (vcpu: number) => host.sendEvent?.(vcpu >>> 0),
      broadcast: (vcpu: number, kind: number, operand: number, waits: number) =>
        this.#maintenance.tell(vcpu >>> 0, kind, operand, waits !== 0),
      synchronize: (vcpu: number) => this.#maintenance.complete(vcpu >>> 0),
      serve: (vcpu: number) => this.#maintenance.serve(vcpu >>> 0),
      enter: (vcpu: number) => this.#enter(vcpu >>> 0),
    };
    const run = (vcpu: number, budget: number): number => {
      this.#frontRuns++;
      return this.#frontRuns % RUNS_PER_TICK === 0 ? this.#run(vcpu, budget) : this.#enterAndRun(vcpu, budget);
    };
    this.front = options.front && new WebAssembly.Instance(options.front, { host: { ...imports, run } }).exports;
    const instance = new WebAssembly.Instance(options.core.module, { host: { ...imports, ...this.front } });
    this.#core = instance.exports as unknown as CoreExports;
    this.#maintenance = new Maintenance(memory, pcpu, this.#core, {
      forgetWords: (page, first, last) => this.#forgetWords(page, first, last),
      forgetCodeOf: (isMeant) => this.#forgetCodeOf(isMeant),
    });
    const { translate = true, exchange } = options;
    if (translate !== false) {
      const wishes = translate === true ? {} : translate;
      this.#translator = new Translator(memory, { pcpu, codePages }, instance.exports, wishes, exchange);
    }
  }

  /**
   * Runs the vCPU at `vcpu` for `budget` instructions (below 2^26) and on to the next branch or the end of the page;
   * less if it waits or the host asks. The state's `instructions` counts exactly what was executed.
   */
  run(vcpu: number, budget: number): ExitReason {
    return exitReason(this.#run(vcpu, budget));
  }

  #run(vcpu: number, budget: number): number {
    this.#translator?.tick();
    return this.#enterAndRun(vcpu, budget);
  }

  #enterAndRun(vcpu: number, budget: number): number {
    try {
      return this.#core.enterAndRun(this.pcpu, vcpu, budget);
    } catch (error) {
      this.#maintenance.leave();
      throw error;
    }
  }

  /** The vCPU may have been elsewhere, or others have told of maintenance. */
  #enter(vcpu: number): void {
    const at = (vcpu + VCPU_FIELDS.pcpu!) >>> 2;
    if (this.#u32[at] !== this.pcpu) {
      this.#u32[at] = this.pcpu;
      // Entries from before a break- or watchpoint was set elsewhere: none must hide it.
      if (this.#u32[(vcpu + VCPU_FIELDS.debugOn!) >>> 2] !== 0) this.#core.flushAll(this.pcpu);
    }
    this.#maintenance.enter(vcpu);
  }

  /**
   * Forgets translations of the domain `vmid`, or of all, here and on every other pCPU: to be called when stage-2 tables
   * changed. When it returns, no pCPU uses what the tables said before. May be called in any of the host's functions.
   */
  flushTlbs(vmid?: number): void {
    this.#maintenance.flushTlbs(vmid);
  }

  /**
   * To be called when the host wrote `length` bytes at memory offset `at` and there may be code. Other pCPUs see it
   * before they enter a vCPU again; `waits`: those that run one have seen it when this returns.
   */
  invalidateCode(at: number, length: number, waits = false): void {
    const end = at + length;
    let head: number | undefined;
    this.#maintenance.voidCalls();
    for (let page = at - (at % PAGE_BYTES); page < end; page += PAGE_BYTES) {
      const first = Math.max(at - page, 0) >>> 2;
      const last = (Math.min(end - page, PAGE_BYTES) - 1) >>> 2;
      this.#forgetWords(page, first, last);
      const flags = this.#bytes[PAGE_FLAGS + (page >>> 12)]!;
      if ((flags & PAGE_HAS_CODE) !== 0) head = this.#maintenance.wordsWritten(page, first, last);
    }
    if (waits && head !== undefined) this.#maintenance.wait(undefined, head);
  }

  /** Voids the records of words `first` to `last` of a page, wherever this pCPU has any. */
  #forgetWords(hostPage: number, first: number, last: number): void {
    for (let trapsFp = 0; trapsFp <= 1; trapsFp++) {
      const records = this.#recordsAt(hostPage, trapsFp);
      if (records === 0) continue;
      this.#core.voidRecords(records, first, last);
      this.#translator?.changed(this.#indexOf(records), first * 4, last * 4 + 4);
    }
  }

  #forgetCodeOf(isMeant: (vmid: number) => boolean): void {
    for (let n = 0; n < this.#codePages; n++) {
      if (this.#hostPages[n]! !== 0 && isMeant(this.#vmids[n]!)) this.#forgetWords(this.#hostPages[n]!, 0, 1023);
    }
  }

  #hypercall(vcpu: number, immediate: number, isSmc: number): number {
    // It may take long, and the instruction ends with it: others need not wait.
    this.#maintenance.leave();
    const known = this.#host.hypercall(vcpu, immediate, isSmc !== 0);
    this.#maintenance.enter(vcpu);
    return known ? 1 : 0;
  }

  #backBlock(vcpu: number, block: number): number {
    const at = this.#host.backBlock(block, vcpu);
    if (at !== 0) this.#u32[(BLOCK_TABLE >> 2) + block] = at;
    return at;
  }

  #recordsOf(index: number): number {
    return this.pcpu + PCPU_RECORDS + index * PAGE_RECORDS_BYTES;
  }

  #indexOf(record: number): number {
    return Math.floor((record - this.pcpu - PCPU_RECORDS) / PAGE_RECORDS_BYTES);
  }

  /** This pCPU's records of a page, or 0. */
  #recordsAt(hostPage: number, trapsFp: number): number {
    return recordsIn(this.#u32[this.#codePageEntry(hostPage, trapsFp)]!);
  }

  #codePageEntry(hostPage: number, trapsFp: number): number {
    return ((this.pcpu + PCPU_CODE_PAGES) >>> 2) + (trapsFp << (CODE_PAGES_SHIFT - 2)) + (hostPage >>> 12);
  }

  /** Takes the next page of records, oldest first, for the code at `hostPage`. */
  #newCodePage(vcpu: number, hostPage: number, trapsFp: number): number {
    const index = this.#nextCodePage;
    this.#nextCodePage = (index + 1) % this.#codePages;
    const records = this.#recordsOf(index);
    this.#dropCodePage(index);
    const vmid = this.#maintenance.vmidOf(vcpu);
    const page = { index, records, hostPage, trapsFp: trapsFp !== 0 };
    const used = index < this.#usedCodePages ? 1 : 0;
    this.#usedCodePages = Math.max(this.#usedCodePages, index + 1);
    this.#core.clearRecords(records, hostPage, trapsFp, this.#translator?.opened(page, vmid) ?? 0, used);
    this.#hostPages[index] = hostPage;
    this.#trapsFp[index] = trapsFp;
    this.#vmids[index] = vmid;
    this.#writes[index] = 0;
    // The caller has seen to it that there is no write entry.
    if (this.#recordsAt(hostPage, 0) === 0) this.#u32[this.#codePageEntry(hostPage, 0)] = 0;
    this.#u32[this.#codePageEntry(hostPage, trapsFp)] = records;
    return records;
  }

  /** Forgets a page of records, if it is in use; whatever runs there is looked up again at its next jump. */
  #dropCodePage(index: number): void {
    const hostPage = this.#hostPages[index]!;
    if (hostPage === 0) return;
    this.#hostPages[index] = 0;
    const trapsFp = this.#trapsFp[index]!;
    this.#maintenance.voidCalls();
    this.#u32[this.#codePageEntry(hostPage, trapsFp)] = 0;
    this.#translator?.dropped(index);
    this.#core.forgetCode(this.pcpu, this.#recordsOf(index));
  }

  /** A page that is data as much as code gives its records up: its writes are quick again. */
  #codePageWritten(vcpu: number, at: number): void {
    const hostPage = at - (at % PAGE_BYTES);
    // The page that is executed keeps its records: the interpreter is among them.
    const current = this.#u32[(vcpu + VCPU_FIELDS.pageRecords!) >>> 2];
    for (let trapsFp = 0; trapsFp <= 1; trapsFp++) {
      const records = this.#recordsAt(hostPage, trapsFp);
      if (records === 0) continue;
      const index = this.#indexOf(records);
      this.#translator?.changed(index, at - hostPage, at - hostPage + LONGEST_WRITE);
      this.#writes[index] = this.#writes[index]! + 1;
      if (this.#writes[index]! >= WRITES_BEFORE_DROP && current !== records) this.#dropCodePage(index);
    }
  }

  /** Index of the page of records that follows the current page in virtual memory, if the code TLB has it. */
  #nextCodePageOf(vcpu: number): number | undefined {
    const at = (vcpu + stateOffset('pageVa')) >>> 2;
    const low = (this.#u32[at]! + PAGE_BYTES) >>> 0;
    const high = this.#u32[at + 1]!;
    const tlb = this.#u32[(vcpu + stateOffset('tlbCode')) >>> 2]!;
    const entry = (tlb + 16 * ((low >>> 12) & CODE_TLB_MASK)) >>> 2;
    const records = this.#u32[entry + 2]!;
    const isThere = low !== 0 && this.#u32[entry] === low && this.#u32[entry + 1] === high;
    return isThere && records >= this.pcpu + PCPU_RECORDS ? this.#indexOf(records) : undefined;
  }

  /** Branches have led to the instruction of `rec` often. */
  #hotEntry(vcpu: number, rec: number): void {
    if (rec < this.pcpu + PCPU_RECORDS) {
      // The page from which instructions run alone.
      this.#view.setUint16(rec + RECORD_COUNT, 0, true);
      return;
    }
    const index = this.#indexOf(rec);
    const records = this.#recordsOf(index);
    const offset = ((rec - records) >> RECORD_SHIFT) * 4;
    if (this.#translator) this.#translator.hot(index, offset, this.#nextCodePageOf(vcpu));
    else this.#view.setUint16(rec + RECORD_COUNT, 0, true);
  }
}
