/** Generates the function of a region: structured control flow from the dominator tree, guest registers in locals. */
import { field, setField } from '../core/memory.ts';
import { add, and, type Expr, extU, i32, i64, ltS, or, shl, shrU, sub } from '../wasm/expr.ts';
import type { FuncRef, FunctionBuilder, Label, Var } from '../wasm/function-builder.ts';
import { DataTlb } from './data-tlb.ts';
import { LazyFlags } from './flags.ts';
import { dominates, type FlowNode, flowOf } from './flow.ts';
import { type Instruction, isCall, type Region } from './region.ts';
import { RegisterFile } from './registers.ts';
import { type RegionContext, TranslatorSem } from './sem.ts';
import { baseOf, behind, placeIn, planWindow, type Window } from './windows.ts';

/** How a region ends, in the low bits of what its function gives; above them is what is left of the budget. */
export const END_BITS = 2;
/** To the address in `pc`. */
export const END_JUMP = 0;
/** The instruction at `pc`, in the same page, is the interpreter's to do. */
export const END_INTERPRET = 1;
/** To the address in `pc`, with a look at interrupts. */
export const END_CHECK = 2;

export interface EmitOptions {
  /** Plain data accesses may be unaligned. */
  readonly unaligned: boolean;
  helper(name: string): FuncRef;
}

/** Where an exit that undoes nothing happened: bytes from the page's start above, instructions not yet counted below. */
const SITE_SHIFT = 16;

class RegionEmitter implements RegionContext {
  readonly f: FunctionBuilder;
  readonly cpu: Expr;
  readonly registers: RegisterFile;
  readonly flags: LazyFlags;
  readonly tlb: DataTlb;
  readonly helper: (name: string) => FuncRef;
  readonly #region: Region;
  readonly #nodes: Map<number, FlowNode>;
  /** What is left of the budget, in instructions. */
  readonly #left: Var;
  readonly #site: Var;
  readonly #end: Var;
  #pageVa: Var | undefined;
  /** Where loops start, and where blocks end behind which others begin. */
  readonly #loops = new Map<FlowNode, Label>();
  readonly #merges = new Map<FlowNode, Label>();
  #leaveLabel!: Label;
  #outLabel!: Label;
  /** Behind the code, where flags are written to the vCPU state on the way out. */
  #flagsLabel!: Label;
  /** Instructions done since `left` was last brought up to date. */
  #uncounted = 0;
  /** The instruction that is generated. */
  #at = 0;
  /** Windows that are open, by base register. */
  #windows: ReadonlyMap<number, Window> = new Map();
  readonly #unaligned: boolean;

