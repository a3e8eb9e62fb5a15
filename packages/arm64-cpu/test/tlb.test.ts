import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { VCPU_BYTES } from '../src/state.ts';
import { CODE, DATA, EL0, Machine, NORMAL, NOT_GLOBAL, READ_ONLY, Tables, TCR, VECTORS } from './machine.ts';

const PAGE = 0x7000_0000n;
const HIGH = 0xffff_0000_7000_0000n;
/** Four pages of data, each beginning with its number. */
const FRAME = (n: number): number => DATA + n * 0x1000;
const RW = NORMAL | EL0;

function machine(): Machine {
  const m = new Machine();
  for (let n = 0; n < 64; n++) m.write64(FRAME(n), BigInt(n));
  return m;
}

/** What a load of `va` gives, or 'fault'. */
function look(m: Machine, va: bigint, el: 0 | 1 = 1): bigint | 'fault' {
  m.program(`ldr x1, [x0]\n${el ? 'hvc #0' : 'svc #0'}`);
  m.level(el);
  m.set('pc', BigInt(CODE));
  m.set('x0', va);
  m.go();
  const { vector, esr } = m.taken();
  return vector === -1 || esr >> 26n === 0x15n ? m.get('x1') : 'fault';
}

/** Runs one instruction at EL1 with x0. */
function exec(m: Machine, source: string, x0 = 0n): void {
  m.set('x0', x0);
  expect(m.exec(source, 1).vector).toBe(-1);
}

const operand = (va: bigint, asid = 0n): bigint => (asid << 48n) | ((va >> 12n) & 0xfffffffffffn);

