/** Pages of records as what regions are found in. */
import { HANDLER_UNDECODED } from '../interpreter/record.ts';
import { ENTRY_HOT, RECORD_COUNT, RECORD_SHIFT } from '../layout.ts';
import { PAGE_BYTES, type RegionSource } from './region.ts';

/** A page of records and what it is made from. */
export interface RecordsPage {
  /** Address of the first record. */
  readonly records: number;
  /** Memory offset of the page's instruction words. */
  readonly hostPage: number;
  /** CPACR_EL1 traps floating point here. */
  readonly trapsFp: boolean;
}

const WITHIN = PAGE_BYTES - 1;

/** Finds regions in the memory's pages. */
export class PageSource {
  readonly #u16: Uint16Array;
  readonly #u32: Uint32Array;

  constructor(memory: WebAssembly.Memory) {
    this.#u16 = new Uint16Array(memory.buffer);
    this.#u32 = new Uint32Array(memory.buffer);
  }

  /** The words of a page and, if there is one, of the `next`. `isWanted`: which of them belong to the region; all if absent. */
  of(page: RecordsPage, next: RecordsPage | undefined, isWanted?: (offset: number) => boolean): RegionSource {
    const wordAt = (offset: number): number =>
      this.#u32[((offset < PAGE_BYTES ? page : next!).hostPage + (offset & WITHIN)) >>> 2]!;
    const source = { wordAt, bytes: next ? 2 * PAGE_BYTES : PAGE_BYTES, trapsFp: page.trapsFp };
    return isWanted ? { ...source, isWanted } : source;
  }

  /**
   * The same, of what was executed there, and behind calls of what branches led to often: where their counts say at least
   * `least`, and are not those that begin with `most` or more.
   */
  ofExecuted(page: RecordsPage, next: RecordsPage | undefined, least: number, most: number): RegionSource {
    const recordAt = (offset: number): number =>
      ((offset < PAGE_BYTES ? page : next!).records + ((offset & WITHIN) << (RECORD_SHIFT - 2))) >>> 1;
    const isWanted = (offset: number): boolean => this.#u16[recordAt(offset)] !== HANDLER_UNDECODED;
    const isComeBackTo = (offset: number): boolean => {
      if (offset >= PAGE_BYTES && !next) return false;
      const count = this.#u16[recordAt(offset) + RECORD_COUNT / 2]!;
      return count >= ENTRY_HOT || (count >= least && count < most);
    };
    return { ...this.of(page, next, isWanted), isComeBackTo };
  }
}
