/** How pCPUs share translations: an interface, as threads pass things on in a way of their own in every runtime. */

/** Compiled regions. Can be posted to other threads, which then share the machine code too. */
export interface TranslationPack {
  readonly module: WebAssembly.Module;
  /** Whether the module is for one of few packs of many regions, or for one of many of few (see `buildModule`). */
  readonly form: 'table' | 'exports';
  /** What the regions are made from, in order of the module's functions: a flat table of regions. */
  readonly regions: Uint32Array<ArrayBufferLike>;
  /** The functions' bytes, one behind the other; a pack that was taken needs none. */
  readonly bodies?: Uint8Array;
  /** A byte for each region, which becomes 1 where it is used. */
  readonly used?: Uint8Array;
}

/** What a pCPU has to do with the translations of others. Its functions are called between slices. */
export interface TranslationExchange {
  /** This pCPU has compiled regions. */
  give(pack: TranslationPack): void;
  /** A pack that another pCPU gave, or that was kept from an earlier run; undefined while there is none. */
  take(): TranslationPack | undefined;
  /**
   * Words that all pCPUs of the board share, a power of two of them, zeroed: which regions somebody is about to
   * translate, so that not everybody does.
   */
  readonly claims?: Int32Array<SharedArrayBuffer>;
}
