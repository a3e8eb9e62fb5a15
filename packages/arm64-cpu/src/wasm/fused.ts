/** Whether the host has relaxed multiply-adds that round once: WebAssembly leaves both open. */
import type { Expr } from './expr.ts';
import { ModuleBuilder } from './module-builder.ts';
import { laneOp, type SimdOp, simdOp } from './simd-ops.ts';

const SHAPES = [
  { t: 'f32', shape: 'f32x4', last: 2 ** -23 },
  { t: 'f64', shape: 'f64x2', last: 2 ** -52 },
] as const;
const OPERATIONS = ['madd', 'nmadd'] as const;

function probeModule(): Uint8Array<ArrayBuffer> {
  const b = new ModuleBuilder();
  for (const { t, shape } of SHAPES) {
    for (const name of OPERATIONS) {
      const ref = b.function(`${name}_${t}`, [t, t, t], [t], (f) => {
        const [x, y, z] = [0, 1, 2].map((i) => simdOp(`${shape}.splat`, f.param(i))) as [Expr, Expr, Expr];
        f.ret(laneOp(`${shape}.extract_lane`, 0, simdOp(`${shape}.relaxed_${name}` as SimdOp, x, y, z)));
        f.unreachable();
      });
      b.export(ref);
    }
  }
  return b.encode();
}

type Multiply = (a: number, b: number, c: number) => number;

/** The square of 1 + e is 1 + 2e + e², whose last term is lost where the product is rounded; e is the last bit's. */
function probe(): boolean {
  const bytes = probeModule();
  if (!WebAssembly.validate(bytes)) return false;
  const exports = new WebAssembly.Instance(new WebAssembly.Module(bytes)).exports as Record<string, Multiply>;
  return SHAPES.every(({ t, last }) => {
    const [a, c] = [1 + last, 1 + 2 * last];
    return exports[`madd_${t}`]!(a, a, -c) === last * last && exports[`nmadd_${t}`]!(a, a, c) === -last * last;
  });
}

let answer: boolean | undefined;

/** Whether translated code has fused multiply-adds; found when it is first asked for, in each thread. Code is made accordingly. */
export function hostFuses(): boolean {
  answer ??= probe();
  return answer;
}
