/* Translation granules and their geometry. DDI 0487 D8.2 (translation process), D8.3 (descriptor formats). */

/** Sizes of the three translation granules. */
export type GranuleSize = '4K' | '16K' | '64K';

/** A lookup level. Level 3 is the last; 4 levels exist without LPA2. */
export type Level = 0 | 1 | 2 | 3;

/** Geometry of a granule. */
export interface Granule {
  readonly size: GranuleSize;
  /** log2 of the page size, which is also the size of a full table. */
  readonly pageShift: number;
  /** Bits of the input address that one full table resolves. */
  readonly indexBits: number;
  /** First level at which a 48-bit input address can start. */
  readonly firstLevel: Level;
  /** First level whose descriptors may be blocks. */
  readonly firstBlockLevel: Level;
  /** Adjacent entries that the Contiguous bit joins, by level; 0 where the level has no blocks or pages. */
  readonly contiguousEntries: readonly [number, number, number, number];
}

/** Granules by size. */
export const GRANULES: Readonly<Record<GranuleSize, Granule>> = {
  '4K': {
    size: '4K',
    pageShift: 12,
    indexBits: 9,
    firstLevel: 0,
    firstBlockLevel: 1,
    contiguousEntries: [0, 16, 16, 16],
  },
  '16K': {
    size: '16K',
    pageShift: 14,
    indexBits: 11,
    firstLevel: 0,
    firstBlockLevel: 2,
    contiguousEntries: [0, 0, 32, 128],
  },
  '64K': {
    size: '64K',
    pageShift: 16,
    indexBits: 13,
    firstLevel: 1,
    firstBlockLevel: 2,
    contiguousEntries: [0, 0, 32, 32],
  },
};

/** TCR_EL1.TG0 and VTCR_EL2.TG0, by value. 0b11 is reserved and taken as 4K. */
export const TG0_GRANULES = ['4K', '64K', '16K', '4K'] as const satisfies readonly GranuleSize[];

/** TCR_EL1.TG1, by value. 0b00 is reserved and taken as 4K. */
export const TG1_GRANULES = ['4K', '16K', '4K', '64K'] as const satisfies readonly GranuleSize[];

/** The granule that a TG0 field value selects. */
export const granuleOfTg0 = (tg0: number): Granule => GRANULES[TG0_GRANULES[tg0 & 3]!];

/** The granule that a TG1 field value selects. */
export const granuleOfTg1 = (tg1: number): Granule => GRANULES[TG1_GRANULES[tg1 & 3]!];

/** log2 of the bytes that one descriptor of `level` maps. Also defined for levels without blocks. */
export const levelShift = (granule: Granule, level: number): number =>
  granule.pageShift + (3 - level) * granule.indexBits;

/** Bytes that one descriptor of `level` maps. */
export const levelSize = (granule: Granule, level: number): number => 2 ** levelShift(granule, level);

/** Level at which a stage 1 walk of an input address of `inputBits` bits starts. */
export const stage1StartLevel = (granule: Granule, inputBits: number): Level =>
  (4 - Math.ceil((inputBits - granule.pageShift) / granule.indexBits)) as Level;

/** Address bits by the encoding of TCR_EL1.IPS, VTCR_EL2.PS and ID_AA64MMFR0_EL1.PARange; reserved ones act as 48. */
export const PA_RANGE_BITS: readonly number[] = [32, 36, 40, 42, 44, 48, 48, 48];

/** Bits of an output address: what a 3-bit IPS or PS asks for, but no more than the PE implements (`paMax`). */
export const outputAddressBits = (ps: number, paMax: number): number => Math.min(PA_RANGE_BITS[ps & 7]!, paMax);
