/** Instruction semantics with every field known: what `Sem` means in the translator. */

import { HOW_GUARDED } from '../core/access.ts';
import { ACCESS_ATOMIC, ACCESS_WRITE } from '../core/memory.ts';
import { howOf, LOAD_BYTES, StatementSem } from '../interpreter/statement-sem.ts';
import type { Fields } from '../table/row.ts';
import type { AccessOptions, FieldFn, HelperName, RegField, Sem } from '../table/sem.ts';
import {
  add,
  and,
  atomicLoad,
  type Expr,
  eqz,
  extS,
  extU,
  fop,
  i32,
  i64,
  konst,
  type LoadKind,
  load,
  loadV128,
  ltS,
  ltU,
  or,
  shl,
  sub,
  v128,
  wrap,
  xor,
} from '../wasm/expr.ts';
import type { FuncRef, FunctionBuilder, Var } from '../wasm/function-builder.ts';
import { hostFuses } from '../wasm/fused.ts';
import { laneOp } from '../wasm/simd-ops.ts';
import { CALLABLE, CALLABLE_REFS, isSystem } from './callable.ts';
import type { DataTlb } from './data-tlb.ts';
import type { LazyFlags } from './flags.ts';
import { STATE_LOCALS, type StateLocal } from './locals.ts';

/** Fields of the state that a write of FPCR or FPSR changes. */
export const FP_STATE = ['fpFast', 'FPCR'] as const;

/** An instruction that the translator leaves to the interpreter. */
export class Untranslatable extends Error {
  override readonly name = 'Untranslatable';
}

/** An instruction whose code depends on a value of its word that only a field tells. */
export class NeedsConstant extends Untranslatable {}

/**
 * How an instruction ends a straight line. `check`: a look at interrupts follows it; `fault`: it has raised an exception;
 * `return`: it is an exception return.
 */
export type Ending =
  | { readonly how: 'branch'; readonly cond: Expr | undefined }
  | { readonly how: 'indirect'; readonly target: Expr }
  | { readonly how: 'check' | 'fault' | 'return' };

/** What the code of an instruction is made with. */
export interface StencilContext {
  readonly f: FunctionBuilder;
  readonly cpu: Expr;
  readonly flags: LazyFlags;
  readonly tlb: DataTlb;
  /** The general register in a field, where 31 is SP; a region's local. */
  general(field: RegField): Var;
  /** X30. */
  link(): Var;
  /** The vector register in a field, or `plus` behind it. */
  vector(field: RegField, plus?: number): Var;
  /** A constant of the instruction word. */
  immediate(t: 'i32' | 'i64', fn: FieldFn): Expr;
  /** Virtual address of the instruction plus a constant of its word, or of its page. */
  relative(fn: FieldFn, page: boolean): Expr;
  /** What is rare is done here too, and not left to the interpreter: it proved not to be. */
  readonly careful: boolean;
  /** A field of the state that regions have in a local. */
  state(name: StateLocal): Expr;
  /** Gives such a local another value. */
  renew(name: StateLocal, value: Expr): void;
  /** A vector of zeros. */
  zero(): Expr;
  /** Leaves the region with this instruction undone. */
  leave(): void;
  /** The same where `cond` holds. */
  leaveIf(cond: Expr): void;
  /** Leaves the region behind this instruction, for a look at interrupts. */
  leaveChecking(): void;
}

/** What an instruction's code does, beside its registers: learnt by generating it once. */
export class Usage {
  readsFlags = false;
  writesFlags = false;
  /** It may leave the region undone. */
  leaves = false;
  /** Fields of general registers that it writes; `sp`: where 31 is SP. */
  readonly written: { readonly field: RegField; readonly sp: boolean }[] = [];
  /** It writes X30 whatever its fields are. */
  links = false;
  /** It may change what the TLB says of memory. */
  system = false;
  /** Plain accesses that it looks up. */
  plain = 0;
}

/** The whole of the value in a v128 whose other bits are those of `zero`. */
function widened(value: Expr, zero: Expr): Expr {
  if (value.t === 'f64') return laneOp('f64x2.replace_lane', 0, zero, value);
  if (value.t === 'f32') return laneOp('f32x4.replace_lane', 0, zero, value);
  if (value.t === 'i32') return laneOp('i32x4.replace_lane', 0, zero, value);
  return laneOp('i64x2.replace_lane', 0, zero, value);
}

