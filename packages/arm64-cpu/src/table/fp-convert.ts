/** Scalar conversions between formats, to and from integers and fixed point, and rounding to integral values. */
import { INTEGER } from '../core/fp-convert.ts';
import { DOUBLE, ROUND } from '../core/fp-format.ts';
import { and, type Expr, extS, extU, fc, fop, i32, shrU, wrap } from '../wasm/expr.ts';
import {
  check,
  isFast,
  isZero,
  type Lanes,
  type NativeOp,
  native,
  nativeOrSoft,
  register,
  scalarLanes,
  soft,
  writeLanes,
} from './fp-lanes.ts';
import type { UnaryOp } from './fp-ops.ts';
import type { Fields, Row } from './row.ts';
import type { Sem } from './sem.ts';
import { vAnd } from './simd-lanes.ts';

const isSingleOrDouble = (f: Fields): boolean => f.ftype! < 2;

/** FPCR.RMode, a value of `ROUND`. */
const currentMode = (x: Sem): Expr => and(shrU(x.state('FPCR', 'i32'), i32(22)), i32(3));

/** How FRINT* and FCVT* round: mnemonic letter, mode (-1: FPCR's), and the exact native instruction if there is one. */
interface Rounding {
  readonly letter: string;
  readonly mode: number;
  readonly native?: NativeOp;
}
const [N, P, M, Z, A] = [
  { letter: 'N', mode: ROUND.TIEEVEN, native: 'nearest' },
  { letter: 'P', mode: ROUND.POSINF, native: 'ceil' },
  { letter: 'M', mode: ROUND.NEGINF, native: 'floor' },
  { letter: 'Z', mode: ROUND.ZERO, native: 'trunc' },
  { letter: 'A', mode: ROUND.TIEAWAY },
] as const satisfies readonly Rounding[];

/** FRINT* to an integral number; `X` raises IXC, `I` and `X` round as FPCR says. */
export const FRINT: readonly (Rounding & { opcode: string; U: 0 | 1; a: 0 | 1; vector: string })[] = [
  { ...N, opcode: '001000', U: 0, a: 0, vector: '11000' },
  { ...P, opcode: '001001', U: 0, a: 1, vector: '11000' },
  { ...M, opcode: '001010', U: 0, a: 0, vector: '11001' },
  { ...Z, opcode: '001011', U: 0, a: 1, vector: '11001' },
  { ...A, opcode: '001100', U: 1, a: 0, vector: '11000' },
  { letter: 'X', mode: -1, native: 'nearest', opcode: '001110', U: 1, a: 0, vector: '11001' },
  { letter: 'I', mode: -1, native: 'nearest', opcode: '001111', U: 1, a: 1, vector: '11001' },
];

export const roundToIntegral =
  (r: Rounding): UnaryOp =>
  (l, a) => {
    const mode = r.mode < 0 ? currentMode(l.x) : i32(r.mode);
    const lane = (i: number) => soft(l, 'fpRoundInt', a.lane(i), mode, i32(r.letter === 'X' ? 1 : 0));
    if (!r.native) return writeLanes(l, lane);
    nativeOrSoft(l, native.op(l, r.native, a.native()), r.mode < 0 ? check.fastNumber : check.number, lane);
  };

/** FCVT*S and FCVT*U: rounding with the encodings of the scalar (rmode, opcode) and vector (a, opcode) forms. */
export const FCVT_ROUNDINGS: readonly (Rounding & { rmode: string; opcode: string; a: 0 | 1; vector: string })[] = [
  { ...N, rmode: '00', opcode: '00', a: 0, vector: '11010' },
  { ...P, rmode: '01', opcode: '00', a: 1, vector: '11010' },
  { ...M, rmode: '10', opcode: '00', a: 0, vector: '11011' },
  { ...Z, rmode: '11', opcode: '00', a: 1, vector: '11011' },
  { ...A, rmode: '00', opcode: '10', a: 0, vector: '11100' },
];

/** Wasm's saturating truncations and conversions from integers, by [integer is i64][source or target is f64][unsigned]. */
const TRUNCATE = [
  [
    [0, 1],
    [2, 3],
  ],
  [
    [4, 5],
    [6, 7],
  ],
] as const;
const FROM_INTEGER = [
  [
    [0xb2, 0xb3],
    [0xb7, 0xb8],
  ],
  [
    [0xb4, 0xb5],
    [0xb9, 0xba],
  ],
] as const;

