import type { Expr, StoreKind, ValType } from './expr.ts';
import { emitExpr, node, storeCode, storeV128Code } from './expr.ts';
import { pushU32 } from './leb128.ts';

export const TYPE_CODE: Record<ValType, number> = { i32: 0x7f, i64: 0x7e, f32: 0x7d, f64: 0x7c, v128: 0x7b };

/** A local variable or parameter of the function being built. */
export interface Var {
  readonly t: ValType;
  readonly index: number;
  /** Reads it. */
  readonly value: Expr;
  /** The instruction that writes it. */
  readonly write: readonly number[];
}

/** The local `index`. */
export function variable(t: ValType, index: number): Var {
  const leb: number[] = [];
  pushU32(leb, index);
  return { t, index, value: { t, code: [0x20, ...leb], args: [] }, write: [0x21, ...leb] };
}

/** A branch target: the nesting depth at which its block was opened. */
export interface Label {
  readonly depth: number;
}

/** A function that calls name: its index in the module and its type. */
export interface FuncRef {
  readonly name: string;
  readonly index: number;
  readonly params: readonly ValType[];
  readonly results: readonly ValType[];
}

/** Builds one function body statement by statement; expressions are trees that `Expr` describes. */
export class FunctionBuilder {
  readonly body: number[] = [];
  readonly params: readonly Var[];
  readonly #locals: ValType[] = [];
  /** Temporaries that a closed scope gave back, by type. */
  readonly #free: Record<ValType, Var[]> = { i32: [], i64: [], f32: [], f64: [], v128: [] };
  #scope: Var[] | undefined;
  #depth = 0;

  constructor(paramTypes: readonly ValType[]) {
    this.params = paramTypes.map(variable);
  }

  /** Declared locals behind the parameters, in order of index. */
  get locals(): readonly ValType[] {
    return this.#locals;
  }

  /** Blocks that are open. */
  get depth(): number {
    return this.#depth;
  }

  /** The parameter `i` as an expression. */
  param(i: number): Expr {
    return this.get(this.params[i]!);
  }

  /** A fresh local; inside `scope` it is given back when the scope ends. Its first value is whatever was there. */
  local(t: ValType): Var {
    const v = (this.#scope && this.#free[t].pop()) ?? this.lasting(t);
    this.#scope?.push(v);
    return v;
  }

  /** A fresh local that no scope gives back: zero when the function starts. */
  lasting(t: ValType): Var {
    const v = variable(t, this.params.length + this.#locals.length);
    this.#locals.push(t);
    return v;
  }

  /** Runs `build`; locals made in it are reused by later scopes. Scopes don't nest. */
  scope(build: () => void): void {
    if (this.#scope) throw new Error('a scope of locals is open already');
    this.#scope = [];
    build();
    for (const v of this.#scope) this.#free[v.t].push(v);
    this.#scope = undefined;
  }

  get(v: Var): Expr {
    return v.value;
  }

  set(v: Var, e: Expr): void {
    if (v.t !== e.t) throw new TypeError(`a local of type ${v.t} can't hold ${e.t}`);
    emitExpr(this.body, e);
    this.body.push(...v.write);
  }

  /** Evaluates `e` once, here, and gives an expression that reads the result. */
  tmp(e: Expr): Expr {
    if (e.k !== undefined) return e;
    const v = this.local(e.t);
    this.set(v, e);
    return this.get(v);
  }

  /** Emits `e` for its effect and drops the value. */
  drop(e: Expr): void {
    emitExpr(this.body, e);
    this.body.push(0x1a);
  }

  store(kind: StoreKind, address: Expr, value: Expr, offset = 0): void {
    emitExpr(this.body, address);
    emitExpr(this.body, value);
    this.body.push(...storeCode(kind, offset));
  }

  storeV128(address: Expr, value: Expr, offset = 0): void {
    emitExpr(this.body, address);
    emitExpr(this.body, value);
    this.body.push(...storeV128Code(offset));
  }

  /** Emits an instruction without a result behind its operands. */
  raw(code: readonly number[], ...args: Expr[]): void {
    for (const a of args) emitExpr(this.body, a);
    this.body.push(...code);
  }

  #open(opcode: number, build: (label: Label) => void): void {
    this.body.push(opcode, 0x40);
    this.#depth++;
    build({ depth: this.#depth });
    this.body.push(0x0b);
    this.#depth--;
  }

  /** `block … end`: a branch to the label goes behind it. */
  block(build: (label: Label) => void): void {
    this.#open(0x02, build);
  }

  /** `loop … end`: a branch to the label goes to its start. */
  loop(build: (label: Label) => void): void {
    this.#open(0x03, build);
  }

  if(cond: Expr, then: () => void, otherwise?: () => void): void {
    emitExpr(this.body, cond);
    this.#open(0x04, () => {
      then();
      if (otherwise) {
        this.body.push(0x05);
        otherwise();
      }
    });
  }

  #target(label: Label): number {
    return this.#depth - label.depth;
  }

  br(label: Label): void {
    this.body.push(0x0c);
    pushU32(this.body, this.#target(label));
  }

  brIf(label: Label, cond: Expr): void {
    emitExpr(this.body, cond);
    this.body.push(0x0d);
    pushU32(this.body, this.#target(label));
  }

  brTable(index: Expr, labels: readonly Label[], otherwise: Label): void {
    emitExpr(this.body, index);
    this.body.push(0x0e);
    pushU32(this.body, labels.length);
    for (const l of labels) pushU32(this.body, this.#target(l));
    pushU32(this.body, this.#target(otherwise));
  }

  ret(value?: Expr): void {
    if (value) emitExpr(this.body, value);
    this.body.push(0x0f);
  }

  unreachable(): void {
    this.body.push(0x00);
  }

  /** A call as an expression: it is performed where the expression is emitted, so use it once (or `tmp`). */
  call(f: FuncRef, ...args: Expr[]): Expr {
    const result = f.results[0];
    if (result === undefined) throw new TypeError(`${f.name} gives no value: use callVoid`);
    return node(result, callCode(f, args), ...args);
  }

  /** A call whose results go to variables. */
  callTo(results: readonly Var[], f: FuncRef, ...args: Expr[]): void {
    this.raw([...callCode(f, args), ...[...results].reverse().flatMap(({ write }) => write)], ...args);
  }

  /** A call for its effect; results are dropped. */
  callVoid(f: FuncRef, ...args: Expr[]): void {
    this.raw(callCode(f, args), ...args);
    for (const _ of f.results) this.body.push(0x1a);
  }
}

function callCode(f: FuncRef, args: readonly Expr[]): number[] {
  if (args.length !== f.params.length || args.some((a, i) => a.t !== f.params[i])) {
    throw new TypeError(`${f.name}(${f.params.join(', ')}) called with (${args.map((a) => a.t).join(', ')})`);
  }
  const code = [0x10];
  pushU32(code, f.index);
  return code;
}
