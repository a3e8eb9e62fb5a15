import { describe, expect, it } from 'vitest';
import { CODE, DATA, EL0, Machine, NORMAL, VECTORS } from './machine.ts';

const IL = 1n << 25n;
const esr = (ec: number, iss = 0): bigint => (BigInt(ec) << 26n) | IL | BigInt(iss);
const DEBUG = 0x22;
const WNR = 1 << 6;
const CM = 1 << 8;
const ISV = 1 << 24;
const EX = 1 << 6;
const SS = 1n;
const KDE = 1n << 13n;
const MDE = 1n << 15n;
const SPSR_SS = 1n << 21n;
const D = 1n << 9n;

const m = new Machine();
/** A vCPU with the OS Lock open and MDSCR_EL1 as given. */
function start(mdscr: bigint): void {
  m.start();
  m.set('OSLSR_EL1', 8n);
  m.set('MDSCR_EL1', mdscr);
}
/** Runs EL0 code at CODE from an exception return with SPSR_EL1 `spsr`, until something stops it. */
function returnTo(source: string, spsr: bigint, pc = CODE) {
  m.program(source);
  m.program('eret', VECTORS + 0x800);
  m.set('SPSR_EL1', spsr);
  m.set('ELR_EL1', BigInt(pc));
  m.level(1);
  m.set32('daif', 0x3c0);
  m.set('pc', BigInt(VECTORS + 0x800));
  expect(m.go()).toBe('request');
  return m.taken();
}
/** Goes on from the exception that was taken, with SPSR_EL1 changed as a debugger does. */
function goOn(set = SPSR_SS) {
  return returnTo('', m.get('SPSR_EL1') | set, Number(m.get('ELR_EL1')));
}

describe('debug registers', () => {
  it('6 breakpoints, 2 of them context-aware, and 4 watchpoints: as ID_AA64DFR0_EL1 says, and no more', () => {
    start(0n);
    m.exec('mrs x0, id_aa64dfr0_el1');
    const field = (lsb: bigint) => Number((m.get('x0') >> lsb) & 15n);
    expect([field(0n), field(12n), field(20n), field(28n)]).toEqual([6, 5, 3, 1]);
    const ones = (name: string): bigint | string => {
      start(0n);
      const t = m.exec(`mov x0, #-1\nmsr ${name}, x0\nmrs x1, ${name}`);
      return t.vector < 0 ? m.get('x1') : 'UNDEFINED';
    };
    for (let n = 0; n < 16; n++) {
      expect(ones(`dbgbvr${n}_el1`)).toBe(n < 4 ? 2n ** 64n - 4n : n < 6 ? 2n ** 64n - 1n : 'UNDEFINED');
      expect(ones(`dbgbcr${n}_el1`)).toBe(n < 4 ? 0x1fe1e7n : n < 6 ? 0x3fe1e7n : 'UNDEFINED');
      expect(ones(`dbgwvr${n}_el1`)).toBe(n < 4 ? 2n ** 64n - 4n : 'UNDEFINED');
      expect(ones(`dbgwcr${n}_el1`)).toBe(n < 4 ? 0x1f1fffffn : 'UNDEFINED');
    }
  });

  it('the OS Lock is set at reset, OSLAR_EL1 changes it, and what an external debugger owns is written under it only', () => {
    m.start();
    const source = `msr daifset, #8
      mrs x1, oslsr_el1
      mov x0, #-1
      msr mdscr_el1, x0
      mrs x2, mdscr_el1
      msr oslar_el1, xzr
      mrs x3, oslsr_el1
      msr mdscr_el1, xzr
      mrs x4, mdscr_el1`;
    m.exec(source);
    expect(['x1', 'x2', 'x3', 'x4'].map((r) => m.get(r))).toEqual([0xan, 0x6ce0f041n, 8n, 0x6ce04040n]);
    expect(m.exec('mrs x0, oslar_el1').esr).toBe(esr(0));
    expect(m.exec('msr oslsr_el1, x0').esr).toBe(esr(0));
    for (const name of ['mdscr_el1', 'oslsr_el1', 'dbgbvr0_el1', 'dbgclaimset_el1']) {
      expect(m.exec(`mrs x0, ${name}`, 0).esr).toBe(esr(0));
    }
  });

  it('claim tags, and the DCC that nobody empties; MDSCR_EL1.TDCC traps EL0', () => {
    start(0n);
    m.exec('mov x0, #0x1ff\nmsr dbgclaimset_el1, x0\nmov x0, #3\nmsr dbgclaimclr_el1, x0\nmrs x1, dbgclaimclr_el1');
    expect(m.get('x1')).toBe(0xfcn);
    m.exec('mrs x1, mdccsr_el0\nmov x0, #0x55\nmsr dbgdtrtx_el0, x0\nmrs x2, mdccsr_el0\nmrs x3, osdtrtx_el1', 0);
    m.exec('mrs x3, osdtrtx_el1');
    expect(['x1', 'x2', 'x3'].map((r) => m.get(r))).toEqual([0n, 1n << 29n, 0x55n]);
    start(1n << 12n);
    expect(m.exec('mrs x5, mdccsr_el0', 0).esr).toBe(esr(0x18, (2 << 20) | (3 << 14) | (5 << 5) | (1 << 1) | 1));
    expect(m.exec('mrs x5, mdccsr_el0', 1).vector).toBe(-1);
  });
});

