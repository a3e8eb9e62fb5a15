/** Data processing, register: Arm ARM C4.1.89. */
import {
  add,
  and,
  clz,
  divS,
  divU,
  type Expr,
  eq,
  extS,
  extU,
  i32,
  i64,
  konst,
  mul,
  or,
  rotl,
  rotr,
  select,
  shl,
  shrS,
  shrU,
  signExtend,
  sub,
  wrap,
  xor,
} from '../wasm/expr.ts';
import { maybeNot, widthOf } from './dp-immediate.ts';
import type { Fields, Row } from './row.ts';
import type { Sem } from './sem.ts';

const SHIFTS = [shl, shrU, shrS, rotr] as const;

/** Rm under the shift of the instruction; a row without amount has none. */
const shifted = (x: Sem, f: Fields, n: 32 | 64): Expr =>
  SHIFTS[f.shift!]!(
    x.X('Rm', n),
    x.imm(n, (g) => g.imm6!),
  );

/** Splits a shifted-register row in two, so that the common unshifted form has the smaller handler. */
function shiftedRows(
  row: Omit<Row, 'sem' | 'check' | 'when'>,
  ror: boolean,
  sem: (x: Sem, f: Fields, operand: (n: 32 | 64) => Expr) => void,
): Row[] {
  const when = (f: Fields) => ror || f.shift !== 3;
  return [
    {
      ...row,
      name: `${row.name}_plain`,
      when: (f) => f.shift === 0,
      check: (f) => f.imm6 === 0,
      sem: (x, f) => sem(x, f, (n) => x.X('Rm', n)),
    },
    { ...row, when, check: (f) => f.sf === 1 || f.imm6! < 32, sem: (x, f) => sem(x, f, (n) => shifted(x, f, n)) },
  ];
}

/** Rm extended (UXTB … SXTX) and shifted left, as the extended-register forms and register offsets have it. */
export function extended(x: Sem, option: number, shift: Expr): Expr {
  const low = () => x.X('Rm', 32);
  const whole = () => x.X('Rm', 64);
  const value = [
    () => and(whole(), i64(0xff)),
    () => and(whole(), i64(0xffff)),
    () => extU(low()),
    whole,
    () => signExtend(whole(), 8),
    () => signExtend(whole(), 16),
    () => extS(low()),
    whole,
  ][option]!();
  return shl(value, shift);
}

/** Reverses the bits of every byte of an i64 or i32. */
function reverseBitsInBytes(x: Sem, e: Expr): Expr {
  const c = (v: bigint) => konst(e.t, v);
  const step = (v: Expr, mask: bigint, count: bigint): Expr => {
    const t = x.tmp(v);
    return or(and(shrU(t, c(count)), c(mask)), shl(and(t, c(mask)), c(count)));
  };
  return step(step(step(e, 0x5555555555555555n, 1n), 0x3333333333333333n, 2n), 0x0f0f0f0f0f0f0f0fn, 4n);
}

/** Reverses the bytes within each part of `bytes` bytes. */
function reverseBytes(x: Sem, e: Expr, bytes: 2 | 4 | 8): Expr {
  const c = (v: bigint) => konst(e.t, v);
  const swap = (v: Expr, mask: bigint, count: bigint): Expr => {
    const t = x.tmp(v);
    return or(and(shrU(t, c(count)), c(mask)), shl(and(t, c(mask)), c(count)));
  };
  let v = swap(e, 0x00ff00ff00ff00ffn, 8n);
  if (bytes >= 4 && e.t === 'i64') v = swap(v, 0x0000ffff0000ffffn, 16n);
  if (bytes >= 4 && e.t === 'i32') v = rotl(v, i32(16));
  return bytes === 8 ? rotl(v, i64(32)) : v;
}

/** One-source rows; `sf` is static, `bits` gives the operand width. */
function oneSource(
  name: string,
  opcode: string,
  asm: string,
  op: (x: Sem, a: Expr, f: Fields) => Expr,
  sf = 'sf',
): Row {
  return {
    name,
    pattern: `${sf} 1 0 11010110 00000 ${opcode} Rn:5 Rd:5`,
    asm,
    sem: (x, f) => {
      const n = f.sf === undefined ? (sf === '1' ? 64 : 32) : widthOf(f);
      x.setX('Rd', op(x, x.X('Rn', n), f));
    },
  };
}

