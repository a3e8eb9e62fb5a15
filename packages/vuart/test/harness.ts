import { PL011, type PL011Options, SbsaUart, STATE_BYTES, type Uart } from '../src/index.ts';

export const DR = 0x00;
export const RSR = 0x04;
export const FR = 0x18;
export const LCR_H = 0x2c;
export const CR = 0x30;
export const IFLS = 0x34;
export const IMSC = 0x38;
export const RIS = 0x3c;
export const MIS = 0x40;
export const ICR = 0x44;

export const RXI = 0x10;
export const TXI = 0x20;
export const RTI = 0x40;
export const BUSY = 0x08;
export const RXFE = 0x10;
export const TXFF = 0x20;
export const RXFF = 0x40;
export const TXFE = 0x80;

/** A UART with everything it did: bytes sent, levels of its line, calls for more input. */
export interface Rig<U extends Uart> {
  readonly uart: U;
  readonly buffer: SharedArrayBuffer;
  readonly sent: number[];
  readonly levels: boolean[];
  spaceCalls: number;
  onSpace: () => void;
  onSent: () => void;
  get(offset: number): number;
  set(offset: number, value: number): void;
}

function rig<U extends Uart>(make: (options: PL011Options) => U, extra: Partial<PL011Options> = {}): Rig<U> {
  const buffer = new SharedArrayBuffer(64 + STATE_BYTES);
  const sent: number[] = [];
  const levels: boolean[] = [];
  const uart = make({
    buffer,
    byteOffset: 64,
    onTransmit: (byte) => {
      sent.push(byte);
      r.onSent();
    },
    onInterrupt: (level) => levels.push(level),
    onReceiveSpace: () => {
      r.spaceCalls++;
      r.onSpace();
    },
    ...extra,
  });
  const r: Rig<U> = {
    uart,
    buffer,
    sent,
    levels,
    spaceCalls: 0,
    onSpace: () => {},
    onSent: () => {},
    get: (offset) => uart.read(offset, 4),
    set: (offset, value) => uart.write(offset, 4, value),
  };
  uart.reset();
  return r;
}

export const sbsa = () => rig((options) => new SbsaUart(options));
export const pl011 = (extra?: Partial<PL011Options>) => rig((options) => new PL011(options), extra);
export const bytes = (count: number, first = 0) => Uint8Array.from({ length: count }, (_, i) => first + i);
