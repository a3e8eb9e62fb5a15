import { describe, expect, it } from 'vitest';
import { FEATURE_GIC } from '../src/state.ts';
import { HOST_REGISTERS } from '../src/sysregs/registers.ts';
import { translateBoards, WAYS } from './board.ts';
import { Machine, VECTORS } from './machine.ts';

interface Access {
  readonly id: number;
  readonly isWrite: boolean;
  readonly value?: bigint;
}

/** A machine whose host has every register, and answers reads with `answer`. */
function machine(answer = 0n, known = true): { m: Machine; seen: Access[] } {
  const seen: Access[] = [];
  const m: Machine = new Machine({
    host: {
      systemRegister: (vcpu, id, isWrite, valueAt) => {
        if (vcpu !== m.vcpu) throw new Error(`vCPU ${vcpu}`);
        seen.push(isWrite ? { id, isWrite, value: m.view.getBigUint64(valueAt, true) } : { id, isWrite });
        if (!isWrite) m.view.setBigUint64(valueAt, answer, true);
        return known;
      },
    },
  });
  return { m, seen };
}

/** EC 0, IL: an UNDEFINED instruction. */
const UNDEFINED = 2n ** 25n;
const SYNC_EL1 = 0x200;
const SYNC_EL0 = 0x400;

describe('registers of the host', () => {
  it.each(HOST_REGISTERS.map((r) => [r.name, r] as const))('%s: reads and writes as its access says', (name, r) => {
    const [op0, op1, CRn, CRm, op2] = r.encoding;
    const id = (op0 << 14) | (op1 << 11) | (CRn << 7) | (CRm << 3) | op2;
    const { m, seen } = machine(0xfedc_ba98_7654_3210n);
    for (const generic of [false, true]) {
      seen.length = 0;
      const text = generic ? `s${op0}_${op1}_c${CRn}_c${CRm}_${op2}` : name.toLowerCase();
      m.set('x0', 1n);
      m.set('x1', 0x0123_4567_89ab_cdefn);
      const word = 0xd500_0000 | (op0 << 19) | (op1 << 16) | (CRn << 12) | (CRm << 8) | (op2 << 5);
      const read = r.access.includes('r') ? `mrs x0, ${text}` : `.word 0x${((word | 0x20_0000) >>> 0).toString(16)}`;
      const write = r.access.includes('w') ? `msr ${text}, x1` : `.word 0x${((word | 1) >>> 0).toString(16)}`;
      const reading = m.exec(read, 1);
      if (r.access.includes('r')) {
        expect([reading.vector, m.get('x0')]).toEqual([-1, 0xfedc_ba98_7654_3210n]);
        expect(seen).toEqual([{ id, isWrite: false }]);
      } else expect([reading.vector, m.get('ESR_EL1'), seen]).toEqual([SYNC_EL1, UNDEFINED, []]);
      seen.length = 0;
      const writing = m.exec(write, 1);
      if (r.access.includes('w')) {
        expect(writing.vector).toBe(-1);
        expect(seen).toEqual([{ id, isWrite: true, value: 0x0123_4567_89ab_cdefn }]);
      } else expect([writing.vector, m.get('ESR_EL1'), seen]).toEqual([SYNC_EL1, UNDEFINED, []]);
    }
  });

  it('XZR writes zero and takes what is read', () => {
    const { m, seen } = machine(7n);
    expect(m.exec('msr icc_pmr_el1, xzr\nmrs xzr, icc_pmr_el1', 1).vector).toBe(-1);
    expect(seen.map(({ value }) => value)).toEqual([0n, undefined]);
  });

  it('are UNDEFINED at EL0, where the host says so, and where it has none', () => {
    const { m, seen } = machine();
    expect([m.exec('mrs x0, icc_iar1_el1', 0).vector, m.get('ESR_EL1'), seen]).toEqual([SYNC_EL0, UNDEFINED, []]);
    for (const other of [machine(5n, false).m, new Machine()]) {
      for (const source of ['mrs x0, icc_iar1_el1', 'msr icc_pmr_el1, x0']) {
        other.set('x0', 3n);
        expect([other.exec(source, 1).vector, other.get('ESR_EL1')]).toEqual([SYNC_EL1, UNDEFINED]);
        expect(other.get('x0')).toBe(3n);
      }
    }
  });

  it('a write that raises an interrupt line is followed by the interrupt', () => {
    const m: Machine = new Machine({
      host: {
        systemRegister: () => {
          m.set32('interruptLines', 1);
          return true;
        },
      },
    });
    m.program('hvc #0', VECTORS + 0x280);
    m.set('x2', 0n);
    expect(m.exec('msr daifclr, #2\nmsr icc_pmr_el1, x0\nmov x2, #1', 1).vector).toBe(0x280);
    expect(m.get('x2')).toBe(0n);
  });

  it.each(WAYS)(
    'a read that raises an interrupt line has its value when the interrupt comes: $how',
    ({ translate }) => {
      translateBoards(translate);
      const m: Machine = new Machine({
        host: {
          systemRegister: (_, __, ___, valueAt) => {
            m.set32('interruptLines', 1);
            m.view.setBigUint64(valueAt, 5n, true);
            return true;
          },
        },
      });
      m.program('hvc #0', VECTORS + 0x280);
      const taken = m.exec('msr daifclr, #2\nb 1f\n1: mrs x0, icc_iar1_el1\nmov x2, #1', 1);
      translateBoards(undefined);
      expect([taken.vector, m.get('x0')]).toEqual([0x280, 5n]);
    },
  );

  it('ID_AA64PFR0_EL1.GIC tells of them by the feature of the vCPU', () => {
    const { m } = machine();
    for (const features of [0, FEATURE_GIC]) {
      m.set32('features', features);
      m.exec('mrs x0, id_aa64pfr0_el1', 1);
      expect(m.get('x0')).toBe(0x1300_0000_0000_0011n | (BigInt(features) << 24n));
    }
  });
});
