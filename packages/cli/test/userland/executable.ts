/** Static programs made by the project's assembler. */
import { assemble } from '@dom0less/arm64-cpu';

const LOAD_ADDRESS = 0x40_0000;
/** ELF header, and one program header. */
const HEADER_BYTES = 64 + 56;

/** A program: its ELF file and where its labels are. It begins at its first instruction. */
export interface Executable {
  readonly file: Uint8Array;
  addressOf(label: string): number;
}

/** Assembles a static executable of one segment that may do everything (System V gABI, ELF-64). */
export function executable(source: string): Executable {
  const { bytes, symbols } = assemble(source, { origin: BigInt(LOAD_ADDRESS + HEADER_BYTES) });
  const file = new Uint8Array(HEADER_BYTES + bytes.length);
  const view = new DataView(file.buffer);
  file.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
  view.setUint16(16, 2, true); // ET_EXEC
  view.setUint16(18, 183, true); // EM_AARCH64
  view.setUint32(20, 1, true);
  view.setUint32(24, LOAD_ADDRESS + HEADER_BYTES, true);
  view.setUint32(32, 64, true); // the program header's place
  view.setUint16(52, 64, true);
  view.setUint16(54, 56, true);
  view.setUint16(56, 1, true);
  view.setUint32(64, 1, true); // PT_LOAD
  view.setUint32(68, 7, true);
  view.setUint32(80, LOAD_ADDRESS, true);
  view.setUint32(88, LOAD_ADDRESS, true);
  view.setUint32(96, file.length, true);
  view.setUint32(104, file.length, true);
  view.setUint32(112, 0x1000, true);
  file.set(bytes, HEADER_BYTES);
  return { file, addressOf: (label) => Number(symbols.get(label)!) };
}
