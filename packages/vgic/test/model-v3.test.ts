import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import * as H from './harness-v3.ts';
import { GicModelV3 } from './model-v3.ts';
import {
  COMMON,
  ended as endedIntid,
  INTIDS,
  intid,
  mostly,
  of,
  on,
  SPIS,
  sequence,
  sgi,
  spi,
  VCPUS,
} from './operations.ts';

const group = fc.constantFrom<0 | 1>(0, 1, 1, 1);
const operation = fc.oneof(
  ...COMMON,
  { weight: 6, arbitrary: of('acknowledge', { group }) },
  { weight: 5, arbitrary: of('end', { group, intid: endedIntid }) },
  { weight: 3, arbitrary: of('sgi', { intid: sgi, others: on, list: fc.nat(15), group0: on }) },
  { weight: 2, arbitrary: of('group', { intid, group }) },
  { weight: 2, arbitrary: of('route', { intid: spi, value: fc.constantFrom(0, 1, 2, 3, 16, 0x100, 0x10000, H.IRM) }) },
  { weight: 1, arbitrary: of('bpr0', { value: fc.nat(7) }) },
  { weight: 1, arbitrary: of('bpr1', { value: fc.nat(7) }) },
  { weight: 1, arbitrary: of('ctlr', { cbpr: on, eoiMode: on }) },
  { weight: 1, arbitrary: of('igrpen', { group, on: mostly }) },
  { weight: 1, arbitrary: of('waker', { on: mostly }) },
  { weight: 1, arbitrary: of('distributor', { group0: mostly, group1: mostly }) },
);
type Operation = typeof operation extends fc.Arbitrary<infer T> ? T : never;

/** What each vCPU has acknowledged and not ended: the group and INTID. */
type Stacks = [group: 0 | 1, intid: number][][];

/** Does one operation on the GIC; gives what it answered. */
function real(o: Operation, r: H.Rig, stacks: Stacks): number | undefined {
  switch (o.op) {
    case 'line':
      o.intid < 32 ? r.gic.setPpi(o.vcpu, o.intid, o.on) : r.gic.setSpi(o.intid, o.on);
      return;
    case 'acknowledge': {
      const iar = r.iget(o.group ? 'ICC_IAR1_EL1' : 'ICC_IAR0_EL1', o.vcpu);
      if (iar !== H.SPURIOUS) stacks[o.vcpu]!.push([o.group, iar]);
      return iar;
    }
    case 'end': {
      const [g, i] = ended(o, stacks);
      if (i !== undefined) r.iset(g ? 'ICC_EOIR1_EL1' : 'ICC_EOIR0_EL1', i, o.vcpu);
      return;
    }
    case 'sgi':
      r.iset(o.group0 ? 'ICC_SGI0R_EL1' : 'ICC_SGI1R_EL1', (o.intid << 24) | o.list, o.vcpu, o.others ? 0x100 : 0);
      return;
    case 'deactivate':
      r.iset('ICC_DIR_EL1', o.intid, o.vcpu);
      return;
    case 'pend':
      r.setBit(o.on ? H.ISPENDR : H.ICPENDR, o.intid, o.vcpu);
      return;
    case 'enable':
      r.setBit(o.on ? H.ISENABLER : H.ICENABLER, o.intid, o.vcpu);
      return;
    case 'activate':
      r.setBit(o.on ? H.ISACTIVER : H.ICACTIVER, o.intid, o.vcpu);
      return;
    case 'priority':
      r.priority(o.intid, o.value, o.vcpu);
      return;
    case 'group':
      r.group(o.intid, o.group, o.vcpu);
      return;
    case 'route':
      r.route(o.intid, o.value);
      return;
    case 'edge':
      r.edge(o.intid, o.on, o.vcpu);
      return;
    case 'pmr':
      r.iset('ICC_PMR_EL1', o.value, o.vcpu);
      return;
    case 'bpr0':
      r.iset('ICC_BPR0_EL1', o.value, o.vcpu);
      return;
    case 'bpr1':
      r.iset('ICC_BPR1_EL1', o.value, o.vcpu);
      return;
    case 'ctlr':
      r.iset('ICC_CTLR_EL1', (o.cbpr ? 1 : 0) | (o.eoiMode ? 2 : 0), o.vcpu);
      return;
    case 'igrpen':
      r.iset(o.group ? 'ICC_IGRPEN1_EL1' : 'ICC_IGRPEN0_EL1', o.on ? 1 : 0, o.vcpu);
      return;
    case 'waker':
      r.rset(H.GICR_WAKER, o.on ? 0 : 2, o.vcpu);
      return;
    case 'distributor':
      r.set(H.GICD_CTLR, (o.group0 ? 1 : 0) | (o.group1 ? 2 : 0));
      return;
  }
}

/** What an 'end' ends: the INTID it names, or the last acknowledged one. */
function ended(o: Operation & { op: 'end' }, stacks: Stacks): [group: 0 | 1, intid: number | undefined] {
  if (o.intid !== undefined) return [o.group, o.intid];
  return stacks[o.vcpu]!.pop() ?? [o.group, undefined];
}

