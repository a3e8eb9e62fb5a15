/** Bytes of a blob that mean nothing (padding, gaps, free space) and are not zero. */
export interface FdtResidue {
  readonly offset: number;
  readonly bytes: Uint8Array;
}

/**
 * What the reader saw of a blob that its tree does not tell: where blocks are, how strings are shared, where NOPs are.
 * Plain data, never changed after reading. The writer uses it as long as it describes the tree, so that a blob which
 * was read, and perhaps got values of the same size, is written as it was.
 */
export interface FdtLayout {
  readonly version: number;
  readonly lastCompVersion: number;
  /** In bytes, as all offsets and sizes here. */
  readonly totalSize: number;
  readonly offMemRsvmap: number;
  readonly offStruct: number;
  readonly offStrings: number;
  /** size_dt_struct of the header (undefined in version 16). */
  readonly headerStructSize: number | undefined;
  /** Number of bytes from the first tag through FDT_END. */
  readonly structSize: number;
  readonly reservationCount: number;
  readonly strings: Uint8Array;
  /** Offset into `strings` for each property, in document order. */
  readonly nameOffsets: Uint32Array;
  /** Number of NOPs before the tag with this index; tags are counted in document order, without NOPs. */
  readonly nops: ReadonlyMap<number, number>;
  readonly residue: readonly FdtResidue[];
}
