import type { Expr } from '../wasm/expr.ts';
import { simdOp } from '../wasm/simd-ops.ts';
import type { Fields } from './row.ts';
import type { Sem } from './sem.ts';
import { clip, everySecond, laneBits, setQc, writeNarrow, ZERO } from './simd-lanes.ts';
import type { NarrowOp } from './simd-unary-ops.ts';

/** Narrows the wide lanes of `a` into the half of Rd that Q selects. */
export function narrowVector(x: Sem, f: Fields, size: number, op: NarrowOp, a: Expr): void {
  const { value, sat } = op(x, size, a);
  const low = x.tmp(everySecond(size, value, ZERO));
  if (sat) setQc(x, simdOp('v128.any_true', sat));
  writeNarrow(x, f, low);
}

/** Narrows the lowest wide lane of `a` into a scalar of `1 << size` bytes. */
export function narrowScalar(x: Sem, size: number, op: NarrowOp, a: Expr): void {
  const { value, sat } = op(x, size, a);
  const result = x.tmp(clip(laneBits(size), value));
  if (sat) setQc(x, simdOp('v128.any_true', clip(laneBits(size + 1), sat)));
  x.setV('Rd', result);
}
