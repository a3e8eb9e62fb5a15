/** Vector files: the format of fixtures/README.md, and the state that a case starts from where it says nothing else. */

interface Registers {
  x: [register: number, value: bigint][];
  v: [register: number, low: bigint, high: bigint][];
  memory: [offset: number, bytes: Uint8Array][];
}

/** One case: the instruction words, what differs from the usual state before, and what the run changes. */
export interface VectorCase extends Registers {
  readonly className: string;
  readonly words: number[];
  readonly fpcr: number;
  readonly nzcv: number;
  readonly result: Registers & { pc: number; nzcv: number; fpsr: number; fpcr: number };
}

class Reader {
  readonly #view: DataView;
  readonly #bytes: Uint8Array;
  #at = 0;
  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }
  #take(n: number): number {
    this.#at += n;
    return this.#at - n;
  }
  u8 = (): number => this.#view.getUint8(this.#take(1));
  u16 = (): number => this.#view.getUint16(this.#take(2), true);
  i16 = (): number => this.#view.getInt16(this.#take(2), true);
  u32 = (): number => this.#view.getUint32(this.#take(4), true);
  u64 = (): bigint => this.#view.getBigUint64(this.#take(8), true);
  bytes = (n: number): Uint8Array => this.#bytes.slice(this.#take(n), this.#at);
  text = (): string => new TextDecoder().decode(this.bytes(this.u8()));
  list<T>(item: () => T): T[] {
    return Array.from({ length: this.u8() }, item);
  }
  registers(): Registers {
    return {
      x: this.list(() => [this.u8(), this.u64()]),
      v: this.list(() => [this.u8(), this.u64(), this.u64()]),
      memory: this.list(() => {
        const offset = this.u16();
        return [offset, this.bytes(this.u8())];
      }),
    };
  }
}

/** Reads a vector file. */
export function parseVectors(bytes: Uint8Array): VectorCase[] {
  const r = new Reader(bytes);
  if (new TextDecoder().decode(r.bytes(4)) !== 'A64V') throw new Error('not a vector file');
  r.u32();
  const cases = r.u32();
  const classes = Array.from({ length: r.u32() }, () => [r.text(), r.text()] as const);
  return Array.from({ length: cases }, () => {
    const className = classes[r.u16()]![0];
    const count = r.u8();
    r.u8();
    const fpcr = r.u32();
    const nzcv = r.u8();
    const words = Array.from({ length: count }, () => r.u32());
    const before = r.registers();
    const result = { pc: r.i16(), nzcv: r.u8(), fpsr: r.u32(), fpcr: r.u32(), ...r.registers() };
    return { className, words, fpcr, nzcv, ...before, result };
  });
}

const MASK64 = 2n ** 64n - 1n;
export const DATA_BYTES = 8192;

export const usualX = (i: number): bigint => (BigInt(i + 1) * 0x9e3779b97f4a7c15n) & MASK64;
export const usualV = (i: number): [bigint, bigint] => [
  (BigInt(i + 1) * 0xbf58476d1ce4e5b9n) & MASK64,
  (BigInt(i + 1) * 0x94d049bb133111ebn) & MASK64,
];
export const USUAL_DATA = Uint8Array.from({ length: DATA_BYTES }, (_, k) => (k * 37 + (k >> 8) * 11 + 5) & 255);
