/** Translations that come from elsewhere: other pCPUs, and packs that were kept. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LOOPS } from '../bench/loop-sources.ts';
import { assemble } from '../src/asm/assemble.ts';
import type { TranslationExchange, TranslationPack } from '../src/translator/exchange.ts';
import { mergePacks, type PackPart } from '../src/translator/merge.ts';
import { type Care, RegionTable, TRAPS_FP } from '../src/translator/region-table.ts';
import { RAM_BASE, TestBoard } from './board.ts';

const CODE = RAM_BASE + 0x40_0000;
const BUFFER = RAM_BASE + 0x20_0000;
const HVC_AT = RAM_BASE + 0x60_0000;

/** An exchange that keeps what is given, and has `packs` to be taken. */
class Kept implements TranslationExchange {
  readonly given: TranslationPack[] = [];
  readonly packs: TranslationPack[];
  readonly claims?: Int32Array<SharedArrayBuffer>;

  constructor(packs: readonly TranslationPack[] = [], claims?: Int32Array<SharedArrayBuffer>) {
    this.packs = [...packs];
    if (claims) this.claims = claims;
  }

  give(pack: TranslationPack): void {
    this.given.push(pack);
  }

  take(): TranslationPack | undefined {
    return this.packs.shift();
  }

  /** All that was given, as one pack that was kept. */
  get merged(): TranslationPack & { readonly used: Uint8Array } {
    const { regions, wire, ages } = mergePacks(this.given as PackPart[], 8, 1000);
    return { module: new WebAssembly.Module(wire), form: 'table', regions, used: new Uint8Array(ages.length) };
  }
}

const OFTEN = { threshold: 20, early: 3, batch: 1 };

function board(source: string, exchange: TranslationExchange, at = CODE): TestBoard {
  const b = new TestBoard({ ramMiB: 16, translate: OFTEN, exchange });
  b.identityStage1(RAM_BASE + 0x10_0000, 16, () => 0x700n);
  const words = new Uint32Array(b.memory.buffer, b.at(BUFFER), 0x10000);
  for (let i = 0; i < words.length; i++) words[i] = Math.imul(i, 2654435761);
  b.write(at, assemble(source, { origin: BigInt(at) }).bytes);
  b.write(HVC_AT, assemble('hvc #0').bytes);
  start(b, at, 2);
  return b;
}

function start(b: TestBoard, at: number, count: number): void {
  b.set('x0', BigInt(BUFFER));
  b.set('x1', BigInt(count));
  b.set('x30', BigInt(HVC_AT));
  b.set('sp', BigInt(BUFFER + 0xf0000));
  b.set('pc', BigInt(at));
  b.set32('exitRequest', 0);
}

/** Runs to the end; the counts at which slices ended, and the registers. */
function run(b: TestBoard): bigint[] {
  const seen: bigint[] = [];
  while (b.run(9973) === 'budget') seen.push(b.get('instructions'), b.get('pc'));
  return [...seen, b.get('instructions'), ...Array.from({ length: 31 }, (_, n) => b.get(`x${n}`))];
}

describe('translations of another pCPU', () => {
  it.each(LOOPS.filter(({ name }) => /copy|SHA/.test(name)))(
    '$name: are taken as they are, and slices end at the same instructions',
    ({ source }) => {
      const first = new Kept();
      const want = run(board(source, first));
      expect(first.given.length).toBeGreaterThan(0);
      const second = new Kept(first.given);
      expect(run(board(source, second))).toEqual(want);
      expect(second.given).toEqual([]);
      const pack = first.merged;
      const third = new Kept([pack]);
      expect(run(board(source, third))).toEqual(want);
      expect(third.given).toEqual([]);
      expect(pack.used.some((used) => used === 1)).toBe(true);
    },
  );

  const COUNT = `
      mov   x2, #0
    1:
      add   x2, x2, #1
      subs  x1, x1, #1
      b.ne  1b
      ret`;

  it('are found in another page at the same place, not at another place', () => {
    const first = new Kept();
    const b = board(COUNT, first);
    start(b, CODE, 1000);
    run(b);
    for (const [at, given] of [
      [CODE + 0x3000, 0],
      [CODE + 0x40, 1],
    ] as const) {
      const other = new Kept([first.merged]);
      const there = board(COUNT, other, at);
      start(there, at, 1000);
      run(there);
      expect(other.given).toHaveLength(given);
    }
  });

  it('are left where an instruction is replaced, and come back when it does', () => {
    const first = new Kept();
    const b = board(COUNT, first);
    start(b, CODE, 1000);
    run(b);
    const other = new Kept([first.merged]);
    const again = board(COUNT, other);
    const go = (): bigint => {
      start(again, CODE, 1000);
      run(again);
      return again.get('x2');
    };
    expect(go()).toBe(1000n);
    again.write(CODE + 4, assemble('add x2, x2, #2').bytes);
    expect([go(), other.given.length]).toEqual([2000n, 1]);
    again.write(CODE + 4, assemble('add x2, x2, #1').bytes);
    expect([go(), other.given.length]).toEqual([1000n, 1]);
  });

  it('are waited for where another pCPU has said that it translates them, but not for ever', () => {
    const claims = new Int32Array(new SharedArrayBuffer(4 * 2 ** 10));
    const first = new Kept([], claims);
    const b = board(COUNT, first);
    start(b, CODE, 1000);
    run(b);
    expect(first.given).toHaveLength(1);
    const second = new Kept([], claims);
    const other = board(COUNT, second);
    start(other, CODE, 900);
    run(other);
    expect(second.given).toEqual([]);
    second.packs.push(...first.given);
    start(other, CODE, 900);
    run(other);
    expect(second.given).toEqual([]);
    const third = new Kept([], claims);
    const patient = board(COUNT, third);
    start(patient, CODE, 3000);
    run(patient);
    expect(third.given).toHaveLength(1);
  });

  it('are not taken where there is no room for them', () => {
    const first = new Kept();
    const want = run(board(LOOPS[2]!.source, first));
    const pack = first.merged;
    const second = new Kept([pack]);
    const b = new TestBoard({ ramMiB: 16, translate: { ...OFTEN, regions: 1 }, exchange: second });
    expect(b.run(1)).toBeDefined();
    expect(want.length).toBeGreaterThan(0);
    expect(second.packs).toEqual([]);
    expect(pack.used.every((used) => used === 0)).toBe(true);
  });
});

