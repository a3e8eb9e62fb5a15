/** Puts units of instructions behind each other and keeps track of which X registers hold what. */
import type { Known } from './addressing.ts';
import type { Random } from './random.ts';
import { DATA, DATA_BYTES, SP } from './record.ts';
import { closers, type FuzzRow } from './rows.ts';
import { FPCR_WRITES, FPSR_WRITES } from './rules.ts';
import { adr, drawWord, fieldsOf, isAllowed, moveConstant, moveToSp, type Pool, withField } from './words.ts';

/** A forward branch that has no target yet. */
interface Branch {
  /** Where in `words` the word is, and how a distance in words is put into it. */
  readonly at: number;
  readonly patch: (word: number, distance: number) => number;
  /** Units until it lands. */
  units: number;
  /** What was known when it was taken. */
  readonly known: Known;
}

/** A unit under way: its words, and what is known behind it. */
interface Unit {
  readonly words: number[];
  readonly known: Known;
  branch?: Pick<Branch, 'at' | 'patch'>;
}

/** An access starts no closer to the ends of the data area than this: the longest is 64 bytes, as is a DC ZVA block. */
const MARGIN = 64;
const inArea = (address: bigint): boolean =>
  address >= BigInt(DATA + MARGIN) && address < BigInt(DATA + DATA_BYTES - MARGIN);

const ADDRESS_TRIES = 24;
/** From this try on a base register is set up for the access; earlier ones take what registers hold. */
const SETUP_FROM = 8;
const TARGET_FIELDS: Readonly<Record<string, string>> = { B: 'imm26', BL: 'imm26', TBZ: 'imm14', TBNZ: 'imm14' };
const CLREX = 0xd503_3f5f;

export class Sequence {
  readonly words: number[] = [];
  readonly #r: Random;
  readonly #start: number;
  readonly #pools: { general: Pool; vector: Pool };
  #known: Known;
  #branches: Branch[] = [];

  /** `x`: the start values of X0 … X30 and SP. `start`: address of the first instruction. */
  constructor(r: Random, x: readonly bigint[], start: number, pools: { general: Pool; vector: Pool }) {
    this.#r = r;
    this.#known = [...x];
    this.#start = start;
    this.#pools = pools;
  }

  /** Appends a random instruction of the row with what it needs, unless that takes more than `limit` words in all. */
  append(row: FuzzRow, limit: number): void {
    const unit: Unit = { words: [], known: [...this.#known] };
    const isMade = this.#make(row, unit);
    const isFirst = this.words.length === 0;
    if (!isMade || (!isFirst && this.words.length + unit.words.length > limit)) return;
    const at = this.words.length;
    this.words.push(...unit.words);
    if (unit.branch) {
      const { patch } = unit.branch;
      this.#branches.push({ at: at + unit.branch.at, patch, units: 1 + this.#r.below(4), known: [...unit.known] });
    }
    this.#known = unit.known;
    this.#land(false);
  }

  /** The words, every branch with its target: at the latest the end. */
  end(): number[] {
    this.#land(true);
    return this.words;
  }

  /** Lets branches whose time has come land here: what is known is what is so on both ways. */
  #land(all: boolean): void {
    for (const b of this.#branches) {
      if (b.units-- > 0 && !all) continue;
      this.words[b.at] = b.patch(this.words[b.at]!, this.words.length - b.at);
      this.#known = this.#known.map((value, n) => (value === b.known[n] ? value : undefined));
    }
    this.#branches = this.#branches.filter((b) => b.units >= 0 && !all);
  }

  #make(row: FuzzRow, unit: Unit): boolean {
    switch (row.kind) {
      case 'memory':
        return this.#access(row, unit) !== undefined;
      case 'exclusive':
        return this.#exclusive(row, unit);
      case 'maintenance':
        return this.#maintenance(row, unit);
      case 'literal':
        return this.#literal(row, unit);
      case 'branch':
        return this.#branch(row, unit);
      case 'register-branch':
        return this.#registerBranch(row, unit);
      case 'msr-fpcr':
        return this.#control(row, unit, FPCR_WRITES);
      case 'msr-fpsr':
        return this.#control(row, unit, FPSR_WRITES);
      default:
        return this.#emit(row, unit, this.#draw(row)) !== undefined;
    }
  }

  #draw(row: FuzzRow): number | undefined {
    const pool = /_asi|_float|_crypto/.test(row.encoding.row.name) ? this.#pools.vector : this.#pools.general;
    return drawWord(this.#r, row.encoding, pool);
  }

