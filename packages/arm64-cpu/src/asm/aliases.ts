/** Other ways to write the instructions of a row (Arm ARM C6.2 and C7.2, "Alias conditions"). */
import { decodeBitMask } from '../bitmask.ts';
import type { Fields } from '../table/row.ts';
import { widthOf } from './operand.ts';

export interface Alias {
  /** Names of the rows that it stands for. */
  readonly rows: readonly string[];
  readonly asm: string;
  /** Fields with one value: conditions when writing, set when reading. */
  readonly fixed?: Fields;
  /** Pairs of fields with one value: the first is set to the second when reading. */
  readonly same?: readonly (readonly [string, string])[];
  /** When the alias is preferred to the row's own form; default always. */
  readonly when?: (f: Fields) => boolean;
  /** Only read, never written. */
  readonly readOnly?: boolean;
}

const ZR = 31;
const AL = 14;
const shiftedRows = (name: string): string[] => [`${name}_plain`, name];
const SAME_SOURCES = [['Rm', 'Rn']] as const;

/** True if MOV of this value is written by MOVZ or MOVN, so that ORR is not (MoveWidePreferred). */
function moveWidePreferred(f: Fields): boolean {
  const value = decodeBitMask(f.N!, f.imms!, f.immr!, widthOf(f)) ?? 0n;
  const oneHalfword = (v: bigint): boolean => [0n, 16n, 32n, 48n].some((shift) => (v & ~(0xffffn << shift)) === 0n);
  return oneHalfword(value) || oneHalfword(BigInt.asUintN(widthOf(f), ~value));
}

const isLastBit = (f: Fields): boolean => f.imms === widthOf(f) - 1;
const hasCondition = (f: Fields): boolean => f.cond! < AL;

const arithmetic: readonly Alias[] = [
  { rows: ['SUBS_imm'], asm: 'cmp <Rn|SP>, <#imm12sh>', fixed: { Rd: ZR } },
  { rows: ['ADDS_imm'], asm: 'cmn <Rn|SP>, <#imm12sh>', fixed: { Rd: ZR } },
  { rows: shiftedRows('SUBS_addsub_shift'), asm: 'cmp <Rn>, <Rm><shift>', fixed: { Rd: ZR } },
  { rows: shiftedRows('ADDS_addsub_shift'), asm: 'cmn <Rn>, <Rm><shift>', fixed: { Rd: ZR } },
  { rows: ['SUBS_addsub_ext'], asm: 'cmp <Rn|SP>, <Rm,extend>', fixed: { Rd: ZR } },
  { rows: ['ADDS_addsub_ext'], asm: 'cmn <Rn|SP>, <Rm,extend>', fixed: { Rd: ZR } },
  { rows: shiftedRows('SUB_addsub_shift'), asm: 'neg <Rd>, <Rm><shift>', fixed: { Rn: ZR } },
  { rows: shiftedRows('SUBS_addsub_shift'), asm: 'negs <Rd>, <Rm><shift>', fixed: { Rn: ZR } },
  { rows: ['SBC'], asm: 'ngc <Rd>, <Rm>', fixed: { Rn: ZR } },
  { rows: ['SBCS'], asm: 'ngcs <Rd>, <Rm>', fixed: { Rn: ZR } },
  // An immediate below zero is the other operation's.
  { rows: ['SUB_imm'], asm: 'add <Rd|SP>, <Rn|SP>, <#negimm12sh>', readOnly: true },
  { rows: ['ADD_imm'], asm: 'sub <Rd|SP>, <Rn|SP>, <#negimm12sh>', readOnly: true },
  { rows: ['SUBS_imm'], asm: 'adds <Rd>, <Rn|SP>, <#negimm12sh>', readOnly: true },
  { rows: ['ADDS_imm'], asm: 'subs <Rd>, <Rn|SP>, <#negimm12sh>', readOnly: true },
  { rows: ['ADDS_imm'], asm: 'cmp <Rn|SP>, <#negimm12sh>', fixed: { Rd: ZR }, readOnly: true },
  { rows: ['SUBS_imm'], asm: 'cmn <Rn|SP>, <#negimm12sh>', fixed: { Rd: ZR }, readOnly: true },
  { rows: ['MADD'], asm: 'mul <Rd>, <Rn>, <Rm>', fixed: { Ra: ZR } },
  { rows: ['MSUB'], asm: 'mneg <Rd>, <Rn>, <Rm>', fixed: { Ra: ZR } },
  { rows: ['SMADDL'], asm: 'smull <Xd>, <Wn>, <Wm>', fixed: { Ra: ZR } },
  { rows: ['SMSUBL'], asm: 'smnegl <Xd>, <Wn>, <Wm>', fixed: { Ra: ZR } },
  { rows: ['UMADDL'], asm: 'umull <Xd>, <Wn>, <Wm>', fixed: { Ra: ZR } },
  { rows: ['UMSUBL'], asm: 'umnegl <Xd>, <Wn>, <Wm>', fixed: { Ra: ZR } },
];

