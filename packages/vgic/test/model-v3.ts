/**
 * A naive GICv3 with one Security state, straight from the text of IHI 0069 chapters 3 and 4: an object per interrupt,
 * no cached result. It is the judge of the real one.
 */
interface Interrupt {
  readonly intid: number;
  enabled: boolean;
  latched: boolean;
  line: boolean;
  edge: boolean;
  active: boolean;
  priority: number;
  group: 0 | 1;
  /** Aff2, Aff1, Aff0; or 1 of N. */
  route: readonly [number, number, number] | '1 of N';
}

const interrupt = (intid: number): Interrupt => ({
  intid,
  enabled: false,
  latched: false,
  line: false,
  edge: intid < 16,
  active: false,
  priority: 0,
  group: 1,
  route: [0, 0, 0],
});

interface Cpu {
  readonly groups: [boolean, boolean];
  asleep: boolean;
  cbpr: boolean;
  eoiMode: boolean;
  pmr: number;
  bpr0: number;
  bpr1: number;
  active: { group: 0 | 1; priority: number }[];
}

const cpu = (): Cpu => ({
  groups: [false, false],
  asleep: false,
  cbpr: false,
  eoiMode: false,
  pmr: 0,
  bpr0: 2,
  bpr1: 3,
  active: [],
});

export class GicModelV3 {
  groups: [boolean, boolean] = [false, false];
  readonly cpus: Cpu[];
  readonly #private: Interrupt[][];
  readonly #spis: Interrupt[];

  constructor(vcpus: number, nrSpis: number) {
    this.cpus = Array.from({ length: vcpus }, cpu);
    this.#private = this.cpus.map(() => Array.from({ length: 32 }, (_, i) => interrupt(i)));
    this.#spis = Array.from({ length: nrSpis }, (_, i) => interrupt(32 + i));
  }

  at(intid: number, vcpu: number): Interrupt {
    return intid < 32 ? this.#private[vcpu]![intid]! : this.#spis[intid - 32]!;
  }

  isPending(i: Interrupt): boolean {
    return i.latched || (!i.edge && i.line);
  }

  setLine(intid: number, vcpu: number, level: boolean): void {
    const i = this.at(intid, vcpu);
    if (i.edge && level && !i.line) i.latched = true;
    i.line = level;
  }

  #reaches(i: Interrupt, vcpu: number): boolean {
    if (i.intid < 32) return true;
    if (i.route === '1 of N') return this.cpus.findIndex((c) => c.groups[i.group] && !c.asleep) === vcpu;
    const [aff2, aff1, aff0] = i.route;
    return aff2 === 0 && aff0 < 16 && aff1 * 16 + aff0 === vcpu;
  }

  highest(vcpu: number): Interrupt | undefined {
    const c = this.cpus[vcpu]!;
    if (c.asleep) return undefined;
    return [...this.#private[vcpu]!, ...this.#spis]
      .filter((i) => i.enabled && !i.active && this.isPending(i) && this.#reaches(i, vcpu))
      .filter((i) => this.groups[i.group] && c.groups[i.group])
      .sort((a, b) => a.priority - b.priority || a.intid - b.intid)[0];
  }

  hppir(group: 0 | 1, vcpu: number): number {
    const i = this.highest(vcpu);
    return i?.group === group ? i.intid : 1023;
  }

  bpr1(vcpu: number): number {
    const c = this.cpus[vcpu]!;
    return c.cbpr ? Math.min(c.bpr0 + 1, 7) : c.bpr1;
  }

  #groupPriority(vcpu: number, i: Interrupt): number {
    const c = this.cpus[vcpu]!;
    const size = 2 ** (i.group === 0 || c.cbpr ? c.bpr0 + 1 : c.bpr1);
    return Math.floor(i.priority / size) * size;
  }

  rpr(vcpu: number): number {
    return Math.min(0xff, ...this.cpus[vcpu]!.active.map((a) => a.priority));
  }

  apr(group: 0 | 1, vcpu: number): number {
    return this.cpus[vcpu]!.active.filter((a) => a.group === group).reduce((sum, a) => sum + 2 ** (a.priority / 8), 0);
  }

  signalled(group: 0 | 1, vcpu: number): boolean {
    const i = this.highest(vcpu);
    if (i?.group !== group || i.priority >= this.cpus[vcpu]!.pmr) return false;
    return this.cpus[vcpu]!.active.length === 0 || this.#groupPriority(vcpu, i) < this.rpr(vcpu);
  }

  acknowledge(group: 0 | 1, vcpu: number): number {
    if (!this.signalled(group, vcpu)) return 1023;
    const i = this.highest(vcpu)!;
    this.cpus[vcpu]!.active.push({ group, priority: this.#groupPriority(vcpu, i) });
    i.active = true;
    i.latched = false;
    return i.intid;
  }

  end(group: 0 | 1, intid: number, vcpu: number): void {
    const c = this.cpus[vcpu]!;
    const top = this.rpr(vcpu);
    const left = c.active.filter((a) => !(a.group === group && a.priority === top));
    if (left.length === c.active.length) return;
    c.active = left;
    if (!c.eoiMode) this.at(intid, vcpu).active = false;
  }

  deactivate(intid: number, vcpu: number): void {
    if (this.cpus[vcpu]!.eoiMode) this.at(intid, vcpu).active = false;
  }

  /** ICC_SGI1R_EL1, or with `group0Only` ICC_SGI0R_EL1. */
  sendSgi(sgi: number, targets: readonly number[], group0Only: boolean): void {
    for (const v of targets) {
      const i = this.at(sgi, v);
      if (i.group === 0 || !group0Only) i.latched = true;
    }
  }
}
