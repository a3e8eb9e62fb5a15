/** Random control flow: loops in loops, loops one behind another, ways that meet; translated as interpreted. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { assemble } from '../src/asm/assemble.ts';
import { TRANSLATE_ALL, TRANSLATE_CAREFULLY, TRANSLATE_UNALIGNED, type Translate, translateBoards } from './board.ts';
import { CODE, DATA, Machine } from './machine.ts';

/** What a block does, on few registers, so that what one block writes others read. */
const WORK = [
  'add x1, x1, x2',
  'eor x2, x3, x1, ror #7',
  'mov x3, #5',
  'csel x4, x1, x2, hi',
  'adds x5, x5, x4',
  'cmp w2, w3',
  'str x1, [x20, #8]',
  'ldr x4, [x20, #8]',
  'ldp x2, x5, [x20]',
  'stp x4, x3, [x20, #-16]!\nadd x20, x20, #16',
  'ldrb w3, [x20, #1]',
  'bl leaf',
  'adr x6, flags\nblr x6',
  'bl condition',
  'bl outer',
  'bl lanes',
  // The page is not there: to the vectors and back, inside of a call.
  'bl fault',
  // It comes back behind the next instruction, or never.
  'bl skip\nnop',
  'bl away',
  // Deeper than regions call each other.
  'mov x9, #60\nbl deep',
  'fmov d1, x1',
  'add v2.2d, v2.2d, v1.2d',
  'fmov x2, d2',
  'ins v3.d[1], x5',
  // The page is not there: to the vectors and back.
  'ldr x1, [x21]',
  'mrs x4, nzcv',
];

const CONDITIONS = ['eq', 'ne', 'cs', 'mi', 'hi', 'ge', 'lt'];

/** The place of `b.eq` among the ends. */
const ENDS_EQ = CONDITIONS.indexOf('eq');

/** How a block ends, between two others. */
type End = (to: string) => string;
const ENDS: readonly End[] = [
  ...CONDITIONS.map(
    (c): End =>
      (to) =>
        `b.${c} ${to}`,
  ),
  (to) => `cbz x4, ${to}`,
  (to) => `tbnz x1, #3, ${to}`,
  (to) => `b ${to}`,
  (to) => `adr x6, ${to}\nbr x6`,
  () => '',
];

interface Block {
  readonly work: readonly number[];
  readonly end: number;
  readonly to: number;
}

const program = fc.array(
  fc.record({
    work: fc.array(fc.nat(WORK.length - 1), { maxLength: 4 }),
    end: fc.nat(ENDS.length - 1),
    to: fc.nat(11),
  }),
  { minLength: 2, maxLength: 12 },
);

/** Each block takes one from x28, and the program ends where nothing is left of it. */
function source(blocks: readonly Block[]): string {
  const lines = blocks.flatMap(({ work, end, to }, n) => [
    `p${n}: sub x28, x28, #1`,
    'cbz x28, done',
    ...work.map((w) => WORK[w]!),
    ENDS[end]!(`p${to % blocks.length}`),
  ]);
  return [...lines, 'done: hvc #0', FUNCTIONS].join('\n');
}

/** What blocks call; x22 is a stack. */
const FUNCTIONS = `
leaf:      add x5, x5, x30
           ret
flags:     cmp x1, x5
           ret
condition: cset x3, hi
           ret
outer:     str x30, [x22], #8
           bl leaf
           adds x4, x4, x5
           bl condition
           ldr x30, [x22, #-8]!
           ret
lanes:     mul v1.4s, v2.4s, v3.4s
           fadd d3, d1, d2
           ret
fault:     ldr x1, [x21]
           add x2, x2, #1
           ret
skip:      add x30, x30, #4
           ret
away:      sub x28, x28, #1
           cbnz x28, p0
           b done
deep:      str x30, [x22], #8
           subs x9, x9, #1
           b.eq 1f
           bl deep
           add x1, x1, #1
1:         ldr x30, [x22, #-8]!
           ret
`;

const VECTOR = 'add x7, x7, #1\nmrs x6, elr_el1\nadd x6, x6, #4\nmsr elr_el1, x6\neret';

/** Registers, flags and memory, each time a slice ends. */
function run(code: Uint8Array, slices: readonly number[], translate: Translate): unknown[] {
  translateBoards(translate);
  const m = new Machine();
  m.write(CODE, code);
  m.write(CODE + 0x1200, assemble(VECTOR).bytes);
  m.level(1);
  m.set('VBAR_EL1', BigInt(CODE + 0x1000));
  for (let n = 0; n < 8; n++) m.set(`x${n}`, BigInt(n) * 0x1234_5678_9abcn);
  m.set('x20', BigInt(DATA + 64));
  m.set('x21', 0x5000_0000_0000n);
  m.set('x22', BigInt(DATA + 4096));
  m.set('x28', 200n);
  m.set('pc', BigInt(CODE));
  const seen: unknown[] = [];
  for (let n = 0; n < 2000; n++) {
    m.set32('exitRequest', 0);
    const reason = m.engine.run(m.vcpu, slices[n % slices.length]!);
    const names = [
      'x1',
      'x2',
      'x3',
      'x4',
      'x5',
      'x6',
      'x7',
      'x20',
      'x28',
      'x30',
      'pc',
      'instructions',
      'flagN',
      'flagZ',
    ];
    const flags = [m.get('flagN') >> 63n, m.get('flagZ') === 0n, m.get32('flagC'), m.get32('flagV')];
    seen.push([...names.slice(0, 12).map((name) => m.get(name)), ...flags]);
    if (reason !== 'budget') break;
  }
  return [seen, m.bytes.slice(m.vcpu + 0x200, m.vcpu + 0x400), m.bytes.slice(m.at(DATA), m.at(DATA) + 128)];
}

/** Two ways lead behind a loop: out of it, and from a call, which has changed a register of the loop. */
const CALL_BEHIND_LOOP: Block[] = [
  { work: [], end: ENDS_EQ, to: 3 },
  { work: [WORK.indexOf('ldr x4, [x20, #8]')], end: ENDS_EQ, to: 0 },
  { work: [WORK.indexOf('bl outer')], end: ENDS_EQ, to: 2 },
  { work: [WORK.indexOf('bl away')], end: ENDS_EQ, to: 2 },
  { work: [], end: ENDS_EQ, to: 2 },
];

describe('control flow', () => {
  it.each([
    ['from the first branch on', TRANSLATE_ALL],
    ['with unaligned accesses', TRANSLATE_UNALIGNED],
    ['carefully', TRANSLATE_CAREFULLY],
    ['once a branch has been taken twenty times', { threshold: 20, batch: 1 }],
  ])('of any kind does in translated code what it does interpreted: translated %s', (_, translate) => {
    fc.assert(
      fc.property(
        program,
        fc.array(fc.integer({ min: 1, max: 2000 }), { minLength: 1, maxLength: 5 }),
        (blocks, slices) => {
          const { bytes } = assemble(source(blocks), { origin: BigInt(CODE) });
          expect(run(bytes, slices, translate)).toEqual(run(bytes, slices, false));
        },
      ),
      { numRuns: 300, examples: [[CALL_BEHIND_LOOP, [130]]] },
    );
  });
});
