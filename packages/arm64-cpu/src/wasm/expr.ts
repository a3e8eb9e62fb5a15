import { pushS32, pushS64, pushU32 } from './leb128.ts';

/** A WebAssembly value type, by its name in the text format. */
export type ValType = 'i32' | 'i64' | 'f32' | 'f64' | 'v128';

/**
 * An expression: a pure tree that leaves one value of type `t` on the stack.
 * `code` is its instruction with immediates, emitted behind the operands `args`;
 * `k` is its value where that is known when the tree is built.
 */
export interface Expr {
  readonly t: ValType;
  readonly code: readonly number[];
  readonly args: readonly Expr[];
  readonly k?: bigint;
}

/** Appends the instructions of `e` to `out`. */
export function emitExpr(out: number[], e: Expr): void {
  const { args, code } = e;
  for (let n = 0; n < args.length; n++) emitExpr(out, args[n]!);
  for (let n = 0; n < code.length; n++) out.push(code[n]!);
}

/** Makes an expression from an instruction (opcode and immediates) and its operands. */
export const node = (t: ValType, code: readonly number[], ...args: Expr[]): Expr => ({ t, code, args });

const NOTHING: readonly Expr[] = [];

/** Constants are made again and again: those that were made before, by value. */
const known32 = new Map<number, Expr>();
const known64 = new Map<number, Expr>();
const MOST_KNOWN = 4096;

function remember(known: Map<number, Expr>, value: number, e: Expr): Expr {
  if (known.size < MOST_KNOWN) known.set(value, e);
  return e;
}

/** An i32 constant. */
export function i32(value: number): Expr {
  const known = known32.get(value);
  if (known) return known;
  const code = [0x41];
  pushS32(code, value);
  return remember(known32, value, { t: 'i32', code, args: NOTHING, k: BigInt(value | 0) });
}

/** An i64 constant, taken modulo 2^64. */
export function i64(value: bigint | number): Expr {
  const known = typeof value === 'number' ? known64.get(value) : undefined;
  if (known) return known;
  const k = BigInt.asIntN(64, BigInt(value));
  const code = [0x42];
  if (k >= -0x80000000n && k < 0x80000000n) pushS32(code, Number(k));
  else pushS64(code, k);
  const e: Expr = { t: 'i64', code, args: NOTHING, k };
  return typeof value === 'number' ? remember(known64, value, e) : e;
}

function bytesOf(write: (v: DataView) => void, length: number): number[] {
  const b = new Uint8Array(length);
  write(new DataView(b.buffer));
  return [...b];
}

/** An f32 constant. */
export const f32 = (value: number): Expr => node('f32', [0x43, ...bytesOf((v) => v.setFloat32(0, value, true), 4)]);

/** An f64 constant. */
export const f64 = (value: number): Expr => node('f64', [0x44, ...bytesOf((v) => v.setFloat64(0, value, true), 8)]);

/** A v128 constant from its two 64-bit halves. */
export const v128 = (lo: bigint, hi: bigint): Expr =>
  node('v128', [
    0xfd,
    0x0c,
    ...bytesOf((v) => {
      v.setBigUint64(0, BigInt.asUintN(64, lo), true);
      v.setBigUint64(8, BigInt.asUintN(64, hi), true);
    }, 16),
  ]);

/** A constant of integer type `t`. */
export const konst = (t: ValType, value: bigint | number): Expr =>
  t === 'i64' ? i64(value) : i32(Number(BigInt.asIntN(32, BigInt(value))));

const isZero = (e: Expr): boolean => e.k === 0n;

type Fold = (a: bigint, b: bigint, bits: number) => bigint;

/** Integer binary instructions: opcode for i32, opcode for i64, and the value for constant operands. */
function binary(op32: number, op64: number, fold: Fold, identityRight = false) {
  const [code32, code64] = [[op32], [op64]];
  return (a: Expr, b: Expr): Expr => {
    if (a.t !== b.t) throw new TypeError(`operands of one instruction differ in type: ${a.t}, ${b.t}`);
    if (a.k !== undefined && b.k !== undefined) return konst(a.t, fold(a.k, b.k, a.t === 'i64' ? 64 : 32));
    if (identityRight && isZero(b)) return a;
    return { t: a.t, code: a.t === 'i64' ? code64 : code32, args: [a, b] };
  };
}

const shiftCount = (b: bigint, bits: number): bigint => b & BigInt(bits - 1);

