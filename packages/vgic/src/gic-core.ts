import { VGicError } from './errors.ts';
import { GIC_STATE, IDLE_PRIORITY, MAX_SPIS, SPURIOUS, VCPU_STATE, VCPU_STRIDE } from './layout.ts';

/** Word offset of a byte offset. */
export const word = (offset: number): number => offset >> 2;

/** The arrays of one bit per INTID, as index into the order they share in the states of SPIs and of vCPUs. */
export const ENABLE = 0;
export const LATCH = 1;
export const LINE = 2;
export const ACTIVE = 3;
export const EDGE = 4;

/** Word offsets in a vCPU's state that both versions have. */
export const PMR = word(VCPU_STATE.GICC_PMR);
export const HPPI = word(VCPU_STATE.HPPI);
export const HPPI_PRIORITY = word(VCPU_STATE.HPPI_PRIORITY);
export const IRQ = word(VCPU_STATE.IRQ);
const PRIVATE = word(VCPU_STATE.ENABLE);
const TARGETED = word(VCPU_STATE.TARGETED);

export const GICD_CTLR = word(GIC_STATE.GICD_CTLR);
const SHAPE = word(GIC_STATE.SHAPE);
const SPI = word(GIC_STATE.SPI_ENABLE);
const STRIDE = word(VCPU_STRIDE);

/** 5 bits of priority: 32 levels, as in a GIC-400, a GIC-500 and their virtual CPU interfaces. */
export const PRIORITY_MASK = 0xf8;
/** Least binary point that 5 bits of priority allow: of GICC_BPR and ICC_BPR0_EL1, and one more of the Group 1 ones. */
export const MIN_BPR = 2;
export const MIN_BPR1 = 3;
/** GICC_RPR and ICC_RPR_EL1 when nothing is active. */
const IDLE_RPR = 0xff;
const SGI_MASK = 0xffff;

/** Index of the lowest bit set in `bits`, which is not 0. */
export const lowestBit = (bits: number): number => 31 - Math.clz32(bits & -bits);

/** Priority of the highest priority active interrupt, or 0xff, from active priorities registers of 5 bits. */
export const runningPriority = (activePriorities: number): number =>
  activePriorities === 0 ? IDLE_RPR : lowestBit(activePriorities) << 3;

/** What tells the versions apart before any register is looked at. */
export interface GicVersion {
  readonly name: 'GICv2' | 'GICv3';
  readonly maxVcpus: number;
  /** Byte offset of the state of vCPU 0. */
  readonly vcpusOffset: number;
  /** Set in SHAPE, so that a state isn't taken for one of the other version. */
  readonly shapeBits: number;
  /** Word offsets in a vCPU's state of its outputs. */
  readonly outputs: readonly number[];
}

export interface CoreOptions {
  readonly buffer: ArrayBufferLike;
  readonly byteOffset: number;
  readonly vcpus: number;
  readonly nrSpis: number;
}

/**
 * The interrupts and their states, which GICv2 and GICv3 have in common: IHI 0048B chapter 3, IHI 0069 chapter 4.
 * Every change ends in `refresh` or `signal` of the vCPUs it touches, so HPPI and the outputs in the state are always
 * current. The versions differ in which vCPU an interrupt reaches and in their CPU interfaces.
 */
export abstract class GicCore {
  readonly words: Int32Array;
  readonly bytes: Uint8Array;
  readonly vcpus: number;
  /** GICD_TYPER.ITLinesNumber + 1: words of 32 INTIDs, the banked ones included. */
  readonly lines: number;
  readonly #version: GicVersion;
  readonly #vcpusWord: number;
  readonly #vcpusByte: number;

  constructor(version: GicVersion, options: CoreOptions) {
    const { buffer, byteOffset, vcpus, nrSpis } = options;
    const { name, maxVcpus, vcpusOffset } = version;
    if (!Number.isInteger(vcpus) || vcpus < 1 || vcpus > maxVcpus) {
      throw new VGicError('bad-option', `vcpus ${vcpus}: a ${name} has 1 to ${maxVcpus}`);
    }
    if (!Number.isInteger(nrSpis) || nrSpis < 0 || nrSpis > 992) {
      throw new VGicError('bad-option', `nrSpis ${nrSpis}: a ${name} has 0 to ${MAX_SPIS} (992 when rounded up)`);
    }
    if (!Number.isInteger(byteOffset) || byteOffset < 0 || byteOffset % 4 !== 0) {
      throw new VGicError('state-misaligned', `byteOffset ${byteOffset} is not a multiple of 4; align the state`);
    }
    const size = vcpusOffset + vcpus * VCPU_STRIDE;
    if (byteOffset + size > buffer.byteLength) {
      throw new VGicError(
        'state-too-small',
        `state of ${size} bytes at ${byteOffset} passes the end of a buffer of ${buffer.byteLength} bytes`,
      );
    }
    this.words = new Int32Array(buffer, byteOffset, size / 4);
    this.bytes = new Uint8Array(buffer, byteOffset, size);
    this.vcpus = vcpus;
    this.lines = 1 + Math.ceil(nrSpis / 32);
    this.#version = version;
    this.#vcpusWord = word(vcpusOffset);
    this.#vcpusByte = vcpusOffset;
    this.#checkShape();
  }

