import type { Expr, LoadKind } from '../wasm/expr.ts';
import { add, and, eqz, gtU, i32, i64, or, sub, wrap } from '../wasm/expr.ts';
import { laneOp, lanes, shuffle } from '../wasm/simd-ops.ts';
import type { Fields, Row } from './row.ts';
import type { Sem } from './sem.ts';
import { clip, readV, splat } from './simd-lanes.ts';

/** How the address is given: in Rn, which the post-index forms advance by the bytes moved or by Rm behind the access. */
interface Mode {
  /** Of the row's name. */
  readonly suffix: string;
  /** Bit 23, and the bits of Rm. */
  readonly post: 0 | 1;
  readonly rm: string;
}
const MODES: readonly Mode[] = [
  { suffix: '', post: 0, rm: '00000' },
  { suffix: '_i', post: 1, rm: '11111' },
  { suffix: '_r', post: 1, rm: 'Rm:5' },
];

/** Where Rm is a register it isn't 31, which is the immediate form. */
const modeCheck = (mode: Mode) => (mode.suffix === '_r' ? { check: (f: Fields) => f.Rm !== 31 } : {});

/** What a row says of SP: behind an access of `bytes` bytes it may be off its alignment, unless that is a multiple of 16. */
const modeMovesSp = (mode: Mode, bytes: (f: Fields) => number): Pick<Row, 'movesSp'> =>
  mode.post === 0 ? {} : { movesSp: (f) => f.Rn === 31 && (mode.suffix === '_r' || bytes(f) % 16 !== 0) };

/** The address operand; `step` is the placeholder of the bytes moved. */
const addressOperand = (mode: Mode, step: string): string =>
  ({ '': '[<Xn|SP>]', _i: `[<Xn|SP>], ${step}`, _r: '[<Xn|SP>], <Xm>' })[mode.suffix]!;

/** Runs `access` on the address in Rn, then advances Rn where the mode asks for it. */
function withAddress(x: Sem, mode: Mode, bytes: number, access: (base: Expr) => void): void {
  const base = x.tmp(x.SP('Rn'));
  access(base);
  if (mode.suffix === '_i') x.setSP('Rn', add(base, i64(bytes)));
  if (mode.suffix === '_r') x.setSP('Rn', add(base, x.X('Rm')));
}

const offset = (base: Expr, bytes: number): Expr => add(base, i64(bytes));

/** The register that is `r` behind Rt. */
const rt = (r: number): string => (r === 0 ? 'Rt' : `Rt+${r}`);

/** The list of `n` registers in assembly text, each with `tail` behind its number. */
const list = (n: number, tail: string): string =>
  Array.from({ length: n }, (_, r) => (r === 0 ? `<Vt.${tail}>` : `<Vt+${r}.${tail}>`)).join(', ');

/** Sixteen bytes of the concatenation of `vectors`: byte `i` is number `from(i)` of it. */
function gather(vectors: readonly Expr[], from: (i: number) => number): Expr {
  const bytes = Array.from({ length: 16 }, (_, i) => from(i));
  let v = vectors[0]!;
  if (vectors.length === 1) return shuffle(v, v, bytes);
  for (let k = 1; k < vectors.length; k++) {
    const isLast = (i: number): boolean => bytes[i]! >> 4 === k;
    // Bytes of the first two vectors come by number, later ones one vector at a time into their places.
    v = shuffle(
      v,
      vectors[k]!,
      bytes.map((b, i) => (isLast(i) ? 16 + (b & 15) : k === 1 ? b & 15 : i)),
    );
  }
  return v;
}

/** Loads `bytes` (a multiple of 8) bytes, sixteen to a vector; alignment counts for elements of `element` bytes. */
function loadBytes(x: Sem, base: Expr, bytes: number, element: number): Expr[] {
  const out: Expr[] = [];
  for (let at = 0; at < bytes; at += 16) {
    const whole = bytes - at >= 16;
    const v = whole
      ? x.loadV(offset(base, at), { element })
      : lanes(3, 'splat', x.load('i64', offset(base, at), { element }));
    out.push(x.tmp(v));
  }
  return out;
}

/**
 * Faults before anything is written, where stores of `bytes` bytes from `base` on could meet a page that may not be
 * written, or a watchpoint, behind the first of them.
 */
function probeStores(x: Sem, base: Expr, bytes: number): void {
  const crosses = gtU(add(and(wrap(base), i32(0xfff)), i32(bytes)), i32(0x1000));
  x.if(or(crosses, x.state('debugOn', 'i32')), () => {
    const allowed = x.call('probeWrite', x.cpu(), base, i32(bytes));
    x.if(eqz(allowed), () => x.exception(x.state('faultEsr', 'i64')));
  });
}

