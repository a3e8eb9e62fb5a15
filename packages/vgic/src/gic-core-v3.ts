import {
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
  PMR,
  runningPriority,
  word,
} from './gic-core.ts';
import { SPURIOUS } from './layout.ts';
import { GICV3_STATE, GICV3_VCPU_STATE, MAX_VCPUS_V3 } from './layout-v3.ts';

/** Arrays of one bit per INTID beside those of `GicCore`. ONE_OF_N has SPIs only. */
export const GROUP = 5;
const ONE_OF_N = 6;

/** Word offsets in a vCPU's state. */
export const ICC_CTLR = word(GICV3_VCPU_STATE.ICC_CTLR);
export const BPR0 = word(GICV3_VCPU_STATE.ICC_BPR0);
export const BPR1 = word(GICV3_VCPU_STATE.ICC_BPR1);
export const AP1R0 = word(GICV3_VCPU_STATE.ICC_AP1R0);
export const AP0R0 = word(GICV3_VCPU_STATE.ICC_AP0R0);
export const IGRPEN = word(GICV3_VCPU_STATE.ICC_IGRPEN);
export const WAKER = word(GICV3_VCPU_STATE.GICR_WAKER);
const FIQ = word(GICV3_VCPU_STATE.FIQ);

const ONE_OF_N_TARGETS = word(GICV3_STATE.ONE_OF_N_TARGETS);
const ROUTER = word(GICV3_STATE.SPI_ROUTER);

export const ICC_CTLR_CBPR = 1 << 0;
export const ICC_CTLR_EOImode = 1 << 1;
export const GICR_WAKER_ProcessorSleep = 1 << 1;

/** GICD_IROUTER.Interrupt_Routing_Mode. */
const IROUTER_IRM = 1 << 31;
/** Aff3 isn't there (GICD_TYPER.A3V is 0), so all of GICD_IROUTER is in its low word. */
const IROUTER_WRITABLE = IROUTER_IRM | 0xffffff;

const VERSION: GicVersion = {
  name: 'GICv3',
  maxVcpus: MAX_VCPUS_V3,
  vcpusOffset: GICV3_STATE.VCPUS,
  shapeBits: 1 << 30,
  outputs: [IRQ, FIQ],
};

/** Interrupt groups: 0 is signalled as FIQ, 1 as IRQ. */
export type Group = 0 | 1;

export interface CoreOptionsV3 extends CoreOptions {
  readonly onIrq: (vcpu: number, level: boolean) => void;
  readonly onFiq?: (vcpu: number, level: boolean) => void;
}

/** What a GICv3 has of its own: two groups, affinity routing, redistributors that sleep (IHI 0069). */
export class GicCoreV3 extends GicCore {
  readonly #onIrq: (vcpu: number, level: boolean) => void;
  readonly #onFiq: (vcpu: number, level: boolean) => void;

  constructor(options: CoreOptionsV3) {
    super(VERSION, options);
    this.#onIrq = options.onIrq;
    this.#onFiq = options.onFiq ?? (() => {});
  }

  /**
   * What firmware would hand over: all interrupts in group 1, redistributors awake, SPIs routed to vCPU 0. A guest that
   * leaves this to firmware gets its interrupts, as it does from Xen.
   */
  reset(): void {
    this.clear();
    const w = this.words;
    for (let v = 0; v < this.vcpus; v++) {
      this.#clearCpuInterface(v);
      w[this.bitsIndex(GROUP, 0, v)] = -1;
    }
    for (let n = 1; n < this.lines; n++) w[this.bitsIndex(GROUP, n, 0)] = this.implemented(n);
    w[ONE_OF_N_TARGETS] = -1;
    w[ONE_OF_N_TARGETS + 1] = -1;
    this.refreshAll();
  }

