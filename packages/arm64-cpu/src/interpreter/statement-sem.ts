/** What `Sem` means wherever it is made into code: statements of a function, the vCPU state, accesses by host address. */

import { HOW_ALIGN_SHIFT, HOW_ALIGNED, HOW_UNPRIVILEGED } from '../core/access.ts';
import { stateOffset } from '../state.ts';
import type { AccessOptions } from '../table/sem.ts';
import {
  ATOMIC_FENCE,
  and,
  atomicCode,
  type Expr,
  eqz,
  i32,
  i64,
  type LoadKind,
  load,
  node,
  simd,
} from '../wasm/expr.ts';
import type { FunctionBuilder } from '../wasm/function-builder.ts';

/** Bytes of each kind of load. */
export const LOAD_BYTES: Record<LoadKind, 1 | 2 | 4 | 8> = {
  i32: 4,
  i64: 8,
  f32: 4,
  f64: 8,
  i32_8s: 1,
  i32_8u: 1,
  i32_16s: 2,
  i32_16u: 2,
  i64_8s: 1,
  i64_8u: 1,
  i64_16s: 2,
  i64_16u: 2,
  i64_32s: 4,
  i64_32u: 4,
};

/** ESR_EL1 of an UNDEFINED instruction: class 0, IL. */
const UNKNOWN_ESR = 2 ** 25;

/** The `how` of a slow access (see core/access.ts). */
export const howOf = (bytes: number, align: number, options?: AccessOptions): number =>
  bytes |
  (options?.unprivileged ? HOW_UNPRIVILEGED : 0) |
  (options?.ordered ? HOW_ALIGNED : 0) |
  (Math.log2(options?.element ?? (align === 1 ? bytes : align)) << HOW_ALIGN_SHIFT);

/** The part of `Sem` that the interpreter and the translator share. */
export abstract class StatementSem {
  /** The function that the code goes to. */
  protected readonly f: FunctionBuilder;
  readonly #cpu: Expr;

  constructor(f: FunctionBuilder, cpu: Expr) {
    this.f = f;
    this.#cpu = cpu;
  }

  tmp(e: Expr): Expr {
    return this.f.tmp(e);
  }

  /** 1 where all of `needs` hold; in place of the last of them `also` may hold, which is looked at only then. */
  protected allOf(needs: readonly Expr[], also: (() => Expr) | undefined): Expr {
    if (!also) return needs.reduce(and);
    const v = this.variable(needs.at(-1)!);
    this.f.if(eqz(v.get()), () => v.set(also()));
    return needs.slice(0, -1).reduce(and, v.get());
  }

  variable(initial: Expr): { get(): Expr; set(e: Expr): void } {
    const v = this.f.local(initial.t);
    this.f.set(v, initial);
    return { get: () => this.f.get(v), set: (e) => this.f.set(v, e) };
  }

  loop(body: (again: (cond: Expr) => void) => void): void {
    this.f.loop((label) => body((cond) => this.f.brIf(label, cond)));
  }

  cpu(): Expr {
    return this.#cpu;
  }

  state(name: string, t: 'i32' | 'i64'): Expr {
    return load(t, this.#cpu, stateOffset(name));
  }

  setState(name: string, value: Expr): void {
    this.f.store(value.t === 'i64' ? 'i64' : 'i32', this.#cpu, value, stateOffset(name));
  }

  protected plainStore(bytes: 1 | 2 | 4 | 8, at: Expr, value: Expr, offset = 0): void {
    const kind = (
      {
        i32: { 1: 'i32_8', 2: 'i32_16', 4: 'i32', 8: 'i32' },
        i64: { 1: 'i64_8', 2: 'i64_16', 4: 'i64_32', 8: 'i64' },
      } as const
    )[value.t as 'i32' | 'i64'][bytes];
    this.f.store(kind, at, value, offset);
  }

  /** Pends an exception; `next`: it returns behind the instruction. */
  protected raise(esr: Expr, next: boolean): void {
    this.setState('faultEsr', esr);
    this.setState('faultReturnsNext', i32(next ? 1 : 0));
    this.setState('faultKind', i32(1));
  }

  abstract exception(esr: Expr, next?: boolean): void;

  undefined(): void {
    this.exception(i64(UNKNOWN_ESR));
  }

  release(): void {
    const lock = this.f.tmp(this.state('pageLock', 'i32'));
    this.f.if(lock, () => {
      this.setState('pageLock', i32(0));
      this.atomicStore(4, lock, i32(0));
    });
  }

  hostStorePair(host: Expr, low: Expr, high: Expr): void {
    this.f.storeV128(host, simd('v128', 0x1e, [simd('v128', 0x12, [low]), high], [1]));
  }

  fence(): void {
    this.f.raw(ATOMIC_FENCE);
  }

  hostStore(bytes: 1 | 2 | 4 | 8, host: Expr, value: Expr): void {
    this.plainStore(bytes, host, value);
  }

  atomicStore(bytes: 1 | 2 | 4 | 8, host: Expr, value: Expr): void {
    this.f.raw(atomicCode('store', value.t as 'i32' | 'i64', bytes), host, value);
  }

  atomicRmw(op: 'add' | 'and' | 'or' | 'xor' | 'xchg', bytes: 1 | 2 | 4 | 8, host: Expr, value: Expr): Expr {
    return this.tmp(node(value.t, atomicCode(op, value.t as 'i32' | 'i64', bytes), host, value));
  }

  atomicCas(bytes: 1 | 2 | 4 | 8, host: Expr, expected: Expr, value: Expr): Expr {
    return this.tmp(node(value.t, atomicCode('cmpxchg', value.t as 'i32' | 'i64', bytes), host, expected, value));
  }
}
