/**
 * The table by which the core module makes records from instruction words: made from the instruction table when the core
 * is built. What rows say by functions of fields is measured here, and written down as patterns of bits and sums of bits.
 */
import { decodeBitMask } from '../bitmask.ts';
import { type Encoding, encodingNamed, encodingsInOrder } from '../decoder.ts';
import type { Fields } from '../table/row.ts';
import { type Cube, cubesOf, tableOf } from './cubes.ts';
import { Form, placesOf } from './form.ts';
import { FIRST_COLD, HANDLERS, type Handler } from './handlers.ts';
import { fitSum, type Sum } from './linear.ts';
import { HANDLER_USES_FLAGS, type Operand, REGISTERS, type RecordSpec } from './record.ts';

/** An operation of a handler's program: OP_BYTES bytes, of which each kind uses some. */
export const OP = {
  /** The record is whole. */
  end: 0,
  /** acc += the bits at `lsb`, `width` of them, times `factor`; likewise with a sign; acc += factor; acc += the PC. */
  bits: 1,
  signed: 2,
  add: 3,
  pc: 4,
  /** Puts acc into the record, and clears it. */
  store4: 5,
  store8: 6,
  /**
   * Puts a register's place into the record. `width` is added to its number; `extra` is the place of number 31, of a
   * SIMD register the ones of the field.
   */
  general: 7,
  vector: 8,
  /** acc is the displacement of a direct branch. */
  branch: 9,
  /** acc = the immediate of a logical instruction; of a bitfield move, the shift counts that its operands are. */
  bitmask: 10,
  fieldUp: 11,
  fieldDown: 12,
  fieldInsert: 13,
} as const;

/** Byte offsets in an operation. */
export const OP_KIND = 0;
export const OP_AT = 1;
export const OP_LSB = 2;
export const OP_WIDTH = 3;
export const OP_EXTRA = 4;
export const OP_FACTOR = 8;
export const OP_BYTES = 16;

/** Byte offsets in an entry: words with `(word & mask) === match` have the handler and the program. */
export const ENTRY_MASK = 0;
export const ENTRY_MATCH = 4;
export const ENTRY_HANDLER = 8;
export const ENTRY_PROGRAM = 10;
export const ENTRY_USES_BASE = 12;
export const ENTRY_BYTES = 16;

/**
 * Entries are listed by the upper bits of the word: LIST_BYTES for each value of these. Where the entries would be many,
 * there is a list for each value of some other bits: `width` of them from `shift`.
 */
export const LIST_SHIFT = 21;
const LISTS = 2 ** (32 - LIST_SHIFT);
export const LIST_START = 0;
export const LIST_BITS_SHIFT = 2;
export const LIST_BITS_WIDTH = 3;
export const LIST_BYTES = 4;

/** The table, in parts. Numbers are little-endian. */
export interface DecodeTable {
  /** For each value of the upper bits: index of the first of its lists' beginnings in `members`; `shift`; `width`. */
  readonly lists: Uint8Array;
  /**
   * Beginnings of lists, and lists, of u16: a list has indices of entries, of which the first that fits counts. Entry 0 fits
   * all: what is unallocated.
   */
  readonly members: Uint8Array;
  readonly entries: Uint8Array;
  readonly ops: Uint8Array;
}

/** Functions that are no sum of bits, by the operation that computes them. */
const SPECIAL: readonly { readonly op: number; value(word: number): bigint | undefined }[] = [
  {
    op: OP.bitmask,
    value: (w) => decodeBitMask((w >>> 22) & 1, (w >>> 10) & 63, (w >>> 16) & 63, w >>> 31 ? 64 : 32),
  },
  { op: OP.fieldUp, value: (w) => bitField(w, (n, from, _, width) => n - from - width) },
  { op: OP.fieldDown, value: (w) => bitField(w, (n, _, to, width) => n - to - width) },
  {
    op: OP.fieldInsert,
    value: (w) => bitField(w, (n, from, to, width) => ((from - to) & (n - 1)) | ((n - width) << 8) | (to << 16)),
  },
];

