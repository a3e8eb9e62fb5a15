import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { disassemble } from '../src/asm/disassemble.ts';
import { ENCODINGS } from '../src/encodings.ts';
import { vectorWords } from './vector-words.ts';

const fixture = readFileSync(new URL('./fixtures/asm/objdump.txt', import.meta.url), 'utf8');
const lines = fixture
  .trim()
  .split('\n')
  .map((line) => /^(\w+) (\w+) (.*)$/.exec(line)!);

describe('disassemble', () => {
  test('writes every row of the table and every alias as GNU objdump does', () => {
    expect(lines.length).toBeGreaterThan(ENCODINGS.length);
    const different = lines
      .map(([, address, word, text]) => ({
        word,
        text,
        ours: disassemble(Number.parseInt(word!, 16), BigInt(`0x${address}`)),
      }))
      .filter((l) => l.ours !== l.text);
    expect(different).toEqual([]);
  });

  test('writes every instruction of the vectors as GNU objdump does', () => {
    const file = readFileSync(new URL('./fixtures/asm/objdump-vectors.txt.gz', import.meta.url));
    const texts = gunzipSync(file).toString('utf8').trimEnd().split('\n');
    const words = vectorWords();
    expect(texts).toHaveLength(words.length);
    const different = texts
      .map((text, n) => ({ text, word: words[n]!, ours: disassemble(words[n]!, 0x4000_0000n + 4n * BigInt(n)) }))
      .filter((l) => l.ours !== l.text);
    expect(different).toEqual([]);
  });

  test('gives nothing for a word that is not in the table', () => {
    expect(disassemble(0xffff_ffff, 0n)).toBeUndefined();
    // An SVE instruction.
    expect(disassemble(0x0420_0000, 0n)).toBeUndefined();
  });

  test('takes the word as unsigned or signed', () => {
    expect(disassemble(0xd65f03c0, 0n)).toBe('ret');
    expect(disassemble(0xd65f03c0 | 0, 0n)).toBe('ret');
  });

  test.each([
    [0x17ff_ffff, 0xffff_0000_4000_0000n, 'b 0xffff00003ffffffc'],
    [0x1400_0001, 0xffff_ffff_ffff_fffcn, 'b 0x0'],
    [0xf000_0003, 0x4000_0ffcn, 'adrp x3, 0x40003000'],
    [0x10ff_ffe0, 0n, 'adr x0, 0xfffffffffffffffc'],
  ])('addresses are of 64 bits: %#x', (word, address, text) => {
    expect(disassemble(word, address)).toBe(text);
  });

  test('a register that TLBI and IC ignore is shown unless it is xzr', () => {
    expect(disassemble(0xd508871f, 0n)).toBe('tlbi vmalle1');
    expect(disassemble(0xd5088703, 0n)).toBe('tlbi vmalle1, x3');
  });
});