/** The same on the model. `stacks` is its own copy. */
function naive(o: Operation, model: GicModelV3, stacks: Stacks): number | undefined {
  const cpu = model.cpus[o.vcpu]!;
  const i = 'intid' in o && o.intid !== undefined ? model.at(o.intid, o.vcpu) : undefined;
  switch (o.op) {
    case 'line':
      model.setLine(o.intid, o.vcpu, o.on);
      return;
    case 'acknowledge': {
      const iar = model.acknowledge(o.group, o.vcpu);
      if (iar !== H.SPURIOUS) stacks[o.vcpu]!.push([o.group, iar]);
      return iar;
    }
    case 'end': {
      const [g, intid] = ended(o, stacks);
      if (intid !== undefined) model.end(g, intid, o.vcpu);
      return;
    }
    case 'sgi': {
      const targets = [0, 1, 2].filter((v) => (o.others ? v !== o.vcpu : (o.list >> v) & 1));
      model.sendSgi(o.intid, targets, o.group0);
      return;
    }
    case 'deactivate':
      model.deactivate(o.intid, o.vcpu);
      return;
    case 'pend':
      i!.latched = o.on;
      return;
    case 'enable':
      i!.enabled = o.on;
      return;
    case 'activate':
      i!.active = o.on;
      return;
    case 'priority':
      i!.priority = o.value & 0xf8;
      return;
    case 'group':
      i!.group = o.group;
      return;
    case 'route':
      i!.route = o.value === H.IRM ? '1 of N' : [o.value >> 16, (o.value >> 8) & 0xff, o.value & 0xff];
      return;
    case 'edge':
      if (o.intid >= 16) i!.edge = o.on;
      return;
    case 'pmr':
      cpu.pmr = o.value & 0xf8;
      return;
    case 'bpr0':
      cpu.bpr0 = Math.max(2, o.value);
      return;
    case 'bpr1':
      if (!cpu.cbpr) cpu.bpr1 = Math.max(3, o.value);
      return;
    case 'ctlr':
      cpu.cbpr = o.cbpr;
      cpu.eoiMode = o.eoiMode;
      return;
    case 'igrpen':
      cpu.groups[o.group] = o.on;
      return;
    case 'waker':
      cpu.asleep = !o.on;
      return;
    case 'distributor':
      model.groups = [o.group0, o.group1];
      return;
  }
}

const last = (levels: [number, boolean][], vcpu: number) => levels.filter(([v]) => v === vcpu).at(-1)?.[1] ?? false;

/** Everything a guest or the embedder can see. */
function expectSame(r: H.Rig, model: GicModelV3): void {
  for (let v = 0; v < VCPUS; v++) {
    const seen = {
      irq: [r.gic.pending(v), last(r.irqs, v)],
      fiq: [r.gic.pendingFiq(v), last(r.fiqs, v)],
      hppir: [r.iget('ICC_HPPIR0_EL1', v), r.iget('ICC_HPPIR1_EL1', v)],
      rpr: r.iget('ICC_RPR_EL1', v),
      apr: [r.iget('ICC_AP0R0_EL1', v), r.iget('ICC_AP1R0_EL1', v)],
      bpr1: r.iget('ICC_BPR1_EL1', v),
      interrupts: INTIDS.map((i) => [H.ISPENDR, H.ISACTIVER, H.ICENABLER, H.IGROUPR].map((b) => r.isSet(b, i, v))),
    };
    const [fiq, irq] = [model.signalled(0, v), model.signalled(1, v)];
    expect(seen, `vCPU ${v}`).toEqual({
      irq: [irq, irq],
      fiq: [fiq, fiq],
      hppir: [model.hppir(0, v), model.hppir(1, v)],
      rpr: model.rpr(v),
      apr: [model.apr(0, v), model.apr(1, v)],
      bpr1: model.bpr1(v),
      interrupts: INTIDS.map((intid) => {
        const i = model.at(intid, v);
        return [model.isPending(i), i.active, i.enabled, i.group === 1];
      }),
    });
  }
}

/** Both with all interrupts enabled; group 0 too. */
function started(): [H.Rig, GicModelV3] {
  const r = H.rig(VCPUS, SPIS);
  const model = new GicModelV3(VCPUS, SPIS);
  r.boot();
  model.groups = [true, true];
  for (let v = 0; v < VCPUS; v++) {
    r.iset('ICC_IGRPEN0_EL1', 1, v);
    Object.assign(model.cpus[v]!, { groups: [true, true], pmr: 0xf0 });
    for (let i = 0; i < 32 + SPIS; i++) Object.assign(model.at(i, v), { enabled: true, priority: 0xa0 });
  }
  return [r, model];
}

describe('against a naive model of IHI 0069', () => {
  it('every vCPU sees the same after any operations', () => {
    fc.assert(
      fc.property(sequence(operation, 1), (operations) => {
        const [r, model] = started();
        const stacks: [Stacks, Stacks] = [
          [[], [], []],
          [[], [], []],
        ];
        for (const o of operations) {
          expect(real(o, r, stacks[0])).toBe(naive(o, model, stacks[1]));
          expectSame(r, model);
        }
      }),
      { numRuns: 150 },
    );
  });

  it('a GIC over a copy of the state goes on the same', () => {
    fc.assert(
      fc.property(sequence(operation), sequence(operation), (before, after) => {
        const [first] = started();
        const stacks: Stacks = [[], [], []];
        for (const o of before) real(o, first, stacks);
        const second = H.rig(VCPUS, SPIS, first.memory.slice(0));
        const copied: Stacks = stacks.map((stack) => [...stack]);
        first.irqs.length = 0;
        first.fiqs.length = 0;
        for (const o of after) expect(real(o, second, copied)).toBe(real(o, first, stacks));
        expect([second.irqs, second.fiqs]).toEqual([first.irqs, first.fiqs]);
        expect(new Uint8Array(second.memory)).toEqual(new Uint8Array(first.memory));
      }),
      { numRuns: 60 },
    );
  });
});
