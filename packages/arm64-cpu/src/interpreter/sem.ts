/** Instruction semantics over records: what `Sem` means in the interpreter. */

import { HOW_GUARDED, STORED_CHECK } from '../core/access.ts';
import type { CoreModule } from '../core/helper.ts';
import { ACCESS_ATOMIC, ACCESS_WRITE } from '../core/memory.ts';
import { TLB_HOST_SHIFT, TLB_INDEX_BITS, TLB_TAG_SHIFT } from '../layout.ts';
import type { AccessOptions, FieldFn, HelperName, RegField, Sem } from '../table/sem.ts';
import {
  add,
  and,
  atomicLoad,
  type Expr,
  eq,
  eqz,
  extU,
  fop,
  geU,
  gtU,
  i32,
  i64,
  konst,
  type LoadKind,
  load,
  loadV128,
  ltS,
  ltU,
  node,
  or,
  shl,
  shrU,
  simd,
  sub,
  wrap,
  xor,
} from '../wasm/expr.ts';
import type { FunctionBuilder } from '../wasm/function-builder.ts';
import type { RecordSpec, RegUse } from './record.ts';
import { howOf, LOAD_BYTES, StatementSem } from './statement-sem.ts';

/** PSTATE.NZCV while a handler runs: locals of the main function, or the words of the vCPU state. */
export interface FlagAccess {
  n(): Expr;
  z(): Expr;
  c(): Expr;
  v(): Expr;
  set(n: Expr, z: Expr, c: Expr, v: Expr): void;
}

/** Where a handler goes when it does not fall through to the next record. */
export interface Exits {
  /** An exception is pending for this instruction. */
  fault(): void;
  /** The instruction is done; look at interrupts. */
  check(): void;
  /** The PC is in the vCPU state. */
  jump(): void;
  wait(): void;
  /** The vCPU waits for an event. */
  event(): void;
  /** The instruction goes on; a look at interrupts follows within a few more. */
  checkSoon(): void;
  /** To a virtual address. */
  branchTo(target: Expr): void;
  /** To the row's target. */
  branch(cond: Expr | undefined): void;
}

/** Bits 3:0 of a TLB entry are zero, so that the comparison with the address checks alignment too. */
const MAX_HIT_ALIGN = 16;

/** Implements `Sem` for one handler. `ended` tells whether the semantics left by an exit of their own. */
export class InterpreterSem extends StatementSem implements Sem {
  ended = false;
  /** The core module is for hosts that don't have them, too. */
  readonly fuses = false;

  readonly #m: CoreModule;
  readonly #spec: RecordSpec;
  readonly #rec: Expr;
  readonly #flags: FlagAccess;
  readonly #exits: Exits;

  constructor(o: {
    f: FunctionBuilder;
    module: CoreModule;
    spec: RecordSpec;
    cpu: Expr;
    rec: Expr;
    flags: FlagAccess;
    exits: Exits;
  }) {
    super(o.f, o.cpu);
    this.#m = o.module;
    this.#spec = o.spec;
    this.#rec = o.rec;
    this.#flags = o.flags;
    this.#exits = o.exits;
  }