describe('software step', () => {
  it('an exception return with SPSR_EL1.SS runs one instruction; without it none', () => {
    start(SS);
    const t = returnTo('mov x1, #1\nmov x1, #2\nb .', SPSR_SS);
    expect(t).toMatchObject({ vector: 0x400, esr: esr(0x32, ISV | DEBUG), elr: BigInt(CODE + 4), spsr: 0n });
    expect(m.get('x1')).toBe(1n);
    expect(goOn(0n)).toMatchObject({ esr: esr(0x32, DEBUG), elr: BigInt(CODE + 4), spsr: 0n });
    expect(goOn()).toMatchObject({ esr: esr(0x32, ISV | DEBUG), elr: BigInt(CODE + 8) });
    expect(m.get('x1')).toBe(2n);
  });

  it('follows branches, within the page and out of it, taken or not, and across the end of a page', () => {
    start(SS);
    const source = 'b 1f\nnop\n1: cbz x1, 2f\nbl . + 0xff4\n2: nop\nsvc #0';
    m.program('ret\nnop', CODE + 0x1000);
    m.program('nop', CODE + 0x1ffc);
    const walk = (x1: bigint): number[] => {
      m.set('x1', x1);
      let t = returnTo(source, SPSR_SS);
      const at: number[] = [];
      for (; t.esr === esr(0x32, ISV | DEBUG); t = goOn()) at.push(Number(t.elr) - CODE);
      expect(t.esr).toBe(esr(0x15));
      return at;
    };
    expect(walk(0n)).toEqual([8, 16, 20]);
    expect(walk(1n)).toEqual([8, 12, 0x1000, 16, 20]);
    expect(returnTo('', SPSR_SS, CODE + 0x1ffc).elr).toBe(BigInt(CODE + 0x2000));
  });

  it('a load-exclusive is told by ISS.EX', () => {
    start(SS);
    m.set('x2', BigInt(DATA));
    for (const [source, ex] of [
      ['ldxr x1, [x2]', EX],
      ['ldaxp x1, x3, [x2]', EX],
      ['ldaxrb w1, [x2]', EX],
      ['ldar x1, [x2]', 0],
      ['stxr w1, x3, [x2]', 0],
      ['caspa x4, x5, x6, x7, [x2]', 0],
      ['ldr x1, [x2]', 0],
    ] as const)
      expect([source, returnTo(source, SPSR_SS).esr]).toEqual([source, esr(0x32, ISV | ex | DEBUG)]);
  });

  it('SVC is complete when it is taken: the step exception comes at the return; a fault comes back to its instruction', () => {
    start(SS);
    expect(returnTo('svc #3\nnop', SPSR_SS)).toMatchObject({ esr: esr(0x15, 3), elr: BigInt(CODE + 4), spsr: 0n });
    expect(goOn(0n)).toMatchObject({ esr: esr(0x32, DEBUG), elr: BigInt(CODE + 4) });
    const t = returnTo('udf #0', SPSR_SS);
    expect(t).toMatchObject({ esr: esr(0), elr: BigInt(CODE), spsr: SPSR_SS });
    m.set('x2', 0n);
    expect(returnTo('ldr x1, [x2]', SPSR_SS)).toMatchObject({ esr: esr(0x24, 0x04 + 1), spsr: SPSR_SS });
    expect(returnTo('brk #1', SPSR_SS)).toMatchObject({ esr: esr(0x3c, 1), spsr: SPSR_SS });
  });

  it('is taken before the next instruction could fault in any way', () => {
    start(SS);
    m.set('x2', BigInt(CODE + 2));
    expect(returnTo('br x2', SPSR_SS)).toMatchObject({ esr: esr(0x32, ISV | DEBUG), elr: BigInt(CODE + 2) });
    expect(goOn()).toMatchObject({ esr: esr(0x22), elr: BigInt(CODE + 2), spsr: SPSR_SS });
    m.set('x2', 0n);
    expect(returnTo('br x2', SPSR_SS)).toMatchObject({ esr: esr(0x32, ISV | DEBUG), elr: 0n });
    expect(goOn()).toMatchObject({ esr: esr(0x20, 0x05), elr: 0n, spsr: SPSR_SS });
  });

  it('an interrupt before the step keeps SPSR_EL1.SS, one behind it does not', () => {
    start(SS);
    m.set32('interruptLines', 1);
    m.write(VECTORS + 0x480, [0xd4000002]);
    expect(returnTo('nop\nnop', SPSR_SS)).toMatchObject({ vector: 0x480, elr: BigInt(CODE), spsr: SPSR_SS });
    start(SS);
    m.set32('interruptLines', 1);
    m.set('SCTLR_EL1', m.get('SCTLR_EL1') | (1n << 9n));
    const t = returnTo('msr daifclr, #2\nnop', SPSR_SS | 0x80n);
    expect(t).toMatchObject({ vector: 0x480, elr: BigInt(CODE + 4), spsr: 0n });
    m.set32('interruptLines', 0);
    expect(goOn(0n)).toMatchObject({ esr: esr(0x32, DEBUG), elr: BigInt(CODE + 4) });
  });

  it('is off under the OS Lock, the OS Double Lock, and without MDSCR_EL1.SS', () => {
    for (const off of [
      () => m.set('OSLSR_EL1', 0xan),
      () => m.set('OSDLR_EL1', 1n),
      () => m.set('MDSCR_EL1', KDE | MDE),
    ]) {
      start(SS);
      off();
      expect(returnTo('nop\nsvc #1', SPSR_SS)).toMatchObject({ esr: esr(0x15, 1), spsr: 0n });
    }
    start(SS);
    m.set('OSDLR_EL1', 1n);
    m.set('DBGPRCR_EL1', 1n);
    expect(returnTo('nop\nsvc #1', SPSR_SS).esr).toBe(esr(0x32, ISV | DEBUG));
  });

  it('EL1 steps itself with KDE where PSTATE.D is clear, and not otherwise', () => {
    start(SS | KDE);
    expect(returnTo('mov x1, #7\nnop', SPSR_SS | 5n)).toMatchObject({
      vector: 0x200,
      esr: esr(0x33, ISV | DEBUG),
      elr: BigInt(CODE + 4),
      spsr: 5n,
    });
    expect(returnTo('nop\nsvc #1', SPSR_SS | D | 5n)).toMatchObject({ esr: esr(0x15, 1), spsr: D | 5n });
    // From D set to D clear: active-pending at once.
    expect(returnTo('nop\nmsr daifclr, #8\nnop', SPSR_SS | D | 5n)).toMatchObject({
      esr: esr(0x33, DEBUG),
      elr: BigInt(CODE + 8),
    });
    m.set('x1', 0n);
    expect(returnTo('msr daif, x1\nnop', SPSR_SS | D | 5n).elr).toBe(BigInt(CODE + 4));
    // Stepping over what sets D ends the state; SS is clear behind it.
    expect(returnTo('msr daifset, #8\nnop\nsvc #2', SPSR_SS | 5n)).toMatchObject({ esr: esr(0x15, 2), spsr: D | 5n });
    start(SS);
    expect(returnTo('nop\nsvc #1', SPSR_SS | 5n)).toMatchObject({ esr: esr(0x15, 1), spsr: 5n });
  });

  it('steps a program of every kind to the same end as it runs to', () => {
    const source = `mov x0, #0
      mov x1, #10
      ldr x2, =${DATA}
   1: str x0, [x2, x1, lsl #3]
      ldr x3, [x2, x1, lsl #3]
      add x0, x0, x3
      add x0, x0, x1
      subs x1, x1, #1
      b.ne 1b
      bl 2f
      b 3f
   2: fmov d0, x0
      fadd d1, d0, d0
      ret
   3: svc #9`;
    start(0n);
    m.program(source);
    const whole = m.exec(source, 0);
    const [x0, x30] = [m.get('x0'), m.get('x30')];
    start(SS);
    let t = returnTo(source, SPSR_SS);
    let steps = 1;
    for (; t.esr === esr(0x32, ISV | DEBUG); steps++) t = goOn();
    expect(t.esr).toBe(whole.esr);
    expect([m.get('x0'), m.get('x30'), steps]).toEqual([x0, x30, 3 + 60 + 6]);
  });
});

