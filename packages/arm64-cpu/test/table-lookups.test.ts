/** Loops that look tables up, whose accesses remember the page of the last one. */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { translateBoards } from './board.ts';
import { DATA, Machine, NORMAL, READ_ONLY } from './machine.ts';

const PAGES = 8;
const TABLE = 0x7000_0000n;
const LAST_PAGE = -0x1000n;

/** Rows `access` look up at x0 + x4, of any alignment within the table, 400 times; x7 hashes what they give. */
const loop = (accesses: readonly string[]): string => `
  mov x6, #400
  1: madd x3, x3, x8, x9
  lsr x4, x3, #49
  ${accesses.join('\n')}
  eor x7, x5, x7, ror #7
  subs x6, x6, #1
  b.ne 1b`;

/** Pages of the table in another order than their frames, the last of them read-only if `closed`. */
function machine(translate: Parameters<typeof translateBoards>[0], closed: boolean): Machine {
  translateBoards(translate);
  const m = new Machine();
  for (let n = 0; n < PAGES; n++) {
    const rights = closed && n === PAGES - 1 ? READ_ONLY : 0n;
    m.tables.map(TABLE + BigInt(n * 0x1000), DATA + ((n * 5 + 3) % PAGES) * 0x2000, NORMAL | rights);
  }
  for (let n = 0; n < 0x4000; n++) m.bytes[m.at(DATA) + n * 4] = n * 7;
  m.set('x8', 6364136223846793005n);
  m.set('x9', 1442695040888963407n);
  return m;
}

const access = fc.constantFrom(
  'ldr w5, [x0, x4]',
  'ldr x5, [x0, x4]',
  'ldrb w5, [x0, x4]',
  'ldrsh x5, [x0, x4]',
  'str w7, [x0, x4]',
  'strb w3, [x0, x4]',
  'str x3, [x0, x4]',
  'str q0, [x0, x4]',
  'ldr q0, [x0, x4]',
  'and x4, x4, #0x7f8',
  'and x4, x4, #0xfffffffffffffff8',
  'mov x5, x4',
);

it('gives what the interpreter gives, over several pages, across their ends and where a page is not to be written', () => {
  fc.assert(
    fc.property(fc.array(access, { minLength: 1, maxLength: 6 }), fc.boolean(), fc.bigInt(), (list, closed, seed) => {
      const translated = ([0, 1, 2] as const).map((care) => ({ threshold: 3, batch: 1, care }));
      const outcomes = [false, ...translated].map((how) => {
        const m = machine(how, closed);
        m.set('x0', TABLE);
        m.set('x3', BigInt.asUintN(64, seed));
        const { vector, esr, far, elr } = m.exec(loop(list));
        const registers = ['x3', 'x4', 'x5', 'x6', 'x7'].map((name) => m.get(name));
        const ram = Buffer.from(m.bytes.subarray(m.at(DATA), m.at(DATA) + PAGES * 0x2000)).toString('base64');
        return { vector, esr, far, elr, registers, ram };
      });
      for (const outcome of outcomes) expect(outcome).toEqual(outcomes[0]);
    }),
    { numRuns: 40 },
  );
});

it('remembers no page before there was an access', () => {
  for (const how of [false, { threshold: 0, batch: 1 }]) {
    const m = machine(how, false);
    m.set('x0', BigInt.asUintN(64, LAST_PAGE));
    expect(m.exec(loop(['ldrb w5, [x0, x4]', 'and x4, x4, #1'])).vector).toBe(0x200);
    expect(m.get('x6')).toBe(400n);
  }
});
translateBoards(undefined);