describe('TLBI', () => {
  it.each([
    ['tlbi vmalle1', 0n],
    ['tlbi vmalle1is', 0n],
    ['tlbi vae1, x0', operand(PAGE)],
    ['tlbi vae1is, x0', operand(PAGE)],
    ['tlbi vaae1, x0', operand(PAGE)],
    ['tlbi vaae1is, x0', operand(PAGE)],
    ['tlbi vale1, x0', operand(PAGE)],
    ['tlbi vale1is, x0', operand(PAGE)],
    ['tlbi vaale1, x0', operand(PAGE)],
    ['tlbi vaale1is, x0', operand(PAGE)],
    ['tlbi aside1, x0', 0n],
    ['tlbi aside1is, x0', 0n],
  ])('%s makes a changed page take effect, for loads, stores and fetches of both levels', (source, x0) => {
    const m = machine();
    m.tables.map(PAGE, FRAME(1), RW | NOT_GLOBAL);
    for (const el of [0, 1] as const) expect(look(m, PAGE, el)).toBe(1n);
    exec(m, 'str x1, [x0]', PAGE);
    m.tables.unmap(PAGE);
    exec(m, `${source}\ndsb ish\nisb`, x0);
    for (const el of [0, 1] as const) expect(look(m, PAGE, el)).toBe('fault');
    m.set('x0', PAGE);
    expect(m.exec('str x1, [x0]', 1).vector).toBe(0x200);
    // Break-before-make: the new page.
    m.tables.map(PAGE, FRAME(2), RW);
    for (const el of [0, 1] as const) expect(look(m, PAGE, el)).toBe(2n);
  });

  it('TLBI by address of any part of a block forgets all of it', () => {
    for (const [size, level, frames] of [[0x200000, 2, 512]] as const) {
      const m = machine();
      m.tables.map(PAGE, DATA, RW, { size, level });
      for (const n of [0, 1, 63]) expect(look(m, PAGE + BigInt(n * 0x1000))).toBe(BigInt(n));
      m.tables.unmap(PAGE, level);
      exec(m, 'tlbi vae1is, x0\ndsb ish\nisb', operand(PAGE + BigInt((frames - 1) * 0x1000)));
      for (const n of [0, 1, 63]) expect(look(m, PAGE + BigInt(n * 0x1000))).toBe('fault');
    }
  });

  it('TLBI of one address of a block of 1 GiB, and of a 64 KiB page, forgets all of it', () => {
    const m = machine();
    // Level 1: the gigabyte of RAM at 0x7f_4000_0000.
    const giga = 0x7f_4000_0000n;
    m.tables.map(giga, 0x4000_0000, RW, { size: 2 ** 30, level: 1 });
    const at = (n: number) => giga + BigInt(FRAME(n) - 0x4000_0000);
    expect([look(m, at(1)), look(m, at(40))]).toEqual([1n, 40n]);
    m.tables.unmap(giga, 1);
    exec(m, 'tlbi vae1, x0\nisb', operand(at(40)));
    expect([look(m, at(1)), look(m, at(40))]).toEqual(['fault', 'fault']);
    // A 64 KiB granule in the upper half: level 2 table, level 3 page.
    const root = m.allocate(0x10000);
    const leaf = m.allocate(0x10000);
    const va = 0xffff_ffff_0000_0000n;
    m.set('TCR_EL1', (TCR & ~0xffff0000n) | (32n << 16n) | (3n << 30n));
    m.set('TTBR1_EL1', BigInt(root));
    m.engine.flushTlbs();
    m.write64(root, BigInt(leaf) | 3n);
    m.write64(leaf, BigInt(DATA) | RW | 3n);
    expect([look(m, va), look(m, va + 0x9000n)]).toEqual([0n, 9n]);
    m.write64(leaf, 0n);
    exec(m, 'tlbi vae1, x0\nisb', operand(va + 0x3000n));
    expect([look(m, va), look(m, va + 0x9000n)]).toEqual(['fault', 'fault']);
  });

  it('pages with the Contiguous bit are forgotten page by page', () => {
    const m = machine();
    m.tables.map(PAGE, FRAME(16), RW | (1n << 52n), { size: 0x10000 });
    for (const n of [0, 7, 15]) expect(look(m, PAGE + BigInt(n * 0x1000))).toBe(BigInt(16 + n));
    for (let n = 0; n < 16; n++) m.tables.unmap(PAGE + BigInt(n * 0x1000));
    for (let n = 0; n < 16; n++) exec(m, 'tlbi vale1is, x0\nisb', operand(PAGE + BigInt(n * 0x1000)));
    for (const n of [0, 7, 15]) expect(look(m, PAGE + BigInt(n * 0x1000))).toBe('fault');
  });

  it('changes of the permissions, too', () => {
    const m = machine();
    m.tables.map(PAGE, FRAME(1), RW);
    exec(m, 'str x0, [x0]\nldr x1, [x0]', PAGE);
    m.tables.map(PAGE, FRAME(1), RW | READ_ONLY);
    exec(m, 'tlbi vae1, x0\nisb', operand(PAGE));
    m.set('x0', PAGE);
    expect(m.exec('str x0, [x0]', 1).vector).toBe(0x200);
  });

  it('an address that a tag was ignored of is forgotten with its page', () => {
    const m = machine();
    m.set('TCR_EL1', TCR | (1n << 37n));
    m.tables.map(PAGE, FRAME(1), RW);
    const tagged = PAGE | (0xa5n << 56n);
    expect([look(m, tagged), look(m, PAGE)]).toEqual([1n, 1n]);
    m.tables.unmap(PAGE);
    exec(m, 'tlbi vae1, x0\nisb', operand(PAGE));
    expect([look(m, tagged), look(m, PAGE)]).toEqual(['fault', 'fault']);
  });
});

