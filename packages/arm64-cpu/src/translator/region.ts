/** Finds what belongs to a region: instructions of a page and the next that direct branches lead to from its entry. */
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
  /** It has instructions of the next page. */
  readonly spans: boolean;
}

/** Bytes of a page. */
export const PAGE_BYTES = 4096;
const MOST_WORDS = (2 * PAGE_BYTES) / 4;

/** A branch that is expected to come back to the next instruction: what it leads to is a region of its own. */
export const isCall = (i: Instruction): boolean => i.known.isCall;

/** The instructions of the region that is being found, by place; `stamps` says whether one is of this region. */
const found: Instruction[] = [];
const stamps = new Uint32Array(MOST_WORDS);
/** The same for instructions that branches lead to. */
const leaderStamps = new Uint32Array(MOST_WORDS);
let stamp = 0;

const isFound = (offset: number): boolean => offset >= 0 && offset < 2 * PAGE_BYTES && stamps[offset >> 2] === stamp;

/** What a region is found in. */
export interface RegionSource {
  /** Words of the page and, if `bytes` says so, of the next. */
  wordAt(offset: number): number;
  readonly bytes: number;
  /** Instructions of FP and AdvSIMD raise an exception. */
  readonly trapsFp: boolean;
  /** Whether the instruction is worth translating. Absent: all are. */
  isWanted?(offset: number): boolean;
  /** Whether what is behind a call belongs to the caller's region: `offset` is what it comes back to. Absent: it does. */
  isComeBackTo?(offset: number): boolean;
}

/** The region that begins at byte `entry` of a page, of at most `limit` instructions. */
export function findRegion(entry: number, limit: number, source: RegionSource): Region {
  const { trapsFp } = source;
  stamp++;
  const leaders: number[] = [];
  const lead = (offset: number): void => {
    if (offset < 0 || offset >= source.bytes || leaderStamps[offset >> 2] === stamp) return;
    leaderStamps[offset >> 2] = stamp;
    leaders.push(offset);
  };
  let size = 0;
  lead(entry);
  // Leaders are found as the list is worked through; `next` of a branch is reached on the straight line.
  for (let n = 0; n < leaders.length; n++) {
    let offset = leaders[n]!;
    while (offset < source.bytes && stamps[offset >> 2] !== stamp && size < limit) {
      if (offset !== entry && source.isWanted?.(offset) === false) break;
      const word = source.wordAt(offset);
      const known = wordOf(word);
      const probed = trapsFp && known.isFp ? undefined : known.probed;
      found[offset >> 2] = { offset, word, known, probed };
      stamps[offset >> 2] = stamp;
      size++;
      if (probed?.ending === 'branch' && !known.isCall) lead(offset + known.target!);
      if (!goesOn(known, probed)) break;
      offset += 4;
      if (known.isCall && source.isComeBackTo?.(offset) === false) break;
      // No block is in both pages.
      if (probed?.ending !== undefined || offset === PAGE_BYTES) lead(offset);
    }
  }
  const blocks = new Map<number, Block>();
  for (const leader of leaders) if (isFound(leader)) blocks.set(leader, blockAt(leader));
  return { entry, blocks, size, spans: leaders.some((at) => at >= PAGE_BYTES && isFound(at)) };
}

/** Whether control may go to the next instruction. */
const goesOn = (known: Word, probed: Stencil | undefined): boolean =>
  probed !== undefined && (probed.ending === undefined || probed.conditional || known.isCall);

function blockAt(leader: number): Block {
  const instructions: Instruction[] = [];
  for (let offset = leader; ; offset += 4) {
    const i = found[offset >> 2]!;
    instructions.push(i);
    const { probed, known } = i;
    const next = goesOn(known, probed) ? offset + 4 : undefined;
    if (probed?.ending !== undefined || next === undefined || !isFound(next) || leaderStamps[next >> 2] === stamp) {
      const taken = probed?.ending === 'branch' ? offset + known.target! : undefined;
      return { offset: leader, instructions, taken, next };
    }
  }
}