  /** Address of a register in the vCPU state. */
  #reg(field: RegField, use: RegUse): Expr {
    return add(this.cpu(), load('i32_16u', this.#rec, this.#spec.register(field, use)));
  }

  X(field: RegField, bits = 64): Expr {
    return load(bits === 64 ? 'i64' : 'i32', this.#reg(field, 'X'));
  }

  setX(field: RegField, value: Expr): void {
    this.f.store('i64', this.#reg(field, 'Xw'), value.t === 'i32' ? extU(value) : value);
  }

  SP(field: RegField, bits = 64): Expr {
    return load(bits === 64 ? 'i64' : 'i32', this.#reg(field, 'SP'));
  }

  setSP(field: RegField, value: Expr): void {
    this.f.store('i64', this.#reg(field, 'SP'), value.t === 'i32' ? extU(value) : value);
  }

  V(field: RegField): Expr {
    return loadV128(this.#reg(field, 'V'));
  }

  setV(field: RegField, value: Expr): void {
    this.f.storeV128(this.#reg(field, 'V'), value);
  }

  vPart(kind: LoadKind, field: RegField, byteOffset: number | Expr = 0): Expr {
    if (typeof byteOffset === 'number') return load(kind, this.#reg(field, 'V'), byteOffset);
    return load(kind, add(this.#reg(field, 'V'), byteOffset));
  }

  setVPart(bytes: 1 | 2 | 4 | 8, field: RegField, value: Expr, byteOffset: number | Expr = 0): void {
    const at = this.#reg(field, 'V');
    if (typeof byteOffset === 'number') this.plainStore(bytes, at, value, byteOffset);
    else this.plainStore(bytes, add(at, byteOffset), value);
  }

  setVScalar(field: RegField, value: Expr): void {
    const low =
      value.t === 'i32'
        ? extU(value)
        : value.t === 'f32'
          ? extU(node('i32', [0xbc], value))
          : value.t === 'f64'
            ? node('i64', [0xbd], value)
            : value;
    this.setV(field, simd('v128', 0x1e, [simd('v128', 0x12, [i64(0)]), low], [0]));
  }

  imm32(fn: FieldFn): Expr {
    return load('i32', this.#rec, this.#spec.word(fn));
  }

  imm64(fn: FieldFn): Expr {
    return load('i64_32s', this.#rec, this.#spec.word(fn));
  }

  imm(bits: number, fn: FieldFn): Expr {
    return bits === 64 ? this.imm64(fn) : this.imm32(fn);
  }

  wide(bits: number, fn: FieldFn): Expr {
    return bits === 64
      ? load('i64', this.#rec, this.#spec.doubleword(fn))
      : this.imm32((f) => Number(BigInt.asIntN(32, BigInt(fn(f)))));
  }

  if(cond: Expr, then: () => void, otherwise?: () => void): void {
    const before = this.ended;
    this.f.if(cond, then, otherwise);
    // An exit inside a branch leaves the other way open.
    this.ended = before;
  }

  expect(needs: readonly Expr[], also: (() => Expr) | undefined, usual: () => void, rare: () => void): void {
    this.if(this.allOf(needs, also), usual, rare);
  }

  call(helper: HelperName, ...args: Expr[]): Expr {
    return this.f.tmp(this.f.call(this.#m.fn(helper), ...args));
  }

  callVoid(helper: HelperName, ...args: Expr[]): void {
    this.f.callVoid(this.#m.fn(helper), ...args);
  }

  #setFlags(result: Expr, c: Expr, v: Expr): void {
    this.#spec.usesFlags = true;
    const wide = result.t === 'i32' ? node('i64', [0xac], result) : result;
    this.#flags.set(wide, wide, c, v);
  }

  addFlags(a: Expr, b: Expr): Expr {
    const [x, y] = [this.tmp(a), this.tmp(b)];
    const r = this.tmp(add(x, y));
    this.#setFlags(r, ltU(r, x), ltS(and(xor(x, r), xor(y, r)), konst(r.t, 0)));
    return r;
  }

  subFlags(a: Expr, b: Expr): Expr {
    const [x, y] = [this.tmp(a), this.tmp(b)];
    const r = this.tmp(sub(x, y));
    this.#setFlags(r, geU(x, y), ltS(and(xor(x, y), xor(x, r)), konst(r.t, 0)));
    return r;
  }

  adcFlags(a: Expr, b: Expr): Expr {
    const [x, y] = [this.tmp(a), this.tmp(b)];
    const c = this.tmp(this.carry());
    const sum = this.tmp(add(x, y));
    const r = this.tmp(add(sum, x.t === 'i64' ? extU(c) : c));
    // A carry comes from the sum of the operands, or from adding the carry to all ones.
    const carry = or(ltU(sum, x), ltU(r, sum));
    this.#setFlags(r, carry, ltS(and(xor(x, r), xor(y, r)), konst(r.t, 0)));
    return r;
  }

  floatFlags(a: Expr, b: Expr): void {
    const [lt, gt] = a.t === 'f64' ? [0x63, 0x64] : [0x5d, 0x5e];
    // Of 0 and 1, 1 and 0, and two zeros the difference has the flags of less, greater and equal.
    this.subFlags(fop('i32', gt, a, b), fop('i32', lt, a, b));
  }

  logicFlags(value: Expr): void {
    this.#setFlags(value, i32(0), i32(0));
  }

  carry(): Expr {
    this.#spec.usesFlags = true;
    return this.#flags.c();
  }

  nzcv(): Expr {
    this.#spec.usesFlags = true;
    const n = wrap(shrU(this.#flags.n(), i64(63)));
    const z = eqz(this.#flags.z());
    return or(or(shl(n, i32(3)), shl(z, i32(2))), or(shl(this.#flags.c(), i32(1)), this.#flags.v()));
  }

  setNzcv(value: Expr): void {
    this.#spec.usesFlags = true;
    const nzcv = this.tmp(value);
    const one = (n: number): Expr => and(shrU(nzcv, i32(n)), i32(1));
    this.#flags.set(shl(extU(one(3)), i64(63)), extU(eqz(one(2))), one(1), one(0));
  }

  cond(cond: number): Expr {
    this.#spec.usesFlags = true;
    const fl = this.#flags;
    const n = () => ltS(fl.n(), i64(0));
    const z = () => eqz(fl.z());
    const test = [
      () => z(),
      () => fl.c(),
      () => n(),
      () => fl.v(),
      () => and(fl.c(), eqz(z())),
      () => eq(n(), fl.v()),
      () => and(eqz(z()), eq(n(), fl.v())),
      () => i32(1),
    ][cond >> 1]!();
    return cond & 1 && cond !== 15 ? eqz(test) : test;
  }

  /** Host address of an access, through the TLB or the slow path `miss`, which gives 0 for a fault. */
  #hostAddress(table: string, va: Expr, bytes: number, align: number, miss: () => Expr): Expr {
    const f = this.f;
    const host = f.local('i32');
    this.#hit(
      table,
      va,
      bytes,
      align,
      (at) => f.set(host, at),
      () => {
        f.set(host, miss());
        f.if(eqz(f.get(host)), () => this.#exits.fault());
      },
    );
    return f.get(host);
  }

  /** Looks `va` up in a TLB; `hit` runs with the host address, `miss` else, and where it is not aligned to `align`. */
  #hit(table: string, va: Expr, bytes: number, align: number, hit: (host: Expr) => void, miss: () => void): void {
    const f = this.f;
    const index = and(shrU(wrap(va), i32(9)), i32((2 ** TLB_INDEX_BITS - 1) * 8));
    const entry = f.tmp(load('i64', add(this.state(table, 'i32'), index)));
    if (align > MAX_HIT_ALIGN) throw new Error(`a TLB entry does not tell an alignment of ${align} bytes`);
    const mask = -(2n ** BigInt(TLB_TAG_SHIFT)) | BigInt(align - 1);
    const matches = eqz(and(xor(va, entry), i64(mask)));
    const inPage = () => gtU(i32(0x1001 - bytes), and(wrap(va), i32(0xfff)));
    const host = or(shl(wrap(entry), i32(TLB_HOST_SHIFT)), and(wrap(va), i32(0xfff)));
    f.if(align === bytes ? matches : and(matches, inPage()), () => hit(host), miss);
  }

  #readHost(address: Expr, bytes: number, align: number, options?: AccessOptions): Expr {
    const va = this.tmp(address);
    const table = options?.unprivileged ? 'tlbReadEl0' : 'tlbRead';
    return this.#hostAddress(table, va, bytes, align, () =>
      this.f.call(this.#m.fn('loadSlow'), this.cpu(), va, i32(howOf(bytes, align, options))),
    );
  }

  load(kind: LoadKind, address: Expr, options?: AccessOptions): Expr {
    const bytes = LOAD_BYTES[kind];
    const host = this.#readHost(address, bytes, bytes, options);
    if (!options?.ordered) return this.tmp(load(kind, host));
    // An ordered access is aligned, and zero-extends.
    return this.tmp(atomicLoad(kind.startsWith('i64') ? 'i64' : 'i32', bytes, host));
  }

  loadV(address: Expr, options?: AccessOptions): Expr {
    return this.tmp(loadV128(this.#readHost(address, 16, 1, options)));
  }

  loadPair(kind: LoadKind, address: Expr): [Expr, Expr] {
    const bytes = LOAD_BYTES[kind];
    const host = this.#readHost(address, 2 * bytes, bytes);
    return [this.tmp(load(kind, host)), this.tmp(load(kind, host, bytes))];
  }

  /** A store: `fast` writes to the host address, the slow path takes the bytes as two i64. */
  #storeVia(
    address: Expr,
    bytes: number,
    align: number,
    fast: (host: Expr) => void,
    low: () => Expr,
    high: () => Expr,
    options?: AccessOptions,
  ): void {
    const f = this.f;
    const va = this.tmp(address);
    const table = options?.unprivileged ? 'tlbWriteEl0' : 'tlbWrite';
    this.#hit(table, va, bytes, align, fast, () => {
      const how = i32(howOf(bytes, align, options));
      const done = f.tmp(f.call(this.#m.fn('storeSlow'), this.cpu(), va, how, low(), high()));
      f.if(eqz(done), () => this.#exits.fault());
      // A device may have raised an interrupt, or asked the engine to stop.
      f.if(eq(done, i32(STORED_CHECK)), () => this.#exits.checkSoon());
    });
  }

  store(bytes: 1 | 2 | 4 | 8, address: Expr, value: Expr, options?: AccessOptions): void {
    const v = this.tmp(value);
    const wide = () => (v.t === 'i32' ? extU(v) : v);
    const fast = (host: Expr) => {
      if (options?.ordered) this.atomicStore(bytes, host, v);
      else this.plainStore(bytes, host, v);
    };
    this.#storeVia(address, bytes, bytes, fast, wide, () => i64(0), options);
  }

  storeV(address: Expr, value: Expr, options?: AccessOptions): void {
    const v = this.tmp(value);
    this.#storeVia(
      address,
      16,
      1,
      (host) => this.f.storeV128(host, v),
      () => lane64(v, 0),
      () => lane64(v, 1),
      options,
    );
  }

  storePair(bytes: 4 | 8, address: Expr, first: Expr, second: Expr): void {
    const [a, b] = [this.tmp(first), this.tmp(second)];
    const fast = (host: Expr) => {
      this.plainStore(bytes, host, a);
      this.plainStore(bytes, host, b, bytes);
    };
    const low = () => (bytes === 8 ? a : or(extU(a), shl(extU(b), i64(32))));
    this.#storeVia(address, 2 * bytes, bytes, fast, low, () => (bytes === 8 ? b : i64(0)));
  }

  storePairV(address: Expr, first: Expr, second: Expr): void {
    const va = this.tmp(address);
    const [a, b] = [this.tmp(first), this.tmp(second)];
    const f = this.f;
    this.#hit(
      'tlbWrite',
      va,
      32,
      1,
      (host) => {
        f.storeV128(host, a);
        f.storeV128(host, b, 16);
      },
      () => {
        f.if(eqz(f.call(this.#m.fn('probeWrite'), this.cpu(), va, i32(32))), () => this.#exits.fault());
        this.storeV(va, a);
        this.storeV(add(va, i64(16)), b);
      },
    );
  }

  host(bytes: number, address: Expr, mode: 'read' | 'write' | 'atomic'): Expr {
    const va = this.tmp(address);
    const access = { read: 0, write: ACCESS_WRITE, atomic: ACCESS_WRITE | ACCESS_ATOMIC }[mode];
    return this.#hostAddress(mode === 'read' ? 'tlbRead' : 'tlbWrite', va, bytes, bytes, () =>
      this.f.call(this.#m.fn('hostSlow'), this.cpu(), va, i32(howOf(bytes, bytes)), i32(access)),
    );
  }

  hostPair(address: Expr, mode: 'write' | 'atomic'): Expr {
    const f = this.f;
    const access = mode === 'write' ? ACCESS_WRITE : ACCESS_WRITE | ACCESS_ATOMIC;
    const how = i32(howOf(16, 16) | HOW_GUARDED);
    const host = f.tmp(f.call(this.#m.fn('hostSlow'), this.cpu(), this.tmp(address), how, i32(access)));
    f.if(eqz(host), () => this.#exits.fault());
    return host;
  }

  zeroBlock(address: Expr): void {
    this.if(eqz(this.call('zeroBlock', this.cpu(), address)), () => this.exception(this.state('faultEsr', 'i64')));
  }

  branch(cond?: Expr): void {
    this.#exits.branch(cond);
    this.ended = true;
  }

  branchTo(target: Expr): void {
    this.#exits.branchTo(target);
    this.ended = true;
  }

  pcRelative(fn: FieldFn, page = false): Expr {
    const base = this.state('pageVa', 'i64');
    return add(base, this.#pcOffset(fn, page));
  }

  /** `fn` plus the instruction's place in its page; ADRP's reach needs more than 32 bits. */
  #pcOffset(fn: FieldFn, page: boolean): Expr {
    return page ? this.wide(64, (f) => Number(fn(f))) : this.imm64((f) => f.pc! + Number(fn(f)));
  }

  exception(esr: Expr, next = false): void {
    this.raise(esr, next);
    this.#exits.fault();
    this.ended = true;
  }

  end(how: 'check' | 'jump' | 'wait' | 'event'): void {
    this.#exits[how]();
    this.ended = true;
  }
}

const lane64 = (v: Expr, lane: number): Expr => simd('i64', 0x1d, [v], [lane]);
