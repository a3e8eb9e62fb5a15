/**
 * How pCPUs tell each other what to forget. Operations (smp/operations.ts) stand in one log in shared memory; each pCPU
 * follows it before it enters a vCPU, and whenever it is asked to. README, "Several pCPUs", has the protocol.
 */
import {
  LOG_ENTRIES,
  MAX_PCPUS,
  PCPU_DONE,
  PCPU_MARK,
  PCPU_RUNNING,
  PRESENT_SEVERAL,
  SHARED_LAST,
  SHARED_LAST_BITS,
  SHARED_LOG,
  SHARED_LOG_HEAD,
  SHARED_LOG_LOCK,
  SHARED_PCPU_COUNT,
  SHARED_PCPUS,
  SHARED_PRESENT,
  SHARED_TAKEN_OVER,
} from '../layout.ts';
import { stateOffset } from '../state.ts';
import { ANY_VMID } from './operations.ts';

/** One operation of the log. */
export interface Operation {
  readonly kind: number;
  readonly vmid: number;
  readonly operand: number;
  /** OP_CODE_LINES: bits of lines 0 … 31 and 32 … 63. */
  readonly linesLow: number;
  readonly linesHigh: number;
}

/** What a pCPU does with operations of others. */
export interface Follower {
  apply(op: Operation): void;
  /** Operations were missed: forgets all that belongs to domains of which `missed` is true. */
  resync(missed: (vmid: number) => boolean): void;
  /** Operations on TLBs were not told: forgets all entries of domains of which `missed` is true. */
  flushTlbsOf(missed: (vmid: number) => boolean): void;
}

const word = (address: number): number => address >>> 2;
const LASTS = 2 ** SHARED_LAST_BITS;
/** Where SHARED_LAST has its words of a VMID. */
const lastOf = (vmid: number): number => word(SHARED_LAST) + 3 * (vmid & (LASTS - 1));
const VMID = stateOffset('VTTBR_EL2') + 6;
const ENGINE_REQUEST = stateOffset('engineRequest');
const SOLE_VCPU = stateOffset('soleVcpu');
/** Looks at another pCPU before the thread sleeps between them: the host may have fewer cores than the board pCPUs. */
const SPINS = 200;
const SLEEP_MS = 0.2;

/** The log as one pCPU sees it. Sequence numbers are 32 bits wide and wrap. */
export class Broadcast {
  readonly #words: Int32Array;
  readonly #u16: Uint16Array;
  readonly #pcpu: number;
  readonly #follower: Follower;
  readonly #index: number;
  /** The pCPU's mark in SHARED_PRESENT. */
  readonly #mark: number;
  /** SHARED_TAKEN_OVER when this pCPU last came to have entries of these domains. */
  readonly #joined = new Int32Array(LASTS).fill(-1);
  #done: number;

