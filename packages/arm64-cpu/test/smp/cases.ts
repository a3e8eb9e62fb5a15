/** Programs on several vCPUs with an invariant of their own: pairs of 16 bytes, code, translations, time. */
import { expect } from 'vitest';
import { RAM_BASE, type SmpBoard } from './board.ts';

const DATA = RAM_BASE + 0x100_0000;
/** A page that two frames take turns at. */
const PAGE = RAM_BASE + 0x180_0000;
const FRAMES = [RAM_BASE + 0x140_0000, RAM_BASE + 0x140_1000];

export interface Case {
  readonly name: string;
  readonly runs: number;
  readonly longRuns: number;
  /** Each run executes code that was not there before. */
  readonly writesCode?: boolean;
  run(board: SmpBoard, runs: number): Promise<void>;
}

/** Begins when all threads have come here. */
const BARRIER = RAM_BASE + 0x2_0000;
const MEET = `
    mov  x16, #${BARRIER}
    mov  w17, #-1
    ldaddal w17, w18, [x16]
  80: ldar w17, [x16]
    cbz  w17, 81f
    wfe
    b    80b
  81:`;

type Registers = Record<string, number>;

/** Runs one program on each vCPU until all have called HVC. */
async function together(board: SmpBoard, programs: readonly string[], registers: Registers): Promise<void> {
  const pcs = programs.map((source) => board.program(`${MEET}\n${source}\nhvc #0`));
  board.view.setInt32(board.at(BARRIER), programs.length, true);
  await Promise.all(
    pcs.map((pc, n) => {
      board.reset(n);
      board.mmuOn(n);
      for (const [name, value] of Object.entries(registers)) board.set(n, name, BigInt(value));
      return board.run(n, n, pc);
    }),
  );
}

const read64 = (board: SmpBoard, pa: number): bigint => board.view.getBigUint64(board.at(pa), true);
const clear = (board: SmpBoard): void => {
  new Uint8Array(board.memory.buffer, board.at(DATA), 0x10000).fill(0);
};

const CASP_ADD = `
  1: ldp x2, x3, [x0]
  2: mov x8, x2
    mov x9, x3
    add x4, x2, #1
    add x5, x3, #1
    caspal x2, x3, x4, x5, [x0]
    cmp x2, x8
    ccmp x3, x9, #0, eq
    b.ne 2b
    subs x1, x1, #1
    b.ne 1b`;
const STXP_ADD = `
  1: ldaxp x2, x3, [x0]
    add x4, x2, #1
    add x5, x3, #1
    stlxp w6, x4, x5, [x0]
    cbnz w6, 1b
    subs x1, x1, #1
    b.ne 1b`;
/** Each swaps (n, m) for (n + 1, m + 1), x1 times. */
const writers = { CASP: CASP_ADD, 'LDXP and STXP': STXP_ADD };

/** Waits until the word at `at` is x2: a while busily, then by WFE, so that the other thread gets a core. */
const until = (at: string): string => `
  90: mov w14, #300
  91: ldar x4, [${at}]
    cmp x4, x2
    b.eq 92f
    subs w14, w14, #1
    b.ne 91b
    wfe
    b 90b
  92:`;

/** Counts in x10 that what must not be was seen, by a condition. */
const SEEN = 'cinc x10, x10, ';

