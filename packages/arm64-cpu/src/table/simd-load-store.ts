import type { Expr, LoadKind } from '../wasm/expr.ts';
import { add, i64 } from '../wasm/expr.ts';
import { extended } from './dp-register.ts';
import { movesSpBy9, pairAccess, pairAddress, pairMovesSp, pairOperand, singleAccess } from './load-store.ts';
import type { Fields, Row } from './row.ts';
import type { Sem } from './sem.ts';

const signed = (value: number, bits: number): number => (value << (32 - bits)) >> (32 - bits);

/** One access size: the fields `size` and the upper bit of `opc`, log2 of the bytes, the register's letter. */
interface Access {
  readonly letter: 'B' | 'H' | 'S' | 'D' | 'Q';
  readonly size: string;
  readonly opc: 0 | 1;
  readonly scale: number;
  /** Undefined for 128 bits. */
  readonly kind?: LoadKind;
  readonly cold: boolean;
}

const ACCESSES: readonly Access[] = [
  { letter: 'B', size: '00', opc: 0, scale: 0, kind: 'i32_8u', cold: true },
  { letter: 'H', size: '01', opc: 0, scale: 1, kind: 'i32_16u', cold: true },
  { letter: 'S', size: '10', opc: 0, scale: 2, kind: 'i32', cold: true },
  { letter: 'D', size: '11', opc: 0, scale: 3, kind: 'i64', cold: false },
  { letter: 'Q', size: '00', opc: 1, scale: 4, cold: false },
];

const loadValue = (x: Sem, a: Access, address: Expr): Expr =>
  x.tmp(a.kind ? x.load(a.kind, address) : x.loadV(address));

function writeRegister(x: Sem, a: Access, field: string, value: Expr): void {
  if (a.kind) x.setVScalar(field, value);
  else x.setV(field, value);
}

function storeRegister(x: Sem, a: Access, address: Expr): void {
  if (a.kind) x.store((1 << a.scale) as 1 | 2 | 4 | 8, address, x.vPart(a.kind, 'Rt'));
  else x.storeV(address, x.V('Rt'));
}

/** The access, then the base's new value where there is one. */
function transfer(x: Sem, a: Access, load: boolean, address: Expr, base?: Expr): void {
  if (!load) storeRegister(x, a, address);
  const value = load && loadValue(x, a, address);
  if (base) x.setSP('Rn', base);
  if (value) writeRegister(x, a, 'Rt', value);
}

const offset9 = (x: Sem): Expr => x.imm64((f) => signed(f.imm9!, 9));

/** The addressing modes of one access size in one direction. */
function accessRows(a: Access, load: boolean): Row[] {
  const name = `${load ? 'LDR' : 'STR'}_${a.letter}`;
  const mnemonic = load ? 'ldr' : 'str';
  const unscaled = load ? 'ldur' : 'stur';
  const opc = `${a.opc}${load ? 1 : 0}`;
  const at9 = (mode: string): string => `${a.size} 111 1 00 ${opc} 0 imm9:9 ${mode} Rn:5 Rt:5`;
  const register = `<${a.letter}t>`;
  const by9 = (mode: 'offset' | 'post' | 'pre') => singleAccess(mode, 1 << a.scale, !load, (f) => signed(f.imm9!, 9));
  return [
    {
      name: `${name}_uimm`,
      pattern: `${a.size} 111 1 01 ${opc} imm12:12 Rn:5 Rt:5`,
      asm: `${mnemonic} ${register}, [<Xn|SP><#uoffset:${a.scale}>]`,
      access: singleAccess('offset', 1 << a.scale, !load, (f) => f.imm12! << a.scale),
      cold: a.cold,
      sem: (x) =>
        transfer(
          x,
          a,
          load,
          add(
            x.SP('Rn'),
            x.imm64((f) => f.imm12! << a.scale),
          ),
        ),
    },
    {
      name: `${name}_unscaled`,
      pattern: at9('00'),
      asm: `${unscaled} ${register}, [<Xn|SP><#soffset>]`,
      access: by9('offset'),
      cold: a.cold,
      sem: (x) => transfer(x, a, load, add(x.SP('Rn'), offset9(x))),
    },
    {
      name: `${name}_post`,
      pattern: at9('01'),
      asm: `${mnemonic} ${register}, [<Xn|SP>], <#simm9>`,
      access: by9('post'),
      movesSp: movesSpBy9,
      cold: a.cold,
      sem: (x) => {
        const address = x.tmp(x.SP('Rn'));
        transfer(x, a, load, address, add(address, offset9(x)));
      },
    },
    {
      name: `${name}_pre`,
      pattern: at9('11'),
      asm: `${mnemonic} ${register}, [<Xn|SP>, <#simm9>]!`,
      access: by9('pre'),
      movesSp: movesSpBy9,
      cold: a.cold,
      sem: (x) => {
        const address = x.tmp(add(x.SP('Rn'), offset9(x)));
        transfer(x, a, load, address, address);
      },
    },
    {
      name: `${name}_reg`,
      pattern: `${a.size} 111 1 00 ${opc} 1 Rm:5 option:3 S 10 Rn:5 Rt:5`,
      asm: `${mnemonic} ${register}, [<Xn|SP>, <Rm,offset:${a.scale}>]`,
      dynamic: ['S'],
      when: (f) => (f.option! & 2) !== 0,
      cold: a.cold,
      sem: (x, f) => {
        const shift = x.imm64((fields) => (fields.S ? a.scale : 0));
        transfer(x, a, load, add(x.SP('Rn'), extended(x, f.option!, shift)));
      },
    },
  ];
}