  constructor(f: FunctionBuilder, region: Region, o: EmitOptions) {
    this.f = f;
    this.cpu = f.param(0);
    this.#left = f.params[1]!;
    this.registers = new RegisterFile(f, this.cpu);
    this.flags = new LazyFlags(f, this.cpu);
    this.tlb = new DataTlb(f, this.cpu, o.unaligned, (cond) => f.brIf(this.#leaveLabel, cond));
    this.helper = o.helper;
    this.#unaligned = o.unaligned;
    this.#region = region;
    this.#nodes = flowOf(region);
    this.#site = f.lasting('i32');
    this.#end = f.lasting('i32');
  }

  build(): void {
    const f = this.f;
    f.block((out) => {
      this.#outLabel = out;
      f.block((flags) => {
        this.#flagsLabel = flags;
        this.#body();
      });
      if (this.flags.writes > 0) this.flags.store();
    });
    this.registers.storeAll();
    f.ret(or(shl(f.get(this.#left), i32(END_BITS)), f.get(this.#end)));
    f.unreachable();
    // Only now is it known what the region uses.
    const code = f.body.splice(0);
    this.registers.loadAll();
    this.tlb.loadBases();
    if (this.#pageVa) f.set(this.#pageVa, field(this.cpu, 'pageVa'));
    for (const byte of code) f.body.push(byte);
  }

  /** The region's code, and behind it where an instruction is left to the interpreter. */
  #body(): void {
    const f = this.f;
    f.block((leave) => {
      this.#leaveLabel = leave;
      const entry = this.#nodes.get(this.#region.entry)!;
      if (!entry.isLoop) this.#checkBudget(entry);
      this.#tree(entry);
    });
    this.#leave();
  }

  /** Behind the body: an instruction that the interpreter has to do. */
  #leave(): void {
    const f = this.f;
    f.set(this.#left, sub(f.get(this.#left), and(f.get(this.#site), i32(2 ** SITE_SHIFT - 1))));
    setField(f, this.cpu, 'pc', add(field(this.cpu, 'pageVa'), extU(shrU(f.get(this.#site), i32(SITE_SHIFT)))));
    f.set(this.#end, i32(END_INTERPRET));
  }

  pageVa(): Expr {
    this.#pageVa ??= this.f.lasting('i64');
    return this.f.get(this.#pageVa);
  }

  leave(): void {
    this.f.br(this.#leaveLabel);
  }

  leaveChecking(): void {
    const f = this.f;
    f.set(this.#left, sub(f.get(this.#left), i32(this.#uncounted + 1)));
    f.set(this.#end, i32(END_CHECK));
    this.#exit(add(field(this.cpu, 'pageVa'), i64(this.#at + 4)));
  }

  /** Leaves the region for `target`; what was done is counted. */
  #exit(target: Expr): void {
    setField(this.f, this.cpu, 'pc', target);
    this.f.br(this.flags.kind === 'memory' ? this.#outLabel : this.#flagsLabel);
  }

  #count(): void {
    if (this.#uncounted > 0) this.f.set(this.#left, sub(this.f.get(this.#left), i32(this.#uncounted)));
    this.#uncounted = 0;
  }

  #setSite(offset: number): void {
    this.f.set(this.#site, i32((offset << SITE_SHIFT) | this.#uncounted));
  }

  /**
   * Leaves what is left of the budget to the interpreter where it may not last for all of the region: so slices end at
   * the same instruction whoever executes them.
   */
  #checkBudget(node: FlowNode): void {
    this.#setSite(node.block.offset);
    this.f.brIf(this.#leaveLabel, ltS(this.f.get(this.#left), i32(this.#region.size)));
  }

  /** A block and all that it dominates. */
  #tree(node: FlowNode): void {
    const merges = node.children.filter((c) => c.forward > 1).sort((a, b) => b.order - a.order);
    if (!node.isLoop) {
      this.#within(node, merges);
      return;
    }
    this.#meet(node);
    this.f.loop((label) => {
      this.#loops.set(node, label);
      this.#start(node);
      this.#checkBudget(node);
      this.#within(node, merges);
    });
  }

  /** The block, inside Wasm blocks behind each of which one of `merges` begins. */
  #within(node: FlowNode, merges: readonly FlowNode[]): void {
    const [first, ...rest] = merges;
    if (!first) {
      this.#block(node);
      return;
    }
    this.f.block((label) => {
      this.#merges.set(first, label);
      this.#within(node, rest);
    });
    this.#start(first);
    this.#tree(first);
  }

  /** Before a branch to a place where ways meet: what each of them has to hold to. */
  #meet(node: FlowNode): void {
    this.#count();
    if (node.readsFlags) this.flags.normalize();
  }

  /** At a place where ways meet. */
  #start(node: FlowNode): void {
    this.#uncounted = 0;
    this.#windows = new Map();
    this.flags.restore([node.readsFlags ? 'packed' : undefined, undefined]);
  }

  #block(node: FlowNode): void {
    const { instructions } = node.block;
    for (let n = 0; n < instructions.length; n++) {
      if (this.#instruction(node, n)) return;
    }
    this.#transfer(node, node.block.next!);
  }

  /** Opens a window for the access of an instruction, or finds it in one that is open. */
  #look(instructions: readonly Instruction[], n: number): void {
    const i = instructions[n]!;
    const access = i.encoding!.row.access?.(i.fields);
    // Where accesses are unaligned or windows cross pages, each is looked up for itself.
    if (!access || this.#unaligned) return;
    const f = this.f;
    const base = baseOf(i.fields);
    let window = this.#windows.get(base);
    let place = window && placeIn(window, access);
    if (place === undefined) {
      const plan = planWindow(instructions, n);
      if (!plan) return;
      const host = f.lasting('i32');
      const address = add(this.registers.get(base), i64(plan.low));
      const table = plan.store ? 'tlbWrite' : 'tlbRead';
      f.scope(() => f.set(host, this.tlb.host(table, address, plan.high - plan.low, plan.align)));
      window = { ...plan, host, at: 0 };
      this.#windows = new Map([...this.#windows, [base, window]]);
      place = access.offset - plan.low;
    }
    this.tlb.known = add(f.get(window!.host), i32(place));
  }

  /** One instruction's code; true if it ends the block. */
  #instruction(node: FlowNode, n: number): boolean {
    const f = this.f;
    const { instructions } = node.block;
    const i = instructions[n]!;
    this.#at = i.offset;
    if (!i.probed) {
      this.#setSite(i.offset);
      f.br(this.#leaveLabel);
      return true;
    }
    if (i.probed.usage.leaves) this.#setSite(i.offset);
    this.#look(instructions, n);
    const x = new TranslatorSem(this, i.fields);
    f.scope(() => i.encoding!.row.sem(x, i.fields));
    this.#uncounted++;
    if (this.#windows.size > 0) this.#windows = behind(this.#windows, i);
    const { ending } = x;
    if (!ending) return false;
    if (ending.how === 'indirect') {
      // The target may be made of registers only: nothing on the way out changes them.
      this.#count();
      this.#exit(ending.target);
      return true;
    }
    const { taken, next } = node.block;
    if (!ending.cond) {
      this.#transfer(node, taken!, isCall(i));
      return true;
    }
    const [flags, uncounted, windows] = [this.flags.save(), this.#uncounted, this.#windows];
    f.if(
      ending.cond,
      () => this.#transfer(node, taken!),
      () => {
        this.flags.restore(flags);
        this.#uncounted = uncounted;
        this.#windows = windows;
        this.#transfer(node, next!);
      },
    );
    return true;
  }

  /** Goes from the end of a block to `offset`; a call leaves the region whatever is there. */
  #transfer(from: FlowNode, offset: number, isCall = false): void {
    const to = isCall ? undefined : this.#nodes.get(offset);
    if (!to) return this.#jump(offset);
    if (to.order <= from.order) {
      if (!to.isLoop || !dominates(to, from)) return this.#jump(offset);
      this.#meet(to);
      this.f.br(this.#loops.get(to)!);
    } else if (to.forward > 1) {
      this.#meet(to);
      this.f.br(this.#merges.get(to)!);
    } else {
      this.#tree(to);
    }
  }

  /** Leaves the region for `offset` from the start of its page. */
  #jump(offset: number): void {
    this.#count();
    this.#exit(add(field(this.cpu, 'pageVa'), i64(offset)));
  }
}

/** Generates the body of the function (cpu, left) → (left << END_BITS | end) of a region. */
export function emitRegion(f: FunctionBuilder, region: Region, options: EmitOptions): void {
  new RegionEmitter(f, region, options).build();
}
