/**
 * PSTATE.NZCV inside a region: kept as the operands of the instruction that set it, until something reads it. Which
 * instruction it was is known where code is generated, mostly; where ways with different answers meet, and nothing reads
 * the flags before they are set again, only the local `kind` tells, for the exits.
 */
import {
  CONDITIONS,
  type FlagKind,
  FlagValues,
  numberOf,
  type Operands,
  PACKED_CONDITIONS,
  pack,
} from '../core/flags.ts';
import { field, setField } from '../core/memory.ts';
import { stateOffset } from '../state.ts';
import { and, type Expr, eq, eqz, extU, i32, i64, ltS, wrap } from '../wasm/expr.ts';
import type { FunctionBuilder, Var } from '../wasm/function-builder.ts';
import { FLAG_A, FLAG_B, FLAG_FLOAT_A, FLAG_FLOAT_B, FLAG_KIND, fixed } from './locals.ts';

/** A condition without its lowest bit, of the flags in the vCPU state. */
const memoryConditions = (cpu: Expr): (() => Expr)[] => {
  const n = (): Expr => ltS(field(cpu, 'flagN'), i64(0));
  const z = (): Expr => eqz(field(cpu, 'flagZ'));
  const c = (): Expr => field(cpu, 'flagC', 'i32');
  const v = (): Expr => field(cpu, 'flagV', 'i32');
  return [z, c, n, v, () => and(c(), eqz(z())), () => eq(n(), v()), () => and(eqz(z()), eq(n(), v())), () => i32(1)];
};

/** The lazy flags of the region that is being generated. */
export class LazyFlags {
  readonly #f: FunctionBuilder;
  readonly #cpu: Expr;
  /** `kind` at run time, and the operands; W operands are zero-extended. */
  readonly #kindVar = fixed('i32', FLAG_KIND);
  readonly #a = fixed('i64', FLAG_A);
  readonly #b = fixed('i64', FLAG_B);
  readonly #floatA = fixed('f64', FLAG_FLOAT_A);
  readonly #floatB = fixed('f64', FLAG_FLOAT_B);
  /** The kind, where it is known: undefined behind a meeting of ways that differ. */
  kind: FlagKind | undefined;
  /** How often flags were set in the code so far. */
  writes = 0;
  /** The code depends on the kind that there was at first. */
  asked = false;
  /** Kinds that the flags had in the code so far: a bit for each. */
  kinds = 0;

  constructor(f: FunctionBuilder, cpu: Expr, kind: FlagKind | undefined) {
    this.#f = f;
    this.#cpu = cpu;
    this.kind = kind;
  }

  #become(kind: FlagKind): void {
    this.writes++;
    this.kind = kind;
    this.kinds |= 1 << numberOf(kind);
    this.#f.set(this.#kindVar, i32(numberOf(kind)));
  }

  /** Flags of `a` and `b`, which are temporaries or constants of one type. */
  set(operation: 'sub' | 'add' | 'logic', a: Expr, b: Expr): void {
    const wide = (e: Expr): Expr => (e.t === 'i32' ? extU(e) : e);
    this.#f.set(this.#a, wide(a));
    if (operation !== 'logic') this.#f.set(this.#b, wide(b));
    this.#become(`${operation}${a.t === 'i32' ? 32 : 64}` as FlagKind);
  }

  /** Flags of the comparison of two f64, neither a NaN. */
  setFloat(a: Expr, b: Expr): void {
    this.#f.set(this.#floatA, a);
    this.#f.set(this.#floatB, b);
    this.#become('float');
  }

  /** NZCV as an i32, N at bit 3. */
  setPacked(value: Expr): void {
    this.#f.set(this.#a, extU(value));
    this.#become('packed');
  }

  #operands(kind: FlagKind): Operands {
    if (kind === 'float') return { a: this.#f.get(this.#floatA), b: this.#f.get(this.#floatB) };
    const read = (v: Var): Expr => (kind.endsWith('32') ? wrap(this.#f.get(v)) : this.#f.get(v));
    return { a: read(this.#a), b: read(this.#b) };
  }

  #values(): FlagValues {
    const { kind } = this;
    if (kind === undefined || kind === 'memory' || kind === 'packed') throw new Error('the flags are no operation');
    return new FlagValues(kind, this.#operands(kind));
  }

  get #packed(): Expr {
    return wrap(this.#f.get(this.#a));
  }

  /** A condition (Arm ARM C1.2.4) as i32 0 or 1. */
  condition(cond: number): Expr {
    this.asked = true;
    const which = cond >> 1;
    let test: Expr;
    if (which === 7) test = i32(1);
    else if (this.kind === undefined) throw new Error('flags are read of which nothing is known');
    else if (this.kind === 'memory') test = memoryConditions(this.#cpu)[which]!();
    else if (this.kind === 'packed') test = PACKED_CONDITIONS[which]!(this.#packed);
    else test = CONDITIONS[which]!(this.#values());
    return (cond & 1) === 1 && cond !== 15 ? eqz(test) : test;
  }

  get carry(): Expr {
    return this.condition(2);
  }

  /** NZCV as an i32, N at bit 3. */
  get nzcv(): Expr {
    this.asked = true;
    if (this.kind === undefined) throw new Error('flags are read of which nothing is known');
    if (this.kind === 'packed') return this.#packed;
    if (this.kind === 'memory') {
      const [z, c, n, v] = memoryConditions(this.#cpu);
      return pack(n!(), z!(), c!(), v!());
    }
    const values = this.#values();
    return pack(values.n, values.z, values.c, values.v);
  }

  /** Makes the flags packed ones: all ways that meet agree on that. */
  normalize(): void {
    if (this.kind !== 'packed') this.setPacked(this.nzcv);
  }

  /** Puts them into the vCPU state as they are (see `settleFlags`): only the running code knows which of `kinds` they are of. */
  store(kinds: number): void {
    const f = this.#f;
    const cpu = this.#cpu;
    const kind = (): Expr => f.get(this.#kindVar);
    const operands = (a: Var, b: Var): void => {
      f.store(a.t as 'i64' | 'f64', cpu, f.get(a), stateOffset('flagA'));
      f.store(b.t as 'i64' | 'f64', cpu, f.get(b), stateOffset('flagB'));
    };
    const integers = () => operands(this.#a, this.#b);
    const floats = () => operands(this.#floatA, this.#floatB);
    f.if(kind(), () => {
      setField(f, cpu, 'flagKind', kind());
      if (((kinds >> numberOf('float')) & 1) === 0) integers();
      else f.if(eq(kind(), i32(numberOf('float'))), floats, integers);
    });
  }
}