/** Regions as plain lists: begin of each line and its words. */
const regionsOf = fc.uniqueArray(
  fc.record({
    entry: fc.integer({ min: 0, max: 15 }),
    words: fc.array(fc.integer({ min: 0, max: 3 }), { minLength: 1, maxLength: 6 }),
    care: fc.constantFrom<Care>(0, 1, 2),
    trapsFp: fc.boolean(),
  }),
  { minLength: 1, maxLength: 60, selector: ({ entry, words, trapsFp }) => `${entry} ${words} ${trapsFp}` },
);

describe('a table of regions', () => {
  it('finds what is in a page as a search through all of them does, also when it was posted or kept', () => {
    fc.assert(
      fc.property(
        regionsOf,
        fc.array(fc.integer({ min: 0, max: 3 }), { minLength: 24, maxLength: 24 }),
        (list, page) => {
          const table = new RegionTable(4);
          for (const { entry, words, care, trapsFp } of list) {
            const begin = 4 * entry;
            const lines = [begin | ((begin + 4 * words.length) << 16)];
            table.add({ key: begin | (trapsFp ? TRAPS_FP : 0), lines, words, care }, 10);
          }
          const memory = new Uint32Array(2048);
          memory.set(page, 1024);
          for (const t of [table, RegionTable.of(table.flat(true)), RegionTable.of(table.flat(false))]) {
            expect(t.codeAt(t.count)).toBe(10 * list.length);
            for (let entry = 0; entry < 16; entry++) {
              for (const trapsFp of [false, true]) {
                const matches = list.flatMap((r, row) => {
                  const same = r.entry === entry && r.trapsFp === trapsFp;
                  return same && r.words.every((word, n) => memory[1024 + entry + n] === word) ? [row] : [];
                });
                expect(t.find(memory, 1024, 0, (4 * entry) | (trapsFp ? TRAPS_FP : 0))).toBe(matches.at(-1) ?? -1);
              }
            }
            list.forEach((r, row) => {
              expect(t.findSame(t.content(row), r.words[0]!)).toBe(row);
              expect(t.care(row)).toBe(r.care);
            });
          }
        },
      ),
    );
  });

  it('is merged with others without anything twice, without what is old, with the careful one of two', () => {
    const row = (word: number, care: Care) => ({ key: 0, lines: [4 << 16], words: [word], care });
    const part = (rows: ReturnType<typeof row>[], ages?: number[]): PackPart => {
      const table = new RegionTable();
      // The body: no locals, the second parameter and an address.
      const body = [6, 0, 0x20, 1, 0x42, 0, 0x0b];
      for (const r of rows) table.add(r, body.length);
      const bodies = Uint8Array.from(rows.flatMap(() => body));
      return { regions: table.flat(false), bodies, ...(ages ? { ages: Uint8Array.from(ages) } : {}) };
    };
    const old = part([row(1, 0), row(2, 0), row(3, 0), row(4, 1), row(6, 2)], [0, 3, 9, 1, 2]);
    const merged = mergePacks([old, part([row(1, 1), row(2, 0), row(5, 0), row(6, 1)])], 8, 100);
    const table = RegionTable.of(merged.regions);
    const seen = Array.from({ length: table.count }, (_, n) => {
      return [table.content(n).words[0], table.care(n), merged.ages[n]];
    });
    expect(seen).toEqual([
      [2, 0, 0],
      [4, 1, 1],
      [6, 2, 0],
      [1, 1, 0],
      [5, 0, 0],
    ]);
    expect(WebAssembly.validate(merged.wire)).toBe(true);
  });
});
