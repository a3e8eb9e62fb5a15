/** PSTATE.NZCV from the operands of the instruction that sets it: what becomes of them, by kinds of instructions. */
import { stateOffset } from '../state.ts';
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
  load,
  ltS,
  ltU,
  or,
  shl,
  shrU,
  sub,
  xor,
} from '../wasm/expr.ts';
import type { FunctionBuilder } from '../wasm/function-builder.ts';
import type { CoreHelper } from './helper.ts';
import { field, setField } from './memory.ts';

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
export interface Operands {
  readonly a: Expr;
  readonly b: Expr;
}

/** Comparisons of f64. */
const FLOAT_COMPARE = { eq: 0x61, lt: 0x63, gt: 0x64, ge: 0x66 } as const;

const zeroOf = (e: Expr): Expr => konst(e.t, 0);
const overflow = (x: Expr, y: Expr): Expr => ltS(and(x, y), zeroOf(x));

/** One operation's flags: each as i32 0 or 1, and conditions that need fewer operations than by the flags. */
export class FlagValues {
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
export const CONDITIONS: readonly ((f: FlagValues) => Expr)[] = [
  (f) => f.z,
  (f) => f.c,
  (f) => f.n,
  (f) => f.v,
  (f) => f.higher,
  (f) => f.greaterOrEqual,
  (f) => f.greater,
  () => i32(1),
];

/** A flag of packed ones. */
export const bitOf = (packed: Expr, n: number): Expr => and(shrU(packed, i32(n)), i32(1));

/** A condition without its lowest bit, of packed flags. */
export const PACKED_CONDITIONS: readonly ((packed: Expr) => Expr)[] = [
  (p) => bitOf(p, 2),
  (p) => bitOf(p, 1),
  (p) => bitOf(p, 3),
  (p) => bitOf(p, 0),
  (p) => eq(and(p, i32(6)), i32(2)),
  (p) => eqz(and(xor(shrU(p, i32(3)), p), i32(1))),
  (p) => eqz(or(and(xor(shrU(p, i32(3)), p), i32(1)), bitOf(p, 2))),
  () => i32(1),
];

/** NZCV as an i32, N at bit 3, from flags that are each 0 or 1. */
export const pack = (n: Expr, z: Expr, c: Expr, v: Expr): Expr =>
  or(or(shl(n, i32(3)), shl(z, i32(2))), or(shl(c, i32(1)), v));

/**
 * settleFlags(cpu): regions leave flags in the state as they have them: flagKind says of what kind flagA and flagB are. Where
 * that is not `memory`, flagN, flagZ, flagC and flagV get what that means.
 */
const settleFlags: CoreHelper = {
  name: 'settleFlags',
  params: ['i32'],
  results: [],
  build(f) {
    const cpu = f.param(0);
    const kind = f.tmp(field(cpu, 'flagKind', 'i32'));
    setField(f, cpu, 'flagKind', i32(numberOf('memory')));
    for (const name of FLAG_KINDS) {
      if (name === 'memory') continue;
      f.if(eq(kind, i32(numberOf(name))), () => {
        if (name === 'packed') settlePacked(f, cpu);
        else settle(f, cpu, name);
        f.ret();
      });
    }
  },
};

function settlePacked(f: FunctionBuilder, cpu: Expr): void {
  const one = (n: number): Expr => bitOf(field(cpu, 'flagA', 'i32'), n);
  setField(f, cpu, 'flagN', shl(extU(one(3)), i64(63)));
  setField(f, cpu, 'flagZ', extU(eqz(one(2))));
  setField(f, cpu, 'flagC', one(1));
  setField(f, cpu, 'flagV', one(0));
}

function settle(f: FunctionBuilder, cpu: Expr, kind: FlagKind): void {
  const operand = (name: string): Expr => {
    if (kind === 'float') return f.tmp(load('f64', cpu, stateOffset(name)));
    return f.tmp(field(cpu, name, kind.endsWith('32') ? 'i32' : 'i64'));
  };
  const values = new FlagValues(kind, { a: operand('flagA'), b: operand('flagB') });
  const { result } = values;
  const wide = f.tmp(result.t === 'i32' ? extS(result) : result);
  setField(f, cpu, 'flagN', wide);
  setField(f, cpu, 'flagZ', wide);
  setField(f, cpu, 'flagC', values.c);
  setField(f, cpu, 'flagV', values.v);
}

export const helpers: readonly CoreHelper[] = [settleFlags];
