import { beforeAll, describe, expect, it } from 'vitest';
import { decode } from '../src/decoder.ts';
import { type BuiltCore, buildCore } from '../src/interpreter/build.ts';
import { IMPORTS } from '../src/interpreter/imports.ts';
import { CONSTANTS_BASE, CONSTANTS_LIMIT, RECORD_BYTES } from '../src/layout.ts';
import { recordOf } from './records.ts';

/** Where the core module makes records here. */
const AT = CONSTANTS_LIMIT;
const SEED = 0x2545f491;

/** Numbers that look random, and are the same each time. */
function random(seed: number): () => number {
  let x = seed;
  return () => {
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    return x >>> 0;
  };
}

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

describe('records', () => {
  let core: BuiltCore;
  let fill: (rec: number, word: number, pc: number, trapsFp: number, alone: number) => number;
  let bytes: Uint8Array;

  beforeAll(() => {
    core = buildCore();
    const memory = new WebAssembly.Memory({ initial: 64, maximum: 64, shared: true });
    bytes = new Uint8Array(memory.buffer);
    bytes.set(core.constants, CONSTANTS_BASE);
    const host = { memory, ...Object.fromEntries(IMPORTS.map(([name]) => [name, () => 0])) };
    const instance = new WebAssembly.Instance(new WebAssembly.Module(core.module), { host });
    fill = instance.exports.fillRecord as typeof fill;
  });

  /** What is wrong with the record that the core module makes, if anything. */
  function difference(word: number, pc: number, mode: { trapsFp?: boolean; alone?: boolean } = {}): string | undefined {
    bytes.fill(0, AT, AT + RECORD_BYTES);
    fill(AT, word, pc, mode.trapsFp ? 1 : 0, mode.alone ? 1 : 0);
    const made = hex(bytes.slice(AT, AT + RECORD_BYTES));
    const wanted = hex(recordOf(core.specs, word, pc, mode));
    if (made === wanted) return undefined;
    return `${word.toString(16)} ${decode(word, pc)?.encoding.row.name} at ${pc}: ${made}, not ${wanted}`;
  }

  it('of any word are as the table of instructions says', { timeout: 120_000 }, () => {
    const next = random(SEED);
    const wrong: string[] = [];
    // Every value of bits 31:21, by which instructions are told apart first, with 250 of the others.
    for (let n = 0; n < 250 * 2048 && wrong.length < 20; n++) {
      const word = (((n & 0x7ff) << 21) | (next() & 0x1fffff)) >>> 0;
      const found = difference(word, next() & 0xffc);
      if (found) wrong.push(found);
    }
    expect(wrong).toEqual([]);
  });

  it('of words with registers 31 and fields that are full or empty are as the table says', { timeout: 120_000 }, () => {
    const next = random(SEED + 1);
    const wrong: string[] = [];
    for (let n = 0; n < 100 * 2048 && wrong.length < 20; n++) {
      let low = next() & 0x1fffff;
      // Rd, Rn, bits 15:10 and 20:16.
      for (const [lsb, ones] of [
        [0, 31],
        [5, 31],
        [10, 63],
        [16, 31],
      ] as const) {
        const choice = next() >>> 30;
        if (choice === 0) low |= ones << lsb;
        if (choice === 1) low &= ~(ones << lsb);
      }
      const found = difference((((n & 0x7ff) << 21) | low) >>> 0, next() & 0xffc);
      if (found) wrong.push(found);
    }
    expect(wrong).toEqual([]);
  });

  it('of all immediates of bitfield moves, and of logical instructions, are as the table says', () => {
    const wrong: string[] = [];
    for (const form of [0x13000000, 0x33000000, 0x53000000, 0x93400000, 0xb3400000, 0xd3400000]) {
      for (let n = 0; n < 4096; n++) wrong.push(difference((form | (n << 10) | 0x41) >>> 0, 0) ?? '');
    }
    for (const form of [0x12000000, 0x32000000, 0x72000000, 0x92000000, 0xb2000000, 0xf2000000]) {
      for (let n = 0; n < 8192; n++) wrong.push(difference((form | (n << 10) | 0x3e) >>> 0, 0) ?? '');
    }
    expect(wrong.filter((w) => w !== '').slice(0, 20)).toEqual([]);
  });

  it('of all system registers are as the table says', { timeout: 60_000 }, () => {
    const wrong: string[] = [];
    for (const form of [0xd5100003, 0xd5300003]) {
      for (let n = 0; n < 2 ** 15; n++) wrong.push(difference((form | (n << 5)) >>> 0, 0) ?? '');
    }
    expect(wrong.filter((w) => w !== '').slice(0, 20)).toEqual([]);
  });

  it('of floating point that is trapped, and of instructions that run alone, are as the table says', {
    timeout: 60_000,
  }, () => {
    const next = random(SEED + 2);
    const wrong: string[] = [];
    for (let n = 0; n < 20 * 2048; n++) {
      const word = (((n & 0x7ff) << 21) | (next() & 0x1fffff)) >>> 0;
      const pc = next() & 0xffc;
      wrong.push(difference(word, pc, { trapsFp: true }) ?? '', difference(word, pc, { alone: true }) ?? '');
    }
    expect(wrong.filter((w) => w !== '').slice(0, 20)).toEqual([]);
  });
});
