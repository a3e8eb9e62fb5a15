import {
  encodeFields,
  SCTLR_EL1,
  SCTLR_EL1_RES1,
  type Stage1Regime,
  type Stage2Regime,
  type TableMemory,
  TCR_EL1,
  VTCR_EL2,
} from '../src/index.ts';

/** Descriptors by address. Reads beyond `limit` answer nothing; pages are counted, and must be zero when they return. */
export class TestMemory implements TableMemory {
  readonly words = new Map<number, bigint>();
  readonly used = new Set<number>();
  readonly limit: number;
  reads = 0;
  pagesLeft = Number.POSITIVE_INFINITY;
  #next: number;
  #free: number[] = [];

  constructor(limit = 2 ** 48, firstPage = 0x10_0000) {
    this.limit = limit;
    this.#next = firstPage;
  }

  readDescriptor(pa: number): bigint | undefined {
    this.reads++;
    if (pa % 8 !== 0) throw new Error(`unaligned descriptor ${pa}`);
    return pa < this.limit ? (this.words.get(pa) ?? 0n) : undefined;
  }

  writeDescriptor(pa: number, value: bigint): void {
    this.words.set(pa, value);
  }

  allocTablePage(): number {
    if (this.pagesLeft === 0) throw new Error('no pages left');
    this.pagesLeft--;
    const page = this.#free.pop() ?? this.#take(1);
    this.used.add(page);
    return page;
  }

  allocRootPages(count: number): number {
    return this.#take(count);
  }

  freeTablePage(pa: number): void {
    if (!this.used.delete(pa)) throw new Error(`page ${pa} freed twice`);
    for (let at = pa; at < pa + 4096; at += 8) this.words.delete(at);
    this.pagesLeft++;
    this.#free.push(pa);
  }

  #take(count: number): number {
    const size = count * 4096;
    const page = Math.ceil(this.#next / size) * size;
    this.#next = page + size;
    return page;
  }
}

/** Attr0 Normal Write-Back, Attr1 Device-nGnRnE, Attr2 Normal Non-cacheable, Attr3 Normal Write-Through. */
export const MAIR = 0xbb_44_00_ffn;

/** Stage 1 on, caches on, 4K granules, both halves 48 bits, root of the lower half at 0x1000 and of the upper at 0x2000. */
export function stage1Regime(
  tcr: Partial<Record<keyof typeof TCR_EL1, number>> = {},
  sctlr: Partial<Record<keyof typeof SCTLR_EL1, number>> = {},
): Stage1Regime {
  return {
    SCTLR_EL1: SCTLR_EL1_RES1 | encodeFields(SCTLR_EL1, { M: 1, C: 1, I: 1, ...sctlr }),
    TCR_EL1: encodeFields(TCR_EL1, { T0SZ: 16, T1SZ: 16, TG1: 0b10, IPS: 5, AS: 1, ...tcr }),
    TTBR0_EL1: 0x0042_0000_0000_1000n,
    TTBR1_EL1: 0x0143_0000_0000_2000n,
    MAIR_EL1: MAIR,
    paMax: 48,
  };
}

/** Stage 2 on, 4K granule, 40-bit IPA from level 1, root at 0x8000. */
export function stage2Regime(vtcr: Partial<Record<keyof typeof VTCR_EL2, number>> = {}, hcr = 1n): Stage2Regime {
  return {
    HCR_EL2: hcr,
    VTCR_EL2: (1n << 31n) | encodeFields(VTCR_EL2, { T0SZ: 24, SL0: 1, PS: 5, ...vtcr }),
    VTTBR_EL2: 0x0007_0000_0000_8000n,
    paMax: 48,
  };
}
