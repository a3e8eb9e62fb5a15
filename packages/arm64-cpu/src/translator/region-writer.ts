/** Writes the bytes of a region's function: labels, locals, and stencils with their holes filled. */
import { stateOffset } from '../state.ts';
import type { ValType } from '../wasm/expr.ts';
import { TYPE_CODE } from '../wasm/function-builder.ts';
import { CodeBuffer } from './code-buffer.ts';
import * as hole from './holes.ts';
import { CPU, FIRST_FREE, FIRST_STATE, FIXED_LOCALS, PAGE_VA, STATE_LOCALS } from './locals.ts';
import { PAGE_BYTES } from './region.ts';
import {
  FIRST_V,
  hasRegister,
  NO_REGISTERS,
  offsetOf,
  REGISTERS,
  type RegisterSet,
  withRegister,
} from './registers.ts';
import { lebOf64, type WordCode } from './words.ts';

/** Opcodes of the WebAssembly core specification, 5.4. */
export const OP = {
  block: 0x02,
  loop: 0x03,
  if: 0x04,
  else: 0x05,
  end: 0x0b,
  br: 0x0c,
  brIf: 0x0d,
  get: 0x20,
  set: 0x21,
  loadI32: 0x28,
  loadI64: 0x29,
  storeI64: 0x37,
  i32: 0x41,
  i64: 0x42,
  eqz32: 0x45,
  ltS32: 0x48,
  sub32: 0x6b,
  and32: 0x71,
  shrU32: 0x76,
  add64: 0x7c,
  and64: 0x83,
  wrap: 0xa7,
  extendU: 0xad,
  simd: 0xfd,
} as const;
const VOID = 0x40;
const ALIGN_4 = 2;
const ALIGN_8 = 3;
const V128_LOAD = 0x00;
const V128_STORE = 0x0b;

/**
 * Ways out of a region: where it goes on is in TARGET; the same, but flags are to be stored first; with an instruction undone,
 * which SITE says. Each is the end of a block, in this order from the outside.
 */
export const EXIT_OUT = 0;
export const EXIT_FLAGS = 1;
export const EXIT_LEAVE = 2;
export const EXITS = 3;

/** The blocks of the exits. */
export interface Exits {
  /** Depth of the first. */
  readonly outermost: number;
  /** Those that are branched to: a bit for each. */
  used: number;
}

const STATE_PAGE_VA = stateOffset('pageVa');
const STATE_OFFSETS = STATE_LOCALS.map(stateOffset);
const TEMPORARY_TYPES: readonly ValType[] = ['i32', 'i64', 'f32', 'f64', 'v128'];
/** Bytes of a hole at most. */
const LONGEST_LEB = 10;
/** Operands of one stencil at most. */
const MOST_OPERANDS = 32;

/** What a function is written to; the declaration of its locals is known only behind its code. */
const code = new CodeBuffer();
const whole = new CodeBuffer();

/** The function that is being written: one at a time. */
export class RegionWriter {
  /** Types of the locals from FIRST_FREE on. */
  readonly #types: number[] = [];
  /** Local of each guest register, or 0. */
  readonly #registers = new Uint16Array(REGISTERS);
  /** Locals of temporaries, by type. */
  readonly #temporaries: number[][] = TEMPORARY_TYPES.map(() => []);
  /** Locals of the operands of the stencil that is filled. */
  readonly #operands = new Uint16Array(MOST_OPERANDS);
  /** Locals of pages that accesses remember. */
  readonly #memoPages: number[] = [];
  #states = 0;
  #usesPageVa = false;
  /** Kinds that the flags have had: a bit for each. */
  flagKinds = 0;
  /** Blocks that are open. */
  depth = 0;
  /** Registers that are in their locals. */
  loaded: RegisterSet = NO_REGISTERS;
  /** Registers that need not be stored when they are written: they are at every exit. */
  deferred: RegisterSet = NO_REGISTERS;
  exits: Exits = { outermost: 0, used: 0 };
  /** Registers that are yet to be stored: before the region may be left, and before ways part or meet. */
  #pending: RegisterSet = NO_REGISTERS;