const pairCases: Case[] = Object.entries(writers).flatMap(([name, writer]): Case[] => [
  {
    name: `${name} on two vCPUs loses no update of either half`,
    runs: 20_000,
    longRuns: 1_000_000,
    async run(board, runs) {
      clear(board);
      await together(board, [writer, writer], { x0: DATA, x1: runs });
      expect([read64(board, DATA), read64(board, DATA + 8)]).toEqual([BigInt(2 * runs), BigInt(2 * runs)]);
    },
  },
  ...[0, 8].flatMap((half): Case[] => [
    {
      name: `${name} and 8-byte atomics on the half at ${half} lose no update`,
      runs: 20_000,
      longRuns: 1_000_000,
      async run(board, runs) {
        clear(board);
        const step = 2 ** 32;
        const adder = `add x0, x0, #${half}\n1: ldaddal x11, x12, [x0]\nsubs x1, x1, #1\nb.ne 1b`;
        const exclusive = `add x0, x0, #${half}\n1: ldxr x12, [x0]\nadd x12, x12, x11\nstxr w13, x12, [x0]\ncbnz w13, 1b\nsubs x1, x1, #1\nb.ne 1b`;
        await together(board, [writer, adder, exclusive], { x0: DATA, x1: runs, x11: step });
        const sum = BigInt(runs) + BigInt(2 * runs) * BigInt(step);
        expect(read64(board, DATA + half)).toBe(sum);
        expect(read64(board, DATA + (8 - half))).toBe(BigInt(runs));
      },
    },
    {
      name: `${name} never takes back a plain store to the half at ${half}`,
      runs: 20_000,
      longRuns: 1_000_000,
      async run(board, runs) {
        clear(board);
        // The pair's writer keeps the half as it is; the storer reads its own store back.
        const keep = writer.replace(
          half === 0 ? 'add x4, x2, #1' : 'add x5, x3, #1',
          half === 0 ? 'mov x4, x2' : 'mov x5, x3',
        );
        const storer = `
          add x0, x0, #${half}
          1: str x1, [x0]
          ldr x12, [x0]
          ldr x13, [x0]
          ldr x14, [x0]
          cmp x12, x1
          ccmp x13, x1, #0, eq
          ccmp x14, x1, #0, eq
          ${SEEN} ne
          subs x1, x1, #1
          b.ne 1b`;
        await together(board, [keep, storer], { x0: DATA, x1: runs, x10: 0 });
        expect(board.get(1, 'x10')).toBe(0n);
      },
    },
  ]),
  {
    name: `${name}: who reads one half, then the other, never sees the second older`,
    runs: 20_000,
    longRuns: 1_000_000,
    async run(board, runs) {
      clear(board);
      const reader = `
        1: ldar x2, [x0]
        ldr x3, [x0, #8]
        cmp x3, x2
        ${SEEN} lo
        add x4, x0, #8
        ldar x3, [x4]
        ldr x2, [x0]
        cmp x2, x3
        ${SEEN} lo
        subs x1, x1, #1
        b.ne 1b`;
      await together(board, [writer, reader], { x0: DATA, x1: runs, x10: 0 });
      expect(board.get(1, 'x10')).toBe(0n);
    },
  },
  {
    name: `${name}: a CASP that fails gives both halves of one moment`,
    runs: 20_000,
    longRuns: 1_000_000,
    async run(board, runs) {
      clear(board);
      const reader = `
        mov x15, #-1
        1: mov x2, x15
        mov x3, x15
        caspal x2, x3, x4, x5, [x0]
        cmp x2, x3
        ${SEEN} ne
        subs x1, x1, #1
        b.ne 1b`;
      await together(board, [writer, reader], { x0: DATA, x1: runs, x10: 0 });
      expect(board.get(1, 'x10')).toBe(0n);
    },
  },
]);

const counters: Case[] = [
  ['LDXR and STXR', '1: ldxr x2, [x0]\nadd x2, x2, #1\nstxr w3, x2, [x0]\ncbnz w3, 1b'],
  ['LDADD', '1: ldadd x7, x2, [x0]'],
  ['CAS', '1: ldr x2, [x0]\n2: mov x4, x2\nadd x3, x2, #1\ncas x2, x3, [x0]\ncmp x2, x4\nb.ne 2b'],
].map(([name, body]) => ({
  name: `${name}: a count of four vCPUs is exact`,
  runs: 20_000,
  longRuns: 1_000_000,
  async run(board, runs) {
    clear(board);
    const program = `${body}\nsubs x1, x1, #1\nb.ne 1b`;
    await together(board, [program, program, program, program], { x0: DATA, x1: runs, x7: 1 });
    expect(read64(board, DATA)).toBe(BigInt(4 * runs));
  },
}));

