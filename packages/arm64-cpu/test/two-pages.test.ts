/** Loops that lie on two pages, translated as one. */
import { describe, expect, it } from 'vitest';
import { assemble } from '../src/asm/assemble.ts';
import { translateBoards } from './board.ts';
import { CODE, DATA, EL0, Machine, NORMAL, READ_ONLY } from './machine.ts';

translateBoards({ threshold: 3, batch: 1 });

const PAGE = 0x1000;
const FRAME = DATA + 0x10000;
const OTHER = DATA + 0x20000;
/** Where the code is executed, and where FRAME is written. */
const EXECUTE = 0x6000_0000n;
const WRITE = 0x7000_0000n;

/** Adds x3 to x0 sixty times, half of it on each page; x4 counts what the second page does. */
const loop = (step: number): string => `
  1: add x0, x0, x3
  nop
  add x4, x4, #${step}
  subs x6, x6, #1
  b.ne 1b
  ret`;

/** The machine, with the loop's first two instructions at the end of the page at EXECUTE. */
function machine(): Machine {
  const m = new Machine();
  m.tables.map(WRITE, FRAME, NORMAL, { size: 2 * PAGE });
  m.tables.map(EXECUTE, FRAME, NORMAL | EL0 | READ_ONLY, { size: 2 * PAGE });
  m.write(FRAME + PAGE - 8, assemble(loop(1)).bytes);
  m.write(OTHER, assemble(loop(5)).bytes.subarray(8));
  return m;
}

/** Runs the loop sixty times over from the driver at CODE, behind `first`; gives what x4 became. */
function run(m: Machine, first = ''): bigint {
  m.program(`${first}\nmov x6, #60\nblr x20\nhvc #0`);
  m.level(1);
  for (const [name, value] of Object.entries({ x0: 0n, x3: 7n, x4: 0n })) m.set(name, value);
  m.set('x20', EXECUTE + BigInt(PAGE - 8));
  m.set('pc', BigInt(CODE));
  expect(m.go()).toBe('request');
  expect(m.taken().vector).toBe(-1);
  expect(m.get('x0')).toBe(420n);
  return m.get('x4');
}

describe('a loop on two pages', () => {
  it('does what it says, again and again', () => {
    const m = machine();
    for (let n = 0; n < 4; n++) expect(run(m)).toBe(60n);
  });

  it('follows a store to its second page', () => {
    const m = machine();
    for (let n = 0; n < 3; n++) expect(run(m)).toBe(60n);
    const word = new DataView(assemble('add x4, x4, #9').bytes.buffer).getUint32(0, true);
    m.set('x1', BigInt(word));
    m.set('x2', WRITE + BigInt(PAGE));
    expect(run(m, 'str w1, [x2]\ndc cvau, x2\ndsb ish\nic ialluis\ndsb ish\nisb')).toBe(540n);
    expect(run(m)).toBe(540n);
  });

  it('goes on where its second page is mapped now', () => {
    const m = machine();
    for (let n = 0; n < 3; n++) expect(run(m)).toBe(60n);
    const remap = (pa: number): void => m.tables.map(EXECUTE + BigInt(PAGE), pa, NORMAL | EL0 | READ_ONLY);
    const forget = 'tlbi vmalle1\ndsb ish\nisb';
    remap(OTHER);
    expect(run(m, forget)).toBe(300n);
    for (let n = 0; n < 3; n++) expect(run(m)).toBe(300n);
    remap(FRAME + PAGE);
    expect(run(m, forget)).toBe(60n);
    expect(run(m)).toBe(60n);
  });

  it('ends its slices where the interpreter does, whatever its second page leaves to that', () => {
    const state = (translate: boolean): bigint[] => {
      translateBoards(translate ? { threshold: 3, batch: 1 } : false);
      const m = machine();
      // Each load meets another page, which the TLB does not have.
      m.write(
        FRAME + PAGE - 8,
        assemble('1: add x0, x0, x3\nnop\nlsl x9, x6, #12\nldr x9, [x10, x9]\nsubs x6, x6, #1\nb.ne 1b\nret').bytes,
      );
      m.tables.map(0x5000_0000n, DATA, NORMAL, { size: 64 * PAGE });
      m.program('mov x6, #60\nblr x20\nmov x6, #60\nblr x20\nhvc #0');
      m.level(1);
      m.set('x0', 0n);
      m.set('x3', 7n);
      m.set('x10', 0x5000_0000n);
      m.set('x20', EXECUTE + BigInt(PAGE - 8));
      m.set('pc', BigInt(CODE));
      const seen: bigint[] = [];
      for (let n = 0; n < 1000; n++) {
        m.set32('exitRequest', 0);
        const reason = m.engine.run(m.vcpu, 13 + (n % 7));
        seen.push(m.get('x0'), m.get('x6'), m.get('pc'), m.get('instructions'));
        if (reason !== 'budget') break;
      }
      return seen;
    };
    expect(state(true)).toEqual(state(false));
  });
});
