export { VuartError, type VuartErrorCode } from './errors.ts';
export { FIFO_DEPTH, STATE_BYTES, UART_STATE } from './layout.ts';
export { PL011, type PL011Options } from './pl011.ts';
/** Offsets and bits of the PL011's registers by the names of its manual. */
export * as PL011_REGISTER from './registers.ts';
export { SbsaUart } from './sbsa-uart.ts';
export { type AccessSize, UART_SIZE, Uart } from './uart.ts';
export type { UartOptions } from './uart-core.ts';
