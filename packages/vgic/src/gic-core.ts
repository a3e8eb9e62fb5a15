import { VGicError } from './errors.ts';
import {
  GIC_STATE,
  IDLE_PRIORITY,
  MAX_SPIS,
  MAX_VCPUS,
  SPURIOUS,
  stateBytes,
  VCPU_STATE,
  VCPU_STRIDE,
} from './layout.ts';

const word = (offset: number): number => offset >> 2;

/** The arrays of one bit per INTID, as index into the order they share in GIC_STATE and VCPU_STATE. */
export const ENABLE = 0;
export const LATCH = 1;
export const LINE = 2;
export const ACTIVE = 3;
export const EDGE = 4;

/** Word offsets in a vCPU's state. */
export const CTLR = word(VCPU_STATE.GICC_CTLR);
export const PMR = word(VCPU_STATE.GICC_PMR);
export const BPR = word(VCPU_STATE.GICC_BPR);
export const ABPR = word(VCPU_STATE.GICC_ABPR);
export const APR0 = word(VCPU_STATE.GICC_APR0);
export const HPPI = word(VCPU_STATE.HPPI);
const HPPI_PRIORITY = word(VCPU_STATE.HPPI_PRIORITY);
const IRQ = word(VCPU_STATE.IRQ);
const PRIVATE = word(VCPU_STATE.ENABLE);
const TARGETED = word(VCPU_STATE.TARGETED);

const GICD_CTLR = word(GIC_STATE.GICD_CTLR);
const SHAPE = word(GIC_STATE.SHAPE);
const SPI = word(GIC_STATE.SPI_ENABLE);
const VCPUS = word(GIC_STATE.VCPUS);
const STRIDE = word(VCPU_STRIDE);

/** 5 bits of priority: 32 levels, as in a GIC-400 and its virtual CPU interface. */
export const PRIORITY_MASK = 0xf8;
/** Least binary point that 5 bits of priority allow. */
export const MIN_BPR = 2;
const MIN_ABPR = 3;
const SGI_MASK = 0xffff;

/** Index of the lowest bit set in `bits`, which is not 0. */
const lowestBit = (bits: number): number => 31 - Math.clz32(bits & -bits);

export interface CoreOptions {
  readonly buffer: ArrayBufferLike;
  readonly byteOffset: number;
  readonly vcpus: number;
  readonly nrSpis: number;
  readonly onIrq: (vcpu: number, level: boolean) => void;
}

/**
 * The interrupts, their states and their way to the vCPUs: IHI 0048B section 3. Every change ends in `refresh` or
 * `signal` of the vCPUs it touches, so HPPI and IRQ in the state are always current.
 */
export class GicCore {
  readonly words: Int32Array;
  readonly bytes: Uint8Array;
  readonly vcpus: number;
  /** GICD_TYPER.ITLinesNumber + 1: words of 32 INTIDs, the banked ones included. */
  readonly lines: number;
  readonly #onIrq: (vcpu: number, level: boolean) => void;

  constructor(options: CoreOptions) {
    const { buffer, byteOffset, vcpus, nrSpis } = options;
    if (!Number.isInteger(vcpus) || vcpus < 1 || vcpus > MAX_VCPUS) {
      throw new VGicError('bad-option', `vcpus ${vcpus}: a GICv2 has 1 to ${MAX_VCPUS}`);
    }
    if (!Number.isInteger(nrSpis) || nrSpis < 0 || nrSpis > 992) {
      throw new VGicError('bad-option', `nrSpis ${nrSpis}: a GICv2 has 0 to ${MAX_SPIS} (992 when rounded up)`);
    }
    if (!Number.isInteger(byteOffset) || byteOffset < 0 || byteOffset % 4 !== 0) {
      throw new VGicError('state-misaligned', `byteOffset ${byteOffset} is not a multiple of 4; align the state`);
    }
    const size = stateBytes(options);
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
    this.#onIrq = options.onIrq;
    const shape = this.words[SHAPE]!;
    if (shape !== 0 && shape !== this.#shape) {
      throw new VGicError(
        'state-mismatch',
        `state has ${shape & 0xff} vCPUs and ${(shape >> 8) & 0xfff} SPIs, options say ${vcpus} and ` +
          `${32 * this.lines - 32}; zero the state or give its options`,
      );
    }
  }