/** DBGBCR: enabled for EL0 (2) or EL1 (1), all bytes, type, linked unit. */
const breakpoint = (pmc: number, type = 0, lbn = 0): bigint =>
  BigInt(1 | (pmc << 1) | 0x1e0 | (lbn << 16) | (type << 20));

describe('breakpoints', () => {
  const stop = esr(0x30, DEBUG);
  it('match the address of an instruction before it runs, at the exception level of PMC', () => {
    for (let n = 0; n < 6; n++) {
      start(MDE);
      m.set(`DBGBVR${n}_EL1`, BigInt(CODE + 8));
      m.set(`DBGBCR${n}_EL1`, breakpoint(2));
      const t = m.exec('mov x1, #1\nmov x1, #2\nmov x1, #3\nsvc #0', 0);
      expect(t).toMatchObject({ vector: 0x400, esr: stop, elr: BigInt(CODE + 8), far: 0n });
      expect(m.get('x1')).toBe(2n);
      m.set('MDSCR_EL1', MDE | KDE);
      expect(m.exec('nop\nnop\nnop\nsvc #1', 1).esr).toBe(esr(0x15, 1));
      m.set(`DBGBCR${n}_EL1`, breakpoint(1));
      expect(m.exec('nop\nnop\nnop\nsvc #1', 0).esr).toBe(esr(0x15, 1));
      expect(m.exec('nop\nnop\nnop\nsvc #1', 1).esr).toBe(esr(0x31, DEBUG));
    }
  });

  it('are set and cleared by the guest while its code runs', () => {
    start(0n);
    const t = m.exec(`mov x0, #0x8000
      msr mdscr_el1, x0
      mov x0, #0x1e5
      adr x1, target
      msr dbgbvr0_el1, x1
      bl target
      msr dbgbcr0_el1, x0
      isb
      msr spsr_el1, xzr
      adr x1, user
      msr elr_el1, x1
      eret
user: bl target
      svc #0
target: add x9, x9, #1
      ret`);
    expect(t).toMatchObject({ esr: stop });
    expect(m.get('x9')).toBe(1n);
    m.set('DBGBCR0_EL1', 0n);
    expect(m.exec('nop\nsvc #4', 0).esr).toBe(esr(0x15, 4));
  });

  it('need MDSCR_EL1.MDE, the OS Lock open and E; at EL1 KDE and PSTATE.D clear, too', () => {
    const run = (mdscr: bigint, control: bigint, el: 0 | 1, locked = false, prefix = 'nop') => {
      start(mdscr);
      if (locked) m.set('OSLSR_EL1', 0xan);
      m.set('DBGBVR0_EL1', BigInt(CODE + 4));
      m.set('DBGBCR0_EL1', control);
      return m.exec(`${prefix}\nnop\nsvc #1`, el).esr;
    };
    const passed = esr(0x15, 1);
    expect(run(KDE, breakpoint(3), 0)).toBe(passed);
    expect(run(MDE, breakpoint(3), 0, true)).toBe(passed);
    expect(run(MDE, breakpoint(3) & ~1n, 0)).toBe(passed);
    expect(run(MDE, breakpoint(3) | (1n << 13n), 0)).toBe(passed);
    expect(run(MDE, breakpoint(3) | (1n << 14n), 0)).toBe(passed);
    expect(run(MDE, breakpoint(3), 0)).toBe(stop);
    expect(run(MDE, breakpoint(3), 1)).toBe(passed);
    expect(run(MDE | KDE, breakpoint(3), 1)).toBe(esr(0x31, DEBUG));
    expect(run(MDE | KDE, breakpoint(3), 1, false, 'msr daifset, #8')).toBe(passed);
    // An entry that was made while PSTATE.D was set hides nothing behind it.
    start(MDE | KDE);
    m.set('DBGBVR0_EL1', BigInt(CODE + 12));
    m.set('DBGBCR0_EL1', breakpoint(1));
    expect(m.exec('msr daifset, #8\nb .+4\nb .+4\nnop\nmsr daifclr, #8\nb .-8', 1).elr).toBe(BigInt(CODE + 12));
    expect(m.get('SPSR_EL1') & D).toBe(0n);
  });

  it('linked ones match in their context only, unlinked contexts at every instruction', () => {
    const run = (context: bigint, type: number, lbn: number, unit = 4) => {
      start(MDE);
      m.set('CONTEXTIDR_EL1', 77n);
      m.set(`DBGBVR${unit}_EL1`, context);
      m.set(`DBGBCR${unit}_EL1`, breakpoint(2, 3));
      m.set('DBGBVR0_EL1', BigInt(CODE + 4));
      m.set('DBGBCR0_EL1', breakpoint(2, type, lbn));
      return m.exec('nop\nnop\nsvc #1', 0);
    };
    expect(run(77n, 1, 4)).toMatchObject({ esr: stop, elr: BigInt(CODE + 4) });
    expect(run(77n, 1, 5, 5)).toMatchObject({ esr: stop });
    expect(run(78n, 1, 4).esr).toBe(esr(0x15, 1));
    expect(run(77n, 1, 5).esr).toBe(esr(0x15, 1));
    expect(run(77n, 1, 2, 2).esr).toBe(esr(0x15, 1));
    start(MDE);
    m.set('CONTEXTIDR_EL1', 5n);
    m.set('DBGBVR5_EL1', 5n);
    m.set('DBGBCR5_EL1', breakpoint(2, 2));
    expect(m.exec('nop\nsvc #1', 0)).toMatchObject({ esr: stop, elr: BigInt(CODE) });
    m.set('CONTEXTIDR_EL1', 6n);
    expect(m.exec('nop\nsvc #1', 0).esr).toBe(esr(0x15, 1));
    // Types of what this core has not do nothing: address mismatch, VMID.
    for (const type of [4, 5, 8, 9, 10, 11]) expect(run(77n, type, 4).esr).toBe(esr(0x15, 1));
  });

  it('a step comes before a breakpoint, a breakpoint before the instruction, an abort of the fetch before both', () => {
    start(MDE | SS);
    m.set('DBGBVR0_EL1', BigInt(CODE));
    m.set('DBGBCR0_EL1', breakpoint(2));
    expect(returnTo('udf #0', 0n).esr).toBe(esr(0x32, DEBUG));
    expect(returnTo('udf #0', SPSR_SS)).toMatchObject({ esr: stop, spsr: SPSR_SS });
    const PAGE = 0x7000_0000n;
    m.set('DBGBVR0_EL1', PAGE);
    expect(returnTo('', SPSR_SS, Number(PAGE)).esr).toBe(esr(0x20, 0x06));
    m.tables.map(PAGE, CODE, NORMAL | EL0);
    start(MDE);
    m.set('DBGBVR0_EL1', PAGE);
    m.set('DBGBCR0_EL1', breakpoint(2));
    expect(returnTo('udf #0', 0n, Number(PAGE))).toMatchObject({ esr: stop, elr: PAGE });
    // PSTATE.IL is looked at behind both.
    const IL_BIT = 1n << 20n;
    expect(returnTo('nop', IL_BIT, Number(PAGE))).toMatchObject({ esr: stop, spsr: IL_BIT });
    expect(returnTo('nop', IL_BIT, Number(PAGE) + 4)).toMatchObject({ esr: esr(0x0e), spsr: IL_BIT });
    expect(returnTo('nop', IL_BIT, 0x10).esr).toBe(esr(0x20, 0x05));
    expect(returnTo('nop', IL_BIT, CODE + 2).esr).toBe(esr(0x22));
    m.tables.unmap(PAGE);
    m.engine.flushTlbs();
  });

  it('a page with a breakpoint runs its other instructions, and changes of its code are seen', () => {
    start(MDE);
    m.set('DBGBVR0_EL1', BigInt(CODE + 0xff0));
    m.set('DBGBCR0_EL1', breakpoint(2));
    m.set('x1', 1000n);
    const t = m.exec('1: add x2, x2, #3\nsubs x1, x1, #1\nb.ne 1b\nsvc #5', 0);
    expect([t.esr, m.get('x2')]).toEqual([esr(0x15, 5), 3000n]);
    m.set('x2', 0n);
    expect(m.exec('add x2, x2, #1\nsvc #6', 0).esr).toBe(esr(0x15, 6));
    expect(m.get('x2')).toBe(1n);
  });
});

