/** Data accesses of a region: the TLB is looked up in line, and whatever it does not answer leaves the region. */

import { TLB_HOST_SHIFT, TLB_INDEX_BITS, TLB_TAG_SHIFT } from '../layout.ts';
import { add, and, type Expr, gtU, i32, i64, load, ne, or, shl, shrU, wrap, xor } from '../wasm/expr.ts';
import type { StencilFunction } from './stencil.ts';

const PAGE_BYTES = 0x1000;

/** A table of the TLB by the field of the vCPU state that holds its address. */
export type TlbTable = 'tlbRead' | 'tlbWrite' | 'tlbReadEl0' | 'tlbWriteEl0';

export class DataTlb {
  readonly #f: StencilFunction;
  readonly #leaveIf: (cond: Expr) => void;
  /** Whether plain accesses may be unaligned; else those leave the region. */
  readonly #unaligned: boolean;
  /** Host address of the next access, where it is known already. */
  known: Expr | undefined;

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
    const index = and(shrU(wrap(va), i32(9)), i32((2 ** TLB_INDEX_BITS - 1) * 8));
    const entry = f.tmp(load('i64', add(f.state(table), index)));
    const mask = -(2n ** BigInt(TLB_TAG_SHIFT)) | BigInt(aligned - 1);
    const misses = ne(and(xor(va, entry), i64(mask)), i64(0));
    const inPage = and(wrap(va), i32(0xfff));
    this.#leaveIf(aligned === bytes ? misses : or(misses, gtU(inPage, i32(PAGE_BYTES - bytes))));
    return f.tmp(or(shl(wrap(entry), i32(TLB_HOST_SHIFT)), inPage));
  }
}
