import { describe, expect, it } from 'vitest';
import {
  BUSY,
  bytes,
  CR,
  DR,
  FR,
  ICR,
  IFLS,
  IMSC,
  LCR_H,
  pl011,
  RIS,
  RSR,
  RTI,
  RXFE,
  RXFF,
  RXI,
  TXFE,
  TXFF,
  TXI,
} from './harness.ts';

const ENABLED = 0x301;
const FEN = 0x10;
const LBE = 0x80;
const CTSEN = 0x8000;

const enabled = () => {
  const r = pl011();
  r.set(LCR_H, 0x60 | FEN);
  r.set(CR, ENABLED);
  return r;
};

describe('registers', () => {
  it.each([
    ['UARTFR', 0x18, 0x97, 0],
    ['UARTILPR', 0x20, 0, 0xff],
    ['UARTIBRD', 0x24, 0, 0xffff],
    ['UARTFBRD', 0x28, 0, 0x3f],
    ['UARTLCR_H', 0x2c, 0, 0xff],
    ['UARTCR', 0x30, 0x300, 0xff87],
    ['UARTIFLS', 0x34, 0x12, 0x3f],
    ['UARTIMSC', 0x38, 0, 0x7ff],
    ['UARTRIS', 0x3c, 0, 0],
    ['UARTMIS', 0x40, 0, 0],
    ['UARTICR', 0x44, 0, 0],
    ['UARTDMACR', 0x48, 0, 0x7],
    ['UARTPeriphID0', 0xfe0, 0x11, 0],
    ['UARTPeriphID1', 0xfe4, 0x10, 0],
    ['UARTPeriphID2', 0xfe8, 0x34, 0],
    ['UARTPeriphID3', 0xfec, 0x00, 0],
    ['UARTPCellID0', 0xff0, 0x0d, 0],
    ['UARTPCellID1', 0xff4, 0xf0, 0],
    ['UARTPCellID2', 0xff8, 0x05, 0],
    ['UARTPCellID3', 0xffc, 0xb1, 0],
  ])('%s has its reset value and its writable bits', (_name, offset, reset, mask) => {
    const { get, set } = pl011();
    expect(get(offset)).toBe(reset);
    set(offset, 0xffffffff);
    if (mask !== 0) expect(get(offset)).toBe(mask);
    else if (offset !== FR) expect(get(offset)).toBe(reset);
  });
});

describe('enables', () => {
  it('keeps bytes in the FIFO until UARTEN and TXE are set', () => {
    const r = pl011();
    r.set(LCR_H, FEN);
    r.set(DR, 0x41);
    expect(r.sent).toEqual([]);
    expect(r.get(FR) & BUSY).toBe(BUSY);
    r.set(CR, 0x201);
    expect(r.sent).toEqual([]);
    r.set(CR, ENABLED);
    expect(r.sent).toEqual([0x41]);
    expect(r.get(RIS)).toBe(TXI);
  });

  it('leaves input with the host until the receiver is enabled, then asks for it', () => {
    const r = pl011();
    expect(r.uart.receive(bytes(1))).toBe(0);
    r.set(CR, 0x101);
    expect(r.spaceCalls).toBe(0);
    r.set(CR, ENABLED);
    expect(r.spaceCalls).toBe(1);
    expect(r.uart.receive(bytes(1))).toBe(1);
  });

  it('can start as firmware left it', () => {
    const r = pl011({ initialCr: 0x301 });
    r.set(DR, 7);
    expect(r.sent).toEqual([7]);
  });
});

