/**
 * PSTATE.NZCV inside a region: kept as the operands of the instruction that set it, until something reads it. Which
 * instruction it was is known where code is generated, mostly; where ways with different answers meet, and nothing reads
 * the flags before they are set again, only the local `kind` tells, for the exits.
 */
import { field, setField } from '../core/memory.ts';
import {
  add,
  and,
  type Expr,
  eq,
  eqz,
  extS,
  extU,
  fop,
  geS,
  geU,
  gtS,
  gtU,
  i32,
  i64,
  konst,
  ltS,
  ltU,
  ne,
  node,
  or,
  shl,
  shrU,
  sub,
  wrap,
  xor,
} from '../wasm/expr.ts';
import type { FunctionBuilder, Var } from '../wasm/function-builder.ts';
import { FLAG_A, FLAG_B, FLAG_FLOAT_A, FLAG_FLOAT_B, FLAG_KIND, fixed } from './locals.ts';

/**
 * What the flags are made of. `memory`: the vCPU state holds them. `packed`: `a` is NZCV, N at bit 3. `float`: a comparison
 * of numbers.
 */
export const FLAG_KINDS = [
  'memory',
  'packed',
  'sub64',
  'sub32',
  'add64',
  'add32',
  'logic64',
  'logic32',
  'float',
] as const;
export type FlagKind = (typeof FLAG_KINDS)[number];

/** The number of a kind. */
export const numberOf = (kind: FlagKind): number => FLAG_KINDS.indexOf(kind);

/** Operands, as i32, i64 or f64 by the kind. */
interface Operands {
  readonly a: Expr;
  readonly b: Expr;
}

/** Comparisons of f64. */
const FLOAT_COMPARE = { eq: 0x61, lt: 0x63, gt: 0x64, ge: 0x66 } as const;

const zeroOf = (e: Expr): Expr => konst(e.t, 0);
const overflow = (x: Expr, y: Expr): Expr => ltS(and(x, y), zeroOf(x));

/** One operation's flags: each as i32 0 or 1, and conditions that need fewer operations than by the flags. */
class FlagValues {
  readonly #kind: FlagKind;
  readonly #a: Expr;
  readonly #b: Expr;

  constructor(kind: FlagKind, { a, b }: Operands) {
    this.#kind = kind;
    this.#a = a;
    this.#b = b;
  }

