/** Pages of records as what regions are found in. */
import { HANDLER_UNDECODED } from '../interpreter/record.ts';
import { RECORD_SHIFT } from '../layout.ts';
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

  /** The same, of what was executed there. */
  ofExecuted(page: RecordsPage, next: RecordsPage | undefined): RegionSource {
    return this.of(page, next, (offset) => {
      const { records } = offset < PAGE_BYTES ? page : next!;
      return this.#u16[(records + ((offset & WITHIN) << (RECORD_SHIFT - 2))) >>> 1] !== HANDLER_UNDECODED;
    });
  }
}
