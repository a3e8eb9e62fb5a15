import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CODE, DATA, EL0, Machine, NORMAL, READ_ONLY, VECTORS } from './machine.ts';

/** A page that is written and, by another address, executed. */
const WRITE = 0x7000_0000n;
const FRAME = DATA + 0x10000;
const MOVZ = (rd: number, value: number): number => 0xd2800000 + value * 32 + rd;
const RET = 0xd65f03c0;
const NOP = 0xd503201f;

/** CODE holds the program; FRAME is writable at WRITE and executable at EXECUTE, and OTHER bytes behind each. */
function machine(options: ConstructorParameters<typeof Machine>[0] = {}): Machine {
  const m = new Machine(options);
  const size = 256 * 0x1000;
  for (const other of [0n, OTHER]) {
    m.tables.map(WRITE + other, FRAME, NORMAL, { size });
    // Another gigabyte for executing, read-only.
    m.tables.map(EXECUTE + other, FRAME, NORMAL | EL0 | READ_ONLY, { size });
  }
  return m;
}
const EXECUTE = 0x6000_0000n;
/** From either address of a frame to a second one, with another place in every TLB. */
const OTHER = 0x0140_0000n;

/** Starts at EL1 with registers. */
function run(m: Machine, source: string, registers: Record<string, bigint>): void {
  m.program(`${source}\nhvc #0`);
  m.level(1);
  for (const [name, value] of Object.entries(registers)) m.set(name, value);
  m.set('pc', BigInt(CODE));
  expect(m.go()).toBe('request');
  expect(m.taken().vector).toBe(-1);
}

