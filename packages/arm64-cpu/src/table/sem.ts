import type { Expr, LoadKind } from '../wasm/expr.ts';
import type { Fields } from './row.ts';

/** A register field of the pattern, or one that follows it (`Rt+1`: the next register modulo 32). */
export type RegField = string;

/** Computes an operand from the instruction word's fields when it is decoded. */
export type FieldFn = (f: Fields) => number | bigint;

/** What a helper of the core module is called with: its name and operands, e.g. `x.call('crc32', …)`. */
export type HelperName = string;

/** What instruction semantics are written against. The interpreter implements it over records, a translator over constants. */
export interface Sem {
  /** General register, 31 = XZR; `bits` 32 reads the low word as i32, 64 all of it as i64. */
  X(field: RegField, bits?: number): Expr;
  /** Writes a general register, 31 = XZR; an i32 is zero-extended. */
  setX(field: RegField, value: Expr): void;
  /** General register, 31 = SP. */
  SP(field: RegField, bits?: number): Expr;
  setSP(field: RegField, value: Expr): void;

  /** All 128 bits of a SIMD register. */
  V(field: RegField): Expr;
  setV(field: RegField, value: Expr): void;
  /** A part of a SIMD register by load kind, at a byte offset that is a number or an i32 expression. */
  vPart(kind: LoadKind, field: RegField, byteOffset?: number | Expr): Expr;
  /** Writes `bytes` bytes of a SIMD register at a byte offset; the rest stays. */
  setVPart(bytes: 1 | 2 | 4 | 8, field: RegField, value: Expr, byteOffset?: number | Expr): void;
  /** Writes an integer or float into the low bits and zeroes the rest of the register. */
  setVScalar(field: RegField, value: Expr): void;

  /** A value known once the word is decoded, as i32. */
  imm32(fn: FieldFn): Expr;
  /** A value of at most 32 signed bits known once the word is decoded, as i64. */
  imm64(fn: FieldFn): Expr;
  /** As `imm32` or `imm64` by operand size. */
  imm(bits: number, fn: FieldFn): Expr;
  /** As `imm`, for values that may need all bits of the operand size. */
  wide(bits: number, fn: FieldFn): Expr;

  /** Evaluates once, here; the result may be used often. */
  tmp(e: Expr): Expr;
  if(cond: Expr, then: () => void, otherwise?: () => void): void;
  /**
   * `usual` where all of `needs` hold, which they do nearly always, or, instead of the last of them, `also`; else `rare`,
   * which translated code may leave to the interpreter.
   */
  expect(needs: readonly Expr[], also: (() => Expr) | undefined, usual: () => void, rare: () => void): void;
  /** Whether Wasm's relaxed multiply-adds are there and round once. */
  readonly fuses: boolean;
  /** A value that branches of `if` may set. */
  variable(initial: Expr): { get(): Expr; set(e: Expr): void };
  /** Repeats `body` while it calls `again`. */
  loop(body: (again: (cond: Expr) => void) => void): void;
  /** Calls a helper of the core module that gives a value; it happens once, here. */
  call(helper: HelperName, ...args: Expr[]): Expr;
  callVoid(helper: HelperName, ...args: Expr[]): void;
  /** Address of the vCPU state, the first argument of many helpers (i32). */
  cpu(): Expr;
  /** Reads and writes a field of the vCPU state by name. */
  state(name: string, t: 'i32' | 'i64'): Expr;
  setState(name: string, value: Expr): void;

  /** a + b, setting NZCV; gives the sum. */
  addFlags(a: Expr, b: Expr): Expr;
  /** a - b, setting NZCV; gives the difference. */
  subFlags(a: Expr, b: Expr): Expr;
  /** a + b + C, setting NZCV. */
  adcFlags(a: Expr, b: Expr): Expr;
  /** Sets NZCV from the comparison of two f32 or f64, neither of them a NaN. */
  floatFlags(a: Expr, b: Expr): void;
  /** Sets N and Z from the value, clears C and V. */
  logicFlags(value: Expr): void;
  /** PSTATE.C as i32 0 or 1. */
  carry(): Expr;
  /** NZCV as an i32, N at bit 3. */
  nzcv(): Expr;
  setNzcv(value: Expr): void;
  /** The condition `cond` (Arm ARM C1.2.4) as i32 0 or 1. */
  cond(cond: number): Expr;