export const add = binary(0x6a, 0x7c, (a, b) => a + b, true);
export const sub = binary(0x6b, 0x7d, (a, b) => a - b, true);
export const mul = binary(0x6c, 0x7e, (a, b) => a * b);
export const and = binary(0x71, 0x83, (a, b) => a & b);
export const or = binary(0x72, 0x84, (a, b) => a | b, true);
export const xor = binary(0x73, 0x85, (a, b) => a ^ b, true);
export const shl = binary(0x74, 0x86, (a, b, n) => a << shiftCount(b, n), true);
export const shrS = binary(0x75, 0x87, (a, b, n) => a >> shiftCount(b, n), true);
export const shrU = binary(0x76, 0x88, (a, b, n) => BigInt.asUintN(n, a) >> shiftCount(b, n), true);

/** Integer instructions whose constant operands are not folded: traps or rotation. */
const opaque = (op32: number, op64: number) => {
  const [code32, code64] = [[op32], [op64]];
  return (a: Expr, b: Expr): Expr => ({ t: a.t, code: a.t === 'i64' ? code64 : code32, args: [a, b] });
};
export const divS = opaque(0x6d, 0x7f);
export const divU = opaque(0x6e, 0x80);
export const remU = opaque(0x70, 0x82);
export const rotl = opaque(0x77, 0x89);
export const rotr = opaque(0x78, 0x8a);

const compare = (op32: number, op64: number) => {
  const [code32, code64] = [[op32], [op64]];
  return (a: Expr, b: Expr): Expr => {
    if (a.t !== b.t) throw new TypeError(`operands of one comparison differ in type: ${a.t}, ${b.t}`);
    return { t: 'i32', code: a.t === 'i64' ? code64 : code32, args: [a, b] };
  };
};
export const eq = compare(0x46, 0x51);
export const ne = compare(0x47, 0x52);
export const ltS = compare(0x48, 0x53);
export const ltU = compare(0x49, 0x54);
export const gtS = compare(0x4a, 0x55);
export const gtU = compare(0x4b, 0x56);
export const leS = compare(0x4c, 0x57);
export const leU = compare(0x4d, 0x58);
export const geS = compare(0x4e, 0x59);
export const geU = compare(0x4f, 0x5a);

export const eqz = (a: Expr): Expr =>
  a.k !== undefined ? i32(a.k === 0n ? 1 : 0) : node('i32', [a.t === 'i64' ? 0x50 : 0x45], a);
export const clz = (a: Expr): Expr => node(a.t, [a.t === 'i64' ? 0x79 : 0x67], a);
export const ctz = (a: Expr): Expr => node(a.t, [a.t === 'i64' ? 0x7a : 0x68], a);
export const popcnt = (a: Expr): Expr => node(a.t, [a.t === 'i64' ? 0x7b : 0x69], a);
export const not = (a: Expr): Expr => xor(a, konst(a.t, -1));
export const neg = (a: Expr): Expr => sub(konst(a.t, 0), a);

/** i64 → i32, low half. */
export const wrap = (a: Expr): Expr =>
  a.k !== undefined ? i32(Number(BigInt.asIntN(32, a.k))) : node('i32', [0xa7], a);
/** i32 → i64, zero-extended. */
export const extU = (a: Expr): Expr => (a.k !== undefined ? i64(BigInt.asUintN(32, a.k)) : node('i64', [0xad], a));
/** i32 → i64, sign-extended. */
export const extS = (a: Expr): Expr => (a.k !== undefined ? i64(a.k) : node('i64', [0xac], a));
/** Sign extension from the low 8, 16 or 32 bits within the type. */
export function signExtend(a: Expr, bits: 8 | 16 | 32): Expr {
  if (a.t === 'i32') return bits === 32 ? a : node('i32', [bits === 8 ? 0xc0 : 0xc1], a);
  return node('i64', [bits === 8 ? 0xc2 : bits === 16 ? 0xc3 : 0xc4], a);
}

/** `cond ? a : b`; both sides are evaluated. */
export function select(cond: Expr, a: Expr, b: Expr): Expr {
  if (cond.k !== undefined) return cond.k !== 0n ? a : b;
  return node(a.t, a.t === 'v128' ? [0x1c, 1, 0x7b] : [0x1b], a, b, cond);
}

/** Reinterpretations between integers and floats of one width. */
export const asI32 = (a: Expr): Expr => node('i32', [0xbc], a);
export const asI64 = (a: Expr): Expr => node('i64', [0xbd], a);
export const asF32 = (a: Expr): Expr => node('f32', [0xbe], a);
export const asF64 = (a: Expr): Expr => node('f64', [0xbf], a);

/** A float instruction of one operand type by its opcode, e.g. `fop('f64', 0xa0, a, b)` = f64.add. */
export const fop = (t: ValType, opcode: number, ...args: Expr[]): Expr => node(t, [opcode], ...args);

