/** Finds and describes differences between two results of a case. */
import { disassemble } from '../src/asm/disassemble.ts';
import { decode } from '../src/decoder.ts';
import {
  AREA,
  CAUSE,
  DATA_BYTES,
  FAULT_ADDRESS,
  FPCR,
  FPSR,
  NZCV,
  PC,
  RECORD_BYTES,
  SP,
  TPIDR_EL0,
  V,
  WORDS,
  wordsOf,
  X,
} from './record.ts';

/** Numbers of the records in which two buffers differ. */
export function differing(a: Uint8Array, b: Uint8Array): number[] {
  const out: number[] = [];
  for (let at = 0; at < a.length; at += RECORD_BYTES) {
    const [x, y] = [a, b].map((r) => Buffer.from(r.buffer, r.byteOffset + at, RECORD_BYTES));
    if (!x!.equals(y!)) out.push(at / RECORD_BYTES);
  }
  return out;
}

const hex = (value: bigint | number, digits: number): string => value.toString(16).padStart(digits, '0');
const vector = (record: DataView, n: number): string =>
  `${hex(record.getBigUint64(V + 16 * n + 8, true), 16)}_${hex(record.getBigUint64(V + 16 * n, true), 16)}`;

/** Every part of a record with its name, but the data area and the words. */
function parts(record: DataView): Map<string, string> {
  const out = new Map<string, string>();
  for (let n = 0; n <= SP; n++) {
    out.set(n === SP ? 'sp' : `x${n}`, hex(record.getBigUint64(X + 8 * n, true), 16));
  }
  for (let n = 0; n < 32; n++) out.set(`v${n}`, vector(record, n));
  out.set('nzcv', hex(record.getUint32(NZCV, true) >>> 28, 1));
  out.set('fpcr', hex(record.getUint32(FPCR, true), 8));
  out.set('fpsr', hex(record.getUint32(FPSR, true), 8));
  out.set('tpidr_el0', hex(record.getBigUint64(TPIDR_EL0, true), 16));
  out.set('pc', hex(record.getBigUint64(PC, true), 16));
  out.set('cause', hex(record.getBigUint64(CAUSE, true), 1));
  out.set('fault address', hex(record.getBigUint64(FAULT_ADDRESS, true), 16));
  return out;
}

/** `name: engine …, reference …` for each part that differs. */
export function describeDifferences(engine: DataView, reference: DataView): string[] {
  const other = parts(reference);
  const out = [...parts(engine)]
    .filter(([name, value]) => other.get(name) !== value)
    .map(([name, value]) => `${name}: engine ${value}, reference ${other.get(name)}`);
  for (let n = 0; n < DATA_BYTES; n++) {
    const [a, b] = [engine.getUint8(AREA + n), reference.getUint8(AREA + n)];
    if (a !== b) out.push(`data +${n}: engine ${hex(a, 2)}, reference ${hex(b, 2)}`);
  }
  return out;
}

/** The instructions of a case, a line each. */
export function listing(record: DataView): string[] {
  const start = record.getBigUint64(PC, true);
  return wordsOf(record).map((word, n) => {
    const address = start + BigInt(4 * n);
    return `${hex(address, 8)}: ${hex(word, 8)}  ${disassemble(word, address) ?? '?'}`;
  });
}

/** Rows of the instruction table that a case consists of. */
export const rowNames = (record: DataView): string[] =>
  wordsOf(record).map((word) => decode(word)?.encoding.row.name ?? '?');

/** The start values of the registers that the instructions name, and of the control registers. */
export function inputs(record: DataView): string[] {
  const text = listing(record).join(' ');
  const named = new Set(['nzcv', 'fpcr', 'fpsr']);
  for (const [, letter, number] of text.matchAll(/\b([wxbhsdqv])(\d+)\b/g)) {
    named.add(/[wx]/.test(letter!) ? `x${number}` : `v${number}`);
  }
  if (/\bsp\b/.test(text)) named.add('sp');
  return [...parts(record)].filter(([name]) => named.has(name)).map(([name, value]) => `${name} = ${value}`);
}

/** Offset of the word `n` of a case in its record. */
export const wordOffset = (n: number): number => WORDS + 4 * n;
