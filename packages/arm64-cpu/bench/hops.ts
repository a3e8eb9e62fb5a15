/**
 * Benchmark: what it costs to go from one region of translated code to the next: calls of functions in other pages, each
 * with its return, at EL1 with the MMU on. Prints nanoseconds for each way from region to region: best of five runs, host
 * CPU time.
 */
import { assemble } from '../src/asm/assemble.ts';
import { RAM_BASE, TestBoard } from '../test/board.ts';

const TABLE = RAM_BASE + 0x20_0000;
const POINTERS = 4096;
const CODE = RAM_BASE + 0x40_0000;
/** Functions are in pages of their own. */
const FUNCTIONS = CODE + 0x2000;
const STRIDE = 0x2000;
const CALLS = 2_000_000;
const SLICE = 1_000_000;

interface Pattern {
  readonly name: string;
  readonly functions: number;
  readonly random: boolean;
}

const PATTERNS: readonly Pattern[] = [
  { name: 'one function', functions: 1, random: false },
  { name: 'two in turn', functions: 2, random: false },
  { name: 'sixteen in turn', functions: 16, random: false },
  { name: 'sixteen at random', functions: 16, random: true },
];

/** Calls what the table of pointers at x0 says, x1 times. */
const LOOP = `
    mov   x10, #0
  1:
    and   x11, x10, #${POINTERS - 1}
    ldr   x12, [x0, x11, lsl #3]
    blr   x12
    add   x10, x10, #1
    cmp   x10, x1
    b.ne  1b
    hvc   #0`;

const addressOf = (n: number): number => FUNCTIONS + n * STRIDE + n * 68;

function makeBoard({ functions, random }: Pattern): TestBoard {
  const board = new TestBoard({ ramMiB: 16, translate: true });
  board.identityStage1(RAM_BASE + 0x10_0000, 16, () => 0x700n);
  board.write(CODE, assemble(LOOP, { origin: BigInt(CODE) }).bytes);
  const body = assemble('add x2, x2, #1\n ret').bytes;
  for (let n = 0; n < functions; n++) board.write(addressOf(n), body);
  const table = new BigUint64Array(board.memory.buffer, board.at(TABLE), POINTERS);
  let seed = 1;
  for (let n = 0; n < POINTERS; n++) {
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
    table[n] = BigInt(addressOf((random ? seed >>> 16 : n) % functions));
  }
  return board;
}

/** One run; gives host CPU time in ns. */
function run(board: TestBoard): number {
  board.set32('el', 1);
  board.set32('spsel', 1);
  board.set32('exitRequest', 0);
  board.set('pc', BigInt(CODE));
  board.set('x0', BigInt(TABLE));
  board.set('x1', BigInt(CALLS));
  const cpu = process.cpuUsage();
  while (board.engine.run(board.vcpu, SLICE) === 'budget');
  const used = process.cpuUsage(cpu);
  return (used.user + used.system) * 1000;
}

for (const pattern of PATTERNS) {
  const board = makeBoard(pattern);
  for (let n = 0; n < 3; n++) run(board);
  let best = Number.POSITIVE_INFINITY;
  for (let n = 0; n < 5; n++) best = Math.min(best, run(board));
  console.log(`${pattern.name.padEnd(20)} ${(best / (2 * CALLS)).toFixed(1).padStart(6)} ns`);
}
