import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { VCPU_BYTES, VCPU_FIELDS } from '../src/state.ts';
import { CODE, DATA, Machine, VECTORS } from './machine.ts';

describe('counters and timers', () => {
  let now = 0;
  let written = 0;
  const m = new Machine({ host: { counter: () => now, timerWritten: () => void written++ } });
  const run = (source: string, x1 = 0n): bigint => {
    m.set('x1', x1);
    expect(m.exec(source, 1).vector).toBe(-1);
    return m.get('x0');
  };

  it('CNTPCT_EL0 is the host counter, CNTVCT_EL0 lags by CNTVOFF_EL2, all 53 bits of it', () => {
    m.set('CNTVOFF_EL2', 1000n);
    for (now of [1000, 2 ** 32 + 7, 2 ** 53 - 1]) {
      expect(run('mrs x0, cntpct_el0')).toBe(BigInt(now));
      expect(run('mrs x0, cntvct_el0')).toBe(BigInt(now - 1000));
    }
    expect(run('mrs x0, cntfrq_el0')).toBe(62_500_000n);
  });

  it.each([
    ['cntv', 1000n],
    ['cntp', 0n],
  ])('%s: TVAL is a signed 32-bit distance from the counter, CVAL is absolute', (timer, offset) => {
    m.set('CNTVOFF_EL2', 1000n);
    now = 50_000;
    const count = BigInt(now) - offset;
    for (const [tval, distance] of [
      [5n, 5n],
      [0xffff_ffffn, -1n],
      [0x7fff_ffffn, 0x7fff_ffffn],
      [0xdead_0000_8000_0000n, -0x8000_0000n],
    ] as const) {
      written = 0;
      run(`msr ${timer}_tval_el0, x1`, tval);
      expect(written).toBe(1);
      expect(run(`mrs x0, ${timer}_cval_el0`)).toBe(BigInt.asUintN(64, count + distance));
      expect(run(`mrs x0, ${timer}_tval_el0`)).toBe(BigInt.asUintN(32, distance));
    }
  });

  it.each(['cntv', 'cntp'])(
    '%s_CTL_EL0: ISTATUS while enabled and the counter is at CVAL or past it, other bits as written',
    (timer) => {
      m.set('CNTVOFF_EL2', 0n);
      now = 100;
      written = 0;
      run(`msr ${timer}_cval_el0, x1`, 101n);
      expect(run(`msr ${timer}_ctl_el0, x1\nmrs x0, ${timer}_ctl_el0`, -1n)).toBe(3n);
      expect(written).toBe(2);
      expect(run(`msr ${timer}_ctl_el0, x1\nmrs x0, ${timer}_ctl_el0`, 1n)).toBe(1n);
      now = 101;
      expect(run(`mrs x0, ${timer}_ctl_el0`)).toBe(5n);
      expect(run(`msr ${timer}_ctl_el0, x1\nmrs x0, ${timer}_ctl_el0`, 3n)).toBe(7n);
      expect(run(`msr ${timer}_ctl_el0, x1\nmrs x0, ${timer}_ctl_el0`, 0n)).toBe(0n);
      // CVAL is unsigned: the far future.
      run(`msr ${timer}_cval_el0, x1`, 2n ** 64n - 1n);
      expect(run(`msr ${timer}_ctl_el0, x1\nmrs x0, ${timer}_ctl_el0`, 1n)).toBe(1n);
    },
  );
});

