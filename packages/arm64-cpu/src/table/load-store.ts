/** Loads and stores of general registers: Arm ARM C4.1.88. */
import { add, type Expr, i64, type LoadKind } from '../wasm/expr.ts';
import { extended } from './dp-register.ts';
import type { Access, Fields, Row } from './row.ts';
import type { Sem } from './sem.ts';

const signed = (value: number, bits: number): number => (value << (32 - bits)) >> (32 - bits);

/** One access of the register-sized loads and stores. */
interface Size {
  readonly name: string;
  readonly asm: string;
  readonly rt: '<Wt>' | '<Xt>';
  /** Fields `size` and `opc` of the encoding. */
  readonly size: number;
  readonly opc: number;
  /** Kind of the load; undefined for a store. */
  readonly load?: LoadKind;
}

/** Every access: size, opc, assembly name and what a load does to the register (C4.1.88, "Loads and stores"). */
const ACCESSES: readonly Size[] = [
  { name: 'STRB', asm: 'strb', rt: '<Wt>', size: 0, opc: 0 },
  { name: 'LDRB', asm: 'ldrb', rt: '<Wt>', size: 0, opc: 1, load: 'i32_8u' },
  { name: 'LDRSB_64', asm: 'ldrsb', rt: '<Xt>', size: 0, opc: 2, load: 'i64_8s' },
  { name: 'LDRSB_32', asm: 'ldrsb', rt: '<Wt>', size: 0, opc: 3, load: 'i32_8s' },
  { name: 'STRH', asm: 'strh', rt: '<Wt>', size: 1, opc: 0 },
  { name: 'LDRH', asm: 'ldrh', rt: '<Wt>', size: 1, opc: 1, load: 'i32_16u' },
  { name: 'LDRSH_64', asm: 'ldrsh', rt: '<Xt>', size: 1, opc: 2, load: 'i64_16s' },
  { name: 'LDRSH_32', asm: 'ldrsh', rt: '<Wt>', size: 1, opc: 3, load: 'i32_16s' },
  { name: 'STR_32', asm: 'str', rt: '<Wt>', size: 2, opc: 0 },
  { name: 'LDR_32', asm: 'ldr', rt: '<Wt>', size: 2, opc: 1, load: 'i32' },
  { name: 'LDRSW', asm: 'ldrsw', rt: '<Xt>', size: 2, opc: 2, load: 'i64_32s' },
  { name: 'STR_64', asm: 'str', rt: '<Xt>', size: 3, opc: 0 },
  { name: 'LDR_64', asm: 'ldr', rt: '<Xt>', size: 3, opc: 1, load: 'i64' },
];

const binary = (value: number, bits: number): string => value.toString(2).padStart(bits, '0');

function transfer(x: Sem, a: Size, address: Expr, unprivileged = false): void {
  if (a.load) x.setX('Rt', x.load(a.load, address, { unprivileged }));
  else x.store((1 << a.size) as 1 | 2 | 4 | 8, address, x.X('Rt', a.size === 3 ? 64 : 32), { unprivileged });
}

/** The mnemonic of the unscaled (`u`) and unprivileged (`t`) forms: ldur, sttrb … */
const variant = (asm: string, letter: 'u' | 't'): string =>
  asm.replace(/^(ld|st)(r)/, letter === 'u' ? '$1u$2' : '$1t$2');

/** Writeback by imm9 that takes SP off its alignment. */
export const movesSpBy9 = (f: Fields): boolean => f.Rn === 31 && f.imm9! % 16 !== 0;

const offset9 = (x: Sem): Expr => x.imm64((f) => signed(f.imm9!, 9));

/** Where a single register goes, by addressing mode. */
export const singleAccess =
  (mode: 'offset' | 'post' | 'pre', bytes: number, store: boolean, offset: (f: Fields) => number) =>
  (f: Fields): Access => ({
    offset: mode === 'post' ? 0 : offset(f),
    bytes,
    align: bytes === 16 ? 1 : bytes,
    store,
    writeback: mode === 'offset' ? 0 : offset(f),
  });

