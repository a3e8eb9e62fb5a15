/** Instructions on doubles, by name. */
import { type Expr, f64, fop, node } from '@dom0less/arm64-cpu/wasm';

type Binary = (a: Expr, b: Expr) => Expr;
const arithmetic =
  (opcode: number): Binary =>
  (a, b) =>
    fop('f64', opcode, a, b);
const comparison =
  (opcode: number): Binary =>
  (a, b) =>
    fop('i32', opcode, a, b);

export const lessThan = comparison(0x63);
export const greaterThan = comparison(0x64);
export const atMost = comparison(0x65);
export const atLeast = comparison(0x66);
export const plus = arithmetic(0xa0);
export const minus = arithmetic(0xa1);
export const times = arithmetic(0xa2);
export const dividedBy = arithmetic(0xa3);
export const lesser = arithmetic(0xa4);
export const greater = arithmetic(0xa5);
export const floor = (a: Expr): Expr => fop('f64', 0x9c, a);
/** Doubles from integers without sign. */
export const fromU32 = (a: Expr): Expr => node('f64', [0xb8], a);
export const fromU64 = (a: Expr): Expr => node('f64', [0xba], a);
/** What is too large becomes the largest. */
export const toU32 = (a: Expr): Expr => node('i32', [0xfc, 0x03], a);
export const toS64 = (a: Expr): Expr => node('i64', [0xfc, 0x06], a);
export const INFINITY = f64(Infinity);
