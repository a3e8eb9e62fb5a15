import { UART_STATE } from './layout.ts';
import * as R from './registers.ts';
import { indexRegisters, type Register, readWord, Uart } from './uart.ts';
import type { UartOptions } from './uart-core.ts';

/** Receive, transmit, timeout and error interrupts; the generic UART has no modem interrupts. */
const SBSA_INTERRUPTS = 0x7f0;

/** Arm SBSA appendix "Generic UART": the registers that both views have. */
export const SBSA_REGISTERS: readonly Register[] = [
  {
    name: 'UARTDR',
    offset: R.UARTDR,
    mask: 0xff,
    read: (core) => core.readData(),
    write: (core, value) => core.writeData(value),
  },
  {
    name: 'UARTRSR/UARTECR',
    offset: R.UARTRSR,
    mask: 0xff,
    read: readWord(UART_STATE.RSR),
    write: (core) => core.clearErrors(),
  },
  { name: 'UARTFR', offset: R.UARTFR, mask: 0, read: readWord(UART_STATE.FR) },
  {
    name: 'UARTIMSC',
    offset: R.UARTIMSC,
    mask: SBSA_INTERRUPTS,
    read: readWord(UART_STATE.IMSC),
    write: (core, value) => core.writeInterruptMask(value),
  },
  { name: 'UARTRIS', offset: R.UARTRIS, mask: 0, read: readWord(UART_STATE.RIS) },
  {
    name: 'UARTMIS',
    offset: R.UARTMIS,
    mask: 0,
    read: (core) => core.words[UART_STATE.RIS >> 2]! & core.words[UART_STATE.IMSC >> 2]!,
  },
  {
    name: 'UARTICR',
    offset: R.UARTICR,
    mask: SBSA_INTERRUPTS,
    write: (core, value) => core.clearInterrupts(value),
  },
];

const BY_WORD = indexRegisters(SBSA_REGISTERS);

/**
 * The generic UART of Arm's Server Base System Architecture: a PL011 that is always enabled, with 32-entry FIFOs and
 * interrupts at half full. It is what Xen gives a domU as `vpl011`.
 */
export class SbsaUart extends Uart {
  /** Takes over whatever state is in the buffer; call `reset` once on new memory. Throws VuartError. */
  constructor(options: UartOptions) {
    super(options, BY_WORD);
  }

  override reset(): void {
    this.core.reset(R.CR_UARTEN | R.CR_TXE | R.CR_RXE, R.LCR_H_FEN, 0);
  }
}
