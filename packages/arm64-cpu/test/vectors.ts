/** Runs instruction vectors: EL0, MMU on, from a page full of BRK; see fixtures/README.md for the format. */

import { disassemble } from '../src/asm/disassemble.ts';
import { V_OFFSET } from '../src/state.ts';
import { RAM_BASE, TestBoard, type Translate } from './board.ts';
import { DATA_BYTES, parseVectors, USUAL_DATA, usualV, usualX, type VectorCase } from './vector-file.ts';

const DATA = RAM_BASE + 0x1000_0000;
const CODE = DATA + 0x10800;
const STACK = 0x5000_1000n;
const VECTORS = RAM_BASE + 0x20_0000;
const STAGE1 = RAM_BASE + 0x10_0000;
const HVC = 0xd4000002;
const BRK = 0xd4200000;

/** FPSR.IXC, and the fields of FPCR that change results: AHP, DN, FZ, RMode. */
const IXC = 0x10n;
const FPCR_MODES = 0x07c00000;

/** Executes cases. */
export class VectorRunner {
  readonly #board: TestBoard;

  constructor(translate: Translate) {
    const b = new TestBoard({ ramMiB: 272, translate });
    this.#board = b;
    // EL0 may read, write and execute everything but the page of exception vectors (AP = 01, then 00).
    b.identityStage1(STAGE1, 272, (va) => (va === VECTORS ? 0x700n : 0x740n));
    for (let at = 0; at < 0x800; at += 0x80) b.write(VECTORS + at, [HVC]);
    b.write(CODE & ~0xfff, new Array(1024).fill(BRK));
  }

  /**
   * Runs one case; `undefined` if everything is as it should be, else what differs. `inexact`: FPSR.IXC is set before,
   * which opens the native floating-point paths and changes nothing else.
   */
  run(c: VectorCase, inexact = false): string[] | undefined {
    const b = this.#board;
    const x = Array.from({ length: 31 }, (_, i) => usualX(i));
    x[31] = STACK;
    const v = Array.from({ length: 32 }, (_, i) => usualV(i));
    const data = USUAL_DATA.slice();
    for (const [r, value] of c.x) x[r] = value;
    for (const [r, low, high] of c.v) v[r] = [low, high];
    for (const [offset, bytes] of c.memory) data.set(bytes, offset);
    b.set32('el', 0);
    b.set32('spsel', 0);
    b.set32('daif', 0);
    b.set32('exitRequest', 0);
    b.set32('faultKind', 0);
    b.set32('exclusiveAddress', -1);
    b.set('VBAR_EL1', BigInt(VECTORS));
    for (let i = 0; i < 31; i++) b.set(`x${i}`, x[i]!);
    b.set('sp', x[31]!);
    this.#setV(v);
    b.set('FPCR', BigInt(c.fpcr));
    b.set('FPSR', inexact ? IXC : 0n);
    b.set32('fpFast', inexact && (c.fpcr & FPCR_MODES) === 0 ? 1 : 0);
    this.#setNzcv(c.nzcv);
    b.bytes.set(data, b.at(DATA));
    b.write(CODE, c.words);
    b.set('pc', BigInt(CODE));
    const reason = b.engine.run(b.vcpu, 100_000);
    b.write(CODE, new Array(c.words.length).fill(BRK));

    const want = c.result;
    for (const [r, value] of want.x) x[r] = value;
    for (const [r, low, high] of want.v) v[r] = [low, high];
    for (const [offset, bytes] of want.memory) data.set(bytes, offset);
    const wrong: string[] = [];
    const check = (what: string, got: bigint, expected: bigint): void => {
      if (got !== expected) wrong.push(`${what}: got ${got.toString(16)}, expected ${expected.toString(16)}`);
    };
    if (reason !== 'request') wrong.push(`stopped by ${reason}`);
    check('esr class', b.get('ESR_EL1') >> 26n, 0x3cn);
    check('pc', (b.get('ELR_EL1') - BigInt(CODE)) / 4n, BigInt(want.pc));
    for (let i = 0; i < 31; i++) check(`x${i}`, b.get(`x${i}`), x[i]!);
    check('sp', b.get('SP_EL0'), x[31]!);
    for (let i = 0; i < 32; i++) {
      check(`v${i} low`, this.#v(i, 0), v[i]![0]);
      check(`v${i} high`, this.#v(i, 8), v[i]![1]);
    }
    check('nzcv', (b.get('SPSR_EL1') >> 28n) & 15n, BigInt(want.nzcv));
    check('fpsr', b.get('FPSR'), BigInt(want.fpsr) | (inexact ? IXC : 0n));
    check('fpcr', b.get('FPCR'), BigInt(want.fpcr));
    const at = b.at(DATA);
    for (let k = 0; k < DATA_BYTES; k++) {
      if (b.bytes[at + k] !== data[k]) {
        wrong.push(`memory +${k}: got ${b.bytes[at + k]!.toString(16)}, expected ${data[k]!.toString(16)}`);
        break;
      }
    }
    return wrong.length === 0 ? undefined : wrong;
  }

  #setNzcv(nzcv: number): void {
    const b = this.#board;
    b.set('flagN', nzcv & 8 ? 1n << 63n : 0n);
    b.set('flagZ', nzcv & 4 ? 0n : 1n);
    b.set32('flagC', (nzcv >> 1) & 1);
    b.set32('flagV', nzcv & 1);
  }

  #setV(v: readonly [bigint, bigint][]): void {
    for (let i = 0; i < 32; i++) {
      const at = this.#board.vcpu + V_OFFSET + 16 * i;
      this.#board.view.setBigUint64(at, v[i]![0], true);
      this.#board.view.setBigUint64(at + 8, v[i]![1], true);
    }
  }

