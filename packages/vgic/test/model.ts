/**
 * A naive GICv2 with one interrupt group, straight from the text of IHI 0048B chapter 3: an object per interrupt, no
 * cached result. It is the judge of the real one.
 */
interface Interrupt {
  readonly intid: number;
  enabled: boolean;
  latched: boolean;
  line: boolean;
  edge: boolean;
  active: boolean;
  priority: number;
  targets: number;
  sources: Set<number>;
}

const interrupt = (intid: number, targets: number): Interrupt => ({
  intid,
  enabled: false,
  latched: false,
  line: false,
  edge: intid < 16,
  active: false,
  priority: 0,
  targets,
  sources: new Set(),
});

export class GicModel {
  enabled = false;
  readonly cpus: { enabled: boolean; eoiMode: boolean; pmr: number; bpr: number; active: number[] }[];
  readonly #banked: Interrupt[][];
  readonly #spis: Interrupt[];

  constructor(vcpus: number, nrSpis: number) {
    this.cpus = Array.from({ length: vcpus }, () => ({ enabled: false, eoiMode: false, pmr: 0, bpr: 2, active: [] }));
    this.#banked = this.cpus.map((_, v) => Array.from({ length: 32 }, (_, i) => interrupt(i, 1 << v)));
    this.#spis = Array.from({ length: nrSpis }, (_, i) => interrupt(32 + i, 1));
  }

  at(intid: number, vcpu: number): Interrupt {
    return intid < 32 ? this.#banked[vcpu]![intid]! : this.#spis[intid - 32]!;
  }

  isPending(i: Interrupt): boolean {
    if (i.intid < 16) return i.sources.size > 0;
    return i.latched || (!i.edge && i.line);
  }

  setLine(intid: number, vcpu: number, level: boolean): void {
    const i = this.at(intid, vcpu);
    if (i.edge && level && !i.line) i.latched = true;
    i.line = level;
  }

  sendSgi(sgi: number, source: number, targets: number): void {
    this.cpus.forEach((_, v) => {
      if (targets & (1 << v)) this.at(sgi, v).sources.add(source);
    });
  }

  highest(vcpu: number): Interrupt | undefined {
    return [...this.#banked[vcpu]!, ...this.#spis]
      .filter((i) => i.enabled && !i.active && i.targets & (1 << vcpu) && this.isPending(i))
      .sort((a, b) => a.priority - b.priority || a.intid - b.intid)[0];
  }

  hppir(vcpu: number): number {
    const i = this.enabled ? this.highest(vcpu) : undefined;
    if (!i) return 1023;
    return i.intid + (i.intid < 16 ? 1024 * Math.min(...i.sources) : 0);
  }

  #group(vcpu: number, priority: number): number {
    const size = 2 ** (this.cpus[vcpu]!.bpr + 1);
    return Math.floor(priority / size) * size;
  }

  rpr(vcpu: number): number {
    return Math.min(0xff, ...this.cpus[vcpu]!.active);
  }

  /** GICC_APR0: a bit for each group priority that is active. */
  apr(vcpu: number): number {
    return [...new Set(this.cpus[vcpu]!.active)].reduce((sum, priority) => sum + 2 ** (priority / 8), 0);
  }

  irq(vcpu: number): boolean {
    const cpu = this.cpus[vcpu]!;
    const i = this.highest(vcpu);
    if (!i || !this.enabled || !cpu.enabled || i.priority >= cpu.pmr) return false;
    return cpu.active.length === 0 || this.#group(vcpu, i.priority) < this.rpr(vcpu);
  }

  acknowledge(vcpu: number): number {
    if (!this.irq(vcpu)) return 1023;
    const iar = this.hppir(vcpu);
    const i = this.highest(vcpu)!;
    this.cpus[vcpu]!.active.push(this.#group(vcpu, i.priority));
    i.active = true;
    i.latched = false;
    i.sources.delete(Math.floor(iar / 1024));
    return iar;
  }

  end(intid: number, vcpu: number): void {
    const cpu = this.cpus[vcpu]!;
    const top = this.rpr(vcpu);
    // Equal group priorities can be active at once only if software raised BPR in between; one APR bit stands for all.
    cpu.active = cpu.active.filter((priority) => priority !== top);
    if (!cpu.eoiMode) this.at(intid, vcpu).active = false;
  }

  deactivate(intid: number, vcpu: number): void {
    if (this.cpus[vcpu]!.eoiMode) this.at(intid, vcpu).active = false;
  }
}
