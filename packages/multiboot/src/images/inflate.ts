import { type KernelImageError, kernelError } from '../kernel-image-error.ts';

/** What {@link inflate} made of a raw DEFLATE stream. */
export interface Inflated {
  /** The decompressed bytes. */
  bytes: Uint8Array;
  /** Offset in the input of the first byte behind the stream. */
  end: number;
}

/** First value and extra bits of the length symbols 257..285 (RFC 1951, 3.2.5). */
const LENGTH_BASE = [
  3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195, 227, 258,
];
const LENGTH_EXTRA = [0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0];
/** First value and extra bits of the distance symbols 0..29 (RFC 1951, 3.2.5). */
const DISTANCE_BASE = [
  1, 2, 3, 4, 5, 7, 9, 13, 17, 25, 33, 49, 65, 97, 129, 193, 257, 385, 513, 769, 1025, 1537, 2049, 3073, 4097, 6145,
  8193, 12289, 16385, 24577,
];
const DISTANCE_EXTRA = [
  0, 0, 0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 8, 9, 9, 10, 10, 11, 11, 12, 12, 13, 13,
];
/** Order in which the lengths of the code length code are stored (RFC 1951, 3.2.7). */
const CODE_LENGTH_ORDER = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];

const MAX_CODE_LENGTH = 15;
const END_OF_BLOCK = 256;
/** Copies up to this length are faster byte by byte. */
const SHORT_COPY = 64;

/** A complete prefix code as one flat table: index = next 15 bits of input, entry = symbol << 4 | length; 0 = no code. */
type PrefixTable = Uint16Array;

interface Tables {
  literals: PrefixTable;
  distances: PrefixTable;
}

const corrupt = (detail: string): KernelImageError => kernelError('gzip-corrupt', { detail });

/** Builds the decoding table of a canonical prefix code from its code lengths (RFC 1951, 3.2.2). */
const buildTable = (lengths: Uint8Array): PrefixTable => {
  const counts = new Uint16Array(MAX_CODE_LENGTH + 1);
  for (const length of lengths) counts[length]!++;
  counts[0] = 0;
  const next = new Uint16Array(MAX_CODE_LENGTH + 2);
  let used = 0;
  for (let length = 1; length <= MAX_CODE_LENGTH; length++) {
    used += counts[length]! << (MAX_CODE_LENGTH - length);
    next[length + 1] = (next[length]! + counts[length]!) << 1;
  }
  if (used > 1 << MAX_CODE_LENGTH) throw corrupt('a prefix code has more codes than fit');
  const table = new Uint16Array(1 << MAX_CODE_LENGTH);
  lengths.forEach((length, symbol) => {
    if (length === 0) return;
    const code = next[length]!++;
    let reversed = 0;
    for (let bit = 0; bit < length; bit++) if (code & (1 << bit)) reversed |= 1 << (length - 1 - bit);
    for (let index = reversed; index < table.length; index += 1 << length) table[index] = (symbol << 4) | length;
  });
  return table;
};

let fixedTables: Tables | undefined;

const getFixedTables = (): Tables => {
  if (fixedTables === undefined) {
    const literals = new Uint8Array(288).fill(8, 0, 144).fill(9, 144, 256).fill(7, 256, 280).fill(8, 280);
    fixedTables = { literals: buildTable(literals), distances: buildTable(new Uint8Array(30).fill(5)) };
  }
  return fixedTables;
};

/** Reads bits, lowest first, and decodes prefix codes. */
class BitReader {
  readonly bytes: Uint8Array;
  /** Offset of the next byte to read. */
  at: number;
  /** Bits that were read ahead, the next one lowest, and how many they are: 24 at most. */
  hold = 0;
  held = 0;

  constructor(bytes: Uint8Array, start: number) {
    this.bytes = bytes;
    this.at = start;
  }