const passed: Case[] = [
  {
    name: 'message passing through code: what was written, cleaned and announced is executed',
    writesCode: true,
    runs: 1000,
    longRuns: 1_000_000,
    async run(board, runs) {
      clear(board);
      // mov w5, #n; ret: the writer changes n.
      const target = board.program('mov w5, #0\nret');
      const writer = `
        mov x2, #0
        1: add x2, x2, #1
        movz w3, #0x5, lsl #0
        movk w3, #0x5280, lsl #16
        and w4, w2, #0xffff
        orr w3, w3, w4, lsl #5
        str w3, [x22]
        dc cvau, x22
        dsb ish
        ic ivau, x22
        dsb ish
        isb
        stlr x2, [x20]
        ${until('x21')}
        cmp x2, x1
        b.ne 1b`;
      const reader = `
        mov x2, #0
        1: add x2, x2, #1
        ${until('x20')}
        isb
        blr x22
        and w4, w2, #0xffff
        cmp w5, w4
        ${SEEN} ne
        stlr x2, [x21]
        cmp x2, x1
        b.ne 1b`;
      await together(board, [writer, reader], { x0: 0, x1: runs, x10: 0, x20: DATA, x21: DATA + 128, x22: target });
      expect(board.get(1, 'x10')).toBe(0n);
    },
  },
  {
    name: 'no vCPU reads a counter smaller than one that another read before it',
    runs: 2000,
    longRuns: 1_000_000,
    async run(board, runs) {
      clear(board);
      const player = (mine: string, other: string, first: boolean): string => `
        mov x2, #${first ? 0 : 1}
        1: ${until(mine)}
        isb
        mrs x5, cntvct_el0
        ldr x6, [x22]
        cmp x5, x6
        ${SEEN} lo
        str x5, [x22]
        add x3, x2, #1
        stlr x3, [${other}]
        add x2, x2, #2
        subs x1, x1, #1
        b.ne 1b`;
      // Each waits at its own word; the first begins at once.
      const programs = [player('x20', 'x21', true), player('x21', 'x20', false)];
      await together(board, programs, { x1: runs, x10: 0, x20: DATA, x21: DATA + 128, x22: DATA + 256 });
      expect([board.get(0, 'x10'), board.get(1, 'x10')]).toEqual([0n, 0n]);
    },
  },
  {
    name: 'behind TLBI and DSB no other vCPU uses the old translation',
    runs: 1000,
    longRuns: 200_000,
    async run(board, runs) {
      clear(board);
      const frames = FRAMES.map((pa) => BigInt(pa));
      board.mmuOn(0);
      const entry = board.mapPage(PAGE, FRAMES[0]!);
      for (const pa of FRAMES) board.view.setBigUint64(board.at(pa), 0n, true);
      // x11, x12: the two descriptors. What a frame holds that is not mapped is all ones.
      const changer = `
        mov x15, #-1
        1: str xzr, [x14]
        str x12, [x22]
        dsb ishst
        tlbi vaae1is, x23
        dsb ish
        isb
        str x15, [x13]
        mov x2, x11
        mov x11, x12
        mov x12, x2
        mov x2, x13
        mov x13, x14
        mov x14, x2
        subs x1, x1, #1
        b.ne 1b
        mov x2, #1
        stlr x2, [x20]`;
      const reader = `
        mov x15, #-1
        1: mov x4, #100
        2: ldr x2, [x24]
        cmp x2, x15
        ${SEEN} eq
        sub x4, x4, #1
        cbnz x4, 2b
        ldar x4, [x20]
        cbz x4, 1b`;
      const attributes = 0x703n;
      await together(board, [changer, reader, reader], {
        x1: runs,
        x10: 0,
        x11: Number(frames[0]! | attributes),
        x12: Number(frames[1]! | attributes),
        x13: FRAMES[0]!,
        x14: FRAMES[1]!,
        x20: DATA,
        x22: entry,
        x23: PAGE / 4096,
        x24: PAGE,
      });
      expect([board.get(1, 'x10'), board.get(2, 'x10')]).toEqual([0n, 0n]);
    },
  },
];

export const CASES: readonly Case[] = [...counters, ...pairCases, ...passed];
