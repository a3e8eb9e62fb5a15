/** Generates the function of a region: structured control flow from the dominator tree, guest registers in locals. */
import { FLAG_KINDS } from '../core/flags.ts';
import { END_CHECK, END_FAULT, END_INTERPRET, END_RETURN } from './ends.ts';
import { dominates, type FlowNode, flowOf, type Loop } from './flow.ts';
import { LEFT, NEXT_RECORDS, SITE, TARGET } from './locals.ts';
import { Memos } from './memos.ts';
import { type Instruction, PAGE_BYTES, type Region } from './region.ts';
import { type Care, MOST_CARE } from './region-table.ts';
import { EXIT_FLAGS, EXIT_LEAVE, EXIT_OUT, EXITS, type Exits, OP, RegionWriter } from './region-writer.ts';
import { NO_REGISTERS, REGISTER_SP, type RegisterSet } from './registers.ts';
import {
  callRegions,
  endBy,
  lookAhead,
  packFlags,
  settleFlags,
  storeFlags,
  turnPage,
  windowLookup,
} from './shared-stencils.ts';
import type { Stencil } from './stencil.ts';
import { baseOf, behind, placeIn, planWindow, type Window } from './windows.ts';
import { codeOf, lebOf64 } from './words.ts';

/** In the local SITE: bytes from the page's start above, instructions not yet counted below. */
const SITE_SHIFT = 16;
const MEMORY = FLAG_KINDS.indexOf('memory');
const PACKED = FLAG_KINDS.indexOf('packed');

/** How a region ends by instructions that branch nowhere. */
const ENDS = { check: END_CHECK, fault: END_FAULT, return: END_RETURN } as const;

/** Whether an instruction is the last one of its page. */
const isLast = (offset: number): boolean => (offset & 0xffc) === 0xffc;

const NO_NODES: FlowNode[] = [];
const NO_WINDOWS: readonly Window[] = [];

/** Whether a way leads out of the outermost loop: what is there comes behind the loop's code, for V8 to unroll that. */
const leavesLoop = (from: FlowNode, to: FlowNode): boolean => from.loop !== undefined && from.loop !== to.loop;

/** Whether `to` is a later block of the region, and nothing but `from` leads there. */
const continues = (from: FlowNode, to: FlowNode | undefined): boolean =>
  to !== undefined && to.order > from.order && to.forward === 1 && !to.isLoop && !leavesLoop(from, to);

/** Whether SP must be aligned before an instruction: it may use SP, or lead out of the page or anywhere. */
function needsSp({ block }: FlowNode, { offset, probed, known }: Instruction): boolean {
  const { usage, ending } = probed!;
  if (usage.leaves || isLast(offset)) return true;
  if (ending !== 'branch') return ending !== undefined;
  if (known.isCall) return true;
  return ((block.taken! ^ offset) & ~0xfff) !== 0;
}

/** Whether an access is at the stack pointer, and as well aligned as that is. */
const isOnStack = (i: Instruction): boolean => {
  const { access } = i.known;
  return access !== undefined && baseOf(i) === REGISTER_SP && access.offset % access.align === 0;
};

class RegionEmitter {
  readonly #w = new RegionWriter();
  readonly #region: Region;
  readonly #care: Care;
  /** Depths at which loops start, and of blocks behind which others begin. */
  readonly #loops = new Map<FlowNode, number>();
  readonly #merges = new Map<FlowNode, number>();
  /** Kind of the flags; undefined behind a meeting of ways that differ where nothing reads them. */
  #flags: number | undefined = MEMORY;
  /** Instructions done since `left` was last brought up to date. */
  #uncounted = 0;
  /** Kinds that flags may have somewhere in the region: a bit for each. */
  #flagKinds = 1 << PACKED;
  #usesFp = false;
  #calls = false;
  /** Windows that are open: one for a base register. */
  #windows = NO_WINDOWS;
  #memos!: Memos;
  /** SP may be off its alignment, and nothing has used it since. */
  #spMoved = false;
  /** The outermost loop that is being written, and the region's own exits. */
  #loop: Loop | undefined;
  #exits: Exits | undefined;

  constructor(region: Region, care: Care) {
    this.#region = region;
    this.#care = care;
    for (const { instructions } of region.blocks.values()) {
      for (const { known, probed } of instructions) {
        if (!probed) continue;
        this.#flagKinds |= probed.flagKinds;
        this.#usesFp ||= known.isFp;
        this.#calls ||= known.isCall;
      }
    }
  }

