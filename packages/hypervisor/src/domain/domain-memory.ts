/** Which host memory a domain gets, and where it sees it: RAM, static shared memory, stage-2 tables. */
import { BLOCK_BYTES } from '@dom0less/arm64-cpu/sizes';
import {
  type BootPlan,
  type DomainDescription,
  type DomainPlan,
  type GuestRamBank,
  guestRamBanks,
  type MemoryRange,
  type SharedMemory,
} from '@dom0less/multiboot';
import { PaAllocator } from '../memory/pa-allocator.ts';

/** A range of guest physical addresses that is contiguous in host memory too. Whole pages. */
export interface Mapping {
  readonly ipa: number;
  readonly pa: number;
  readonly size: number;
}

/** The memory of one domain. */
export interface DomainMemory {
  /** Its RAM, and nobody else's. */
  readonly ram: readonly Mapping[];
  /** Static shared memory. */
  readonly shared: readonly Mapping[];
  /** Host memory for stage-2 tables. */
  readonly tables: readonly MemoryRange[];
}

const PAGE = 4096;
const GIB = 2 ** 30;

/** RAM as the domain sees it: at host addresses if it is direct-mapped. */
export const banksOf = ({ directMap, staticMem, memoryKiB }: DomainDescription): readonly GuestRamBank[] =>
  directMap ? staticMem : guestRamBanks(memoryKiB);

/** Pairs banks with the host memory behind them. In each bank that memory starts at a multiple of `align`. */
const mapBanks = (banks: readonly GuestRamBank[], ram: readonly MemoryRange[], align: number): Mapping[] => {
  const mappings: Mapping[] = [];
  let [index, used] = [0, 0];
  for (const bank of banks) {
    for (let done = 0; done < bank.size; ) {
      const piece = ram[index]!;
      const size = Math.min(bank.size - done, piece.size - used);
      mappings.push({ ipa: bank.start + done, pa: piece.start + used, size });
      done += size;
      used = Math.ceil((used + size) / align) * align;
      if (used >= piece.size) [index, used] = [index + 1, 0];
    }
  }
  return mappings;
};

/** How many pieces of `size` bytes a range of addresses touches. */
const touched = (start: number, bytes: number, size: number): number =>
  Math.floor((start + bytes - 1) / size) - Math.floor(start / size) + 1;

/** Most stage-2 pages that mappings can need: the root; for each mapping level 1 and 2, and level 3 where no block fits. */
const tablePages = (mappings: readonly Mapping[]): number =>
  mappings.reduce((sum, { ipa, pa, size }) => {
    const level3 = (ipa - pa) % BLOCK_BYTES === 0 ? 2 : touched(ipa, size, BLOCK_BYTES);
    return sum + touched(ipa, size, 512 * GIB) + touched(ipa, size, GIB) + level3;
  }, 1);

/** Host memory of a board, from which domains take. */
export class HostMemory {
  readonly #pool: PaAllocator;
  /** Host addresses of shared regions that the tree gives none. */
  readonly #shared = new Map<string, number>();

  constructor({ host, dom0, domains }: BootPlan) {
    const modules = [...dom0.modules, ...domains.flatMap(({ modules: own }) => Object.values(own))];
    const taken = [
      ...host.reserved,
      ...modules.map(({ address, size }) => ({ start: address, size })),
      ...domains.flatMap(({ staticMem }) => staticMem),
      ...domains.flatMap(({ sharedMemory }) => sharedMemory.flatMap(hostRange)),
    ];
    this.#pool = new PaAllocator(host.staticHeap ?? host.memory, taken);
  }

  /** Free bytes. */
  get free(): number {
    return this.#pool.free;
  }

  /** Memory for a domain with these banks; undefined if there is not enough. */
  take(domain: DomainPlan, banks: readonly GuestRamBank[]): DomainMemory | undefined {
    const ram = this.#takeRam(domain, banks);
    const shared = ram && domain.sharedMemory.map((region) => this.#mapShared(region));
    if (ram === undefined || shared === undefined) return undefined;
    const known = shared.filter((mapping) => mapping !== undefined);
    if (known.length < shared.length) return undefined;
    const tables = this.#pool.take(tablePages([...ram, ...known]) * PAGE);
    return tables && { ram, shared: known, tables };
  }

  #takeRam({ staticMem }: DomainPlan, banks: readonly GuestRamBank[]): Mapping[] | undefined {
    if (staticMem.length > 0) return mapBanks(banks, staticMem, PAGE);
    const size = banks.reduce((sum, bank) => sum + Math.ceil(bank.size / BLOCK_BYTES) * BLOCK_BYTES, 0);
    const ram = this.#pool.take(size);
    return ram && mapBanks(banks, ram, BLOCK_BYTES);
  }

  #mapShared({ id, hostAddress, guestAddress, size }: SharedMemory): Mapping | undefined {
    const pa = hostAddress ?? this.#shared.get(id) ?? this.#pool.takeOne(size)?.start;
    if (pa === undefined) return undefined;
    this.#shared.set(id, pa);
    return { ipa: guestAddress, pa, size };
  }
}

const hostRange = ({ hostAddress, size }: SharedMemory): MemoryRange[] =>
  hostAddress === undefined ? [] : [{ start: hostAddress, size }];

/** How many RAM blocks the memory of all these domains lies in. */
export const countBlocks = (domains: readonly DomainMemory[]): number => {
  const spans = domains
    .flatMap(({ ram, shared, tables }) => [
      ...[...ram, ...shared].map(({ pa, size }) => [pa, pa + size]),
      ...tables.map(({ start, size }) => [start, start + size]),
    ])
    .map(([start, end]) => [Math.floor(start! / BLOCK_BYTES), Math.ceil(end! / BLOCK_BYTES)] as const)
    .sort(([a], [b]) => a - b);
  let [count, last] = [0, 0];
  for (const [first, end] of spans) {
    count += Math.max(0, end - Math.max(first, last));
    last = Math.max(last, end);
  }
  return count;
};