/** The bits that SBFM, UBFM and BFM move (Arm ARM C6.2): `width` of `n`, from bit `from` to bit `to`. */
function bitField(word: number, use: (n: number, from: number, to: number, width: number) => number): bigint {
  const [n, immr, imms] = [word >>> 31 ? 64 : 32, (word >>> 16) & 63, (word >>> 10) & 63];
  return BigInt(imms >= immr ? use(n, immr, 0, imms - immr + 1) : use(n, 0, n - immr, imms + 1));
}

interface Op {
  readonly kind: number;
  readonly at?: number;
  readonly lsb?: number;
  readonly width?: number;
  readonly extra?: number;
  readonly factor?: bigint;
}

interface Entry extends Cube {
  readonly handler: number;
  readonly usesBase: boolean;
  readonly ops: readonly Op[];
}

/** An operand that is no sum of bits for the words of a cube: it may be for those with bit `place` clear, and set. */
class NotASum extends Error {
  readonly place: number;

  constructor(place: number) {
    super('an operand is no sum of bits');
    this.place = place;
  }
}

/** The sum that `value` is on `cube`. */
function sumOf(form: Form, cube: Cube, value: (f: Fields) => number | bigint): Sum {
  const fields = form.fieldsOf(cube, value);
  const places = fields.flatMap(placesOf).filter((at) => ((cube.mask >>> at) & 1) === 0);
  form.read(cube.match);
  const fit = fitSum({ places, valueAt: (word) => BigInt(value(form.read(word | cube.match, fields))) });
  if ('culprit' in fit) throw new NotASum(fit.culprit);
  return fit.sum;
}

const opsOfSum = ({ base, terms }: Sum): Op[] => [
  ...(base === 0n ? [] : [{ kind: OP.add, factor: base }]),
  ...terms.map(({ lsb, width, signed, factor }) => ({ kind: signed ? OP.signed : OP.bits, lsb, width, factor })),
];

/** The operation that computes what `value` does on `cube`, if it is one of the few that are no sum. */
const specialOf = (form: Form, cube: Cube, value: (f: Fields) => bigint, bits: number): number | undefined =>
  SPECIAL.find((one) =>
    form.words(cube, 64).every((word) => {
      const v = one.value(word);
      return v !== undefined && BigInt.asIntN(bits, v) === value(form.read(word));
    }),
  )?.op;

/** Operations that compute an immediate. */
function opsOfValue(form: Form, cube: Cube, { value, bytes }: Operand): Op[] {
  const cut = (f: Fields): bigint => BigInt.asIntN(8 * bytes, BigInt(value(f)));
  const usesPc = value({ ...form.read(cube.match), pc: 4 }) !== value(form.read(cube.match));
  try {
    return [...opsOfSum(sumOf(form, cube, cut)), ...(usesPc ? [{ kind: OP.pc }] : [])];
  } catch (error) {
    const kind = error instanceof NotASum ? specialOf(form, cube, cut, 8 * bytes) : undefined;
    if (kind === undefined) throw error;
    return [{ kind }];
  }
}

function opsOfOperand(form: Form, cube: Cube, operand: Operand): Op[] {
  const { offset: at, register } = operand;
  if (register) {
    const { lsb, ones } = form.encoding.pattern.fields.find(({ name }) => name === register.field)!;
    if (register.use === 'V') return [{ kind: OP.vector, at, lsb, width: register.plus, extra: ones }];
    if (ones !== 31) throw new Error(`${form.encoding.row.name} has no 5 bits for ${register.field}`);
    return [{ kind: OP.general, at, lsb, width: register.plus, extra: REGISTERS[register.use](31) }];
  }
  const { target } = form.encoding.row;
  if (operand.isTarget) return [...opsOfSum(sumOf(form, cube, target!)), { kind: OP.branch, at }];
  return [...opsOfValue(form, cube, operand), { kind: operand.bytes === 4 ? OP.store4 : OP.store8, at }];
}

/** Whether a load or store has its address in Rn, where 31 is an SP that must be aligned: literals and prefetches have not. */
const usesBase = ({ row, pattern }: Encoding): boolean =>
  !row.name.startsWith('PRF') && pattern.fields.some((f) => f.name === 'Rn');