/** DBGWCR: privilege, loads (1) and stores (2), bytes, mask, linked unit. */
const watchpoint = (o: { pac?: number; lsc?: number; bas?: number; mask?: number; lbn?: number }): bigint => {
  const { pac = 2, lsc = 3, bas = o.mask ? 0xff : 1, mask = 0, lbn } = o;
  const linked = lbn === undefined ? 0 : (1 << 20) | (lbn << 16);
  return BigInt(1 | (pac << 1) | (lsc << 3) | (bas << 5) | linked | (mask << 24));
};

describe('watchpoints', () => {
  /** Watches `value` and runs an access with x2 = DATA + `offset`. */
  const run = (source: string, offset: number, value: number, control: bigint, el: 0 | 1 = 0, mdscr = MDE) => {
    start(mdscr);
    for (let n = 0; n < 4; n++) m.set(`DBGWVR${n}_EL1`, BigInt(DATA + 0x8000));
    m.set('DBGWVR2_EL1', BigInt(DATA + value));
    m.set('DBGWCR2_EL1', control);
    m.set('x2', BigInt(DATA + offset));
    m.set('sp', BigInt(DATA));
    return m.exec(`${source}\nsvc #1`, el);
  };
  const passed = esr(0x15, 1);

  it.each([
    ['ldr x1, [x2]', 0, 8, 0],
    ['str x1, [x2]', WNR, 8, 0],
    ['ldrb w1, [x2, #3]', 0, 1, 3],
    ['ldp x1, x3, [x2]', 0, 16, 0],
    ['stp x1, x3, [x2]', WNR, 16, 0],
    ['ldr q1, [x2]', 0, 16, 0],
    ['str q1, [x2]', WNR, 16, 0],
    ['stp q1, q3, [x2]', WNR, 32, 0],
    ['ldp q1, q3, [x2]', 0, 32, 0],
    ['ldxr x1, [x2]', 0, 8, 0],
    ['stxr w3, x1, [x2]', WNR, 8, 0],
    ['ldar x1, [x2]', 0, 8, 0],
    ['stlr x1, [x2]', WNR, 8, 0],
    ['ldadd x1, x3, [x2]', 0, 8, 0],
    ['cas x1, x3, [x2]', 0, 8, 0],
    ['casp x4, x5, x6, x7, [x2]', 0, 16, 0],
    ['ldtr x1, [x2]', 0, 8, 0],
    ['ld4 {v0.16b-v3.16b}, [x2]', 0, 64, 0],
    ['st4 {v0.16b-v3.16b}, [x2]', WNR, 64, 0],
    ['st1 {v0.8b}, [x2]', WNR, 8, 0],
    ['ld1r {v0.4s}, [x2]', 0, 4, 0],
    ['ldr x1, [x2, #1]', 0, 8, 1],
  ] as const)('%s: every byte that it touches and none else', (source, iss, bytes, first) => {
    for (let at = first - 1; at <= first + bytes; at++) {
      const base = 0x100;
      const watched = base + at;
      const t = run(source, base, watched & ~7, watchpoint({ bas: 1 << (watched & 7) }));
      const hit = at >= first && at < first + bytes;
      expect([at, t.esr]).toEqual([at, hit ? esr(0x34, iss | DEBUG) : passed]);
      if (hit) expect(t).toMatchObject({ far: BigInt(DATA + watched), elr: BigInt(CODE) });
    }
  });

  it('nothing is loaded or stored, and no base register is written back', () => {
    m.write64(DATA + 0x100, 5n);
    const before = m.get('x1');
    const t = run('ldr x1, [x2], #8', 0x100, 0x100, watchpoint({}));
    expect([t.esr, m.get('x2'), m.get('x1')]).toEqual([esr(0x34, DEBUG), BigInt(DATA + 0x100), 0n]);
    expect(before).toBeDefined();
    run('mov x1, #9\nstp x1, x1, [x2, #8]!', 0xf0, 0x100, watchpoint({}));
    expect([m.read64(DATA + 0xf8), m.read64(DATA + 0x100), m.get('x2')]).toEqual([0n, 5n, BigInt(DATA + 0xf0)]);
  });

  it('LSC chooses loads or stores, PAC the exception level; unprivileged accesses count as EL0', () => {
    const at = (source: string, control: bigint, el: 0 | 1) => run(source, 0x40, 0x40, control, el, MDE | KDE).esr;
    const hit = (el: number, iss: number) => esr(0x34 + el, iss | DEBUG);
    expect(at('ldr x1, [x2]', watchpoint({ lsc: 2 }), 0)).toBe(passed);
    expect(at('str x1, [x2]', watchpoint({ lsc: 1 }), 0)).toBe(passed);
    expect(at('ldadd x1, x3, [x2]', watchpoint({ lsc: 2 }), 0)).toBe(hit(0, WNR));
    expect(at('ldadd x1, x3, [x2]', watchpoint({ lsc: 1 }), 0)).toBe(hit(0, 0));
    expect(at('ldr x1, [x2]', watchpoint({ pac: 1 }), 0)).toBe(passed);
    expect(at('ldr x1, [x2]', watchpoint({ pac: 1 }), 1)).toBe(hit(1, 0));
    expect(at('ldr x1, [x2]', watchpoint({ pac: 2 }), 1)).toBe(passed);
    expect(at('ldtr x1, [x2]', watchpoint({ pac: 2 }), 1)).toBe(hit(1, 0));
    expect(at('sttr x1, [x2]', watchpoint({ pac: 2 }), 1)).toBe(hit(1, WNR));
    expect(at('ldtr x1, [x2]', watchpoint({ pac: 1 }), 1)).toBe(passed);
    expect(run('ldr x1, [x2]', 0x40, 0x40, watchpoint({ pac: 3 }), 1).esr).toBe(passed);
    expect(run('msr daifset, #8\nldr x1, [x2]', 0x40, 0x40, watchpoint({ pac: 3 }), 1, MDE | KDE).esr).toBe(passed);
    expect(run('ldr x1, [x2]', 0x40, 0x40, watchpoint({}), 0, KDE).esr).toBe(passed);
  });

  it('BAS counts within a doubleword, or within the word where DBGWVR bit 2 is set', () => {
    const at = (offset: number, value: number, bas: number) =>
      run('ldrb w1, [x2]', offset, value, watchpoint({ bas })).esr !== passed;
    expect([0, 1, 2, 3, 4, 5, 6, 7].map((n) => at(n, 0, 0x3c))).toEqual([0, 0, 1, 1, 1, 1, 0, 0].map(Boolean));
    expect([0, 1, 2, 3, 4, 5, 6, 7].map((n) => at(n, 4, 0x06))).toEqual([0, 0, 0, 0, 0, 1, 1, 0].map(Boolean));
    expect([0, 1, 2, 3, 4, 5, 6, 7].map((n) => at(n, 4, 0xf0))).toEqual(new Array(8).fill(false));
    expect(at(0, 0, 0)).toBe(false);
  });

  it('MASK watches up to 2 GiB', () => {
    for (const mask of [3, 4, 8, 12, 13, 16]) {
      const size = 2 ** mask;
      for (const [offset, hit] of [
        [0x20000 - 1, false],
        [0x20000, true],
        [0x20000 + size - 1, true],
        [0x20000 + size, false],
      ] as const) {
        const t = run('ldrb w1, [x2]', offset, 0x20000, watchpoint({ mask }));
        expect([mask, offset, t.esr]).toEqual([mask, offset, hit ? esr(0x34, DEBUG) : passed]);
      }
    }
    expect(run('ldrb w1, [x2]', 0x777, -DATA + 0, watchpoint({ mask: 31 })).esr).toBe(esr(0x34, DEBUG));
  });

  it('linked ones count in their context only', () => {
    const at = (context: bigint, lbn: number) => {
      start(MDE);
      m.set('CONTEXTIDR_EL1', 3n);
      m.set('DBGBVR4_EL1', context);
      m.set('DBGBCR4_EL1', breakpoint(2, 3));
      m.set('DBGWVR0_EL1', BigInt(DATA));
      m.set('DBGWCR0_EL1', watchpoint({ lbn }));
      m.set('x2', BigInt(DATA));
      return m.exec('ldr x1, [x2]\nsvc #1', 0).esr;
    };
    expect([at(3n, 4), at(4n, 4), at(3n, 5), at(3n, 0)]).toEqual([esr(0x34, DEBUG), passed, passed, passed]);
  });

  it('across a page boundary, from the second page; translation faults come first', () => {
    expect(run('ldr x1, [x2]', 0xffc, 0x1000, watchpoint({}))).toMatchObject({
      esr: esr(0x34, DEBUG),
      far: BigInt(DATA + 0x1000),
    });
    m.write64(DATA + 0xff8, 0n);
    expect(run('mov x1, #-1\nstr x1, [x2]', 0xffc, 0x1000, watchpoint({})).esr).toBe(esr(0x34, WNR | DEBUG));
    expect(m.read64(DATA + 0xff8)).toBe(0n);
    expect(run('ldr x1, [x2]', 0x30_0000, 0x30_0000, watchpoint({})).esr).toBe(esr(0x24, 0x06));
    expect(run('ldxr x1, [x2]', 1, 0, watchpoint({ bas: 0xff })).esr).toBe(esr(0x24, 0x21));
  });

  it('DC ZVA and DC IVAC are stores to a watchpoint, other maintenance and prefetches are nothing', () => {
    const bas = { bas: 0x80 };
    expect(run('dc zva, x2', 0x47, 0x78, watchpoint(bas))).toMatchObject({
      esr: esr(0x34, WNR | DEBUG),
      far: BigInt(DATA + 0x47),
    });
    const ivac = run('dc ivac, x2', 0x47, 0x78, watchpoint({ ...bas, pac: 1 }), 1, MDE | KDE);
    expect(ivac).toMatchObject({ esr: esr(0x35, CM | WNR | DEBUG), far: BigInt(DATA + 0x47) });
    for (const source of ['dc cvac, x2', 'dc civac, x2', 'ic ivau, x2', 'prfm pldl1keep, [x2]'])
      expect(run(source, 0x47, 0x40, watchpoint({ bas: 0xff })).esr).toBe(passed);
  });

  it('a tag of the address does not matter, and is in FAR_EL1', () => {
    start(MDE);
    m.set('TCR_EL1', m.get('TCR_EL1') | (1n << 37n));
    m.set('DBGWVR0_EL1', BigInt(DATA));
    m.set('DBGWCR0_EL1', watchpoint({}));
    const tagged = (0xa5n << 56n) | BigInt(DATA);
    m.set('x2', tagged);
    expect(m.exec('ldr x1, [x2]', 0)).toMatchObject({ esr: esr(0x34, DEBUG), far: tagged });
  });

  it('entries from before a watchpoint was set hide nothing: set by the guest, and on another pCPU', () => {
    start(MDE);
    m.set('x2', BigInt(DATA));
    const t = m.exec(
      `ldr x1, [x2]\nmsr dbgwvr0_el1, x2\nmov x3, #${watchpoint({ pac: 1 })}\nmsr dbgwcr0_el1, x3\nmov x3, #0xa000\nmsr mdscr_el1, x3\nldr x1, [x2]`,
    );
    expect(t).toMatchObject({ esr: esr(0x35, DEBUG), elr: BigInt(CODE + 24) });
    // Without the watchpoint there are entries again; then the vCPU comes from elsewhere with one.
    m.set('DBGWCR0_EL1', 0n);
    m.set('MDSCR_EL1', MDE | KDE);
    expect(m.exec('ldr x1, [x2]').vector).toBe(-1);
    m.set('DBGWCR0_EL1', watchpoint({ pac: 1 }));
    m.set32('debugOn', 4);
    m.set32('pcpu', 0);
    expect(m.exec('ldr x1, [x2]').esr).toBe(esr(0x35, DEBUG));
  });

  it('a device is not touched', () => {
    const calls: number[] = [];
    const d = new Machine({ host: { mmio: (_v, ipa) => calls.push(ipa) > 0 } });
    d.tables.map(0x900_0000n, 0x900_0000, NORMAL | EL0);
    d.set('OSLSR_EL1', 8n);
    d.set('MDSCR_EL1', MDE);
    d.set('DBGWVR0_EL1', 0x900_0000n);
    d.set('DBGWCR0_EL1', watchpoint({}));
    d.set('x2', 0x900_0000n);
    expect(d.exec('str w1, [x2]', 0).esr).toBe(esr(0x34, WNR | DEBUG));
    expect(calls).toEqual([]);
    expect(d.exec('str w1, [x2, #4]\nsvc #1', 0).esr).toBe(passed);
    expect(calls).toEqual([0x900_0004]);
  });
});

