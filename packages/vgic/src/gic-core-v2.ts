import {
  ACTIVE,
  type CoreOptions,
  GICD_CTLR,
  GicCore,
  type GicVersion,
  HPPI,
  IRQ,
  LATCH,
  lowestBit,
  MIN_BPR,
  MIN_BPR1,
  runningPriority,
  word,
} from './gic-core.ts';
import { GIC_STATE, MAX_VCPUS, SPURIOUS, VCPU_STATE } from './layout.ts';

/** Word offsets in a vCPU's state. */
export const CTLR = word(VCPU_STATE.GICC_CTLR);
export const BPR = word(VCPU_STATE.GICC_BPR);
export const ABPR = word(VCPU_STATE.GICC_ABPR);
export const APR0 = word(VCPU_STATE.GICC_APR0);

const VERSION: GicVersion = {
  name: 'GICv2',
  maxVcpus: MAX_VCPUS,
  vcpusOffset: GIC_STATE.VCPUS,
  shapeBits: 0,
  outputs: [IRQ],
};

export interface CoreOptionsV2 extends CoreOptions {
  readonly onIrq: (vcpu: number, level: boolean) => void;
}

/** What a GICv2 has of its own: SGIs with a source, SPIs with several targets, one group (IHI 0048B chapter 3). */
export class GicCoreV2 extends GicCore {
  readonly #onIrq: (vcpu: number, level: boolean) => void;

  constructor(options: CoreOptionsV2) {
    super(VERSION, options);
    this.#onIrq = options.onIrq;
  }

  /** Reset values; SPIs target vCPU 0. */
  reset(): void {
    this.clear();
    for (let v = 0; v < this.vcpus; v++) {
      const c = this.vcpu(v);
      this.words[c + BPR] = MIN_BPR;
      this.words[c + ABPR] = MIN_BPR1;
    }
    this.refreshAll();
  }

  sgiSourcesIndex(sgi: number, vcpu: number): number {
    return this.byteIndex(VCPU_STATE.SGI_SOURCES + sgi, vcpu);
  }

  get enabled(): boolean {
    return (this.words[GICD_CTLR]! & 1) !== 0;
  }

  set enabled(enabled: boolean) {
    this.words[GICD_CTLR] = enabled ? 1 : 0;
    for (let v = 0; v < this.vcpus; v++) this.signal(v);
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

  override refreshTargets(n: number, bits: number): void {
    for (let v = 0; v < this.vcpus; v++) if (this.words[this.targetedIndex(n, v)]! & bits) this.refresh(v);
  }

  protected override reach(n: number, vcpu: number): number {
    return n === 0 ? -1 : this.words[this.targetedIndex(n, vcpu)]!;
  }

  /** Of SGIs with equal INTID the lowest source goes first. */
  override refresh(vcpu: number): void {
    const intid = this.select(vcpu);
    this.words[this.vcpu(vcpu) + HPPI] =
      intid < 16 ? intid | (lowestBit(this.bytes[this.sgiSourcesIndex(intid, vcpu)]!) << 10) : intid;
    this.signal(vcpu);
  }

  /** The bits of a priority that decide on preemption (IHI 0048B, GICC_BPR): [7:BPR+1]. */
  #groupMask(c: number): number {
    return (0xff << (this.words[c + BPR]! + 1)) & 0xff;
  }

  /** GICC_RPR. */
  runningPriority(vcpu: number): number {
    return runningPriority(this.words[this.vcpu(vcpu) + APR0]!);
  }

  /** Drives the IRQ output of a vCPU (IHI 0048B chapter 3: enables, priority mask, preemption). */
  override signal(vcpu: number): void {
    const w = this.words;
    const c = this.vcpu(vcpu);
    const enabled = w[GICD_CTLR]! & w[c + CTLR]! & 1;
    const level = enabled && this.preempts(c, this.#groupMask(c), w[c + APR0]!) ? 1 : 0;
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
    this.activatePriority(c, c + APR0, this.#groupMask(c));
    if (intid < 16) {
      w[this.bitsIndex(ACTIVE, 0, vcpu)]! |= 1 << intid;
      this.setSgi(intid, hppi >> 10, vcpu, false);
    } else {
      this.activate(intid, vcpu);
    }
    return hppi;
  }

  /** Priority drop of GICC_EOIR: the highest active priority is no longer active. */
  dropPriority(vcpu: number): void {
    const i = this.vcpu(vcpu) + APR0;
    this.words[i]! &= this.words[i]! - 1;
    this.signal(vcpu);
  }
}
