import { describe, expect, it } from 'vitest';
import { stateOffset } from '../src/state.ts';
import { AF, CODE, DATA, DEVICE, EL0, Machine, NORMAL, READ_ONLY, SCTLR, UXN, VECTORS } from './machine.ts';

const IL = 1n << 25n;
const esr = (ec: number, iss = 0): bigint => (BigInt(ec) << 26n) | IL | BigInt(iss);
/** ISS of a trapped MRS, MSR or SYS. */
const sysreg = (op0: number, op1: number, CRn: number, CRm: number, op2: number, rt: number, read: 0 | 1): bigint =>
  esr(0x18, (op0 << 20) | (op2 << 17) | (op1 << 14) | (CRn << 10) | (rt << 5) | (CRm << 1) | read);
const WNR = 1 << 6;
const CM = 1 << 8;

const shared = new Machine();
/** Runs on a fresh vCPU of the shared machine. */
function run(source: string, el: 0 | 1, setup?: (m: Machine) => void) {
  shared.start();
  setup?.(shared);
  return shared.exec(source, el);
}

describe('synchronous exceptions', () => {
  it.each([
    ['svc #0x1234', 0, 0x400, esr(0x15, 0x1234), 4],
    ['svc #7', 1, 0x200, esr(0x15, 7), 4],
    ['brk #0xffff', 0, 0x400, esr(0x3c, 0xffff), 0],
    ['brk #1', 1, 0x200, esr(0x3c, 1), 0],
    ['hvc #0', 0, 0x400, esr(0), 0],
    ['smc #0', 0, 0x400, esr(0), 0],
    ['udf #3', 1, 0x200, esr(0), 0],
    ['hlt #0', 1, 0x200, esr(0), 0],
    ['.word 0xffffffff', 1, 0x200, esr(0), 0],
    ['eret', 0, 0x400, esr(0), 0],
    ['mrs x0, sctlr_el1', 0, 0x400, esr(0), 0],
    ['msr vbar_el1, x0', 0, 0x400, esr(0), 0],
    ['msr tpidrro_el0, x0', 0, 0x400, esr(0), 0],
    ['tlbi vmalle1', 0, 0x400, esr(0), 0],
    ['msr spsel, #1', 0, 0x400, esr(0), 0],
    ['mrs x0, currentel', 0, 0x400, esr(0), 0],
  ] as const)('%s at EL%i goes to vector %#x with its syndrome', (source, el, vector, syndrome, next) => {
    const t = run(source, el as 0 | 1, (m) => m.set('FAR_EL1', 5n));
    expect(t).toMatchObject({ vector, esr: syndrome, elr: BigInt(CODE + next), far: 5n });
  });

  it('saves PSTATE in SPSR_EL1 and enters EL1h with everything masked and NZCV kept', () => {
    const t = run('mov x0, #0xa0000000\nmsr nzcv, x0\nsvc #0', 0);
    expect(t.spsr).toBe(0xa0000000n);
    expect([shared.get32('el'), shared.get32('spsel'), shared.get32('daif')]).toEqual([1, 1, 0x3c0]);
    expect(run('msr daifset, #5\nsvc #0', 1).spsr).toBe(0x145n | 0n);
  });

  it('from EL1 with SP_EL0 goes to the first group of vectors and keeps both stack pointers', () => {
    const t = run(
      'msr spsel, #0\nmov x1, #0x10\nmov sp, x1\nmsr spsel, #1\nmov x1, #0x20\nmov sp, x1\nmsr spsel, #0\nsvc #1',
      1,
    );
    expect(t).toMatchObject({ vector: 0, spsr: 4n });
    expect([shared.get('sp'), shared.get('SP_EL0')]).toEqual([0x20n, 0x10n]);
  });

  it('nests: an exception in a vector has the vector as its return address', () => {
    shared.start();
    shared.write(VECTORS + 0x400, [0xd4200000]);
    const t = shared.exec('svc #1', 0);
    shared.write(VECTORS + 0x400, [0xd4000002]);
    expect(t).toMatchObject({ vector: 0x200, esr: esr(0x3c), elr: BigInt(VECTORS + 0x400), spsr: 0x3c5n });
  });

  it('ERET restores PSTATE, the stack pointer and the PC', () => {
    const t = run(
      `mov x0, #0x90000000
       movk x0, #0x240
       msr spsr_el1, x0
       adr x1, target
       msr elr_el1, x1
       mov x2, #0x5550
       msr sp_el0, x2
       eret
       nop
target: svc #9`,
      1,
    );
    expect(t).toMatchObject({ vector: 0x400, esr: esr(0x15, 9), spsr: 0x90000240n });
    expect(shared.get('SP_EL0')).toBe(0x5550n);
  });

  it.each([0x1n, 0x8n, 0x9n, 0xdn, 0x10n, 0x13n, 0x15n, 0x6n, 0xfn])(
    'ERET to mode %s is illegal: PSTATE.IL, then class 0x0e at the target',
    (mode) => {
      const t = run(
        `ldr x0, =${0x20000000n | mode}\nmsr spsr_el1, x0\nadr x1, target\nmsr elr_el1, x1\neret\nnop\ntarget: nop\nb skip\nskip:`,
        1,
      );
      expect(t).toMatchObject({ vector: 0x200, esr: esr(0x0e) });
      expect(t.spsr & ~0x3c0n).toBe(0x20100005n);
    },
  );

  it('a branch to an address that is not a multiple of 4 is a PC alignment fault there', () => {
    const t = run(`ldr x0, =${CODE + 0x102}\nbr x0`, 0);
    expect(t).toMatchObject({ vector: 0x400, esr: esr(0x22), elr: BigInt(CODE + 0x102), far: BigInt(CODE + 0x102) });
    expect(run(`ldr x0, =${CODE + 0x101}\nbr x0`, 1)).toMatchObject({ vector: 0x200, esr: esr(0x22) });
  });

  it('a tag leaves the PC at a branch, an ERET and in ELR_EL1, where TCR_EL1 ignores it', () => {
    const tagged = (0x5an << 56n) | BigInt(CODE + 0x100);
    const tbi = (m: Machine) => {
      m.set('TCR_EL1', m.get('TCR_EL1') | (3n << 37n));
      m.set('x9', tagged);
      m.program('adr x3, .\nsvc #2', CODE + 0x100);
    };
    for (const go of ['br x9', 'blr x9', 'msr elr_el1, x9\nmov x0, #5\nmsr spsr_el1, x0\neret']) {
      expect(run(go, 1, tbi)).toMatchObject({ esr: esr(0x15, 2), elr: BigInt(CODE + 0x108) });
      expect(shared.get('x3')).toBe(BigInt(CODE + 0x100));
    }
    // Without TBI the same address is not canonical.
    const t = run('br x9', 1, (m) => m.set('x9', tagged));
    expect(t).toMatchObject({ esr: esr(0x21, 0x04), elr: tagged, far: tagged });
    // An interrupt that comes first saves the PC without the tag, too.
    const irq = run('msr elr_el1, x9\nmov x0, #5\nmsr spsr_el1, x0\neret', 1, (m) => {
      tbi(m);
      m.set32('interruptLines', 1);
      m.write(VECTORS + 0x280, [0xd4000002]);
    });
    expect(irq.vector).toBe(0x280);
  });
});

