/** Gives out host physical memory to domains, in pieces of 2 MiB. */
import { BLOCK_BYTES, PA_BITS } from '@dom0less/arm64-cpu/sizes';
import type { MemoryRange } from '@dom0less/multiboot';

const PA_LIMIT = 2 ** PA_BITS;

/** What is left of `range` when `hole` is taken away. */
const without = (range: MemoryRange, hole: MemoryRange): MemoryRange[] => {
  const end = range.start + range.size;
  const holeEnd = hole.start + hole.size;
  if (hole.size <= 0 || holeEnd <= range.start || hole.start >= end) return [range];
  return [
    { start: range.start, size: Math.max(0, hole.start - range.start) },
    { start: holeEnd, size: Math.max(0, end - holeEnd) },
  ].filter(({ size }) => size > 0);
};

/** The whole 2 MiB blocks below 2^40 that lie inside a range. */
const wholeBlocks = ({ start, size }: MemoryRange): MemoryRange => {
  const first = Math.ceil(start / BLOCK_BYTES) * BLOCK_BYTES;
  const end = Math.floor(Math.min(start + size, PA_LIMIT) / BLOCK_BYTES) * BLOCK_BYTES;
  return { start: first, size: Math.max(0, end - first) };
};

/** The free physical memory of the board. */
export class PaAllocator {
  #free: MemoryRange[];

  /** @param ram the host's memory @param taken what is not to be given out: reserved regions, boot modules */
  constructor(ram: readonly MemoryRange[], taken: readonly MemoryRange[]) {
    let ranges = [...ram];
    for (const hole of taken) ranges = ranges.flatMap((range) => without(range, hole));
    this.#free = ranges
      .map(wholeBlocks)
      .filter(({ size }) => size > 0)
      .sort((a, b) => a.start - b.start);
  }

  /** Free bytes. */
  get free(): number {
    return this.#free.reduce((sum, { size }) => sum + size, 0);
  }

  /**
   * Takes `size` bytes, rounded up to 2 MiB: one piece where a free range is large enough, else several, lowest
   * addresses first. Undefined, and nothing taken, if that much is not free.
   */
  take(size: number): MemoryRange[] | undefined {
    const wanted = Math.ceil(size / BLOCK_BYTES) * BLOCK_BYTES;
    if (wanted > this.free) return undefined;
    const fitting = this.#free.find((range) => range.size >= wanted);
    if (fitting !== undefined) return [this.#takeFrom(fitting, wanted)];
    const pieces: MemoryRange[] = [];
    for (let rest = wanted; rest > 0; ) {
      const range = this.#free[0]!;
      const piece = this.#takeFrom(range, Math.min(rest, range.size));
      pieces.push(piece);
      rest -= piece.size;
    }
    return pieces;
  }

  /** Like {@link take}, but in one piece; undefined also if no free range is large enough. */
  takeOne(size: number): MemoryRange | undefined {
    const wanted = Math.ceil(size / BLOCK_BYTES) * BLOCK_BYTES;
    const fitting = this.#free.find((range) => range.size >= wanted);
    return fitting && this.#takeFrom(fitting, wanted);
  }

  #takeFrom(range: MemoryRange, size: number): MemoryRange {
    const piece = { start: range.start, size };
    range.start += size;
    range.size -= size;
    if (range.size === 0) this.#free = this.#free.filter((one) => one !== range);
    return piece;
  }
}
