/** Maintenance of TLBs and code across pCPUs: what guests and hosts ask for, and what other pCPUs asked for. */
import { PCPU_RUNNING, PCPU_SLOT_KEYS, SLOTS } from '../layout.ts';
import { VCPU_FIELDS } from '../state.ts';
import { Broadcast, type Operation } from './broadcast.ts';
import { ANY_VMID, OP_ASID, OP_CODE, OP_CODE_LINES, OP_EVERYTHING, OP_VA, OP_VMID, OP_WRITES } from './operations.ts';

/** What the core module exports for it. */
export interface TlbExports {
  flushAll(pcpu: number): void;
  flushVmid(pcpu: number, vmid: number): void;
  flushAsid(pcpu: number, key: number): void;
  flushVa(pcpu: number, vmid: number, page: number): void;
  flushWritesOf(pcpu: number, vmid: number): void;
}

/** The records of a pCPU. */
export interface Records {
  /** Voids the records of words `first` to `last` of a host page, if there are any. */
  forgetWords(hostPage: number, first: number, last: number): void;
  /** Voids all records of code of domains of which `isMeant` is true. */
  forgetCodeOf(isMeant: (vmid: number) => boolean): void;
}

const WORDS_PER_LINE = 16;
const PAGE_SHIFT = 12;

/** Bits of lines `first` to `last` of a page: 0 … 31, and 32 … 63. */
const linesBetween = (first: number, last: number): [number, number] => {
  const bits = (from: number): number => {
    const [a, b] = [Math.max(first - from, 0), Math.min(last - from, 31)];
    return a > b ? 0 : ((2 ** (b - a + 1) - 1) * 2 ** a) | 0;
  };
  return [bits(0), bits(32)];
};

/** One pCPU's part in maintenance. */
export class Maintenance extends Broadcast {
  readonly #u32: Uint32Array;
  readonly #pcpu: number;
  readonly #core: TlbExports;
  readonly #records: Records;

  /** Enters the pCPU whose area is at `pcpu` into the list of the memory's pCPUs. */
  constructor(memory: WebAssembly.Memory, pcpu: number, core: TlbExports, records: Records) {
    super(memory, pcpu, {
      apply: (op) => {
        this.voidCalls();
        this.#apply(op);
      },
      resync: (missed) => {
        this.voidCalls();
        this.#flushTlbsOf(missed);
        this.#records.forgetCodeOf(missed);
      },
      flushTlbsOf: (missed) => {
        this.voidCalls();
        this.#flushTlbsOf(missed);
      },
    });
    this.#u32 = new Uint32Array(memory.buffer);
    this.#pcpu = pcpu;
    this.#core = core;
    this.#records = records;
  }

  /** Forgets translations of the domain, or of all, everywhere; waits until nobody uses them. */
  flushTlbs(vmid?: number): void {
    this.voidCalls();
    if (vmid === undefined) {
      this.#core.flushAll(this.#pcpu);
      this.wait(undefined, this.post(OP_EVERYTHING, ANY_VMID, 0));
      return;
    }
    this.#core.flushVmid(this.#pcpu, vmid);
    this.wait(vmid, this.post(OP_VMID, vmid, 0));
  }

  /** The host wrote words `first` to `last` of a page that may have records; gives the head of the log behind that. */
  wordsWritten(hostPage: number, first: number, last: number): number {
    const [low, high] = linesBetween(Math.floor(first / WORDS_PER_LINE), Math.floor(last / WORDS_PER_LINE));
    return this.post(OP_CODE_LINES, ANY_VMID, hostPage >>> PAGE_SHIFT, low, high);
  }