describe('aborts', () => {
  const PAGE = 0x7000_0000n;
  const m = new Machine();
  const at = (attributes: bigint) => m.tables.map(PAGE, DATA, attributes);
  const exec = (source: string, el: 0 | 1) => {
    m.start();
    m.engine.flushTlbs();
    m.set('x1', PAGE + 8n);
    return m.exec(source, el);
  };

  it.each([
    ['ldr x0, [x1]', 0],
    ['str x0, [x1]', WNR],
    ['ldxr x0, [x1]', 0],
    ['stxr w2, x0, [x1]', WNR],
    ['dc zva, x1', WNR],
    // An atomic that can't read is a read that faults.
    ['ldadd x0, x2, [x1]', 0],
    ['cas x0, x2, [x1]', 0],
    ['casp x2, x3, x4, x5, [x1]', 0],
    ['dc civac, x1', CM | WNR],
    ['dc cvac, x1', CM | WNR],
    ['dc cvau, x1', CM | WNR],
    ['ic ivau, x1', CM | WNR],
  ])('%s of an unmapped page reports level, address, WnR and CM', (source, iss) => {
    if (source.startsWith('casp')) m.tables.map(PAGE, DATA, NORMAL);
    m.tables.unmap(PAGE);
    const aligned = source.startsWith('casp') ? 'sub x1, x1, #8\n' : '';
    for (const el of [0, 1] as const) {
      const t = exec(aligned + source, el);
      const skip = aligned ? 4n : 0n;
      expect(t).toEqual({
        vector: el ? 0x200 : 0x400,
        esr: esr(0x24 + el, iss | 0x07),
        far: PAGE + (aligned ? 0n : 8n),
        elr: BigInt(CODE) + skip,
        spsr: el ? 5n : 0n,
      });
    }
  });

  it('DC IVAC of an unmapped page, and of one that may not be written', () => {
    m.tables.unmap(PAGE);
    expect(exec('dc ivac, x1', 1).esr).toBe(esr(0x25, CM | WNR | 0x07));
    at(NORMAL | READ_ONLY);
    expect(exec('dc ivac, x1', 1).esr).toBe(esr(0x25, CM | WNR | 0x0f));
  });

  it('atomics of a page that may be read only fault as writes', () => {
    at(NORMAL | EL0 | READ_ONLY);
    for (const source of [
      'ldadd x0, x2, [x1]',
      'swp x0, x2, [x1]',
      'ldumax x0, x2, [x1]',
      'cas x0, x2, [x1]',
      'stxr w2, x0, [x1]',
    ]) {
      expect([source, exec(source, 0).esr]).toEqual([source, esr(0x24, WNR | 0x0f)]);
      expect([source, exec(source, 1).esr]).toEqual([source, esr(0x25, WNR | 0x0f)]);
    }
    at(NORMAL);
    expect(exec('ldadd x0, x2, [x1]', 0).esr).toBe(esr(0x24, 0x0f));
  });

  it('permission, access flag and level of a block', () => {
    at(NORMAL);
    expect(exec('ldr x0, [x1]', 0)).toMatchObject({ esr: esr(0x24, 0x0f), far: PAGE + 8n });
    expect(exec('ldr x0, [x1]', 1).vector).toBe(-1);
    // LDTR has EL0's rights, and the class of EL1.
    expect(exec('ldtr x0, [x1]', 1).esr).toBe(esr(0x25, 0x0f));
    expect(exec('sttr x0, [x1]', 1).esr).toBe(esr(0x25, WNR | 0x0f));
    at(NORMAL & ~AF);
    expect(exec('ldr x0, [x1]', 1).esr).toBe(esr(0x25, 0x0b));
    m.tables.map(0x7020_0000n, DATA, NORMAL, { level: 2, size: 0x200000 });
    m.start();
    m.set('x1', 0x7020_0000n);
    expect(m.exec('str x0, [x1]', 0).esr).toBe(esr(0x24, WNR | 0x0e));
    m.set('x1', 0x7fff_0000_0000n);
    expect(m.exec('ldr x0, [x1]', 0)).toMatchObject({ esr: esr(0x24, 0x04), far: 0x7fff_0000_0000n });
  });

  it('instruction aborts: class by level, return address and FAR are the target', () => {
    m.tables.unmap(PAGE);
    for (const el of [0, 1] as const) {
      const t = exec('br x1', el);
      expect(t).toMatchObject({
        vector: el ? 0x200 : 0x400,
        esr: esr(0x20 + el, 0x07),
        far: PAGE + 8n,
        elr: PAGE + 8n,
      });
    }
    at(NORMAL | EL0 | UXN);
    expect(exec('br x1', 0).esr).toBe(esr(0x20, 0x0f));
    // EL1 never executes what EL0 may write.
    at(NORMAL | EL0);
    expect(exec('br x1', 1).esr).toBe(esr(0x21, 0x0f));
  });

  it('running off the end of a page into an unmapped one aborts there', () => {
    m.start();
    m.tables.map(PAGE, CODE + 0x1000, NORMAL | EL0 | READ_ONLY);
    m.tables.unmap(PAGE + 0x1000n);
    m.program('nop\nnop', CODE + 0x1ff8);
    m.level(0);
    m.set('pc', PAGE + 0xff8n);
    m.go();
    expect(m.taken()).toMatchObject({ esr: esr(0x20, 0x07), far: PAGE + 0x1000n, elr: PAGE + 0x1000n });
  });

  it('alignment: SCTLR_EL1.A, exclusives and ordered accesses, Device memory, the MMU off', () => {
    at(NORMAL | EL0);
    m.tables.map(PAGE + 0x1000n, DATA, NORMAL | EL0);
    const off1 = 'add x1, x1, #1\n';
    const far = PAGE + 9n;
    expect(exec(`${off1}ldr x0, [x1]\nsvc #0`, 0).esr).toBe(esr(0x15));
    for (const source of ['ldar x0, [x1]', 'ldxr x0, [x1]', 'ldaxp x0, x2, [x1]']) {
      expect([source, exec(off1 + source, 1)]).toMatchObject([source, { esr: esr(0x25, 0x21), far }]);
    }
    for (const source of ['stlr x0, [x1]', 'stxr w3, x0, [x1]'])
      expect(exec(off1 + source, 1).esr).toBe(esr(0x25, WNR | 0x21));
    expect(exec(`${off1}ldadd x0, x2, [x1]`, 1).esr).toBe(esr(0x25, 0x21));
    const withA = (source: string) => {
      m.start();
      m.set('SCTLR_EL1', SCTLR | 2n);
      m.engine.flushTlbs();
      m.set('x1', PAGE + 8n);
      return m.exec(source, 1);
    };
    expect(withA(`${off1}str w0, [x1]`)).toMatchObject({ esr: esr(0x25, WNR | 0x21), far });
    expect(withA(`${off1}strb w0, [x1]`).vector).toBe(-1);
    for (const [source, distance, faults] of [
      ['ld1 {v0.16b-v3.16b}, [x1]', 1, false],
      ['ld1 {v0.4s}, [x1]', 4, false],
      ['ld1 {v0.4s}, [x1]', 2, true],
      ['ld1 {v0.1d}, [x1]', 4, true],
      ['ld2 {v0.8h, v1.8h}, [x1]', 2, false],
      ['ld2 {v0.8h, v1.8h}, [x1]', 1, true],
      ['ld4 {v0.8b-v3.8b}, [x1]', 3, false],
      ['st1 {v0.8b}, [x1]', 1, false],
      ['st1 {v0.2d, v1.2d}, [x1]', 8, false],
      ['st1 {v0.2d, v1.2d}, [x1]', 4, true],
      ['st3 {v0.4s-v2.4s}, [x1]', 4, false],
      ['st3 {v0.4s-v2.4s}, [x1]', 2, true],
    ] as const) {
      const moved = `add x1, x1, #${distance}\n${source}`;
      const fault = esr(0x25, (source.startsWith('st') ? WNR : 0) | 0x21);
      expect([moved, withA(moved)]).toMatchObject([moved, faults ? { esr: fault } : { vector: -1 }]);
    }
    // A pair is aligned if its elements are.
    expect(withA('ldp x0, x2, [x1]').vector).toBe(-1);
    at(DEVICE);
    expect(exec(`${off1}ldr x0, [x1]`, 1)).toMatchObject({ esr: esr(0x25, 0x21), far });
    expect(exec('ldr x0, [x1]', 1).vector).toBe(-1);
    expect(exec('dc zva, x1', 1)).toMatchObject({ esr: esr(0x25, WNR | 0x21), far: PAGE + 8n });
    // Into Device memory from Normal memory before it.
    at(NORMAL);
    m.tables.map(PAGE + 0x1000n, DATA, DEVICE);
    expect(exec('add x1, x1, #0xff4\nldr x0, [x1]', 1).esr).toBe(esr(0x25, 0x21));
    expect(exec('add x1, x1, #0xff4\nstr x0, [x1]', 1).esr).toBe(esr(0x25, WNR | 0x21));
    m.start();
    m.set('SCTLR_EL1', SCTLR & ~1n);
    m.set('x1', BigInt(DATA) + 1n);
    expect(m.exec('ldr x0, [x1]', 1).esr).toBe(esr(0x25, 0x21));
  });

  it('a device that answers nothing is an external abort', () => {
    m.tables.map(PAGE, 0x1000_0000, DEVICE);
    expect(exec('ldr w0, [x1]', 1)).toMatchObject({ esr: esr(0x25, 0x10), far: PAGE + 8n });
    expect(exec('str w0, [x1]', 1)).toMatchObject({ esr: esr(0x25, WNR | 0x10) });
    expect(exec('br x1', 1)).toMatchObject({ esr: esr(0x21, 0x10) });
    // Cache maintenance there has nothing to do.
    expect(exec('dc civac, x1', 1).vector).toBe(-1);
  });
});

