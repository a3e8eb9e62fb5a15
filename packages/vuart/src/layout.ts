/** Entries of each FIFO (PL011 r1p5). Also the number of words each FIFO takes in the state. */
export const FIFO_DEPTH = 32;

/**
 * Byte offsets of the 32-bit state words, from `byteOffset`. Every word is little endian in its buffer and
 * holds the value the register of that name reads as, unless said otherwise. PL011 and SbsaUart share the layout.
 */
export const UART_STATE = {
  /** For the embedder: a lock to hold (0 = free) around calls when several threads share the state. Not used here. */
  LOCK: 0,
  /** UARTFR as the guest reads it; always up to date. */
  FR: 4,
  /** UARTRIS as the guest reads it; always up to date. */
  RIS: 8,
  /** UARTIMSC. UARTMIS is RIS & IMSC. */
  IMSC: 12,
  /** UARTCR; SbsaUart keeps UARTEN, TXE and RXE set. */
  CR: 16,
  /** UARTLCR_H; SbsaUart keeps FEN set. */
  LCR_H: 20,
  IBRD: 24,
  FBRD: 28,
  /** UARTIFLS; SbsaUart keeps its reset value, half full both ways. */
  IFLS: 32,
  ILPR: 36,
  DMACR: 40,
  /** UARTRSR. */
  RSR: 44,
  /** Receive FIFO: index of the oldest and of the next entry, both counted modulo 2 * FIFO_DEPTH. */
  RX_HEAD: 48,
  RX_TAIL: 52,
  /** Transmit FIFO: as above. */
  TX_HEAD: 56,
  TX_TAIL: 60,
  /** 1 while the host can't take bytes: `setTransmitReady(false)`. */
  TX_HELD: 64,
  /** 1 after the host offered more bytes than fitted, until `onReceiveSpace` was called. */
  RX_WANTED: 68,
  /** Level of the interrupt output, 0 or 1. */
  INT_LEVEL: 72,
  /** Modem inputs as UARTFR bits CTS, DSR, DCD and RI; 1 is asserted. */
  MODEM: 76,
  /** 1 from an overrun until the next character enters the receive FIFO: bit 11 of UARTDR. */
  OVERRUN: 80,
  /** FIFO_DEPTH words: bits 7:0 data, 8 FE, 9 PE, 10 BE. */
  RX_FIFO: 84,
  /** FIFO_DEPTH words: bits 7:0 data. */
  TX_FIFO: 84 + 4 * FIFO_DEPTH,
} as const;

/** Size of the state of one UART in bytes. `byteOffset` has to be a multiple of 4. */
export const STATE_BYTES = UART_STATE.TX_FIFO + 4 * FIFO_DEPTH;