  /** Makes `count` ≤ 16 bits available where the input still has them. */
  #fill(count: number): void {
    while (this.held < count && this.at < this.bytes.length) {
      this.hold |= this.bytes[this.at++]! << this.held;
      this.held += 8;
    }
  }

  /** The next `count` ≤ 16 bits as a number. */
  bits(count: number): number {
    this.#fill(count);
    if (this.held < count) throw corrupt('the compressed data ends early');
    const value = this.hold & ((1 << count) - 1);
    this.hold >>>= count;
    this.held -= count;
    return value;
  }

  /** The next symbol of a prefix code. */
  symbol(table: PrefixTable): number {
    this.#fill(MAX_CODE_LENGTH);
    const entry = table[this.hold & (table.length - 1)]!;
    const length = entry & 15;
    if (length === 0) throw corrupt('a bit pattern is no code');
    if (length > this.held) throw corrupt('the compressed data ends early');
    this.hold >>>= length;
    this.held -= length;
    return entry >>> 4;
  }

  /** Drops the rest of the current byte and gives back whole bytes that were read ahead. */
  align(): number {
    this.at -= this.held >> 3;
    this.hold = 0;
    this.held = 0;
    return this.at;
  }

  /** Takes `count` whole bytes; the reader must be aligned. */
  take(count: number): Uint8Array {
    if (this.at + count > this.bytes.length) throw corrupt('the compressed data ends early');
    this.at += count;
    return this.bytes.subarray(this.at - count, this.at);
  }
}

/** The output: grows by doubling, never past its limit. */
class Output {
  readonly #limit: number;
  #buffer: Uint8Array;
  length = 0;

  constructor(limit: number, hint: number) {
    this.#limit = limit;
    this.#buffer = new Uint8Array(Math.min(limit, Math.max(hint, 1024)));
  }

