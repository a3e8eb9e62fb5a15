/** What was executed often, though not often enough to be translated meanwhile, is found for later runs. */
import { describe, expect, it } from 'vitest';
import { assemble } from '../src/asm/assemble.ts';
import type { TranslationPack } from '../src/translator/exchange.ts';
import { mergePacks, type PackPart } from '../src/translator/merge.ts';
import { RegionTable } from '../src/translator/region-table.ts';
import { CodeSurvey } from '../src/translator/survey.ts';
import { RAM_BASE, TestBoard } from './board.ts';

const CODE = RAM_BASE + 0x40_0000;
const HVC_AT = RAM_BASE + 0x60_0000;
const CODE_PAGES = 64;
const OPTIONS = { threshold: 3000, early: 48, batch: 1 };

/** Two functions: one that loops x1 times, and one that is called before it. */
const SOURCE = `
    mov   x2, #0
    bl    once
  1:
    add   x2, x2, #3
    cbz   x1, 2f
    subs  x1, x1, #1
    b.ne  1b
  2:
    br    x9
  once:
    mov   x3, #1
    ret`;

function board(pack?: TranslationPack): TestBoard {
  const packs = pack ? [pack] : [];
  const exchange = { give: () => expect.fail('translated meanwhile'), take: () => packs.shift() };
  const b = new TestBoard({ ramMiB: 16, codePages: CODE_PAGES, translate: OPTIONS, exchange });
  b.identityStage1(RAM_BASE + 0x10_0000, 16, () => 0x700n);
  b.write(CODE, assemble(SOURCE, { origin: BigInt(CODE) }).bytes);
  b.write(HVC_AT, assemble('hvc #0').bytes);
  return b;
}

/** Runs with `count` turns; what it comes to, and where slices ended. */
function run(b: TestBoard, count: number): bigint[] {
  b.set('x1', BigInt(count));
  b.set('x9', BigInt(HVC_AT));
  b.set('pc', BigInt(CODE));
  b.set32('exitRequest', 0);
  const seen: bigint[] = [];
  while (b.run(997) === 'budget') seen.push(b.get('instructions'), b.get('pc'));
  return [...seen, b.get('instructions'), b.get('x2')];
}

function survey(b: TestBoard, least?: number): PackPart {
  const options = { ...OPTIONS, ...(least === undefined ? {} : { least }) };
  const found = new CodeSurvey(b.memory, [{ pcpu: b.engine.pcpu, codePages: CODE_PAGES }], options);
  // Page by page, whatever the time.
  while (found.run(0));
  return found.part;
}

describe('a survey', () => {
  it('finds what branches led to a thousand times, as regions that a later run takes', () => {
    const b = board();
    const want = run(b, 1500);
    const part = survey(b);
    expect(RegionTable.of(part.regions).count).toBe(1);
    const { regions, wire, ages } = mergePacks([part], 8, 100);
    const used = new Uint8Array(ages.length);
    const pack = { module: new WebAssembly.Module(wire), form: 'table', regions, used } as const;
    expect(run(board(pack), 1500)).toEqual(want);
    expect([...used]).toEqual([1]);
  });

  it('finds nothing in what was executed less, unless less will do', () => {
    const b = board();
    run(b, 900);
    expect(RegionTable.of(survey(b).regions).count).toBe(0);
    expect(RegionTable.of(survey(b, 500).regions).count).toBe(1);
  });

  it('finds nothing in a page whose records were given up', () => {
    const b = board();
    run(b, 1500);
    // As many other pages as there is room for.
    for (let n = 0; n < CODE_PAGES; n++) {
      const at = CODE + 0x10_0000 + n * 0x1000;
      b.write(at, assemble('br x9').bytes);
      b.set('pc', BigInt(at));
      b.set32('exitRequest', 0);
      b.run(100);
    }
    expect(RegionTable.of(survey(b).regions).count).toBe(0);
  });

  it('says nothing of instructions of which nobody knows whether they are translated already', () => {
    const b = board();
    run(b, 1500);
    const first = mergePacks([survey(b)], 8, 100);
    const pack = {
      module: new WebAssembly.Module(first.wire),
      form: 'table',
      regions: first.regions,
      used: new Uint8Array(1),
    } as const;
    const other = board(pack);
    // So seldom that no branch has made the engine look.
    run(other, 20);
    expect(RegionTable.of(survey(other).regions).count).toBe(0);
  });
});
