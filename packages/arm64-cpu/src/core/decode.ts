/** Makes records from instruction words, by the table that interpreter/decode-table.ts makes. */
import {
  type DecodeTable,
  ENTRY_BYTES,
  ENTRY_HANDLER,
  ENTRY_MASK,
  ENTRY_MATCH,
  ENTRY_PROGRAM,
  ENTRY_USES_BASE,
  LIST_BITS_SHIFT,
  LIST_BITS_WIDTH,
  LIST_BYTES,
  LIST_SHIFT,
  LIST_START,
  OP,
  OP_AT,
  OP_BYTES,
  OP_EXTRA,
  OP_FACTOR,
  OP_LSB,
  OP_WIDTH,
} from '../interpreter/decode-table.ts';
import { HANDLER_FP_TRAP, HANDLER_PAGE_END } from '../interpreter/record.ts';
import {
  ENTRY_HOT,
  PAGE_FIRST_COUNT,
  PAGE_HOST,
  PAGE_TRAPS_FP,
  PCPU_ALONE,
  RECORD_BYTES,
  RECORD_COUNT,
  RECORD_SHIFT,
} from '../layout.ts';
import { V_OFFSET, X_OFFSET } from '../state.ts';
import {
  add,
  and,
  clz,
  type Expr,
  eq,
  eqz,
  extS,
  extU,
  geU,
  gtU,
  i32,
  i64,
  load,
  ltU,
  mul,
  ne,
  or,
  rotr,
  select,
  shl,
  shrS,
  shrU,
  sub,
  wrap,
  xor,
} from '../wasm/expr.ts';
import type { FunctionBuilder, Label, Var } from '../wasm/function-builder.ts';
import { ALONE_EXCLUSIVE, ALONE_USES_SP } from './debug.ts';
import type { CoreModule } from './helper.ts';
import { field } from './memory.ts';

/** The last byte of a page at which an instruction begins. */
const LAST_OF_PAGE = 0xffc;

/** The `width` bits of a word at `lsb`. */
const bitsOf = (word: Expr, lsb: number, width: number): Expr => and(shrU(word, i32(lsb)), i32(2 ** width - 1));

const matches = (word: Expr, mask: number, match: number): Expr => eq(and(word, i32(mask)), i32(match));

/**
 * Whether CPACR_EL1.FPEN has a say in an allocated instruction word: FP and AdvSIMD data processing, loads and stores
 * (bits 27:26 = 3, Arm ARM C4.1), MRS and MSR of FPCR and FPSR.
 */
const isFpAccess = (word: Expr): Expr =>
  or(matches(word, 0x0c000000, 0x0c000000), matches(word, 0xffdfffc0 | 0, 0xd51b4400 | 0));

/** LDXR, LDXP and their acquiring forms: what ESR_EL1.EX of a software step tells. CASP has LDXP's place where bit 31 is clear. */
const isLoadExclusive = (word: Expr): Expr =>
  and(matches(word, 0x3fc00000, 0x08400000), ne(and(word, i32(0x80200000 | 0)), i32(0x00200000)));

/** Loads and stores: bits 27 and 25 (Arm ARM C4.1). */
const isLoadOrStore = (word: Expr): Expr => matches(word, 0x0a000000, 0x08000000);

/** The parts of the table in the memory. */
interface Placed {
  readonly lists: number;
  readonly members: number;
  readonly entries: number;
  readonly ops: number;
}

const placed = (table: DecodeTable, m: CoreModule): Placed => ({
  lists: m.constant(table.lists),
  members: m.constant(table.members),
  entries: m.constant(table.entries),
  ops: m.constant(table.ops),
});

/** Runs a handler's program over an instruction word. */
class Program {
  readonly #f: FunctionBuilder;
  readonly #rec: Expr;
  readonly #word: Expr;
  readonly #op: Var;
  readonly #acc: Var;