describe('code that changes', () => {
  const STORES = [
    ['str w1, [x0]', 4],
    ['strb w1, [x0]', 1],
    ['strh w1, [x0]', 2],
    ['str x1, [x0]', 8],
    ['stp x1, x2, [x0]', 16],
    ['stp w1, w2, [x0]', 8],
    ['stlr w1, [x0]', 4],
    ['stxr w9, w1, [x0]', 4],
    ['swp w1, w9, [x0]', 4],
    ['cas w8, w1, [x0]', 4],
    ['str q1, [x0]', 16],
    ['stp q1, q2, [x0]', 32],
    ['str s1, [x0]', 4],
    ['st1 {v1.16b, v2.16b}, [x0]', 32],
    ['sttr w1, [x0]', 4],
  ] as const;

  it.each(STORES)(
    '%s over instructions that were executed before takes effect, with maintenance or without',
    (source, bytes) => {
      for (const maintenance of ['', 'dc cvau, x0\ndsb ish\nic ivau, x0\ndsb ish\nisb']) {
        const m = machine();
        // STTR has EL0's rights.
        if (source.startsWith('sttr')) m.tables.map(WRITE, FRAME, NORMAL | EL0);
        const count = Math.ceil(bytes / 4);
        const first = Array.from({ length: count }, (_, n) => MOVZ(10 + n, 100 + n));
        const second = Array.from({ length: count }, (_, n) => MOVZ(10 + n, 200 + n));
        m.write(FRAME, [...first, RET]);
        const image = new Uint8Array(Uint32Array.from(second).buffer);
        m.bytes.set(image.subarray(0, 16), m.vcpu + 8);
        m.bytes.set(image, m.vcpu + 0x210);
        const x1 = m.get('x1');
        const x2 = m.get('x2');
        const values = source.startsWith('stp w') ? { x1: x1 & 0xffffffffn, x2: x1 >> 32n } : { x1, x2 };
        const exclusive = source.startsWith('stxr') ? 'ldxr w7, [x0]\n' : '';
        run(m, `blr x20\nmov x21, x10\n${exclusive}${source}\n${maintenance}\nblr x20`, {
          x0: WRITE,
          ...values,
          x8: BigInt(MOVZ(10, 100)),
          x20: EXECUTE,
        });
        expect(m.get('x21')).toBe(100n);
        // A narrow store changes the low bytes of the word: MOVZ X10, #200 differs from #100 in bytes 0 and 1.
        const now = new DataView(m.bytes.slice(m.at(FRAME), m.at(FRAME) + 4).buffer).getUint32(0, true);
        expect(m.get('x10')).toBe(BigInt((now >>> 5) & 0xffff));
        if (bytes >= 4) for (let n = 0; n < Math.min(count, 8); n++) expect(m.get(`x${10 + n}`)).toBe(BigInt(200 + n));
      }
    },
  );

  it('DC ZVA over instructions makes them UNDEFINED', () => {
    const m = machine();
    m.write(FRAME, [MOVZ(10, 5), RET]);
    m.program('blr x20\ndc zva, x0\nblr x20\nhvc #0');
    m.level(1);
    m.set('x0', WRITE + 8n);
    m.set('x20', EXECUTE);
    m.set('pc', BigInt(CODE));
    m.go();
    expect(m.taken()).toMatchObject({ vector: 0x200, esr: 1n << 25n, elr: EXECUTE });
  });

  it('a store to the instructions just ahead, on the page that is executed', () => {
    for (let distance = 1; distance <= 6; distance++) {
      const m = machine();
      // str w1, [x0]; then words of which one is replaced; then hvc.
      m.write(FRAME, [0xb9000001, ...new Array(6).fill(NOP), 0xd4000002]);
      m.level(1);
      m.set('x0', WRITE + BigInt(4 * distance));
      m.set('x1', BigInt(MOVZ(10, 77)));
      m.set('x10', 0n);
      m.set('pc', EXECUTE);
      m.go();
      expect([distance, m.get('x10')]).toEqual([distance, 77n]);
    }
  });

  it('a store across the end of a page changes the instructions of both pages', () => {
    const m = machine();
    m.write(FRAME + 0xff8, [MOVZ(10, 1), MOVZ(11, 1), MOVZ(12, 1), MOVZ(13, 1), RET]);
    const x1 = (BigInt(MOVZ(12, 2)) << 32n) | BigInt(MOVZ(11, 2));
    run(m, 'blr x20\nstr x1, [x0]\nblr x20', { x0: WRITE + 0xffcn, x1, x20: EXECUTE + 0xff8n });
    expect(['x10', 'x11', 'x12', 'x13'].map((n) => m.get(n))).toEqual([1n, 2n, 2n, 1n]);
  });

  it('data beside code on one page, written more often than its records are kept for', () => {
    const m = machine();
    m.write(FRAME, [0x9100054a, RET]); // add x10, x10, #1
    run(
      m,
      'mov x3, #500\nloop: str x3, [x0]\nblr x20\nldr x4, [x0]\ncmp x4, x3\nb.ne 1f\nsubs x3, x3, #1\nb.ne loop\n1:',
      {
        x0: WRITE + 0x800n,
        x10: 0n,
        x20: EXECUTE,
      },
    );
    expect([m.get('x10'), m.get('x3')]).toEqual([500n, 0n]);
  });

  it('code at two addresses whose records were given up is seen to change at both', () => {
    for (const other of [0n, OTHER]) {
      const m = machine();
      m.write(FRAME, [MOVZ(10, 1), RET]);
      const often = 'mov x3, #64\n1: str w1, [x0]\nsubs x3, x3, #1\nb.ne 1b';
      run(m, `blr x20\nblr x21\n${often}\nblr x20\nstr w2, [x0]\nblr x20\nmov x11, x10\nblr x21`, {
        x0: WRITE,
        x1: BigInt(MOVZ(10, 2)),
        x2: BigInt(MOVZ(10, 3)),
        x20: EXECUTE + other,
        x21: EXECUTE + (OTHER - other),
      });
      expect([m.get('x11'), m.get('x10')]).toEqual([3n, 3n]);
    }
  });

  it('a loop that writes to its own page keeps going', () => {
    const m = machine();
    m.program('loop: str x3, [x0]\nadd x10, x10, #1\nsubs x3, x3, #1\nb.ne loop\nhvc #0', FRAME, EXECUTE);
    m.level(1);
    m.set('x0', WRITE + 0x800n);
    m.set('x3', 300n);
    m.set('pc', EXECUTE);
    m.go();
    expect(m.get('x10')).toBe(300n);
    expect(m.read64(FRAME + 0x800)).toBe(1n);
  });

  it('what the host writes is seen after invalidateCode, also by the page that runs', () => {
    const m = machine({
      host: {
        hypercall: (_, immediate) => {
          if (immediate === 7) m.write(FRAME + 4, [MOVZ(10, 9)]);
          else m.set32('exitRequest', 1);
          return true;
        },
      },
    });
    m.write(FRAME, [0xd40000e2, NOP, 0xd4000002]);
    m.level(1);
    m.set('pc', EXECUTE);
    m.set('x10', 0n);
    m.go();
    expect(m.get('x10')).toBe(9n);
    // Parts of words, and lengths that end within one.
    m.write(FRAME, [MOVZ(10, 1), MOVZ(11, 1), MOVZ(12, 1), 0xd4000002]);
    m.set('pc', EXECUTE);
    m.go();
    const image = new Uint8Array(Uint32Array.from([MOVZ(10, 2), MOVZ(11, 2), MOVZ(12, 2)]).buffer);
    m.bytes.set(image, m.at(FRAME));
    m.engine.invalidateCode(m.at(FRAME) + 3, 6);
    m.set('pc', EXECUTE);
    m.go();
    expect([m.get('x10'), m.get('x11'), m.get('x12')]).toEqual([2n, 2n, 2n]);
  });

  it('more pages of code than records are kept for: calls into all of them, from a page that is evicted on the way', () => {
    for (const codePages of [2, 3, 8]) {
      const m = machine({ codePages });
      for (let n = 0; n < 40; n++) m.write(FRAME + n * 0x1000, [0x9100054a, RET]);
      run(
        m,
        'mov x5, #3\nouter: mov x4, #40\nmov x20, x19\nloop: blr x20\nadd x20, x20, #1, lsl #12\nsubs x4, x4, #1\nb.ne loop\nsubs x5, x5, #1\nb.ne outer',
        {
          x19: EXECUTE,
          x10: 0n,
        },
      );
      expect([codePages, m.get('x10')]).toEqual([codePages, 120n]);
    }
  });

  it('running straight through many pages, and two levels that share a page', () => {
    const m = machine({ codePages: 2 });
    for (let n = 0; n < 8; n++) m.write(FRAME + n * 0x1000, new Array(1024).fill(0x9100054a));
    m.write(FRAME + 8 * 0x1000, [0xd4000002]);
    m.level(1);
    m.set('x10', 0n);
    m.set('pc', EXECUTE);
    m.go();
    expect(m.get('x10')).toBe(8192n);
    m.write(FRAME, [0x9100054a, 0xd4000001]);
    m.write(VECTORS + 0x400, [0xd4000002]);
    for (const el of [0, 1] as const) {
      m.level(el);
      m.set('x10', 0n);
      m.set('pc', EXECUTE);
      m.go();
      expect([el, m.get('x10'), m.taken().vector]).toEqual([el, 1n, el ? 0x200 : 0x400]);
    }
  });

  it('any sequence of stores and calls behaves as if every instruction were fetched anew', () => {
    const step = fc.record({
      page: fc.nat(5),
      slot: fc.nat(3),
      value: fc.integer({ min: 1, max: 0xffff }),
      call: fc.boolean(),
      // Records of a page are given up when it is written often.
      times: fc.constantFrom(1, 1, 1, 20),
      isOtherWrite: fc.boolean(),
      isOtherCall: fc.boolean(),
    });
    fc.assert(
      fc.property(
        fc.array(step, { minLength: 1, maxLength: 60 }),
        fc.integer({ min: 2, max: 5 }),
        (steps, codePages) => {
          const m = machine({ codePages });
          const model = Array.from({ length: 6 }, () => [0, 0, 0, 0]);
          for (let page = 0; page < 6; page++)
            m.write(FRAME + page * 0x1000, [...[0, 1, 2, 3].map((n) => MOVZ(10 + n, 0)), RET]);
          m.program('0: str w1, [x0]\nsubs x3, x3, #1\nb.ne 0b\ncbz x2, 1f\nblr x20\n1: hvc #0');
          for (const s of steps) {
            model[s.page]![s.slot] = s.value;
            m.level(1);
            m.set('x0', WRITE + (s.isOtherWrite ? OTHER : 0n) + BigInt(s.page * 0x1000 + s.slot * 4));
            m.set('x1', BigInt(MOVZ(10 + s.slot, s.value)));
            m.set('x2', s.call ? 1n : 0n);
            m.set('x3', BigInt(s.times));
            m.set('x20', EXECUTE + (s.isOtherCall ? OTHER : 0n) + BigInt(s.page * 0x1000));
            m.set('pc', BigInt(CODE));
            m.go();
            if (s.call) expect([10, 11, 12, 13].map((n) => Number(m.get(`x${n}`)))).toEqual(model[s.page]);
          }
        },
      ),
      { numRuns: 50 },
    );
  });
});