  get #shape(): number {
    return this.vcpus | ((32 * this.lines - 32) << 8) | (1 << 31);
  }

  /** Reset values; SPIs target vCPU 0. Input lines are outside the GIC and keep their level, as does the lock. */
  reset(): void {
    const w = this.words;
    w[SHAPE] = this.#shape;
    w[GICD_CTLR] = 0;
    w.fill(0, SPI, SPI + LINE * 32);
    w.fill(0, SPI + ACTIVE * 32, VCPUS);
    for (let v = 0; v < this.vcpus; v++) {
      const c = this.vcpu(v);
      const line = w[c + PRIVATE + LINE]!;
      const irq = w[c + IRQ]!;
      w.fill(0, c, c + STRIDE);
      w[c + PRIVATE + LINE] = line;
      w[c + IRQ] = irq;
      w[c + PRIVATE + EDGE] = SGI_MASK;
      w[c + BPR] = MIN_BPR;
      w[c + ABPR] = MIN_ABPR;
    }
    for (let n = 1; n < this.lines; n++) w[this.vcpu(0) + TARGETED + n] = this.implemented(n);
    this.refreshAll();
  }

  /** Word index of a vCPU's state. */
  vcpu(vcpu: number): number {
    return VCPUS + vcpu * STRIDE;
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
    return n === 0 ? this.vcpu(vcpu) + PRIVATE + kind : SPI + kind * 32 + n;
  }

  priorityIndex(intid: number, vcpu: number): number {
    return intid < 32
      ? GIC_STATE.VCPUS + vcpu * VCPU_STRIDE + VCPU_STATE.PRIORITY + intid
      : GIC_STATE.SPI_PRIORITY + intid;
  }

  sgiSourcesIndex(sgi: number, vcpu: number): number {
    return GIC_STATE.VCPUS + vcpu * VCPU_STRIDE + VCPU_STATE.SGI_SOURCES + sgi;
  }

  targetedIndex(n: number, vcpu: number): number {
    return this.vcpu(vcpu) + TARGETED + n;
  }

  /** Pending of 32 INTIDs: what is latched, and a level-sensitive input while it is asserted (IHI 0048B fig. 4-10). */
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
    if (n === 0) this.refresh(vcpu);
    else this.#refreshTargets(n, before ^ after);
  }

  get enabled(): boolean {
    return (this.words[GICD_CTLR]! & 1) !== 0;
  }

  set enabled(enabled: boolean) {
    this.words[GICD_CTLR] = enabled ? 1 : 0;
    for (let v = 0; v < this.vcpus; v++) this.signal(v);
  }

  /** Level of an input line. INTID 16 to 31 is the PPI of `vcpu`; for an SPI `vcpu` is ignored. */
  setLine(intid: number, vcpu: number, level: boolean): void {
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
    if (n === 0) this.refresh(vcpu);
    else this.#refreshTargets(n, bit);
  }

  /** Makes an SGI from `source` pending, or no longer pending, at `target`. */
  setSgi(sgi: number, source: number, target: number, pending: boolean): void {
    const i = this.sgiSourcesIndex(sgi, target);
    const sources = pending ? this.bytes[i]! | (1 << source) : this.bytes[i]! & ~(1 << source);
    this.bytes[i] = sources;
    const latch = this.bitsIndex(LATCH, 0, target);
    if (sources) this.words[latch]! |= 1 << sgi;
    else this.words[latch]! &= ~(1 << sgi);
    this.refresh(target);
  }

  refreshAll(): void {
    for (let v = 0; v < this.vcpus; v++) this.refresh(v);
  }

  #refreshTargets(n: number, bits: number): void {
    for (let v = 0; v < this.vcpus; v++) if (this.words[this.targetedIndex(n, v)]! & bits) this.refresh(v);
  }

  /** Finds the highest priority pending interrupt of a vCPU; of equals the lowest INTID, then the lowest source. */
  refresh(vcpu: number): void {
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
      if (n > 0) bits &= w[c + TARGETED + n]!;
      const priorities = n === 0 ? this.priorityIndex(0, vcpu) : GIC_STATE.SPI_PRIORITY + 32 * n;
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
    w[c + HPPI] = intid < 16 ? intid | (lowestBit(this.bytes[this.sgiSourcesIndex(intid, vcpu)]!) << 10) : intid;
    w[c + HPPI_PRIORITY] = best;
    this.signal(vcpu);
  }

  /** The bits of a priority that decide on preemption (IHI 0048B section 3.3.3): [7:BPR+1]. */
  #groupMask(c: number): number {
    return (0xff << (this.words[c + BPR]! + 1)) & 0xff;
  }

  /** Priority of the highest priority active interrupt, or 0xff: GICC_RPR. */
  runningPriority(vcpu: number): number {
    const apr = this.words[this.vcpu(vcpu) + APR0]!;
    return apr === 0 ? 0xff : lowestBit(apr) << 3;
  }

  /** Drives the IRQ output of a vCPU (IHI 0048B sections 3.2 and 3.3: enables, priority mask, preemption). */
  signal(vcpu: number): void {
    const w = this.words;
    const c = this.vcpu(vcpu);
    const priority = w[c + HPPI_PRIORITY]!;
    const level =
      w[GICD_CTLR]! & w[c + CTLR]! & 1 &&
      priority < w[c + PMR]! &&
      (w[c + APR0] === 0 || (priority & this.#groupMask(c)) < this.runningPriority(vcpu))
        ? 1
        : 0;
    if (level === w[c + IRQ]) return;
    w[c + IRQ] = level;
    this.#onIrq(vcpu, level === 1);
  }

  pending(vcpu: number): boolean {
    return this.words[this.vcpu(vcpu) + IRQ] !== 0;
  }

  /** GICC_IAR read: pending to active (or active and pending). Gives INTID | source << 10, or SPURIOUS. */
  acknowledge(vcpu: number): number {
    const w = this.words;
    const c = this.vcpu(vcpu);
    if (w[c + IRQ] === 0) return SPURIOUS;
    const hppi = w[c + HPPI]!;
    const intid = hppi & 0x3ff;
    const n = intid >> 5;
    const bit = 1 << (intid & 31);
    w[c + APR0]! |= 1 << ((w[c + HPPI_PRIORITY]! & this.#groupMask(c)) >> 3);
    w[this.bitsIndex(ACTIVE, n, vcpu)]! |= bit;
    if (intid < 16) {
      this.setSgi(intid, hppi >> 10, vcpu, false);
      return hppi;
    }
    w[this.bitsIndex(LATCH, n, vcpu)]! &= ~bit;
    if (n === 0) this.refresh(vcpu);
    else this.#refreshTargets(n, bit);
    return hppi;
  }

  /** Priority drop of GICC_EOIR: the highest active priority is no longer active. */
  dropPriority(vcpu: number): void {
    const i = this.vcpu(vcpu) + APR0;
    this.words[i]! &= this.words[i]! - 1;
    this.signal(vcpu);
  }

  deactivate(intid: number, vcpu: number): void {
    this.changeBits(ACTIVE, intid >> 5, vcpu, 1 << (intid & 31), false);
  }
}