/** A vector instruction (prefix 0xFD) by its sub-opcode, with optional immediate bytes (lane indices). */
export function simd(t: ValType, sub: number, args: Expr[], lanes: readonly number[] = []): Expr {
  const code = [0xfd];
  pushU32(code, sub);
  return node(t, [...code, ...lanes], ...args);
}

/** A prefixed instruction (0xFC, saturating truncations) by its sub-opcode. */
export const fc = (t: ValType, sub: number, ...args: Expr[]): Expr => node(t, [0xfc, sub], ...args);

function memarg(align: number, offset: number): number[] {
  const out: number[] = [];
  pushU32(out, align);
  pushU32(out, offset);
  return out;
}

/** Kinds of loads: result type, opcode, log2 of the natural alignment. */
const LOADS = {
  i32: ['i32', 0x28, 2],
  i64: ['i64', 0x29, 3],
  f32: ['f32', 0x2a, 2],
  f64: ['f64', 0x2b, 3],
  i32_8s: ['i32', 0x2c, 0],
  i32_8u: ['i32', 0x2d, 0],
  i32_16s: ['i32', 0x2e, 1],
  i32_16u: ['i32', 0x2f, 1],
  i64_8s: ['i64', 0x30, 0],
  i64_8u: ['i64', 0x31, 0],
  i64_16s: ['i64', 0x32, 1],
  i64_16u: ['i64', 0x33, 1],
  i64_32s: ['i64', 0x34, 2],
  i64_32u: ['i64', 0x35, 2],
} as const;
export type LoadKind = keyof typeof LOADS;

/** A load of `kind` from `address + offset` (address is an i32 byte offset into the memory). */
export function load(kind: LoadKind, address: Expr, offset = 0): Expr {
  const [t, op, align] = LOADS[kind];
  return node(t, [op, ...memarg(align, offset)], address);
}

/** v128.load from `address + offset`. */
export const loadV128 = (address: Expr, offset = 0): Expr => node('v128', [0xfd, 0x00, ...memarg(0, offset)], address);

const STORES = {
  i32: [0x36, 2],
  i64: [0x37, 3],
  f32: [0x38, 2],
  f64: [0x39, 3],
  i32_8: [0x3a, 0],
  i32_16: [0x3b, 1],
  i64_8: [0x3c, 0],
  i64_16: [0x3d, 1],
  i64_32: [0x3e, 2],
} as const;
export type StoreKind = keyof typeof STORES;

/** The bytes of a store instruction; its operands (address, value) are emitted before. */
export function storeCode(kind: StoreKind, offset: number): number[] {
  const [op, align] = STORES[kind];
  return [op, ...memarg(align, offset)];
}

/** The bytes of v128.store. */
export const storeV128Code = (offset: number): number[] => [0xfd, 0x0b, ...memarg(0, offset)];

/** Atomic accesses (prefix 0xFE, threads proposal) by operation and access size in bytes; the value type is i32 or i64. */
const ATOMIC_BASE = {
  load: 0x10,
  store: 0x17,
  add: 0x1e,
  sub: 0x25,
  and: 0x2c,
  or: 0x33,
  xor: 0x3a,
  xchg: 0x41,
  cmpxchg: 0x48,
};
export type AtomicOp = keyof typeof ATOMIC_BASE;
/** Order of one operation's seven opcodes: i32, i64, then the narrow ones of i32 and of i64. */
const ATOMIC_FORM: Record<string, number> = { i32_4: 0, i64_8: 1, i32_1: 2, i32_2: 3, i64_1: 4, i64_2: 5, i64_4: 6 };

/** The bytes of an atomic instruction on `bytes` bytes (zero-extended results), sequentially consistent. */
export function atomicCode(op: AtomicOp, t: 'i32' | 'i64', bytes: 1 | 2 | 4 | 8, offset = 0): number[] {
  const form = ATOMIC_FORM[`${t}_${bytes}`];
  if (form === undefined) throw new TypeError(`no atomic ${op} of ${bytes} bytes for ${t}`);
  return [0xfe, ATOMIC_BASE[op] + form, ...memarg(Math.log2(bytes), offset)];
}

/** An atomic load. */
export const atomicLoad = (t: 'i32' | 'i64', bytes: 1 | 2 | 4 | 8, address: Expr, offset = 0): Expr =>
  node(t, atomicCode('load', t, bytes, offset), address);

/** The bytes of atomic.fence. */
export const ATOMIC_FENCE = [0xfe, 0x03, 0x00];