/** A part of a vector by load kind, at a byte offset that is a multiple of its size. */
function part(kind: LoadKind, v: Expr, offset: number): Expr {
  const lane = offset / LOAD_BYTES[kind];
  if (!Number.isInteger(lane)) throw new Untranslatable(`a part of a vector at byte ${offset}`);
  const narrow = (): Expr => {
    const sign = kind.endsWith('s') ? 's' : 'u';
    return laneOp(LOAD_BYTES[kind] === 1 ? `i8x16.extract_lane_${sign}` : `i16x8.extract_lane_${sign}`, lane, v);
  };
  switch (kind) {
    case 'i64':
      return laneOp('i64x2.extract_lane', lane, v);
    case 'f64':
      return laneOp('f64x2.extract_lane', lane, v);
    case 'f32':
      return laneOp('f32x4.extract_lane', lane, v);
    case 'i32':
      return laneOp('i32x4.extract_lane', lane, v);
    case 'i64_32u':
      return extU(laneOp('i32x4.extract_lane', lane, v));
    case 'i64_32s':
      return extS(laneOp('i32x4.extract_lane', lane, v));
    case 'i64_8u':
    case 'i64_16u':
      return extU(narrow());
    case 'i64_8s':
    case 'i64_16s':
      return extS(narrow());
    default:
      return narrow();
  }
}

const REPLACE = {
  1: 'i8x16.replace_lane',
  2: 'i16x8.replace_lane',
  4: 'i32x4.replace_lane',
  8: 'i64x2.replace_lane',
} as const;

/** Fields of registers, parsed: the pattern's field and what is added to it. */
const parsed = new Map<RegField, readonly [name: string, plus: number]>();

/** The number of the general register that a field names. */
export function registerNumber(fields: Fields, field: RegField): number {
  let found = parsed.get(field);
  if (!found) {
    const [name, plus = '0'] = field.split('+');
    found = [name!, Number(plus)];
    parsed.set(field, found);
  }
  const n = fields[found[0]];
  if (n === undefined) throw new Error(`the pattern has no field ${field}`);
  return n + found[1];
}

/** Implements `Sem` for one instruction. */
export class TranslatorSem extends StatementSem implements Sem {
  readonly usage = new Usage();
  /** How the instruction ends the straight line, if it does. */
  ending: Ending | undefined;
  readonly #c: StencilContext;
  readonly #fields: Fields;
  /** Depth of `if` in the instruction's code. */
  #depth = 0;
  /** The instruction may hold a page's lock. */
  #locks = false;

  constructor(c: StencilContext, fields: Fields) {
    super(c.f, c.cpu);
    this.#c = c;
    this.#fields = fields;
  }

  #isZeroRegister(field: RegField): boolean {
    // Stencils are told apart by which fields are 31, and not by which are 30.
    if (field.includes('+')) throw new Untranslatable('a pair of general registers');
    return registerNumber(this.#fields, field) === 31;
  }

