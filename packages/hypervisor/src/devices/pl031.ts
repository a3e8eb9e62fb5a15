/** Arm PrimeCell Real Time Clock, PL031 (DDI 0224C). */
import type { AccessSize } from '@dom0less/vgic';
import { type BoardDevice, type DeviceModel, type DeviceParts, PRIMECELL_FRAME, primecellId } from './device.ts';

/** Registers (DDI 0224C table 3-1). */
const RTCDR = 0x00;
const RTCMR = 0x04;
const RTCLR = 0x08;
const RTCCR = 0x0c;
const RTCIMSC = 0x10;
const RTCRIS = 0x14;
const RTCMIS = 0x18;
const RTCICR = 0x1c;
const PERIPHERAL_ID = [0x31, 0x10, 0x04, 0x00] as const;

/** Byte offsets of the state; `OFFSET` is a double, the others are words. */
const STATE = {
  LOCK: 0,
  MATCH: 4,
  LOAD: 8,
  IMSC: 12,
  RIS: 16,
  /** 1: the match of this second has been raised. */
  LEVEL: 20,
  /** Seconds that RTCDR is ahead of the system counter. */
  OFFSET: 24,
  /** RTCDR when the match was looked for last. */
  SEEN: 32,
  /** System counter at which the match interrupt will be raised (a double). */
  DUE: 40,
  BYTES: 48,
} as const;
/** A match further away than this, in seconds, is one that is over. */
const FAR = 2 ** 31;

/** Counts seconds of the board's time. */
class Pl031 implements BoardDevice {
  readonly size = PRIMECELL_FRAME;
  readonly #view: DataView;
  readonly #parts: DeviceParts;

  constructor(parts: DeviceParts) {
    this.#parts = parts;
    this.#view = new DataView(parts.buffer, parts.byteOffset, STATE.BYTES);
  }

  reset(epoch: number): void {
    for (let at = STATE.MATCH; at < STATE.OFFSET; at += 4) this.#view.setUint32(at, 0, true);
    this.#view.setFloat64(STATE.OFFSET, epoch, true);
    this.#set(STATE.SEEN, Math.floor(epoch));
    this.#view.setFloat64(STATE.DUE, Infinity, true);
  }

  due(): number {
    return this.#view.getFloat64(STATE.DUE, true);
  }

  tick(): void {
    this.#update(this.#now());
  }

  read(offset: number, _size: AccessSize): number {
    const before = this.#now();
    this.#update(before);
    switch (offset & ~3) {
      case RTCDR:
        return before;
      case RTCMR:
        return this.#word(STATE.MATCH);
      case RTCLR:
        return this.#word(STATE.LOAD);
      case RTCCR:
        // The counter runs once it is enabled, and can't be stopped; firmware has enabled it.
        return 1;
      case RTCIMSC:
        return this.#word(STATE.IMSC);
      case RTCRIS:
        return this.#word(STATE.RIS);
      case RTCMIS:
        return this.#word(STATE.RIS) & this.#word(STATE.IMSC);
      default:
        return primecellId(offset & ~3, PERIPHERAL_ID) ?? 0;
    }
  }

  write(offset: number, _size: AccessSize, value: number): void {
    switch (offset & ~3) {
      case RTCMR:
        this.#update(this.#now());
        this.#set(STATE.MATCH, value);
        this.#matchNow();
        break;
      case RTCLR:
        this.#set(STATE.LOAD, value);
        this.#view.setFloat64(STATE.OFFSET, value - this.#elapsed(), true);
        this.#set(STATE.SEEN, value);
        this.#matchNow();
        break;
      case RTCIMSC:
        this.#set(STATE.IMSC, value & 1);
        break;
      case RTCICR:
        if ((value & 1) !== 0) this.#set(STATE.RIS, 0);
        break;
    }
    this.#update(this.#now());
  }

  #word(at: number): number {
    return this.#view.getUint32(at, true);
  }

  #set(at: number, value: number): void {
    this.#view.setUint32(at, value, true);
  }

  #elapsed(): number {
    return this.#parts.counter() / this.#parts.frequency;
  }

  #now(): number {
    return Math.floor(this.#view.getFloat64(STATE.OFFSET, true) + this.#elapsed()) >>> 0;
  }

  /** The counter, or the match, was set: they may be the same now. */
  #matchNow(): void {
    if (this.#now() === this.#word(STATE.MATCH)) this.#set(STATE.RIS, 1);
  }

  /** Seconds until RTCDR is the match again; 0 if it is now. */
  #untilMatch(now: number): number {
    return (this.#word(STATE.MATCH) - now) >>> 0;
  }

  #update(now: number): void {
    const seen = this.#word(STATE.SEEN);
    // Whether the counter has come by the match since, however many seconds ago.
    const passed = (now - seen) >>> 0;
    const distance = this.#untilMatch(seen);
    if (distance > 0 && distance <= passed) this.#set(STATE.RIS, 1);
    this.#set(STATE.SEEN, now);
    this.#setDue(now);
    const level = this.#word(STATE.RIS) & this.#word(STATE.IMSC);
    if (level === this.#word(STATE.LEVEL)) return;
    this.#set(STATE.LEVEL, level);
    this.#parts.onInterrupt(level !== 0);
  }

  /** Only an interrupt that is not masked, and not raised yet, has to come by itself. */
  #setDue(now: number): void {
    const seconds = this.#untilMatch(now);
    const comes = this.#word(STATE.IMSC) !== 0 && this.#word(STATE.RIS) === 0 && seconds > 0 && seconds < FAR;
    const whole = Math.floor(this.#view.getFloat64(STATE.OFFSET, true) + this.#elapsed()) + seconds;
    const due = Math.ceil((whole - this.#view.getFloat64(STATE.OFFSET, true)) * this.#parts.frequency);
    this.#view.setFloat64(STATE.DUE, comes ? due : Infinity, true);
  }
}

export const PL031: DeviceModel = {
  compatible: 'arm,pl031',
  stateBytes: STATE.BYTES,
  make: (parts) => new Pl031(parts),
};