describe('address spaces', () => {
  /** A machine with the program in the upper half, and `count` tables for the lower half that map PAGE to frame n. */
  function spaces(count: number, attributes = RW | NOT_GLOBAL): { m: Machine; roots: bigint[] } {
    const m = machine();
    const roots = Array.from({ length: count }, (_, n) => {
      const t = new Tables(m);
      t.map(PAGE, FRAME(n), attributes);
      t.map(CODE, CODE, NORMAL | EL0 | READ_ONLY);
      t.map(VECTORS, VECTORS, NORMAL);
      return BigInt(t.root);
    });
    return { m, roots };
  }
  const enter = (m: Machine, root: bigint, asid: bigint, a1 = false) => {
    if (a1) {
      exec(m, 'msr ttbr1_el1, x0\nisb', BigInt(m.tables.root) | (asid << 48n));
      exec(m, 'msr ttbr0_el1, x0\nisb', root);
    } else exec(m, 'msr ttbr0_el1, x0\nisb', root | (asid << 48n));
  };

  it.each([false, true])('more of them than the pCPU has slots for (TCR_EL1.A1 %s), visited in any order', (a1) => {
    fc.assert(
      fc.property(fc.array(fc.nat(19), { minLength: 10, maxLength: 40 }), (order) => {
        const { m, roots } = spaces(20);
        if (a1) m.set('TCR_EL1', TCR | (1n << 22n));
        for (const n of order) {
          enter(m, roots[n]!, BigInt(n + 1), a1);
          expect(look(m, PAGE)).toBe(BigInt(n));
        }
      }),
      { numRuns: 6 },
    );
  });

  it('TLBI ASIDE1 and VAE1 reach an ASID that is not the current one', () => {
    const { m, roots } = spaces(3);
    for (const n of [0, 1, 2]) {
      enter(m, roots[n]!, BigInt(n));
      expect(look(m, PAGE)).toBe(BigInt(n));
    }
    enter(m, roots[1]!, 1n);
    // ASID 0 now has the third table, ASID 2 the first.
    exec(m, 'tlbi aside1is, x0\nisb', 0n);
    exec(m, 'tlbi vae1is, x0\nisb', operand(PAGE, 2n));
    enter(m, roots[2]!, 0n);
    expect(look(m, PAGE)).toBe(2n);
    enter(m, roots[0]!, 2n);
    expect(look(m, PAGE)).toBe(0n);
  });

  it('with 8-bit ASIDs the upper half of the field is ignored', () => {
    const { m, roots } = spaces(2);
    m.set('TCR_EL1', TCR & ~(1n << 36n));
    enter(m, roots[0]!, 0x0105n);
    expect(look(m, PAGE)).toBe(0n);
    m.set('x1', operand(PAGE));
    enter(m, roots[1]!, 0x0005n);
    exec(m, 'tlbi aside1, x0\nisb', 0x7705n << 48n);
    expect(look(m, PAGE)).toBe(1n);
    exec(m, 'tlbi aside1, x0\nisb', 0x0005n << 48n);
    enter(m, roots[1]!, 0x0105n);
    expect(look(m, PAGE)).toBe(1n);
  });

  it('a global page is forgotten in all of them by TLBI VAAE1 and VMALLE1', () => {
    for (const [source, x0] of [
      ['tlbi vaae1is, x0', operand(HIGH)],
      ['tlbi vmalle1is', 0n],
    ] as const) {
      const { m, roots } = spaces(3);
      m.tables.map(HIGH, FRAME(9), RW);
      for (const n of [0, 1, 2]) {
        enter(m, roots[n]!, BigInt(n + 1));
        expect(look(m, HIGH)).toBe(9n);
      }
      m.tables.map(HIGH, FRAME(10), RW);
      exec(m, `${source}\nisb`, x0);
      for (const n of [0, 1, 2]) {
        enter(m, roots[n]!, BigInt(n + 1));
        expect(look(m, HIGH)).toBe(10n);
      }
    }
  });

  it('what is not global in EL1, of either half, is seen by its own ASID only, and what is global stays', () => {
    const { m, roots } = spaces(3);
    const upper = roots.map((_, n) => {
      const t = new Tables(m);
      for (const at of [CODE, VECTORS]) t.map(at, at, NORMAL | EL0 | READ_ONLY);
      t.map(HIGH, FRAME(20), RW);
      t.map(HIGH + 0x1000n, FRAME(30 + n), RW | NOT_GLOBAL);
      return BigInt(t.root);
    });
    const use = (n: number) => {
      m.set('x1', upper[n]!);
      exec(m, 'msr ttbr0_el1, x0\nmsr ttbr1_el1, x1\nisb', roots[n]! | (BigInt(n) << 48n));
    };
    for (const n of [0, 1, 0, 2, 1, 2, 0]) {
      use(n);
      expect([look(m, PAGE), look(m, HIGH)]).toEqual([BigInt(n), 20n]);
    }
    // From here on the upper half is not all global.
    for (const n of [0, 1, 0, 2, 1, 2, 0]) {
      use(n);
      expect([look(m, HIGH + 0x1000n), look(m, PAGE), look(m, HIGH)]).toEqual([BigInt(30 + n), BigInt(n), 20n]);
    }
    exec(m, 'tlbi aside1, x0\nisb', 1n << 48n);
    for (const n of [0, 1, 2]) {
      use(n);
      expect([look(m, HIGH + 0x1000n), look(m, PAGE)]).toEqual([BigInt(30 + n), BigInt(n)]);
    }
  });

  it('more pages than a slot lists are forgotten with their ASID, at both levels', () => {
    for (const el of [0, 1] as const) {
      const { m, roots } = spaces(2);
      const tables = new Tables(m);
      for (const at of [CODE, VECTORS]) tables.map(at, at, NORMAL | EL0 | READ_ONLY);
      const count = 700;
      const at = (n: number) => PAGE + BigInt(n * 0x1000);
      for (let n = 0; n < count; n++) tables.map(at(n), FRAME(n % 64), RW | NOT_GLOBAL);
      enter(m, BigInt(tables.root), 5n);
      for (let n = 0; n < count; n++) expect(look(m, at(n), el)).toBe(BigInt(n % 64));
      enter(m, roots[1]!, 6n);
      expect(look(m, at(0), el)).toBe(1n);
      expect(look(m, at(count - 1), el)).toBe('fault');
      enter(m, BigInt(tables.root), 5n);
      for (let n = 0; n < count; n++) tables.map(at(n), FRAME((n + 1) % 64), RW | NOT_GLOBAL);
      exec(m, 'tlbi aside1is, x0\nisb', 5n << 48n);
      for (let n = 0; n < count; n += 50) expect(look(m, at(n), el)).toBe(BigInt((n + 1) % 64));
    }
  });

  it('vCPUs that share a pCPU, a VMID and an ASID keep to their own tables, and one of them may have its MMU off', () => {
    const { m, roots } = spaces(2);
    enter(m, roots[0]!, 1n);
    expect(look(m, PAGE)).toBe(0n);
    // A second vCPU: the first one's state with another table, then with the MMU off.
    const second = m.vcpu + 0x4000;
    const copy = (from: number, to: number) => m.bytes.copyWithin(to, from, from + VCPU_BYTES);
    const swap = () => {
      const kept = m.bytes.slice(m.vcpu, m.vcpu + VCPU_BYTES);
      copy(second, m.vcpu);
      m.bytes.set(kept, second);
    };
    copy(m.vcpu, second);
    const runSecond = (root: bigint, sctlr: bigint, va: bigint) => {
      swap();
      m.set('TTBR0_EL1', root | (1n << 48n));
      m.set('SCTLR_EL1', sctlr);
      m.set('x0', va);
      m.level(1);
      m.program('ldr x1, [x0]\nhvc #0');
      m.set('pc', BigInt(CODE));
      m.set32('exitRequest', 0);
      swap();
      m.view.setInt32(m.vcpu, 0, true);
      m.engine.run(second, 1000);
      return m.view.getBigUint64(second + 8, true);
    };
    const sctlr = m.get('SCTLR_EL1');
    expect(runSecond(roots[1]!, sctlr, PAGE)).toBe(1n);
    expect(look(m, PAGE)).toBe(0n);
    // With the MMU off the address is physical: frame 5.
    m.tables.map(BigInt(FRAME(5)), FRAME(6), RW);
    expect(runSecond(roots[1]!, sctlr & ~1n, BigInt(FRAME(5)))).toBe(5n);
    expect(look(m, PAGE)).toBe(0n);
  });

  it('LDTR and STTR have the rights of EL0 on pages that EL1 used before', () => {
    const m = machine();
    m.tables.map(PAGE, FRAME(1), NORMAL);
    exec(m, 'ldr x1, [x0]\nstr x1, [x0]', PAGE);
    for (const source of ['ldtr x1, [x0]', 'sttr x1, [x0]', 'ldtrb w1, [x0]', 'ldtrsw x1, [x0]']) {
      m.set('x0', PAGE);
      expect([source, m.exec(source, 1).vector]).toEqual([source, 0x200]);
    }
    m.tables.map(PAGE, FRAME(1), RW);
    exec(m, 'tlbi vae1, x0\nisb', operand(PAGE));
    exec(m, 'ldtr x1, [x0]\nsttr x1, [x0]', PAGE);
  });
});

