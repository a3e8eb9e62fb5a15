/** Register offsets, PL011 TRM (DDI 0183G) table 3-1. */
export const UARTDR = 0x00;
/** Reads as UARTRSR, writes as UARTECR. */
export const UARTRSR = 0x04;
export const UARTFR = 0x18;
export const UARTILPR = 0x20;
export const UARTIBRD = 0x24;
export const UARTFBRD = 0x28;
export const UARTLCR_H = 0x2c;
export const UARTCR = 0x30;
export const UARTIFLS = 0x34;
export const UARTIMSC = 0x38;
export const UARTRIS = 0x3c;
export const UARTMIS = 0x40;
export const UARTICR = 0x44;
export const UARTDMACR = 0x48;
/** UARTPeriphID0 to 3 and UARTPCellID0 to 3, one byte in each word. */
export const UARTPeriphID0 = 0xfe0;

/** UARTFR. */
export const FR_CTS = 0x001;
export const FR_DSR = 0x002;
export const FR_DCD = 0x004;
export const FR_BUSY = 0x008;
export const FR_RXFE = 0x010;
export const FR_TXFF = 0x020;
export const FR_RXFF = 0x040;
export const FR_TXFE = 0x080;
export const FR_RI = 0x100;
export const FR_MODEM = FR_CTS | FR_DSR | FR_DCD | FR_RI;

/** UARTRIS, UARTMIS, UARTIMSC and UARTICR. */
export const INT_RI = 0x001;
export const INT_CTS = 0x002;
export const INT_DCD = 0x004;
export const INT_DSR = 0x008;
export const INT_RX = 0x010;
export const INT_TX = 0x020;
export const INT_RT = 0x040;
export const INT_FE = 0x080;
export const INT_PE = 0x100;
export const INT_BE = 0x200;
export const INT_OE = 0x400;

/** UARTCR. */
export const CR_UARTEN = 0x0001;
export const CR_LBE = 0x0080;
export const CR_TXE = 0x0100;
export const CR_RXE = 0x0200;
export const CR_DTR = 0x0400;
export const CR_RTS = 0x0800;
export const CR_OUT1 = 0x1000;
export const CR_OUT2 = 0x2000;
export const CR_CTSEN = 0x8000;

/** UARTLCR_H. */
export const LCR_H_FEN = 0x10;

/** UARTRSR; the same errors are bits 11:8 of UARTDR. */
export const RSR_OE = 0x8;
export const DR_BE = 0x400;
export const DR_OE = 0x800;
