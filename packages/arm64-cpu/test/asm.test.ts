import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { AsmError } from '../src/asm/asm-error.ts';
import { type AssembleOptions, assemble } from '../src/asm/assemble.ts';

const fixture = (name: string): string => readFileSync(new URL(`./fixtures/asm/${name}`, import.meta.url), 'utf8');
const hex = (bytes: Uint8Array): string => [...bytes].map((b) => b.toString(16).padStart(2, '0')).join('');

function words(source: string, options?: AssembleOptions): string[] {
  const { bytes } = assemble(source, options);
  const view = new DataView(bytes.buffer);
  return Array.from({ length: bytes.length / 4 }, (_, i) =>
    view
      .getUint32(4 * i, true)
      .toString(16)
      .padStart(8, '0'),
  );
}

describe('assemble', () => {
  test('makes the image that GNU as and ld make', () => {
    const { bytes, symbols } = assemble(fixture('gnu.s'), { origin: 0x40080000n });
    expect(hex(bytes)).toBe(fixture('gnu.hex').replaceAll('\n', ''));
    expect(symbols.get('_start')).toBe(0x40080000n);
    expect(symbols.get('SIZE')).toBe(18n);
  });

  test.each([
    ['mov x0, #0', 'd2800000'],
    ['mov x0, #0xffff', 'd29fffe0'],
    ['mov x0, #0x10000', 'd2a00020'],
    ['mov w0, #-1', '12800000'],
    ['mov x0, #0xffffffff0000ffff', '92bfffe0'],
    ['mov x0, #0x5555555555555555', 'b200f3e0'],
    ['mov w0, #0x80000001', '320107e0'],
    ['mov x0, x1', 'aa0103e0'],
    ['mov x0, sp', '910003e0'],
    ['mov sp, x0', '9100001f'],
  ])('%s takes the move instruction that fits', (source, word) => {
    expect(words(source)).toEqual([word]);
  });

  test.each([
    ['ADD X0, x1, #1', 'add x0, x1, 1'],
    ['ldr\tx0 , [ x1 , # 8 ]', 'ldr x0, [x1, #8]'],
    ['ldr x0, [x1, #0]', 'ldr x0, [x1]'],
    ['ldr x0, [x1, #-8]', 'ldur x0, [x1, #-8]'],
    ['ldp fp, lr, [sp], #16', 'ldp x29, x30, [sp], #16'],
    ['bhs .', 'b.cs .'],
    ['ret', 'ret x30'],
    ['add x0, x1, #-1', 'sub x0, x1, #1'],
    ['bic x0, x1, #1', 'and x0, x1, #~1'],
    ['ld1 {v0.8b, v1.8b, v2.8b}, [x0]', 'ld1 {v0.8b-v2.8b}, [x0]'],
    ['mrs x0, s3_0_c1_c0_0', 'mrs x0, sctlr_el1'],
    ['nop // nothing', 'nop'],
    ['# 1 "file"\nnop', 'nop'],
    ['nop /* two\nlines */ ; nop', 'nop\nnop'],
  ])('%s is %s', (one, other) => {
    expect(words(one)).toEqual(words(other));
  });

  test('labels may be used before they are defined, and have addresses from the origin on', () => {
    const { symbols } = assemble('b end\nstart: nop\nend = .\n', { origin: 0x1000n });
    expect(symbols).toEqual(
      new Map([
        ['start', 0x1004n],
        ['end', 0x1008n],
      ]),
    );
  });

  test('local labels are the nearest before or behind', () => {
    expect(words('1: b 1f\n1: b 1b\nb 1b')).toEqual(['14000001', '14000000', '17ffffff']);
  });

  test('symbols of the caller are known', () => {
    expect(words('mov x0, #BASE\n.word BASE', { symbols: { BASE: 0x900_0000n } })).toEqual(['d2a12000', '09000000']);
  });

  test('literals of one value share a place, and a place may be had by .ltorg', () => {
    const source = 'ldr x0, =0x1234\nldr x1, =0x1234\nb over\n.ltorg\nover: ldr w2, =label\nlabel: nop';
    expect(words(source, { origin: 0x8000n })).toEqual([
      '58000080',
      '58000061',
      '14000004',
      'd503201f'.replace(/./g, '0'),
      '00001234',
      '00000000',
      '18000042',
      'd503201f',
      '0000801c',
    ]);
  });

  test(':lo12: completes adrp', () => {
    const source = 'adrp x0, data\nadd x0, x0, :lo12:data\nldr x1, [x0, :lo12:data]\n.org 0x2008\ndata: .quad 1';
    expect(words(source).slice(0, 3)).toEqual(['d0000000', '91002000', 'f9400401']);
  });

  test('macros take arguments by place and by name, with defaults and a counter', () => {
    const source = `
      .macro add3 d, a=x1, b=x2
      add \\d, \\a, \\b
      b skip\\@
skip\\@:
      .endm
      add3 x0
      add3 x3, b=x5
      .macro twice insn:vararg
      .rept 2
      \\insn
      .endr
      .endm
      twice nop`;
    expect(words(source)).toEqual(words('add x0,x1,x2\nb .+4\nadd x3,x1,x5\nb .+4\nnop\nnop'));
  });

  test('data directives are little-endian and take lists', () => {
    const { bytes } = assemble(
      '.byte 1, -1, \'a\'\n.hword 0x1234\n.word 1+2\n.quad -2\n.ascii "a\\n", "\\"é"\n.space 2, 7',
    );
    expect(hex(bytes)).toBe('01ff6134120300000' + '0feffffffffffffff610a22c3a90707');
  });

  test('a shift out of all range gives 0', () => {
    expect(words('.word 1 << (1 << 60), 1 >> (1 << 60)')).toEqual(['00000000', '00000000']);
  });

  test('code is padded by nop, and by what .balign says', () => {
    expect(hex(assemble('.byte 1\n.balign 8\n.byte 2\n.balign 4, 0xff').bytes)).toBe('010000001f2003d502ffffff');
  });
});