  #checkShape(): void {
    const shape = this.words[SHAPE]!;
    if (shape === 0 || shape === this.#shape) return;
    const version = shape & (1 << 30) ? 'GICv3' : 'GICv2';
    throw new VGicError(
      'state-mismatch',
      `state is of a ${version} with ${shape & 0xff} vCPUs and ${(shape >> 8) & 0xfff} SPIs, options say ` +
        `a ${this.#version.name} with ${this.vcpus} and ${32 * this.lines - 32}; zero the state or give its options`,
    );
  }

  get #shape(): number {
    return this.vcpus | ((32 * this.lines - 32) << 8) | this.#version.shapeBits | (1 << 31);
  }

  /** Drives the outputs of a vCPU from HPPI and the CPU interface. */
  abstract signal(vcpu: number): void;

  /** Finds HPPI of a vCPU and drives its outputs. */
  abstract refresh(vcpu: number): void;

  /** Refreshes the vCPUs that the SPIs `bits` of word `n` may reach. */
  abstract refreshTargets(n: number, bits: number): void;

  /** The bits of word `n` that may go to this vCPU. */
  protected abstract reach(n: number, vcpu: number): number;

  /** Zeroes what belongs to the GIC. Input lines are outside and keep their level, as does the lock. */
  protected clear(): void {
    const w = this.words;
    w[SHAPE] = this.#shape;
    w.fill(0, SHAPE + 1, SPI + LINE * 32);
    w.fill(0, SPI + ACTIVE * 32, this.#vcpusWord);
    for (let v = 0; v < this.vcpus; v++) {
      const c = this.vcpu(v);
      const line = w[c + PRIVATE + LINE]!;
      const outputs = this.#version.outputs.map((output) => w[c + output]!);
      w.fill(0, c, c + STRIDE);
      w[c + PRIVATE + LINE] = line;
      this.#version.outputs.forEach((output, i) => {
        w[c + output] = outputs[i]!;
      });
      w[c + PRIVATE + EDGE] = SGI_MASK;
    }
    for (let n = 1; n < this.lines; n++) w[this.targetedIndex(n, 0)] = this.implemented(n);
  }

  /** Word index of a vCPU's state. */
  vcpu(vcpu: number): number {
    return this.#vcpusWord + vcpu * STRIDE;
  }

  checkVcpu(vcpu: number): void {
    if (vcpu >>> 0 >= this.vcpus) throw new VGicError('bad-vcpu', `vCPU ${vcpu} of ${this.vcpus}`);
  }

  /** The bits of word `n` that stand for an INTID: none past the last SPI, none for 1020 to 1023. */
  implemented(n: number): number {
    return n >= this.lines ? 0 : n === 31 ? 0x0fffffff : -1;
  }

  isImplemented(intid: number): boolean {
    return intid < 32 * this.lines && intid < 1020;
  }

  /** Word index of the bits of INTIDs 32 * n to 32 * n + 31 in array `kind`; those of n = 0 are banked. */
  bitsIndex(kind: number, n: number, vcpu: number): number {
    return n === 0 ? this.#vcpusWord + vcpu * STRIDE + PRIVATE + kind : SPI + kind * 32 + n;
  }

  /** Byte index of a byte in a vCPU's state. */
  protected byteIndex(offset: number, vcpu: number): number {
    return this.#vcpusByte + vcpu * VCPU_STRIDE + offset;
  }

  priorityIndex(intid: number, vcpu: number): number {
    return intid < 32 ? this.byteIndex(VCPU_STATE.PRIORITY + intid, vcpu) : GIC_STATE.SPI_PRIORITY + intid;
  }

  targetedIndex(n: number, vcpu: number): number {
    return this.vcpu(vcpu) + TARGETED + n;
  }

  /**
   * Pending of 32 INTIDs: what is latched, and a level-sensitive input while it is asserted (IHI 0048B,
   * GICD_ISPENDR; IHI 0069 section 4.1).
   */
  pendingBits(n: number, vcpu: number): number {
    const w = this.words;
    return (
      w[this.bitsIndex(LATCH, n, vcpu)]! | (w[this.bitsIndex(LINE, n, vcpu)]! & ~w[this.bitsIndex(EDGE, n, vcpu)]!)
    );
  }

  /** Sets or clears bits of an array and delivers what that changes. */
  changeBits(kind: number, n: number, vcpu: number, bits: number, set: boolean): void {
    const i = this.bitsIndex(kind, n, vcpu);
    const before = this.words[i]!;
    const after = set ? before | (bits & this.implemented(n)) : before & ~bits;
    if (after === before) return;
    this.words[i] = after;
    this.#refreshBits(n, before ^ after, vcpu);
  }

  #refreshBits(n: number, bits: number, vcpu: number): void {
    if (n === 0) this.refresh(vcpu);
    else this.refreshTargets(n, bits);
  }

  setPriority(intid: number, vcpu: number, priority: number): void {
    this.bytes[this.priorityIndex(intid, vcpu)] = priority & PRIORITY_MASK;
    this.#refreshBits(intid >> 5, 1 << (intid & 31), vcpu);
  }

  /** Level of a PPI input of one vCPU. Throws VGicError. */
  setPpi(vcpu: number, intid: number, level: boolean): void {
    this.checkVcpu(vcpu);
    if (intid < 16 || intid > 31) throw new VGicError('bad-intid', `INTID ${intid} is no PPI; PPIs are 16 to 31`);
    this.#setLine(intid, vcpu, level);
  }

  /** Level of an SPI input. Throws VGicError. */
  setSpi(intid: number, level: boolean): void {
    if (intid < 32 || !this.isImplemented(intid)) {
      const last = Math.min(32 * this.lines, 1020) - 1;
      throw new VGicError('bad-intid', `INTID ${intid} is no SPI of this GIC; they are 32 to ${last}`);
    }
    this.#setLine(intid, 0, level);
  }

  #setLine(intid: number, vcpu: number, level: boolean): void {
    const w = this.words;
    const n = intid >> 5;
    const bit = 1 << (intid & 31);
    const i = this.bitsIndex(LINE, n, vcpu);
    const before = w[i]!;
    const after = level ? before | bit : before & ~bit;
    if (before === after) return;
    w[i] = after;
    if (w[this.bitsIndex(EDGE, n, vcpu)]! & bit) {
      if (!level) return;
      w[this.bitsIndex(LATCH, n, vcpu)]! |= bit;
    }
    // A line that is masked or active changes nothing that a vCPU sees.
    if (!(w[this.bitsIndex(ENABLE, n, vcpu)]! & ~w[this.bitsIndex(ACTIVE, n, vcpu)]! & bit)) return;
    this.#refreshBits(n, bit, vcpu);
  }

  refreshAll(): void {
    for (let v = 0; v < this.vcpus; v++) this.refresh(v);
  }

  /** INTID of the highest priority pending interrupt of a vCPU, of equals the lowest; its priority in HPPI_PRIORITY. */
  protected select(vcpu: number): number {
    const w = this.words;
    const c = this.vcpu(vcpu);
    let best = IDLE_PRIORITY;
    let intid = SPURIOUS;
    for (let n = 0; n < this.lines; n++) {
      const i = n === 0 ? c + PRIVATE : SPI + n;
      const step = n === 0 ? 1 : 32;
      // Most words have nothing enabled: look there first.
      let bits = w[i + ENABLE * step]! & ~w[i + ACTIVE * step]!;
      if (bits === 0) continue;
      bits &= w[i + LATCH * step]! | (w[i + LINE * step]! & ~w[i + EDGE * step]!);
      if (bits === 0) continue;
      bits &= this.reach(n, vcpu);
      const priorities = this.priorityIndex(32 * n, vcpu);
      while (bits !== 0) {
        const b = lowestBit(bits);
        const priority = this.bytes[priorities + b]!;
        if (priority < best) {
          best = priority;
          intid = 32 * n + b;
        }
        bits &= bits - 1;
      }
    }
    w[c + HPPI_PRIORITY] = best;
    return intid;
  }

  /**
   * Whether HPPI may be signalled: above the priority mask and above what is active. `groupMask` are the bits of a
   * priority that decide on preemption (IHI 0048B chapter 3, IHI 0069 section 4.8).
   */
  protected preempts(c: number, groupMask: number, activePriorities: number): boolean {
    const priority = this.words[c + HPPI_PRIORITY]!;
    if (priority >= this.words[c + PMR]!) return false;
    return activePriorities === 0 || (priority & groupMask) < runningPriority(activePriorities);
  }

  /** Makes HPPI's priority active in the active priorities register at word `i`. */
  protected activatePriority(c: number, i: number, groupMask: number): void {
    this.words[i]! |= 1 << ((this.words[c + HPPI_PRIORITY]! & groupMask) >> 3);
  }

  /** Pending to active, or to active and pending while a level-sensitive input is asserted. */
  protected activate(intid: number, vcpu: number): void {
    const n = intid >> 5;
    const bit = 1 << (intid & 31);
    this.words[this.bitsIndex(ACTIVE, n, vcpu)]! |= bit;
    this.words[this.bitsIndex(LATCH, n, vcpu)]! &= ~bit;
    this.#refreshBits(n, bit, vcpu);
  }

  deactivate(intid: number, vcpu: number): void {
    this.changeBits(ACTIVE, intid >> 5, vcpu, 1 << (intid & 31), false);
  }
}