const moves: readonly Alias[] = [
  { rows: shiftedRows('ORR_log_shift'), asm: 'mov <Rd>, <Rm>', fixed: { Rn: ZR, shift: 0, imm6: 0 } },
  {
    rows: ['ORR_log_shift'],
    asm: 'uxtw <Xd>, <Wm>',
    fixed: { sf: 0, Rn: ZR, shift: 0, imm6: 0 },
    readOnly: true,
  },
  {
    rows: ['ADD_imm'],
    asm: 'mov <Rd|SP>, <Rn|SP>',
    fixed: { sh: 0, imm12: 0 },
    when: (f) => f.Rd === ZR || f.Rn === ZR,
  },
  { rows: ['MOVZ'], asm: 'mov <Rd>, <#movz>', when: (f) => f.imm16 !== 0 || f.immhw === 0 },
  {
    rows: ['MOVN'],
    asm: 'mov <Rd>, <#movn>',
    when: (f) => (f.imm16 !== 0 || f.immhw === 0) && (f.sf === 1 || f.imm16 !== 0xffff),
  },
  { rows: ['ORR_imm'], asm: 'mov <Rd|SP>, <#movmask>', fixed: { Rn: ZR }, when: (f) => !moveWidePreferred(f) },
];

const logic: readonly Alias[] = [
  { rows: ['ANDS_imm'], asm: 'tst <Rn>, <#bitmask>', fixed: { Rd: ZR } },
  { rows: shiftedRows('ANDS_log_shift'), asm: 'tst <Rn>, <Rm><shift>', fixed: { Rd: ZR } },
  { rows: shiftedRows('ORN_log_shift'), asm: 'mvn <Rd>, <Rm><shift>', fixed: { Rn: ZR } },
  { rows: ['AND_imm'], asm: 'bic <Rd|SP>, <Rn>, <#notbitmask>', readOnly: true },
  { rows: ['ANDS_imm'], asm: 'bics <Rd>, <Rn>, <#notbitmask>', readOnly: true },
  { rows: ['ORR_imm'], asm: 'orn <Rd|SP>, <Rn>, <#notbitmask>', readOnly: true },
  { rows: ['EOR_imm'], asm: 'eon <Rd|SP>, <Rn>, <#notbitmask>', readOnly: true },
];

