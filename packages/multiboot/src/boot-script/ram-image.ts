import type { MemoryRange } from '../boot-plan.ts';
import { endOf } from '../range.ts';

/** What a script put into the board's memory. */
export interface RamFile extends MemoryRange {
  /** Name of the file as the script gives it. */
  path: string;
  bytes: Uint8Array;
  /** True once its content was used up (a script, variables): what comes later may lie there. */
  consumed: boolean;
}

/** Files are placed at multiples of this. */
const STEP = 2 ** 21;
const MEMORY_END = 2 ** 48;

const alignUp = (value: number): number => Math.ceil(value / STEP) * STEP;

/** The board's memory as a boot loader fills it: which file is where. Holds the files' bytes, and copies none. */
export class RamImage {
  /** By start; no two overlap. */
  readonly #files: RamFile[] = [];

  get files(): readonly RamFile[] {
    return this.#files;
  }

  /** The file that begins at the address. */
  at(start: number): RamFile | undefined {
    const file = this.#files[this.#indexBehind(start) - 1];
    return file?.start === start ? file : undefined;
  }

  /** The file that the range would damage: not one that was used up, nor the same file at the same address. */
  conflict(range: MemoryRange, path: string): RamFile | undefined {
    return this.#overlapping(range).find(
      (file) => !file.consumed && !(file.start === range.start && file.path === path),
    );
  }

  /** Puts a file into memory, where {@link conflict} found none. What it covers is gone. */
  add(file: RamFile): void {
    for (const old of this.#overlapping(file)) this.#files.splice(this.#files.indexOf(old), 1);
    const same = this.at(file.start);
    if (same !== undefined) this.#files.splice(this.#files.indexOf(same), 1);
    this.#files.splice(this.#indexBehind(file.start), 0, file);
  }

  /** The lowest free address for `size` bytes, at or above `from`, a multiple of 2 MiB; undefined if there is none. */
  free(size: number, from: number): number | undefined {
    let candidate = alignUp(from);
    for (const file of this.#files) {
      if (endOf(file) <= candidate) continue;
      if (file.start >= candidate + size) break;
      candidate = alignUp(endOf(file));
    }
    return candidate + size <= MEMORY_END ? candidate : undefined;
  }

  /** Index of the first file that starts above the address. */
  #indexBehind(address: number): number {
    let [low, high] = [0, this.#files.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#files[middle]!.start <= address) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #overlapping(range: MemoryRange): RamFile[] {
    const found: RamFile[] = [];
    for (let i = this.#indexBehind(range.start) - 1; i < this.#files.length; i++) {
      const file = this.#files[i];
      if (file === undefined) continue;
      if (file.start >= endOf(range)) break;
      if (endOf(file) > range.start) found.push(file);
    }
    return found;
  }
}
