/** Litmus tests: small programs on vCPUs that run at the same time, and outcomes that the architecture forbids. */
import { RAM_BASE, type SmpBoard } from './board.ts';

const BARRIER = RAM_BASE + 0x2_0000;
const OUT = RAM_BASE + 0x40_0000;
const CELLS = RAM_BASE + 0x80_0000;
/** Bytes of one instance: X is at 0, Y at 128. */
const CELL = 256;
/** Instances of a batch. */
const BATCH = 10_000;

export interface Litmus {
  readonly name: string;
  /** Per thread: x1 = &X, x2 = &Y, x7 = 1; results in x5 and x6. */
  readonly threads: readonly string[];
  /** Of each thread's x5 and x6, then the final X and Y. */
  readonly forbidden: (r: readonly (readonly [number, number])[], x: number, y: number) => boolean;
}

/**
 * The threads meet at every instance; who is ahead waits a little, not for ever: the host may have given the others' cores
 * to something else.
 */
const program = (body: string, threads: number): string => `
  loop:
    mov  w9, #1
    ldaddal w9, w10, [x20]
    add  w22, w22, #${threads}
    mov  w11, #100
  meet:
    ldar w10, [x20]
    cmp  w10, w22
    b.ge run
    subs w11, w11, #1
    b.ne meet
  run:
    mov  x5, #0
    mov  x6, #0
    mov  x1, x0
    add  x2, x0, #128
    ${body}
    stp  x5, x6, [x3], #16
    add  x0, x0, #${CELL}
    subs x4, x4, #1
    b.ne loop
    hvc  #0`;

/** Runs a test `runs` times; gives how often each outcome was seen, and how often a forbidden one was. */
export async function runLitmus(
  board: SmpBoard,
  test: Litmus,
  runs: number,
): Promise<{ outcomes: Map<string, number>; forbidden: number }> {
  const count = test.threads.length;
  const pcs = test.threads.map((body) => board.program(program(body, count)));
  const outcomes = new Map<string, number>();
  let forbidden = 0;
  for (let done = 0; done < runs; done += BATCH) {
    new Uint8Array(board.memory.buffer, board.at(CELLS), BATCH * CELL).fill(0);
    board.view.setInt32(board.at(BARRIER), 0, true);
    await Promise.all(
      pcs.map((pc, n) => {
        board.reset(n);
        board.mmuOn(n);
        const registers = { x0: CELLS, x3: OUT + n * BATCH * 16, x4: BATCH, x7: 1, x20: BARRIER, x22: 0 };
        for (const [name, value] of Object.entries(registers)) board.set(n, name, BigInt(value));
        return board.run(n, n, pc);
      }),
    );
    for (let i = 0; i < BATCH; i++) {
      const word = (pa: number): number => board.words[board.at(pa) >>> 2]!;
      const results = pcs.map((_, n): [number, number] => {
        const at = OUT + (n * BATCH + i) * 16;
        return [word(at), word(at + 8)];
      });
      const [x, y] = [word(CELLS + i * CELL), word(CELLS + i * CELL + 128)];
      if (test.forbidden(results, x, y)) forbidden++;
      const key = `${results.map((r) => r.join('')).join(' ')} ${x}${y}`;
      outcomes.set(key, (outcomes.get(key) ?? 0) + 1);
    }
  }
  return { outcomes, forbidden };
}

const writeXY = (between: string): string => `str x7, [x1]\n${between}\nstr x7, [x2]`;
const readYX = (between: string): string => `ldr x5, [x2]\n${between}\nldr x6, [x1]`;
/** Message passing: the flag Y was seen, what it announces was not. */
const stale: Litmus['forbidden'] = ([, reader]) => reader![0] === 1 && reader![1] === 0;
const bothZero: Litmus['forbidden'] = ([a, b]) => a![0] === 0 && b![0] === 0;
const bothOne: Litmus['forbidden'] = ([a, b]) => a![0] === 1 && b![0] === 1;
const swapped = (source: string): string => source.replace(/\[x[12]\]/g, (r) => (r === '[x1]' ? '[x2]' : '[x1]'));

/** Independent reads of independent writes: the readers disagree on the order. */
const disagree: Litmus['forbidden'] = ([, , a, b]) => a![0] === 1 && a![1] === 0 && b![0] === 1 && b![1] === 0;
const symmetric = (source: string): string[] => [source, swapped(source)];

