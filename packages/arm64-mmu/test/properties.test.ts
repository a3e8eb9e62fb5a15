import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type Access,
  STAGE2_ROOTS,
  type Stage2Regime,
  Stage2Tables,
  translate,
  translateStage1,
  translateStage2,
} from '../src/index.ts';
import { TestMemory } from './memory.ts';

const PAGE = 4096;
const TYPES = ['read', 'write', 'execute'] as const;

/** Page numbers near the edges of blocks of every level, so that few operations meet often. */
const pageNumber = fc
  .tuple(
    fc.constantFrom(0, 512, 1024, 2 ** 18, 2 ** 18 + 512, 2 ** 20 - 1024, 2 ** 27),
    fc.integer({ min: -3, max: 3 }),
  )
  .map(([edge, step]) => Math.max(0, edge + step));
const pageCount = fc.oneof(fc.integer({ min: 1, max: 5 }), fc.constantFrom(511, 512, 513, 1024, 2 ** 18));

const operation = fc
  .record({
    kind: fc.constantFrom('map' as const, 'map' as const, 'unmap' as const),
    page: pageNumber,
    count: pageCount,
    frame: pageNumber,
    rights: fc.integer({ min: 0, max: 7 }),
    memoryType: fc.constantFrom('normal' as const, 'device-nGnRE' as const),
  })
  // A gigabyte is mapped congruently, so that it is made of blocks and quick.
  .map((o) => (o.count === 2 ** 18 ? { ...o, frame: o.page + 2 ** 18 } : o));
type Operation = typeof operation extends fc.Arbitrary<infer T> ? T : never;

/** The naive model: operations in order; the last one that covers a page says what it maps to. */
const model = (operations: readonly Operation[], page: number) => {
  const last = [...operations].reverse().find((o) => page >= o.page && page < o.page + o.count);
  if (last === undefined || last.kind === 'unmap') return undefined;
  return {
    pa: (last.frame + page - last.page) * PAGE,
    read: (last.rights & 1) !== 0,
    write: (last.rights & 2) !== 0,
    execute: (last.rights & 4) !== 0,
    memoryType: last.memoryType,
  };
};

const interestingPages = (operations: readonly Operation[]) =>
  new Set(
    operations
      .flatMap((o) => [o.page - 1, o.page, o.page + 1, o.page + o.count - 1, o.page + o.count])
      .filter((p) => p >= 0),
  );

describe('stage 2 tables', () => {
  it('after any maps and unmaps, lookup and translateStage2 agree with the last operation on each page', () => {
    fc.assert(
      fc.property(fc.constantFrom(...STAGE2_ROOTS), fc.array(operation, { maxLength: 12 }), (root, generated) => {
        const pages = 2 ** (root.ipaBits - 12);
        const operations = generated.filter((o) => o.page + o.count <= pages);
        const memory = new TestMemory();
        const p2m = new Stage2Tables({ memory, ipaBits: root.ipaBits, paBits: 48, vmid: 3 });
        for (const [index, o] of operations.entries()) {
          const before = operations.slice(0, index);
          const attributes = { ...model([{ ...o, kind: 'map' }], o.page)! };
          const changed =
            o.kind === 'map'
              ? p2m.map(o.page * PAGE, o.frame * PAGE, o.count * PAGE, attributes)
              : p2m.unmap(o.page * PAGE, o.count * PAGE);
          const edges = [o.page, o.page + o.count - 1];
          if (edges.some((page) => model(before, page) !== undefined)) expect(changed).toBe(true);
        }
        const regime: Stage2Regime = {
          HCR_EL2: 1n,
          VTCR_EL2: p2m.VTCR_EL2,
          VTTBR_EL2: p2m.VTTBR_EL2,
          paMax: 48,
        };
        for (const page of interestingPages(operations)) {
          if (page >= pages) continue;
          const expected = model(operations, page);
          const found = p2m.lookup(page * PAGE + 8);
          if (expected === undefined) expect(found).toBeUndefined();
          else expect(found).toMatchObject({ ...expected, pa: expected.pa + 8 });
          for (const type of TYPES) {
            const result = translateStage2(regime, page * PAGE + 8, { type }, memory);
            const outcome = result.kind === 'ok' ? result.pa : result.fault;
            expect(outcome).toBe(
              expected === undefined ? 'translation' : expected[type] ? expected.pa + 8 : 'permission',
            );
            if (result.kind === 'ok')
              expect(result).toMatchObject({ level: found!.level, blockSize: found!.blockSize });
          }
        }
        p2m.unmap(0, 2 ** root.ipaBits);
        expect(memory.used.size).toBe(0);
      }),
      { numRuns: 150 },
    );
  });

  it('give a page to at most one table at any time, and return all of them', () => {
    fc.assert(
      fc.property(fc.array(operation, { maxLength: 12 }), fc.integer({ min: 3, max: 12 }), (operations, pages) => {
        const memory = new TestMemory();
        const p2m = new Stage2Tables({ memory });
        memory.pagesLeft = pages;
        for (const o of operations) {
          try {
            if (o.kind === 'unmap') p2m.unmap(o.page * PAGE, o.count * PAGE);
            else p2m.map(o.page * PAGE, o.frame * PAGE, o.count * PAGE, model([o], o.page)!);
          } catch (error) {
            expect(error).toMatchObject({ message: 'no pages left' });
          }
        }
        p2m.unmap(0, 2 ** 44);
        expect(memory.used.size).toBe(0);
        expect(memory.pagesLeft).toBe(pages);
      }),
      { numRuns: 100 },
    );
  });
});