/** The addressing modes of one access. */
function accessRows(a: Size): Row[] {
  const head = `${binary(a.size, 2)} 111 0`;
  const opc = binary(a.opc, 2);
  const at9 = (mode: string) => `${head} 00 ${opc} 0 imm9:9 ${mode} Rn:5 Rt:5`;
  const by9 = (mode: 'offset' | 'post' | 'pre') =>
    singleAccess(mode, 1 << a.size, a.load === undefined, (f) => signed(f.imm9!, 9));
  return [
    {
      name: `${a.name}_uimm`,
      pattern: `${head} 01 ${opc} imm12:12 Rn:5 Rt:5`,
      asm: `${a.asm} ${a.rt}, [<Xn|SP><#uoffset:${a.size}>]`,
      access: singleAccess('offset', 1 << a.size, a.load === undefined, (f) => f.imm12! << a.size),
      sem: (x) =>
        transfer(
          x,
          a,
          add(
            x.SP('Rn'),
            x.imm64((f) => f.imm12! << a.size),
          ),
        ),
    },
    {
      name: `${a.name}_unscaled`,
      pattern: at9('00'),
      asm: `${variant(a.asm, 'u')} ${a.rt}, [<Xn|SP><#soffset>]`,
      access: by9('offset'),
      sem: (x) => transfer(x, a, add(x.SP('Rn'), offset9(x))),
    },
    {
      name: `${a.name}_unpriv`,
      pattern: at9('10'),
      asm: `${variant(a.asm, 't')} ${a.rt}, [<Xn|SP><#soffset>]`,
      sem: (x) => transfer(x, a, add(x.SP('Rn'), offset9(x)), true),
    },
    {
      name: `${a.name}_post`,
      pattern: at9('01'),
      asm: `${a.asm} ${a.rt}, [<Xn|SP>], <#simm9>`,
      access: by9('post'),
      movesSp: movesSpBy9,
      sem: (x) => {
        const base = x.tmp(x.SP('Rn'));
        const value = x.tmp(add(base, offset9(x)));
        transferWithWriteback(x, a, base, value);
      },
    },
    {
      name: `${a.name}_pre`,
      pattern: at9('11'),
      asm: `${a.asm} ${a.rt}, [<Xn|SP>, <#simm9>]!`,
      access: by9('pre'),
      movesSp: movesSpBy9,
      sem: (x) => {
        const address = x.tmp(add(x.SP('Rn'), offset9(x)));
        transferWithWriteback(x, a, address, address);
      },
    },
    {
      name: `${a.name}_reg`,
      pattern: `${head} 00 ${opc} 1 Rm:5 option:3 S 10 Rn:5 Rt:5`,
      asm: `${a.asm} ${a.rt}, [<Xn|SP>, <Rm,offset:${a.size}>]`,
      when: (f) => (f.option! & 2) !== 0,
      sem: (x, f) => transfer(x, a, add(x.SP('Rn'), extended(x, f.option!, i64(f.S! * a.size)))),
    },
  ];
}

/** The base is written behind the access; a load into the base register keeps the loaded value (constrained unpredictable). */
function transferWithWriteback(x: Sem, a: Size, address: Expr, base: Expr): void {
  if (!a.load) {
    transfer(x, a, address);
    x.setSP('Rn', base);
    return;
  }
  const value = x.load(a.load, address);
  x.setSP('Rn', base);
  x.setX('Rt', value);
}

/** Pair forms: opc field, register size, and whether the load sign-extends words. */
const PAIRS = [
  { name: '32', opc: 0, bytes: 4, rt: 'W', kind: 'i64_32u' },
  { name: 'SW', opc: 1, bytes: 4, rt: 'X', kind: 'i64_32s' },
  { name: '64', opc: 2, bytes: 8, rt: 'X', kind: 'i64' },
] as const;

const PAIR_MODES = [
  { name: 'np', code: '000', writeback: 'none' },
  { name: 'post', code: '001', writeback: 'post' },
  { name: 'off', code: '010', writeback: 'none' },
  { name: 'pre', code: '011', writeback: 'pre' },
] as const;

/** Address of a pair access and the value that the base gets, by mode. */
export function pairAddress(x: Sem, writeback: 'none' | 'post' | 'pre', bytes: number): { address: Expr; base?: Expr } {
  const offset = x.imm64((f) => signed(f.imm7!, 7) * bytes);
  if (writeback === 'none') return { address: x.tmp(add(x.SP('Rn'), offset)) };
  if (writeback === 'pre') {
    const address = x.tmp(add(x.SP('Rn'), offset));
    return { address, base: address };
  }
  const address = x.tmp(x.SP('Rn'));
  return { address, base: add(address, offset) };
}

/** What a pair's row says of SP, by mode. */
export const pairMovesSp = (writeback: 'none' | 'post' | 'pre', bytes: number): Pick<Row, 'movesSp'> =>
  writeback === 'none' ? {} : { movesSp: (f) => f.Rn === 31 && (f.imm7! * bytes) % 16 !== 0 };