const bitfields: readonly Alias[] = [
  { rows: ['UBFM'], asm: 'lsr <Rd>, <Rn>, <#right>', when: isLastBit },
  { rows: ['SBFM'], asm: 'asr <Rd>, <Rn>, <#right>', when: isLastBit },
  { rows: ['UBFM'], asm: 'lsl <Rd>, <Rn>, <#lsl>', when: (f) => f.imms! + 1 === f.immr! },
  { rows: ['EXTR'], asm: 'ror <Rd>, <Rn>, <#ror>', same: SAME_SOURCES },
  { rows: ['SBFM'], asm: 'sxtb <Rd>, <Wn>', fixed: { immr: 0, imms: 7 } },
  { rows: ['SBFM'], asm: 'sxth <Rd>, <Wn>', fixed: { immr: 0, imms: 15 } },
  { rows: ['SBFM'], asm: 'sxtw <Xd>, <Wn>', fixed: { sf: 1, immr: 0, imms: 31 } },
  { rows: ['UBFM'], asm: 'uxtb <Wd>, <Wn>', fixed: { sf: 0, immr: 0, imms: 7 } },
  { rows: ['UBFM'], asm: 'uxth <Wd>, <Wn>', fixed: { sf: 0, immr: 0, imms: 15 } },
  ...[
    ['SBFM', 'sbfx', 'sbfiz'],
    ['UBFM', 'ubfx', 'ubfiz'],
    ['BFM', 'bfxil', 'bfi'],
  ].flatMap(([row, from, to]): Alias[] => [
    { rows: [row!], asm: `${from} <Rd>, <Rn>, <#fromlsb>, <#fromwidth>`, when: (f) => f.imms! >= f.immr! },
    ...(row === 'BFM' ? [{ rows: [row], asm: 'bfc <Rd>, <#tolsb>, <#towidth>', fixed: { Rn: ZR } }] : []),
    { rows: [row!], asm: `${to} <Rd>, <Rn>, <#tolsb>, <#towidth>` },
  ]),
  ...['LSL', 'LSR', 'ASR', 'ROR'].map((name) => ({
    rows: [`${name}V`],
    asm: `${name.toLowerCase()} <Rd>, <Rn>, <Rm>`,
  })),
  { rows: ['REV_64'], asm: 'rev64 <Xd>, <Xn>', readOnly: true },
];

const conditionals: readonly Alias[] = [
  { rows: ['CSINC'], asm: 'cset <Rd>, <invcond>', fixed: { Rn: ZR, Rm: ZR }, when: hasCondition },
  { rows: ['CSINV'], asm: 'csetm <Rd>, <invcond>', fixed: { Rn: ZR, Rm: ZR }, when: hasCondition },
  { rows: ['CSINC'], asm: 'cinc <Rd>, <Rn>, <invcond>', same: SAME_SOURCES, when: hasCondition },
  { rows: ['CSINV'], asm: 'cinv <Rd>, <Rn>, <invcond>', same: SAME_SOURCES, when: hasCondition },
  { rows: ['CSNEG'], asm: 'cneg <Rd>, <Rn>, <invcond>', same: SAME_SOURCES, when: hasCondition },
  { rows: ['B_cond'], asm: 'b<cond> <label:imm19>', readOnly: true },
];

/** Hints by CRm:op2. */
const HINTS: Readonly<Record<string, number>> = {
  nop: 0,
  yield: 1,
  wfe: 2,
  wfi: 3,
  sev: 4,
  sevl: 5,
  xpaclri: 7,
  pacia1716: 8,
  pacib1716: 10,
  autia1716: 12,
  autib1716: 14,
  esb: 16,
  'psb csync': 17,
  'tsb csync': 18,
  csdb: 20,
  clearbhb: 22,
  paciaz: 24,
  paciasp: 25,
  pacibz: 26,
  pacibsp: 27,
  autiaz: 28,
  autiasp: 29,
  autibz: 30,
  autibsp: 31,
  bti: 32,
  'bti c': 34,
  'bti j': 36,
  'bti jc': 38,
};

const system: readonly Alias[] = [
  ...Object.entries(HINTS).map(([asm, n]) => ({ rows: ['HINT'], asm, fixed: { immCRm: n >> 3, immop2: n & 7 } })),
  { rows: ['CLREX'], asm: 'clrex', fixed: { immCRm: 15 } },
  { rows: ['ISB'], asm: 'isb', fixed: { immCRm: 15 } },
  { rows: ['ISB'], asm: 'isb sy', fixed: { immCRm: 15 }, readOnly: true },
  { rows: ['DSB'], asm: 'ssbb', fixed: { immCRm: 0 } },
  { rows: ['DSB'], asm: 'pssbb', fixed: { immCRm: 4 } },
];