/** Stores `bytes` (a multiple of 8) bytes, sixteen from a vector; alignment counts for elements of `element` bytes. */
function storeBytes(x: Sem, base: Expr, bytes: number, vectors: readonly Expr[], element: number): void {
  vectors.forEach((v, k) => {
    if (bytes - 16 * k >= 16) x.storeV(offset(base, 16 * k), v, { element });
    else x.store(8, offset(base, 16 * k), laneOp('i64x2.extract_lane', 0, v), { element });
  });
}

/** The `n` registers as memory holds them: lane i of all of them, then lane i + 1. */
function interleave(x: Sem, n: number, size: number, registerBytes: number): Expr[] {
  const registers = Array.from({ length: n }, (_, r) => readV(x, rt(r)));
  const vectors = Math.ceil((n * registerBytes) / 16);
  return Array.from({ length: vectors }, (_, k) => {
    const from = (i: number): number => {
      const element = (16 * k + i) >> size;
      const lane = Math.floor(element / n) % (registerBytes >> size);
      return (element % n) * 16 + (lane << size) + (i & ((1 << size) - 1));
    };
    return x.tmp(gather(registers, from));
  });
}

/** Register `r` of `n` out of interleaved memory. */
function deinterleave(vectors: readonly Expr[], n: number, r: number, size: number, registerBytes: number): Expr {
  const from = (i: number): number => {
    const lane = (i % registerBytes) >> size;
    return ((lane * n + r) << size) + (i & ((1 << size) - 1));
  };
  return clip(registerBytes * 8, gather(vectors, from));
}

/** Multiple structures: elements per structure, registers, opcode. */
const MULTIPLE = [
  { elements: 4, registers: 4, opcode: '0000' },
  { elements: 1, registers: 4, opcode: '0010' },
  { elements: 3, registers: 3, opcode: '0100' },
  { elements: 1, registers: 3, opcode: '0110' },
  { elements: 1, registers: 1, opcode: '0111' },
  { elements: 2, registers: 2, opcode: '1000' },
  { elements: 1, registers: 2, opcode: '1010' },
] as const;

function multipleRow({ elements, registers, opcode }: (typeof MULTIPLE)[number], load: boolean, mode: Mode): Row {
  const mnemonic = `${load ? 'LD' : 'ST'}${elements}`;
  return {
    name: `${mnemonic}_asisdlse_R${registers}${mode.suffix}`,
    pattern: `0 Q 001100${mode.post} ${load ? 1 : 0} 0 ${mode.rm} ${opcode} size:2 Rn:5 Rt:5`,
    asm: `${mnemonic.toLowerCase()} {${list(registers, 'T')}}, ${addressOperand(mode, `<#postQ:${8 * registers}>`)}`,
    ...(elements === 1 ? {} : { when: (f: Fields) => !(f.size === 3 && f.Q === 0) }),
    ...modeCheck(mode),
    ...modeMovesSp(mode, (f) => registers * (f.Q ? 16 : 8)),
    cold: true,
    sem: (x, f) => {
      const registerBytes = f.Q ? 16 : 8;
      const bytes = registers * registerBytes;
      const element = bytesOf(f.size!);
      withAddress(x, mode, bytes, (base) => {
        if (!load && registers > 1) probeStores(x, base, bytes);
        if (elements === 1) moveRegisters(x, base, registers, registerBytes, load, element);
        else if (load) {
          const vectors = loadBytes(x, base, bytes, element);
          for (let r = 0; r < registers; r++)
            x.setV(rt(r), deinterleave(vectors, registers, r, f.size!, registerBytes));
        } else storeBytes(x, base, bytes, interleave(x, registers, f.size!, registerBytes), element);
      });
    },
  };
}

/** LD1 and ST1 of whole registers. */
function moveRegisters(x: Sem, base: Expr, n: number, bytes: number, load: boolean, element: number): void {
  const numbers = Array.from({ length: n }, (_, r) => r);
  if (load) {
    const address = (r: number): Expr => offset(base, r * bytes);
    const how = { element };
    const values = numbers.map((r) => x.tmp(bytes === 16 ? x.loadV(address(r), how) : x.load('i64', address(r), how)));
    values.forEach((v, r) => {
      if (bytes === 16) x.setV(rt(r), v);
      else x.setVScalar(rt(r), v);
    });
    return;
  }
  for (const r of numbers) {
    if (bytes === 16) x.storeV(offset(base, r * bytes), x.V(rt(r)), { element });
    else x.store(8, offset(base, r * bytes), x.vPart('i64', rt(r)), { element });
  }
}

