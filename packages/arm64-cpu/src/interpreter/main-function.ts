/** The interpreter's main function: a loop over records, with the handlers of frequent instructions in it. */

import type { CoreModule } from '../core/helper.ts';
import { field, setField } from '../core/memory.ts';
import {
  CODE_TLB_INDEX_BITS,
  CONSTANTS_BASE,
  ENTRY_HOT,
  PAGE_REGIONS,
  RECORD_BYTES,
  RECORD_COUNT,
  RECORD_SHIFT,
} from '../layout.ts';
import { END_BITS, END_CHECK, END_JUMP } from '../translator/ends.ts';
import {
  add,
  and,
  type Expr,
  eq,
  eqz,
  extU,
  geU,
  gtS,
  gtU,
  i32,
  i64,
  load,
  ltS,
  ne,
  node,
  or,
  select,
  shl,
  shrU,
  sub,
  wrap,
} from '../wasm/expr.ts';
import type { FunctionBuilder, Label, Var } from '../wasm/function-builder.ts';
import { pushU32 } from '../wasm/leb128.ts';
import { OWN_TABLE } from '../wasm/module-builder.ts';
import { branchOperand } from './cold.ts';
import { FIRST_COLD, type Handler, HOT_HANDLERS } from './handlers.ts';
import {
  COLD_CHECK,
  COLD_EVENT,
  COLD_FAULT,
  COLD_JUMP,
  EXIT_BUDGET,
  EXIT_EVENT,
  EXIT_REQUEST,
  EXIT_WAIT,
} from './outcomes.ts';
import {
  FIRST_HANDLER,
  HANDLER_CHECK,
  HANDLER_DELIVER,
  HANDLER_FP_TRAP,
  HANDLER_PAGE_END,
  HANDLER_UNDECODED,
  HANDLER_USES_FLAGS,
  RecordSpec,
} from './record.ts';
import { type Exits, type FlagAccess, InterpreterSem } from './sem.ts';

/**
 * Instructions between two looks at what other threads ask of the vCPU, where branches stay on their page: some
 * microseconds.
 */
const POLL_INSTRUCTIONS = 2 ** 14;
/** The same where code is translated, which is some ten times as fast. */
const POLL_TRANSLATED = 2 ** 17;

/** ESR_EL1 of an access to FP or AdvSIMD that CPACR_EL1 traps: class 0x07, CV = 1, COND = 0b1110. */
const FP_TRAP_ESR = 0x07 * 2 ** 26 + 2 ** 25 + 0x1e * 2 ** 20;

/** Records that send the main function to a place of its own: at the start of the constants. */
export const CHECK_RECORD = CONSTANTS_BASE;
export const DELIVER_RECORD = CONSTANTS_BASE + RECORD_BYTES;

/** Whether the host or another thread set `exitRequest` or `engineRequest`. */
export const requested = (cpu: Expr): Expr => ne(field(cpu, 'exitRequest'), i64(0));

/**
 * run(cpu, budget): executes the vCPU until the budget of instructions is used up, the host asks, or it waits for an
 * interrupt. While it runs:
 * - `rec` is the record of the instruction, `lim - rec` is 16 times what is left of the budget on a straight line;
 * - `rem` is the same where `rec` is about to change; `stolen` is what a wanted check took from it;
 * - `t` is the virtual address of a jump.
 */
export class MainFunction {
  readonly #f: FunctionBuilder;
  readonly #m: CoreModule;
  readonly #coldType: number;
  readonly #cpu: Expr;
  readonly #rec: Var;
  readonly #lim: Var;
  readonly #rem: Var;
  readonly #stolen: Var;
  readonly #t: Var;
  readonly #flags: readonly Var[];

  /** Operands of the records of the handlers in it, by handler: what `build` finds. */
  readonly #specs: Map<number, RecordSpec>;

  constructor(f: FunctionBuilder, m: CoreModule, coldType: number, specs: Map<number, RecordSpec>) {
    this.#specs = specs;
    this.#f = f;
    this.#m = m;
    this.#coldType = coldType;
    this.#cpu = f.param(0);
    this.#rec = f.local('i32');
    this.#lim = f.local('i32');
    this.#rem = f.local('i32');
    this.#stolen = f.local('i32');
    this.#t = f.local('i64');
    this.#flags = [f.local('i64'), f.local('i64'), f.local('i32'), f.local('i32')];
  }

