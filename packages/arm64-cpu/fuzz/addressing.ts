/** How the rows of the table that access memory make their address. */
import type { Row } from '../src/table/row.ts';

const signed = (value: number, bits: number): number => (value << (32 - bits)) >> (32 - bits);

/** Values of X registers that are known while a case is made; 31 is SP. */
export type Known = (bigint | undefined)[];

type F = Readonly<Record<string, number>>;

export interface Addressing {
  /** Bytes from the base to the first byte that is accessed; undefined where it depends on a value that is not known. */
  readonly offset: (f: F, known: Known) => bigint | undefined;
  /** What the base becomes, as bytes from what it was. Default: no writeback. */
  readonly writeback?: (f: F, known: Known) => bigint | undefined;
  /** What the address must be a multiple of. */
  readonly alignment: bigint;
}

/** Rm shifted and extended as `option` and `S` say; register 31 is zero. */
function indexed(f: F, known: Known, scale: number): bigint | undefined {
  const value = f.Rm === 31 ? 0n : known[f.Rm!];
  if (value === undefined) return undefined;
  const extend = [2, 3, 6, 7].indexOf(f.option!);
  const wide = extend & 1 ? value : extend === 0 ? BigInt.asUintN(32, value) : BigInt.asIntN(32, value);
  return wide << BigInt(f.S! * scale);
}

/** Offsets by the text of the operand between base and bracket. */
const OFFSETS: readonly [RegExp, (parameter: number) => (f: F, known: Known) => bigint | undefined][] = [
  [/^$/, () => () => 0n],
  [/^<#uoffset:(\d+)>$/, (scale) => (f) => BigInt(f.imm12! << scale)],
  [/^<#soffset>$/, () => (f) => BigInt(signed(f.imm9!, 9))],
  [/^, <#simm9>$/, () => (f) => BigInt(signed(f.imm9!, 9))],
  [/^<#poffset:(\d+)>$/, (bytes) => (f) => BigInt(signed(f.imm7!, 7) * bytes)],
  [/^, <#pimm7:(\d+)>$/, (bytes) => (f) => BigInt(signed(f.imm7!, 7) * bytes)],
  [/^, <Rm,offset:(\d+)>$/, (scale) => (f, known) => indexed(f, known, scale)],
  [/^, <Xm>$/, () => (f, known) => known[f.Rm!]],
  [/^, <#postQ:(\d+)>$/, (bytes) => (f) => BigInt(f.Q ? 2 * bytes : bytes)],
  [/^, #(\d+)$/, (bytes) => () => BigInt(bytes)],
];

function offsetOf(operand: string, row: Row): (f: F, known: Known) => bigint | undefined {
  for (const [text, make] of OFFSETS) {
    const found = text.exec(operand);
    if (found) return make(Number(found[1] ?? 0));
  }
  throw new Error(`${row.name}: no rule for the address operand ${operand}`);
}

const ALIGNED = /^(LDA?X[RP]|STL?X[RP]|LDAR|STLR|CASP?|SWP|LD(ADD|CLR|EOR|SET|[SU]MAX|[SU]MIN))[BH]?_(\d+)$/;

/** Bytes that exclusives, atomics and ordered accesses align to; 1 for the rest. */
function alignmentOf(row: Row): bigint {
  const found = ALIGNED.exec(row.name);
  if (!found) return 1n;
  return BigInt((Number(found[3]) / 8) * (found[1]!.endsWith('P') && found[1] !== 'SWP' ? 2 : 1));
}

/** Undefined for rows that do not access memory through a register. */
export function addressingOf(row: Row): Addressing | undefined {
  if (row.asm.startsWith('prf')) return undefined;
  const operand = /\[<Xn\|SP>([^\]]*)\](!?)(.*)$/.exec(row.asm);
  if (!operand) return undefined;
  const [, inside, pre, post] = operand;
  const offset = offsetOf(inside!, row);
  const alignment = alignmentOf(row);
  if (pre) return { offset, writeback: offset, alignment };
  return post ? { offset, writeback: offsetOf(post, row), alignment } : { offset, alignment };
}
