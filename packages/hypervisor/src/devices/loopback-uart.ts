/** The board's second PL011: a plug in its connector leads what it sends back to it. */

import type { AccessSize } from '@dom0less/vgic';
import { STATE_BYTES, PL011 as Uart } from '@dom0less/vuart';
import { type BoardDevice, type DeviceModel, type DeviceParts, PRIMECELL_FRAME } from './device.ts';

/** RTS and DTR of UARTCR, and the modem inputs that the plug leads them to, as UARTFR bits. */
const CR_DTR = 1 << 10;
const CR_RTS = 1 << 11;
const FR_CTS = 1;
const FR_DSR_DCD = 6;
const UARTCR = 0x30;

class LoopbackUart implements BoardDevice {
  readonly size = PRIMECELL_FRAME;
  readonly #uart: Uart;

  constructor({ buffer, byteOffset, onInterrupt }: DeviceParts) {
    this.#uart = new Uart({
      buffer,
      byteOffset,
      onInterrupt,
      initialModemInputs: 0,
      // A byte that finds the receive FIFO full is lost, as on a wire without flow control.
      onTransmit: (byte) => void this.#uart.receive(Uint8Array.of(byte)),
    });
  }

  reset(): void {
    this.#uart.reset();
  }

  read(offset: number, size: AccessSize): number {
    return this.#uart.read(offset, size);
  }

  write(offset: number, size: AccessSize, value: number): void {
    this.#uart.write(offset, size, value);
    if ((offset & ~3) !== UARTCR) return;
    const cr = this.#uart.read(UARTCR, 4);
    this.#uart.setModemInputs(((cr & CR_RTS) !== 0 ? FR_CTS : 0) | ((cr & CR_DTR) !== 0 ? FR_DSR_DCD : 0));
  }
}

export const LOOPBACK_UART: DeviceModel = {
  compatible: 'arm,pl011',
  stateBytes: STATE_BYTES,
  make: (parts) => new LoopbackUart(parts),
};
