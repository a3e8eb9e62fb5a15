import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import * as H from './harness.ts';
import { GicModel } from './model.ts';
import { COMMON, ended, INTIDS, intid, mostly, of, on, SPIS, sequence, sgi, VCPUS, vcpu } from './operations.ts';

const operation = fc.oneof(
  ...COMMON,
  { weight: 6, arbitrary: of('acknowledge', {}) },
  { weight: 5, arbitrary: of('end', { intid: ended }) },
  { weight: 3, arbitrary: of('sgi', { intid: sgi, filter: fc.nat(3), list: fc.nat(15) }) },
  { weight: 1, arbitrary: of('pendSgi', { intid: sgi, source: vcpu, on }) },
  { weight: 2, arbitrary: of('targets', { intid, value: fc.nat(15) }) },
  { weight: 1, arbitrary: of('bpr', { value: fc.nat(7) }) },
  { weight: 1, arbitrary: of('cpu', { on: mostly, eoiMode: on }) },
  { weight: 1, arbitrary: of('distributor', { on: mostly }) },
);
type Operation = typeof operation extends fc.Arbitrary<infer T> ? T : never;

type Rig = ReturnType<typeof H.rig>;

/** Does one operation on both; gives what each answered. */
function step(o: Operation, gic: Rig, model: GicModel, acknowledged: number[][]): [number, number] | undefined {
  const bit = 'intid' in o && o.intid !== undefined ? 1 << (o.intid & 31) : 0;
  const at = (base: number) => base + 4 * ((('intid' in o && o.intid) || 0) >> 5);
  const cpu = model.cpus[o.vcpu]!;
  switch (o.op) {
    case 'line':
      if (o.intid < 32) gic.gic.setPpi(o.vcpu, o.intid, o.on);
      else gic.gic.setSpi(o.intid, o.on);
      model.setLine(o.intid, o.vcpu, o.on);
      return;
    case 'acknowledge': {
      const iar = gic.ack(o.vcpu);
      if (iar !== H.SPURIOUS) acknowledged[o.vcpu]!.push(iar);
      return [iar, model.acknowledge(o.vcpu)];
    }
    case 'end': {
      const eoir = o.intid ?? acknowledged[o.vcpu]!.pop();
      if (eoir === undefined) return;
      gic.eoi(eoir, o.vcpu);
      model.end(eoir & 0x3ff, o.vcpu);
      return;
    }
    case 'sgi': {
      gic.set(H.GICD_SGIR, (o.filter << 24) | (o.list << 16) | o.intid, o.vcpu);
      const self = 1 << o.vcpu;
      model.sendSgi(o.intid, o.vcpu, [o.list, 7 & ~self, self, 0][o.filter]!);
      return;
    }
    case 'deactivate':
      gic.cset(H.GICC_DIR, o.intid, o.vcpu);
      model.deactivate(o.intid, o.vcpu);
      return;
    case 'pend':
      gic.set(at(o.on ? H.GICD_ISPENDR : H.GICD_ICPENDR), bit, o.vcpu);
      if (o.intid >= 16) model.at(o.intid, o.vcpu).latched = o.on;
      return;
    case 'pendSgi': {
      gic.gic.distributor.write((o.on ? H.GICD_SPENDSGIR : H.GICD_CPENDSGIR) + o.intid, 1, 1 << o.source, o.vcpu);
      const { sources } = model.at(o.intid, o.vcpu);
      if (o.on) sources.add(o.source);
      else sources.delete(o.source);
      return;
    }
    case 'enable':
      gic.set(at(o.on ? H.GICD_ISENABLER : H.GICD_ICENABLER), bit, o.vcpu);
      model.at(o.intid, o.vcpu).enabled = o.on;
      return;
    case 'activate':
      gic.set(at(o.on ? H.GICD_ISACTIVER : H.GICD_ICACTIVER), bit, o.vcpu);
      model.at(o.intid, o.vcpu).active = o.on;
      return;
    case 'priority':
      gic.priority(o.intid, o.value, o.vcpu);
      model.at(o.intid, o.vcpu).priority = o.value & 0xf8;
      return;
    case 'targets':
      gic.targets(o.intid, o.value);
      if (o.intid >= 32) model.at(o.intid, o.vcpu).targets = o.value & 7;
      return;
    case 'edge': {
      const offset = H.GICD_ICFGR + 4 * (o.intid >> 4);
      const field = 2 << (2 * (o.intid & 15));
      const old = gic.get(offset, o.vcpu);
      gic.set(offset, o.on ? old | field : old & ~field, o.vcpu);
      if (o.intid >= 32) model.at(o.intid, o.vcpu).edge = o.on;
      return;
    }
    case 'pmr':
      gic.cset(H.GICC_PMR, o.value, o.vcpu);
      cpu.pmr = o.value & 0xf8;
      return;
    case 'bpr':
      gic.cset(H.GICC_BPR, o.value, o.vcpu);
      cpu.bpr = Math.max(2, o.value);
      return;
    case 'cpu':
      gic.cset(H.GICC_CTLR, (o.on ? 1 : 0) | (o.eoiMode ? H.EOI_MODE : 0), o.vcpu);
      cpu.enabled = o.on;
      cpu.eoiMode = o.eoiMode;
      return;
    case 'distributor':
      gic.set(H.GICD_CTLR, o.on ? 1 : 0);
      model.enabled = o.on;
      return;
  }
}

