/**
 * The flat record of one case, before or after it ran: what both sides read and write. The parts follow the order of the
 * Linux signal frame and of the engine's vCPU state, so that each is copied as a whole.
 */

/** Where the data area and the two pages of code are, on both sides. */
export const DATA = 0x4040_0000;
export const DATA_BYTES = 8192;
export const CODE = 0x4041_0000;
export const CODE_BYTES = 8192;

/** X0 … X30, then SP. */
export const X = 0;
/** V0 … V31. */
export const V = 256;
/** FPSR and FPCR (u32 each). */
export const FPSR = 768;
export const FPCR = 772;
/** NZCV at bits 31:28 (u64). */
export const NZCV = 776;
/** Where the case starts; after the run, where it stopped. */
export const PC = 784;
export const TPIDR_EL0 = 792;
/** After the run: 0 where it stopped at a BRK, else the cause: a signal of the reference, an EC of the engine plus 256. */
export const CAUSE = 800;
/** After the run: address of a fault. */
export const FAULT_ADDRESS = 808;
/** The case's instruction words, then BRK. */
export const WORDS = 832;
export const MAX_WORDS = 32;
/** The data area. */
export const AREA = 1024;
export const RECORD_BYTES = AREA + DATA_BYTES;

export const BRK = 0xd420_0000;
export const NOP = 0xd503_201f;

/** Register number of SP in `X`. */
export const SP = 31;

/** A view of one record of a buffer. */
export const recordAt = (records: Uint8Array, index: number): DataView =>
  new DataView(records.buffer, records.byteOffset + index * RECORD_BYTES, RECORD_BYTES);

/** The words of a case up to the first BRK. */
export function wordsOf(record: DataView): number[] {
  const words: number[] = [];
  for (let n = 0; n < MAX_WORDS; n++) {
    const word = record.getUint32(WORDS + 4 * n, true);
    if (word === BRK) break;
    words.push(word);
  }
  return words;
}