/** The float `a` (used three times) truncated to an integer of 32 or 64 bits. */
export const truncateNative = (l: Lanes, a: Expr, wide: 0 | 1, unsigned: 0 | 1): Expr =>
  fc(wide ? 'i64' : 'i32', TRUNCATE[wide][l.fmt === DOUBLE ? 1 : 0][unsigned], a);

/** 1 if truncation of the floats `a` to the integer type neither saturates nor meets a NaN, in any lane. */
export function fits(l: Lanes, a: Expr, wide: 0 | 1, unsigned: 0 | 1): Expr {
  const power = (n: number) => native.constant(l, BigInt(l.fmt.bias + n) << BigInt(l.fmt.fraction));
  if (!unsigned) return native.every(l, native.compare(l, 'lt', native.op(l, 'abs', a), power(wide ? 63 : 31)));
  const [positive, small] = [
    native.compare(l, 'ge', a, native.constant(l, 0n)),
    native.compare(l, 'lt', a, power(wide ? 64 : 32)),
  ];
  return native.every(l, l.vector ? vAnd(positive, small) : and(positive, small));
}

const kindOf = (wide: number, unsigned: number): number =>
  (wide ? INTEGER.WIDE : 0) | (unsigned ? INTEGER.UNSIGNED : 0);

/** FCVT* of a lane by helper: an i64, whose low half is a 32-bit result. */
export const toFixed = (l: Lanes, lane: Expr, fbits: Expr, mode: number, wide: number, unsigned: number): Expr =>
  l.x.call(`fpToFixed${l.fmt.letter}`, l.x.cpu(), lane, fbits, i32(mode), i32(kindOf(wide, unsigned)));

/** SCVTF, UCVTF of an i32 or i64 by helper. */
export function fromFixed(l: Lanes, integer: Expr, fbits: Expr, unsigned: number): Expr {
  const wide = integer.t === 'i64' ? integer : unsigned ? extU(integer) : extS(integer);
  return l.x.call(`fpFromFixed${l.fmt.letter}`, l.x.cpu(), wide, fbits, i32(kindOf(1, unsigned)));
}

/** The integer `e` as a float, rounded to nearest. */
export const fromIntegerNative = (l: Lanes, e: Expr, unsigned: 0 | 1): Expr =>
  fop(l.fmt === DOUBLE ? 'f64' : 'f32', FROM_INTEGER[e.t === 'i64' ? 1 : 0][l.fmt === DOUBLE ? 1 : 0][unsigned], e);

const lanesOf = (x: Sem, f: Fields): Lanes => scalarLanes(x, f.ftype!);
const setInteger = (x: Sem, f: Fields, e: Expr): void => x.setX('Rd', f.sf === 1 ? e : wrap(e));

const toIntegerRows = FCVT_ROUNDINGS.flatMap((r) =>
  ([0, 1] as const).map(
    (unsigned): Row => ({
      name: `FCVT${r.letter}${unsigned ? 'U' : 'S'}_float_int`,
      pattern: `sf 0011110 ftype:2 1 ${r.rmode} ${r.opcode}${unsigned} 000000 Rn:5 Rd:5`,
      asm: `fcvt${r.letter.toLowerCase()}${unsigned ? 'u' : 's'} <Rd>, <Fn>`,
      when: isSingleOrDouble,
      cold: r.letter !== 'Z',
      sem: (x, f) => {
        const l = lanesOf(x, f);
        const wide = f.sf === 1 ? 1 : 0;
        const a = register(l, 'Rn');
        const byHelper = () => setInteger(x, f, toFixed(l, a.lane(0), i32(0), r.mode, wide, unsigned));
        if (!('native' in r)) return byHelper();
        const value = x.tmp(r.letter === 'Z' ? a.native() : native.op(l, r.native!, a.native()));
        x.expect(
          [isFast(x), fits(l, value, wide, unsigned)],
          undefined,
          () => x.setX('Rd', truncateNative(l, value, wide, unsigned)),
          byHelper,
        );
      },
    }),
  ),
);

