/**
 * Stencils: code of instructions in which registers, immediates and labels are left open. All instructions of one kind share
 * one, so that semantics run once for each kind and not for each instruction.
 */
import { FLAG_KINDS, numberOf } from '../core/flags.ts';
import { field } from '../core/memory.ts';
import type { Encoding } from '../decoder.ts';
import { type Fields, isStatic } from '../table/row.ts';
import type { FieldFn, RegField } from '../table/sem.ts';
import { add, type Expr, emitExpr, konst, sub, type ValType } from '../wasm/expr.ts';
import { FunctionBuilder, type Var } from '../wasm/function-builder.ts';
import { DataTlb } from './data-tlb.ts';
import { END_CHECK, endedBy } from './ends.ts';
import { LazyFlags } from './flags.ts';
import {
  HOLE_ARGUMENT,
  HOLE_COUNT,
  HOLE_IMMEDIATE,
  HOLE_LEAVE,
  HOLE_NEXT,
  HOLE_OUT,
  HOLE_OUT_FLAGS,
  HOLE_PAGE,
  HOLE_PLACE,
  HOLE_REGISTER,
  HOLE_RELATIVE,
  HOLE_STATE,
  HOLE_TEMPORARY,
  HOLE_WINDOW,
} from './holes.ts';
import { CPU, FIRST_STATE, fixed, LEFT, PAGE_VA, STATE_LOCALS, type StateLocal, TARGET, ZERO } from './locals.ts';
import { FIRST_V, REGISTER_LINK } from './registers.ts';
import { type Ending, NeedsConstant, type StencilContext, TranslatorSem, Untranslatable, type Usage } from './sem.ts';

/** A register of a stencil: where its number is in the instruction word, or which it always is. */
export interface Operand {
  readonly lsb: number;
  /** As many ones as the number has bits. */
  readonly ones: number;
  /** Added to the number, modulo 32. */
  readonly plus: number;
  /** Number of the register file's first register, and the register where no field tells it. */
  readonly bank: number;
  readonly always: number | undefined;
}

/** A value of the instruction word. */
export interface Immediate {
  readonly t: 'i32' | 'i64';
  readonly fn: FieldFn;
  /** It counts from the instruction or its page: where that is, is added. */
  readonly relative: boolean;
}

/** Code of one kind of instruction. */
export interface Stencil {
  /** Bytes and holes. */
  readonly code: Uint16Array;
  readonly operands: readonly Operand[];
  /** Operands that are written: a bit for each. */
  readonly written: number;
  /** Operands whose value before does not matter: written always, and read only behind that. */
  readonly fresh: number;
  readonly immediates: readonly Immediate[];
  readonly usage: Usage;
  readonly ending: Ending['how'] | undefined;
  /** A direct branch with a condition, which the code leaves on the stack. */
  readonly conditional: boolean;
  /** The code depends on what the flags are made of before it. */
  readonly asksFlags: boolean;
  /** What the flags are made of behind it: a number of FLAG_KINDS; undefined where it doesn't set them. */
  readonly flagsBehind: number | undefined;
  /** Kinds that they have in it, fields of the state that it has in locals: a bit for each. */
  readonly flagKinds: number;
  readonly states: number;
  readonly usesPageVa: boolean;
  /** It may leave the region, or something else may look at the state: registers are to be in it before. */
  readonly settles: boolean;
}

/** Whether code may leave the region. */
export const mayLeave = (code: readonly number[]): boolean =>
  code.some((part) => {
    const kind = part & ~HOLE_ARGUMENT;
    return kind === HOLE_LEAVE || kind === HOLE_OUT || kind === HOLE_OUT_FLAGS;
  });

/** An access is looked up; or it is in a window that was; or it remembers the page of the last one that it made. */
export const ACCESS_WAYS = ['lookup', 'window', 'memo'] as const;
export type AccessWay = (typeof ACCESS_WAYS)[number];

/** What a stencil depends on beside the instruction. */
export interface Circumstances {
  /** What the flags are made of before it: a number of FLAG_KINDS. */
  readonly flags: number;
  /** How the host address of its access is found: see ACCESS_WAYS. */
  readonly way: AccessWay;
  /** Plain accesses may be unaligned. */
  readonly unaligned: boolean;
}

