import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import { LOOPS } from '../bench/loop-sources.ts';
import { assemble } from '../src/asm/assemble.ts';
import type { BareMachineOptions } from '../src/bare-machine.ts';
import { VCPU_FIELDS } from '../src/state.ts';
import { RAM_BASE, TestBoard, TRANSLATE_ALL, TRANSLATE_CAREFULLY, TRANSLATE_UNALIGNED } from './board.ts';

const CODE = RAM_BASE + 0x40_0000;
const BUFFER = RAM_BASE + 0x20_0000;
const STACK = BUFFER + 0xf0000;
const HVC_AT = RAM_BASE + 0x60_0000;

type Translate = BareMachineOptions['translate'];

/** A board that is about to run `source` at EL1, with the MMU on: x0 = a buffer of noise, x1 = `count`. */
function board(source: string, count: number, translate: Translate): TestBoard {
  const b = new TestBoard({ ramMiB: 16, translate });
  b.identityStage1(RAM_BASE + 0x10_0000, 16, () => 0x700n);
  const words = new Uint32Array(b.memory.buffer, b.at(BUFFER), 0x40000);
  let seed = 12345;
  for (let i = 0; i < words.length; i++) {
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
    words[i] = seed;
  }
  // A cycle for the pointer chase.
  for (let i = 0; i < 0x8000; i++) words[0x8000 + i] = (Math.imul(i, 20021) + 7919) & 0x7fff;
  b.write(CODE, assemble(source, { origin: BigInt(CODE) }).bytes);
  b.write(HVC_AT, assemble('hvc #0').bytes);
  b.set('x0', BigInt(BUFFER));
  b.set('x1', BigInt(count));
  b.set('x30', BigInt(HVC_AT));
  b.set('sp', BigInt(STACK));
  b.set('pc', BigInt(CODE));
  return b;
}

/** The fields in which two vCPUs differ, but those that tell where a pCPU keeps things. */
function differences(a: TestBoard, b: TestBoard): string[] {
  const fields = Object.entries(VCPU_FIELDS).filter(
    // `flagN` and `flagZ` hold a result: only their sign, and whether it is 0, count.
    ([name]) => !/^(flag[NZAB]|scratch\d|walk\w+|page\w+|tlb\w+)$/.test(name),
  );
  const wrong = fields.filter(([name]) => a.get(name) !== b.get(name)).map(([name]) => name);
  if (a.get('flagN') < 0n !== b.get('flagN') < 0n) wrong.push('N');
  if ((a.get('flagZ') === 0n) !== (b.get('flagZ') === 0n)) wrong.push('Z');
  return wrong;
}