  /** Makes room for `count` more bytes and returns the buffer to write them to. */
  reserve(count: number): Uint8Array {
    const needed = this.length + count;
    if (needed > this.#limit) throw kernelError('kernel-too-large', { limit: this.#limit });
    if (needed > this.#buffer.length) {
      const grown = new Uint8Array(Math.min(this.#limit, Math.max(needed, this.#buffer.length * 2)));
      grown.set(this.#buffer.subarray(0, this.length));
      this.#buffer = grown;
    }
    return this.#buffer;
  }

  /** The buffer as it is: what is behind `length` can be written to. */
  room(): Uint8Array {
    return this.#buffer;
  }

  bytes(): Uint8Array {
    return this.length === this.#buffer.length ? this.#buffer : this.#buffer.slice(0, this.length);
  }
}

const readStored = (input: BitReader, output: Output): void => {
  input.align();
  const length = input.bits(16);
  if ((input.bits(16) ^ 0xffff) !== length) throw corrupt('a stored block has a wrong length check');
  input.align();
  output.reserve(length).set(input.take(length), output.length);
  output.length += length;
};

const readDynamicTables = (input: BitReader): Tables => {
  const literalCount = input.bits(5) + 257;
  const distanceCount = input.bits(5) + 1;
  const codeLengthCount = input.bits(4) + 4;
  if (literalCount > 286 || distanceCount > 30) throw corrupt('a block declares too many codes');
  const codeLengths = new Uint8Array(CODE_LENGTH_ORDER.length);
  for (let i = 0; i < codeLengthCount; i++) codeLengths[CODE_LENGTH_ORDER[i]!] = input.bits(3);
  const codeLengthTable = buildTable(codeLengths);
  const lengths = new Uint8Array(literalCount + distanceCount);
  for (let at = 0; at < lengths.length; ) {
    const symbol = input.symbol(codeLengthTable);
    if (symbol < 16) {
      lengths[at++] = symbol;
      continue;
    }
    if (symbol === 16 && at === 0) throw corrupt('a block repeats a code length before the first');
    const value = symbol === 16 ? lengths[at - 1]! : 0;
    const repeat = symbol === 16 ? 3 + input.bits(2) : symbol === 17 ? 3 + input.bits(3) : 11 + input.bits(7);
    if (at + repeat > lengths.length) throw corrupt('a block declares more code lengths than codes');
    lengths.fill(value, at, at + repeat);
    at += repeat;
  }
  return {
    literals: buildTable(lengths.subarray(0, literalCount)),
    distances: buildTable(lengths.subarray(literalCount)),
  };
};

/** Writes `length` bytes at `to` that repeat those from `distance` before; a short distance repeats what it writes. */
const repeat = (buffer: Uint8Array, to: number, distance: number, length: number): void => {
  const from = to - distance;
  if (length <= SHORT_COPY) {
    for (let i = 0; i < length; i++) buffer[to + i] = buffer[from + i]!;
  } else if (distance === 1) {
    buffer.fill(buffer[from]!, to, to + length);
  } else {
    for (let done = 0; done < length; ) {
      const count = Math.min(distance + done, length - done);
      buffer.copyWithin(to + done, from, from + count);
      done += count;
    }
  }
};

/** Behind the last possible read of a turn of the fast loop: two symbols with their extra bits are 48 bits at most. */
const FAST_MARGIN = 8;
/** The most that a turn writes. */
const LONGEST_COPY = 258;

/**
 * Decodes while input and output have room for whatever the next symbol is, without a check for each bit: most of a
 * stream. False if the block has ended; true if the rest needs care.
 */
const readFast = (input: BitReader, output: Output, { literals, distances }: Tables): boolean => {
  const { bytes } = input;
  const last = bytes.length - FAST_MARGIN;
  const buffer = output.room();
  const lastOut = buffer.length - LONGEST_COPY;
  const mask = literals.length - 1;
  let { at, hold, held } = input;
  let out = output.length;
  let more = true;
  while (at <= last && out <= lastOut) {
    // At least 17 bits: a symbol has 15 at most, and a second fill gives its extra bits, 13 at most.
    while (held <= 16) {
      hold |= bytes[at++]! << held;
      held += 8;
    }
    const entry = literals[hold & mask]!;
    const size = entry & 15;
    const symbol = entry >>> 4;
    if (size === 0 || symbol > END_OF_BLOCK + LENGTH_BASE.length) break;
    hold >>>= size;
    held -= size;
    if (symbol < END_OF_BLOCK) {
      buffer[out++] = symbol;
      continue;
    }
    if (symbol === END_OF_BLOCK) {
      more = false;
      break;
    }
    while (held <= 16) {
      hold |= bytes[at++]! << held;
      held += 8;
    }
    const lengthExtra = LENGTH_EXTRA[symbol - 257]!;
    const length = LENGTH_BASE[symbol - 257]! + (hold & ((1 << lengthExtra) - 1));
    hold >>>= lengthExtra;
    held -= lengthExtra;
    while (held <= 16) {
      hold |= bytes[at++]! << held;
      held += 8;
    }
    const code = distances[hold & mask]!;
    const codeSize = code & 15;
    if (codeSize === 0) throw corrupt('a bit pattern is no code');
    hold >>>= codeSize;
    held -= codeSize;
    while (held <= 16) {
      hold |= bytes[at++]! << held;
      held += 8;
    }
    const extra = DISTANCE_EXTRA[code >>> 4]!;
    const distance = DISTANCE_BASE[code >>> 4]! + (hold & ((1 << extra) - 1));
    hold >>>= extra;
    held -= extra;
    if (distance > out) throw corrupt('a copy starts before the output');
    repeat(buffer, out, distance, length);
    out += length;
  }
  input.at = at;
  input.hold = hold;
  input.held = held;
  output.length = out;
  return more;
};

const readCompressed = (input: BitReader, output: Output, tables: Tables): void => {
  while (readFast(input, output, tables)) {
    const symbol = input.symbol(tables.literals);
    if (symbol < END_OF_BLOCK) {
      output.reserve(1)[output.length++] = symbol;
      continue;
    }
    if (symbol === END_OF_BLOCK) return;
    const base = LENGTH_BASE[symbol - 257];
    if (base === undefined) throw corrupt('a length symbol is reserved');
    const length = base + input.bits(LENGTH_EXTRA[symbol - 257]!);
    const distanceSymbol = input.symbol(tables.distances);
    const distance = DISTANCE_BASE[distanceSymbol]! + input.bits(DISTANCE_EXTRA[distanceSymbol]!);
    if (distance > output.length) throw corrupt('a copy starts before the output');
    repeat(output.reserve(length), output.length, distance, length);
    output.length += length;
  }
};

/**
 * Decompresses a raw DEFLATE stream (RFC 1951).
 *
 * @param input bytes that hold the stream; may go on behind its end
 * @param start offset of the stream's first byte
 * @param limit most bytes the output may have
 * @param hint expected size of the output in bytes, to save growing; not trusted
 * @throws KernelImageError `gzip-corrupt` or `kernel-too-large`
 */
export const inflate = (input: Uint8Array, start: number, limit: number, hint = 0): Inflated => {
  const reader = new BitReader(input, start);
  const output = new Output(limit, hint);
  for (let last = false; !last; ) {
    last = reader.bits(1) === 1;
    const type = reader.bits(2);
    if (type === 0) readStored(reader, output);
    else if (type === 1) readCompressed(reader, output, getFixedTables());
    else if (type === 2) readCompressed(reader, output, readDynamicTables(reader));
    else throw corrupt('a block has the reserved type 3');
  }
  return { bytes: output.bytes(), end: reader.align() };
};