  /**
   * Regions that have called others may be of code that is no more: what comes back to them goes by its address (see
   * `callRegions` in interpreter/run-regions.ts).
   */
  voidCalls(): void {
    const vcpu = Atomics.load(this.#u32, (this.#pcpu + PCPU_RUNNING) >>> 2);
    if (vcpu !== 0) this.#u32[(vcpu + VCPU_FIELDS.regionCalls!) >>> 2] = 0;
  }

  /** Tells other pCPUs of maintenance that this one has done for the vCPU. `waits`: the next DSB waits for them. */
  tell(vcpu: number, kind: number, operand: number, waits: boolean): void {
    const vmid = this.vmidOf(vcpu);
    let head: number;
    if (kind === OP_CODE_LINES) head = this.#tellLines(vcpu, vmid);
    else {
      if (kind === OP_CODE) {
        this.voidCalls();
        this.#records.forgetCodeOf((of) => of === vmid);
      }
      head = this.post(kind, vmid, operand);
    }
    if (!waits) return;
    this.#u32[(vcpu + VCPU_FIELDS.maintenanceHead!) >>> 2] = head;
    this.#u32[(vcpu + VCPU_FIELDS.maintenanceDue!) >>> 2] = 1;
  }

  /** DSB behind maintenance: it is complete when no other vCPU of the domain uses what is forgotten. */
  complete(vcpu: number): void {
    const lines = (vcpu + VCPU_FIELDS.icLines!) >>> 2;
    if ((this.#u32[lines]! | this.#u32[lines + 1]!) !== 0) this.tell(vcpu, OP_CODE_LINES, 0, true);
    this.wait(this.vmidOf(vcpu), this.#u32[(vcpu + VCPU_FIELDS.maintenanceHead!) >>> 2]! | 0);
    this.#u32[(vcpu + VCPU_FIELDS.maintenanceDue!) >>> 2] = 0;
  }

  /** The lines of code that IC IVAU named. This pCPU may have records from before the vCPU wrote them on another. */
  #tellLines(vcpu: number, vmid: number): number {
    const lines = (vcpu + VCPU_FIELDS.icLines!) >>> 2;
    const [low, high] = [this.#u32[lines]!, this.#u32[lines + 1]!];
    this.#u32[lines] = 0;
    this.#u32[lines + 1] = 0;
    const page = this.#u32[(vcpu + VCPU_FIELDS.icPage!) >>> 2]!;
    this.voidCalls();
    this.#forgetLines(page, low, high);
    return this.post(OP_CODE_LINES, vmid, page, low, high);
  }

  #apply({ kind, vmid, operand, linesLow, linesHigh }: Operation): void {
    if (kind === OP_VA) this.#core.flushVa(this.#pcpu, vmid, operand);
    else if (kind === OP_ASID) this.#core.flushAsid(this.#pcpu, operand);
    else if (kind === OP_VMID) this.#core.flushVmid(this.#pcpu, vmid);
    else if (kind === OP_WRITES) this.#core.flushWritesOf(this.#pcpu, vmid);
    else if (kind === OP_CODE_LINES) this.#forgetLines(operand, linesLow, linesHigh);
    else if (kind === OP_CODE) this.#records.forgetCodeOf((of) => of === vmid);
    else this.#core.flushAll(this.#pcpu);
  }

  #flushTlbsOf(missed: (vmid: number) => boolean): void {
    for (let n = 0; n < SLOTS; n++) {
      const key = this.#u32[(this.#pcpu + PCPU_SLOT_KEYS) / 4 + n]! | 0;
      if (key !== -1 && missed(key >>> 16)) this.#core.flushVmid(this.#pcpu, key >>> 16);
    }
  }

  #forgetLines(page: number, low: number, high: number): void {
    this.#forgetLinesOf(page, 0, low);
    this.#forgetLinesOf(page, 32, high);
  }

  /** Lines `from` on of a page that have a bit. */
  #forgetLinesOf(page: number, from: number, bits: number): void {
    for (let rest = bits; rest !== 0; rest &= rest - 1) {
      const first = (from + 31 - Math.clz32(rest & -rest)) * WORDS_PER_LINE;
      this.#records.forgetWords((page << PAGE_SHIFT) >>> 0, first, first + WORDS_PER_LINE - 1);
    }
  }
}