  constructor() {
    code.length = 0;
  }

  op(opcode: number): void {
    code.byte(opcode);
  }

  open(opcode: number): void {
    this.#settle();
    code.byte(opcode);
    code.byte(VOID);
    this.depth++;
  }

  close(): void {
    this.#settle();
    code.byte(OP.end);
    this.depth--;
  }

  get(local: number): void {
    code.byte(OP.get);
    code.u32(local);
  }

  set(local: number): void {
    code.byte(OP.set);
    code.u32(local);
  }

  i32(value: number): void {
    code.byte(OP.i32);
    code.s32(value);
  }

  i64(value: number): void {
    code.byte(OP.i64);
    this.#constant(value);
  }

  #constant(value: number): void {
    if (value === (value | 0)) code.s32(value);
    else code.append(lebOf64(value));
  }

  /** `br` or `br_if` to the block that was opened at depth `label`. */
  br(opcode: number, label: number): void {
    this.#settle();
    code.byte(opcode);
    code.u32(this.depth - label);
  }

  #exit(exit: number): number {
    this.exits.used |= 1 << exit;
    return this.depth - this.exits.outermost - exit;
  }

  /** `br` or `br_if` out of the region. */
  exit(opcode: number, exit: number): void {
    this.#settle();
    code.byte(opcode);
    code.u32(this.#exit(exit));
  }

  /** Address of the page from the state. */
  statePageVa(): void {
    this.get(CPU);
    code.byte(OP.loadI64);
    code.byte(ALIGN_8);
    code.u32(STATE_PAGE_VA);
  }

  /** A new local, zero at first. */
  local(type: ValType): number {
    return FIRST_FREE + this.#types.push(TYPE_CODE[type]) - 1;
  }

  /** Locals of an access that remembers its last page: the first of two. */
  memo(): number {
    const difference = this.local('i32');
    this.#memoPages.push(this.local('i64'));
    return difference;
  }

  #register(number: number): number {
    let local = this.#registers[number]!;
    if (local === 0) {
      local = this.local(number < FIRST_V ? 'i64' : 'v128');
      this.#registers[number] = local;
    }
    return local;
  }

  getRegister(number: number): void {
    this.#load(number);
    this.get(this.#register(number));
  }

  #load(number: number): void {
    if (hasRegister(this.loaded, number)) return;
    this.loaded = withRegister(this.loaded, number);
    this.get(CPU);
    if (number < FIRST_V) {
      code.byte(OP.loadI64);
      code.byte(ALIGN_8);
    } else {
      code.byte(OP.simd);
      code.byte(V128_LOAD);
      code.byte(0);
    }
    code.u32(offsetOf(number));
    this.set(this.#register(number));
  }

  /** Puts registers into their locals. */
  load(registers: RegisterSet): void {
    for (let n = 0; n < REGISTERS; n++) if (hasRegister(registers, n)) this.#load(n);
  }

  #store(number: number): void {
    this.get(CPU);
    this.get(this.#register(number));
    if (number < FIRST_V) {
      code.byte(OP.storeI64);
      code.byte(ALIGN_8);
    } else {
      code.byte(OP.simd);
      code.byte(V128_STORE);
      code.byte(0);
    }
    code.u32(offsetOf(number));
  }

  /** Puts registers, which are in their locals, into the state. */
  store(registers: RegisterSet): void {
    for (let n = 0; n < REGISTERS; n++) if (hasRegister(registers, n)) this.#store(n);
  }

  #settle(): void {
    if (this.#pending === NO_REGISTERS) return;
    this.store(this.#pending);
    this.#pending = NO_REGISTERS;
  }

  #temporary(type: number, n: number): number {
    const of = this.#temporaries[type]!;
    while (of.length <= n) of.push(this.local(TEMPORARY_TYPES[type]!));
    return of[n]!;
  }

  /**
   * Writes a stencil's code: of the instruction at `offset` of the page, before which `uncounted` are not yet taken from
   * the budget, and whose access is at `place` of the window that the local `window` holds.
   */
  fill({ stencil, registers, immediates }: WordCode, offset = 0, uncounted = 0, window = 0, place = 0): void {
    for (let n = 0; n < registers.length; n++) {
      this.#operands[n] = this.#register(registers[n]!);
      if (((stencil.fresh >> n) & 1) === 0) this.#load(registers[n]!);
    }
    if (stencil.settles) this.#settle();
    this.flagKinds |= stencil.flagKinds;
    this.#states |= stencil.states;
    this.#usesPageVa ||= stencil.usesPageVa;
    const parts = stencil.code;
    code.reserve(parts.length * LONGEST_LEB);
    for (let n = 0; n < parts.length; n++) {
      const part = parts[n]!;
      if (part < hole.FIRST_HOLE) {
        code.bytes[code.length++] = part;
        continue;
      }
      const argument = part & hole.HOLE_ARGUMENT;
      const kind = part - argument;
      if (kind === hole.HOLE_REGISTER) code.put(this.#operands[argument]!);
      else if (kind <= hole.HOLE_TEMPORARY.v128)
        code.put(this.#temporary((kind - hole.HOLE_TEMPORARY.i32) >> 8, argument));
      else if (kind === hole.HOLE_IMMEDIATE) code.append(immediates[argument] as readonly number[]);
      else if (kind === hole.HOLE_RELATIVE) this.#constant((immediates[argument] as number) + offset);
      else if (kind === hole.HOLE_PAGE) this.#constant((immediates[argument] as number) + (offset & PAGE_BYTES));
      else if (kind === hole.HOLE_LEAVE) code.put(this.#exit(EXIT_LEAVE) + argument);
      else if (kind === hole.HOLE_OUT) code.put(this.#exit(EXIT_OUT) + argument);
      else if (kind === hole.HOLE_OUT_FLAGS) code.put(this.#exit(EXIT_FLAGS) + argument);
      else if (kind === hole.HOLE_COUNT) code.s32(uncounted + 1);
      else if (kind === hole.HOLE_NEXT) code.s32(offset + 4);
      else if (kind === hole.HOLE_WINDOW) code.put(window + argument);
      else if (kind === hole.HOLE_STATE) code.u32(offsetOf(registers[argument]!));
      else code.s32(place);
    }
    for (let n = 0; n < registers.length; n++) if (((stencil.written >> n) & 1) !== 0) this.#wrote(registers[n]!);
  }

  #wrote(number: number): void {
    this.loaded = withRegister(this.loaded, number);
    if (!hasRegister(this.deferred, number)) this.#pending = withRegister(this.#pending, number);
  }

  /** The body, as the code section has it behind its size: locals, loads of fields of the state, and the code. */
  finish(): Uint8Array {
    whole.length = 0;
    whole.u32(FIXED_LOCALS.length + this.#types.length);
    for (const [count, type] of FIXED_LOCALS) {
      whole.u32(count);
      whole.byte(TYPE_CODE[type]);
    }
    for (const type of this.#types) {
      whole.byte(1);
      whole.byte(type);
    }
    STATE_OFFSETS.forEach((at, n) => {
      if (((this.#states >> n) & 1) !== 0) loadState(OP.loadI32, ALIGN_4, at, FIRST_STATE + n);
    });
    if (this.#usesPageVa) loadState(OP.loadI64, ALIGN_8, STATE_PAGE_VA, PAGE_VA);
    for (const local of this.#memoPages) {
      whole.byte(OP.i64);
      whole.s32(-1);
      whole.byte(OP.set);
      whole.u32(local);
    }
    whole.append(code.bytes, code.length);
    whole.byte(OP.end);
    return whole.bytes.slice(0, whole.length);
  }
}

/** Loads a field of the vCPU state to a local. */
function loadState(opcode: number, align: number, offset: number, local: number): void {
  whole.byte(OP.get);
  whole.byte(CPU);
  whole.byte(opcode);
  whole.byte(align);
  whole.u32(offset);
  whole.byte(OP.set);
  whole.u32(local);
}
