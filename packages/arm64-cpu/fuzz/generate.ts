/** Makes cases from a seed: the start state and a sequence of instructions that stays inside the data area. */
import { integerBits, nearBits, Random, vectorBits } from './random.ts';
import {
  AREA,
  BRK,
  CODE,
  CODE_BYTES,
  DATA,
  DATA_BYTES,
  FPCR,
  FPSR,
  MAX_WORDS,
  NZCV,
  PC,
  RECORD_BYTES,
  recordAt,
  SP,
  TPIDR_EL0,
  V,
  WORDS,
  X,
} from './record.ts';
import { type Group, groupsOf } from './rows.ts';
import { FPCR_BITS, FPSR_BITS } from './rules.ts';
import { Sequence } from './sequence.ts';

/** Most instructions of a case. */
export const MAX_INSTRUCTIONS = 16;
/** Rows drawn for a case before it stays as short as it is. */
const MAX_DRAWS = 200;
const POOL_BYTES = 65536;

/** The stream of a seed that makes the bytes of data areas; cases are numbered below it. */
const AREA_STREAM = 0xffff_ffff;

const modes = (r: Random): number => (r.oneIn(2) ? 0 : r.u32() & FPCR_BITS);
/** All flags clear, IXC alone as most programs have it, or any. */
const flags = (r: Random): number => r.pick([0, 0x10, 0x10, r.u32() & FPSR_BITS]);

const PAGE_BYTES = 4096;

/** An X register: a place in the data area, perhaps at its page boundary, a small number, or any. */
function generalBits(r: Random): bigint {
  const what = r.below(10);
  if (what === 0) return BigInt(DATA + PAGE_BYTES - 16 + r.below(32));
  if (what < 4) return BigInt(DATA + 64 * (1 + r.below(DATA_BYTES / 64 - 2)) + (r.oneIn(3) ? r.below(64) : 0));
  if (what < 6) return BigInt.asUintN(64, BigInt(r.below(512) - 128));
  return integerBits(r, r.pick([32, 64, 64]));
}

/** Register numbers. */
const pool = (r: Random, size: number): number[] => Array.from({ length: size }, () => r.below(32));

export class Generator {
  readonly #seed: number;
  readonly #groups: readonly Group[];
  readonly #bytes = new Uint8Array(POOL_BYTES);

  /** `filter` chooses rows of the instruction table by name. Throws where no row that runs at EL0 matches. */
  constructor(seed: number, filter?: RegExp) {
    this.#seed = seed;
    this.#groups = groupsOf(filter);
    const r = new Random(seed, AREA_STREAM);
    const view = new DataView(this.#bytes.buffer);
    for (let at = 0; at < POOL_BYTES; at += 16) {
      const [low, high] = vectorBits(r);
      view.setBigUint64(at, low, true);
      view.setBigUint64(at + 8, high, true);
    }
  }

  /** Writes case `number` (below 2^32 - 1) as a record. The seed, the filter and the number are all it depends on. */
  write(number: number, record: DataView): void {
    const r = new Random(this.#seed, number);
    new Uint8Array(record.buffer, record.byteOffset, RECORD_BYTES).fill(0);
    const x = Array.from({ length: 31 }, () => generalBits(r));
    x[SP] = BigInt(DATA + 16 * (8 + r.below(DATA_BYTES / 16 - 16)));
    x.forEach((value, n) => record.setBigUint64(X + 8 * n, value, true));
    const v: [bigint, bigint][] = [];
    for (let n = 0; n < 32; n++) {
      const [low, high] = n > 0 && r.oneIn(5) ? nearBits(r, r.pick(v)) : vectorBits(r);
      v.push([low, high]);
      record.setBigUint64(V + 16 * n, low, true);
      record.setBigUint64(V + 16 * n + 8, high, true);
    }
    record.setUint32(FPSR, flags(r), true);
    record.setUint32(FPCR, modes(r), true);
    record.setBigUint64(NZCV, r.bits(4) << 28n, true);
    record.setBigUint64(TPIDR_EL0, r.bits(64), true);
    const start = CODE + 4 * r.below(CODE_BYTES / 4 - MAX_WORDS);
    record.setBigUint64(PC, BigInt(start), true);
    const area = r.below(POOL_BYTES - DATA_BYTES);
    new Uint8Array(record.buffer, record.byteOffset + AREA, DATA_BYTES).set(
      this.#bytes.subarray(area, area + DATA_BYTES),
    );
    const words = this.#sequence(r, x, start);
    for (let n = 0; n < MAX_WORDS; n++) record.setUint32(WORDS + 4 * n, words[n] ?? BRK, true);
  }

  /** Cases `from` … `from + count - 1` behind each other. */
  batch(from: number, count: number): Uint8Array<ArrayBuffer> {
    const records = new Uint8Array(count * RECORD_BYTES);
    for (let n = 0; n < count; n++) this.write(from + n, recordAt(records, n));
    return records;
  }

  #sequence(r: Random, x: readonly bigint[], start: number): number[] {
    const pools = { general: pool(r, 8), vector: pool(r, 6) };
    const sequence = new Sequence(r, x, start, pools);
    const length = 1 + r.below(MAX_INSTRUCTIONS);
    for (let n = 0; n < MAX_DRAWS && sequence.words.length < length; n++) {
      sequence.append(this.#row(r), MAX_INSTRUCTIONS);
    }
    if (sequence.words.length === 0) throw new Error('chance finds no word of the rows that were asked for');
    return sequence.end();
  }

  #row(r: Random) {
    let at = r.below(this.#groups.reduce((sum, g) => sum + g.share, 0));
    for (const g of this.#groups) {
      if (at < g.share) return r.pick(g.rows);
      at -= g.share;
    }
    throw new Error('no group was drawn');
  }
}
