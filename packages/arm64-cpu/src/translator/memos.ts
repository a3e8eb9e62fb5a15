/**
 * Accesses in loops that remember the page of the last one: those of tables, at a base that stays and an index that is
 * computed. There the look-up would be in the chain of operations that each turn of the loop waits for. Where an index is
 * counted up the look-up runs ahead, and where pointers are followed pages change too often.
 */
import type { FlowNode } from './flow.ts';
import type { Instruction } from './region.ts';

/** A loop: general registers that it changes, and those of them to which it adds: a bit for each. */
interface Loop {
  changed: number;
  added: number;
  /** Something in it, or in a loop around it, may change what the TLB says. */
  system: boolean;
}

/** Rows that add to or subtract from a register. */
const ADDS = /^(ADD|SUB)/;

/** More of them cost more registers of the host than they save look-ups. */
const MOST_MEMOS = 8;

/** The nodes of the loop that begins at `header`: those that lead back to it without passing it. */
function nodesOf(header: FlowNode): Set<FlowNode> {
  const nodes = new Set([header]);
  const open = header.predecessors.filter((p) => p.order >= header.order);
  for (let node = open.pop(); node; node = open.pop()) {
    if (nodes.has(node)) continue;
    nodes.add(node);
    open.push(...node.predecessors);
  }
  return nodes;
}

function loopOf(nodes: ReadonlySet<FlowNode>, around: Loop | undefined): Loop {
  const loop: Loop = { changed: 0, added: 0, system: around?.system ?? false };
  for (const { block } of nodes) {
    for (const { known, probed } of block.instructions) {
      loop.system ||= known.isCall || (probed?.usage.system ?? false);
      const { Rn, Rm } = known.fields;
      for (const { register } of known.changes) {
        loop.changed |= 1 << register;
        const isSum = ADDS.test(known.encoding!.row.name) && (register === Rn || register === Rm);
        if (isSum) loop.added |= 1 << register;
      }
    }
  }
  return loop;
}

/** The loops of a region. */
export class Memos {
  /** The innermost loop of each node that is in one. */
  readonly #loops = new Map<FlowNode, Loop>();
  #left = MOST_MEMOS;

  constructor(entry: FlowNode) {
    const headers: FlowNode[] = [];
    const collect = (node: FlowNode): void => {
      if (node.isLoop) headers.push(node);
      node.children.forEach(collect);
    };
    collect(entry);
    // Inner loops begin behind those that they are in.
    headers.sort((a, b) => a.order - b.order);
    for (const header of headers) {
      const nodes = nodesOf(header);
      const loop = loopOf(nodes, this.#loops.get(header));
      for (const node of nodes) this.#loops.set(node, loop);
    }
  }

  /** Whether the access of an instruction is to remember its page; it is counted then. */
  take(node: FlowNode, { known, probed }: Instruction): boolean {
    const loop = this.#loops.get(node);
    if (!loop || loop.system || this.#left === 0 || probed!.usage.plain !== 1) return false;
    const { Rn: base, Rm: index } = known.fields;
    if (base === undefined || index === undefined || ((loop.changed >> base) & 1) !== 0) return false;
    if ((((loop.changed & ~loop.added) >> index) & 1) === 0) return false;
    this.#left--;
    return true;
  }
}