/** Loads and stores whose offset only the unscaled form holds, under the usual mnemonic. */
const unscaled: readonly Alias[] = [
  ['STRB', 'strb', 'W'],
  ['LDRB', 'ldrb', 'W'],
  ['LDRSB_64', 'ldrsb', 'X'],
  ['LDRSB_32', 'ldrsb', 'W'],
  ['STRH', 'strh', 'W'],
  ['LDRH', 'ldrh', 'W'],
  ['LDRSH_64', 'ldrsh', 'X'],
  ['LDRSH_32', 'ldrsh', 'W'],
  ['STR_32', 'str', 'W'],
  ['LDR_32', 'ldr', 'W'],
  ['LDRSW', 'ldrsw', 'X'],
  ['STR_64', 'str', 'X'],
  ['LDR_64', 'ldr', 'X'],
  ...['B', 'H', 'S', 'D', 'Q'].flatMap((l) => [
    [`LDR_${l}`, 'ldr', l],
    [`STR_${l}`, 'str', l],
  ]),
].map(([row, mnemonic, letter]) => ({
  rows: [`${row}_unscaled`],
  asm: `${mnemonic} <${letter}t>, [<Xn|SP><#soffset>]`,
  readOnly: true,
}));

/** Atomics without result (FEAT_LSE): STADD is LDADD to the zero register, without acquire. */
const atomics: readonly Alias[] = ['add', 'clr', 'eor', 'set', 'smax', 'smin', 'umax', 'umin'].flatMap((name) =>
  [
    ['b', '8', 'W'],
    ['h', '16', 'W'],
    ['', '32', 'W'],
    ['', '64', 'X'],
  ].map(([suffix, bits, letter]) => ({
    rows: [`LD${name.toUpperCase()}${suffix!.toUpperCase()}_${bits}`],
    asm: `st${name}<l>${suffix} <${letter}s>, [<Xn|SP>]`,
    fixed: { Rt: ZR, A: 0 },
  })),
);

const LANES = [
  ['b', 'B', 'W'],
  ['h', 'H', 'W'],
  ['s', 'S', 'W'],
  ['d', 'D', 'X'],
] as const;

const simd: readonly Alias[] = [
  { rows: ['ORR_asimdsame'], asm: 'mov <Vd.TB>, <Vn.TB>', same: SAME_SOURCES },
  ...LANES.flatMap(([suffix, lane, general]): Alias[] => [
    { rows: [`INS_asimdins_IR_r_${suffix}`], asm: `mov <Vd.${lane}[immi]>, <${general}n>` },
    { rows: [`INS_asimdins_IV_v_${suffix}`], asm: `mov <Vd.${lane}[immi]>, <Vn.${lane}[immn]>` },
    { rows: [`DUP_asisdone_${suffix}`], asm: `mov <${lane}d>, <Vn.${lane}[immi]>` },
  ]),
  { rows: ['UMOV_asimdins_W_s'], asm: 'mov <Wd>, <Vn.S[immi]>' },
  { rows: ['UMOV_asimdins_X_d'], asm: 'mov <Xd>, <Vn.D[immi]>' },
  ...['S', 'U'].flatMap((sign) =>
    [
      ['b', '8H', 'TB'],
      ['h', '4S', 'TH'],
      ['s', '2D', 'TS'],
    ].map(([suffix, wide, narrow]) => ({
      rows: [`${sign}SHLL_asimdshf_${suffix}`],
      asm: `${sign.toLowerCase()}xtl<2> <Vd.${wide}>, <Vn.${narrow}>`,
      fixed: { immb: 0 },
    })),
  ),
];

/** In order of preference. */
export const ALIASES: readonly Alias[] = [
  ...arithmetic,
  ...moves,
  ...logic,
  ...bitfields,
  ...conditionals,
  ...system,
  ...unscaled,
  ...atomics,
  ...simd,
];
