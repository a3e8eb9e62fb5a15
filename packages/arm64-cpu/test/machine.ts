/** A board with stage-1 tables, exception vectors that stop, and assembled programs, for tests of the system level. */
import { assemble } from '../src/asm/assemble.ts';
import type { EngineHost, ExitReason } from '../src/engine.ts';
import { RAM_BASE, TestBoard } from './board.ts';

export const VECTORS = RAM_BASE + 0x20_0000;
export const CODE = RAM_BASE + 0x40_0000;
export const DATA = RAM_BASE + 0x60_0000;
const TABLES = RAM_BASE + 0x10_0000;

/** Bits of a block or page descriptor: access flag, inner shareable, MAIR attribute 0 (Normal) or 1 (Device). */
export const AF = 0x400n;
export const NORMAL = AF | 0x300n;
export const DEVICE = AF | 4n;
export const EL0 = 0x40n;
export const READ_ONLY = 0x80n;
export const NOT_GLOBAL = 0x800n;
export const PXN = 1n << 53n;
export const UXN = 1n << 54n;

/** SCTLR_EL1 with M, C, I, SA, SA0, nTWI, nTWE, DZE, UCT, UCI. */
export const SCTLR = 0x34d5d91dn & ~(1n << 19n);
export const TCR = 16n | (16n << 16n) | (2n << 30n) | (4n << 32n) | (1n << 36n);

/** Stage-1 tables with the 4 KiB granule and 48-bit halves. */
export class Tables {
  readonly root: number;
  readonly #board: Machine;
  constructor(board: Machine) {
    this.#board = board;
    this.root = board.allocate(0x1000);
  }

  /** Address of the descriptor of `va` at `level`, with tables made above it. */
  slot(va: bigint, level = 3): number {
    let table = this.root;
    for (let l = 0; ; l++) {
      const at = table + 8 * Number((va >> BigInt(39 - 9 * l)) & 511n);
      if (l === level) return at;
      let descriptor = this.#board.read64(at);
      if ((descriptor & 3n) !== 3n) {
        descriptor = BigInt(this.#board.allocate(0x1000)) | 3n;
        this.#board.write64(at, descriptor);
      }
      table = Number(descriptor & 0xfffffffff000n);
    }
  }

  /** Maps pages (level 3) or blocks. */
  map(va: bigint | number, pa: number, attributes: bigint, { size = 0x1000, level = 3 } = {}): void {
    const step = 2 ** (39 - 9 * level);
    for (let at = 0; at < size; at += step) {
      const type = level === 3 ? 3n : 1n;
      this.#board.write64(this.slot(BigInt(va) + BigInt(at), level), BigInt(pa + at) | attributes | type);
    }
  }

  unmap(va: bigint | number, level = 3): void {
    this.#board.write64(this.slot(BigInt(va), level), 0n);
  }
}

/** What is known after a program stopped at an exception vector. */
export interface Taken {
  readonly vector: number;
  readonly esr: bigint;
  readonly far: bigint;
  readonly elr: bigint;
  readonly spsr: bigint;
}

/**
 * VECTORS, CODE (2 MiB, readable and executable at both levels) and DATA (2 MiB, writable at both) are mapped one to
 * one by `tables`, which is TTBR0's and TTBR1's. Every exception vector is HVC, which stops the engine.
 */
export class Machine extends TestBoard {
  readonly tables: Tables;
  #next = TABLES;

  constructor(options: { ramMiB?: number; codePages?: number; host?: Partial<EngineHost> } = {}) {
    super(options);
    this.tables = new Tables(this);
    this.tables.map(VECTORS, VECTORS, NORMAL | READ_ONLY | UXN, { size: 0x200000, level: 2 });
    this.tables.map(CODE, CODE, NORMAL | EL0 | READ_ONLY, { size: 0x200000, level: 2 });
    this.tables.map(DATA, DATA, NORMAL | EL0 | UXN | PXN, { size: 0x200000, level: 2 });
    for (let at = 0; at < 0x800; at += 0x80) this.write(VECTORS + at, [0xd4000002]);
    this.start();
  }

  /** Zeroes the vCPU and turns the MMU on. */
  start(): void {
    this.reset();
    this.set('SCTLR_EL1', SCTLR);
    this.set('TCR_EL1', TCR);
    this.set('MAIR_EL1', 0x44_00_ffn);
    this.set('TTBR0_EL1', BigInt(this.tables.root));
    this.set('TTBR1_EL1', BigInt(this.tables.root));
    this.set('VBAR_EL1', BigInt(VECTORS));
    this.set('CPACR_EL1', 3n << 20n);
    this.set('CNTFRQ_EL0', 62_500_000n);
  }

  /** Zeroed pages for tables. */
  allocate(bytes: number): number {
    const at = Math.ceil(this.#next / bytes) * bytes;
    this.#next = at + bytes;
    this.bytes.fill(0, this.at(at), this.at(at) + bytes);
    return at;
  }

  read64 = (pa: number): bigint => this.view.getBigUint64(this.at(pa), true);
  read32 = (pa: number): number => this.view.getUint32(this.at(pa), true);
  write64(pa: number, value: bigint): void {
    this.view.setBigUint64(this.at(pa), BigInt.asUintN(64, value), true);
  }

  /** Assembles `source` for virtual address `va` and puts it at `pa`. */
  program(source: string, pa = CODE, va: bigint | number = pa): Map<string, bigint> {
    const { bytes, symbols } = assemble(source, { origin: BigInt(va) });
    this.write(pa, bytes);
    return symbols;
  }

  level(el: 0 | 1, spsel = el): void {
    this.set32('el', el);
    this.set32('spsel', spsel);
    this.set32('daif', 0);
  }

  /** Runs from where the vCPU is until HVC, WFI or the budget; a WFE goes on at once. */
  go(budget = 100_000): ExitReason {
    this.set32('exitRequest', 0);
    const start = Number(this.get('instructions'));
    for (;;) {
      const left = budget - (Number(this.get('instructions')) - start);
      if (left <= 0) return 'budget';
      const reason = this.engine.run(this.vcpu, left);
      if (reason !== 'event') return reason;
    }
  }

  /** Runs `source` at CODE until it meets HVC or an exception. */
  exec(source: string, el: 0 | 1 = 1): Taken {
    this.program(`${source}\nhvc #0`);
    this.level(el);
    this.set('pc', BigInt(CODE));
    const reason = this.go();
    if (reason !== 'request') throw new Error(`the program ended by ${reason} at ${this.get('pc').toString(16)}`);
    return this.taken();
  }

  /** The exception that stopped the machine; vector -1 if it was a HVC elsewhere. */
  taken(): Taken {
    const vector = Number(this.get('pc')) - 4 - VECTORS;
    return {
      vector: vector >= 0 && vector < 0x800 ? vector : -1,
      esr: this.get('ESR_EL1'),
      far: this.get('FAR_EL1'),
      elr: this.get('ELR_EL1'),
      spsr: this.get('SPSR_EL1'),
    };
  }
}
