import type { Expr } from '../wasm/expr.ts';
import { i64, shl } from '../wasm/expr.ts';
import type { Fields, Row } from './row.ts';
import type { Sem } from './sem.ts';
import { splat, vAndNot, vectorShape, vOr, writeResult } from './simd-lanes.ts';

const imm8 = (f: Fields): number => f.imma! * 32 + f.immd!;

/** The constants of the encoding, as the 32 bits that are repeated through the register (Arm ARM, AdvSIMDExpandImm). */
const EXPAND = {
  bytes: (f: Fields) => imm8(f) * 0x0101_0101,
  halves: (f: Fields) => (imm8(f) << (8 * f.immc!)) * 0x0001_0001,
  words: (f: Fields) => imm8(f) << (8 * f.immc!),
  /** Ones are shifted in from the right (MSL). */
  wordsOfOnes: (f: Fields) => {
    const shift = 8 << f.immc!;
    return (imm8(f) << shift) | (2 ** shift - 1);
  },
  single: (f: Fields) => {
    const i = imm8(f);
    const exponent = ((i >> 6) & 1 ? 0x7c : 0x80) | ((i >> 4) & 3);
    return ((i >> 7) << 31) | (exponent << 23) | ((i & 15) << 19);
  },
} as const satisfies Record<string, (f: Fields) => number>;

/** Every bit of the immediate becomes a byte. */
function bytemask(f: Fields): bigint {
  let out = 0n;
  for (let bit = 0; bit < 8; bit++) if ((imm8(f) >> bit) & 1) out |= 0xffn << BigInt(8 * bit);
  return out;
}

/** The upper 16 bits of a double-precision immediate, below which all are zero. */
function doubleTop(f: Fields): number {
  const i = imm8(f);
  const exponent = ((i >> 6) & 1 ? 0x3fc : 0x400) | ((i >> 4) & 3);
  return ((i >> 7) << 15) | (exponent << 4) | (i & 15);
}

const FORMS: Record<string, (x: Sem, value: Expr) => Expr> = {
  mov: (_x, value) => value,
  orr: (x, value) => vOr(x.V('Rd'), value),
  bic: (x, value) => vAndNot(x.V('Rd'), value),
};

type Expand = (f: Fields) => number;
const flip =
  (expand: Expand): Expand =>
  (f) =>
    ~expand(f);

type Encoding = [name: string, op: 0 | 1, cmode: string, asm: string, form: string, expand: Expand];

/** Shifted halfwords and words: suffix, cmode around its last bit, lane letter, constant. */
const SHIFTED = [
  ['hl', '10 immc', 'H', EXPAND.halves],
  ['sl', '0 immc:2', 'S', EXPAND.words],
] as const;

const encodings: readonly Encoding[] = [
  ['MOVI_asimdimm_N_b', 0, '1110', 'movi <Vd.TB>, <#imma:immd>', 'mov', EXPAND.bytes],
  ...SHIFTED.flatMap(([suffix, cmode, t, expand]): Encoding[] => {
    const operands = `<Vd.T${t}>, <#imma:immd><lsl8:immc>`;
    return [
      [`MOVI_asimdimm_L_${suffix}`, 0, `${cmode} 0`, `movi ${operands}`, 'mov', expand],
      [`MVNI_asimdimm_L_${suffix}`, 1, `${cmode} 0`, `mvni ${operands}`, 'mov', flip(expand)],
      [`ORR_asimdimm_L_${suffix}`, 0, `${cmode} 1`, `orr ${operands}`, 'orr', expand],
      [`BIC_asimdimm_L_${suffix}`, 1, `${cmode} 1`, `bic ${operands}`, 'bic', expand],
    ];
  }),
  ['MOVI_asimdimm_M_sm', 0, '110 immc', 'movi <Vd.TS>, <#imma:immd><msl:immc>', 'mov', EXPAND.wordsOfOnes],
  ['MVNI_asimdimm_M_sm', 1, '110 immc', 'mvni <Vd.TS>, <#imma:immd><msl:immc>', 'mov', flip(EXPAND.wordsOfOnes)],
  ['FMOV_asimdimm_S_s', 0, '1111', 'fmov <Vd.TS>, <#fpimm8>', 'mov', EXPAND.single],
];

const pattern = (Q: string, op: number, cmode: string): string =>
  `0 ${Q} ${op} 0111100000 imma:3 ${cmode} 01 immd:5 Rd:5`;

/** AdvSIMD modified immediate (Arm ARM C4.1.96). */
export const rows: readonly Row[] = [
  ...encodings.map(
    ([name, op, cmode, asm, form, expand]): Row => ({
      name,
      pattern: pattern('Q', op, cmode),
      asm,
      cold: true,
      sem: (x, f) => writeResult(vectorShape(x, f, 3), { value: FORMS[form]!(x, splat(2, x.imm32(expand))) }),
    }),
  ),
  {
    name: 'MOVI_asimdimm_D_ds',
    pattern: pattern('0', 1, '1110'),
    asm: 'movi <Dd>, <#bytemask>',
    cold: true,
    sem: (x) => x.setVScalar('Rd', x.wide(64, bytemask)),
  },
  {
    name: 'MOVI_asimdimm_D2_d',
    pattern: pattern('1', 1, '1110'),
    asm: 'movi <Vd.2D>, <#bytemask>',
    cold: true,
    sem: (x) => x.setV('Rd', splat(3, x.wide(64, bytemask))),
  },
  {
    name: 'FMOV_asimdimm_D2_d',
    pattern: pattern('1', 1, '1111'),
    asm: 'fmov <Vd.2D>, <#fpimm8>',
    cold: true,
    sem: (x) => x.setV('Rd', splat(3, shl(x.imm64(doubleTop), i64(48)))),
  },
];