describe('interrupts', () => {
  const m = new Machine();
  const SETUP = (lines: number, daif = 0x3c0) => {
    m.start();
    m.set32('interruptLines', lines);
    m.set32('daif', daif);
  };
  const go = (source: string, lines: number, daif: number) => {
    SETUP(lines, daif);
    m.program(`${source}\nhvc #0`);
    m.set32('el', 1);
    m.set32('spsel', 1);
    m.set('pc', BigInt(CODE));
    m.go();
    return m.taken();
  };

  it.each([
    [1, 0, 0x280],
    [2, 0, 0x300],
    [4, 0, 0x380],
    [7, 0, 0x380],
    [3, 0, 0x300],
    [7, 0x100, 0x300],
    [7, 0x140, 0x280],
    [7, 0x1c0, -1],
    [1, 0x80, -1],
    [2, 0x40, -1],
    [4, 0x100, -1],
  ])('lines %i with DAIF %#x: vector %#x', (lines, daif, vector) => {
    const t = go('nop\nnop', lines, daif);
    expect(t.vector).toBe(vector);
    if (vector >= 0) expect(t.elr).toBe(BigInt(CODE));
    if (vector === 0x380) expect(m.get32('interruptLines')).toBe(lines & 3);
  });

  it.each(['msr daifclr, #2', 'msr daif, xzr'])('%s takes a pending IRQ before the next instruction', (source) => {
    const t = go(`mov x0, #1\n${source}\nmov x0, #2`, 1, 0x3c0);
    expect(t).toMatchObject({ vector: 0x280, elr: BigInt(CODE + 8) });
    expect(m.get('x0')).toBe(1n);
  });

  it('ERET that unmasks takes it before the first instruction of the target', () => {
    const t = go(
      'adr x1, target\nmsr elr_el1, x1\nmov x0, #5\nmsr spsr_el1, x0\neret\nnop\ntarget: mov x0, #7',
      1,
      0x3c0,
    );
    expect(t).toMatchObject({ vector: 0x280, elr: BigInt(CODE + 24), spsr: 5n });
    expect(m.get('x0')).toBe(5n);
  });

  it('WFI gives the vCPU back behind it, and ISR_EL1 shows what is pending', () => {
    SETUP(5);
    m.program('wfi\nmrs x0, isr_el1\nhvc #0');
    m.set('pc', BigInt(CODE));
    expect(m.go()).toBe('wait');
    expect(m.get('pc')).toBe(BigInt(CODE + 4));
    m.go();
    expect(m.get('x0')).toBe(0x180n);
  });

  it('a line that the host raises while a store to its device runs is taken soon', () => {
    const board = new Machine({
      host: {
        mmio: (vcpu) => {
          board.view.setInt32(vcpu + stateOffset('interruptLines'), 1, true);
          return true;
        },
      },
    });
    board.tables.map(0x9000_0000n, 0x0900_0000, DEVICE);
    board.set('x1', 0x9000_0000n);
    board.program('str w0, [x1]\nloop: add x2, x2, #1\nb loop');
    board.level(1);
    board.set('pc', BigInt(CODE));
    expect(board.go()).toBe('request');
    expect(board.taken().vector).toBe(0x280);
    expect(board.get('x2')).toBeLessThan(3n);
  });
});