  /** Loads from a virtual address (i64); faults end the instruction. */
  load(kind: LoadKind, address: Expr, options?: AccessOptions): Expr;
  loadV(address: Expr, options?: AccessOptions): Expr;
  /** Two neighbours of `kind`; both are loaded before either register is written. */
  loadPair(kind: LoadKind, address: Expr): [Expr, Expr];
  /** Stores the low `bytes` bytes of an i32 or i64. */
  store(bytes: 1 | 2 | 4 | 8, address: Expr, value: Expr, options?: AccessOptions): void;
  storeV(address: Expr, value: Expr, options?: AccessOptions): void;
  storePair(bytes: 4 | 8, address: Expr, first: Expr, second: Expr): void;
  storePairV(address: Expr, first: Expr, second: Expr): void;
  /**
   * Host address (i32) of `bytes` (at most 16) aligned bytes that may be read (`read`), written (`write`: exclusive stores)
   * or both (`atomic`: a fault that reading would meet too is reported as a read's).
   */
  host(bytes: number, address: Expr, mode: 'read' | 'write' | 'atomic'): Expr;
  /**
   * As `host` with `write` or `atomic`, for 16 bytes that are compared and then written: nobody else writes to the page
   * until `release`.
   */
  hostPair(address: Expr, mode: 'write' | 'atomic'): Expr;
  /** Zeroes the 64 bytes around a virtual address; faults end the instruction. */
  zeroBlock(address: Expr): void;
  /** Ends an atomic or exclusive store that began with `host` or `hostPair`: others may write to the page again. */
  release(): void;
  /** Stores 16 bytes at once to a host address. */
  hostStorePair(host: Expr, low: Expr, high: Expr): void;
  /** No later access of this pCPU is seen by others before an earlier one. */
  fence(): void;
  /** Plain store to a host address. */
  hostStore(bytes: 1 | 2 | 4 | 8, host: Expr, value: Expr): void;
  /** Sequentially consistent store to a host address. */
  atomicStore(bytes: 1 | 2 | 4 | 8, host: Expr, value: Expr): void;
  /** Sequentially consistent read-modify-write; gives the old value, zero-extended. */
  atomicRmw(op: 'add' | 'and' | 'or' | 'xor' | 'xchg', bytes: 1 | 2 | 4 | 8, host: Expr, value: Expr): Expr;
  /** Compare and exchange; gives the old value, zero-extended. */
  atomicCas(bytes: 1 | 2 | 4 | 8, host: Expr, expected: Expr, value: Expr): Expr;

  /** Branch to the row's `target`, if the condition holds where there is one. */
  branch(cond?: Expr): void;
  /** Branch to a virtual address. */
  branchTo(target: Expr): void;
  /** Address of this instruction plus `fn`, of its page if `page`. */
  pcRelative(fn: FieldFn, page?: boolean): Expr;

  /** Raises a synchronous exception with ESR_EL1 `esr`; `next`: the return address is the next instruction's. */
  exception(esr: Expr, next?: boolean): void;
  /** The instruction is UNDEFINED. */
  undefined(): void;
  /** Ends the instruction with a look at interrupts, the exit request and the PC that a helper may have set. */
  end(how: 'check' | 'jump' | 'wait' | 'event'): void;
}

/** How an access differs from a plain one. */
export interface AccessOptions {
  /** LDTR and STTR: with EL0's permissions. */
  readonly unprivileged?: boolean;
  /** Load-acquire, store-release. */
  readonly ordered?: boolean;
  /** Bytes of an element, where alignment counts for each element and not for the whole access. */
  readonly element?: number;
}