describe('FIFOs', () => {
  it('are one deep with FEN clear', () => {
    const r = pl011({ initialCr: 0x301 });
    expect(r.uart.receive(bytes(3))).toBe(1);
    expect(r.get(FR) & RXFF).toBe(RXFF);
    expect(r.get(RIS)).toBe(RXI | RTI);
    r.get(DR);
    expect(r.get(RIS)).toBe(0);
    expect(r.spaceCalls).toBe(1);
    r.uart.setTransmitReady(false);
    r.set(DR, 1);
    expect(r.get(FR) & TXFF).toBe(TXFF);
  });

  it('are emptied by a change of FEN', () => {
    const r = enabled();
    r.uart.receive(bytes(20));
    r.set(LCR_H, 0x60);
    expect(r.get(FR) & RXFE).toBe(RXFE);
    expect(r.get(RIS)).toBe(0);
  });

  it.each([
    [0, 4],
    [1, 8],
    [2, 16],
    [3, 24],
    [4, 28],
  ])('raise the interrupts at IFLS selection %i', (selection, level) => {
    const r = enabled();
    r.set(IFLS, (selection << 3) | selection);
    r.uart.receive(bytes(level - 1));
    expect(r.get(RIS) & RXI).toBe(0);
    r.uart.receive(bytes(1));
    expect(r.get(RIS) & RXI).toBe(RXI);

    r.set(DR, 0);
    expect(r.get(RIS) & TXI).toBe(TXI);
    r.uart.setTransmitReady(false);
    for (let i = 0; i < level; i++) r.set(DR, i);
    expect(r.get(RIS) & TXI).toBe(TXI);
    r.set(DR, 0);
    expect(r.get(RIS) & TXI).toBe(0);
    r.uart.setTransmitReady(true);
    expect(r.get(RIS) & TXI).toBe(TXI);
  });
});

describe('errors', () => {
  it('marks a break in DR, RSR and RIS', () => {
    const r = enabled();
    expect(r.uart.receiveBreak()).toBe(true);
    expect(r.get(RIS) & 0x200).toBe(0x200);
    expect(r.get(DR)).toBe(0x400);
    expect(r.get(RSR)).toBe(0x4);
    r.set(RSR, 0);
    expect(r.get(RSR)).toBe(0);
  });

  it('marks an overrun in loopback, until the next character has room', () => {
    const r = enabled();
    r.set(CR, ENABLED | LBE);
    for (let i = 0; i < 33; i++) r.set(DR, i);
    expect(r.get(RIS) & 0x400).toBe(0x400);
    expect(r.get(RSR)).toBe(0x8);
    expect(r.get(DR)).toBe(0x800);
    r.set(DR, 99);
    expect(r.get(DR)).toBe(1);
  });
});

describe('modem and loopback', () => {
  it('feeds the transmitter to the receiver and nothing outside', () => {
    const r = enabled();
    r.set(CR, ENABLED | LBE);
    r.set(DR, 0x5a);
    expect(r.sent).toEqual([]);
    expect(r.uart.receive(bytes(1))).toBe(0);
    expect(r.get(DR)).toBe(0x5a);
  });

  it.each([
    ['RTS', 0x0800, 0x001],
    ['DTR', 0x0400, 0x002],
    ['Out1', 0x1000, 0x004],
    ['Out2', 0x2000, 0x100],
  ])('drives an input from %s in loopback', (_name, output, input) => {
    const r = enabled();
    r.set(CR, ENABLED | LBE | output);
    expect(r.get(FR) & 0x107).toBe(input);
  });

  it.each([
    ['RI', 0x100, 0x1],
    ['CTS', 0x001, 0x2],
    ['DCD', 0x004, 0x4],
    ['DSR', 0x002, 0x8],
  ])('interrupts on a change of %s', (_name, input, interrupt) => {
    const r = enabled();
    r.set(IMSC, 0xf);
    r.uart.setModemInputs(0x007 ^ input);
    expect(r.get(RIS)).toBe(interrupt);
    expect(r.levels).toEqual([true]);
    r.set(ICR, interrupt);
    expect(r.levels).toEqual([true, false]);
  });

  it('holds output while CTSEn is set and CTS is not', () => {
    const r = enabled();
    r.set(CR, ENABLED | CTSEN);
    r.uart.setModemInputs(0);
    r.set(DR, 1);
    expect(r.get(FR) & TXFE).toBe(0);
    r.uart.setModemInputs(1);
    expect(r.sent).toEqual([1]);
  });
});