  build(): void {
    const f = this.#f;
    f.callVoid(this.#m.fn('selectContext'), this.#cpu);
    f.callVoid(this.#m.fn('debugChanged'), this.#cpu, i32(0));
    this.#reloadFlags();
    f.set(this.#rec, i32(CHECK_RECORD));
    f.set(this.#stolen, shl(f.param(1), i32(RECORD_SHIFT)));
    this.#nextPiece();
    f.set(this.#lim, add(i32(CHECK_RECORD), f.get(this.#rem)));
    setField(f, this.#cpu, 'instructions', add(field(this.#cpu, 'instructions'), extU(f.param(1))));
    f.loop((next) => {
      f.block((jump) => {
        f.block((check) => {
          f.block((deliver) => {
            f.block((fault) => {
              f.block((cold) => this.#handlers(next, jump, check, deliver, fault, cold));
              this.#callCold(next, check, fault);
            });
            // A fault: the PC is this instruction's. It counts, so that a guest that only faults comes to an end.
            this.#leaveRecord(0);
          });
          this.#syncFlags();
          f.callVoid(this.#m.fn('deliverFault'), this.#cpu);
        });
        this.#checkPending();
        f.set(this.#t, field(this.#cpu, 'pc'));
      });
      f.loop((again) => {
        f.block((enter) => this.#jump(next, enter));
        this.#enter(next, again);
      });
    });
    f.unreachable();
  }

  #syncFlags(): void {
    for (const [i, name] of ['flagN', 'flagZ', 'flagC', 'flagV'].entries()) {
      setField(this.#f, this.#cpu, name, this.#f.get(this.#flags[i]!));
    }
  }

  #reloadFlags(): void {
    for (const [i, name] of ['flagN', 'flagZ', 'flagC', 'flagV'].entries()) {
      const v = this.#flags[i]!;
      this.#f.set(v, field(this.#cpu, name, v.t as 'i32' | 'i64'));
    }
  }

  /** Virtual address of a record of the current page. */
  #pcOf(rec: Expr): Expr {
    const place = sub(rec, field(this.#cpu, 'pageRecords', 'i32'));
    return add(field(this.#cpu, 'pageVa'), extU(shrU(place, i32(RECORD_SHIFT - 2))));
  }

  /** Puts the PC of this instruction, or the one `bytes` behind, into the state; takes it from the budget. */
  #leaveRecord(bytes: number): void {
    const f = this.#f;
    setField(f, this.#cpu, 'pc', add(this.#pcOf(f.get(this.#rec)), i64(bytes)));
    f.set(this.#rem, sub(f.get(this.#lim), add(f.get(this.#rec), i32(RECORD_BYTES))));
  }

  /** Gives back what is left of the budget and returns. */
  #exit(reason: number): void {
    const f = this.#f;
    const left = node('i64', [0xac], add(f.get(this.#rem), f.get(this.#stolen)));
    const instructions = sub(field(this.#cpu, 'instructions'), node('i64', [0x87], left, i64(RECORD_SHIFT)));
    setField(f, this.#cpu, 'instructions', instructions);
    this.#syncFlags();
    f.ret(i32(reason));
  }

  /** Gives `rem` a piece of what is left of the budget: all of that is in `stolen`. */
  #nextPiece(instructions = POLL_INSTRUCTIONS): void {
    const f = this.#f;
    const most = i32(instructions << RECORD_SHIFT);
    f.set(this.#rem, select(gtU(f.get(this.#stolen), most), most, f.get(this.#stolen)));
    f.set(this.#stolen, sub(f.get(this.#stolen), f.get(this.#rem)));
  }

  /** Behind an instruction that may have changed what interrupts may come: `pc` is in the state. */
  #checkPending(): void {
    const f = this.#f;
    const cpu = this.#cpu;
    const pending = or(field(cpu, 'interruptLines', 'i32'), requested(cpu));
    f.if(pending, () => {
      f.if(field(cpu, 'exitRequest', 'i32'), () => this.#exit(EXIT_REQUEST));
      f.if(field(cpu, 'engineRequest', 'i32'), () => f.callVoid(this.#m.fn('serve'), cpu));
      this.#syncFlags();
      f.callVoid(this.#m.fn('takePending'), cpu);
    });
  }

  /** To the virtual address in `t`, with `rem` of the budget left. */
  #jump(next: Label, enter: Label): void {
    const f = this.#f;
    const cpu = this.#cpu;
    const target = f.get(this.#t);
    // The host may want the vCPU back before its slice is over.
    f.if(or(ltS(f.get(this.#rem), i32(0)), requested(cpu)), () => {
      setField(f, cpu, 'pc', f.call(this.#m.fn('branchAddress'), cpu, target));
      f.if(field(cpu, 'exitRequest', 'i32'), () => this.#exit(EXIT_REQUEST));
      f.set(this.#stolen, add(f.get(this.#rem), f.get(this.#stolen)));
      f.set(this.#rem, i32(0));
      f.if(ltS(f.get(this.#stolen), i32(0)), () => this.#exit(EXIT_BUDGET));
      this.#nextPiece();
      this.#goTo(i32(CHECK_RECORD), next);
    });
    const index = shl(and(wrap(shrU(target, i64(12))), i32(2 ** CODE_TLB_INDEX_BITS - 1)), i32(4));
    const entry = f.tmp(add(field(cpu, 'tlbCode', 'i32'), index));
    const page = f.tmp(load('i64', entry));
    f.if(
      eqz(node('i32', [0x52], page, and(target, i64(~0xffcn)))),
      () => {
        const records = f.tmp(load('i32', entry, 8));
        setField(f, cpu, 'pageVa', page);
        setField(f, cpu, 'pageRecords', records);
        f.set(this.#rec, add(records, shl(and(wrap(target), i32(0xffc)), i32(RECORD_SHIFT - 2))));
      },
      () => {
        f.set(this.#rec, f.call(this.#m.fn('fetch'), cpu, target));
        f.if(eqz(f.get(this.#rec)), () => {
          f.set(this.#rem, sub(f.get(this.#rem), i32(RECORD_BYTES)));
          this.#goTo(i32(DELIVER_RECORD), next);
        });
      },
    );
    f.set(this.#lim, add(f.get(this.#rec), f.get(this.#rem)));
    this.#countEntry(enter);
    f.br(next);
  }

  /** The count of taken branches to `rec`. */
  #count(): Expr {
    return load('i32_16u', this.#f.get(this.#rec), RECORD_COUNT);
  }

  /** Counts that a branch led to `rec`, or goes to `enter` where it has led often. */
  #countEntry(enter: Label): void {
    const f = this.#f;
    const count = f.tmp(this.#count());
    f.brIf(enter, and(count, i32(ENTRY_HOT)));
    f.store('i32_16', f.get(this.#rec), add(count, i32(1)), RECORD_COUNT);
  }

  /** Runs the translated code that begins at `rec`, if there is any, and what follows on it. */
  #enter(next: Label, again: Label): void {
    const f = this.#f;
    const cpu = this.#cpu;
    const isHot = eq(this.#count(), i32(ENTRY_HOT));
    f.if(isHot, () => f.callVoid(this.#m.fn('entryReached'), cpu, f.get(this.#rec)));
    const records = f.tmp(field(cpu, 'pageRecords', 'i32'));
    const at = add(records, shrU(sub(f.get(this.#rec), records), i32(RECORD_SHIFT - 1)));
    const region = f.tmp(load('i32_16u', at, PAGE_REGIONS));
    f.brIf(next, eqz(region));
    this.#syncFlags();
    f.set(this.#stolen, add(f.get(this.#rem), f.get(this.#stolen)));
    this.#nextPiece(POLL_TRANSLATED);
    const left = node('i32', [0x75], f.get(this.#rem), i32(RECORD_SHIFT));
    const end = f.tmp(f.call(this.#m.fn('runRegions'), cpu, region, left));
    this.#reloadFlags();
    f.set(this.#rem, shl(node('i32', [0x75], end, i32(END_BITS)), i32(RECORD_SHIFT)));
    f.if(gtS(f.get(this.#rem), i32(POLL_INSTRUCTIONS << RECORD_SHIFT)), () => {
      f.set(this.#stolen, add(f.get(this.#rem), f.get(this.#stolen)));
      this.#nextPiece();
    });
    f.set(this.#t, field(cpu, 'pc'));
    const how = f.tmp(and(end, i32(2 ** END_BITS - 1)));
    f.brIf(again, eq(how, i32(END_JUMP)));
    f.if(eq(how, i32(END_CHECK)), () => this.#goTo(i32(CHECK_RECORD), next));
    const place = shl(and(wrap(f.get(this.#t)), i32(0xffc)), i32(RECORD_SHIFT - 2));
    this.#goTo(add(field(cpu, 'pageRecords', 'i32'), place), next);
  }

  /** Goes on at a record with `rem` left. */
  #goTo(record: Expr, next: Label): void {
    const f = this.#f;
    f.set(this.#rec, record);
    f.set(this.#lim, add(f.get(this.#rec), f.get(this.#rem)));
    f.br(next);
  }

  #handlers(next: Label, jump: Label, check: Label, deliver: Label, fault: Label, cold: Label): void {
    const f = this.#f;
    const bodies: (() => void)[] = [];
    bodies[HANDLER_UNDECODED] = () => {
      f.brIf(next, eqz(f.call(this.#m.fn('decode'), this.#cpu, f.get(this.#rec))));
      f.set(this.#rem, sub(f.get(this.#lim), f.get(this.#rec)));
      f.set(this.#t, this.#pcOf(f.get(this.#rec)));
      f.br(jump);
    };
    bodies[HANDLER_PAGE_END] = () => {
      f.set(this.#rem, sub(f.get(this.#lim), f.get(this.#rec)));
      f.set(this.#t, this.#pcOf(f.get(this.#rec)));
      f.br(jump);
    };
    bodies[HANDLER_CHECK] = () => {
      f.set(this.#rem, sub(f.get(this.#lim), f.get(this.#rec)));
      f.br(check);
    };
    bodies[HANDLER_DELIVER] = () => {
      f.set(this.#rem, sub(f.get(this.#lim), f.get(this.#rec)));
      f.br(deliver);
    };
    bodies[HANDLER_FP_TRAP] = () => {
      setField(f, this.#cpu, 'faultEsr', i64(FP_TRAP_ESR));
      setField(f, this.#cpu, 'faultKind', i32(1));
      setField(f, this.#cpu, 'faultReturnsNext', i32(0));
      f.br(fault);
    };
    for (const h of HOT_HANDLERS) bodies[h.id] = () => this.#hot(h, next, jump, check, fault);
    if (bodies.length !== FIRST_COLD || HOT_HANDLERS[0]?.id !== FIRST_HANDLER)
      throw new Error('handlers are numbered with a gap');

    const labels: Label[] = [];
    const open = (n: number): void => {
      if (n === 0) {
        f.brTable(load('i32_16u', f.get(this.#rec)), labels, cold);
        return;
      }
      f.block((label) => {
        labels[n - 1] = label;
        open(n - 1);
      });
      f.scope(bodies[n - 1]!);
    };
    open(bodies.length);
  }

  /** One instruction's code in the main function. */
  #hot(h: Handler, next: Label, jump: Label, check: Label, fault: Label): void {
    const f = this.#f;
    const spec = new RecordSpec(h.encoding.row.even);
    this.#specs.set(h.id, spec);
    const [n, z, c, v] = this.#flags as [Var, Var, Var, Var];
    const rec = () => f.get(this.#rec);
    const flags: FlagAccess = {
      n: () => f.get(n),
      z: () => f.get(z),
      c: () => f.get(c),
      v: () => f.get(v),
      set: (en, ez, ec, ev) => {
        const [tc, tv] = [f.tmp(ec), f.tmp(ev)];
        const tn = f.tmp(en);
        f.set(n, tn);
        f.set(z, ez === en ? tn : ez);
        f.set(c, tc);
        f.set(v, tv);
      },
    };
    const leave = (to: Label, bytes: number) => () => {
      this.#leaveRecord(bytes);
      f.br(to);
    };
    const exits: Exits = {
      fault: () => f.br(fault),
      check: leave(check, 4),
      jump: () => {
        f.set(this.#rem, sub(f.get(this.#lim), add(rec(), i32(RECORD_BYTES))));
        f.br(check);
      },
      wait: () => {
        this.#leaveRecord(4);
        this.#exit(EXIT_WAIT);
      },
      event: () => {
        this.#leaveRecord(4);
        this.#exit(EXIT_EVENT);
      },
      checkSoon: () => {
        f.set(this.#stolen, add(f.get(this.#stolen), sub(f.get(this.#lim), rec())));
        f.set(this.#lim, rec());
      },
      branchTo: (target) => {
        f.set(this.#t, target);
        f.set(this.#rem, sub(f.get(this.#lim), add(rec(), i32(RECORD_BYTES))));
        f.br(jump);
      },
      branch: (cond) => this.#branch(h, spec, cond, next, jump),
    };
    const x = new InterpreterSem({ f, module: this.#m, spec, cpu: this.#cpu, rec: rec(), flags, exits });
    h.encoding.row.sem(x, h.fields);
    if (x.ended) return;
    f.set(this.#rec, add(rec(), i32(RECORD_BYTES)));
    f.br(next);
  }

  #branch(h: Handler, spec: RecordSpec, cond: Expr | undefined, next: Label, jump: Label): void {
    const f = this.#f;
    const rec = () => f.get(this.#rec);
    const operand = spec.target(branchOperand(h));
    const taken = (): void => {
      if (h.far) {
        f.set(this.#t, add(field(this.#cpu, 'pageVa'), load('i64_32s', rec(), operand)));
        f.set(this.#rem, sub(f.get(this.#lim), add(rec(), i32(RECORD_BYTES))));
        f.br(jump);
        return;
      }
      const distance = f.tmp(load('i32', rec(), operand));
      f.set(this.#lim, add(f.get(this.#lim), sub(distance, i32(RECORD_BYTES))));
      f.set(this.#rec, add(rec(), distance));
      f.set(this.#rem, sub(f.get(this.#lim), rec()));
      f.block((enter) => {
        f.brIf(enter, ltS(f.get(this.#rem), i32(0)));
        this.#countEntry(enter);
        f.br(next);
      });
      f.set(this.#t, this.#pcOf(rec()));
      f.br(jump);
    };
    if (!cond) return taken();
    f.if(cond, taken);
    f.set(this.#rec, add(rec(), i32(RECORD_BYTES)));
    f.br(next);
  }

  /** Calls the out-of-line handler of the record; flags go through the state where it uses them. */
  #callCold(next: Label, check: Label, fault: Label): void {
    const f = this.#f;
    const id = f.tmp(load('i32_16u', f.get(this.#rec)));
    const usesFlags = () => geU(id, i32(HANDLER_USES_FLAGS));
    const slot = sub(and(id, i32(HANDLER_USES_FLAGS - 1)), i32(FIRST_COLD));
    const code = [0x11];
    pushU32(code, this.#coldType);
    code.push(OWN_TABLE);
    f.if(usesFlags(), () => this.#syncFlags());
    const outcome = f.tmp(node('i32', code, this.#cpu, f.get(this.#rec), slot));
    f.if(usesFlags(), () => this.#reloadFlags());
    f.if(eqz(outcome), () => {
      f.set(this.#rec, add(f.get(this.#rec), i32(RECORD_BYTES)));
      f.br(next);
    });
    f.brIf(fault, eqz(ne(outcome, i32(COLD_FAULT))));
    f.if(eqz(ne(outcome, i32(COLD_JUMP))), () => {
      f.set(this.#rem, sub(f.get(this.#lim), add(f.get(this.#rec), i32(RECORD_BYTES))));
      f.br(check);
    });
    this.#leaveRecord(4);
    f.brIf(check, eqz(ne(outcome, i32(COLD_CHECK))));
    f.if(eqz(ne(outcome, i32(COLD_EVENT))), () => this.#exit(EXIT_EVENT));
    // COLD_WAIT
    this.#exit(EXIT_WAIT);
  }
}
