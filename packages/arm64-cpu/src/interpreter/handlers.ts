/** The interpreter's handlers: one for each row and each value of its static fields, numbered in the table's order. */
import type { Encoding } from '../decoder.ts';
import { ENCODINGS } from '../encodings.ts';
import type { Fields } from '../table/row.ts';
import { FIRST_HANDLER } from './record.ts';

/**
 * A handler: the row, its static fields' values, for direct branches whether the target is in the same page, and whether
 * it looks at SP behind the instruction.
 */
export interface Handler {
  readonly id: number;
  readonly encoding: Encoding;
  readonly fields: Fields;
  /** Direct branches: the target is in another page. */
  readonly far: boolean;
  /** The instruction may take SP off its alignment (`Row.movesSp`). */
  readonly movesSp: boolean;
}

/** Packs the values of the static fields into one number, in the pattern's order. */
export function staticKey(e: Encoding, fields: Fields): number {
  let key = 0;
  for (const { name, width } of e.staticFields) key = (key << width) | fields[name]!;
  return key;
}

function combinations(e: Encoding): Record<string, number>[] {
  let all: Record<string, number>[] = [{}];
  for (const { name, width } of e.staticFields) {
    all = all.flatMap((f) => Array.from({ length: 2 ** width }, (_, v) => ({ ...f, [name]: v })));
  }
  return all.filter((f) => !e.row.when || e.row.when(f));
}

function enumerate(cold: boolean, from: number): Handler[] {
  let id = from;
  return ENCODINGS.filter((e) => (e.row.cold === true) === cold).flatMap((encoding) =>
    combinations(encoding).flatMap((fields) =>
      (encoding.row.target ? [false, true] : [false]).map((far) => ({
        id: id++,
        encoding,
        fields,
        far,
        movesSp: false,
      })),
    ),
  );
}

/** Handlers that look at SP: out of line, whatever the row's own are. */
function enumerateSp(from: number): Handler[] {
  let id = from;
  return ENCODINGS.filter((e) => e.row.movesSp).flatMap((encoding) =>
    combinations(encoding).map((fields) => ({ id: id++, encoding, fields, far: false, movesSp: true })),
  );
}

/** Handlers in the main function; their ids go on from the ones that are no instruction's. */
export const HOT_HANDLERS: readonly Handler[] = enumerate(false, FIRST_HANDLER);
/** Handlers that are functions of their own; the first is slot 0 of the function table. */
const ownCold = enumerate(true, FIRST_HANDLER + HOT_HANDLERS.length);
export const COLD_HANDLERS: readonly Handler[] = [
  ...ownCold,
  ...enumerateSp(FIRST_HANDLER + HOT_HANDLERS.length + ownCold.length),
];
export const FIRST_COLD = FIRST_HANDLER + HOT_HANDLERS.length;

export const HANDLERS: readonly Handler[] = [...HOT_HANDLERS, ...COLD_HANDLERS];
