/** Control flow of a region: order, dominators, loops, and where flags are read that another block set. */
import { type Block, isCall, type Region } from './region.ts';

/** A block with its place in the flow. */
export interface FlowNode {
  readonly block: Block;
  /** Place in reverse postorder. */
  readonly order: number;
  /** Nodes that go here, inside the region. */
  readonly predecessors: FlowNode[];
  /** Nodes that this one is the immediate dominator of. */
  readonly children: FlowNode[];
  dominator: FlowNode | undefined;
  /** A branch from inside its own loop leads here. */
  isLoop: boolean;
  /** How many branches from earlier blocks lead here. */
  forward: number;
  /** Flags that came from before may be read here or later. */
  readsFlags: boolean;
}

/** Successors of a block inside the region; a call's target is not one. */
function successorsOf(block: Block, region: Region): Block[] {
  const last = block.instructions.at(-1)!;
  const offsets = [isCall(last) ? undefined : block.taken, block.next];
  return offsets.flatMap((o) => (o !== undefined && region.blocks.has(o) ? [region.blocks.get(o)!] : []));
}

function reversePostorder(region: Region): Block[] {
  const order: Block[] = [];
  const seen = new Set<Block>();
  // Depth first without recursion: a region may be one long chain.
  const entry = region.blocks.get(region.entry)!;
  const stack: [Block, Block[]][] = [[entry, successorsOf(entry, region)]];
  seen.add(entry);
  while (stack.length > 0) {
    const [block, rest] = stack.at(-1)!;
    const next = rest.pop();
    if (!next) {
      order.push(block);
      stack.pop();
    } else if (!seen.has(next)) {
      seen.add(next);
      stack.push([next, successorsOf(next, region)]);
    }
  }
  return order.reverse();
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
  const [entry, ...rest] = nodes;
  entry!.dominator = entry;
  for (let changed = true; changed; ) {
    changed = false;
    for (const n of rest) {
      const known = n.predecessors.filter((p) => p.dominator);
      const dominator = known.reduce(meet);
      if (dominator === n.dominator) continue;
      n.dominator = dominator;
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

function findFlagReads(nodes: readonly FlowNode[], successors: (n: FlowNode) => FlowNode[]): void {
  const own = nodes.map(({ block }) => {
    for (const { probed } of block.instructions) {
      if (probed?.usage.readsFlags) return true;
      if (probed?.usage.writesFlags) return false;
    }
    return undefined;
  });
  for (let changed = true; changed; ) {
    changed = false;
    for (const n of [...nodes].reverse()) {
      const reads = own[n.order] ?? successors(n).some((s) => s.readsFlags);
      if (reads === n.readsFlags) continue;
      n.readsFlags = reads;
      changed = true;
    }
  }
}

/** The nodes of a region in reverse postorder, by the offset of their blocks. */
export function flowOf(region: Region): Map<number, FlowNode> {
  const nodes = reversePostorder(region).map(
    (block, order): FlowNode => ({
      block,
      order,
      predecessors: [],
      children: [],
      dominator: undefined,
      isLoop: false,
      forward: 0,
      readsFlags: false,
    }),
  );
  const byOffset = new Map(nodes.map((n) => [n.block.offset, n]));
  const successors = (n: FlowNode): FlowNode[] => successorsOf(n.block, region).map((b) => byOffset.get(b.offset)!);
  for (const n of nodes) for (const s of successors(n)) s.predecessors.push(n);
  findDominators(nodes);
  for (const n of nodes) {
    if (n.order > 0) n.dominator!.children.push(n);
    for (const p of n.predecessors) {
      if (p.order < n.order) n.forward++;
      else if (dominates(n, p)) n.isLoop = true;
    }
  }
  findFlagReads(nodes, successors);
  return byOffset;
}
