import { VuartError } from './errors.ts';
import { FIFO_DEPTH, STATE_BYTES, UART_STATE } from './layout.ts';
import * as R from './registers.ts';

/** Where a UART's state lives, and what it is connected to. */
export interface UartOptions {
  /** Holds the state: an ArrayBuffer, a SharedArrayBuffer or the buffer of a WebAssembly.Memory. */
  readonly buffer: ArrayBufferLike;
  /** Start of STATE_BYTES bytes in `buffer`; a multiple of 4. */
  readonly byteOffset: number;
  /** Takes one transmitted byte. May call `setTransmitReady(false)`, which holds back the next byte. */
  readonly onTransmit: (byte: number) => void;
  /** Called on a change of UARTINTR, the combined interrupt output (active high). */
  readonly onInterrupt: (level: boolean) => void;
  /**
   * Called once when `receive` had refused bytes and the receive FIFO is at most half full again.
   * May call `receive`.
   */
  readonly onReceiveSpace?: () => void;
}

const word = (offset: number): number => offset >> 2;
const FR = word(UART_STATE.FR);
const RIS = word(UART_STATE.RIS);
const IMSC = word(UART_STATE.IMSC);
const CR = word(UART_STATE.CR);
const LCR_H = word(UART_STATE.LCR_H);
const IFLS = word(UART_STATE.IFLS);
const RSR = word(UART_STATE.RSR);
const RX_HEAD = word(UART_STATE.RX_HEAD);
const RX_TAIL = word(UART_STATE.RX_TAIL);
const TX_HEAD = word(UART_STATE.TX_HEAD);
const TX_TAIL = word(UART_STATE.TX_TAIL);
const TX_HELD = word(UART_STATE.TX_HELD);
const RX_WANTED = word(UART_STATE.RX_WANTED);
const INT_LEVEL = word(UART_STATE.INT_LEVEL);
const MODEM = word(UART_STATE.MODEM);
const OVERRUN = word(UART_STATE.OVERRUN);
const RX_FIFO = word(UART_STATE.RX_FIFO);
const TX_FIFO = word(UART_STATE.TX_FIFO);

const INDEX_MASK = 2 * FIFO_DEPTH - 1;
const SLOT_MASK = FIFO_DEPTH - 1;
const TRANSMITTING = R.CR_UARTEN | R.CR_TXE;
const RECEIVING = R.CR_UARTEN | R.CR_RXE;

/** UARTIFLS selections 1/8, 1/4, 1/2, 3/4, 7/8 in entries; reserved encodings act as 7/8. */
const TRIGGER_LEVELS = [4, 8, 16, 24, 28, 28, 28, 28] as const;

/** Each modem input: its UARTFR bit, its interrupt, and the UARTCR output that drives it in loopback. */
const MODEM_LINES = [
  { fr: R.FR_CTS, interrupt: R.INT_CTS, loopback: R.CR_RTS },
  { fr: R.FR_DSR, interrupt: R.INT_DSR, loopback: R.CR_DTR },
  { fr: R.FR_DCD, interrupt: R.INT_DCD, loopback: R.CR_OUT1 },
  { fr: R.FR_RI, interrupt: R.INT_RI, loopback: R.CR_OUT2 },
] as const;

/** The FIFOs, flags and interrupts behind both register views. State is in `words` only. */
export class UartCore {
  readonly words: Int32Array;
  readonly #options: UartOptions;

  constructor(options: UartOptions) {
    const { buffer, byteOffset } = options;
    if (!Number.isInteger(byteOffset) || byteOffset < 0 || byteOffset % 4 !== 0) {
      throw new VuartError('state-misaligned', `byteOffset ${byteOffset} is not a multiple of 4; align the state`);
    }
    if (byteOffset + STATE_BYTES > buffer.byteLength) {
      throw new VuartError(
        'state-too-small',
        `state of ${STATE_BYTES} bytes at ${byteOffset} passes the end of a buffer of ${buffer.byteLength} bytes`,
      );
    }
    this.#options = options;
    this.words = new Int32Array(buffer, byteOffset, STATE_BYTES / 4);
  }

