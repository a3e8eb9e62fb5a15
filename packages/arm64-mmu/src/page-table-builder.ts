/* The p2m: stage 2 tables of one domain, built and edited in memory. 4 KiB granule. DDI 0487 D8.2, D8.3. */

import type { PhysicalMemory } from './access.ts';
import { descriptorAddress, descriptorKind, SH } from './descriptor.ts';
import { hex, MmuError } from './error.ts';
import { encodeFields } from './fields.ts';
import { type Level, PA_RANGE_BITS } from './granule.ts';
import { VTCR_EL2, VTCR_EL2_RES1, VTTBR_EL2 } from './registers/el2.ts';
import {
  decodeLeaf,
  encodeLeaf,
  encodeTable,
  STAGE2_LEVEL_SIZE,
  type Stage2Attributes,
  splitLeaf,
  TABLE_ENTRIES,
  TABLE_SIZE,
} from './stage2-descriptor.ts';

/** Memory that holds the tables. Physical addresses are multiples of what is asked for. */
export interface TableMemory extends PhysicalMemory {
  /**
   * A zeroed 4 KiB page. May throw when there is none left; the tables are then consistent,
   * with everything up to the page that needed the table mapped or unmapped as asked.
   */
  allocTablePage(): number;
  /** `count` (1, 2, 4, 8 or 16) zeroed pages in a row, aligned to their total size. */
  allocRootPages(count: number): number;
  /** One single-copy atomic 64-bit store, ordered after all earlier ones: other PEs may be walking the tables. */
  writeDescriptor(pa: number, value: bigint): void;
  /** Takes back a page of `allocTablePage`, which no descriptor points to any more; a walk under way or a TLB may. */
  freeTablePage?(pa: number): void;
}

/** Where a domain's stage 2 walk starts, by IPA size. `order` is log2 of the concatenated tables of the root. */
export interface Stage2Root {
  readonly ipaBits: number;
  readonly startLevel: 0 | 1;
  readonly order: number;
}

/** The IPA sizes on offer: those of ID_AA64MMFR0_EL1.PARange. SL0 is 2 - startLevel, T0SZ is 64 - ipaBits. */
export const STAGE2_ROOTS: readonly Stage2Root[] = [
  { ipaBits: 32, startLevel: 1, order: 0 },
  { ipaBits: 36, startLevel: 1, order: 0 },
  { ipaBits: 40, startLevel: 1, order: 1 },
  { ipaBits: 42, startLevel: 1, order: 3 },
  { ipaBits: 44, startLevel: 0, order: 0 },
  { ipaBits: 48, startLevel: 0, order: 0 },
];

/** Settings of `Stage2Tables`. */
export interface Stage2TablesOptions {
  readonly memory: TableMemory;
  /** IPA bits, one of `STAGE2_ROOTS`; 44 by default. */
  readonly ipaBits?: number;
  /** PA bits, as VTCR_EL2.PS can say; 44 by default. */
  readonly paBits?: number;
  /** 0 to 255; 0 by default. */
  readonly vmid?: number;
}

/** What maps an IPA. */
export interface Stage2Mapping extends Stage2Attributes {
  /** The address that the IPA itself maps to. */
  readonly pa: number;
  readonly level: Level;
  /** Bytes that the block or page maps. */
  readonly blockSize: number;
}

/** A descriptor's place: the table and the entry in it. */
interface Slot {
  readonly table: number;
  readonly level: Level;
  readonly address: number;
}

const WALK_CACHEABILITY_WRITE_BACK = 0b01;

/**
 * Stage 2 tables of one domain.
 *
 * Every edit leaves the tables walkable at each single store: a new table is complete before it is linked, and a
 * block that is split maps the same before and after. Addresses are numbers in bytes, multiples of 4096.
 * `map` and `unmap` return whether a valid translation changed or went: the caller then invalidates the TLB entries
 * of this VMID and IPA range before it reuses the memory.
 */
export class Stage2Tables {
  readonly ipaBits: number;
  readonly paBits: number;
  readonly vmid: number;
  /** Level of the root table. */
  readonly startLevel: 0 | 1;
  /** Physical address of the root table, of 2^order pages. */
  readonly root: number;
  readonly #memory: TableMemory;

  /** @throws MmuError ADDRESS_SIZE, FIELD_RANGE, or UNALIGNED if `allocRootPages` breaks its contract. */
  constructor(options: Stage2TablesOptions) {
    const { memory, ipaBits = 44, paBits = 44, vmid = 0 } = options;
    const root = STAGE2_ROOTS.find((r) => r.ipaBits === ipaBits);
    if (root === undefined) {
      const known = STAGE2_ROOTS.map((r) => r.ipaBits).join(', ');
      throw new MmuError('ADDRESS_SIZE', `ipaBits ${ipaBits} is not one of ${known}`);
    }
    if (!PA_RANGE_BITS.includes(paBits)) {
      throw new MmuError('ADDRESS_SIZE', `paBits ${paBits} is not one of ${[...new Set(PA_RANGE_BITS)].join(', ')}`);
    }
    if (ipaBits > paBits) throw new MmuError('ADDRESS_SIZE', `ipaBits ${ipaBits} exceeds paBits ${paBits}`);
    if (!Number.isInteger(vmid) || vmid < 0 || vmid > 255) {
      throw new MmuError('FIELD_RANGE', `vmid ${vmid} is not between 0 and 255`);
    }
    this.ipaBits = ipaBits;
    this.paBits = paBits;
    this.vmid = vmid;
    this.startLevel = root.startLevel;
    this.#memory = memory;
    this.root = memory.allocRootPages(2 ** root.order);
    if (this.root % (TABLE_SIZE * 2 ** root.order) !== 0) {
      throw new MmuError('UNALIGNED', `root ${hex(this.root)} is not aligned to its ${2 ** root.order} pages`);
    }
  }

