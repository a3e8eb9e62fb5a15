/** Guest registers inside a region: locals, loaded from the vCPU state at the entry and stored at exits. */
import { SP_OFFSET, V_OFFSET, X_OFFSET } from '../state.ts';
import { type Expr, load, loadV128 } from '../wasm/expr.ts';
import type { FunctionBuilder, Var } from '../wasm/function-builder.ts';

/** Numbers of the registers: X0 to X30, the stack pointer, then V0 to V31. */
export const REGISTER_SP = 31;
const FIRST_V = 32;
/** The number of Vn. */
export const vNumber = (n: number): number => FIRST_V + n;

const offsetOf = (number: number): number => {
  if (number >= FIRST_V) return V_OFFSET + 16 * (number - FIRST_V);
  return number === REGISTER_SP ? SP_OFFSET : X_OFFSET + 8 * number;
};

export class RegisterFile {
  readonly #f: FunctionBuilder;
  readonly #cpu: Expr;
  readonly #locals: (Var | undefined)[] = [];
  /** Registers that the region writes. */
  readonly #written = new Set<number>();

  constructor(f: FunctionBuilder, cpu: Expr) {
    this.#f = f;
    this.#cpu = cpu;
  }

  #local(number: number): Var {
    let v = this.#locals[number];
    if (!v) {
      v = this.#f.lasting(number >= FIRST_V ? 'v128' : 'i64');
      this.#locals[number] = v;
    }
    return v;
  }

  get(number: number): Expr {
    return this.#f.get(this.#local(number));
  }

  set(number: number, value: Expr): void {
    this.#written.add(number);
    this.#f.set(this.#local(number), value);
  }

  /** Loads every register that the code so far uses. */
  loadAll(): void {
    this.#locals.forEach((v, number) => {
      if (!v) return;
      const at = offsetOf(number);
      this.#f.set(v, v.t === 'v128' ? loadV128(this.#cpu, at) : load('i64', this.#cpu, at));
    });
  }

  /** Stores every register that the code so far writes. */
  storeAll(): void {
    for (const number of this.#written) {
      const v = this.#locals[number]!;
      if (v.t === 'v128') this.#f.storeV128(this.#cpu, this.#f.get(v), offsetOf(number));
      else this.#f.store('i64', this.#cpu, this.#f.get(v), offsetOf(number));
    }
  }
}
