import type { Expr } from '../wasm/expr.ts';
import { add, and, i32, or, rotl, rotr, v128, xor } from '../wasm/expr.ts';
import type { FunctionBuilder } from '../wasm/function-builder.ts';
import { laneOp, lanes, simdOp } from '../wasm/simd-ops.ts';
import type { CoreHelper } from './helper.ts';

/** Product of two elements of AES's field GF(2^8) (FIPS 197, 4.2). */
function fieldMultiply(a: number, b: number): number {
  let product = 0;
  for (let bit = 0, power = a; bit < 8; bit++) {
    if ((b >> bit) & 1) product ^= power;
    power = (power << 1) ^ (power & 0x80 ? 0x11b : 0);
  }
  return product;
}

/** AES's substitution of bytes: the inverse in the field, then an affine map (FIPS 197, 5.1.1). */
function substitution(): number[] {
  const inverse = (a: number): number => {
    // a^254 is the inverse of a, and 0 of 0.
    let power = 1;
    for (let i = 0; i < 254; i++) power = fieldMultiply(power, a);
    return power;
  };
  return Array.from({ length: 256 }, (_, a) => {
    const i = inverse(a);
    const rotated = (n: number): number => ((i << n) | (i >> (8 - n))) & 0xff;
    return i ^ rotated(1) ^ rotated(2) ^ rotated(3) ^ rotated(4) ^ 0x63;
  });
}

function inverseOf(table: readonly number[]): number[] {
  const out: number[] = [];
  table.forEach((to, from) => {
    out[to] = from;
  });
  return out;
}

function vectorOf(bytes: readonly number[]): Expr {
  const half = (from: number): bigint =>
    bytes.slice(from, from + 8).reduce((n, b, i) => n | (BigInt(b) << BigInt(8 * i)), 0n);
  return v128(half(0), half(8));
}

/** A function on sixteen bytes through a table of 256, as sixteen lookups of sixteen. */
function substitute(name: string, makeTable: () => readonly number[]): CoreHelper {
  return {
    name,
    params: ['v128'],
    results: ['v128'],
    build(f) {
      const table = makeTable();
      const sixteen = v128(0x1010_1010_1010_1010n, 0x1010_1010_1010_1010n);
      let index = f.param(0);
      let out = simdOp('i8x16.swizzle', vectorOf(table.slice(0, 16)), index);
      for (let at = 16; at < 256; at += 16) {
        index = f.tmp(lanes(0, 'sub', index, sixteen));
        out = f.tmp(simdOp('v128.or', out, simdOp('i8x16.swizzle', vectorOf(table.slice(at, at + 16)), index)));
      }
      f.ret(out);
    },
  };
}

const word = (v: Expr, i: number): Expr => laneOp('i32x4.extract_lane', i, v);
const words = (f: FunctionBuilder, v: Expr): Expr[] => [0, 1, 2, 3].map((i) => f.tmp(word(v, i)));
const fromWords = (w: readonly Expr[]): Expr =>
  w.slice(1).reduce((v, e, i) => laneOp('i32x4.replace_lane', i + 1, v, e), lanes(2, 'splat', w[0]!));

type Choice = (b: Expr, c: Expr, d: Expr) => Expr;

const choose: Choice = (b, c, d) => xor(and(xor(c, d), b), d);
const parity: Choice = (b, c, d) => xor(xor(b, c), d);
const majority: Choice = (b, c, d) => or(and(b, c), and(or(b, c), d));

/** Four rounds of SHA-1 (Arm ARM, SHA1C, SHA1P, SHA1M): the state's first four words, the fifth, and the schedule with its constants. */
function sha1Rounds(name: string, choice: Choice): CoreHelper {
  return {
    name,
    params: ['v128', 'i32', 'v128'],
    results: ['v128'],
    build(f) {
      let [a, b, c, d] = words(f, f.param(0)) as [Expr, Expr, Expr, Expr];
      let e = f.param(1);
      for (let round = 0; round < 4; round++) {
        const sum = add(add(e, rotl(a, i32(5))), add(choice(b, c, d), word(f.param(2), round)));
        const next = f.tmp(sum);
        [a, b, c, d, e] = [next, a, f.tmp(rotl(b, i32(30))), c, d];
      }
      f.ret(fromWords([a, b, c, d]));
    },
  };
}

const threeRotations = (e: Expr, counts: readonly [number, number, number]): Expr =>
  xor(xor(rotr(e, i32(counts[0])), rotr(e, i32(counts[1]))), rotr(e, i32(counts[2])));

/** Four rounds of SHA-256 on the state's halves (a b c d, e f g h); gives the first half, or with `second` the other. */
function sha256Rounds(name: string, second: boolean): CoreHelper {
  return {
    name,
    params: ['v128', 'v128', 'v128'],
    results: ['v128'],
    build(fn) {
      let [a, b, c, d] = words(fn, fn.param(0)) as [Expr, Expr, Expr, Expr];
      let [e, f, g, h] = words(fn, fn.param(1)) as [Expr, Expr, Expr, Expr];
      for (let round = 0; round < 4; round++) {
        const sum = add(add(h, threeRotations(e, [6, 11, 25])), add(choose(e, f, g), word(fn.param(2), round)));
        const t = fn.tmp(sum);
        const first = fn.tmp(add(t, add(threeRotations(a, [2, 13, 22]), majority(a, b, c))));
        [a, b, c, d, e, f, g, h] = [first, a, b, c, fn.tmp(add(d, t)), e, f, g];
      }
      fn.ret(fromWords(second ? [e, f, g, h] : [a, b, c, d]));
    },
  };
}

/** AES's byte substitutions and the rounds of SHA-1 and SHA-256. */
export const helpers: readonly CoreHelper[] = [
  substitute('aesSubBytes', substitution),
  substitute('aesInvSubBytes', () => inverseOf(substitution())),
  sha1Rounds('sha1c', choose),
  sha1Rounds('sha1p', parity),
  sha1Rounds('sha1m', majority),
  sha256Rounds('sha256h', false),
  sha256Rounds('sha256h2', true),
];
