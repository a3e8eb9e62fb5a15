/** Instruction words as the translator knows them: decoded once, with their stencils. */
import { decode, type Encoding, isFpAccess } from '../decoder.ts';
import type { Access, Fields, Row } from '../table/row.ts';
import type { RegField } from '../table/sem.ts';
import { pushS32, pushS64 } from '../wasm/leb128.ts';
import { REGISTER_LINK, REGISTER_SP } from './registers.ts';
import { registerNumber } from './sem.ts';
import { type AccessWay, type Circumstances, circumstanceNumber, type Stencil, stencilOf } from './stencil.ts';

/** A stencil and what fills it for one instruction word. */
export interface WordCode {
  readonly stencil: Stencil;
  /** Number of each operand's register. */
  readonly registers: readonly number[];
  /** Each immediate: its LEB128, or the value where its place in the page is to be added. */
  readonly immediates: readonly (readonly number[] | number)[];
}

/** A general register (31: SP) that an instruction writes, and what that adds to it, if it is a constant. */
export interface Change {
  readonly register: number;
  readonly by: number | undefined;
}

/** An instruction word, wherever in a page it is. */
export interface Word {
  readonly word: number;
  readonly encoding: Encoding | undefined;
  /** Its fields, with a `pc` of 0. */
  readonly fields: Fields;
  readonly isFp: boolean;
  /** What it does to flags and control; `undefined`: the interpreter does it. */
  readonly probed: Stencil | undefined;
  readonly access: Access | undefined;
  /** General registers that it writes. */
  readonly changes: readonly Change[];
  /** Bytes to the target of a direct branch. */
  readonly target: number | undefined;
  /** A branch that is expected to come back to the next instruction: what it leads to is a region of its own. */
  readonly isCall: boolean;
  /** It may take SP off its alignment. */
  readonly movesSp: boolean;
  /** By circumstances. */
  readonly codes: (WordCode | undefined)[];
}

const MOST_KNOWN = 2 ** 16;
const known = new Map<number, Word>();

/** The word's knowledge; made when it is first asked for. */
export function wordOf(word: number): Word {
  let found = known.get(word | 0);
  if (found) return found;
  if (known.size >= MOST_KNOWN) known.clear();
  found = look(word);
  known.set(word | 0, found);
  return found;
}

const NO_CIRCUMSTANCES: Circumstances = { flags: 0, way: 'lookup', unaligned: false };

function look(word: number): Word {
  const decoded = decode(word);
  const { encoding, fields } = decoded ?? { encoding: undefined, fields: {} };
  const row = encoding?.row;
  const probed = encoding && stencilOf(encoding, fields, word, NO_CIRCUMSTANCES);
  return {
    word,
    encoding,
    fields,
    isFp: isFpAccess(word),
    probed,
    access: row?.access?.(fields),
    changes: probed ? changesOf(encoding!, fields, probed) : [],
    target: row?.target?.(fields),
    isCall: row?.isCall ?? false,
    movesSp: row?.movesSp?.(fields) ?? false,
    codes: [],
  };
}

function changesOf({ row }: Encoding, fields: Fields, { usage }: Stencil): Change[] {
  const changes: Change[] = usage.links ? [{ register: REGISTER_LINK, by: undefined }] : [];
  for (const { field, sp } of usage.written) {
    const register = registerNumber(fields, field);
    if (register === REGISTER_SP && !sp) continue;
    const before = changes.findIndex((c) => c.register === register);
    if (before < 0) changes.push({ register, by: addedBy(row, fields, field) });
    else changes[before] = { register, by: undefined };
  }
  return changes;
}

/** What the writing of a field adds to the register: behind an access, or by ADD and SUB of a constant. */
function addedBy(row: Row, fields: Fields, field: RegField): number | undefined {
  if (row.access && field === 'Rn') return row.access(fields).writeback;
  if ((row.name !== 'ADD_imm' && row.name !== 'SUB_imm') || fields.Rn !== fields.Rd || fields.sf !== 1)
    return undefined;
  return (row.name === 'ADD_imm' ? 1 : -1) * fields.imm12! * (fields.sh === 1 ? 4096 : 1);
}

/** The code of a word that is translated. */
export function codeOf(w: Word, flags: number, way: AccessWay, unaligned: boolean): WordCode {
  const c = { flags: w.probed!.asksFlags ? flags : 0, way, unaligned };
  const number = circumstanceNumber(c);
  let code = w.codes[number];
  if (!code) {
    code = fill(stencilOf(w.encoding!, w.fields, w.word, c)!, w);
    w.codes[number] = code;
  }
  return code;
}

/** The registers of a word that is translated, as its stencil has them where nothing is special. */
export const registersOf = (w: Word): WordCode => codeOf(w, 0, 'lookup', false);

function fill(stencil: Stencil, { word, fields }: Word): WordCode {
  const registers = stencil.operands.map(
    ({ lsb, ones, plus, bank, always }) => always ?? bank + ((((word >>> lsb) & ones) + plus) & 31),
  );
  const immediates = stencil.immediates.map(({ t, fn, relative }) => {
    const value = fn(fields);
    if (relative) return Number(value);
    return t === 'i32' ? lebOf32(Number(BigInt.asIntN(32, BigInt(value)))) : lebOf64(value);
  });
  return { stencil, registers, immediates };
}

function lebOf32(value: number): number[] {
  const out: number[] = [];
  pushS32(out, value);
  return out;
}

/** LEB128 of an i64, taken modulo 2^64. */
export function lebOf64(value: number | bigint): number[] {
  const out: number[] = [];
  if (typeof value === 'number' && value === (value | 0)) pushS32(out, value);
  else pushS64(out, BigInt(value));
  return out;
}