/** A function whose temporaries are holes. */
export class StencilFunction extends FunctionBuilder {
  readonly #used: Record<ValType, number> = { i32: 0, i64: 0, f32: 0, f64: 0, v128: 0 };
  /** Operands that are written: a bit for each. */
  written = 0;
  /** Where in the code, by operand, it has been written on every way. */
  readonly #writtenFrom: number[] = [];
  /** Fields of the state that the code has in locals: a bit for each of STATE_LOCALS. */
  states = 0;

  constructor() {
    super(['i32', 'i32']);
  }

  #state(name: StateLocal): Var {
    const number = STATE_LOCALS.indexOf(name);
    this.states |= 1 << number;
    return fixed('i32', FIRST_STATE + number);
  }

  /** A field of the state that the region has in a local. */
  state(name: StateLocal): Expr {
    return this.get(this.#state(name));
  }

  /** Gives such a local another value. */
  renew(name: StateLocal, value: Expr): void {
    this.set(this.#state(name), value);
  }

  override lasting(t: ValType): Var {
    return hole(t, HOLE_TEMPORARY[t] + this.#used[t]++);
  }

  override set(v: Var, e: Expr): void {
    super.set(v, e);
    if ((v.index & ~HOLE_ARGUMENT) !== HOLE_REGISTER) return;
    const operand = v.index & HOLE_ARGUMENT;
    this.written |= 1 << operand;
    if (this.depth === 0) this.#writtenFrom[operand] ??= this.body.length;
  }

  /** Operands whose value before does not matter: a bit for each. */
  get fresh(): number {
    let fresh = this.#writtenFrom.reduce((bits, _, operand) => bits | (1 << operand), 0);
    this.body.forEach((part, n) => {
      if ((part & ~HOLE_ARGUMENT) !== HOLE_REGISTER || this.body[n - 1] === SET) return;
      const operand = part & HOLE_ARGUMENT;
      if (n < this.#writtenFrom[operand]!) fresh &= ~(1 << operand);
    });
    return fresh;
  }

  brHole(kind: number): void {
    this.body.push(0x0c, kind + this.depth);
  }

  brIfHole(kind: number, cond: Expr): void {
    emitExpr(this.body, cond);
    this.body.push(0x0d, kind + this.depth);
  }
}

export const hole = (t: ValType, code: number): Var => ({
  t,
  index: code,
  value: { t, code: [0x20, code], args: [] },
  write: [0x21, code],
});

/** Opcode of `local.set`. */
const SET = 0x21;

/** Alignment of 8 bytes, as accesses have it. */
const ALIGN_8 = 3;

const CONST = { i32: 0x41, i64: 0x42 } as const;

class Context implements StencilContext {
  readonly f = new StencilFunction();
  readonly cpu = this.f.param(0);
  readonly flags: LazyFlags;
  readonly tlb: DataTlb;
  readonly operands: Operand[] = [];
  readonly immediates: Immediate[] = [];
  usesPageVa = false;
  readonly careful: boolean;
  readonly #encoding: Encoding;
  /** Fields whose values the stencil is made for. */
  readonly #known: Fields;

  constructor(encoding: Encoding, known: Fields, c: Circumstances) {
    this.#encoding = encoding;
    this.#known = known;
    this.careful = c.unaligned;
    this.flags = new LazyFlags(this.f, this.cpu, FLAG_KINDS[c.flags]);
    this.tlb = new DataTlb(this.f, c.unaligned, (cond) => this.f.brIfHole(HOLE_LEAVE, cond));
    const [first, second] = [hole('i32', HOLE_WINDOW), hole('i64', HOLE_WINDOW + 1)];
    if (c.way === 'window') {
      const place: Expr = { t: 'i32', code: [CONST.i32, HOLE_PLACE], args: [] };
      this.tlb.known = add(this.f.get(first), place);
    } else if (c.way === 'memo') this.tlb.memo = { difference: first, page: second };
  }

  #operand(t: ValType, o: Operand): Var {
    const same = (p: Operand): boolean =>
      p.lsb === o.lsb && p.plus === o.plus && p.bank === o.bank && p.always === o.always;
    let n = this.operands.findIndex(same);
    if (n < 0) n = this.operands.push(o) - 1;
    return hole(t, HOLE_REGISTER + n);
  }

  #field(field: RegField, bank: number, more: number): Operand {
    const [name, plus = '0'] = field.split('+');
    const found = this.#encoding.pattern.fields.find((f) => f.name === name);
    if (!found) throw new Error(`the pattern has no field ${field}`);
    return { lsb: found.lsb, ones: found.ones, plus: Number(plus) + more, bank, always: undefined };
  }

  general(field: RegField): Var {
    return this.#operand('i64', this.#field(field, 0, 0));
  }

  link(): Var {
    return this.#operand('i64', { lsb: 0, ones: 0, plus: 0, bank: 0, always: REGISTER_LINK });
  }

  vector(field: RegField, plus = 0): Var {
    return this.#operand('v128', this.#field(field, FIRST_V, plus));
  }

  immediate(t: 'i32' | 'i64', fn: FieldFn): Expr {
    try {
      return konst(t, fn(this.#known));
    } catch (e) {
      if (!(e instanceof Open)) throw e;
    }
    const n = this.immediates.push({ t, fn, relative: false }) - 1;
    return { t, code: [CONST[t], HOLE_IMMEDIATE + n], args: [] };
  }

  relative(fn: FieldFn, page: boolean): Expr {
    this.usesPageVa = true;
    const n = this.immediates.push({ t: 'i64', fn, relative: true }) - 1;
    const kind = page ? HOLE_PAGE : HOLE_RELATIVE;
    return add(this.f.get(fixed('i64', PAGE_VA)), { t: 'i64', code: [CONST.i64, kind + n], args: [] });
  }

  state(name: StateLocal): Expr {
    return this.f.state(name);
  }

  renew(name: StateLocal, value: Expr): void {
    this.f.renew(name, value);
  }

  zero(): Expr {
    return this.f.get(fixed('v128', ZERO));
  }

  leave(): void {
    this.f.brHole(HOLE_LEAVE);
  }

  leaveIf(cond: Expr): void {
    this.f.brIfHole(HOLE_LEAVE, cond);
  }

  leaveChecking(): void {
    const f = this.f;
    const left = fixed('i32', LEFT);
    const behind = sub(f.get(left), { t: 'i32', code: [CONST.i32, HOLE_COUNT], args: [] });
    f.set(left, endedBy(behind, END_CHECK));
    const next: Expr = { t: 'i64', code: [CONST.i64, HOLE_NEXT], args: [] };
    f.set(fixed('i64', TARGET), add(field(this.cpu, 'pageVa'), next));
    this.operands.forEach((_, n) => {
      if (((f.written >> n) & 1) !== 0) f.body.push(0x20, CPU, 0x20, HOLE_REGISTER + n, 0x37, ALIGN_8, HOLE_STATE + n);
    });
    this.flags.asked = true;
    f.brHole(this.flags.kind === 'memory' ? HOLE_OUT : HOLE_OUT_FLAGS);
  }
}

/** Stencils of one encoding at one level at most. */
const MOST_KNOWN = 4096;

/** How much of the instruction word a stencil is made for. */
type Level = 'kind' | 'immediates' | 'word';

/** A field was read whose value the stencil leaves open. */
class Open extends Error {
  override readonly name = 'Open';
}

const isRegister = (name: string): boolean => name.startsWith('R');

/** The fields that the stencil is made for: reading another throws `Open`. At `kind` level immediates are known that are 0. */
function knownFields(encoding: Encoding, fields: Fields, level: Level): Fields {
  if (level === 'word') return fields;
  const known = (name: string): boolean =>
    isStatic(encoding.row, name) || (!isRegister(name) && (level === 'immediates' || fields[name] === 0));
  return new Proxy(fields, {
    get(all, name: string) {
      if (name in all && !known(name)) throw new Open(name);
      return all[name];
    },
  });
}

/** Rows whose code is worth being made for each value of their immediates. */
const BITFIELDS = /^([SU]?BFM|EXTR)/;

/** Rows that have register 31 as the one behind 30, and not itself. */
const PAIRS = /^CASP/;

/** Everything of the word that its stencil at `level` is made for. */
function keyAt(level: Level, { row, pattern }: Encoding, word: number): number {
  if (level === 'word') return word;
  let key = pattern.match;
  const zeroFrom = PAIRS.test(row.name) ? 30 : 31;
  for (const { name, lsb, ones } of pattern.fields) {
    const value = (word >>> lsb) & ones;
    if (isRegister(name)) key |= value >= zeroFrom ? 1 << lsb : 0;
    else if (isStatic(row, name) || level === 'immediates') key |= value << lsb;
    else key |= value === 0 ? 0 : 1 << lsb;
  }
  return key;
}

/** Code at a level; `undefined` where the interpreter has to do the instruction. */
function generate(encoding: Encoding, fields: Fields, c: Circumstances, level: Level): Stencil | undefined {
  const known = knownFields(encoding, fields, level);
  const context = new Context(encoding, known, c);
  const { f, flags } = context;
  const x = new TranslatorSem(context, fields);
  try {
    encoding.row.sem(x, known);
  } catch (e) {
    if (e instanceof Untranslatable && !(e instanceof NeedsConstant)) return undefined;
    throw e;
  }
  const { ending } = x;
  if (ending?.how === 'branch' && ending.cond) emitExpr(f.body, ending.cond);
  if (ending?.how === 'indirect') f.set(fixed('i64', TARGET), ending.target);
  return {
    code: Uint16Array.from(f.body),
    operands: context.operands,
    written: f.written,
    fresh: f.fresh,
    immediates: context.immediates,
    usage: x.usage,
    ending: ending?.how,
    conditional: ending?.how === 'branch' && ending.cond !== undefined,
    asksFlags: flags.asked,
    flagsBehind: flags.writes > 0 ? numberOf(flags.kind!) : undefined,
    flagKinds: flags.kinds,
    states: f.states,
    usesPageVa: context.usesPageVa,
    settles: x.usage.system || mayLeave(f.body),
  };
}

const NEXT_LEVEL = { kind: 'immediates', immediates: 'word' } as const;

/** Stencils of one encoding at one level, by key and number of the circumstances. */
type Known = Map<number, (Stencil | undefined | 'level')[]>;
const stencils = new Map<Encoding, Record<Level, Known>>();

/** A number for circumstances. */
export const circumstanceNumber = ({ flags, way, unaligned }: Circumstances): number =>
  (flags * ACCESS_WAYS.length + ACCESS_WAYS.indexOf(way)) * 2 + (unaligned ? 1 : 0);

/**
 * The stencil of an instruction word; `undefined` where the interpreter has to do it. Stencils of words that are looked up
 * one by one are kept only as long as there are few.
 */
export function stencilOf(encoding: Encoding, fields: Fields, word: number, c: Circumstances): Stencil | undefined {
  let levels = stencils.get(encoding);
  if (!levels) {
    levels = { kind: new Map(), immediates: new Map(), word: new Map() };
    stencils.set(encoding, levels);
  }
  const number = circumstanceNumber(c);
  let level: Level = BITFIELDS.test(encoding.row.name) ? 'immediates' : 'kind';
  for (;;) {
    const known: Known = levels[level];
    const key = keyAt(level, encoding, word);
    let variants = known.get(key);
    if (!variants) {
      if (known.size >= MOST_KNOWN) known.clear();
      variants = [];
      known.set(key, variants);
    }
    if (!(number in variants)) variants[number] = attempt(encoding, fields, c, level);
    const found = variants[number];
    if (found !== 'level') return found;
    level = NEXT_LEVEL[level as keyof typeof NEXT_LEVEL];
  }
}

function attempt(encoding: Encoding, fields: Fields, c: Circumstances, level: Level): Stencil | undefined | 'level' {
  try {
    return generate(encoding, fields, c, level);
  } catch (e) {
    if (level !== 'word' && (e instanceof NeedsConstant || e instanceof Open)) return 'level';
    throw e;
  }
}
