/**
 * Benchmark: millions of guest instructions a second over eight loops, at EL1 with the MMU on and a timer that ticks at
 * 250 Hz. Prints each loop, interpreted and translated, and the geometric mean: best of three
 * runs, host CPU time.
 */
import { assemble } from '../src/asm/assemble.ts';
import { RAM_BASE, TestBoard } from '../test/board.ts';
import { LOOPS, type Loop } from './loop-sources.ts';

const BUFFER = RAM_BASE + 0x20_0000;
const CODE = RAM_BASE + 0x40_0000;
const VECTORS = RAM_BASE + 0x60_0000;
const COUNTER_HZ = 62.5e6;
const TICK = COUNTER_HZ / 250;
const SLICE = 200_000;

/** The exception vectors: the timer's interrupt sets the next tick and returns. */
const VECTOR_SOURCE = `
    .space 0x280
    str   x2, [sp, #-16]!
    mov   x2, #${TICK & 0xffff}
    movk  x2, #${TICK >> 16}, lsl #16
    msr   cntv_tval_el0, x2
    ldr   x2, [sp], #16
    eret
    .balign 0x800
    hvc   #0`;

const started = process.hrtime.bigint();
const counter = (): number => (Number(process.hrtime.bigint() - started) / 1e9) * COUNTER_HZ;

function makeBoard(translate: boolean): TestBoard {
  const board: TestBoard = new TestBoard({
    ramMiB: 16,
    translate,
    host: { counter, timerWritten: () => evaluateTimer(board) },
  });
  board.identityStage1(RAM_BASE + 0x10_0000, 16, () => 0x700n);
  const vectors = assemble(VECTOR_SOURCE, { origin: BigInt(VECTORS) });
  board.write(VECTORS, vectors.bytes);
  return board;
}

function evaluateTimer(board: TestBoard): void {
  const fires = board.get32('CNTV_CTL_EL0') === 1 && counter() >= Number(board.get('CNTV_CVAL_EL0'));
  board.set32('interruptLines', fires ? 1 : 0);
}

function fillBuffer(board: TestBoard): void {
  const at = board.at(BUFFER);
  const words = new Uint32Array(board.memory.buffer, at, 0x40000);
  let seed = 12345;
  for (let i = 0; i < words.length; i++) {
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
    words[i] = seed;
  }
  for (let n = 0; n < 256; n++) {
    let c = n;
    for (let k = 0; k < 8; k++) c = c & 1 ? (c >>> 1) ^ 0xedb88320 : c >>> 1;
    words[n] = c;
  }
  // An odd multiplier and an odd increment: one cycle through all 32,768 words.
  for (let i = 0; i < 0x8000; i++) words[0x8000 + i] = (Math.imul(i, 20021) + 7919) & 0x7fff;
  const doubles = new Float64Array(board.memory.buffer, at + 0x40000, 2 * 64 * 64);
  for (let i = 0; i < doubles.length; i++) doubles[i] = ((i * 37) % 101) / 7;
}

/** One run; gives host CPU seconds and guest instructions. */
function run(board: TestBoard, count: number): { seconds: number; instructions: number } {
  fillBuffer(board);
  board.set32('el', 1);
  board.set32('spsel', 1);
  board.set32('daif', 0);
  board.set32('exitRequest', 0);
  board.set('VBAR_EL1', BigInt(VECTORS));
  board.set('pc', BigInt(CODE));
  board.set('x0', BigInt(BUFFER));
  board.set('x1', BigInt(count));
  board.set('x30', BigInt(VECTORS + 0x800));
  board.set('sp', BigInt(BUFFER + 0xf0000));
  board.set('CNTV_CVAL_EL0', BigInt(Math.floor(counter())));
  board.set32('CNTV_CTL_EL0', 1);
  const before = Number(board.get('instructions'));
  const cpu = process.cpuUsage();
  let reason = 'budget';
  while (reason === 'budget') {
    evaluateTimer(board);
    reason = board.engine.run(board.vcpu, SLICE);
  }
  const used = process.cpuUsage(cpu);
  return { seconds: (used.user + used.system) / 1e6, instructions: Number(board.get('instructions')) - before };
}

/** The best of three runs, in millions of instructions a second; x0 at the end is the loop's checksum. */
function measure(loop: Loop, translate: boolean): { mips: number; checksum: bigint } {
  const board = makeBoard(translate);
  board.write(CODE, assemble(loop.source, { origin: BigInt(CODE) }).bytes);
  run(board, Math.ceil(loop.count / 4));
  let mips = 0;
  for (let i = 0; i < 3; i++) {
    const { seconds, instructions } = run(board, loop.count);
    mips = Math.max(mips, instructions / seconds / 1e6);
  }
  return { mips, checksum: board.get('x0') };
}

const row = (name: string, interpreted: number, translated: number, rest = ''): void =>
  console.log(
    `${name.padEnd(22)} ${interpreted.toFixed(0).padStart(6)} ${translated.toFixed(0).padStart(6)} MIPS ${(translated / interpreted).toFixed(2).padStart(6)}   ${rest}`,
  );
console.log(`${'loop'.padEnd(22)} interp. transl.     ratio   checksum`);
const results = LOOPS.map((loop) => {
  const [interpreted, translated] = [measure(loop, false), measure(loop, true)];
  if (interpreted.checksum !== translated.checksum) throw new Error(`${loop.name}: the checksums differ`);
  row(loop.name, interpreted.mips, translated.mips, translated.checksum.toString(16));
  return [interpreted.mips, translated.mips] as const;
});
const mean = (which: 0 | 1): number =>
  Math.exp(results.reduce((sum, r) => sum + Math.log(r[which]), 0) / results.length);
row('geometric mean', mean(0), mean(1));