  get #isFloat(): boolean {
    return this.#kind === 'float';
  }

  #compare(name: keyof typeof FLOAT_COMPARE): Expr {
    return fop('i32', FLOAT_COMPARE[name], this.#a, this.#b);
  }

  get #operation(): string {
    return this.#kind.slice(0, -2);
  }

  /** The result, of which N and Z are told. */
  get result(): Expr {
    if (this.#isFloat) return extS(sub(this.#compare('gt'), this.#compare('lt')));
    if (this.#operation === 'logic') return this.#a;
    return this.#operation === 'sub' ? sub(this.#a, this.#b) : add(this.#a, this.#b);
  }

  get n(): Expr {
    return this.#isFloat ? this.#compare('lt') : ltS(this.result, zeroOf(this.#a));
  }

  get z(): Expr {
    if (this.#isFloat) return this.#compare('eq');
    return this.#operation === 'sub' ? eq(this.#a, this.#b) : eqz(this.result);
  }

  get c(): Expr {
    if (this.#isFloat) return this.#compare('ge');
    if (this.#operation === 'logic') return i32(0);
    return this.#operation === 'sub' ? geU(this.#a, this.#b) : ltU(this.result, this.#a);
  }

  get v(): Expr {
    if (this.#isFloat || this.#operation === 'logic') return i32(0);
    const r = this.result;
    if (this.#operation === 'sub') return overflow(xor(this.#a, this.#b), xor(this.#a, r));
    return overflow(xor(this.#a, r), xor(this.#b, r));
  }

  /** C and not Z. */
  get higher(): Expr {
    if (this.#isFloat) return this.#compare('gt');
    if (this.#operation === 'logic') return i32(0);
    return this.#operation === 'sub' ? gtU(this.#a, this.#b) : and(this.c, eqz(this.z));
  }

  get greaterOrEqual(): Expr {
    if (this.#isFloat) return this.#compare('ge');
    if (this.#operation === 'sub') return geS(this.#a, this.#b);
    return this.#operation === 'logic' ? geS(this.#a, zeroOf(this.#a)) : eq(this.n, this.v);
  }

  get greater(): Expr {
    if (this.#isFloat) return this.#compare('gt');
    if (this.#operation === 'sub') return gtS(this.#a, this.#b);
    if (this.#operation === 'logic') return gtS(this.#a, zeroOf(this.#a));
    return and(eqz(this.z), eq(this.n, this.v));
  }
}

/** A condition without its lowest bit, by the values of the flags. */
const CONDITIONS: readonly ((f: FlagValues) => Expr)[] = [
  (f) => f.z,
  (f) => f.c,
  (f) => f.n,
  (f) => f.v,
  (f) => f.higher,
  (f) => f.greaterOrEqual,
  (f) => f.greater,
  () => i32(1),
];

const bitOf = (packed: Expr, n: number): Expr => and(shrU(packed, i32(n)), i32(1));

/** The same of packed flags. */
const PACKED_CONDITIONS: readonly ((packed: Expr) => Expr)[] = [
  (p) => bitOf(p, 2),
  (p) => bitOf(p, 1),
  (p) => bitOf(p, 3),
  (p) => bitOf(p, 0),
  (p) => eq(and(p, i32(6)), i32(2)),
  (p) => eqz(and(xor(shrU(p, i32(3)), p), i32(1))),
  (p) => eqz(or(and(xor(shrU(p, i32(3)), p), i32(1)), bitOf(p, 2))),
  () => i32(1),
];

/** The same of the flags in the vCPU state. */
const memoryConditions = (cpu: Expr): (() => Expr)[] => {
  const n = (): Expr => ltS(field(cpu, 'flagN'), i64(0));
  const z = (): Expr => eqz(field(cpu, 'flagZ'));
  const c = (): Expr => field(cpu, 'flagC', 'i32');
  const v = (): Expr => field(cpu, 'flagV', 'i32');
  return [z, c, n, v, () => and(c(), eqz(z())), () => eq(n(), v()), () => and(eqz(z()), eq(n(), v())), () => i32(1)];
};

const pack = (n: Expr, z: Expr, c: Expr, v: Expr): Expr =>
  or(or(shl(n, i32(3)), shl(z, i32(2))), or(shl(c, i32(1)), v));

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

  #store(kind: FlagKind): void {
    const f = this.#f;
    const cpu = this.#cpu;
    if (kind === 'packed') {
      const one = (n: number): Expr => bitOf(this.#packed, n);
      setField(f, cpu, 'flagN', shl(extU(one(3)), i64(63)));
      setField(f, cpu, 'flagZ', extU(eqz(one(2))));
      setField(f, cpu, 'flagC', one(1));
      setField(f, cpu, 'flagV', one(0));
      return;
    }
    const values = new FlagValues(kind, this.#operands(kind));
    const result = values.result;
    const wide = result.t === 'i32' ? node('i64', [0xac], result) : result;
    setField(f, cpu, 'flagN', wide);
    setField(f, cpu, 'flagZ', wide);
    setField(f, cpu, 'flagC', values.c);
    setField(f, cpu, 'flagV', values.v);
  }

  /** Writes the flags to the vCPU state: only the running code knows which of `kinds` they are of. */
  store(kinds: number): void {
    const f = this.#f;
    const kind = (): Expr => f.get(this.#kindVar);
    f.if(ne(kind(), i32(0)), () => {
      f.block((done) => {
        for (const name of FLAG_KINDS) {
          if (((kinds >> numberOf(name)) & 1) === 0) continue;
          f.if(eq(kind(), i32(numberOf(name))), () => {
            this.#store(name);
            f.br(done);
          });
        }
      });
    });
  }
}
