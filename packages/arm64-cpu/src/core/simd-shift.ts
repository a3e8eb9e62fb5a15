import { stateOffset } from '../state.ts';
import type { Expr } from '../wasm/expr.ts';
import { add, and, eq, extU, geS, i64, load, ltS, or, select, shl, shrS, shrU, sub, xor } from '../wasm/expr.ts';
import type { FunctionBuilder } from '../wasm/function-builder.ts';
import type { CoreHelper } from './helper.ts';

interface Kind {
  readonly signed: boolean;
  readonly rounding: boolean;
  readonly saturating: boolean;
}

/** `value` shifted right by `count` (i64), which may exceed 63: then only the sign is left. */
function shiftRight(signed: boolean, value: Expr, count: Expr): Expr {
  const inRange = ltS(count, i64(64));
  if (signed) return shrS(value, select(inRange, count, i64(63)));
  return select(inRange, shrU(value, count), i64(0));
}

/** Returns the left shift of a lane, or its saturated value with FPSR.QC set. */
function saturatingLeft(f: FunctionBuilder, signed: boolean): void {
  const [cpu, value, count, bits] = [f.param(0), f.param(1), f.param(2), f.param(3)];
  const spare = f.tmp(sub(i64(64), extU(bits)));
  const shifted = f.tmp(shl(value, count));
  // Back to the value of a lane, as a signed or unsigned number of `bits` bits.
  const inLane = f.tmp(signed ? shrS(shl(shifted, spare), spare) : shrU(shl(shifted, spare), spare));
  const back = signed ? shrS(inLane, count) : shrU(inLane, count);
  const inRange = ltS(count, sub(i64(64), spare));
  f.if(and(eq(back, value), inRange), () => f.ret(inLane));
  f.if(eq(value, i64(0)), () => f.ret(i64(0)));
  f.store('i64', cpu, or(load('i64', cpu, stateOffset('FPSR')), i64(1n << 27n)), stateOffset('FPSR'));
  const most = shrU(i64(-1), spare);
  f.ret(signed ? xor(shrS(value, i64(63)), shrU(most, i64(1))) : most);
}

/** Shift of one lane by a signed count, as the register forms of SSHL and its kin do it. */
function shiftLane(name: string, { signed, rounding, saturating }: Kind): CoreHelper {
  return {
    name,
    // The vCPU, the lane (sign- or zero-extended), the count (sign-extended byte), the lane's bits.
    params: ['i32', 'i64', 'i64', 'i32'],
    results: ['i64'],
    build(f) {
      const [value, count] = [f.param(1), f.param(2)];
      f.if(geS(count, i64(0)), () => {
        if (saturating) saturatingLeft(f, signed);
        else f.ret(select(ltS(count, i64(64)), shl(value, count), i64(0)));
      });
      const right = f.tmp(sub(i64(0), count));
      const floor = shiftRight(signed, value, right);
      // The bit below the last one that is kept rounds to nearest, up in the middle.
      f.ret(rounding ? add(floor, and(shiftRight(signed, value, sub(right, i64(1))), i64(1))) : floor);
    },
  };
}

const kind = (signed: boolean, rounding: boolean, saturating: boolean): Kind => ({ signed, rounding, saturating });

export const helpers: readonly CoreHelper[] = [true, false].flatMap((signed) => {
  const s = signed ? 'S' : 'U';
  return [
    shiftLane(`simd${s}SHL`, kind(signed, false, false)),
    shiftLane(`simd${s}RSHL`, kind(signed, true, false)),
    shiftLane(`simd${s}QSHL`, kind(signed, false, true)),
    shiftLane(`simd${s}QRSHL`, kind(signed, true, true)),
  ];
});