describe('AsmError', () => {
  test.each([
    ['nop\n  frob x1', 2, 3, 'unknown instruction frob'],
    ['mov x0, #0x12345', 1, 9, 'expected an immediate that one MOV can load'],
    ['add x0, x1', 1, 11, 'expected `,`'],
    ['add x0, x1, #4097', 1, 13, 'expected an immediate from 0 to 4095'],
    ['b nowhere', 1, 3, 'symbol nowhere has no value'],
    ['b . + 2', 1, 3, 'expected an address within 131072 KiB'],
    ['tbz x0, #1, 0x10000', 1, 13, 'expected an address within 32 KiB'],
    ['nop; str x0, [x1', 1, 17, 'expected `]`'],
    ['msr spsr_el9, x0', 1, 5, 'expected a system register'],
    ['mov x0, x1, x2', 1, 11, 'expected the end of the statement'],
    ['dsb all', 1, 5, 'expected a barrier option'],
    ['ld1 {v0.16b, v2.16b}, [x0]', 1, 14, 'expected the register behind the one before'],
    ['mov v0.s[4], w0', 1, 10, 'expected a lane from 0 to 3'],
    ['fmov d0, #0.1', 1, 10, 'expected a floating-point immediate'],
    ['a: nop\na: nop', 2, 1, 'a is defined already'],
    ['x1: nop', 1, 1, 'x1 is a register'],
    ['.byte 1\nnop', 2, 1, 'instructions must be at a multiple of 4'],
    ['.byte 256', 1, 7, 'expected a value of 8 bits'],
    ['.word 1/0', 1, 9, 'division by zero'],
    ['.frob', 1, 1, 'unknown directive .frob'],
    ['.ascii x', 1, 8, 'expected a string'],
    ['.macro a\nnop', 1, 1, 'expected .endm'],
    ['ldr x0, =later', 1, 10, 'symbol later has no value'],
    ['.macro m a\nmov \\a, #0x12345\n.endm\nm x0', 2, 9, 'expected an immediate'],
  ])('%j says where and what was expected', (source, line, column, expected) => {
    let error: unknown;
    try {
      assemble(source);
    } catch (e) {
      error = e;
    }
    expect(error).toBeInstanceOf(AsmError);
    const e = error as AsmError;
    expect(e.expected).toContain(expected);
    expect({ line: e.line, column: e.column }).toEqual({ line, column });
    expect(e.message).toContain(e.source);
  });

  test.each([
    ['.space 1 << 40', 'longer than 64 MiB'],
    ['.rept 1 << 60\n.rept 1 << 60\n.endr\n.endr', 'more than 1000000 statements'],
    ['.macro a\na\n.endm\na', 'nest deeper than 64'],
    [`.word ${'('.repeat(1000)}1`, 'fewer than 64 levels'],
    ['.balign 1 << 40', 'an alignment'],
  ])('%j is refused before it takes memory or time', (source, message) => {
    expect(() => assemble(source)).toThrow(message);
  });

  test('is all that any text may cause', () => {
    const token = fc.constantFrom(
      ...'add mov ldr ld1 b.eq msr fmov tlbi .word .macro .endm .rept .endr .balign .set .ascii x0 w1 sp v0.16b v1.s d0'.split(
        ' ',
      ),
      ...'#1 0x10 1b 1f 1: a: a \\a =5 :lo12: [ ] { } ( ) ! , + - << / " /* */ // ; lsl ish sctlr_el1 é'.split(' '),
      '\n',
    );
    fc.assert(
      fc.property(fc.array(token, { maxLength: 24 }), fc.string(), (tokens, text) => {
        for (const source of [tokens.join(' '), text]) {
          try {
            assemble(source);
          } catch (e) {
            expect(e).toBeInstanceOf(AsmError);
          }
        }
      }),
      { numRuns: 500 },
    );
  });
});