  build(): Uint8Array {
    const w = this.#w;
    this.#exits = w.exits = this.#openExits();
    if (this.#region.spans) this.#shared(lookAhead(0));
    const entry = flowOf(this.#region);
    this.#memos = new Memos(entry);
    if (!entry.isLoop) this.#checkBudget(entry);
    this.#tree(entry);
    w.close();
    this.#leave();
    w.close();
    if (w.flagKinds !== 0) this.#shared(storeFlags(w.flagKinds));
    w.close();
    w.get(LEFT);
    w.get(TARGET);
    return w.finish();
  }

  /** Opens the blocks at whose ends the region, or a loop of it, is left. */
  #openExits(): Exits {
    const w = this.#w;
    for (let n = 0; n < EXITS; n++) w.open(OP.block);
    return { outermost: w.depth - EXITS + 1, used: 0 };
  }

  /** Ends them behind a loop: what it has deferred is stored, on the way to the exits of the region. */
  #closeExits({ written }: Loop): void {
    const w = this.#w;
    const { used } = w.exits;
    w.exits = this.#exits!;
    for (const exit of [EXIT_LEAVE, EXIT_FLAGS, EXIT_OUT]) {
      w.close();
      if (((used >> exit) & 1) === 0) continue;
      w.store(written);
      w.exit(OP.br, exit);
    }
  }