  /** Adds a word and forgets what it writes. */
  #emit(row: FuzzRow, unit: Unit, word: number | undefined): number | undefined {
    if (word === undefined) return undefined;
    unit.words.push(word);
    const f = fieldsOf(word);
    for (const name of row.writes) {
      if (name === 'x30') unit.known[30] = undefined;
      else if (name === 'Rs+1') unit.known[(f.Rs! + 1) & 31] = undefined;
      else if (f[name] !== 31 || (name === 'Rd' && row.writesSp)) unit.known[f[name]!] = undefined;
    }
    return word;
  }

  /** Sets X`rd`, or SP by way of another register, to a value. False where SP may not have it. */
  #set(unit: Unit, rd: number, value: bigint, not: number): boolean {
    const bits = BigInt.asUintN(64, value);
    if (rd !== SP) {
      unit.words.push(...moveConstant(rd, bits));
      unit.known[rd] = bits;
      return true;
    }
    if (bits % 16n !== 0n) return false;
    const by = this.#r.below(30);
    if (by === not) return false;
    this.#set(unit, by, bits, not);
    unit.words.push(moveToSp(by));
    unit.known[SP] = bits;
    return true;
  }

  #target(alignment: bigint): bigint {
    const room = DATA_BYTES - 2 * MARGIN;
    return BigInt(DATA + MARGIN + this.#r.below(room / 16) * 16) + (alignment > 1n ? 0n : this.#r.bits(4));
  }

  /** A load or store in the data area; its word. `base` keeps the base register to that one. */
  #access(row: FuzzRow, unit: Unit, base?: number): number | undefined {
    const { offset, writeback, alignment } = row.addressing!;
    for (let n = 0; n < ADDRESS_TRIES; n++) {
      let word = this.#draw(row);
      if (word === undefined) return undefined;
      if (base !== undefined) word = withField(row.encoding, word, 'Rn', base);
      const f = fieldsOf(word);
      const away = offset(f, unit.known);
      if (away === undefined || !isAllowed(word)) continue;
      const start = unit.known[f.Rn!];
      const address = start === undefined ? undefined : BigInt.asUintN(64, start + away);
      const isAligned = address !== undefined && address % alignment === 0n && (f.Rn !== SP || start! % 16n === 0n);
      if (address === undefined || !isAligned || !inArea(address)) {
        if (n < SETUP_FROM || base !== undefined || f.Rm === f.Rn) continue;
        if (!this.#set(unit, f.Rn!, this.#target(alignment) - away, f.Rm ?? 31)) continue;
      }
      const before = unit.known[f.Rn!]!;
      const step = writeback?.(f, unit.known);
      this.#emit(row, unit, word);
      const loads = row.writes.some((name) => f[name] === f.Rn && f.Rn !== SP);
      if (writeback && !loads) {
        unit.known[f.Rn!] = step === undefined ? undefined : BigInt.asUintN(64, before + step);
      }
      return word;
    }
    return undefined;
  }

  /** An exclusive load, sometimes something between, and a store that closes it: of the same place or of another. */
  #exclusive(row: FuzzRow, unit: Unit): boolean {
    const load = this.#access(row, unit);
    if (load === undefined) return false;
    const { Rn } = fieldsOf(load);
    const closer = this.#r.pick(closers(row.encoding.row.name));
    if (this.#r.oneIn(8)) unit.words.push(CLREX);
    const elsewhere = this.#r.oneIn(6) || unit.known[Rn!] === undefined;
    return this.#access(closer, unit, elsewhere ? undefined : Rn) !== undefined;
  }

  /** Cache maintenance or DC ZVA of a block of the data area. */
  #maintenance(row: FuzzRow, unit: Unit): boolean {
    const word = this.#draw(row);
    if (word === undefined) return false;
    const { Rt } = fieldsOf(word);
    if (Rt === 31) return false;
    const address = unit.known[Rt!];
    if (address === undefined || !inArea(address)) this.#set(unit, Rt!, this.#target(1n), 31);
    unit.words.push(word);
    return true;
  }

  #literal(row: FuzzRow, unit: Unit): boolean {
    const word = this.#draw(row);
    if (word === undefined) return false;
    const pc = this.#start + 4 * (this.words.length + unit.words.length);
    const target = Number(this.#target(1n)) & ~3;
    this.#emit(row, unit, withField(row.encoding, word, 'imm19', (target - pc) / 4));
    return true;
  }

  #branch(row: FuzzRow, unit: Unit): boolean {
    const word = this.#emit(row, unit, this.#draw(row));
    const field = TARGET_FIELDS[row.encoding.row.name] ?? 'imm19';
    unit.branch = { at: 0, patch: (w, distance) => withField(row.encoding, w, field, distance) };
    return word !== undefined;
  }

  /** ADR of the target, then the branch to it. */
  #registerBranch(row: FuzzRow, unit: Unit): boolean {
    const word = this.#draw(row);
    if (word === undefined) return false;
    const { Rn } = fieldsOf(word);
    if (Rn === 31) return false;
    unit.words.push(adr(Rn!, 0));
    unit.known[Rn!] = undefined;
    this.#emit(row, unit, word);
    unit.branch = { at: 0, patch: (w, distance) => adr(w & 31, 4 * distance) };
    return true;
  }

  /** MSR of a control register, from a value within `bits`. */
  #control(row: FuzzRow, unit: Unit, bits: bigint): boolean {
    const word = this.#draw(row);
    if (word === undefined) return false;
    const { Rt } = fieldsOf(word);
    if (Rt !== 31) this.#set(unit, Rt!, this.#r.oneIn(3) ? 0n : this.#r.bits(64) & bits, 31);
    unit.words.push(word);
    return true;
  }
}