/** Sizes of pairs and literals, by `opc`. */
const BY_OPC = ACCESSES.slice(2);

const PAIR_MODES = [
  { name: 'np', code: '000', writeback: 'none', cold: true },
  { name: 'post', code: '001', writeback: 'post', cold: false },
  { name: 'off', code: '010', writeback: 'none', cold: false },
  { name: 'pre', code: '011', writeback: 'pre', cold: false },
] as const;
type PairMode = (typeof PAIR_MODES)[number];

function loadBoth(x: Sem, a: Access, address: Expr): [Expr, Expr] {
  if (a.kind) return x.loadPair(a.kind, address);
  return [x.tmp(x.loadV(address)), x.tmp(x.loadV(add(address, i64(16))))];
}

function storeBoth(x: Sem, a: Access, address: Expr): void {
  if (a.kind) x.storePair(a.scale === 2 ? 4 : 8, address, x.vPart(a.kind, 'Rt'), x.vPart(a.kind, 'Rt2'));
  else x.storePairV(address, x.V('Rt'), x.V('Rt2'));
}

function pairRow(a: Access, opc: number, mode: PairMode, load: boolean): Row {
  const mnemonic = `${load ? 'ld' : 'st'}${mode.name === 'np' ? 'np' : 'p'}`;
  const bytes = 1 << a.scale;
  return {
    name: `${mnemonic.toUpperCase()}_${a.letter}_${mode.name}`,
    pattern: `${opc.toString(2).padStart(2, '0')} 101 1 ${mode.code} ${load ? 1 : 0} imm7:7 Rt2:5 Rn:5 Rt:5`,
    asm: `${mnemonic} <${a.letter}t>, <${a.letter}t2>, ${pairOperand(mode.writeback, bytes)}`,
    cold: a.cold || mode.cold,
    ...pairMovesSp(mode.writeback, bytes),
    // Two registers of 16 bytes are loaded one after the other.
    ...(load && bytes === 16 ? {} : { access: pairAccess(mode.writeback, bytes, !load) }),
    sem: (x) => {
      const { address, base } = pairAddress(x, mode.writeback, bytes);
      if (load) {
        const [first, second] = loadBoth(x, a, address);
        if (base) x.setSP('Rn', base);
        writeRegister(x, a, 'Rt', first);
        writeRegister(x, a, 'Rt2', second);
      } else {
        storeBoth(x, a, address);
        if (base) x.setSP('Rn', base);
      }
    },
  };
}

const literal = (f: Fields): number => signed(f.imm19!, 19) * 4;

/** Loads and stores of SIMD&FP registers (Arm ARM C4.1.88). */
export const rows: readonly Row[] = [
  ...ACCESSES.flatMap((a) => [true, false].flatMap((load) => accessRows(a, load))),
  ...BY_OPC.flatMap((a, opc) => PAIR_MODES.flatMap((mode) => [true, false].map((load) => pairRow(a, opc, mode, load)))),
  ...BY_OPC.map(
    (a, opc): Row => ({
      name: `LDR_lit_${a.letter}`,
      pattern: `${opc.toString(2).padStart(2, '0')} 011 1 00 imm19:19 Rt:5`,
      asm: `ldr <${a.letter}t>, <label:imm19>`,
      cold: true,
      sem: (x) => writeRegister(x, a, 'Rt', loadValue(x, a, x.pcRelative(literal))),
    }),
  ),
];