describe('the alignment of SP', () => {
  const fault = (el: number) => ({ esr: esr(0x26), vector: el ? 0x200 : 0x400 });
  const run = (source: string, el: 0 | 1, sp = DATA + 0x1000) => {
    start(0n);
    m.set('sp', BigInt(sp));
    m.set('x2', BigInt(DATA));
    return m.exec(`${source}\nsvc #1`, el);
  };
  const passed = esr(0x15, 1);

  it.each([
    'ldr x1, [sp]',
    'str x1, [sp, #8]',
    'ldur x1, [sp, #1]',
    'ldr x1, [sp, x3]',
    'ldr x1, [sp], #16',
    'ldp x1, x3, [sp]',
    'stp x1, x3, [sp, #-16]!',
    'stp q1, q3, [sp]',
    'ldr q1, [sp]',
    'ldr s1, [sp, #4]',
    'ldxr x1, [sp]',
    'ldar x1, [sp]',
    'ldadd x1, x3, [sp]',
    'cas x1, x3, [sp]',
    'ld1 {v0.16b}, [sp]',
    'st1 {v0.b}[3], [sp], #1',
    'ldtr x1, [sp]',
    'ldnp x1, x3, [sp]',
  ])('%s with an SP that is no multiple of 16', (source) => {
    for (const el of [0, 1] as const) {
      for (const off of [1, 4, 8]) {
        const t = run(source, el, DATA + 0x1000 + off);
        expect(t).toMatchObject({ ...fault(el), elr: BigInt(CODE) });
        expect(m.get(el ? 'sp' : 'SP_EL0')).toBe(BigInt(DATA + 0x1000 + off));
      }
      expect(run(source.replace('q1, [sp]', 'q1, [sp]'), el).esr).toBe(passed);
    }
  });

  it('what does not access memory by SP does not fault', () => {
    const sources = [
      'prfm pldl1keep, [sp]',
      'add x1, sp, #8',
      'mov x1, sp',
      'ldr x1, [x2]',
      'mov sp, x2',
      'dc cvac, x2',
    ];
    for (const source of sources) expect(run(source, 0, DATA + 8).esr).toBe(passed);
    expect(run('ldr x1, =5\nldrsw x3, . + 4', 0, DATA + 8).esr).toBe(passed);
    expect(run('.word 0xbac003e0', 0, DATA + 8).esr).toBe(esr(0));
  });

  it.each([
    ['mov x1, sp\nadd x1, x1, #8\nmov sp, x1', 12],
    ['add sp, sp, #8', 4],
    ['sub sp, sp, #4', 4],
    ['add sp, sp, x3', 4],
    ['sub sp, sp, w3, uxtw', 4],
    ['orr sp, x3, #1', 4],
    ['add wsp, wsp, #1', 4],
    ['ldr x1, [sp], #8', 4],
    ['ldr x1, [sp, #-8]!', 4],
    ['ldp w1, w4, [sp], #8', 4],
    ['stp d1, d4, [sp, #-8]!', 4],
    ['ldr d1, [sp], #8', 4],
    ['ld1 {v0.8b}, [sp], #8', 4],
    ['st1 {v0.16b}, [sp], x3', 4],
  ])('%s takes SP off it: the next access by it faults, and what puts it back ends that', (source, at) => {
    const off = `mov x3, #8\n${source}`;
    expect(run(`${off}\nldr x1, [sp]`, 0)).toMatchObject({ ...fault(0), elr: BigInt(CODE + 4 + at) });
    expect(run(`${off}\nnop\nb .+4\nldr x1, [sp]`, 1)).toMatchObject({ ...fault(1), elr: BigInt(CODE + 12 + at) });
    expect(run(`${off}\nmov x1, sp\nand sp, x1, #~15\nmov x1, #${DATA}\nmov sp, x1\nldr x1, [sp]`, 0).esr).toBe(passed);
  });

  it('SCTLR_EL1.SA and SA0 switch it, each for its exception level', () => {
    const set = (el: 0 | 1, clear: bigint) => {
      start(0n);
      m.set('SCTLR_EL1', m.get('SCTLR_EL1') & ~clear);
      m.set('sp', BigInt(DATA + 8));
      return m.exec('ldr x1, [sp]\nsvc #1', el).esr;
    };
    expect([set(0, 16n), set(1, 16n), set(0, 8n), set(1, 8n)]).toEqual([passed, esr(0x26), esr(0x26), passed]);
    const source =
      'mrs x3, sctlr_el1\nbic x4, x3, #8\nmsr sctlr_el1, x4\nldr x1, [sp]\nmsr sctlr_el1, x3\nldr x1, [sp]';
    expect(run(source, 1, DATA + 8)).toMatchObject({ ...fault(1), elr: BigInt(CODE + 20) });
  });

  it('the stack pointer of each level is its own: an exception brings an aligned one, a return the other', () => {
    start(0n);
    m.set('SP_EL1', BigInt(DATA + 0x100));
    m.set('sp', BigInt(DATA + 8));
    m.program('ldr x5, [sp]\nhvc #1', VECTORS + 0x400);
    expect(m.exec('svc #1', 0).vector).toBe(0x404);
    m.program('hvc #0\nnop', VECTORS + 0x400);
    start(0n);
    m.set('SP_EL0', BigInt(DATA + 8));
    m.set('sp', BigInt(DATA));
    const t = m.exec('ldr x1, [sp]\nmsr spsel, #0\nldr x1, [sp]', 1);
    expect(t).toMatchObject({ esr: esr(0x26), vector: 0, elr: BigInt(CODE + 8) });
    expect(returnTo('ldr x1, [sp]', 0n)).toMatchObject(fault(0));
  });

  it('comes before the access is looked at, and behind an UNDEFINED instruction and a trap of floating point', () => {
    start(0n);
    m.set('sp', 8n);
    expect(m.exec('ldr x1, [sp]', 0).esr).toBe(esr(0x26));
    m.set('CPACR_EL1', 0n);
    m.set('sp', 8n);
    expect(m.exec('ldr d1, [sp]', 0).esr >> 26n).toBe(7n);
  });

  it('an instruction that would fault and is stepped keeps SPSR_EL1.SS', () => {
    start(SS);
    m.set('SP_EL0', 8n);
    expect(returnTo('ldr x1, [sp]', SPSR_SS)).toMatchObject({ esr: esr(0x26), spsr: SPSR_SS });
  });

  it('holds on each of the ways that part where SP is off it, and where they meet again', () => {
    const off = (x3: number) => `mov x3, #${x3}\nadd sp, sp, x3\nsub x1, sp, x3\n`;
    const used = 'tbnz x3, #4, 1f\nsub sp, sp, x3\nldr x1, [sp]\nb 2f\n1: ldr x1, [x2]\nldr x1, [sp]\n2: nop';
    expect(run(off(8) + used, 1).esr).toBe(passed);
    expect(run(off(24) + used, 1)).toMatchObject({ ...fault(1), elr: BigInt(CODE + 32) });
    expect(run(off(16) + used, 1).esr).toBe(passed);
    const meet = 'tbnz x3, #4, 1f\nsub sp, sp, #8\n1: ldr x1, [sp]';
    expect(run(off(8) + meet, 0).esr).toBe(passed);
    expect(run(off(24) + meet, 0)).toMatchObject({ ...fault(0), elr: BigInt(CODE + 20) });
    const back = 'mov x4, #3\n1: add sp, sp, #8\nsubs x4, x4, #1\nb.ne 1b\nldr x1, [sp]';
    expect(run(back, 0)).toMatchObject({ ...fault(0), elr: BigInt(CODE + 16) });
  });

  it('a loop with such an SP runs to its end', () => {
    const t = run('mov x1, #500\n1: add x4, x4, x1\nsubs x1, x1, #1\nb.ne 1b', 0, DATA + 8);
    expect([t.esr, m.get('x4')]).toEqual([passed, 125250n]);
  });
});