  constructor(f: FunctionBuilder, rec: Expr, word: Expr, op: Var) {
    this.#f = f;
    this.#rec = rec;
    this.#word = word;
    this.#op = op;
    this.#acc = f.local('i64');
  }

  #byte(at: number): Expr {
    return load('i32_8u', this.#f.get(this.#op), at);
  }

  /** Where in the record the operation puts what it has. */
  #to(): Expr {
    return add(this.#rec, this.#byte(OP_AT));
  }

  #add(value: Expr): void {
    this.#f.set(this.#acc, add(this.#f.get(this.#acc), value));
  }

  #factor(): Expr {
    return load('i64', this.#f.get(this.#op), OP_FACTOR);
  }

  /** The bits that an operation names, from the lowest on, and copies of the highest above where they are `signed`. */
  #bits(signed: boolean): Expr {
    const f = this.#f;
    const width = f.tmp(this.#byte(OP_WIDTH));
    const top = shl(this.#word, sub(sub(i32(32), width), this.#byte(OP_LSB)));
    const down = sub(i32(32), width);
    return signed ? extS(shrS(top, down)) : extU(shrU(top, down));
  }

  #store(bytes: 4 | 8): void {
    const acc = this.#f.get(this.#acc);
    if (bytes === 8) this.#f.store('i64', this.#to(), acc);
    else this.#f.store('i32', this.#to(), wrap(acc));
    this.#f.set(this.#acc, i64(0));
  }

  /** The number of the register in a field of as many bits as `ones` has. */
  #register(ones: Expr): Expr {
    return this.#f.tmp(add(and(shrU(this.#word, this.#byte(OP_LSB)), ones), this.#byte(OP_WIDTH)));
  }

  #extra(): Expr {
    return load('i32', this.#f.get(this.#op), OP_EXTRA);
  }

  #general(): void {
    const n = this.#register(i32(31));
    const place = add(shl(n, i32(3)), i32(X_OFFSET));
    this.#f.store('i32_16', this.#to(), select(eq(n, i32(31)), this.#extra(), place));
  }

  #vector(): void {
    const n = and(this.#register(this.#extra()), i32(31));
    this.#f.store('i32_16', this.#to(), add(shl(n, i32(4)), i32(V_OFFSET)));
  }

  /** The handler behind it is that of targets in other pages. */
  #branch(handler: Var, pc: Expr, alone: Expr): void {
    const f = this.#f;
    const distance = f.tmp(wrap(f.get(this.#acc)));
    const to = f.tmp(add(pc, distance));
    f.if(
      or(alone, gtU(to, i32(LAST_OF_PAGE))),
      () => {
        f.set(handler, add(f.get(handler), i32(1)));
        f.store('i32', this.#to(), to);
      },
      () => f.store('i32', this.#to(), shl(distance, i32(RECORD_SHIFT - 2))),
    );
    f.set(this.#acc, i64(0));
  }

  /** DecodeBitMasks (Arm ARM J1) of a combination that is not reserved. */
  #bitmask(): void {
    const f = this.#f;
    const imms = f.tmp(bitsOf(this.#word, 10, 6));
    const levels = or(shl(bitsOf(this.#word, 22, 1), i32(6)), xor(imms, i32(63)));
    const size = f.local('i32');
    f.set(size, shl(i32(1), sub(i32(31), clz(levels))));
    const within = f.tmp(sub(f.get(size), i32(1)));
    const ones = f.tmp(sub(shl(i64(1), extU(add(and(imms, within), i32(1)))), i64(1)));
    const turn = f.tmp(and(bitsOf(this.#word, 16, 6), within));
    const wide = f.tmp(extU(f.get(size)));
    const turned = or(shrU(ones, extU(turn)), shl(ones, sub(wide, extU(turn))));
    const one = and(turned, sub(shl(i64(1), wide), i64(1)));
    const element = f.local('i64');
    f.set(element, select(eq(f.get(size), i32(64)), rotr(ones, extU(turn)), one));
    f.loop((again) => {
      f.if(ltU(f.get(size), i32(64)), () => {
        f.set(element, or(f.get(element), shl(f.get(element), extU(f.get(size)))));
        f.set(size, shl(f.get(size), i32(1)));
        f.br(again);
      });
    });
    f.set(this.#acc, f.get(element));
  }

  /** SBFM, UBFM and BFM: `use` of the bits that they move. */
  #field(use: (n: Expr, from: Expr, to: Expr, width: Expr) => Expr): void {
    const f = this.#f;
    const [immr, imms] = [f.tmp(bitsOf(this.#word, 16, 6)), f.tmp(bitsOf(this.#word, 10, 6))];
    const n = f.tmp(shl(i32(32), bitsOf(this.#word, 31, 1)));
    const down = f.tmp(geU(imms, immr));
    const from = f.tmp(select(down, immr, i32(0)));
    const to = f.tmp(select(down, i32(0), sub(n, immr)));
    const width = f.tmp(add(sub(imms, from), i32(1)));
    f.set(this.#acc, extS(use(n, from, to, width)));
  }

  /** Emits it all; the record's handler is put in at the end. */
  run(handler: Var, pc: Expr, alone: Expr): void {
    const f = this.#f;
    const bodies: (() => void)[] = [];
    bodies[OP.bits] = () => this.#add(mul(this.#bits(false), this.#factor()));
    bodies[OP.signed] = () => this.#add(mul(this.#bits(true), this.#factor()));
    bodies[OP.add] = () => this.#add(this.#factor());
    bodies[OP.pc] = () => this.#add(extU(pc));
    bodies[OP.store4] = () => this.#store(4);
    bodies[OP.store8] = () => this.#store(8);
    bodies[OP.general] = () => this.#general();
    bodies[OP.vector] = () => this.#vector();
    bodies[OP.branch] = () => this.#branch(handler, pc, alone);
    bodies[OP.bitmask] = () => this.#bitmask();
    bodies[OP.fieldUp] = () => this.#field((n, from, _, width) => sub(sub(n, from), width));
    bodies[OP.fieldDown] = () => this.#field((n, _, to, width) => sub(sub(n, to), width));
    bodies[OP.fieldInsert] = () =>
      this.#field((n, from, to, width) => {
        const turn = and(sub(from, to), sub(n, i32(1)));
        return or(or(turn, shl(sub(n, width), i32(8))), shl(to, i32(16)));
      });
    f.set(this.#acc, i64(0));
    f.block((end) => {
      f.loop((next) => {
        const step = (): void => {
          f.set(this.#op, add(f.get(this.#op), i32(OP_BYTES)));
          f.br(next);
        };
        const labels: Label[] = [end];
        const open = (n: number): void => {
          if (n === 0) {
            f.brTable(this.#byte(0), labels, end);
            return;
          }
          f.block((label) => {
            labels[n] = label;
            open(n - 1);
          });
          bodies[n]!();
          step();
        };
        open(bodies.length - 1);
      });
    });
    f.store('i32_16', this.#rec, f.get(handler));
  }
}

/**
 * fillRecord(rec, word, pc, trapsFp, alone): makes the record at `rec` from an instruction word; `pc` is the low 12 bits of
 * its address. `alone`: branches go to other pages, even to this one. Gives its entry in the table, 0 if it is trapped.
 */
export function buildFillRecord(f: FunctionBuilder, m: CoreModule, table: DecodeTable): void {
  const at = placed(table, m);
  const [rec, word, pc, trapsFp, alone] = f.params.map((p) => f.get(p)) as [Expr, Expr, Expr, Expr, Expr];
  const member = f.local('i32');
  const entry = f.local('i32');
  const list = f.tmp(mul(shrU(word, i32(LIST_SHIFT)), i32(LIST_BYTES)));
  const own = (offset: number): Expr => load('i32_8u', list, at.lists + offset);
  const chosen = and(shrU(word, own(LIST_BITS_SHIFT)), sub(shl(i32(1), own(LIST_BITS_WIDTH)), i32(1)));
  const start = shl(add(load('i32_16u', list, at.lists + LIST_START), chosen), i32(1));
  f.set(member, shl(load('i32_16u', start, at.members), i32(1)));
  f.loop((next) => {
    f.set(entry, mul(load('i32_16u', f.get(member), at.members), i32(ENTRY_BYTES)));
    f.set(member, add(f.get(member), i32(2)));
    const part = (offset: number): Expr => load('i32', f.get(entry), at.entries + offset);
    f.brIf(next, ne(and(word, part(ENTRY_MASK)), part(ENTRY_MATCH)));
  });
  f.if(and(trapsFp, and(ne(f.get(entry), i32(0)), isFpAccess(word))), () => {
    f.store('i32_16', rec, i32(HANDLER_FP_TRAP));
    f.ret(i32(0));
  });
  f.set(entry, add(f.get(entry), i32(at.entries)));
  const handler = f.local('i32');
  f.set(handler, load('i32_16u', f.get(entry), ENTRY_HANDLER));
  const op = f.local('i32');
  f.set(op, add(mul(load('i32_16u', f.get(entry), ENTRY_PROGRAM), i32(OP_BYTES)), i32(at.ops)));
  new Program(f, rec, word, op).run(handler, pc, alone);
  f.ret(f.get(entry));
  f.unreachable();
}

/**
 * decode(cpu, rec): makes the record `rec` of the current page, and begins its count if it is new. True if that is at once
 * ENTRY_HOT and a branch has led there.
 */
export function buildDecode(f: FunctionBuilder, m: CoreModule): void {
  const [cpu, rec] = [f.param(0), f.param(1)];
  const records = f.tmp(field(cpu, 'pageRecords', 'i32'));
  const pc = f.tmp(shrU(sub(rec, records), i32(RECORD_SHIFT - 2)));
  const word = load('i32', add(load('i32', records, PAGE_HOST), pc));
  f.drop(f.call(m.fn('fillRecord'), rec, word, pc, load('i32', records, PAGE_TRAPS_FP), i32(0)));
  const branches = f.tmp(load('i32_16u', rec, RECORD_COUNT));
  f.if(gtU(branches, i32(1)), () => f.ret(i32(0)));
  const first = f.tmp(load('i32', records, PAGE_FIRST_COUNT));
  const isHot = f.tmp(geU(add(first, branches), i32(ENTRY_HOT)));
  f.store('i32_16', rec, select(isHot, i32(ENTRY_HOT), add(first, branches)), RECORD_COUNT);
  f.ret(and(isHot, branches));
  f.unreachable();
}

/**
 * decodeAlone(cpu, at, trapsFp): puts the instruction at memory offset `at` on the page from which one runs alone; tells
 * what `startAlone` asks for.
 */
export function buildDecodeAlone(f: FunctionBuilder, m: CoreModule): void {
  const [cpu, at, trapsFp] = [f.param(0), f.param(1), f.param(2)];
  const pc = f.tmp(and(at, i32(0xfff)));
  const place = add(field(cpu, 'pcpu', 'i32'), shl(pc, i32(RECORD_SHIFT - 2)));
  const rec = f.tmp(add(place, i32(PCPU_ALONE)));
  const word = f.tmp(load('i32', at));
  f.store('i32_16', rec, i32(HANDLER_PAGE_END), RECORD_BYTES);
  const entry = f.tmp(f.call(m.fn('fillRecord'), rec, word, pc, trapsFp, i32(1)));
  f.if(or(eqz(entry), eqz(isLoadOrStore(word))), () => f.ret(i32(0)));
  const usesSp = and(eq(bitsOf(word, 5, 5), i32(31)), load('i32_8u', entry, ENTRY_USES_BASE));
  f.ret(or(select(usesSp, i32(ALONE_USES_SP), i32(0)), select(isLoadExclusive(word), i32(ALONE_EXCLUSIVE), i32(0))));
  f.unreachable();
}
