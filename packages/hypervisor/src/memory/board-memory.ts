/** The board's shared memory: views of it, and the RAM blocks that back physical addresses. */
import { BLOCK_BYTES, BLOCK_TABLE } from '@dom0less/arm64-cpu';
import { type BoardLayout, CONTROL, PCPU_CONTROL, PCPU_IDLE } from './layout.ts';
import { Lock } from './lock.ts';

/** Thrown where RAM has to be backed and the board's memory has no block left. */
export class OutOfBlocksError extends Error {
  override readonly name = 'OutOfBlocksError';
}

/** Views of the shared memory, the same on every thread. Physical addresses are below 2^40. */
export class BoardMemory {
  readonly bytes: Uint8Array;
  readonly words: Int32Array;
  readonly view: DataView;
  /** The same bytes as `words`, for doubles that a lock guards. */
  readonly doubles: Float64Array;
  readonly layout: BoardLayout;
  readonly #blockLock: Lock;

  constructor(memory: WebAssembly.Memory, layout: BoardLayout) {
    this.bytes = new Uint8Array(memory.buffer);
    this.words = new Int32Array(memory.buffer);
    this.view = new DataView(memory.buffer);
    this.doubles = new Float64Array(memory.buffer);
    this.layout = layout;
    this.#blockLock = this.lock(layout.control + CONTROL.BLOCK_LOCK);
  }

  /** The lock whose word is at `byteOffset`. */
  lock(byteOffset: number): Lock {
    return new Lock(this.words, byteOffset);
  }

  /** Loads the control word at `CONTROL.*`. */
  control(word: number): number {
    return Atomics.load(this.words, (this.layout.control + word) >>> 2);
  }

  /** Stores a control word and gives what it was. */
  setControl(word: number, value: number): number {
    return Atomics.exchange(this.words, (this.layout.control + word) >>> 2, value);
  }

  /** Ends the sleep of a pCPU, or keeps it from the one it is about to begin. */
  wake(pcpu: number): void {
    const word = (this.layout.pcpuControls[pcpu]! + PCPU_CONTROL.WAKE) >>> 2;
    Atomics.add(this.words, word, 1);
    Atomics.notify(this.words, word);
  }

  wakeAll(): void {
    this.layout.pcpuControls.forEach((_, pcpu) => {
      this.wake(pcpu);
    });
  }

  /** The board has acted: pCPUs of deterministic mode, which stood still, go on. */
  letGoOn(): void {
    this.setControl(CONTROL.ACT, 0);
    Atomics.notify(this.words, (this.layout.control + CONTROL.ACT) >>> 2);
  }

  #idleOf(pcpu: number): number {
    return Atomics.load(this.words, (this.layout.pcpuControls[pcpu]! + PCPU_CONTROL.IDLE) >>> 2);
  }

  /**
   * Settles when `pcpu` first has a vCPU to run. Where the runtime has no Atomics.waitAsync, at once.
   */
  async used(pcpu: number): Promise<void> {
    const word = (this.layout.pcpuControls[pcpu]! + PCPU_CONTROL.WAKE) >>> 2;
    if (typeof Atomics.waitAsync !== 'function') return;
    for (;;) {
      const seen = Atomics.load(this.words, word);
      if (this.#idleOf(pcpu) !== PCPU_IDLE.UNUSED) return;
      await Atomics.waitAsync(this.words, word, seen).value;
    }
  }

  /** Has the pCPUs look at consoles and ending domains: one that is idle at once, else each when its slice is over. */
  callAttention(): void {
    const word = (this.layout.control + CONTROL.ATTENTION) >>> 2;
    Atomics.add(this.words, word, 1);
    Atomics.notify(this.words, word);
    const { pcpuControls } = this.layout;
    const idle = pcpuControls.findIndex((_, pcpu) => this.#idleOf(pcpu) === PCPU_IDLE.YES);
    if (idle >= 0) this.wake(idle);
  }

  /**
   * Memory offset of the physical block `block` (address / 2 MiB). A block that has none yet gets the next one of the
   * pool, zeroed; 0 if there is none left.
   */
  backBlock(block: number): number {
    const entry = (BLOCK_TABLE >>> 2) + block;
    const known = Atomics.load(this.words, entry) >>> 0;
    if (known !== 0) return known;
    this.#blockLock.acquire();
    const at = Atomics.load(this.words, entry) >>> 0 || this.#takeBlock();
    if (at !== 0) Atomics.store(this.words, entry, at);
    this.#blockLock.release();
    return at;
  }

  /** RAM blocks that are in use. */
  get blocksUsed(): number {
    return this.control(CONTROL.BLOCKS_USED) - this.control(CONTROL.BLOCKS_FREE);
  }

  /**
   * Scrubs physical memory that no vCPU can reach any more: its bytes are zero afterwards. Whole blocks are given back
   * for others if `release`. Engines have to hear of it by `RAM_EPOCH`.
   */
  scrub(pa: number, size: number, release: boolean): void {
    const end = pa + size;
    for (let at = pa; at < end; ) {
      const block = Math.floor(at / BLOCK_BYTES);
      const next = Math.min(end, (block + 1) * BLOCK_BYTES);
      const entry = (BLOCK_TABLE >>> 2) + block;
      const offset = Atomics.load(this.words, entry) >>> 0;
      if (offset !== 0) {
        const from = offset + (at - block * BLOCK_BYTES);
        this.bytes.fill(0, from, from + (next - at));
        if (release && next - at === BLOCK_BYTES) this.#giveBack(entry, offset);
      }
      at = next;
    }
  }

  #giveBack(entry: number, offset: number): void {
    this.#blockLock.acquire();
    Atomics.store(this.words, entry, 0);
    this.words[offset >>> 2] = this.setControl(CONTROL.FREE_BLOCK, offset);
    this.setControl(CONTROL.BLOCKS_FREE, this.control(CONTROL.BLOCKS_FREE) + 1);
    this.#blockLock.release();
  }

  /** Memory offset of a physical address. Throws OutOfBlocksError if it has to be backed and can't. */
  offsetOf(pa: number): number {
    const block = Math.floor(pa / BLOCK_BYTES);
    const at = this.backBlock(block);
    if (at === 0) throw new OutOfBlocksError(`all ${this.layout.blockCount} RAM blocks of 2 MiB are in use`);
    return at + (pa - block * BLOCK_BYTES);
  }

  /**
   * Has `put` write `size` bytes of physically contiguous memory, a part at a time: those from byte `at` on, as many as
   * `into` has room for. Throws OutOfBlocksError.
   */
  fill(pa: number, size: number, put: (at: number, into: Uint8Array) => void): void {
    for (let at = 0; at < size; ) {
      const room = Math.min(size - at, BLOCK_BYTES - ((pa + at) % BLOCK_BYTES));
      const offset = this.offsetOf(pa + at);
      put(at, this.bytes.subarray(offset, offset + room));
      at += room;
    }
  }

  #takeBlock(): number {
    const { blocks, blockCount } = this.layout;
    const free = this.control(CONTROL.FREE_BLOCK) >>> 0;
    if (free !== 0) {
      this.setControl(CONTROL.FREE_BLOCK, this.words[free >>> 2]!);
      this.setControl(CONTROL.BLOCKS_FREE, this.control(CONTROL.BLOCKS_FREE) - 1);
      this.words[free >>> 2] = 0;
      return free;
    }
    const used = this.control(CONTROL.BLOCKS_USED);
    if (used >= blockCount) return 0;
    this.setControl(CONTROL.BLOCKS_USED, used + 1);
    return blocks + used * BLOCK_BYTES;
  }
}