describe('translated code', () => {
  it.each(LOOPS)('$name: every slice ends where the interpreter ends it, in the same state', ({ source }) => {
    const ours = board(source, 2, { threshold: 3, batch: 1 });
    const theirs = board(source, 2, false);
    const budgets = [1, 7, 100, 997, 10_000, 50_000];
    for (let n = 0; ; n++) {
      const budget = budgets[n % budgets.length]!;
      const [reason, want] = [ours.run(budget), theirs.run(budget)];
      expect({ n, reason, wrong: differences(ours, theirs) }).toEqual({ n, reason: want, wrong: [] });
      if (want !== 'budget') break;
    }
    const ram = (b: TestBoard): Uint8Array => b.bytes.subarray(b.ram, b.ram + 2 ** 23);
    expect(Buffer.compare(ram(ours), ram(theirs))).toBe(0);
  });

  describe('goes on', () => {
    const source = LOOPS[2]!.source;
    const agrees = (translate: Translate): void => {
      const [ours, theirs] = [board(source, 2, translate), board(source, 2, false)];
      for (const b of [ours, theirs]) while (b.run(100_000) === 'budget');
      expect(differences(ours, theirs)).toEqual([]);
    };

    it.each([1, 2, 5])('where no more than %i regions may be kept', (n) => agrees({ ...TRANSLATE_ALL, regions: n }));

    it.each([1, 2, 5])('where no more than %i modules may be kept', (n) => agrees({ ...TRANSLATE_ALL, modules: n }));

    it('where the runtime has no room for a module', () => {
      const { Module } = WebAssembly;
      let made = 0;
      class ScarceModule extends Module {
        constructor(bytes: BufferSource) {
          if (made++ % 3 === 2) throw new RangeError('WebAssembly.Module(): Out of memory');
          super(bytes);
        }
      }
      const scarce = vi.spyOn(WebAssembly, 'Module').mockImplementation(ScarceModule);
      try {
        agrees(TRANSLATE_ALL);
        expect(made).toBeGreaterThan(3);
      } finally {
        scarce.mockRestore();
      }
    });
  });

  it('is made anew where an instruction of its loop is replaced, whoever replaces it', () => {
    // Adds 1 in a loop, until the second store makes it add 2 and the host later 3.
    const source = `
        mov   x2, #0
      1:
        add   x2, x2, #1
        subs  x1, x1, #1
        b.ne  1b
        ret`;
    for (const batch of [1, 32]) {
      const b = board(source, 1000, { threshold: 10, batch });
      const go = (times: number): bigint => {
        b.set('x1', BigInt(times));
        b.set('pc', BigInt(CODE));
        b.set('x30', BigInt(HVC_AT));
        b.set32('exitRequest', 0);
        let reason = 'budget';
        while (reason === 'budget') reason = b.run(500);
        expect(reason).toBe('request');
        return b.get('x2');
      };
      expect(go(20_000)).toBe(20_000n);
      b.write(CODE + 4, assemble('add x2, x2, #2').bytes);
      expect(go(20_000)).toBe(40_000n);
      b.write(CODE + 4, assemble('add x2, x2, #3').bytes);
      expect(go(20_000)).toBe(60_000n);
    }
  });

  it('a loop that writes one of its own instructions executes what it wrote', () => {
    const source = `
        adr   x3, 2f
        ldr   w4, 3f
        mov   x2, #0
      1:
        cmp   x1, #500
        b.ne  2f
        str   w4, [x3]
      2:
        add   x2, x2, #1
        subs  x1, x1, #1
        b.ne  1b
        ret
      3:
        add   x2, x2, #2`;
    for (const translate of [false, TRANSLATE_ALL, { threshold: 10, batch: 1 }]) {
      const b = board(source, 1000, translate);
      while (b.run(300) === 'budget');
      expect(b.get('x2')).toBe(500n + 2n * 500n);
    }
  });

  it('does unaligned accesses and those across pages, however many there are', () => {
    const source = `
        add   x0, x0, #0xff0
        mov   x2, #0
        mov   x4, #0
      1:
        and   x3, x1, #0x1f
        add   x3, x0, x3
        ldr   x5, [x3]
        ldp   x6, x7, [x3, #8]
        stp   x5, x7, [x3, #24]
        str   w6, [x3, #40]
        add   x2, x2, x5
        eor   x4, x4, x7, ror #3
        subs  x1, x1, #1
        b.ne  1b
        ret`;
    const [ours, theirs] = [board(source, 20_000, { threshold: 5, batch: 1 }), board(source, 20_000, false)];
    for (let reason = 'budget'; reason === 'budget'; ) {
      reason = ours.run(5000);
      expect(theirs.run(5000)).toBe(reason);
      expect(differences(ours, theirs)).toEqual([]);
    }
  });

  it.each([TRANSLATE_ALL, TRANSLATE_UNALIGNED, TRANSLATE_CAREFULLY])(
    'does sequences of accesses near one register as the interpreter does them: %o',
    (translate) => {
      const ours = board('ret', 0, translate);
      const theirs = board('ret', 0, false);
      const bytes = (b: TestBoard): Uint8Array => b.bytes.subarray(b.at(BUFFER), b.at(BUFFER) + 0x3000);
      const number = (min: number, max: number) => fc.integer({ min, max });
      const access = fc.oneof(
        fc
          .tuple(fc.constantFrom('ldr x', 'str x', 'ldur x', 'stur x', 'ldr d', 'str d'), number(2, 7), number(0, 15))
          .map(([name, rt, n]) => `${name}${rt}, [x0, #${8 * n}]`),
        fc
          .tuple(fc.constantFrom('ldr w', 'str w', 'ldrsw x', 'ldur w', 'stur w'), number(2, 7), number(0, 31))
          .map(([name, rt, n]) => `${name}${rt}, [x0, #${4 * n}]`),
        fc
          .tuple(fc.constantFrom('ldrb', 'strb', 'ldurb'), number(2, 7), number(0, 63))
          .map(([name, rt, n]) => `${name} w${rt}, [x0, #${n}]`),
        fc
          .tuple(fc.constantFrom('ldp', 'stp', 'ldnp'), number(2, 4), number(-8, 8))
          .map(([name, rt, n]) => `${name} x${rt}, x${rt + 3}, [x0, #${8 * n}]`),
        fc
          .tuple(fc.constantFrom('ldp', 'stp'), number(2, 4), number(-4, 4), fc.boolean())
          .map(([name, rt, n, pre]) => `${name} x${rt}, x${rt + 3}, ${pre ? `[x0, #${16 * n}]!` : `[x0], #${16 * n}`}`),
        fc
          .tuple(fc.constantFrom('ldr x', 'str x', 'str q', 'ldr q'), number(2, 7), number(-4, 4), fc.boolean())
          .map(([name, rt, n, pre]) => `${name}${rt}, ${pre ? `[x0, #${8 * n}]!` : `[x0], #${8 * n}`}`),
        fc
          .tuple(fc.constantFrom('stp q', 'ldp q'), number(2, 7), number(-2, 2))
          .map(([name, rt, n]) => `${name}${rt}, q${rt + 1}, [x0, #${32 * n}]`),
        fc.tuple(fc.constantFrom('add', 'sub'), number(0, 4)).map(([name, n]) => `${name} x0, x0, #${8 * n}`),
        fc.constantFrom('mov x8, x0', 'add x0, x0, x9', 'cbnz x8, .+4', 'eor x2, x3, x4', 'ldr x8, [x0, x9, lsl #3]'),
      );
      fc.assert(
        fc.property(fc.array(access, { minLength: 2, maxLength: 16 }), number(0, 40), number(0, 7), (list, at, off) => {
          for (const b of [ours, theirs]) {
            b.write(CODE, assemble(`${list.join('\n')}\nhvc #0`, { origin: BigInt(CODE) }).bytes);
            // Near the end of a page, mostly aligned.
            b.set('x0', BigInt(BUFFER + 0x1000 - 8 * at + (off === 0 ? 4 : off === 1 ? 1 : 0)));
            b.set('x9', 1n);
            b.set32('exitRequest', 0);
            b.set('pc', BigInt(CODE));
            expect(b.run(1000)).toBe('request');
          }
          expect(differences(ours, theirs)).toEqual([]);
          expect(Buffer.compare(bytes(ours), bytes(theirs))).toBe(0);
        }),
        { numRuns: 300 },
      );
    },
  );

  it('rejects thresholds and numbers of regions that it cannot keep', () => {
    expect(() => new TestBoard({ translate: { threshold: -1 } })).toThrow('threshold is -1');
    expect(() => new TestBoard({ translate: { threshold: 40_000 } })).toThrow('threshold is 40000');
    expect(() => new TestBoard({ translate: { regions: 0 } })).toThrow('regions is 0');
  });
});