describe('the budget', () => {
  /** Loops, calls, faults, SVCs and returns, self-modification, floating point: then HVC. */
  const PROGRAM = `
      ldr x0, =${DATA}
      ldr x9, =${CODE + 0x1800}
      mov x3, #40
loop: str x3, [x0], #8
      bl leaf
      svc #1
      fmov d0, x3
      fadd d1, d1, d0
      tbz x3, #0, even
      ldr x7, [x28]
even: blr x9
      subs x3, x3, #1
      b.ne loop
      hvc #0
leaf: add x10, x10, x3
      ror x10, x10, #3
      mul x11, x10, x3
      ret
`;
  const VECTOR =
    'add x12, x12, #1\nmrs x13, esr_el1\nlsr x13, x13, #26\ncmp x13, #0x15\nb.eq 1f\nmrs x13, elr_el1\nadd x13, x13, #4\nmsr elr_el1, x13\n1: eret';

  function fresh(): Machine {
    const m = new Machine({ codePages: 3 });
    m.program(PROGRAM);
    m.program('mov x14, #3\n1: add x15, x15, x14\nsubs x14, x14, #1\nb.ne 1b\nret', CODE + 0x1800);
    m.program(VECTOR, VECTORS + 0x200);
    m.level(1);
    m.set('pc', BigInt(CODE));
    return m;
  }

  /** What the guest can see of the state. */
  function visible(m: Machine): unknown[] {
    const names = ['flagN', 'flagZ', 'pc', 'SPSR_EL1', 'ELR_EL1', 'ESR_EL1', 'FAR_EL1', 'FPSR', 'FPCR', 'instructions'];
    return [
      ...Array.from({ length: 31 }, (_, n) => m.get(`x${n}`)),
      ...names.map((n) => m.get(n)),
      m.get32('el'),
      m.get32('daif'),
      ...m.bytes.slice(m.vcpu + 0x200, m.vcpu + 0x400),
      ...m.bytes.slice(m.at(DATA), m.at(DATA) + 512),
    ];
  }

  const whole = fresh();
  whole.go(1_000_000);
  const total = whole.get('instructions');

  it('any slicing of a run ends in the same state, with the same count of instructions', () => {
    expect(whole.get('x10')).not.toBe(0n);
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 200 }), { minLength: 1, maxLength: 30 }), (budgets) => {
        const m = fresh();
        let counted = 0n;
        for (let n = 0; ; n++) {
          const budget = budgets[n % budgets.length]!;
          const reason = m.go(budget);
          const executed = m.get('instructions') - counted;
          counted += executed;
          if (reason === 'request') break;
          // On to the next branch: a straight line of this program is shorter than 20.
          expect([reason, executed >= BigInt(budget), executed < BigInt(budget + 20)]).toEqual(['budget', true, true]);
        }
        expect(counted).toBe(total);
        expect(visible(m)).toEqual(visible(whole));
      }),
      { numRuns: 30 },
    );
  });

  it('counts every instruction once, those that fault too', () => {
    const m = new Machine();
    m.write(VECTORS + 0x200, [0xd4000002]);
    m.exec('nop\nnop\nldr x0, [x28]', 1);
    // NOP, NOP, LDR, HVC of the vector.
    expect(m.get('instructions')).toBe(4n);
  });

  it('a guest that only faults uses its budget up', () => {
    const m = new Machine();
    m.set('VBAR_EL1', 0x5000_0000_0000n);
    m.level(1);
    m.program('b .');
    m.set('pc', 0x5000_0000_1000n);
    expect(m.go(1000)).toBe('budget');
    for (const source of [
      'wfe\nb .-4',
      'b .',
      '1: b 2f\n2: b 1b',
      'svc #0',
      '.word 0',
      'msr daifclr, #15\nb .-4',
      'isb\nb .-4',
      'yield\nb .-4',
    ]) {
      m.program(source);
      m.set('pc', BigInt(CODE));
      m.level(1);
      m.set32('pstateIL', source === 'b .' ? 1 << 20 : 0);
      expect([source, m.go(1000)]).toEqual([source, 'budget']);
    }
  });

  it('a state can be moved: its bytes and the memory are all there is', () => {
    const m = fresh();
    m.go(333);
    const other = new Machine({ codePages: 3 });
    other.bytes.set(m.bytes.slice(m.vcpu, m.vcpu + VCPU_BYTES), other.vcpu);
    other.bytes.set(m.bytes.subarray(m.at(0x4000_0000), m.at(0x4000_0000) + 34 * 2 ** 20), other.at(0x4000_0000));
    other.engine.invalidateCode(other.at(0x4000_0000), 32 * 2 ** 20);
    other.view.setUint32(other.vcpu + VCPU_FIELDS.pcpu!, 0, true);
    while (other.go(1000) !== 'request');
    expect(visible(other)).toEqual(visible(whole));
  });
});

it('WFE with a clear event register leaves the engine, and goes on behind itself', () => {
  const m = new Machine();
  m.level(1);
  m.program('sevl\nwfe\nmov x0, #1\nwfe\nmov x0, #2\nhvc #0');
  m.set('pc', BigInt(CODE));
  expect(m.engine.run(m.vcpu, 1000)).toBe('event');
  expect(m.get('x0')).toBe(1n);
  expect(m.engine.run(m.vcpu, 1000)).toBe('request');
  expect(m.get('x0')).toBe(2n);
});
