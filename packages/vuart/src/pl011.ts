import { UART_STATE } from './layout.ts';
import * as R from './registers.ts';
import { SBSA_REGISTERS } from './sbsa-uart.ts';
import { indexRegisters, type Register, readWord, Uart } from './uart.ts';
import type { UartOptions } from './uart-core.ts';

/** UARTIMSC and UARTICR reach the four modem interrupts too. */
const PL011_INTERRUPTS = 0x7ff;

/** UARTPeriphID0 to 3 of revision r1p5, then UARTPCellID0 to 3 (DDI 0183G table 3-1). */
const IDENTIFICATION = [0x11, 0x10, 0x34, 0x00, 0x0d, 0xf0, 0x05, 0xb1] as const;

/** A register that keeps what is written and does nothing else. */
const stored = (name: string, offset: number, mask: number, stateOffset: number): Register => ({
  name,
  offset,
  mask,
  read: readWord(stateOffset),
  write: (core, value) => {
    core.words[stateOffset >> 2] = value;
  },
});

const PL011_REGISTERS: readonly Register[] = [
  ...SBSA_REGISTERS.map((register) =>
    register.offset === R.UARTIMSC || register.offset === R.UARTICR
      ? { ...register, mask: PL011_INTERRUPTS }
      : register,
  ),
  stored('UARTILPR', R.UARTILPR, 0xff, UART_STATE.ILPR),
  stored('UARTIBRD', R.UARTIBRD, 0xffff, UART_STATE.IBRD),
  stored('UARTFBRD', R.UARTFBRD, 0x3f, UART_STATE.FBRD),
  stored('UARTIFLS', R.UARTIFLS, 0x3f, UART_STATE.IFLS),
  stored('UARTDMACR', R.UARTDMACR, 0x7, UART_STATE.DMACR),
  {
    name: 'UARTLCR_H',
    offset: R.UARTLCR_H,
    mask: 0xff,
    read: readWord(UART_STATE.LCR_H),
    write: (core, value) => core.writeLineControl(value),
  },
  {
    name: 'UARTCR',
    offset: R.UARTCR,
    mask: 0xff87,
    read: readWord(UART_STATE.CR),
    write: (core, value) => core.writeControl(value),
  },
  ...IDENTIFICATION.map((value, n) => ({
    name: n < 4 ? `UARTPeriphID${n}` : `UARTPCellID${n - 4}`,
    offset: R.UARTPeriphID0 + 4 * n,
    mask: 0,
    read: () => value,
  })),
];

const BY_WORD = indexRegisters(PL011_REGISTERS);

/** What a PL011 has beyond the common ports. */
export interface PL011Options extends UartOptions {
  /**
   * UARTCR after `reset`; 0x300 (RXE and TXE, UARTEN clear) unless given. 0x301 is a UART that firmware has enabled,
   * which an early console of a kernel may count on.
   */
  readonly initialCr?: number;
  /** Modem inputs after `reset` as UARTFR bits; CTS, DSR and DCD asserted (7) unless given. */
  readonly initialModemInputs?: number;
}

/** Arm PrimeCell UART (PL011) revision r1p5, DDI 0183G. */
export class PL011 extends Uart {
  readonly #initialCr: number;
  readonly #initialModemInputs: number;

  /** Takes over whatever state is in the buffer; call `reset` once on new memory. Throws VuartError. */
  constructor(options: PL011Options) {
    super(options, BY_WORD);
    this.#initialCr = (options.initialCr ?? R.CR_TXE | R.CR_RXE) & 0xff87;
    this.#initialModemInputs = options.initialModemInputs ?? R.FR_CTS | R.FR_DSR | R.FR_DCD;
  }

  override reset(): void {
    this.core.reset(this.#initialCr, 0, this.#initialModemInputs);
  }

  /** Sets the modem inputs as UARTFR bits CTS (1), DSR (2), DCD (4) and RI (0x100); 1 is asserted. */
  setModemInputs(fr: number): void {
    this.core.setModemInputs(fr);
  }

  /** Puts a break into the receive FIFO. Gives false when there is no room or the receiver is disabled. */
  receiveBreak(): boolean {
    return this.core.receiveBreak();
  }
}