  #shared(stencil: Stencil): void {
    this.#w.fill({ stencil, registers: [], immediates: [] });
  }

  /** Behind the body: an instruction that the interpreter has to do. */
  #leave(): void {
    const w = this.#w;
    w.get(LEFT);
    w.get(SITE);
    w.i32(2 ** SITE_SHIFT - 1);
    w.op(OP.and32);
    w.op(OP.sub32);
    w.set(LEFT);
    w.statePageVa();
    w.get(SITE);
    w.i32(SITE_SHIFT);
    w.op(OP.shrU32);
    w.op(OP.extendU);
    w.op(OP.add64);
    w.set(TARGET);
    if (this.#region.spans) this.#shared(turnPage(SITE_SHIFT));
    this.#shared(endBy(END_INTERPRET));
  }

  #count(): void {
    const w = this.#w;
    if (this.#uncounted === 0) return;
    w.get(LEFT);
    w.i32(this.#uncounted);
    w.op(OP.sub32);
    w.set(LEFT);
    this.#uncounted = 0;
  }

  #setSite(offset: number): void {
    this.#w.i32((offset << SITE_SHIFT) | this.#uncounted);
    this.#w.set(SITE);
  }

  /**
   * Leaves what is left of the budget to the interpreter where it may not last for all of the region: so slices end at
   * the same instruction whoever executes them.
   */
  #checkBudget(node: FlowNode): void {
    const w = this.#w;
    this.#setSite(node.block.offset);
    w.get(LEFT);
    w.i32(this.#region.size);
    w.op(OP.ltS32);
    w.exit(OP.brIf, EXIT_LEAVE);
  }

  /** A block and all that it dominates. */
  #tree(node: FlowNode): void {
    let merges = NO_NODES;
    if (node.children.length > 0) {
      merges = node.children.filter((c) => c.forward > 1 && !leavesLoop(node, c));
      if (merges.length > 1) merges.sort((a, b) => b.order - a.order);
    }
    const w = this.#w;
    const [loop, exits, deferred] = [this.#loop, w.exits, w.deferred];
    if (node.loop !== loop) {
      this.#loop = node.loop;
      w.exits = this.#exits!;
      w.deferred = NO_REGISTERS;
    }
    if (node.isLoop) this.#loopAt(node, merges);
    else this.#within(node, merges);
    this.#loop = loop;
    w.exits = exits;
    w.deferred = deferred;
  }

  #loopAt(node: FlowNode, merges: readonly FlowNode[]): void {
    const { loop } = node;
    this.#meet(node);
    if (loop?.header !== node) return this.#loopCode(node, merges, loop ? loop.used : NO_REGISTERS);
    const w = this.#w;
    w.load(loop.used);
    const { loaded } = w;
    this.#before([...loop.followers].reverse(), loop.written, () => {
      w.exits = this.#openExits();
      w.deferred = loop.written;
      this.#loopCode(node, merges, loaded);
      this.#closeExits(loop);
    });
  }

  #loopCode(node: FlowNode, merges: readonly FlowNode[], loaded: RegisterSet): void {
    this.#w.open(OP.loop);
    this.#loops.set(node, this.#w.depth);
    this.#start(node, loaded);
    this.#checkBudget(node);
    this.#within(node, merges);
    this.#w.close();
  }

  /** The block, and then those of its children to which several ways lead. */
  #within(node: FlowNode, merges: readonly FlowNode[]): void {
    this.#before(merges, NO_REGISTERS, () => this.#block(node));
  }

  /** Code in Wasm blocks, behind each of which one of `nodes` begins, by storing `written`; the last comes first. */
  #before(nodes: readonly FlowNode[], written: RegisterSet, code: () => void, from = 0): void {
    const first = nodes[from];
    if (!first) return code();
    const w = this.#w;
    w.open(OP.block);
    this.#merges.set(first, w.depth);
    this.#before(nodes, written, code, from + 1);
    w.close();
    // Inside a loop, all ways have its registers in locals.
    this.#start(first, first.loop && first.loop.header !== first ? first.loop.used : NO_REGISTERS);
    w.store(written);
    this.#tree(first);
  }

  /** Before a branch to a place where ways meet: what each of them has to hold to. */
  #meet(node: FlowNode): void {
    this.#count();
    if (node.readsFlags && this.#flags !== PACKED) {
      if (this.#flags === MEMORY) this.#shared(settleFlags(0));
      this.#shared(packFlags(this.#flags!));
      this.#flags = PACKED;
    }
  }

  /** At a place where ways meet, all of which have registers loaded. */
  #start(node: FlowNode, loaded: RegisterSet): void {
    this.#w.loaded = loaded;
    this.#uncounted = 0;
    this.#spMoved = false;
    this.#windows = NO_WINDOWS;
    this.#flags = node.readsFlags ? PACKED : undefined;
  }

  #block(node: FlowNode): void {
    const { instructions } = node.block;
    for (let n = 0; n < instructions.length; n++) {
      if (this.#instruction(node, n)) return;
    }
    this.#transfer(node, node.next, node.block.next!);
  }

  /** Leaves the region at `offset` of its page if SP is off its alignment. */
  #checkSp(offset: number): void {
    const w = this.#w;
    this.#spMoved = false;
    this.#setSite(offset);
    w.getRegister(REGISTER_SP);
    w.i64(15);
    w.op(OP.and64);
    w.op(OP.wrap);
    w.exit(OP.brIf, EXIT_LEAVE);
  }

  /** The window in which the access of an instruction is; opens one where that pays. */
  #window(instructions: readonly Instruction[], n: number): Window | undefined {
    const i = instructions[n]!;
    const { access } = i.known;
    if (!access || this.#care === MOST_CARE) return undefined;
    const base = baseOf(i);
    const open = this.#windows.find((w) => w.base === base);
    if (open && placeIn(open, access) !== undefined) return open;
    const plan = planWindow(instructions, n);
    if (!plan) return undefined;
    const host = this.#w.local('i32');
    const stencil = windowLookup(plan.store, plan.high - plan.low, this.#care > 0 ? 1 : plan.align);
    this.#w.fill({ stencil, registers: [base], immediates: [lebOf64(plan.low)] });
    this.#w.set(host);
    const window = { ...plan, base, host, at: 0 };
    this.#windows = [...this.#windows.filter((w) => w !== open), window];
    return window;
  }

  /** One instruction's code; true if it ends the block. */
  #instruction(node: FlowNode, n: number): boolean {
    const { instructions } = node.block;
    const i = instructions[n]!;
    const { known, offset, probed } = i;
    // Leaving for the next page is no way to leave an instruction to the interpreter: see #checkSp.
    if (!probed || (known.movesSp && isLast(offset))) {
      this.#setSite(offset);
      this.#w.exit(OP.br, EXIT_LEAVE);
      return true;
    }
    if (this.#spMoved && needsSp(node, i)) this.#checkSp(offset);
    if (probed.usage.leaves) this.#setSite(offset);
    const window = this.#window(instructions, n);
    const place = window ? placeIn(window, known.access!)! : 0;
    const remembers = !window && this.#memos.take(node, i);
    const way = window ? 'window' : remembers ? 'memo' : 'lookup';
    const code = codeOf(known, this.#flags ?? PACKED, way, this.#care > 0 && !isOnStack(i));
    if (code.stencil.asksFlags && this.#flags === MEMORY) this.#shared(settleFlags(0));
    this.#w.fill(code, offset, this.#uncounted, remembers ? this.#w.memo() : window?.host, place);
    if (code.stencil.flagsBehind !== undefined) this.#flags = code.stencil.flagsBehind;
    this.#uncounted++;
    if (this.#windows.length > 0) this.#windows = behind(this.#windows, i);
    if (known.movesSp) this.#spMoved = true;
    if (probed.ending === undefined) return false;
    // Behind the last one of a page nothing tells yet whether the next page is there.
    if (known.isCall && node.next && !isLast(offset)) this.#call(node, node.next, i);
    else if (probed.ending === 'branch') this.#direct(node, i);
    else if (probed.ending === 'indirect') this.#indirect();
    else this.#stop(probed.ending, offset);
    return true;
  }

  /** Behind BL or BLR, where the region goes on with `next` when what was called comes back. */
  #call(node: FlowNode, next: FlowNode, { probed, offset }: Instruction): void {
    const w = this.#w;
    if (probed!.ending === 'branch') this.#goTo(node.block.taken!);
    else this.#count();
    if (this.#flags !== MEMORY)
      this.#shared(storeFlags(this.#flags === undefined ? this.#flagKinds : 1 << this.#flags));
    this.#shared(callRegions(this.#usesFp));
    this.#flags = MEMORY;
    this.#windows = NO_WINDOWS;
    w.loaded = NO_REGISTERS;
    // One look for both: whether it came back, and whether the budget lasts.
    w.get(LEFT);
    w.i32(this.#region.size);
    w.op(OP.ltS32);
    w.open(OP.if);
    w.get(LEFT);
    w.i32(0);
    w.op(OP.ltS32);
    w.exit(OP.brIf, EXIT_OUT);
    this.#setSite(offset + 4);
    w.exit(OP.br, EXIT_LEAVE);
    w.close();
    this.#transfer(node, next, offset + 4);
  }

  #stop(how: keyof typeof ENDS, offset: number): void {
    this.#goTo(how === 'check' ? offset + 4 : offset);
    this.#shared(endBy(ENDS[how]));
    this.#out();
  }

  #indirect(): void {
    this.#count();
    this.#out();
  }

  /** Behind a direct branch; its condition is on the stack. */
  #direct(node: FlowNode, i: Instruction): void {
    const { taken, next } = node.block;
    if (!i.probed!.conditional) {
      this.#transfer(node, node.taken, taken!);
      return;
    }
    const [flags, uncounted, windows, spMoved] = [this.#flags, this.#uncounted, this.#windows, this.#spMoved];
    const { loaded } = this.#w;
    this.#w.open(OP.if);
    this.#transfer(node, node.taken, taken!);
    this.#w.op(OP.else);
    this.#flags = flags;
    this.#uncounted = uncounted;
    this.#windows = windows;
    this.#spMoved = spMoved;
    this.#w.loaded = loaded;
    this.#transfer(node, node.next, next!);
    this.#w.close();
  }

  /** Goes from the end of a block to the node `to`, or out of the region to `offset`. */
  #transfer(from: FlowNode, to: FlowNode | undefined, offset: number): void {
    if (this.#spMoved && !continues(from, to)) this.#checkSp(offset);
    const isBack = to !== undefined && to.order <= from.order;
    if (!to || (isBack && !(to.isLoop && dominates(to, from)))) return this.#jump(offset);
    if (offset >= PAGE_BYTES && from.block.offset < PAGE_BYTES) this.#cross(offset);
    // Followers do that themselves.
    if (leavesLoop(from, to) && to.dominator!.loop !== from.loop) this.#w.store(from.loop!.written);
    const label = (isBack ? this.#loops : this.#merges).get(to);
    if (label === undefined) return this.#tree(to);
    const left = to.dominator!.loop;
    // There the registers of the loop are stored, whose locals calls have left behind.
    if (this.#calls && left && left !== to.loop && left !== from.loop) this.#w.load(left.written);
    this.#meet(to);
    this.#w.br(OP.br, label);
  }

  /** Leaves the region for the next page, where that is another than it was. */
  #cross(offset: number): void {
    const w = this.#w;
    const uncounted = this.#uncounted;
    w.get(NEXT_RECORDS);
    w.op(OP.eqz32);
    w.open(OP.if);
    this.#jump(offset);
    w.close();
    this.#uncounted = uncounted;
  }

  /** Leaves the region for `offset` from the start of its page. */
  #jump(offset: number): void {
    this.#goTo(offset);
    this.#out();
  }

  /** The region goes on, or ends, at `offset` from the start of the page. */
  #goTo(offset: number): void {
    const w = this.#w;
    this.#count();
    w.statePageVa();
    w.i64(offset);
    w.op(OP.add64);
    w.set(TARGET);
  }

  /** Leaves the region for TARGET. */
  #out(): void {
    this.#w.exit(OP.br, this.#flags === MEMORY ? EXIT_OUT : EXIT_FLAGS);
  }
}

/**
 * The body of the function of a region (see ends.ts), as the code section has it behind its size. It calls helpers by their
 * places in `CALLABLE`, which the module imports first.
 */
export function regionBody(region: Region, care: Care): Uint8Array {
  return new RegionEmitter(region, care).build();
}
