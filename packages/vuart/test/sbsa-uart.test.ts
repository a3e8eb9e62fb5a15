import { describe, expect, it } from 'vitest';
import { SbsaUart, STATE_BYTES, UART_STATE, VuartError } from '../src/index.ts';
import { BUSY, bytes, DR, FR, ICR, IMSC, MIS, RIS, RTI, RXFE, RXFF, RXI, sbsa, TXFE, TXFF, TXI } from './harness.ts';

describe('reset', () => {
  it('leaves both FIFOs empty and no interrupt', () => {
    const { get, levels } = sbsa();
    expect([get(FR), get(IMSC), get(RIS), get(MIS)]).toEqual([TXFE | RXFE, 0, 0, 0]);
    expect(levels).toEqual([]);
  });

  it('is never done by the constructor', () => {
    const first = sbsa();
    first.uart.receive(bytes(3, 65));
    first.set(IMSC, RTI);
    const second = new SbsaUart({
      buffer: first.buffer,
      byteOffset: 64,
      onTransmit: () => {},
      onInterrupt: () => expect.unreachable(),
    });
    expect(second.interruptLevel).toBe(true);
    expect(second.read(DR, 1)).toBe(65);
  });

  it('lowers the line and asks for the input that waits', () => {
    const r = sbsa();
    r.set(IMSC, RTI);
    r.uart.receive(bytes(40));
    r.uart.reset();
    expect(r.levels).toEqual([true, false]);
    expect(r.spaceCalls).toBe(1);
  });
});

describe('receive', () => {
  it('raises RTI with the first byte, RXI with the sixteenth, and drops each as the FIFO drains', () => {
    const { uart, get } = sbsa();
    uart.receive(bytes(1));
    expect(get(RIS)).toBe(RTI);
    uart.receive(bytes(15));
    expect(get(RIS)).toBe(RTI | RXI);
    get(DR);
    expect(get(RIS)).toBe(RTI);
    for (let i = 0; i < 15; i++) get(DR);
    expect(get(RIS)).toBe(0);
  });

  it('gives bytes in order, then zero', () => {
    const { uart, get } = sbsa();
    uart.receive(Uint8Array.of(0xff, 0, 0x41));
    expect([get(DR), get(DR), get(DR), get(DR)]).toEqual([0xff, 0, 0x41, 0]);
  });

  it('takes 32 bytes and tells how many it took', () => {
    const { uart, get } = sbsa();
    expect(uart.receive(bytes(40))).toBe(32);
    expect(get(FR)).toBe(TXFE | RXFF);
    expect(uart.receive(bytes(1))).toBe(0);
    expect(uart.receiveWanted).toBe(true);
  });

  it('asks for more exactly once, when half of the FIFO is free', () => {
    const r = sbsa();
    r.uart.receive(bytes(40));
    for (let i = 0; i < 15; i++) r.get(DR);
    expect(r.spaceCalls).toBe(0);
    r.get(DR);
    expect(r.spaceCalls).toBe(1);
    for (let i = 0; i < 16; i++) r.get(DR);
    expect(r.spaceCalls).toBe(1);
  });

  it('does not ask when nothing was refused', () => {
    const r = sbsa();
    r.uart.receive(bytes(32));
    for (let i = 0; i < 32; i++) r.get(DR);
    expect(r.spaceCalls).toBe(0);
  });

  it('lets a paste of 64 KiB arrive whole at an interrupt-driven reader', () => {
    const r = sbsa();
    const paste = Uint8Array.from({ length: 0x10000 }, (_, i) => (i * 7) & 0xff);
    let fed = 0;
    r.onSpace = () => {
      fed += r.uart.receive(paste.subarray(fed));
    };
    r.set(IMSC, RXI | RTI);
    r.onSpace();
    const got: number[] = [];
    for (let irq = 0; irq < 1000 && r.uart.interruptLevel; irq++)
      for (let n = 0; n < 256 && !(r.get(FR) & RXFE); n++) got.push(r.get(DR));
    expect(fed).toBe(paste.length);
    expect(Uint8Array.from(got)).toEqual(paste);
  });
});

