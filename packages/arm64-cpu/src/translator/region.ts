/** Finds what belongs to a region: instructions of one page that direct branches lead to from its entry. */
import type { Stencil } from './stencil.ts';
import { type Word, wordOf } from './words.ts';

/** An instruction of a region; without `probed` the interpreter does it. */
export interface Instruction {
  /** Bytes from the start of the page. */
  readonly offset: number;
  readonly word: number;
  readonly known: Word;
  readonly probed: Stencil | undefined;
}

/** A straight line of instructions. */
export interface Block {
  /** Bytes from the start of the page. */
  readonly offset: number;
  readonly instructions: readonly Instruction[];
  /** Target of the direct branch at the end, from the start of the page; it may lie outside the region. */
  readonly taken: number | undefined;
  /** Where it goes on if no branch is taken: likewise. Undefined behind instructions that always branch. */
  readonly next: number | undefined;
}

/** Code with one entry. */
export interface Region {
  readonly entry: number;
  /** By offset; the entry's is among them. */
  readonly blocks: ReadonlyMap<number, Block>;
  /** How many instructions there are: no way through without a loop is longer. */
  readonly size: number;
}

const PAGE_BYTES = 4096;

const inPage = (offset: number): boolean => offset >= 0 && offset < PAGE_BYTES;

/** Where control goes behind an instruction: the target of a direct branch and the next instruction, if at all. */
function exitsOf(i: Instruction): { taken?: number; next?: number } {
  if (!i.probed) return {};
  const next = i.offset + 4;
  if (i.probed.ending === 'indirect') return {};
  if (i.probed.ending === undefined) return { next };
  const taken = i.offset + i.known.target!;
  return i.probed.conditional ? { taken, next } : { taken };
}

/** A branch that is expected to come back: what it leads to is a region of its own. */
export const isCall = (i: Instruction): boolean => i.known.isCall;

/**
 * The region that begins at byte `entry` of a page, of at most `limit` instructions. `wordAt` gives the page's words;
 * `trapsFp`: those of FP and AdvSIMD raise an exception.
 */
export function findRegion(entry: number, limit: number, wordAt: (offset: number) => number, trapsFp: boolean): Region {
  const found = new Map<number, Instruction>();
  const leaders = new Set([entry]);
  const work = [entry];
  const read = (offset: number): Instruction => {
    const word = wordAt(offset);
    const known = wordOf(word);
    return { offset, word, known, probed: trapsFp && known.isFp ? undefined : known.probed };
  };
  for (let at = work.shift(); at !== undefined; at = work.shift()) {
    let offset: number | undefined = at;
    while (offset !== undefined && inPage(offset) && !found.has(offset) && found.size < limit) {
      const i = read(offset);
      found.set(offset, i);
      const { taken, next } = exitsOf(i);
      if (taken !== undefined && !isCall(i) && inPage(taken)) {
        leaders.add(taken);
        work.push(taken);
      }
      if (i.probed?.ending !== undefined && next !== undefined) leaders.add(next);
      offset = next;
    }
  }
  return { entry, blocks: blocksOf(found, leaders), size: found.size };
}

function blocksOf(found: ReadonlyMap<number, Instruction>, leaders: ReadonlySet<number>): Map<number, Block> {
  const blocks = new Map<number, Block>();
  for (const leader of leaders) {
    if (!found.has(leader)) continue;
    const instructions: Instruction[] = [];
    let exits: { taken?: number; next?: number } = { next: leader };
    for (let i = found.get(leader); i; i = found.get(exits.next!)) {
      instructions.push(i);
      exits = exitsOf(i);
      if (exits.next === undefined || i.probed!.ending !== undefined || leaders.has(exits.next)) break;
    }
    blocks.set(leader, { offset: leader, instructions, taken: exits.taken, next: exits.next });
  }
  return blocks;
}