  #v(i: number, half: number): bigint {
    return this.#board.view.getBigUint64(this.#board.vcpu + V_OFFSET + 16 * i + half, true);
  }
}

/** An instruction word as assembly, where the table has it. */
const textOf = (word: number): string => disassemble(word, BigInt(CODE)) ?? word.toString(16).padStart(8, '0');

/** Whether the case reads or writes system registers, FPSR perhaps among them. */
const touchesFpsr = (c: VectorCase): boolean => c.words.some((w) => w >>> 24 === 0xd5);

/** Which cases are run, and how. */
export interface VectorOptions {
  /** Only classes that match. */
  readonly filter?: RegExp | undefined;
  /** Default: interpreted. */
  readonly translate?: Translate;
  /** Only every n-th case. */
  readonly step?: number;
}

/** Runs cases of a file, each with FPSR.IXC clear and set; gives the counts and the first failures, as text. */
export function runVectors(
  bytes: Uint8Array,
  { filter, translate = false, step = 1 }: VectorOptions = {},
): { passed: number; failed: number; failures: string[]; classes: Map<string, number> } {
  const runner = new VectorRunner(translate);
  const failures: string[] = [];
  const classes = new Map<string, number>();
  let passed = 0;
  let failed = 0;
  for (const [n, c] of parseVectors(bytes).entries()) {
    if (n % step !== 0 || (filter && !filter.test(c.className))) continue;
    const wrong = runner.run(c) ?? (touchesFpsr(c) ? undefined : runner.run(c, true));
    if (!wrong) {
      passed++;
      continue;
    }
    failed++;
    classes.set(c.className, (classes.get(c.className) ?? 0) + 1);
    if (failures.length < 20) {
      failures.push(
        `${c.className} [${c.words.map(textOf).join('; ')}] ${JSON.stringify({ x: c.x, v: c.v, fpcr: c.fpcr, nzcv: c.nzcv }, (_, e) => (typeof e === 'bigint' ? e.toString(16) : e))}\n    ${wrong.slice(0, 4).join('\n    ')}`,
      );
    }
  }
  return { passed, failed, failures, classes };
}