describe('accesses across a page boundary', () => {
  const ACCESSES = [
    ['ldr x1, [x0]', 8],
    ['ldr w1, [x0]', 4],
    ['ldrh w1, [x0]', 2],
    ['ldrsw x1, [x0]', 4],
    ['ldp x1, x2, [x0]', 16],
    ['ldp w1, w2, [x0]', 8],
    ['ldr q1, [x0]', 16],
    ['ldp q1, q2, [x0]', 32],
    ['ldr x1, [x0], #8', 8],
    ['ldr x1, [x0, #0]!', 8],
    ['ld1 {v1.16b, v2.16b}, [x0], #32', 32],
    ['str x1, [x0]', 8],
    ['str w1, [x0]', 4],
    ['strh w1, [x0]', 2],
    ['stp x1, x2, [x0]', 16],
    ['str q1, [x0]', 16],
    ['stp q1, q2, [x0]', 32],
    ['str x1, [x0], #8', 8],
    ['stp x1, x2, [x0, #0]!', 16],
    ['st1 {v1.16b, v2.16b}, [x0], #32', 32],
  ] as const;

  it.each([
    ['st1 {v1.8b}, [x0], #8', 8],
    ['st1 {v1.16b}, [x0]', 16],
    ['st1 {v1.8b, v2.8b, v3.8b}, [x0], x2', 24],
    ['st1 {v1.16b, v2.16b, v3.16b, v4.16b}, [x0], #64', 64],
    ['st2 {v1.8h, v2.8h}, [x0], #32', 32],
    ['st3 {v1.4s, v2.4s, v3.4s}, [x0]', 48],
    ['st4 {v1.2d, v2.2d, v3.2d, v4.2d}, [x0], x2', 64],
    ['st4 {v1.8b, v2.8b, v3.8b, v4.8b}, [x0]', 32],
    ['st1 {v1.d}[1], [x0], #8', 8],
    ['st3 {v1.s, v2.s, v3.s}[2], [x0]', 12],
    ['st4 {v1.h, v2.h, v3.h, v4.h}[5], [x0], #8', 8],
    ['st1 {v1.16b, v2.16b}, [sp], #32', 32],
  ] as const)('%s writes nothing where the second page is missing or a watchpoint is in the way', (source, bytes) => {
    const m = machine();
    m.tables.map(PAGE, FRAME(1), RW);
    m.tables.unmap(PAGE + 0x1000n);
    const page = () => m.bytes.slice(m.at(FRAME(1)), m.at(FRAME(1)) + 0x1000);
    const base = source.includes('[sp') ? 'sp' : 'x0';
    const run = (at: bigint, esr: bigint, far: bigint) => {
      m.set(base, at);
      m.set('x2', 5n);
      m.bytes.fill(0xa5, m.vcpu + 0x200, m.vcpu + 0x400);
      const before = page();
      expect(m.exec(source, 1)).toMatchObject({ vector: 0x200, esr, far });
      expect(m.get(base)).toBe(at);
      expect(page()).toEqual(before);
    };
    for (let into = 16; into < bytes; into += 16) run(PAGE + 0x1000n - BigInt(into), 0x96000047n, PAGE + 0x1000n);
    if (base !== 'sp') {
      for (let into = 1; into < bytes; into++) run(PAGE + 0x1000n - BigInt(into), 0x96000047n, PAGE + 0x1000n);
    }
    const last = PAGE + 0x100n + BigInt(bytes - 1);
    m.set('OSLSR_EL1', 8n);
    m.set('MDSCR_EL1', 0xa000n);
    m.set('DBGWVR0_EL1', last & ~7n);
    m.set('DBGWCR0_EL1', 0x13n | (1n << (5n + (last & 7n))));
    run(PAGE + 0x100n, 0xd6000062n, last);
  });

  it.each(ACCESSES)('%s: where the second page is missing, no register and no byte changes', (source, bytes) => {
    const m = machine();
    m.tables.map(PAGE, FRAME(1), RW);
    m.tables.unmap(PAGE + 0x1000n);
    for (let into = 1; into < bytes; into++) {
      const x0 = PAGE + 0x1000n - BigInt(into);
      m.set('x0', x0);
      m.set('x1', 0xaaaan);
      m.set('x2', 0xbbbbn);
      const before = m.bytes.slice(m.at(FRAME(1)), m.at(FRAME(1)) + 0x1000);
      const v = m.bytes.slice(m.vcpu + 0x200, m.vcpu + 0x400);
      const t = m.exec(source, 1);
      expect(t).toMatchObject({ vector: 0x200, far: PAGE + 0x1000n, elr: BigInt(CODE) });
      expect([m.get('x0'), m.get('x1'), m.get('x2')]).toEqual([x0, 0xaaaan, 0xbbbbn]);
      expect(m.bytes.slice(m.vcpu + 0x200, m.vcpu + 0x400)).toEqual(v);
      expect(m.bytes.slice(m.at(FRAME(1)), m.at(FRAME(1)) + 0x1000)).toEqual(before);
    }
  });

  it.each(ACCESSES)('%s at every offset reads and writes the same bytes as byte by byte', (source, bytes) => {
    const m = machine();
    // Two neighbours that are not neighbours in memory.
    m.tables.map(PAGE, FRAME(7), RW);
    m.tables.map(PAGE + 0x1000n, FRAME(3), RW);
    const byteAt = (n: number) => m.at(n < 0x1000 ? FRAME(7) + n : FRAME(3) + n - 0x1000);
    for (let n = 0; n < 0x2000; n++) m.bytes[byteAt(n)] = (n * 31 + (n >> 8)) & 255;
    const isStore = source.startsWith('st');
    for (const from of [0xff0 - 17, 0xfff - 33, ...Array.from({ length: 40 }, (_, n) => 0x1000 - 35 + n)]) {
      m.set('x0', PAGE + BigInt(from));
      const values = Uint8Array.from({ length: 32 }, (_, n) => (from * 7 + n * 13) & 255);
      m.bytes.set(values.subarray(0, 16), m.vcpu + 8);
      m.bytes.set(values, m.vcpu + 0x210);
      if (isStore) {
        expect(m.exec(source, 1).vector).toBe(-1);
        const isVector = source.includes('q1');
        const half = bytes / 2;
        const want = Array.from({ length: bytes }, (_, n) =>
          isVector || !source.includes('stp') ? values[n] : values[n < half ? n : 8 + n - half],
        );
        expect([source, from, ...Array.from({ length: bytes }, (_, n) => m.bytes[byteAt(from + n)])]).toEqual([
          source,
          from,
          ...want,
        ]);
      } else {
        expect(m.exec(source, 1).vector).toBe(-1);
        const want = Array.from({ length: bytes }, (_, n) => m.bytes[byteAt(from + n)]!);
        const at = source.includes('q1') || source.includes('v1') ? m.vcpu + 0x210 : m.vcpu + 8;
        const isPair = source.startsWith('ldp w');
        const got = Array.from({ length: bytes }, (_, n) => m.bytes[at + (isPair && n >= 4 ? n + 4 : n)]!);
        expect([source, from, ...got]).toEqual([source, from, ...want]);
      }
    }
  });

  it('wraps at the top of the address space as the addresses do', () => {
    const m = machine();
    m.tables.map(0xffff_ffff_ffff_f000n, FRAME(1), RW);
    m.set('x0', 0xffff_ffff_ffff_fffcn);
    expect(m.exec('ldr x1, [x0]', 1)).toMatchObject({ vector: 0x200, far: 0n });
    m.set('x0', 0xffff_ffff_ffff_ffffn);
    expect(m.exec('stp q1, q2, [x0]', 1)).toMatchObject({ vector: 0x200, far: 0n });
  });
});
