import type { MemoryRange } from './boot-plan.ts';
import { hex } from './property.ts';

/** First address behind a range. */
export const endOf = ({ start, size }: MemoryRange): number => start + size;

const byStart = (a: MemoryRange, b: MemoryRange): number => a.start - b.start;

/** The same addresses as disjoint ranges in ascending order, neighbours joined. */
export const mergeRanges = (ranges: readonly MemoryRange[]): MemoryRange[] => {
  const merged: MemoryRange[] = [];
  for (const { start, size } of ranges.filter((range) => range.size > 0).sort(byStart)) {
    const last = merged.at(-1);
    if (last === undefined || start > endOf(last)) merged.push({ start, size });
    else last.size = Math.max(endOf(last), start + size) - last.start;
  }
  return merged;
};

/** What is left of `ranges` when the addresses of `holes` are taken away. */
export const subtractRanges = (ranges: readonly MemoryRange[], holes: readonly MemoryRange[]): MemoryRange[] => {
  const rest: MemoryRange[] = [];
  const taken = mergeRanges(holes);
  let first = 0;
  for (const range of mergeRanges(ranges)) {
    let start = range.start;
    while (first < taken.length && endOf(taken[first]!) <= start) first++;
    for (let i = first; i < taken.length && taken[i]!.start < endOf(range); i++) {
      if (taken[i]!.start > start) rest.push({ start, size: taken[i]!.start - start });
      start = Math.max(start, endOf(taken[i]!));
    }
    if (start < endOf(range)) rest.push({ start, size: endOf(range) - start });
  }
  return rest;
};

/** True if the range lies inside one of `merged`, which {@link mergeRanges} made. */
export const isInside = (range: MemoryRange, merged: readonly MemoryRange[]): boolean => {
  let low = 0;
  let high = merged.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (merged[middle]!.start <= range.start) low = middle + 1;
    else high = middle;
  }
  const outer = merged[low - 1];
  return outer !== undefined && endOf(range) <= endOf(outer);
};

/** Sum of the sizes. */
export const totalSize = (ranges: readonly MemoryRange[]): number => ranges.reduce((sum, { size }) => sum + size, 0);

const MAX_SHOWN = 4;

/** Ranges for a message: `[0x40000000, 0x80000000), …`. */
export const showRanges = (ranges: readonly MemoryRange[]): string => {
  const shown = ranges.slice(0, MAX_SHOWN).map((range) => `[${hex(range.start)}, ${hex(endOf(range))})`);
  return shown.length === 0 ? 'none' : `${shown.join(', ')}${ranges.length > MAX_SHOWN ? ', …' : ''}`;
};

interface Tagged<T> {
  range: T;
  side: 0 | 1;
}

const tag = <T extends MemoryRange>(ranges: readonly T[], side: 0 | 1): Tagged<T>[] =>
  ranges.filter(({ size }) => size > 0).map((range) => ({ range, side }));

/** Goes over all ranges by start and pairs each with the range of side `against(side)` that reaches furthest so far. */
const sweep = <T extends MemoryRange>(
  all: Tagged<T>[],
  against: (side: 0 | 1) => 0 | 1,
): { earlier: Tagged<T>; later: Tagged<T> }[] => {
  const furthest: (Tagged<T> | undefined)[] = [undefined, undefined];
  const pairs: { earlier: Tagged<T>; later: Tagged<T> }[] = [];
  for (const later of all.sort((a, b) => byStart(a.range, b.range))) {
    const earlier = furthest[against(later.side)];
    if (earlier !== undefined && later.range.start < endOf(earlier.range)) pairs.push({ earlier, later });
    const own = furthest[later.side];
    if (own === undefined || endOf(later.range) > endOf(own.range)) furthest[later.side] = later;
  }
  return pairs;
};

/**
 * Pairs of ranges that overlap, the one that starts first first. A range that several earlier ones overlap is paired
 * with one of them: there are fewer pairs than ranges. Empty ranges overlap nothing.
 */
export const findOverlaps = <T extends MemoryRange>(ranges: readonly T[]): [earlier: T, later: T][] =>
  sweep(tag(ranges, 0), () => 0).map(({ earlier, later }) => [earlier.range, later.range]);

/** Like {@link findOverlaps}, for overlaps between a range of one list and a range of another. */
export const overlapsBetween = <A extends MemoryRange, B extends MemoryRange>(
  left: readonly A[],
  right: readonly B[],
): [A, B][] =>
  sweep<A | B>([...tag(left, 0), ...tag(right, 1)], (side) => (side === 0 ? 1 : 0)).map(({ earlier, later }) =>
    earlier.side === 0 ? [earlier.range as A, later.range as B] : [later.range as A, earlier.range as B],
  );