  /** VTCR_EL2 for these tables: Inner Shareable, Write-Back walks, 4 KiB granule, 8-bit VMID. */
  get VTCR_EL2(): bigint {
    const fields = encodeFields(VTCR_EL2, {
      T0SZ: 64 - this.ipaBits,
      SL0: 2 - this.startLevel,
      IRGN0: WALK_CACHEABILITY_WRITE_BACK,
      ORGN0: WALK_CACHEABILITY_WRITE_BACK,
      SH0: SH.INNER_SHAREABLE,
      PS: PA_RANGE_BITS.indexOf(this.paBits),
    });
    return fields | VTCR_EL2_RES1;
  }

  /** VTTBR_EL2 for these tables. */
  get VTTBR_EL2(): bigint {
    return encodeFields(VTTBR_EL2, { BADDR: this.root / 2, VMID: this.vmid });
  }

  /**
   * Maps `size` bytes from `ipa` to `pa` with the largest blocks that fit, over whatever was mapped there.
   * Returns whether a valid translation was replaced.
   * @throws MmuError UNALIGNED, ADDRESS_RANGE; and whatever `allocTablePage` throws.
   */
  map(ipa: number, pa: number, size: number, attributes: Stage2Attributes): boolean {
    this.#checkRange('ipa', ipa, size, this.ipaBits);
    this.#checkRange('pa', pa, size, this.paBits);
    let replaced = false;
    let offset = 0;
    while (offset < size) {
      const level = largestLevel(ipa + offset, pa + offset, size - offset);
      const slot = this.#makeSlot(ipa + offset, level);
      offset += this.#fillRun(slot, ipa + offset, pa + offset, size - offset, attributes, (old) => {
        replaced ||= old;
      });
    }
    return replaced;
  }

  /**
   * Removes every mapping of `size` bytes from `ipa`, splitting blocks that reach beyond, and frees the tables that
   * become empty. Returns whether anything was mapped.
   * @throws MmuError UNALIGNED, ADDRESS_RANGE; and whatever `allocTablePage` throws when a block is split.
   */
  unmap(ipa: number, size: number): boolean {
    this.#checkRange('ipa', ipa, size, this.ipaBits);
    const end = ipa + size;
    let removed = false;
    let at = ipa;
    while (at < end) {
      const path = this.#slotToClear(at, end);
      const slot = path[path.length - 1]!;
      const span = STAGE2_LEVEL_SIZE[slot.level];
      const descriptor = this.#read(slot.address);
      if (descriptorKind(descriptor, slot.level) !== 'invalid') {
        removed = true;
        this.#memory.writeDescriptor(slot.address, 0n);
        this.#freeBelow(descriptor, slot.level);
      }
      const next = at - (at % span) + span;
      const leavesTable = next % (span * TABLE_ENTRIES) === 0;
      if (next >= end || leavesTable) this.#prune(path);
      at = next;
    }
    return removed;
  }

  /** What maps `ipa`, any byte address; `undefined` if nothing does or it lies outside of the IPA space. */
  lookup(ipa: number): Stage2Mapping | undefined {
    if (!(ipa >= 0 && ipa < 2 ** this.ipaBits)) return undefined;
    let slot = this.#rootSlot(ipa);
    for (;;) {
      const descriptor = this.#read(slot.address);
      const kind = descriptorKind(descriptor, slot.level);
      if (kind === 'invalid') return undefined;
      if (kind !== 'table') {
        const blockSize = STAGE2_LEVEL_SIZE[slot.level];
        const pa = descriptorAddress(descriptor) + (ipa % blockSize);
        return { ...decodeLeaf(descriptor), pa, level: slot.level, blockSize };
      }
      slot = childSlot(slot, descriptor, ipa);
    }
  }

  #checkRange(name: 'ipa' | 'pa', address: number, size: number, bits: number): void {
    if (address % TABLE_SIZE !== 0 || size % TABLE_SIZE !== 0) {
      throw new MmuError('UNALIGNED', `${name} ${hex(address)} or size ${hex(size)} is not a multiple of 4 KiB`);
    }
    if (!(address >= 0 && size > 0 && address + size <= 2 ** bits)) {
      throw new MmuError('ADDRESS_RANGE', `${name} ${hex(address)}+${hex(size)} is not within ${bits} bits`);
    }
  }

  #read(address: number): bigint {
    const descriptor = this.#memory.readDescriptor(address);
    if (descriptor === undefined) throw new MmuError('TABLE_MEMORY', `no table memory at ${hex(address)}`);
    return descriptor;
  }

  #rootSlot(ipa: number): Slot {
    const index = Math.floor(ipa / STAGE2_LEVEL_SIZE[this.startLevel]);
    return { table: this.root, level: this.startLevel, address: this.root + index * 8 };
  }

  /** The slot of `ipa` at `level`, with tables made and blocks split above it. */
  #makeSlot(ipa: number, level: Level): Slot {
    let slot = this.#rootSlot(ipa);
    while (slot.level < level) slot = childSlot(slot, this.#makeTable(slot), ipa);
    return slot;
  }

  /** The table descriptor of a slot, after making or splitting what is there. */
  #makeTable(slot: Slot): bigint {
    const descriptor = this.#read(slot.address);
    const kind = descriptorKind(descriptor, slot.level);
    if (kind === 'table') return descriptor;
    const page = this.#memory.allocTablePage();
    if (kind === 'block') {
      for (let index = 0; index < TABLE_ENTRIES; index++) {
        this.#memory.writeDescriptor(page + index * 8, splitLeaf(descriptor, slot.level as 1 | 2, index));
      }
    }
    const table = encodeTable(page);
    this.#memory.writeDescriptor(slot.address, table);
    return table;
  }

  /** Writes descriptors from `slot` on, as long as they stay in its table and at its level; returns bytes mapped. */
  #fillRun(
    slot: Slot,
    ipa: number,
    pa: number,
    size: number,
    attributes: Stage2Attributes,
    onOld: (isValid: boolean) => void,
  ): number {
    const span = STAGE2_LEVEL_SIZE[slot.level];
    let offset = 0;
    let address = slot.address;
    do {
      const old = this.#read(address);
      onOld(descriptorKind(old, slot.level) !== 'invalid');
      this.#memory.writeDescriptor(address, encodeLeaf(slot.level, pa + offset, attributes));
      this.#freeBelow(old, slot.level);
      offset += span;
      address += 8;
    } while (
      offset < size &&
      (ipa + offset) % (span * TABLE_ENTRIES) !== 0 &&
      largestLevel(ipa + offset, pa + offset, size - offset) === slot.level
    );
    return offset;
  }

  /** The path to the highest slot that holds `at` and nothing beyond `end`, or is invalid; blocks on it are split. */
  #slotToClear(at: number, end: number): Slot[] {
    const path = [this.#rootSlot(at)];
    for (;;) {
      const slot = path[path.length - 1]!;
      const span = STAGE2_LEVEL_SIZE[slot.level];
      const isWhole = at % span === 0 && at + span <= end;
      if (isWhole || descriptorKind(this.#read(slot.address), slot.level) === 'invalid') return path;
      path.push(childSlot(slot, this.#makeTable(slot), at));
    }
  }

  /** Frees the tables on `path` that have become empty, from the last upwards; never the root. */
  #prune(path: readonly Slot[]): void {
    for (let depth = path.length - 1; depth > 0; depth--) {
      const { table } = path[depth]!;
      for (let index = 0; index < TABLE_ENTRIES; index++) {
        if (this.#read(table + index * 8) !== 0n) return;
      }
      this.#memory.writeDescriptor(path[depth - 1]!.address, 0n);
      this.#memory.freeTablePage?.(table);
    }
  }

  /** Frees the tables under a descriptor that has been replaced. At most three levels deep. */
  #freeBelow(descriptor: bigint, level: Level): void {
    if (descriptorKind(descriptor, level) !== 'table' || this.#memory.freeTablePage === undefined) return;
    const pending = [{ table: descriptorAddress(descriptor), level: level + 1 }];
    for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
      for (let index = 0; next.level < 3 && index < TABLE_ENTRIES; index++) {
        const child = this.#read(next.table + index * 8);
        if (descriptorKind(child, next.level as Level) === 'table') {
          pending.push({ table: descriptorAddress(child), level: next.level + 1 });
        }
      }
      this.#memory.freeTablePage(next.table);
    }
  }
}

/** The level of the largest block that maps `ipa` to `pa` and is not longer than `size`. */
function largestLevel(ipa: number, pa: number, size: number): 1 | 2 | 3 {
  for (const level of [1, 2] as const) {
    const span = STAGE2_LEVEL_SIZE[level];
    if (ipa % span === 0 && pa % span === 0 && size >= span) return level;
  }
  return 3;
}

/** The slot of `ipa` in the table that `descriptor`, found in `slot`, points to. */
function childSlot(slot: Slot, descriptor: bigint, ipa: number): Slot {
  const level = (slot.level + 1) as Level;
  const table = descriptorAddress(descriptor);
  const index = Math.floor((ipa % STAGE2_LEVEL_SIZE[slot.level]) / STAGE2_LEVEL_SIZE[level]);
  return { table, level, address: table + index * 8 };
}