export const LITMUS: readonly Litmus[] = [
  { name: 'MP+dmb+dmb', threads: [writeXY('dmb ish'), readYX('dmb ish')], forbidden: stale },
  { name: 'MP+dmb.st+dmb.ld', threads: [writeXY('dmb ishst'), readYX('dmb ishld')], forbidden: stale },
  { name: 'MP+dmb+addr', threads: [writeXY('dmb ish'), readYX('eor x8, x5, x5\nadd x1, x1, x8')], forbidden: stale },
  { name: 'MP+dmb+ctrl.isb', threads: [writeXY('dmb ish'), readYX('cbz x5, 1f\n1: isb')], forbidden: stale },
  {
    name: 'MP+stlr+ldar',
    threads: ['str x7, [x1]\nstlr x7, [x2]', 'ldar x5, [x2]\nldr x6, [x1]'],
    forbidden: stale,
  },
  {
    name: 'MP+swpl+ldadda',
    threads: ['str x7, [x1]\nswpl x7, xzr, [x2]', 'ldadda xzr, x5, [x2]\nldr x6, [x1]'],
    forbidden: stale,
  },
  { name: 'SB+dmb+dmb', threads: symmetric('str x7, [x1]\ndmb ish\nldr x5, [x2]'), forbidden: bothZero },
  { name: 'SB+dsb+dsb', threads: symmetric('str x7, [x1]\ndsb ish\nldr x5, [x2]'), forbidden: bothZero },
  { name: 'SB+stlr+ldar', threads: symmetric('stlr x7, [x1]\nldar x5, [x2]'), forbidden: bothZero },
  { name: 'SB+swpal', threads: symmetric('swpal x7, x8, [x1]\nldar x5, [x2]'), forbidden: bothZero },
  { name: 'LB+dmb+dmb', threads: symmetric('ldr x5, [x1]\ndmb ish\nstr x7, [x2]'), forbidden: bothOne },
  {
    name: 'LB+data+data',
    threads: symmetric('ldr x5, [x1]\neor x8, x5, x5\nadd x8, x8, #1\nstr x8, [x2]'),
    forbidden: bothOne,
  },
  { name: 'LB+ldar+stlr', threads: symmetric('ldar x5, [x1]\nstlr x7, [x2]'), forbidden: bothOne },
  {
    name: '2+2W+dmb+dmb',
    threads: symmetric('mov x8, #2\nstr x7, [x1]\ndmb ish\nstr x8, [x2]'),
    forbidden: (_, x, y) => x === 1 && y === 1,
  },
  {
    name: 'R+dmb+dmb',
    threads: [writeXY('dmb ish'), 'mov x8, #2\nstr x8, [x2]\ndmb ish\nldr x5, [x1]'],
    forbidden: ([, b], _, y) => y === 2 && b![0] === 0,
  },
  {
    name: 'S+dmb+data',
    threads: [
      'mov x8, #2\nstr x8, [x1]\ndmb ish\nstr x7, [x2]',
      'ldr x5, [x2]\neor x8, x5, x5\nadd x8, x8, #1\nstr x8, [x1]',
    ],
    forbidden: ([, b], x) => b![0] === 1 && x === 2,
  },
  { name: 'CoRR', threads: ['str x7, [x1]', 'ldr x5, [x1]\nldr x6, [x1]'], forbidden: stale },
  {
    name: 'CoWW',
    threads: ['mov x8, #2\nstr x7, [x1]\nstr x8, [x1]', 'ldr x5, [x1]\nldr x6, [x1]'],
    forbidden: ([, b], x) => x !== 2 || b![1] < b![0],
  },
  {
    name: 'CoWR',
    threads: ['str x7, [x1]\nldr x5, [x1]', 'mov x8, #2\nstr x8, [x1]'],
    forbidden: ([a], x) => a![0] === 0 || (a![0] === 2 && x === 1),
  },
  {
    name: 'CoRW',
    threads: ['ldr x5, [x1]\nstr x7, [x1]', 'mov x8, #2\nstr x8, [x1]'],
    forbidden: ([a], x) => a![0] === 1 || (a![0] === 2 && x === 2),
  },
  {
    name: 'IRIW+dmb+dmb',
    threads: ['str x7, [x1]', 'str x7, [x2]', 'ldr x5, [x1]\ndmb ish\nldr x6, [x2]', readYX('dmb ish')],
    forbidden: disagree,
  },
  {
    name: 'IRIW+ldar',
    threads: ['stlr x7, [x1]', 'stlr x7, [x2]', 'ldar x5, [x1]\nldar x6, [x2]', 'ldar x5, [x2]\nldar x6, [x1]'],
    forbidden: disagree,
  },
];

/** Without barriers: outcomes that the architecture allows, and a host may or may not show. */
export const ALLOWED: readonly Litmus[] = [
  { name: 'MP', threads: [writeXY(''), readYX('')], forbidden: stale },
  { name: 'SB', threads: symmetric('str x7, [x1]\nldr x5, [x2]'), forbidden: bothZero },
  { name: 'LB', threads: symmetric('ldr x5, [x1]\nstr x7, [x2]'), forbidden: bothOne },
  {
    name: 'IRIW',
    threads: ['str x7, [x1]', 'str x7, [x2]', 'ldr x5, [x1]\nldr x6, [x2]', readYX('')],
    forbidden: disagree,
  },
];
