/** Data accesses of a region: the TLB is looked up in line, and whatever it does not answer leaves the region. */

import { TLB_HOST_SHIFT, TLB_INDEX_BITS, TLB_TAG_SHIFT } from '../layout.ts';
import { add, and, type Expr, gtU, i32, i64, load, ne, or, shl, shrU, sub, wrap, xor } from '../wasm/expr.ts';
import type { Var } from '../wasm/function-builder.ts';
import type { StencilFunction } from './stencil.ts';

const PAGE_BYTES = 0x1000;

const inPage = (va: Expr): Expr => and(wrap(va), i32(PAGE_BYTES - 1));
/** Whether an access goes on behind the page. */
const crosses = (va: Expr, bytes: number): Expr => gtU(inPage(va), i32(PAGE_BYTES - bytes));

/** A table of the TLB by the field of the vCPU state that holds its address. */
export type TlbTable = 'tlbRead' | 'tlbWrite' | 'tlbReadEl0' | 'tlbWriteEl0';

/** The page of the access that an instruction made before, so that it need not be looked up in a loop. */
export interface Memo {
  /** VA[63:12]; -1 at first. */
  readonly page: Var;
  /** What the low word of an address there differs by from that of the host address. */
  readonly difference: Var;
}

export class DataTlb {
  readonly #f: StencilFunction;
  readonly #leaveIf: (cond: Expr) => void;
  /** Whether plain accesses may be unaligned; else those leave the region. */
  readonly #unaligned: boolean;
  /** Host address of the next access, where it is known already. */
  known: Expr | undefined;
  /** What the next access remembers of the one that was made here before. */
  memo: Memo | undefined;

  constructor(f: StencilFunction, unaligned: boolean, leaveIf: (cond: Expr) => void) {
    this.#f = f;
    this.#unaligned = unaligned;
    this.#leaveIf = leaveIf;
  }

  /**
   * Host address of `bytes` bytes at `address`, of which only the alignment to `align` needs to be given. `ordered`: an
   * access that must be aligned.
   */
  host(table: TlbTable, address: Expr, bytes: number, align: number, ordered = false): Expr {
    const f = this.#f;
    const { known } = this;
    if (known) {
      this.known = undefined;
      return known;
    }
    const va = f.tmp(address);
    const aligned = ordered || !this.#unaligned ? align : 1;
    if (this.memo) return this.#remembered(this.memo, table, va, bytes, aligned);
    const entry = this.#entry(table, va);
    const mask = -(2n ** BigInt(TLB_TAG_SHIFT)) | BigInt(aligned - 1);
    this.#leaveIf(ne(and(xor(va, entry), i64(mask)), i64(0)));
    if (aligned !== bytes) this.#leaveIf(crosses(va, bytes));
    return f.tmp(or(shl(wrap(entry), i32(TLB_HOST_SHIFT)), inPage(va)));
  }

  #entry(table: TlbTable, va: Expr): Expr {
    const f = this.#f;
    const index = and(shrU(wrap(va), i32(9)), i32((2 ** TLB_INDEX_BITS - 1) * 8));
    return f.tmp(load('i64', add(f.state(table), index)));
  }

  /** The look-up is out of the chain of addresses, which so is no longer than that of the guest by more than an addition. */
  #remembered({ page, difference }: Memo, table: TlbTable, va: Expr, bytes: number, aligned: number): Expr {
    const f = this.#f;
    this.memo = undefined;
    if (aligned !== bytes) this.#leaveIf(crosses(va, bytes));
    else if (aligned > 1) this.#leaveIf(and(wrap(va), i32(aligned - 1)));
    f.if(ne(shrU(va, i64(12)), f.get(page)), () => {
      const entry = this.#entry(table, va);
      this.#leaveIf(ne(shrU(xor(va, entry), i64(TLB_TAG_SHIFT)), i64(0)));
      f.set(page, shrU(va, i64(12)));
      f.set(difference, sub(shl(wrap(entry), i32(TLB_HOST_SHIFT)), and(wrap(va), i32(-PAGE_BYTES))));
    });
    return f.tmp(add(wrap(va), f.get(difference)));
  }
}
