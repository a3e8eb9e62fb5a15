import type { Expr } from '../wasm/expr.ts';
import { and, i64, mul, or, shl, shrU, xor } from '../wasm/expr.ts';
import type { FunctionBuilder } from '../wasm/function-builder.ts';
import { laneOp, lanes } from '../wasm/simd-ops.ts';
import type { CoreHelper } from './helper.ts';

const low32 = (a: Expr): Expr => and(a, i64(0xffff_ffff));
const high32 = (a: Expr): Expr => shrU(a, i64(32));

/**
 * Carry-less product of two 32-bit numbers by integer products: every fourth bit of each operand leaves three bits
 * for the carries of the at most eight ones that meet in a column.
 */
function multiply32(f: FunctionBuilder, a: Expr, b: Expr): Expr {
  const split = (e: Expr): Expr[] => [0, 1, 2, 3].map((k) => f.tmp(and(e, i64(0x1111_1111n << BigInt(k)))));
  const [as, bs] = [split(a), split(b)];
  let product = i64(0);
  for (let k = 0; k < 4; k++) {
    let column = i64(0);
    for (let i = 0; i < 4; i++) column = xor(column, mul(as[i]!, bs[(k - i) & 3]!));
    product = or(product, and(column, i64(0x1111_1111_1111_1111n << BigInt(k))));
  }
  return product;
}

export const helpers: readonly CoreHelper[] = [
  {
    name: 'simdClmul32',
    // Two zero-extended 32-bit numbers.
    params: ['i64', 'i64'],
    results: ['i64'],
    build: (f) => f.ret(multiply32(f, f.param(0), f.param(1))),
  },
  {
    name: 'simdClmul64',
    params: ['i64', 'i64'],
    results: ['v128'],
    // Karatsuba's three products of halves.
    build(f, m) {
      const [a, b] = [f.param(0), f.param(1)];
      const product = (p: Expr, q: Expr): Expr => f.tmp(f.call(m.fn('simdClmul32'), p, q));
      const low = product(low32(a), low32(b));
      const high = product(high32(a), high32(b));
      const both = product(low32(xor(a, high32(a))), low32(xor(b, high32(b))));
      const middle = f.tmp(xor(both, xor(low, high)));
      const result = lanes(3, 'splat', xor(low, shl(middle, i64(32))));
      f.ret(laneOp('i64x2.replace_lane', 1, result, xor(high, high32(middle))));
    },
  },
];