  /**
   * Reset values of DDI 0183G table 3-1, then the given UARTCR, UARTLCR_H and modem inputs. What belongs to the host
   * stays: the lock, whether output is held, and whether input waits.
   */
  reset(cr: number, lcrH: number, modem: number): void {
    const w = this.words;
    w.fill(0, FR, TX_HELD);
    w.fill(0, OVERRUN);
    w[CR] = cr;
    w[LCR_H] = lcrH;
    w[IFLS] = 0x12;
    w[MODEM] = modem & R.FR_MODEM;
    this.#updateFlags();
    this.#updateInterrupt();
    this.#announceSpace();
  }

  get depth(): number {
    return this.words[LCR_H]! & R.LCR_H_FEN ? FIFO_DEPTH : 1;
  }

  get #rxLevel(): number {
    return (this.words[RX_TAIL]! - this.words[RX_HEAD]!) & INDEX_MASK;
  }

  get #txLevel(): number {
    return (this.words[TX_TAIL]! - this.words[TX_HEAD]!) & INDEX_MASK;
  }

  get #rxTrigger(): number {
    return this.depth === 1 ? 1 : TRIGGER_LEVELS[(this.words[IFLS]! >> 3) & 7]!;
  }

  get #txTrigger(): number {
    return this.depth === 1 ? 0 : TRIGGER_LEVELS[this.words[IFLS]! & 7]!;
  }

  /** UARTDR read: the oldest character with its error bits; 0 when there is none. */
  readData(): number {
    const w = this.words;
    if (this.#rxLevel === 0) return 0;
    const head = w[RX_HEAD]!;
    const entry = w[RX_FIFO + (head & SLOT_MASK)]! | (w[OVERRUN]! ? R.DR_OE : 0);
    w[RX_HEAD] = (head + 1) & INDEX_MASK;
    w[RSR] = (w[RSR]! & R.RSR_OE) | ((entry >> 8) & 0x7);
    const level = this.#rxLevel;
    if (level < this.#rxTrigger) w[RIS]! &= ~R.INT_RX;
    if (level === 0) w[RIS]! &= ~R.INT_RT;
    this.#updateFlags();
    this.#updateInterrupt();
    this.#announceSpace();
    return entry;
  }

  /** UARTDR write. A byte written to a full FIFO is lost, as on hardware. */
  writeData(byte: number): void {
    const w = this.words;
    if (this.#txLevel < this.depth) {
      const tail = w[TX_TAIL]!;
      w[TX_FIFO + (tail & SLOT_MASK)] = byte & 0xff;
      w[TX_TAIL] = (tail + 1) & INDEX_MASK;
    }
    this.#pump();
  }

  /**
   * Sends what the transmitter and the host allow. TXRIS is set when bytes left and the FIFO is at or below its
   * trigger level, and cleared above it: drivers fill the FIFO from the interrupt without a look at UARTFR, so TXRIS
   * has to mean that the space above the trigger level is free.
   */
  #pump(): void {
    const w = this.words;
    let sent = false;
    while (this.#txLevel > 0 && this.#canTransmit()) {
      const head = w[TX_HEAD]!;
      const byte = w[TX_FIFO + (head & SLOT_MASK)]!;
      w[TX_HEAD] = (head + 1) & INDEX_MASK;
      sent = true;
      if (w[CR]! & R.CR_LBE) this.#receiveLooped(byte);
      else this.#options.onTransmit(byte);
    }
    if (this.#txLevel > this.#txTrigger) w[RIS]! &= ~R.INT_TX;
    else if (sent) w[RIS]! |= R.INT_TX;
    this.#updateFlags();
    this.#updateInterrupt();
  }

  #canTransmit(): boolean {
    const w = this.words;
    const cr = w[CR]!;
    if ((cr & TRANSMITTING) !== TRANSMITTING) return false;
    if (cr & R.CR_CTSEN && !(this.#modemInputs() & R.FR_CTS)) return false;
    return (cr & R.CR_LBE) !== 0 || w[TX_HELD] === 0;
  }

  setTransmitReady(ready: boolean): void {
    this.words[TX_HELD] = ready ? 0 : 1;
    if (ready) this.#pump();
  }

  receive(bytes: Uint8Array): number {
    let accepted = 0;
    if (this.#canReceive()) {
      const room = this.depth - this.#rxLevel;
      accepted = Math.max(0, Math.min(bytes.length, room));
      for (let i = 0; i < accepted; i++) this.#push(bytes[i]!);
    }
    if (accepted < bytes.length) this.words[RX_WANTED] = 1;
    if (accepted > 0) this.#received();
    return accepted;
  }

  receiveBreak(): boolean {
    if (!this.#canReceive() || this.#rxLevel >= this.depth) return false;
    this.#push(R.DR_BE);
    this.words[RIS]! |= R.INT_BE;
    this.#received();
    return true;
  }

  #canReceive(): boolean {
    return (this.words[CR]! & (RECEIVING | R.CR_LBE)) === RECEIVING;
  }

  #receiveLooped(byte: number): void {
    const w = this.words;
    if (!(w[CR]! & R.CR_RXE)) return;
    if (this.#rxLevel < this.depth) {
      this.#push(byte);
    } else {
      w[OVERRUN] = 1;
      w[RSR]! |= R.RSR_OE;
      w[RIS]! |= R.INT_OE;
    }
    this.#received();
  }

  #push(entry: number): void {
    const w = this.words;
    const tail = w[RX_TAIL]!;
    w[RX_FIFO + (tail & SLOT_MASK)] = entry;
    w[RX_TAIL] = (tail + 1) & INDEX_MASK;
    w[OVERRUN] = 0;
  }

  #received(): void {
    // There is no baud clock: the receive timeout has passed as soon as a character is in.
    this.words[RIS]! |= R.INT_RT | (this.#rxLevel >= this.#rxTrigger ? R.INT_RX : 0);
    this.#updateFlags();
    this.#updateInterrupt();
  }

  writeControl(cr: number): void {
    const before = this.#modemInputs();
    this.words[CR] = cr;
    this.#modemChanged(before);
    this.#pump();
    this.#announceSpace();
  }

  /** A change of FEN empties both FIFOs (DDI 0183G section 3.3.8: FEN = 0 flushes the transmit FIFO). */
  writeLineControl(lcrH: number): void {
    const w = this.words;
    const fenChanges = ((w[LCR_H]! ^ lcrH) & R.LCR_H_FEN) !== 0;
    w[LCR_H] = lcrH;
    if (!fenChanges) return;
    w[RX_HEAD] = w[RX_TAIL]!;
    w[TX_HEAD] = w[TX_TAIL]!;
    w[RIS]! &= ~(R.INT_RX | R.INT_RT);
    this.#updateFlags();
    this.#updateInterrupt();
    this.#announceSpace();
  }

  writeInterruptMask(imsc: number): void {
    this.words[IMSC] = imsc;
    this.#updateInterrupt();
  }

  clearInterrupts(icr: number): void {
    this.words[RIS]! &= ~icr;
    this.#updateInterrupt();
  }

  clearErrors(): void {
    this.words[RSR] = 0;
  }

  setModemInputs(fr: number): void {
    const before = this.#modemInputs();
    this.words[MODEM] = fr & R.FR_MODEM;
    this.#modemChanged(before);
    this.#pump();
  }

  #modemInputs(): number {
    const cr = this.words[CR]!;
    if (!(cr & R.CR_LBE)) return this.words[MODEM]!;
    let fr = 0;
    for (const line of MODEM_LINES) if (cr & line.loopback) fr |= line.fr;
    return fr;
  }

  #modemChanged(before: number): void {
    const changed = before ^ this.#modemInputs();
    for (const line of MODEM_LINES) if (changed & line.fr) this.words[RIS]! |= line.interrupt;
    this.#updateFlags();
    this.#updateInterrupt();
  }

  #announceSpace(): void {
    const w = this.words;
    if (!w[RX_WANTED] || !this.#canReceive() || this.#rxLevel > this.depth >> 1) return;
    w[RX_WANTED] = 0;
    this.#options.onReceiveSpace?.();
  }

  #updateFlags(): void {
    const rx = this.#rxLevel;
    const tx = this.#txLevel;
    const depth = this.depth;
    this.words[FR] =
      this.#modemInputs() |
      (tx === 0 ? R.FR_TXFE : R.FR_BUSY) |
      (tx >= depth ? R.FR_TXFF : 0) |
      (rx === 0 ? R.FR_RXFE : 0) |
      (rx >= depth ? R.FR_RXFF : 0);
  }

  #updateInterrupt(): void {
    const w = this.words;
    const level = (w[RIS]! & w[IMSC]!) !== 0 ? 1 : 0;
    if (level === w[INT_LEVEL]) return;
    w[INT_LEVEL] = level;
    this.#options.onInterrupt(level === 1);
  }
}