  /** Enters the pCPU whose area is at `pcpu` into the list. Throws if there are more than MAX_PCPUS. */
  constructor(memory: WebAssembly.Memory, pcpu: number, follower: Follower) {
    this.#words = new Int32Array(memory.buffer);
    this.#u16 = new Uint16Array(memory.buffer);
    this.#pcpu = pcpu;
    this.#follower = follower;
    this.#lock();
    this.#index = this.#enlist();
    this.#mark = this.#index + 1;
    this.#words[word(pcpu + PCPU_MARK)] = this.#mark;
    this.#done = this.#head;
    Atomics.store(this.#words, word(pcpu + PCPU_RUNNING), 0);
    Atomics.store(this.#words, word(pcpu + PCPU_DONE), this.#done);
    this.#unlock();
  }

  /** The pCPU is about to run the vCPU at `vcpu`: from here on others wait for it. */
  enter(vcpu: number): void {
    // The order counts: who appends to the log and then finds nobody running need not wait.
    Atomics.store(this.#words, word(this.#pcpu + PCPU_RUNNING), vcpu);
    const group = this.vmidOf(vcpu) & (LASTS - 1);
    if (Atomics.load(this.#words, word(SHARED_PRESENT) + group) !== this.#mark) this.#join(vcpu, group);
    if (this.#head !== this.#done) this.follow();
  }

  /**
   * The pCPU comes to have TLB entries of domains that others had to themselves, or have with it. A domain's only vCPU
   * takes over: as long as it stays, its TLBI concern nobody else. Who takes over looks what others run behind that; one
   * that enters says what it runs before it looks: one of the two sees the other.
   */
  #join(vcpu: number, group: number): void {
    const w = this.#words;
    const [present, takenOver] = [word(SHARED_PRESENT) + group, word(SHARED_TAKEN_OVER) + group];
    const isSole = w[word(vcpu + SOLE_VCPU)] === 1;
    const isOneOfSeveral = Atomics.load(w, present) === PRESENT_SEVERAL && this.#joined[group] === w[takenOver];
    if (isOneOfSeveral && !isSole) return;
    this.#lock();
    const isNew = this.#joined[group] !== w[takenOver];
    const was = Atomics.exchange(w, present, this.#mark);
    if (was === 0 || (isSole && !this.#isRunElsewhere(group))) w[takenOver]!++;
    else Atomics.store(w, present, PRESENT_SEVERAL);
    this.#joined[group] = w[takenOver]!;
    this.#unlock();
    if (isNew) this.#follower.flushTlbsOf((vmid) => (vmid & (LASTS - 1)) === group);
  }

  /** Whether another pCPU runs a vCPU of these domains. */
  #isRunElsewhere(group: number): boolean {
    const w = this.#words;
    for (let n = 0; n < w[word(SHARED_PCPU_COUNT)]!; n++) {
      const vcpu = Atomics.load(w, word((w[word(SHARED_PCPUS) + n]! >>> 0) + PCPU_RUNNING)) >>> 0;
      if (n !== this.#index && vcpu !== 0 && (this.vmidOf(vcpu) & (LASTS - 1)) === group) return true;
    }
    return false;
  }

  /** The pCPU runs no guest code until it enters again. */
  leave(): void {
    Atomics.store(this.#words, word(this.#pcpu + PCPU_RUNNING), 0);
  }

  /** Does what others asked for since the last time, and says so. */
  follow(): void {
    const head = this.#head;
    if (head === this.#done) return;
    for (let at = this.#done; at !== head; at = (at + 1) | 0) {
      const op = this.#read(at);
      // Overtaken before or while it was read: the entry may be another's.
      if ((this.#head - at) >>> 0 >= LOG_ENTRIES) {
        this.#resync();
        break;
      }
      if (op) this.#follower.apply(op);
    }
    this.#done = head;
    Atomics.store(this.#words, word(this.#pcpu + PCPU_DONE), head);
  }

  /** Somebody asked for attention to the vCPU. */
  serve(vcpu: number): void {
    Atomics.store(this.#words, word(vcpu + ENGINE_REQUEST), 0);
    this.follow();
    Atomics.notify(this.#words, word(this.#pcpu + PCPU_DONE));
  }

  /**
   * Appends an operation, which this pCPU did itself already, and gives the head behind it. With one pCPU there is nobody
   * to tell.
   */
  post(kind: number, vmid: number, operand: number, linesLow = 0, linesHigh = 0): number {
    const w = this.#words;
    if (Atomics.load(w, word(SHARED_PCPU_COUNT)) < 2) return this.#head;
    this.#lock();
    const at = this.#head;
    const entry = word(SHARED_LOG) + (at & (LOG_ENTRIES - 1)) * 4;
    Atomics.store(w, entry, kind | (this.#index << 4) | (vmid << 16));
    Atomics.store(w, entry + 1, operand);
    Atomics.store(w, entry + 2, linesLow);
    Atomics.store(w, entry + 3, linesHigh);
    const next = (at + 1) | 0;
    if (vmid === ANY_VMID) for (let n = 0; n < LASTS; n++) this.#setLast(n, next);
    else this.#setLast(vmid, next);
    Atomics.store(w, word(SHARED_LOG_HEAD), next);
    this.#unlock();
    return next;
  }

  /**
   * Waits until every other pCPU that runs a vCPU of the domain (any, if `vmid` is undefined) has followed the log up to
   * `head`; follows it itself meanwhile, so that those who wait for each other both go on.
   */
  wait(vmid: number | undefined, head: number): void {
    const count = Atomics.load(this.#words, word(SHARED_PCPU_COUNT));
    for (let n = 0; n < count; n++) {
      if (n !== this.#index) this.#waitFor(this.#words[word(SHARED_PCPUS) + n]! >>> 0, vmid, head);
    }
  }

  #waitFor(pcpu: number, vmid: number | undefined, head: number): void {
    const w = this.#words;
    let asked = 0;
    for (let spins = 0; ; spins++) {
      const vcpu = Atomics.load(w, word(pcpu + PCPU_RUNNING)) >>> 0;
      if (vcpu === 0 || (vmid !== undefined && this.vmidOf(vcpu) !== vmid)) return;
      const done = Atomics.load(w, word(pcpu + PCPU_DONE));
      if (((done - head) | 0) >= 0) return;
      if (vcpu !== asked) Atomics.store(w, word(vcpu + ENGINE_REQUEST), 1);
      asked = vcpu;
      this.follow();
      if (spins < SPINS) continue;
      // The request may have been taken on another pCPU, where the vCPU ran before: ask again.
      asked = 0;
      Atomics.wait(w, word(pcpu + PCPU_DONE), done, SLEEP_MS);
    }
  }

  /** The VMID of the vCPU at `vcpu`. */
  vmidOf(vcpu: number): number {
    return this.#u16[(vcpu + VMID) >>> 1]! & 0x7fff;
  }

  get #head(): number {
    return Atomics.load(this.#words, word(SHARED_LOG_HEAD));
  }

  /** The operation at `at`; undefined if it is this pCPU's own. */
  #read(at: number): Operation | undefined {
    const w = this.#words;
    const entry = word(SHARED_LOG) + (at & (LOG_ENTRIES - 1)) * 4;
    const info = Atomics.load(w, entry);
    if (((info >>> 4) & (MAX_PCPUS - 1)) === this.#index) return undefined;
    const operand = Atomics.load(w, entry + 1);
    const linesLow = Atomics.load(w, entry + 2);
    const linesHigh = Atomics.load(w, entry + 3);
    return { kind: info & 15, vmid: info >>> 16, operand, linesLow, linesHigh };
  }

  /** More was asked for than the log holds. A domain for which no other pCPU asked for anything loses nothing. */
  #resync(): void {
    const w = this.#words;
    this.#lock();
    const missed = Array.from({ length: LASTS }, (_, n) => {
      const at = lastOf(n);
      const last = w[at + 1] === this.#index + 1 ? w[at + 2]! : w[at]!;
      return ((last - this.#done) | 0) > 0;
    });
    this.#unlock();
    this.#follower.resync((vmid) => missed[vmid & (LASTS - 1)]!);
  }

  /** The log's lock is held. */
  #setLast(vmid: number, head: number): void {
    const w = this.#words;
    const at = lastOf(vmid);
    if (w[at + 1] !== this.#index + 1) {
      w[at + 2] = w[at]!;
      w[at + 1] = this.#index + 1;
    }
    w[at] = head;
  }

  #enlist(): number {
    const w = this.#words;
    const count = w[word(SHARED_PCPU_COUNT)]!;
    for (let n = 0; n < count; n++) if (w[word(SHARED_PCPUS) + n]! >>> 0 === this.#pcpu) return n;
    if (count === MAX_PCPUS) {
      this.#unlock();
      throw new RangeError(`a memory has engines of at most ${MAX_PCPUS} pCPUs`);
    }
    w[word(SHARED_PCPUS) + count] = this.#pcpu;
    Atomics.store(w, word(SHARED_PCPU_COUNT), count + 1);
    return count;
  }

  /** The lock is held for the length of one entry. */
  #lock(): void {
    while (Atomics.compareExchange(this.#words, word(SHARED_LOG_LOCK), 0, 1) !== 0);
  }

  #unlock(): void {
    Atomics.store(this.#words, word(SHARED_LOG_LOCK), 0);
  }
}