/** The entries of one form: cubes of its words on which all is simple. Those of `moving` come first. */
function entriesOf(form: Form, plain: Handler, moving: Handler | undefined, specs: Specs): Entry[] {
  const { check, movesSp } = form.encoding.row;
  if (!check && !moving) return entriesOn(form, form.cube, plain, specs);
  const fields = form.fieldsOf(form.cube, (f) => [check?.(f), movesSp?.(f)]);
  const ask = (word: number): number => {
    const f = form.read(word | form.fixed, fields);
    if (check && !check(f)) return 0;
    return moving && movesSp!(f) ? 2 : 1;
  };
  const places = form.placesThatMatter(form.cube, fields, ask);
  const table = tableOf(places, ask);
  const within = ({ mask, match }: Cube): Cube => ({
    mask: (form.cube.mask | mask) >>> 0,
    match: (form.cube.match | match) >>> 0,
  });
  const moved = moving
    ? cubesOf(
        places,
        table.map((v) => (v === 2 ? 1 : 0)),
      )
    : [];
  return [
    ...moved.flatMap((cube) => entriesOn(form, within(cube), moving!, specs)),
    ...cubesOf(
      places,
      table.map((v) => (v === 0 ? 0 : 1)),
    ).flatMap((cube) => entriesOn(form, within(cube), plain, specs)),
  ];
}

function entriesOn(form: Form, cube: Cube, handler: Handler, specs: Specs): Entry[] {
  const spec = specs.get(handler.id)!;
  try {
    const ops = [...spec.operands.flatMap((operand) => opsOfOperand(form, cube, operand)), { kind: OP.end }];
    const flags = handler.id >= FIRST_COLD && spec.usesFlags ? HANDLER_USES_FLAGS : 0;
    return [{ ...cube, handler: handler.id | flags, usesBase: usesBase(form.encoding), ops }];
  } catch (error) {
    if (!(error instanceof NotASum)) throw error;
    const bit = 1 << error.place;
    const mask = (cube.mask | bit) >>> 0;
    return [cube.match, (cube.match | bit) >>> 0].flatMap((match) => entriesOn(form, { mask, match }, handler, specs));
  }
}

type Specs = ReadonlyMap<number, RecordSpec>;

/** Entries of all handlers, in the order in which they are to be tried. */
function allEntries(specs: Specs): Entry[] {
  const encodings = encodingsInOrder();
  const byEncoding = new Map<Encoding, Handler[]>(encodings.map((e) => [e, []]));
  for (const h of HANDLERS) byEncoding.get(h.encoding)!.push(h);
  const udf = byEncoding.get(encodingNamed('UDF'))![0]!;
  const unallocated: Entry = { mask: 0, match: 0, handler: udf.id, usesBase: false, ops: [{ kind: OP.end }] };
  const entries = [unallocated];
  for (const encoding of encodings) {
    const handlers = byEncoding.get(encoding)!;
    for (const plain of handlers.filter(({ far, movesSp }) => !far && !movesSp)) {
      const far = handlers.find((h) => h.far && h.fields === plain.fields);
      if (far && far.id !== plain.id + 1) throw new Error(`the handlers of ${encoding.row.name} are not neighbours`);
      const moving = handlers.find((h) => h.movesSp && sameFields(h.fields, plain.fields));
      entries.push(...entriesOf(new Form(encoding, plain.fields), plain, moving, specs));
    }
  }
  return entries;
}

const sameFields = (a: Fields, b: Fields): boolean => Object.keys(a).every((name) => a[name] === b[name]);

/** Indices of those of the entries `from` that fit words with each value of `width` bits at `shift`, in order. */
function spread(entries: readonly Entry[], from: readonly number[], shift: number, width: number): number[][] {
  const count = 2 ** width;
  const lists: number[][] = Array.from({ length: count }, () => []);
  for (const index of from) {
    const { mask, match } = entries[index]!;
    const open = ~(mask >>> shift) & (count - 1);
    // Every combination of the bits that the entry leaves open.
    for (let bits = open; ; bits = (bits - 1) & open) {
      lists[((match >>> shift) & (count - 1)) | bits]!.push(index);
      if (bits === 0) break;
    }
  }
  return lists;
}

/** A list that is longer is parted by other bits. */
const LONG = 6;
const PARTED_WIDTH = 6;

