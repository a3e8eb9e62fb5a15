/** Runs records on the engine: EL0, MMU on. */
import { SP_OFFSET, stateOffset, V_OFFSET, X_OFFSET } from '../src/state.ts';
import { RAM_BASE, TestBoard, type Translate } from '../test/board.ts';
import {
  AREA,
  BRK,
  CAUSE,
  CODE,
  CODE_BYTES,
  DATA,
  DATA_BYTES,
  FAULT_ADDRESS,
  FPCR,
  FPSR,
  MAX_WORDS,
  NZCV,
  PC,
  RECORD_BYTES,
  recordAt,
  SP,
  TPIDR_EL0,
  V,
  WORDS,
  X,
} from './record.ts';
import { FPCR_BITS } from './rules.ts';

const RAM_MIB = 16;
const STAGE1 = RAM_BASE + 0x10_0000;
const VECTORS = RAM_BASE + 0x20_0000;
const HVC = 0xd400_0002;
const IXC = 0x10;
const EC_BRK = 0x3c;
const BUDGET = 100_000;
const BREAKS = new Array<number>(MAX_WORDS).fill(BRK);
const SP_EL0 = stateOffset('SP_EL0');

export class EngineSide {
  readonly #board: TestBoard;

  constructor(translate: Translate = false) {
    const b = new TestBoard({ ramMiB: RAM_MIB, translate });
    this.#board = b;
    // EL0 may read, write and execute everything but the page of exception vectors (AP = 01, then 00).
    b.identityStage1(STAGE1, RAM_MIB, (va) => (va === VECTORS ? 0x700n : 0x740n));
    for (let at = 0; at < 0x800; at += 0x80) b.write(VECTORS + at, [HVC]);
    b.write(CODE, new Array<number>(CODE_BYTES / 4).fill(BRK));
    b.set('VBAR_EL1', BigInt(VECTORS));
  }

  /** What the records become. */
  run(records: Uint8Array): Uint8Array {
    const results = records.slice();
    for (let n = 0; n < records.length / RECORD_BYTES; n++) this.#case(recordAt(results, n));
    return results;
  }

  #case(record: DataView): void {
    const b = this.#board;
    const bytes = new Uint8Array(record.buffer, record.byteOffset, RECORD_BYTES);
    const start = Number(record.getBigUint64(PC, true));
    this.#enter(record, bytes);
    const words = bytes.slice(WORDS, WORDS + 4 * MAX_WORDS);
    b.write(start, words);
    const reason = b.engine.run(b.vcpu, BUDGET);
    b.write(start, BREAKS);
    this.#leave(record, bytes, reason === 'request');
  }

  #enter(record: DataView, bytes: Uint8Array): void {
    const b = this.#board;
    b.set32('el', 0);
    b.set32('spsel', 0);
    b.set32('daif', 0);
    b.set32('exitRequest', 0);
    b.set32('faultKind', 0);
    b.set32('exclusiveAddress', -1);
    b.bytes.set(bytes.subarray(X, X + 8 * SP), b.vcpu + X_OFFSET);
    b.bytes.set(bytes.subarray(X + 8 * SP, X + 8 * SP + 8), b.vcpu + SP_OFFSET);
    b.bytes.set(bytes.subarray(V, V + 512), b.vcpu + V_OFFSET);
    const fpcr = record.getUint32(FPCR, true);
    const fpsr = record.getUint32(FPSR, true);
    b.set('FPCR', BigInt(fpcr));
    b.set('FPSR', BigInt(fpsr));
    b.set32('fpFast', (fpsr & IXC) !== 0 && (fpcr & FPCR_BITS) === 0 ? 1 : 0);
    b.set('TPIDR_EL0', record.getBigUint64(TPIDR_EL0, true));
    const nzcv = record.getUint32(NZCV, true) >>> 28;
    b.set('flagN', nzcv & 8 ? 1n << 63n : 0n);
    b.set('flagZ', nzcv & 4 ? 0n : 1n);
    b.set32('flagC', (nzcv >> 1) & 1);
    b.set32('flagV', nzcv & 1);
    b.bytes.set(bytes.subarray(AREA, AREA + DATA_BYTES), b.at(DATA));
    b.set('pc', record.getBigUint64(PC, true));
  }

  #leave(record: DataView, bytes: Uint8Array, stopped: boolean): void {
    const b = this.#board;
    bytes.set(b.bytes.subarray(b.vcpu + X_OFFSET, b.vcpu + X_OFFSET + 8 * SP), X);
    bytes.set(b.bytes.subarray(b.vcpu + SP_EL0, b.vcpu + SP_EL0 + 8), X + 8 * SP);
    bytes.set(b.bytes.subarray(b.vcpu + V_OFFSET, b.vcpu + V_OFFSET + 512), V);
    record.setUint32(FPCR, Number(b.get('FPCR')), true);
    record.setUint32(FPSR, Number(b.get('FPSR')), true);
    record.setBigUint64(NZCV, b.get('SPSR_EL1') & 0xf000_0000n, true);
    record.setBigUint64(PC, b.get('ELR_EL1'), true);
    record.setBigUint64(TPIDR_EL0, b.get('TPIDR_EL0'), true);
    const ec = Number(b.get('ESR_EL1') >> 26n);
    const isBreak = stopped && ec === EC_BRK;
    record.setBigUint64(CAUSE, isBreak ? 0n : BigInt(stopped ? 256 + ec : 1024), true);
    record.setBigUint64(FAULT_ADDRESS, isBreak ? 0n : b.get('FAR_EL1'), true);
    bytes.set(b.bytes.subarray(b.at(DATA), b.at(DATA) + DATA_BYTES), AREA);
  }
}
