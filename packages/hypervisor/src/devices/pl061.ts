/** Arm PrimeCell General Purpose Input/Output, PL061 (DDI 0190B). */
import type { AccessSize } from '@dom0less/vgic';
import { type BoardDevice, type DeviceModel, type DeviceParts, PRIMECELL_FRAME, primecellId } from './device.ts';

const PERIPHERAL_ID = [0x61, 0x10, 0x04, 0x00] as const;
/** End of GPIODATA: address bits 9:2 say which lines an access concerns. */
const DATA_END = 0x400;
/** Registers behind it (DDI 0190B table 3-1), a word each. */
const GPIODIR = 0x400;
const GPIOIS = 0x404;
const GPIOIBE = 0x408;
const GPIOIEV = 0x40c;
const GPIOIE = 0x410;
const GPIORIS = 0x414;
const GPIOMIS = 0x418;
const GPIOIC = 0x41c;
const GPIOAFSEL = 0x420;

/** Words of the state. */
const STATE = {
  LOCK: 0,
  OUT: 1,
  DIR: 2,
  IS: 3,
  IBE: 4,
  IEV: 5,
  IE: 6,
  EDGES: 7,
  AFSEL: 8,
  LAST: 9,
  LEVEL: 10,
  WORDS: 12,
};
const STORED: ReadonlyMap<number, number> = new Map([
  [GPIODIR, STATE.DIR],
  [GPIOIS, STATE.IS],
  [GPIOIBE, STATE.IBE],
  [GPIOIEV, STATE.IEV],
  [GPIOIE, STATE.IE],
  [GPIOAFSEL, STATE.AFSEL],
]);

/** Eight lines. On this board lines 0 to 3 are wired to lines 4 to 7; a line that nothing drives is low. */
class Pl061 implements BoardDevice {
  readonly size = PRIMECELL_FRAME;
  readonly #words: Int32Array;
  readonly #onInterrupt: (level: boolean) => void;

  constructor({ buffer, byteOffset, onInterrupt }: DeviceParts) {
    this.#words = new Int32Array(buffer, byteOffset, STATE.WORDS);
    this.#onInterrupt = onInterrupt;
  }

  reset(): void {
    this.#words.fill(0, STATE.OUT);
  }

  read(offset: number, _size: AccessSize): number {
    const at = offset & ~3;
    if (at < DATA_END) return this.#lines() & (at >> 2);
    const stored = STORED.get(at);
    if (stored !== undefined) return this.#words[stored]!;
    if (at === GPIORIS) return this.#raw();
    if (at === GPIOMIS) return this.#raw() & this.#words[STATE.IE]!;
    return primecellId(at, PERIPHERAL_ID) ?? 0;
  }

  write(offset: number, _size: AccessSize, value: number): void {
    const w = this.#words;
    const at = offset & ~3;
    const stored = STORED.get(at);
    if (at < DATA_END) {
      const mask = (at >> 2) & w[STATE.DIR]!;
      w[STATE.OUT] = (w[STATE.OUT]! & ~mask) | (value & mask);
    } else if (stored !== undefined) w[stored] = value & 0xff;
    else if (at === GPIOIC) w[STATE.EDGES]! &= ~value;
    this.#update();
  }

  /** Levels of all lines: what drives them is the device itself, or the line that they are wired to. */
  #lines(): number {
    const driven = this.#words[STATE.OUT]! & this.#words[STATE.DIR]!;
    const wired = ((driven << 4) & 0xf0) | (driven >> 4);
    return driven | (wired & ~this.#words[STATE.DIR]!);
  }

  /** GPIORIS: edges that were seen, and levels that are. */
  #raw(): number {
    const w = this.#words;
    const levels = ~(this.#lines() ^ w[STATE.IEV]!) & w[STATE.IS]!;
    return ((w[STATE.EDGES]! & ~w[STATE.IS]!) | levels) & 0xff;
  }

  #update(): void {
    const w = this.#words;
    const lines = this.#lines();
    const changed = lines ^ w[STATE.LAST]!;
    w[STATE.LAST] = lines;
    w[STATE.EDGES]! |= changed & (w[STATE.IBE]! | ~(lines ^ w[STATE.IEV]!)) & ~w[STATE.IS]! & 0xff;
    const level = (this.#raw() & w[STATE.IE]!) === 0 ? 0 : 1;
    if (level === w[STATE.LEVEL]) return;
    w[STATE.LEVEL] = level;
    this.#onInterrupt(level === 1);
  }
}

export const PL061: DeviceModel = {
  compatible: 'arm,pl061',
  stateBytes: 4 * STATE.WORDS,
  make: (parts) => new Pl061(parts),
};