function twoSource(name: string, opcode: string, op: (x: Sem, a: Expr, b: Expr) => Expr): Row {
  return {
    name,
    pattern: `sf 0 0 11010110 Rm:5 ${opcode} Rn:5 Rd:5`,
    asm: `${name.toLowerCase()} <Rd>, <Rn>, <Rm>`,
    sem: (x, f) => x.setX('Rd', op(x, x.X('Rn', widthOf(f)), x.X('Rm', widthOf(f)))),
  };
}

/** Division gives 0 for divisor 0, and the most negative dividend for divisor -1. */
function divide(x: Sem, a: Expr, b: Expr, signed: boolean): Expr {
  const divisor = x.tmp(b);
  const dividend = x.tmp(a);
  const result = x.variable(konst(a.t, 0));
  const k = (v: number) => konst(a.t, v);
  x.if(
    eq(divisor, k(0)),
    () => {},
    () => {
      if (!signed) return result.set(divU(dividend, divisor));
      x.if(
        eq(divisor, k(-1)),
        () => result.set(sub(k(0), dividend)),
        () => result.set(divS(dividend, divisor)),
      );
    },
  );
  return result.get();
}

/** The high 64 bits of an unsigned 64 by 64 bit product, from four 32-bit products. */
function umulh(x: Sem, a: Expr, b: Expr): Expr {
  const low = (e: Expr) => and(e, i64(0xffffffffn));
  const high = (e: Expr) => shrU(e, i64(32));
  const mid = x.tmp(add(mul(high(a), low(b)), high(mul(low(a), low(b)))));
  const mid2 = x.tmp(add(mul(low(a), high(b)), low(mid)));
  return add(add(mul(high(a), high(b)), high(mid)), high(mid2));
}

function crc32(name: string, sf: string, code: string, bytes: number, castagnoli: boolean): Row {
  return {
    name,
    pattern: `${sf} 0 0 11010110 Rm:5 010 ${code} Rn:5 Rd:5`,
    asm: `${name.toLowerCase()} <Wd>, <Wn>, ${bytes === 8 ? '<Xm>' : '<Wm>'}`,
    feature: 'FEAT_CRC32',
    sem: (x) => {
      const data = bytes === 8 ? x.X('Rm', 64) : extU(x.X('Rm', 32));
      x.setX('Rd', x.call(castagnoli ? 'crc32c' : 'crc32', x.X('Rn', 32), data, i32(bytes)));
    },
  };
}

const reversedCompare = { AND: and, ORR: or, EOR: xor, ANDS: and };