/** Everything a guest or the embedder can see. */
function expectSame(gic: Rig, model: GicModel): void {
  for (let v = 0; v < VCPUS; v++) {
    expect(gic.gic.pending(v), `IRQ of vCPU ${v}`).toBe(model.irq(v));
    expect(gic.irqs.filter(([vcpu]) => vcpu === v).at(-1)?.[1] ?? false, `onIrq of vCPU ${v}`).toBe(model.irq(v));
    expect(gic.cget(H.GICC_HPPIR, v), `HPPIR of vCPU ${v}`).toBe(model.hppir(v));
    expect(gic.cget(H.GICC_RPR, v), `RPR of vCPU ${v}`).toBe(model.rpr(v));
    expect(gic.cget(H.GICC_APR0, v), `APR of vCPU ${v}`).toBe(model.apr(v));
    for (const intid of INTIDS) {
      const i = model.at(intid, v);
      const bit = (base: number) => ((gic.get(base + 4 * (intid >> 5), v) >>> (intid & 31)) & 1) === 1;
      const seen = [bit(H.GICD_ISPENDR), bit(H.GICD_ISACTIVER), bit(H.GICD_ICENABLER)];
      expect(seen, `pending, active, enabled of ${intid} at vCPU ${v}`).toEqual([
        model.isPending(i),
        i.active,
        i.enabled,
      ]);
    }
  }
}

function started(): [Rig, GicModel] {
  const gic = H.rig(VCPUS, SPIS);
  const model = new GicModel(VCPUS, SPIS);
  gic.boot();
  model.enabled = true;
  for (let v = 0; v < VCPUS; v++) {
    Object.assign(model.cpus[v]!, { enabled: true, pmr: 0xf0 });
    for (let i = 0; i < 32 + SPIS; i++) Object.assign(model.at(i, v), { enabled: true, priority: 0xa0 });
  }
  return [gic, model];
}

describe('against a naive model of IHI 0048B', () => {
  it('every vCPU sees the same after any operations', () => {
    fc.assert(
      fc.property(sequence(operation, 1), (operations) => {
        const [gic, model] = started();
        const acknowledged: number[][] = [[], [], []];
        for (const o of operations) {
          const answers = step(o, gic, model, acknowledged);
          if (answers) expect(answers[0]).toBe(answers[1]);
          expectSame(gic, model);
        }
      }),
      { numRuns: 150 },
    );
  });

  it('a GIC over a copy of the state goes on the same', () => {
    fc.assert(
      fc.property(sequence(operation), sequence(operation), (before, after) => {
        const [first, unused] = started();
        const stacks: number[][] = [[], [], []];
        for (const o of before) step(o, first, unused, stacks);
        const second = H.rig(VCPUS, SPIS, first.memory.slice(0));
        const copied = stacks.map((stack) => [...stack]);
        first.irqs.length = 0;
        for (const o of after) {
          const a = step(o, first, new GicModel(VCPUS, SPIS), stacks);
          const b = step(o, second, new GicModel(VCPUS, SPIS), copied);
          expect(b?.[0]).toBe(a?.[0]);
        }
        expect(second.irqs).toEqual(first.irqs);
        expect(new Uint8Array(second.memory)).toEqual(new Uint8Array(first.memory));
      }),
      { numRuns: 60 },
    );
  });
});