/** The lists for one value of the upper bits. */
function partsOf(
  entries: readonly Entry[],
  list: readonly number[],
): { shift: number; width: number; parts: number[][] } {
  const cost = (parts: readonly number[][]): number => parts.reduce((sum, { length }) => sum + length * length, 0);
  let best = { shift: 0, width: 0, parts: [[...list]] };
  for (let shift = 0; list.length > LONG && shift + PARTED_WIDTH <= LIST_SHIFT; shift++) {
    const parts = spread(entries, list, shift, PARTED_WIDTH);
    if (best.width === 0 || cost(parts) < cost(best.parts)) best = { shift, width: PARTED_WIDTH, parts };
  }
  return best;
}

/** Collects lists of numbers one behind the other; equal ones are there once. */
class Pool {
  readonly all: number[] = [];
  readonly #known = new Map<string, number>();

  /** Where the list begins. */
  add(list: readonly number[]): number {
    const key = list.join();
    let at = this.#known.get(key);
    if (at === undefined) {
      at = this.all.length;
      this.all.push(...list);
      this.#known.set(key, at);
    }
    return at;
  }
}

function listsOf(entries: readonly Entry[]): { lists: Uint8Array; members: Uint8Array } {
  const pool = new Pool();
  const view = new DataView(new ArrayBuffer(LIST_BYTES * LISTS));
  const known = new Map<string, number>();
  const all = entries.map((_, index) => index).slice(1);
  spread(entries, all, LIST_SHIFT, 32 - LIST_SHIFT).forEach((list, n) => {
    const key = list.join();
    const same = known.get(key);
    if (same === undefined) {
      const { shift, width, parts } = partsOf(entries, list);
      view.setUint16(LIST_BYTES * n + LIST_START, pool.add(parts.map((part) => pool.add([...part, 0]))), true);
      view.setUint8(LIST_BYTES * n + LIST_BITS_SHIFT, shift);
      view.setUint8(LIST_BYTES * n + LIST_BITS_WIDTH, width);
      known.set(key, n);
    } else view.setUint32(LIST_BYTES * n, view.getUint32(LIST_BYTES * same));
  });
  return { lists: new Uint8Array(view.buffer), members: u16(pool.all) };
}

const u16 = (numbers: readonly number[]): Uint8Array => {
  if (numbers.some((n) => n > 0xffff))
    throw new Error('the table of instructions has more parts than its indices count');
  const view = new DataView(new ArrayBuffer(2 * numbers.length));
  numbers.forEach((n, i) => {
    view.setUint16(2 * i, n, true);
  });
  return new Uint8Array(view.buffer);
};

const keyOfOp = ({ kind, at, lsb, width, extra, factor }: Op): string =>
  [kind, at, lsb, width, extra, factor].join(':');

function opBytes(ops: readonly Op[]): Uint8Array {
  const view = new DataView(new ArrayBuffer(OP_BYTES * ops.length));
  ops.forEach(({ kind, at = 0, lsb = 0, width = 0, extra = 0, factor = 0n }, n) => {
    const base = OP_BYTES * n;
    [kind, at, lsb, width].forEach((v, i) => {
      view.setUint8(base + i, v);
    });
    view.setUint32(base + OP_EXTRA, extra, true);
    view.setBigInt64(base + OP_FACTOR, factor, true);
  });
  return new Uint8Array(view.buffer);
}

/** Makes the table. `specs` has the operands of each handler, by its number. */
export function makeDecodeTable(specs: Specs): DecodeTable {
  const entries = allEntries(specs);
  const ops: Op[] = [];
  const programs = new Map<string, number>();
  const view = new DataView(new ArrayBuffer(ENTRY_BYTES * entries.length));
  entries.forEach(({ mask, match, handler, usesBase: base, ops: own }, n) => {
    const key = own.map(keyOfOp).join();
    const program = programs.get(key) ?? ops.length;
    if (program === ops.length) ops.push(...own);
    programs.set(key, program);
    const at = ENTRY_BYTES * n;
    view.setUint32(at + ENTRY_MASK, mask, true);
    view.setUint32(at + ENTRY_MATCH, match, true);
    view.setUint16(at + ENTRY_HANDLER, handler, true);
    view.setUint16(at + ENTRY_PROGRAM, program, true);
    view.setUint8(at + ENTRY_USES_BASE, base ? 1 : 0);
  });
  return { ...listsOf(entries), entries: new Uint8Array(view.buffer), ops: opBytes(ops) };
}
