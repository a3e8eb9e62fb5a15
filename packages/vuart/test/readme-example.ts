import { SbsaUart, STATE_BYTES } from '@dom0less/vuart';

const buffer = new SharedArrayBuffer(STATE_BYTES);
export const output: string[] = [];
export const uart = new SbsaUart({
  buffer,
  byteOffset: 0,
  onTransmit: (byte) => output.push(String.fromCharCode(byte)),
  onInterrupt: (level) => output.push(level ? '[irq]' : '[no irq]'),
});
uart.reset();
for (const byte of new TextEncoder().encode('Hello')) uart.write(0x00, 1, byte); // UARTDR
uart.write(0x38, 4, 0x50); // UARTIMSC: RXIM and RTIM
uart.receive(Uint8Array.of(0x79)); // [irq]
uart.read(0x00, 4); // UARTDR: 0x79, [no irq]