/** Where a pair of registers of `bytes` bytes goes, by mode. */
export const pairAccess =
  (writeback: 'none' | 'post' | 'pre', bytes: number, store: boolean) =>
  (f: Fields): Access => {
    const offset = signed(f.imm7!, 7) * bytes;
    return {
      offset: writeback === 'post' ? 0 : offset,
      bytes: 2 * bytes,
      align: bytes === 16 ? 1 : bytes,
      store,
      writeback: writeback === 'none' ? 0 : offset,
    };
  };

/** Assembly operand of a pair's address, by mode. */
export const pairOperand = (writeback: 'none' | 'post' | 'pre', bytes: number): string =>
  ({
    none: `[<Xn|SP><#poffset:${bytes}>]`,
    post: `[<Xn|SP>], <#pimm7:${bytes}>`,
    pre: `[<Xn|SP>, <#pimm7:${bytes}>]!`,
  })[writeback];

const pairRows: readonly Row[] = PAIRS.flatMap((p) =>
  PAIR_MODES.flatMap((m) =>
    [0, 1]
      .filter((isLoad) => p.name !== 'SW' || (isLoad === 1 && m.name !== 'np'))
      .map((isLoad): Row => {
        const mnemonic = `${isLoad ? 'ld' : 'st'}${m.name === 'np' ? 'np' : 'p'}${p.name === 'SW' ? 'sw' : ''}`;
        return {
          name: `${mnemonic.toUpperCase()}_${p.name}_${m.name}`,
          pattern: `${binary(p.opc, 2)} 101 0 ${m.code} ${isLoad} imm7:7 Rt2:5 Rn:5 Rt:5`,
          asm: `${mnemonic} <${p.rt}t>, <${p.rt}t2>, ${pairOperand(m.writeback, p.bytes)}`,
          ...pairMovesSp(m.writeback, p.bytes),
          access: pairAccess(m.writeback, p.bytes, isLoad === 0),
          sem: (x) => {
            const { address, base } = pairAddress(x, m.writeback, p.bytes);
            if (isLoad) {
              const [first, second] = x.loadPair(p.kind, address);
              if (base) x.setSP('Rn', base);
              x.setX('Rt', first);
              x.setX('Rt2', second);
            } else {
              const bits = p.bytes * 8;
              x.storePair(p.bytes, address, x.X('Rt', bits), x.X('Rt2', bits));
              if (base) x.setSP('Rn', base);
            }
          },
        };
      }),
  ),
);

const literal = (f: Fields): number => signed(f.imm19!, 19) * 4;

export const rows: readonly Row[] = [
  ...ACCESSES.flatMap(accessRows),
  ...pairRows,
  ...(
    [
      ['LDR_lit_32', 0, '<Wt>', 'i32', 'ldr'],
      ['LDR_lit_64', 1, '<Xt>', 'i64', 'ldr'],
      ['LDRSW_lit', 2, '<Xt>', 'i64_32s', 'ldrsw'],
    ] as const
  ).map(
    ([name, opc, rt, kind, asm]): Row => ({
      name,
      pattern: `${binary(opc, 2)} 011 0 00 imm19:19 Rt:5`,
      asm: `${asm} ${rt}, <label:imm19>`,
      sem: (x) => x.setX('Rt', x.load(kind, x.pcRelative(literal))),
    }),
  ),
  // Prefetches have no effect.
  {
    name: 'PRFM_lit',
    pattern: '11 011 0 00 imm19:19 immRt:5',
    asm: 'prfm <#prfop>, <label:imm19>',
    sem: () => {},
  },
  {
    name: 'PRFM_uimm',
    pattern: '11 111 0 01 10 imm12:12 Rn:5 immRt:5',
    asm: 'prfm <#prfop>, [<Xn|SP><#uoffset:3>]',
    sem: () => {},
  },
  {
    name: 'PRFUM',
    pattern: '11 111 0 00 10 0 imm9:9 00 Rn:5 immRt:5',
    asm: 'prfum <#prfop>, [<Xn|SP><#soffset>]',
    sem: () => {},
  },
  {
    name: 'PRFM_reg',
    pattern: '11 111 0 00 10 1 Rm:5 option:3 S 10 Rn:5 immRt:5',
    asm: 'prfm <#prfop>, [<Xn|SP>, <Rm,offset:3>]',
    dynamic: ['option', 'S'],
    check: (f) => (f.option! & 2) !== 0,
    sem: () => {},
  },
];
