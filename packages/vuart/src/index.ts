export { VuartError, type VuartErrorCode } from './errors.ts';
export { FIFO_DEPTH, STATE_BYTES, UART_STATE } from './layout.ts';
export { PL011, type PL011Options } from './pl011.ts';
export { SbsaUart } from './sbsa-uart.ts';
export { type AccessSize, UART_SIZE, Uart } from './uart.ts';
export type { UartOptions } from './uart-core.ts';