/** Lanes of single structures: bits from opcode<2:1> on around R's neighbour, and the fields of the index. */
const LANES = [
  { size: 0, letter: 'B', suffix: 'b', head: '00', tail: 'immS immz:2', index: 'immQ:immS:immz', load: 'i32_8u' },
  { size: 1, letter: 'H', suffix: 'h', head: '01', tail: 'immS immz 0', index: 'immQ:immS:immz', load: 'i32_16u' },
  { size: 2, letter: 'S', suffix: 's', head: '10', tail: 'immS 00', index: 'immQ:immS', load: 'i32' },
  { size: 3, letter: 'D', suffix: 'd', head: '10', tail: '0 01', index: 'immQ', load: 'i64' },
] as const satisfies readonly { load: LoadKind; [key: string]: unknown }[];
type Lane = (typeof LANES)[number];

const bytesOf = (size: number): 1 | 2 | 4 | 8 => (1 << size) as 1 | 2 | 4 | 8;

/** Byte offset of the lane that the fields choose. */
const laneOffset = (size: number, f: Fields): number => {
  const index = [
    () => f.immQ! * 8 + f.immS! * 4 + f.immz!,
    () => f.immQ! * 4 + f.immS! * 2 + f.immz!,
    () => f.immQ! * 2 + f.immS!,
    () => f.immQ!,
  ];
  return index[size]!() << size;
};

/** Bits from R to opcode<0> of structures of `n` elements: R, Rm's place, the upper opcode bits, opcode<0>. */
const structure = (n: number, mode: Mode, opcode: string): string =>
  `${(n - 1) & 1} ${mode.rm} ${opcode} ${(n - 1) >> 1}`;

const singleAddress = (n: number, size: number, mode: Mode): string => addressOperand(mode, `#${n << size}`);

/**
 * Place, from Rt on, of the lane in the register that is `r` behind it, modulo 32. `place` is the first one's in the
 * register file: one operand says where all lanes are.
 */
const lanePlace = (place: Expr, r: number): Expr =>
  r === 0 ? and(place, i32(0xf)) : sub(and(add(place, i32(16 * r)), i32(0x1ff)), and(place, i32(0x1f0)));

function laneRow(l: Lane, n: number, load: boolean, mode: Mode): Row {
  const mnemonic = `${load ? 'LD' : 'ST'}${n}`;
  const bytes = bytesOf(l.size);
  return {
    name: `${mnemonic}_asisdlso_${l.suffix}${mode.suffix}`,
    pattern: `0 immQ 001101${mode.post} ${load ? 1 : 0} ${structure(n, mode, l.head)} ${l.tail} Rn:5 Rt:5`,
    asm: `${mnemonic.toLowerCase()} {${list(n, l.letter)}}<[${l.index}]>, ${singleAddress(n, l.size, mode)}`,
    ...modeCheck(mode),
    ...modeMovesSp(mode, () => n * bytes),
    cold: true,
    sem: (x) =>
      withAddress(x, mode, n * bytes, (base) => {
        const place = x.tmp(x.imm32((f) => f.Rt! * 16 + laneOffset(l.size, f)));
        const numbers = Array.from({ length: n }, (_, r) => r);
        if (!load) {
          if (n > 1) probeStores(x, base, n * bytes);
          for (const r of numbers) x.store(bytes, offset(base, r * bytes), x.vPart(l.load, 'Rt', lanePlace(place, r)));
          return;
        }
        const values = numbers.map((r) => x.tmp(x.load(l.load, offset(base, r * bytes))));
        values.forEach((v, r) => {
          x.setVPart(bytes, 'Rt', v, lanePlace(place, r));
        });
      }),
  };
}

/** LD1R to LD4R: every lane of a register gets the same element. */
function replicateRow(l: Lane, n: number, mode: Mode): Row {
  const bytes = bytesOf(l.size);
  return {
    name: `LD${n}R_asisdlso_${l.suffix}${mode.suffix}`,
    pattern: `0 Q 001101${mode.post} 1 ${structure(n, mode, '11')} 0 ${l.size.toString(2).padStart(2, '0')} Rn:5 Rt:5`,
    asm: `ld${n}r {${list(n, `T${l.letter}`)}}, ${singleAddress(n, l.size, mode)}`,
    ...modeCheck(mode),
    ...modeMovesSp(mode, () => n * bytes),
    cold: true,
    sem: (x, f) =>
      withAddress(x, mode, n * bytes, (base) => {
        const values = Array.from({ length: n }, (_, r) => x.tmp(x.load(l.load, offset(base, r * bytes))));
        values.forEach((v, r) => {
          x.setV(rt(r), clip(f.Q ? 128 : 64, splat(l.size, v)));
        });
      }),
  };
}

/** AdvSIMD load/store multiple structures and single structure, with and without post-index (Arm ARM C4.1.88). */
export const rows: readonly Row[] = MODES.flatMap((mode) => [
  ...MULTIPLE.flatMap((m) => [true, false].map((load) => multipleRow(m, load, mode))),
  ...LANES.flatMap((l) =>
    [1, 2, 3, 4].flatMap((n) => [laneRow(l, n, true, mode), laneRow(l, n, false, mode), replicateRow(l, n, mode)]),
  ),
]);