export const rows: readonly Row[] = [
  ...Object.entries(reversedCompare).flatMap(([name, op], opc) =>
    [0, 1].flatMap((N) => {
      const mnemonic = [
        ['and', 'bic'],
        ['orr', 'orn'],
        ['eor', 'eon'],
        ['ands', 'bics'],
      ][opc]![N]!;
      return shiftedRows(
        {
          name: `${mnemonic.toUpperCase()}_log_shift`,
          pattern: `sf ${opc.toString(2).padStart(2, '0')} 01010 shift:2 ${N} Rm:5 imm6:6 Rn:5 Rd:5`,
          asm: `${mnemonic} <Rd>, <Rn>, <Rm><shift>`,
        },
        true,
        (x, f, operand) => {
          const n = widthOf(f);
          const value = x.tmp(op(x.X('Rn', n), maybeNot(operand(n), N)));
          if (name === 'ANDS') x.logicFlags(value);
          x.setX('Rd', value);
        },
      );
    }),
  ),
  ...['ADD', 'ADDS', 'SUB', 'SUBS'].flatMap((name, i): Row[] => {
    const isSub = i >= 2;
    const setsFlags = (i & 1) === 1;
    const op = (x: Sem, a: Expr, b: Expr): Expr => {
      if (!setsFlags) return isSub ? sub(a, b) : add(a, b);
      return isSub ? x.subFlags(a, b) : x.addFlags(a, b);
    };
    const code = i.toString(2).padStart(2, '0');
    return [
      ...shiftedRows(
        {
          name: `${name}_addsub_shift`,
          pattern: `sf ${code} 01011 shift:2 0 Rm:5 imm6:6 Rn:5 Rd:5`,
          asm: `${name.toLowerCase()} <Rd>, <Rn>, <Rm><shift>`,
        },
        false,
        (x, f, operand) => x.setX('Rd', op(x, x.X('Rn', widthOf(f)), operand(widthOf(f)))),
      ),
      {
        name: `${name}_addsub_ext`,
        pattern: `sf ${code} 01011 001 Rm:5 option:3 imm3:3 Rn:5 Rd:5`,
        asm: `${name.toLowerCase()} ${setsFlags ? '<Rd>' : '<Rd|SP>'}, <Rn|SP>, <Rm,extend>`,
        check: (f) => f.imm3! <= 4,
        ...(setsFlags ? {} : { movesSp: (f) => f.Rd === 31 }),
        sem: (x, f) => {
          const n = widthOf(f);
          const wide = extended(
            x,
            f.option!,
            x.imm64((g) => g.imm3!),
          );
          const result = op(x, x.SP('Rn', n), n === 64 ? wide : wrap(wide));
          if (setsFlags) x.setX('Rd', result);
          else x.setSP('Rd', result);
        },
      },
      {
        name: name.replace(/^ADD/, 'ADC').replace(/^SUB/, 'SBC'),
        pattern: `sf ${code} 11010000 Rm:5 000000 Rn:5 Rd:5`,
        asm: `${name.replace(/^ADD/, 'adc').replace(/^SUB/, 'sbc').toLowerCase()} <Rd>, <Rn>, <Rm>`,
        sem: (x, f) => {
          const n = widthOf(f);
          const a = x.X('Rn', n);
          const b = maybeNot(x.X('Rm', n), isSub ? 1 : 0);
          if (setsFlags) return x.setX('Rd', x.adcFlags(a, b));
          x.setX('Rd', add(add(a, b), n === 64 ? extU(x.carry()) : x.carry()));
        },
      },
    ];
  }),
  ...['CCMN', 'CCMP'].flatMap((name, op): Row[] =>
    [0, 1].map((immediate) => ({
      name: `${name}_${immediate ? 'imm' : 'reg'}`,
      pattern: `sf ${op} 1 11010010 ${immediate ? 'imm5' : 'Rm'}:5 cond:4 ${immediate}0 Rn:5 0 immnzcv:4`,
      asm: `${name.toLowerCase()} <Rn>, ${immediate ? '<#imm5>' : '<Rm>'}, <#immnzcv>, <cond>`,
      sem: (x: Sem, f: Fields) => {
        const n = widthOf(f);
        const b = immediate ? x.imm(n, (g) => g.imm5!) : x.X('Rm', n);
        x.if(
          x.cond(f.cond!),
          () => void (op ? x.subFlags(x.X('Rn', n), b) : x.addFlags(x.X('Rn', n), b)),
          () => x.setNzcv(x.imm32((g) => g.immnzcv!)),
        );
      },
    })),
  ),
  ...['CSEL', 'CSINC', 'CSINV', 'CSNEG'].map(
    (name, i): Row => ({
      name,
      pattern: `sf ${i >> 1} 0 11010100 Rm:5 cond:4 0${i & 1} Rn:5 Rd:5`,
      asm: `${name.toLowerCase()} <Rd>, <Rn>, <Rm>, <cond>`,
      sem: (x, f) => {
        const n = widthOf(f);
        const m = maybeNot(x.X('Rm', n), i >> 1);
        x.setX('Rd', select(x.cond(f.cond!), x.X('Rn', n), i & 1 ? add(m, konst(m.t, 1)) : m));
      },
    }),
  ),
  ...['MADD', 'MSUB'].map(
    (name, o0): Row => ({
      name,
      pattern: `sf 00 11011 000 Rm:5 ${o0} Ra:5 Rn:5 Rd:5`,
      asm: `${name.toLowerCase()} <Rd>, <Rn>, <Rm>, <Ra>`,
      sem: (x, f) => {
        const n = widthOf(f);
        x.setX('Rd', (o0 ? sub : add)(x.X('Ra', n), mul(x.X('Rn', n), x.X('Rm', n))));
      },
    }),
  ),
  ...['SMADDL', 'SMSUBL', 'UMADDL', 'UMSUBL'].map((name, i): Row => {
    const extend = i >= 2 ? extU : extS;
    return {
      name,
      pattern: `1 00 11011 ${i >> 1}01 Rm:5 ${i & 1} Ra:5 Rn:5 Rd:5`,
      asm: `${name.toLowerCase()} <Xd>, <Wn>, <Wm>, <Xa>`,
      sem: (x) => x.setX('Rd', (i & 1 ? sub : add)(x.X('Ra'), mul(extend(x.X('Rn', 32)), extend(x.X('Rm', 32))))),
    };
  }),
  {
    name: 'UMULH',
    pattern: '1 00 11011 110 Rm:5 0 xxxxx Rn:5 Rd:5',
    asm: 'umulh <Xd>, <Xn>, <Xm>',
    sem: (x) => x.setX('Rd', umulh(x, x.tmp(x.X('Rn')), x.tmp(x.X('Rm')))),
  },
  {
    name: 'SMULH',
    pattern: '1 00 11011 010 Rm:5 0 xxxxx Rn:5 Rd:5',
    asm: 'smulh <Xd>, <Xn>, <Xm>',
    sem: (x) => {
      const a = x.tmp(x.X('Rn'));
      const b = x.tmp(x.X('Rm'));
      const sign = (e: Expr) => shrS(e, i64(63));
      x.setX('Rd', sub(sub(umulh(x, a, b), and(sign(a), b)), and(sign(b), a)));
    },
  },
  twoSource('UDIV', '000010', (x, a, b) => divide(x, a, b, false)),
  twoSource('SDIV', '000011', (x, a, b) => divide(x, a, b, true)),
  twoSource('LSLV', '001000', (_, a, b) => shl(a, b)),
  twoSource('LSRV', '001001', (_, a, b) => shrU(a, b)),
  twoSource('ASRV', '001010', (_, a, b) => shrS(a, b)),
  twoSource('RORV', '001011', (_, a, b) => rotr(a, b)),
  crc32('CRC32B', '0', '000', 1, false),
  crc32('CRC32H', '0', '001', 2, false),
  crc32('CRC32W', '0', '010', 4, false),
  crc32('CRC32X', '1', '011', 8, false),
  crc32('CRC32CB', '0', '100', 1, true),
  crc32('CRC32CH', '0', '101', 2, true),
  crc32('CRC32CW', '0', '110', 4, true),
  crc32('CRC32CX', '1', '111', 8, true),
  oneSource('RBIT', '000000', 'rbit <Rd>, <Rn>', (x, a) =>
    reverseBytes(x, reverseBitsInBytes(x, a), a.t === 'i64' ? 8 : 4),
  ),
  oneSource('REV16', '000001', 'rev16 <Rd>, <Rn>', (x, a) => reverseBytes(x, a, 2)),
  oneSource('REV_32', '000010', 'rev <Wd>, <Wn>', (x, a) => reverseBytes(x, a, 4), '0'),
  oneSource('REV32', '000010', 'rev32 <Xd>, <Xn>', (x, a) => reverseBytes(x, a, 4), '1'),
  oneSource('REV_64', '000011', 'rev <Xd>, <Xn>', (x, a) => reverseBytes(x, a, 8), '1'),
  oneSource('CLZ', '000100', 'clz <Rd>, <Rn>', (_, a) => clz(a)),
  oneSource('CLS', '000101', 'cls <Rd>, <Rn>', (x, a) => {
    const v = x.tmp(a);
    // Bits that differ from their upper neighbour; the sign bit's own place is shifted out and a one stops the count.
    return clz(or(shl(xor(v, shrS(v, konst(v.t, 1))), konst(v.t, 1)), konst(v.t, 1)));
  }),
];