describe('transmit', () => {
  it('passes bytes on at once and never looks busy to a polled early console', () => {
    const { sent, get, set } = sbsa();
    for (const byte of [0x58, 0x65, 0x6e]) {
      expect(get(FR) & TXFF).toBe(0);
      set(DR, byte | 0xf00);
      expect(get(FR) & (BUSY | TXFE)).toBe(TXFE);
    }
    expect(sent).toEqual([0x58, 0x65, 0x6e]);
  });

  it('sets TXI with every write, also after ICR cleared it', () => {
    const { get, set } = sbsa();
    set(DR, 1);
    expect(get(RIS)).toBe(TXI);
    set(ICR, TXI);
    expect(get(RIS)).toBe(0);
    set(DR, 2);
    expect(get(RIS)).toBe(TXI);
  });

  it('fires at once when TXIM is set while TXRIS is, and not before', () => {
    const { set, get, levels } = sbsa();
    set(DR, 1);
    expect(levels).toEqual([]);
    set(IMSC, TXI);
    expect(levels).toEqual([true]);
    expect(get(MIS)).toBe(TXI);
    set(IMSC, 0);
    expect(levels).toEqual([true, false]);
  });

  it('stalls a flood in its own FIFO while the host is not ready', () => {
    const r = sbsa();
    r.uart.setTransmitReady(false);
    let stalled = 0;
    for (let i = 0; i < 100; i++) {
      if (r.get(FR) & TXFF) stalled++;
      else r.set(DR, i);
    }
    expect(stalled).toBe(68);
    expect(r.sent).toEqual([]);
    expect(r.get(FR)).toBe(TXFF | BUSY | RXFE);
    expect(r.get(RIS) & TXI).toBe(0);
    r.set(IMSC, TXI);
    r.uart.setTransmitReady(true);
    expect(r.levels).toEqual([true]);
    expect(r.sent).toEqual([...bytes(32)]);
    expect(r.get(FR)).toBe(TXFE | RXFE);
  });

  it('lets the host stop it from within onTransmit', () => {
    const r = sbsa();
    r.onSent = () => r.uart.setTransmitReady(r.sent.length % 4 !== 0);
    for (let i = 0; i < 8; i++) r.set(DR, i);
    expect(r.sent).toEqual([0, 1, 2, 3]);
    r.uart.setTransmitReady(true);
    expect(r.sent).toEqual([...bytes(8)]);
    expect(r.get(FR) & TXFF).toBe(0);
  });

  it('loses a byte only when it is written to a full FIFO', () => {
    const r = sbsa();
    r.uart.setTransmitReady(false);
    for (let i = 0; i < 33; i++) r.set(DR, i);
    r.uart.setTransmitReady(true);
    expect(r.sent).toEqual([...bytes(32)]);
  });

  it('keeps output held over a reset of the guest', () => {
    const r = sbsa();
    r.uart.setTransmitReady(false);
    r.uart.reset();
    r.set(DR, 1);
    expect(r.sent).toEqual([]);
  });
});

/**
 * The transmit side of a driver like Linux's amba-pl011: it polls TXFF when it starts, sets TXIM for the rest, and
 * from the interrupt writes half a FIFO without a look at UARTFR.
 */
function drive(r: ReturnType<typeof sbsa>, text: Uint8Array, hostTakes: (sent: number) => boolean) {
  let at = 0;
  const fill = (fromInterrupt: boolean) => {
    for (let n = 0; at < text.length; n++) {
      if (fromInterrupt ? n === 16 : r.get(FR) & TXFF) break;
      r.set(DR, text[at++]!);
    }
    r.set(IMSC, at < text.length ? TXI : 0);
  };
  r.onSent = () => r.uart.setTransmitReady(hostTakes(r.sent.length));
  fill(false);
  for (let round = 0; round < 10 * text.length && (at < text.length || r.get(FR) & BUSY); round++) {
    if (r.uart.interruptLevel) {
      r.set(ICR, r.get(RIS) & ~(TXI | RXI | RTI));
      fill(true);
    } else r.uart.setTransmitReady(true);
  }
}

describe('an interrupt-driven driver', () => {
  it.each([1, 3, 16, 17, 31, 32, 33, 1000])('loses nothing when the host pauses after every %i bytes', (every) => {
    const r = sbsa();
    const text = bytes(1000);
    drive(r, text, (sent) => sent % every !== 0);
    expect(Uint8Array.from(r.sent)).toEqual(text);
  });
});

describe('the register file', () => {
  it.each([0x08, 0x20, 0x24, 0x28, 0x2c, 0x30, 0x34, 0x44, 0x48, 0xfe0, 0xffc])('reads %i as zero', (offset) => {
    const { get, set } = sbsa();
    set(offset, 0xffffffff);
    expect(get(offset)).toBe(0);
  });

  it('keeps the upper bits of IMSC in a byte store', () => {
    const { uart, get, set } = sbsa();
    set(IMSC, 0xffffffff);
    expect(get(IMSC)).toBe(0x7f0);
    uart.write(IMSC, 1, RXI);
    expect(get(IMSC)).toBe(0x700 | RXI);
  });

  it('shows UARTFR in the state word that fast paths read', () => {
    const r = sbsa();
    const word = new Int32Array(r.buffer, 64 + UART_STATE.FR, 1);
    expect(word[0]).toBe(r.get(FR));
    r.uart.receive(bytes(32));
    expect(word[0]).toBe(TXFE | RXFF);
  });
});

describe('the constructor', () => {
  const ports = { onTransmit: () => {}, onInterrupt: () => {} };
  it('names a state that does not fit', () => {
    expect(() => new SbsaUart({ ...ports, buffer: new ArrayBuffer(STATE_BYTES), byteOffset: 4 })).toThrow(
      expect.objectContaining({ name: 'VuartError', code: 'state-too-small' }),
    );
    expect(() => new SbsaUart({ ...ports, buffer: new ArrayBuffer(4096), byteOffset: 2 })).toThrow(VuartError);
  });
});