describe('any registers and tables', () => {
  const word = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });
  /** Valid more often than not, with addresses that stay in a few pages. */
  const descriptor = fc.oneof(
    word,
    fc.tuple(fc.integer({ min: 0, max: 15 }), word).map(([page, bits]) => {
      const address = BigInt(page) << 12n;
      return (bits & ~0xffff_ffff_f000n) | address | 0b11n | (1n << 10n);
    }),
  );
  /** TCR and VTCR whose sizes are in range more often than not. */
  const control = fc
    .tuple(word, fc.integer({ min: 16, max: 39 }), fc.integer({ min: 16, max: 39 }), fc.boolean())
    .map(([bits, t0sz, t1sz, tame]) =>
      tame ? (bits & ~0x80bf_00bfn & ~(0b111n << 32n)) | BigInt(t0sz) | (BigInt(t1sz) << 16n) | (5n << 32n) : bits,
    );
  const root = fc.oneof(word, fc.constantFrom(0n, 0x1000n, 0x4000n, 0x8000n));

  /** Answers every address below 2^48 by one of a few descriptors. */
  class NoiseMemory {
    reads = 0;
    readonly #pool: readonly bigint[];
    constructor(pool: readonly bigint[]) {
      this.#pool = pool;
    }
    readDescriptor(pa: number): bigint | undefined {
      this.reads++;
      if (!Number.isSafeInteger(pa) || pa < 0 || pa >= 2 ** 48 || pa % 8 !== 0) throw new Error(`bad address ${pa}`);
      const index = (pa / 8 + Math.floor(pa / 4096)) % (this.#pool.length + 1);
      return this.#pool[index];
    }
  }

  it('never make a walk throw, read more than 24 descriptors, or leave the PA space', () => {
    let translated = 0;
    fc.assert(
      fc.property(
        fc.record({ SCTLR_EL1: word, TCR_EL1: control, TTBR0_EL1: root, TTBR1_EL1: root, MAIR_EL1: word }),
        fc.record({ HCR_EL2: word, VTCR_EL2: control, VTTBR_EL2: root }),
        fc.constantFrom(32, 36, 40, 42, 44, 48),
        fc.array(descriptor, { minLength: 1, maxLength: 8 }),
        fc.oneof(word, fc.bigInt({ min: 0n, max: 2n ** 25n }), fc.bigInt({ min: -(2n ** 25n), max: -1n })),
        fc.record({
          type: fc.constantFrom('read', 'write', 'execute', 'atomic'),
          el: fc.constantFrom(0, 1),
          unprivileged: fc.boolean(),
          unaligned: fc.boolean(),
        }) as fc.Arbitrary<Access>,
        (registers1, registers2, paMax, pool, va, access) => {
          const stage1 = { ...registers1, SCTLR_EL1: registers1.SCTLR_EL1 | 1n, paMax };
          const stage2 = { ...registers2, paMax };
          for (const run of [
            (memory: NoiseMemory) => translateStage1(stage1, va, access, memory),
            (memory: NoiseMemory) => translate({ stage1, stage2 }, va, access, memory),
          ]) {
            const memory = new NoiseMemory(pool);
            const result = run(memory);
            expect(memory.reads).toBeLessThanOrEqual(24);
            if (result.kind === 'fault') continue;
            translated++;
            expect(result.pa).toBeLessThan(2 ** paMax);
            expect(Number.isSafeInteger(result.pa)).toBe(true);
            const rights =
              access.el === 0 || (access.unprivileged && access.type !== 'execute') ? result.el0 : result.el1;
            if (access.type !== 'atomic') expect(rights[access.type]).toBe(true);
          }
        },
      ),
      { numRuns: 3000 },
    );
    expect(translated).toBeGreaterThan(10);
  });
});