  #clearCpuInterface(vcpu: number): void {
    const w = this.words;
    const c = this.vcpu(vcpu);
    for (const field of [ICC_CTLR, PMR, AP0R0, AP1R0, IGRPEN]) w[c + field] = 0;
    w[c + BPR0] = MIN_BPR;
    w[c + BPR1] = MIN_BPR1;
  }

  /** The CPU interface as a reset of the PE leaves it, with all groups disabled. */
  resetCpuInterface(vcpu: number): void {
    this.#clearCpuInterface(vcpu);
    this.setParticipation(vcpu, IGRPEN, 0);
  }

  /** The vCPU with an affinity (Aff2.Aff1.Aff0 as bytes), or -1. */
  vcpuOf(affinity: number): number {
    const vcpu = ((affinity >> 8) << 4) | (affinity & 0xff);
    return (affinity & 0xff) < 16 && vcpu < this.vcpus ? vcpu : -1;
  }

  groupOf(intid: number, vcpu: number): Group {
    return (this.words[this.bitsIndex(GROUP, intid >> 5, vcpu)]! >>> (intid & 31)) & 1 ? 1 : 0;
  }

  /** GICx_IGROUPR. */
  setGroups(n: number, vcpu: number, value: number): void {
    this.changeBits(GROUP, n, vcpu, value, true);
    this.changeBits(GROUP, n, vcpu, ~value, false);
  }

  /** EnableGrp0 and EnableGrp1 of GICD_CTLR. */
  get groupsEnabled(): number {
    return this.words[GICD_CTLR]!;
  }

  set groupsEnabled(groups: number) {
    this.words[GICD_CTLR] = groups;
    this.refreshAll();
  }

  /** Low word of GICD_IROUTER. */
  router(intid: number): number {
    return this.words[ROUTER + intid]!;
  }

  setRouter(intid: number, value: number): void {
    const w = this.words;
    const n = intid >> 5;
    const bit = 1 << (intid & 31);
    const router = value & IROUTER_WRITABLE;
    const wasOneOfN = w[ROUTER + intid]! < 0;
    const before = this.#target(intid);
    w[ROUTER + intid] = router;
    const after = this.#target(intid);
    if (before >= 0) w[this.targetedIndex(n, before)]! &= ~bit;
    if (after >= 0) w[this.targetedIndex(n, after)]! |= bit;
    if (router < 0) w[this.bitsIndex(ONE_OF_N, n, 0)]! |= bit;
    else w[this.bitsIndex(ONE_OF_N, n, 0)]! &= ~bit;
    if (before >= 0) this.refresh(before);
    if (after >= 0) this.refresh(after);
    if (wasOneOfN || router < 0) this.#refreshOneOfN();
  }

  /** The vCPU that an SPI is routed to; -1 for a 1 of N SPI and for an affinity that nobody has. */
  #target(intid: number): number {
    const router = this.words[ROUTER + intid]!;
    return router < 0 ? -1 : this.vcpuOf(router);
  }

  override refreshTargets(n: number, bits: number): void {
    if (this.words[this.bitsIndex(ONE_OF_N, n, 0)]! & bits) this.#refreshOneOfN();
    for (let rest = bits, last = -1; rest !== 0; rest &= rest - 1) {
      const target = this.#target(32 * n + lowestBit(rest));
      if (target >= 0 && target !== last) this.refresh(target);
      last = target;
    }
  }

  #refreshOneOfN(): void {
    const first = this.words[ONE_OF_N_TARGETS]!;
    const second = this.words[ONE_OF_N_TARGETS + 1]!;
    if (first >= 0) this.refresh(first);
    if (second >= 0 && second !== first) this.refresh(second);
  }

  /** The groups that a vCPU takes, as bits; none while its redistributor sleeps (IHI 0069 section 4.7 and GICR_WAKER). */
  #groupsTaken(c: number): number {
    return this.words[c + WAKER]! & GICR_WAKER_ProcessorSleep ? 0 : this.words[c + IGRPEN]!;
  }

  /**
   * Changes what decides on the groups that a vCPU takes: ICC_IGRPEN or GICR_WAKER. The lowest vCPU that takes a group
   * gets its 1 of N SPIs.
   */
  setParticipation(vcpu: number, field: number, value: number): void {
    this.words[this.vcpu(vcpu) + field] = value;
    this.#routeOneOfN(0);
    this.#routeOneOfN(1);
    this.refresh(vcpu);
  }

  #routeOneOfN(group: Group): void {
    const i = ONE_OF_N_TARGETS + group;
    const before = this.words[i]!;
    let after = 0;
    while (after < this.vcpus && !(this.#groupsTaken(this.vcpu(after)) & (1 << group))) after++;
    if (after === this.vcpus) after = -1;
    if (after === before) return;
    this.words[i] = after;
    if (before >= 0) this.refresh(before);
    if (after >= 0) this.refresh(after);
  }

  protected override reach(n: number, vcpu: number): number {
    const w = this.words;
    const c = this.vcpu(vcpu);
    const taken = w[GICD_CTLR]! & this.#groupsTaken(c);
    const group1 = w[this.bitsIndex(GROUP, n, vcpu)]!;
    const groups = (taken & 1 ? ~group1 : 0) | (taken & 2 ? group1 : 0);
    if (n === 0) return groups;
    const mine = (w[ONE_OF_N_TARGETS] === vcpu ? ~group1 : 0) | (w[ONE_OF_N_TARGETS + 1] === vcpu ? group1 : 0);
    return groups & (w[this.targetedIndex(n, vcpu)]! | (w[this.bitsIndex(ONE_OF_N, n, 0)]! & mine));
  }

  override refresh(vcpu: number): void {
    this.words[this.vcpu(vcpu) + HPPI] = this.select(vcpu);
    this.signal(vcpu);
  }

  /** The bits of a priority that decide on preemption (IHI 0069 section 4.8): [7:BPR0+1], [7:BPR1] for group 1. */
  #groupMask(c: number, group: Group): number {
    const w = this.words;
    const common = group === 0 || w[c + ICC_CTLR]! & ICC_CTLR_CBPR;
    return (0xff << (common ? w[c + BPR0]! + 1 : w[c + BPR1]!)) & 0xff;
  }

  /** Drives the IRQ and FIQ outputs of a vCPU; at most one of them is asserted. */
  override signal(vcpu: number): void {
    const w = this.words;
    const c = this.vcpu(vcpu);
    const hppi = w[c + HPPI]!;
    let irq = 0;
    let fiq = 0;
    if (hppi !== SPURIOUS) {
      const group = this.groupOf(hppi, vcpu);
      const level = this.preempts(c, this.#groupMask(c, group), w[c + AP0R0]! | w[c + AP1R0]!) ? 1 : 0;
      if (group === 1) irq = level;
      else fiq = level;
    }
    const irqChanged = irq !== w[c + IRQ];
    const fiqChanged = fiq !== w[c + FIQ];
    w[c + IRQ] = irq;
    w[c + FIQ] = fiq;
    if (irqChanged) this.#onIrq(vcpu, irq === 1);
    if (fiqChanged) this.#onFiq(vcpu, fiq === 1);
  }

  pending(vcpu: number): boolean {
    return this.words[this.vcpu(vcpu) + IRQ] !== 0;
  }

  pendingFiq(vcpu: number): boolean {
    return this.words[this.vcpu(vcpu) + FIQ] !== 0;
  }

  /** ICC_HPPIR0_EL1 and ICC_HPPIR1_EL1. */
  highestPending(group: Group, vcpu: number): number {
    const hppi = this.words[this.vcpu(vcpu) + HPPI]!;
    return hppi !== SPURIOUS && this.groupOf(hppi, vcpu) === group ? hppi : SPURIOUS;
  }

  /** ICC_RPR_EL1. */
  runningPriority(vcpu: number): number {
    const c = this.vcpu(vcpu);
    return runningPriority(this.words[c + AP0R0]! | this.words[c + AP1R0]!);
  }

  /** ICC_IAR0_EL1 and ICC_IAR1_EL1: pending to active (or active and pending). Gives the INTID or SPURIOUS. */
  acknowledge(group: Group, vcpu: number): number {
    const w = this.words;
    const c = this.vcpu(vcpu);
    if (w[c + (group === 1 ? IRQ : FIQ)] === 0) return SPURIOUS;
    const intid = w[c + HPPI]!;
    this.activatePriority(c, c + (group === 1 ? AP1R0 : AP0R0), this.#groupMask(c, group));
    this.activate(intid, vcpu);
    return intid;
  }

  /**
   * ICC_EOIR0_EL1 and ICC_EOIR1_EL1. Where the running priority is of the other group, or nothing is active, the
   * architecture leaves the outcome open; the write is ignored then.
   */
  endOfInterrupt(group: Group, intid: number, vcpu: number): void {
    if (!this.isImplemented(intid)) return;
    const w = this.words;
    const c = this.vcpu(vcpu);
    const i = c + (group === 1 ? AP1R0 : AP0R0);
    const own = w[i]!;
    if (own === 0 || runningPriority(own) !== this.runningPriority(vcpu)) return;
    w[i] = own & (own - 1);
    this.signal(vcpu);
    if (!(w[c + ICC_CTLR]! & ICC_CTLR_EOImode)) this.deactivate(intid, vcpu);
  }

  /** Makes an SGI pending at a vCPU; with `group0Only` not if it is of group 1 there. */
  sendSgi(sgi: number, target: number, group0Only: boolean): void {
    if (group0Only && this.groupOf(sgi, target) === 1) return;
    this.changeBits(LATCH, 0, target, 1 << sgi, true);
  }
}