const fromIntegerRows = ([0, 1] as const).map(
  (unsigned): Row => ({
    name: `${unsigned ? 'U' : 'S'}CVTF_float_int`,
    pattern: `sf 0011110 ftype:2 1 00 01${unsigned} 000000 Rn:5 Rd:5`,
    asm: `${unsigned ? 'u' : 's'}cvtf <Fd>, <Rn>`,
    when: isSingleOrDouble,
    sem: (x, f) => {
      const l = lanesOf(x, f);
      const integer = x.X('Rn', f.sf === 1 ? 64 : 32);
      const exact = () => x.setVScalar('Rd', fromIntegerNative(l, integer, unsigned));
      // 53 bits hold every 32-bit integer.
      if (l.fmt === DOUBLE && f.sf === 0) return exact();
      x.expect([isFast(x)], undefined, exact, () => x.setVScalar('Rd', fromFixed(l, integer, i32(0), unsigned)));
    },
  }),
);

/** Fixed-point operands have 64 - immscale bits behind the point. */
const fixedBits = (x: Sem): Expr => x.imm32((g) => 64 - g.immscale!);
const fixedCheck = (f: Fields): boolean => f.sf === 1 || f.immscale! >= 32;

const fixedRows = ([0, 1] as const).flatMap((unsigned): Row[] => [
  {
    name: `FCVTZ${unsigned ? 'U' : 'S'}_float_fix`,
    pattern: `sf 0011110 ftype:2 0 11 00${unsigned} immscale:6 Rn:5 Rd:5`,
    asm: `fcvtz${unsigned ? 'u' : 's'} <Rd>, <Fn>, <#fbits>`,
    when: isSingleOrDouble,
    check: fixedCheck,
    cold: true,
    sem: (x, f) => {
      const l = lanesOf(x, f);
      setInteger(x, f, toFixed(l, register(l, 'Rn').lane(0), fixedBits(x), ROUND.ZERO, f.sf!, unsigned));
    },
  },
  {
    name: `${unsigned ? 'U' : 'S'}CVTF_float_fix`,
    pattern: `sf 0011110 ftype:2 0 00 01${unsigned} immscale:6 Rn:5 Rd:5`,
    asm: `${unsigned ? 'u' : 's'}cvtf <Fd>, <Rn>, <#fbits>`,
    when: isSingleOrDouble,
    check: fixedCheck,
    cold: true,
    sem: (x, f) => {
      const integer = x.X('Rn', f.sf === 1 ? 64 : 32);
      x.setVScalar('Rd', fromFixed(lanesOf(x, f), integer, fixedBits(x), unsigned));
    },
  },
]);

/** FCVT: the formats' letters and codes, ftype of the source and opc of the result. */
const FORMATS = [
  ['S', '00'],
  ['D', '01'],
  ['H', '11'],
] as const;
const formatRows = FORMATS.flatMap(([from, ftype]) =>
  FORMATS.filter(([into]) => into !== from).map(
    ([into, opc]): Row => ({
      name: `FCVT_${from}${into}_float`,
      pattern: `00011110 ${ftype} 1 0001 ${opc} 10000 Rn:5 Rd:5`,
      asm: `fcvt <${into}d>, <${from}n>`,
      cold: true,
      sem: (x) => {
        const helper = (bits: Expr) => x.setVScalar('Rd', x.call(`fpConvert${from}${into}`, x.cpu(), bits));
        if (from === 'H') return helper(x.vPart('i32_16u', 'Rn'));
        const bits = x.vPart(from === 'D' ? 'i64' : 'i32', 'Rn');
        if (into === 'H') return helper(bits);
        const l = scalarLanes(x, into === 'D' ? 1 : 0);
        const source = x.tmp(x.vPart(from === 'D' ? 'f64' : 'f32', 'Rn'));
        const r = x.tmp(fop(into === 'D' ? 'f64' : 'f32', into === 'D' ? 0xbb : 0xb6, source));
        x.expect(
          (into === 'D' ? check.number : check.plain)(l, r),
          into === 'D' ? undefined : () => and(isZero(r), isZero(source)),
          () => x.setVScalar('Rd', r),
          () => helper(bits),
        );
      },
    }),
  ),
);

const integralRows = FRINT.map(
  (r): Row => ({
    name: `FRINT${r.letter}_float`,
    pattern: `00011110 ftype:2 1 ${r.opcode} 10000 Rn:5 Rd:5`,
    asm: `frint${r.letter.toLowerCase()} <Fd>, <Fn>`,
    when: isSingleOrDouble,
    cold: true,
    sem: (x, f) => {
      const l = lanesOf(x, f);
      roundToIntegral(r)(l, register(l, 'Rn'));
    },
  }),
);

export const rows: readonly Row[] = [
  ...toIntegerRows,
  ...fromIntegerRows,
  ...fixedRows,
  ...formatRows,
  ...integralRows,
];