describe('traps of EL0 that EL1 asks for', () => {
  const without = (bit: bigint) => (m: Machine) => m.set('SCTLR_EL1', SCTLR & ~(1n << bit));
  const control = (name: string, value: bigint) => (m: Machine) => m.set(name, value);
  const always = 0x1e00000;
  it.each([
    ['dc cvau, x7', without(26n), sysreg(1, 3, 7, 11, 1, 7, 0)],
    ['dc civac, x7', without(26n), sysreg(1, 3, 7, 14, 1, 7, 0)],
    ['ic ivau, x7', without(26n), sysreg(1, 3, 7, 5, 1, 7, 0)],
    ['mrs x6, ctr_el0', without(15n), sysreg(3, 3, 0, 0, 1, 6, 1)],
    ['dc zva, x5', without(14n), sysreg(1, 3, 7, 4, 1, 5, 0)],
    ['mrs x4, daif', without(9n), sysreg(3, 3, 4, 2, 1, 4, 1)],
    ['msr daif, x4', without(9n), sysreg(3, 3, 4, 2, 1, 4, 0)],
    ['msr daifset, #5', without(9n), sysreg(0, 3, 4, 5, 6, 31, 0)],
    ['msr daifclr, #15', without(9n), sysreg(0, 3, 4, 15, 7, 31, 0)],
    ['wfi', without(16n), esr(0x01, always)],
    ['wfe', without(18n), esr(0x01, always | 1)],
    ['mrs x3, cntvct_el0', control('CNTKCTL_EL1', 1n), sysreg(3, 3, 14, 0, 2, 3, 1)],
    ['mrs x3, cntpct_el0', control('CNTKCTL_EL1', 2n), sysreg(3, 3, 14, 0, 1, 3, 1)],
    ['mrs x3, cntfrq_el0', control('CNTKCTL_EL1', 0n), sysreg(3, 3, 14, 0, 0, 3, 1)],
    ['mrs x3, cntv_ctl_el0', control('CNTKCTL_EL1', 2n), sysreg(3, 3, 14, 3, 1, 3, 1)],
    ['msr cntp_cval_el0, x3', control('CNTKCTL_EL1', 0x100n), sysreg(3, 3, 14, 2, 2, 3, 0)],
    ['msr cntv_tval_el0, x3', control('CNTKCTL_EL1', 0x200n), sysreg(3, 3, 14, 3, 0, 3, 0)],
  ] as const)('%s', (source, setup, syndrome) => {
    expect(run(source, 0, setup)).toMatchObject({ vector: 0x400, esr: syndrome, elr: BigInt(CODE) });
    // EL1 is not asked.
    if (!source.startsWith('wf')) expect(run(`adr x7, .\nldr x5, =${DATA}\n${source}`, 1, setup).vector).toBe(-1);
  });

  it('what is allowed does not trap, and DCZID_EL0.DZP tells of DC ZVA', () => {
    const open = (m: Machine) => {
      m.set('SCTLR_EL1', SCTLR | (1n << 9n));
      m.set('CNTKCTL_EL1', 0x303n);
    };
    const source = `ldr x5, =${DATA}\ndc zva, x5\ndc cvau, x5\nmrs x6, ctr_el0\nmsr daifset, #15\nmrs x4, daif\nmrs x0, cntvct_el0\nmrs x0, cntfrq_el0\nmrs x9, dczid_el0\nwfe\nsvc #1`;
    expect(run(source, 0, open).esr).toBe(esr(0x15, 1));
    expect(shared.get('x4')).toBe(0x3c0n);
    expect(shared.get('x9')).toBe(4n);
    run('mrs x9, dczid_el0\nsvc #1', 0, without(14n));
    expect(shared.get('x9')).toBe(0x14n);
  });

  const FP = [
    'fadd d0, d1, d2',
    'ldr q3, [x5]',
    'str b3, [x5]',
    'ldp d0, d1, [x5]',
    'add v0.4s, v1.4s, v2.4s',
    'ld1 {v0.16b}, [x5]',
    'fmov x0, d1',
    'mrs x0, fpcr',
    'msr fpsr, x0',
    'aese v0.16b, v1.16b',
  ];
  it.each(FP)('CPACR_EL1.FPEN traps %s by level', (source) => {
    const program = `ldr x5, =${DATA}\n${source}\nsvc #1`;
    for (const [fpen, el, traps] of [
      [0n, 0, true],
      [0n, 1, true],
      [1n, 0, true],
      [1n, 1, false],
      [2n, 0, true],
      [2n, 1, true],
      [3n, 0, false],
      [3n, 1, false],
    ] as const) {
      const t = run(program, el, (m) => m.set('CPACR_EL1', fpen << 20n));
      expect([fpen, el, t.esr, t.elr]).toEqual(
        traps ? [fpen, el, esr(0x07, always), BigInt(CODE + 4)] : [fpen, el, esr(0x15, 1), BigInt(CODE + 12)],
      );
    }
  });

  it('an unallocated word is UNDEFINED whether floating point traps or not', () => {
    expect(run('.word 0x1ea02820', 0, (m) => m.set('CPACR_EL1', 0n)).esr).toBe(esr(0));
  });

  it('a guest that turns floating point on in the trap and returns runs the instruction, and off again traps it', () => {
    const m = new Machine();
    m.program('mov x0, #0x300000\nmsr cpacr_el1, x0\nisb\neret', VECTORS + 0x400);
    m.program('again: fmov d0, #1.0\nfadd d0, d0, d0\nfmov x1, d0\nadd x2, x2, #1\nsvc #3');
    m.set('CPACR_EL1', 0n);
    m.level(0);
    m.set('pc', BigInt(CODE));
    // The SVC at the end comes to the same vector, which returns behind it, to an unallocated word.
    m.program('udf #0', CODE + 20);
    m.program(
      'mov x0, #0x300000\nmsr cpacr_el1, x0\nisb\nmrs x3, esr_el1\nlsr x3, x3, #26\ncmp x3, #7\nb.ne 1f\nadd x4, x4, #1\neret\n1: hvc #0',
      VECTORS + 0x400,
    );
    m.go();
    expect([m.get('x1'), m.get('x2'), m.get('x4')]).toEqual([0x4000000000000000n, 1n, 1n]);
    m.program('msr cpacr_el1, xzr\nfmov d0, #1.0');
    m.level(1);
    m.set('pc', BigInt(CODE));
    m.go();
    expect(m.taken()).toMatchObject({ vector: 0x200, esr: esr(0x07, always), elr: BigInt(CODE + 4) });
  });
});

describe('registers that a domain sees', () => {
  it('PMU registers read as zero and ignore writes, reserved ID registers read as zero', () => {
    const names = ['mdrar_el1', 'pmcr_el0', 'pmuserenr_el0'];
    for (const name of names) {
      run(`mov x0, #-1\nmsr ${name}, x0\nmov x1, #5\nmrs x1, ${name}\nsvc #0`, 1);
      expect([name, shared.get('x1')]).toEqual([name, 0n]);
    }
    run('mov x2, #1\n.word 0xd53807e2\nsvc #0', 1);
    expect(shared.get('x2')).toBe(0n);
  });

  it('SCTLR_EL1.EE and E0E are RES0: there is no big-endian data', () => {
    run('mrs x0, sctlr_el1\norr x0, x0, #0x3000000\nmsr sctlr_el1, x0\nmrs x1, sctlr_el1', 1);
    expect(shared.get('x1')).toBe(SCTLR);
  });

  it('an undefined system register is UNDEFINED', () => {
    // MRS of S3_7_C15_C0_0 and SCTLR_EL2, MSR of MIDR_EL1.
    for (const word of [0xd53ff000, 0xd53c1000, 0xd5180000]) expect(run(`.word ${word}`, 1).esr).toBe(esr(0));
  });
});
