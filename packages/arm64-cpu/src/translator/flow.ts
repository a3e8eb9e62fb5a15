/** Control flow of a region: order, dominators, loops, and where flags are read that another block set. */
import { type Block, isCall, type Region } from './region.ts';
import { NO_REGISTERS, type RegisterSet, withRegister } from './registers.ts';
import { registersOf } from './words.ts';

/** A loop without calls that is in no other such loop. */
export interface Loop {
  readonly header: FlowNode;
  /** Registers that its instructions use, and write. */
  readonly used: RegisterSet;
  readonly written: RegisterSet;
  /** Nodes outside it with their immediate dominator inside, in order. */
  readonly followers: FlowNode[];
}

/** A block with its place in the flow. */
export interface FlowNode {
  readonly block: Block;
  /** Where its branch and the end of its straight line lead inside the region; a call's target is not among it. */
  taken: FlowNode | undefined;
  next: FlowNode | undefined;
  /** Place in reverse postorder; -1 until it is known. */
  order: number;
  /** Nodes that go here, inside the region. */
  readonly predecessors: FlowNode[];
  /** Nodes that this one is the immediate dominator of. */
  readonly children: FlowNode[];
  dominator: FlowNode | undefined;
  /** A branch from inside its own loop leads here. */
  isLoop: boolean;
  /** The outermost loop without calls that it is in. */
  loop: Loop | undefined;
  /** How many branches from earlier blocks lead here. */
  forward: number;
  /** Flags that came from before may be read here or later. */
  readsFlags: boolean;
  /** How many ways on have been followed, while the order is found. */
  followed: number;
}

function nodesOf(region: Region): FlowNode {
  const byOffset = new Map<number, FlowNode>();
  for (const block of region.blocks.values()) {
    byOffset.set(block.offset, {
      block,
      taken: undefined,
      next: undefined,
      order: -1,
      predecessors: [],
      children: [],
      dominator: undefined,
      isLoop: false,
      loop: undefined,
      forward: 0,
      readsFlags: false,
      followed: 0,
    });
  }
  for (const node of byOffset.values()) {
    const { taken, next } = node.block;
    if (taken !== undefined && !calls(node)) node.taken = byOffset.get(taken);
    if (next !== undefined) node.next = byOffset.get(next);
  }
  return byOffset.get(region.entry)!;
}

/** Nodes that the entry leads to, in reverse postorder. */
function inOrder(entry: FlowNode): FlowNode[] {
  const done: FlowNode[] = [];
  // Depth first without recursion: a region may be one long chain. The next block is followed first.
  const stack = [entry];
  entry.followed = 1;
  while (stack.length > 0) {
    const node = stack[stack.length - 1]!;
    const way = node.followed++;
    const to = way === 1 ? node.next : way === 2 ? node.taken : undefined;
    if (way > 2) {
      done.push(node);
      stack.pop();
    } else if (to && to.followed === 0) {
      to.followed = 1;
      stack.push(to);
    }
  }
  done.reverse();
  for (let n = 0; n < done.length; n++) done[n]!.order = n;
  return done;
}

function meet(a: FlowNode, b: FlowNode): FlowNode {
  let [x, y] = [a, b];
  while (x !== y) {
    while (x.order > y.order) x = x.dominator!;
    while (y.order > x.order) y = y.dominator!;
  }
  return x;
}

function findDominators(nodes: readonly FlowNode[]): void {
  nodes[0]!.dominator = nodes[0];
  for (let changed = true; changed; ) {
    changed = false;
    for (let n = 1; n < nodes.length; n++) {
      const node = nodes[n]!;
      let dominator: FlowNode | undefined;
      for (const p of node.predecessors) {
        if (p.dominator) dominator = dominator ? meet(dominator, p) : p;
      }
      if (dominator === node.dominator) continue;
      node.dominator = dominator;
      changed = true;
    }
  }
}

/** Whether `a` is on every way to `b`. */
export function dominates(a: FlowNode, b: FlowNode): boolean {
  let n = b;
  while (n.order > a.order) n = n.dominator!;
  return n === a;
}

/** Whether a block reads flags from before, or sets them first: undefined if neither. Calls leave them in the state. */
function ownFlags({ instructions }: Block): boolean | undefined {
  for (let n = 0; n < instructions.length; n++) {
    const { probed, known } = instructions[n]!;
    if (probed?.usage.readsFlags) return true;
    if (probed?.usage.writesFlags || known.isCall) return false;
  }
  return undefined;
}

function findFlagReads(nodes: readonly FlowNode[]): void {
  const own = nodes.map(({ block }) => ownFlags(block));
  for (let changed = true; changed; ) {
    changed = false;
    for (let n = nodes.length - 1; n >= 0; n--) {
      const node = nodes[n]!;
      const reads = own[n] ?? (node.taken?.readsFlags === true || node.next?.readsFlags === true);
      if (reads === node.readsFlags) continue;
      node.readsFlags = reads;
      changed = true;
    }
  }
}

/** Nodes of the loop, or the loops, that `header` is the beginning of: those from which a way leads back to it. */
function bodyOf(header: FlowNode): Set<FlowNode> {
  const body = new Set([header]);
  const found = header.predecessors.filter((p) => p.order >= header.order && dominates(header, p));
  for (let node = found.pop(); node; node = found.pop()) {
    if (body.has(node)) continue;
    body.add(node);
    found.push(...node.predecessors);
  }
  return body;
}

const calls = ({ block: { instructions } }: FlowNode): boolean => isCall(instructions[instructions.length - 1]!);

/**
 * Finds the outermost loops without calls: `nodes` are in order, so that a header comes before those of loops inside its
 * own. What is called has registers in the state: a loop with calls would load and store all that it has in locals.
 */
function findLoops(nodes: readonly FlowNode[]): void {
  for (const header of nodes) {
    if (!header.isLoop || header.loop) continue;
    const body = bodyOf(header);
    if ([...body].some(calls)) continue;
    let [used, written] = [NO_REGISTERS, NO_REGISTERS];
    for (const { block } of body) {
      for (const { probed, known } of block.instructions) {
        if (!probed) continue;
        const { stencil, registers } = registersOf(known);
        for (let n = 0; n < registers.length; n++) {
          used = withRegister(used, registers[n]!);
          if (((stencil.written >> n) & 1) !== 0) written = withRegister(written, registers[n]!);
        }
      }
    }
    const loop = { header, used, written, followers: [] };
    for (const node of body) node.loop = loop;
  }
  for (const node of nodes) {
    const around = node.dominator!.loop;
    if (around && around !== node.loop) around.followers.push(node);
  }
}

/** The flow of a region: the node of its entry, which the others hang on. */
export function flowOf(region: Region): FlowNode {
  const entry = nodesOf(region);
  const nodes = inOrder(entry);
  for (const node of nodes) {
    node.taken?.predecessors.push(node);
    node.next?.predecessors.push(node);
  }
  findDominators(nodes);
  for (const node of nodes) {
    if (node.order > 0) node.dominator!.children.push(node);
    for (const p of node.predecessors) {
      if (p.order < node.order) node.forward++;
      else if (dominates(node, p)) node.isLoop = true;
    }
  }
  findFlagReads(nodes);
  findLoops(nodes);
  return entry;
}
