import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ALIASES } from '../src/asm/aliases.ts';
import { assemble } from '../src/asm/assemble.ts';
import { disassemble } from '../src/asm/disassemble.ts';
import { allTemplates } from '../src/asm/template.ts';
import { decodeBitMask, encodeBitMask } from '../src/bitmask.ts';
import { decode, type Encoding } from '../src/decoder.ts';
import { ENCODINGS } from '../src/encodings.ts';
import { HOST_REGISTERS, STORAGE_REGISTERS } from '../src/sysregs/registers.ts';

/** Bits that the pattern fixes or names: the others are ignored. */
const significant = ({ pattern }: Encoding): number =>
  pattern.fields.reduce((mask, f) => mask | ((2 ** f.width - 1) << f.lsb), pattern.mask) >>> 0;

/** Words of system registers that the row's check picks out of very many. */
const REGISTER_WORDS = [...STORAGE_REGISTERS, ...HOST_REGISTERS].flatMap(({ encoding: [op0, op1, CRn, CRm, op2] }) =>
  [0, 1].map(
    (read) =>
      (0xd5100000 | (read << 21) | ((op0 & 1) << 19) | (op1 << 16) | (CRn << 12) | (CRm << 8) | (op2 << 5)) >>> 0,
  ),
);

/** Of several encodings of one bitmask the one that assemblers choose. */
function canonical(e: Encoding, word: number): number {
  if (!e.row.asm.includes('<#bitmask>')) return word;
  const f = decode(word)!.fields;
  const width = f.sf ? 64 : 32;
  const { n, immr, imms } = encodeBitMask(decodeBitMask(f.N!, f.imms!, f.immr!, width)!, width)!;
  return ((word & ~0x007ffc00) | (n << 22) | (immr << 16) | (imms << 10)) >>> 0;
}

const PER_ROW = 4;
const ATTEMPTS = 600;

/** Words that decode to the row, from random bits. */
function sample(e: Encoding, random: () => number): number[] {
  const found: number[] = [];
  for (let n = 0; n < ATTEMPTS && found.length < PER_ROW; n++) {
    // Registers of all ones (SP, XZR) and shifts by 0 are special, so they are made more frequent.
    const bits = (random() | [0, 0x1f, 0x3e0, 0x1f0000][n % 4]!) & (n % 3 ? -1 : ~0x00c0fc00);
    const special = REGISTER_WORDS[n % REGISTER_WORDS.length]! | (bits & 0x1f);
    for (const candidate of [(bits & ~e.pattern.mask) | e.pattern.match, special]) {
      const word = candidate >>> 0;
      if (decode(word)?.encoding === e) found.push(canonical(e, word));
    }
  }
  return found;
}

const describeWord = (word: number): string => word.toString(16).padStart(8, '0');

describe('assemble and disassemble', () => {
  test('are inverse on every row of the table', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1 }), fc.bigInt({ min: 0n, max: 2n ** 40n }), (seed, page) => {
        let state = seed >>> 0;
        const random = (): number => {
          state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
          return Math.imul(state ^ (state >>> 15), 0x2c1b3c6d) >>> 0;
        };
        const origin = page * 4096n;
        const words = ENCODINGS.flatMap((e) => sample(e, random).map((word) => ({ e, word })));
        expect(ENCODINGS.filter((e) => !words.some((w) => w.e === e)).map((e) => e.row.name)).toEqual([]);
        const texts = words.map(({ word }, i) => disassemble(word, origin + BigInt(4 * i))!);
        const { bytes } = assemble(texts.join('\n'), { origin });
        const view = new DataView(bytes.buffer);
        const different = words.flatMap(({ e, word }, i) => {
          const again = view.getUint32(4 * i, true);
          return (again ^ word) & significant(e)
            ? [`${e.row.name} ${describeWord(word)} ${describeWord(again)} ${texts[i]}`]
            : [];
        });
        expect(different).toEqual([]);
      }),
      { numRuns: 2 },
    );
  });

  test('every alias stands for rows of the table', () => {
    const names = new Set(ENCODINGS.map((e) => e.row.name));
    expect(ALIASES.flatMap((a) => a.rows).filter((row) => !names.has(row))).toEqual([]);
  });

  test('every template has operands that are known', () => {
    for (const forms of allTemplates().byRow) for (const form of forms) expect(() => form.parts()).not.toThrow();
  });
});