  X(field: RegField, bits = 64): Expr {
    if (this.#isZeroRegister(field)) return konst(bits === 64 ? 'i64' : 'i32', 0);
    return this.SP(field, bits);
  }

  setX(field: RegField, value: Expr): void {
    this.usage.written.push({ field, sp: false });
    if (!this.#isZeroRegister(field)) this.f.set(this.#c.general(field), value.t === 'i32' ? extU(value) : value);
  }

  SP(field: RegField, bits = 64): Expr {
    const e = this.f.get(this.#c.general(field));
    return bits === 64 ? e : wrap(e);
  }

  setSP(field: RegField, value: Expr): void {
    this.usage.written.push({ field, sp: true });
    this.f.set(this.#c.general(field), value.t === 'i32' ? extU(value) : value);
  }

  V(field: RegField): Expr {
    return this.f.get(this.#c.vector(field));
  }

  setV(field: RegField, value: Expr): void {
    this.f.set(this.#c.vector(field), value);
  }

  /** The register that a part belongs to, and its byte offset there: an offset may lead into the registers behind. */
  #place(field: RegField, byteOffset: number | Expr): [register: Var, offset: number] {
    const k = typeof byteOffset === 'number' ? byteOffset : byteOffset.k;
    if (k === undefined) throw new NeedsConstant('a part of a vector that the word chooses');
    const at = Number(k);
    return [this.#c.vector(field, at >> 4), at & 15];
  }

  vPart(kind: LoadKind, field: RegField, byteOffset: number | Expr = 0): Expr {
    const [register, offset] = this.#place(field, byteOffset);
    return part(kind, this.f.get(register), offset);
  }

  setVPart(bytes: 1 | 2 | 4 | 8, field: RegField, value: Expr, byteOffset: number | Expr = 0): void {
    const [register, offset] = this.#place(field, byteOffset);
    const narrow = value.t === 'i64' && bytes < 8 ? wrap(value) : value;
    this.f.set(register, laneOp(REPLACE[bytes], offset / bytes, this.f.get(register), narrow));
  }

  setVScalar(field: RegField, value: Expr): void {
    this.setV(field, widened(value, this.#c.zero()));
  }

  imm32(fn: FieldFn): Expr {
    return this.#c.immediate('i32', fn);
  }

  imm64(fn: FieldFn): Expr {
    return this.#c.immediate('i64', fn);
  }

  imm(bits: number, fn: FieldFn): Expr {
    return bits === 64 ? this.imm64(fn) : this.imm32(fn);
  }

  wide(bits: number, fn: FieldFn): Expr {
    return this.imm(bits, fn);
  }

  if(cond: Expr, then: () => void, otherwise?: () => void): void {
    if (cond.k !== undefined) {
      if (cond.k !== 0n) then();
      else otherwise?.();
      return;
    }
    const { flags } = this.#c;
    const before = flags.kind;
    let arms = 0;
    const arm = (body: () => void) => () => {
      flags.kind = before;
      const { writes } = flags;
      body();
      if (flags.writes === writes) return;
      // Where a way sets flags the other does too: both leave them packed.
      arms++;
      flags.normalize();
    };
    this.#depth++;
    this.f.if(cond, arm(then), otherwise && arm(otherwise));
    this.#depth--;
    if (arms === 1) throw new Untranslatable('flags that only one way sets');
    if (arms === 0) flags.kind = before;
  }

  expect(needs: readonly Expr[], also: (() => Expr) | undefined, usual: () => void, rare: () => void): void {
    this.usage.leaves = true;
    if (this.#c.careful) return this.if(this.allOf(needs, also), usual, rare);
    needs.forEach((e, n) => {
      if (also && n === needs.length - 1) this.f.if(eqz(e), () => this.#c.leaveIf(eqz(also())));
      else this.#c.leaveIf(eqz(e));
    });
    usual();
  }

  get fuses(): boolean {
    return hostFuses();
  }

  call(helper: HelperName, ...args: Expr[]): Expr {
    return this.f.tmp(this.f.call(this.#callable(helper), ...args));
  }

  callVoid(helper: HelperName, ...args: Expr[]): void {
    // It takes every register from the vCPU state: it is called behind the region.
    if (helper === 'exceptionReturn' && this.#depth === 0) this.ending = { how: 'return' };
    else if (this.#depth > 0 && !CALLABLE.has(helper)) this.#leave(`a call of ${helper}`);
    else this.f.callVoid(this.#callable(helper), ...args);
    if (helper === 'fpRecompute') for (const name of FP_STATE) this.#c.renew(name, super.state(name, 'i32'));
  }

  #callable(helper: string): FuncRef {
    const ref = CALLABLE_REFS.get(helper);
    if (!ref) throw new Untranslatable(`a call of ${helper}`);
    this.usage.system ||= isSystem(helper);
    return ref;
  }

  override state(name: string, t: 'i32' | 'i64'): Expr {
    const known = STATE_LOCALS.find((local) => local === name);
    return known && t === 'i32' ? this.#c.state(known) : super.state(name, t);
  }

  override setState(name: string, value: Expr): void {
    if (name !== 'x30') return super.setState(name, value);
    this.usage.links = true;
    this.f.set(this.#c.link(), value);
  }

  #setFlags(operation: 'sub' | 'add' | 'logic', a: Expr, b: Expr): void {
    this.usage.writesFlags = true;
    this.#c.flags.set(operation, a, b);
  }

  addFlags(a: Expr, b: Expr): Expr {
    const [x, y] = [this.tmp(a), this.tmp(b)];
    this.#setFlags('add', x, y);
    return add(x, y);
  }

  subFlags(a: Expr, b: Expr): Expr {
    const [x, y] = [this.tmp(a), this.tmp(b)];
    this.#setFlags('sub', x, y);
    return sub(x, y);
  }

  adcFlags(a: Expr, b: Expr): Expr {
    const [x, y] = [this.tmp(a), this.tmp(b)];
    const c = this.tmp(this.carry());
    const sum = this.tmp(add(x, y));
    const r = this.tmp(add(sum, x.t === 'i64' ? extU(c) : c));
    const zero = konst(r.t, 0);
    const carry = or(ltU(sum, x), ltU(r, sum));
    const overflow = ltS(and(xor(x, r), xor(y, r)), zero);
    this.setNzcv(or(or(shl(ltS(r, zero), i32(3)), shl(eqz(r), i32(2))), or(shl(carry, i32(1)), overflow)));
    return r;
  }

  floatFlags(a: Expr, b: Expr): void {
    const wide = (e: Expr): Expr => (e.t === 'f32' ? fop('f64', 0xbb, e) : e);
    this.usage.writesFlags = true;
    this.#c.flags.setFloat(wide(a), wide(b));
  }

  logicFlags(value: Expr): void {
    this.#setFlags('logic', this.tmp(value), konst(value.t, 0));
  }

  carry(): Expr {
    this.usage.readsFlags = true;
    return this.#c.flags.carry;
  }

  nzcv(): Expr {
    this.usage.readsFlags = true;
    return this.#c.flags.nzcv;
  }

  setNzcv(value: Expr): void {
    this.usage.writesFlags = true;
    this.#c.flags.setPacked(value);
  }

  cond(cond: number): Expr {
    if (cond < 14) this.usage.readsFlags = true;
    return this.#c.flags.condition(cond);
  }

  #readHost(address: Expr, bytes: number, align: number, options?: AccessOptions): Expr {
    this.usage.leaves = true;
    if (!options?.ordered) this.usage.plain++;
    return this.#c.tlb.host(options?.unprivileged ? 'tlbReadEl0' : 'tlbRead', address, bytes, align, options?.ordered);
  }

  #writeHost(address: Expr, bytes: number, align: number, options?: AccessOptions): Expr {
    this.usage.leaves = true;
    if (!options?.ordered) this.usage.plain++;
    const table = options?.unprivileged ? 'tlbWriteEl0' : 'tlbWrite';
    return this.#c.tlb.host(table, address, bytes, align, options?.ordered);
  }

  load(kind: LoadKind, address: Expr, options?: AccessOptions): Expr {
    const bytes = LOAD_BYTES[kind];
    const host = this.#readHost(address, bytes, bytes, options);
    if (!options?.ordered) return this.tmp(load(kind, host));
    return this.tmp(atomicLoad(kind.startsWith('i64') ? 'i64' : 'i32', bytes, host));
  }

  loadV(address: Expr): Expr {
    return this.tmp(loadV128(this.#readHost(address, 16, 1)));
  }

  loadPair(kind: LoadKind, address: Expr): [Expr, Expr] {
    const bytes = LOAD_BYTES[kind];
    const host = this.#readHost(address, 2 * bytes, bytes);
    return [this.tmp(load(kind, host)), this.tmp(load(kind, host, bytes))];
  }

  store(bytes: 1 | 2 | 4 | 8, address: Expr, value: Expr, options?: AccessOptions): void {
    const host = this.#writeHost(address, bytes, bytes, options);
    if (options?.ordered) this.atomicStore(bytes, host, value);
    else this.plainStore(bytes, host, value);
  }

  storeV(address: Expr, value: Expr): void {
    this.f.storeV128(this.#writeHost(address, 16, 1), value);
  }

  storePair(bytes: 4 | 8, address: Expr, first: Expr, second: Expr): void {
    const host = this.#writeHost(address, 2 * bytes, bytes);
    this.plainStore(bytes, host, first);
    this.plainStore(bytes, host, second, bytes);
  }

  storePairV(address: Expr, first: Expr, second: Expr): void {
    const host = this.#writeHost(address, 32, 1);
    this.f.storeV128(host, first);
    this.f.storeV128(host, second, 16);
  }

  host(bytes: number, address: Expr, mode: 'read' | 'write' | 'atomic'): Expr {
    this.usage.leaves = true;
    return this.#c.tlb.host(mode === 'read' ? 'tlbRead' : 'tlbWrite', address, bytes, bytes, true);
  }

  hostPair(address: Expr, mode: 'write' | 'atomic'): Expr {
    this.#locks = true;
    const access = mode === 'write' ? ACCESS_WRITE : ACCESS_WRITE | ACCESS_ATOMIC;
    const how = i32(howOf(16, 16) | HOW_GUARDED);
    const host = this.call('hostSlow', this.cpu(), address, how, i32(access));
    this.if(eqz(host), () => this.#leave('a fault'));
    return host;
  }

  /** But for pairs, guarded pages are not hit: there is no lock to give back. */
  override release(): void {
    if (this.#locks) super.release();
  }

  zeroBlock(address: Expr): void {
    const host = this.#writeHost(and(address, i64(-64)), 16, 16);
    for (let at = 0; at < 64; at += 16) this.f.storeV128(host, v128(0n, 0n), at);
  }

  branch(cond?: Expr): void {
    this.ending = { how: 'branch', cond };
  }

  branchTo(target: Expr): void {
    this.ending = { how: 'indirect', target };
  }

  pcRelative(fn: FieldFn, page = false): Expr {
    return this.#c.relative(fn, page);
  }

  exception(esr: Expr, next = false): void {
    if (this.#depth > 0) return this.#leave('an exception');
    this.raise(esr, next);
    this.ending = { how: 'fault' };
  }

  end(how: 'check' | 'jump' | 'wait' | 'event'): void {
    if (how === 'jump' && this.ending?.how === 'return') return;
    if (how !== 'check') this.#leave(`an end by ${how}`);
    else if (this.#depth === 0) this.ending = { how };
    else this.#c.leaveChecking();
  }

  /** The interpreter does the instruction from its beginning: nothing of it was done yet. */
  #leave(what: string): void {
    if (this.#depth === 0) throw new Untranslatable(what);
    this.usage.leaves = true;
    this.#c.leave();
  }
}
