/** When code is translated, and how much at a time. */
import type { Care } from './region-table.ts';

export interface TranslationOptions {
  /** Taken branches to an instruction before the code there is translated: 0 to 32767. Default 3000. */
  readonly threshold?: number;
  /**
   * Taken branches before a translation that is there already is looked for, where there may be one: below `threshold`.
   * Default 48.
   */
  readonly early?: number;
  /** Regions in a module: so many are waited for, or some slices long. Default 32. */
  readonly batch?: number;
  /** Instructions of a region at most. Default 256. */
  readonly size?: number;
  /**
   * What regions do themselves from the start of what is rare: 0 nothing; 1 unaligned accesses; 2 each access by itself,
   * whatever it has in common with others. Those that leave such to the interpreter often are made anew with the next
   * number. Default 0.
   */
  readonly care?: Care;
  /** Regions that are kept at most: 1 to 32767. Default 24000. */
  readonly regions?: number;
  /**
   * Modules that they are in at most. Default 4000: V8 maps memory for each, and a process has some 65,000 mappings on
   * Linux (vm.max_map_count), behind which it dies.
   */
  readonly modules?: number;
}

export const DEFAULT_OPTIONS: Required<TranslationOptions> = {
  threshold: 3000,
  early: 48,
  batch: 32,
  size: 256,
  care: 0,
  regions: 24000,
  modules: 4000,
};
