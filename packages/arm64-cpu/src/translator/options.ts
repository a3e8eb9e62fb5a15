/** When code is translated, and how much at a time. */

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
   * Regions do what is rare themselves from the start, and not only those that have left it to the interpreter often.
   * Default no.
   */
  readonly careful?: boolean;
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
  careful: false,
  regions: 24000,
  modules: 4000,
};
