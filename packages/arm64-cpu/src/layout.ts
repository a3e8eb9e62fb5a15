/**
 * Where the engine keeps its own data in the board's shared memory. Below `ENGINE_END` every address is fixed; vCPU
 * states, pCPU areas and RAM blocks lie behind it, where the hypervisor puts them.
 */

/** Constants of the core module (tables of AES, CRC32 and the like). */
export const CONSTANTS_BASE = 0x1000;
export const CONSTANTS_LIMIT = 0x40000;

/** Size of a RAM block: physical memory is backed in such pieces. */
export const BLOCK_SHIFT = 21;
export const BLOCK_BYTES = 2 ** BLOCK_SHIFT;
/** Physical addresses are below 2^PA_BITS: the block table has an entry for each block. */
export const PA_BITS = 40;
/** One u32 per physical block: the memory offset that backs it, or 0. */
export const BLOCK_TABLE = CONSTANTS_LIMIT;
const BLOCK_TABLE_BYTES = 4 * 2 ** (PA_BITS - BLOCK_SHIFT);

/** One byte per 4 KiB of the memory, changed by atomic or: PAGE_HAS_CODE, PAGE_GUARDED. Flags are never taken back. */
export const PAGE_FLAGS = BLOCK_TABLE + BLOCK_TABLE_BYTES;
const PAGE_FLAGS_BYTES = 2 ** (32 - 12);
/** Some pCPU has or had records of the page: instruction cache maintenance matters there. */
export const PAGE_HAS_CODE = 1;
/** 16 bytes of the page are exchanged atomically: every write takes the page's lock, and no TLB lets it pass unseen. */
export const PAGE_GUARDED = 2;

/** What pCPUs share (see smp/broadcast.ts). u32 words: lock of the log; operations that it ever held; pCPUs. */
export const SHARED_BASE = PAGE_FLAGS + PAGE_FLAGS_BYTES;
export const SHARED_LOG_LOCK = SHARED_BASE;
export const SHARED_LOG_HEAD = SHARED_BASE + 0x40;
export const SHARED_PCPU_COUNT = SHARED_BASE + 0x80;
/** Area of each pCPU that has an engine. */
export const SHARED_PCPUS = SHARED_BASE + 0x400;
export const MAX_PCPUS = 256;
/**
 * Three u32 per VMID modulo 64: the log's head behind the last operation that concerned it, the pCPU of that (its place in
 * the list, plus 1), and the head behind the last operation of any other pCPU.
 */
export const SHARED_LAST = SHARED_BASE + 0x800;
export const SHARED_LAST_BITS = 6;
/**
 * u32 per VMID modulo 64: which pCPUs may have TLB entries of these domains that are to be kept: none (0), one (its mark,
 * PCPU_MARK), or several (PRESENT_SEVERAL). Behind them a u32 each that counts how often one has taken over from others:
 * whoever was there before then has entries that nobody has kept up to date.
 */
export const SHARED_PRESENT = SHARED_BASE + 0xc00;
export const PRESENT_SEVERAL = -1;
export const SHARED_TAKEN_OVER = SHARED_PRESENT + 4 * 2 ** SHARED_LAST_BITS;
/** Locks of guarded pages, by host page number. */
export const PAGE_LOCKS = SHARED_BASE + 0x1000;
export const PAGE_LOCK_BITS = 10;
/** The log: a ring of operations of 16 bytes. */
export const SHARED_LOG = SHARED_BASE + 0x2000;
export const LOG_ENTRIES = 2048;

/** First address that the engine does not claim; 64 KiB aligned. */
export const ENGINE_END = Math.ceil((SHARED_LOG + 16 * LOG_ENTRIES) / 0x10000) * 0x10000;

/**
 * A TLB is direct-mapped with 2^TLB_INDEX_BITS entries of 8 bytes. Bits 63:TLB_TAG_SHIFT of an entry are the virtual
 * address's; below them, shifted down by TLB_HOST_SHIFT, is the host page's number. So one exclusive or tells whether
 * the entry is the address's, and one shift gives the page. Bits 3:0 are zero.
 *
 * The lowest bit of the tag is the highest bit of the index too. An empty entry holds the opposite of its index's bit
 * there, so that no address whatever can hit it: half a table is filled with one byte, half with another.
 */
export const TLB_INDEX_BITS = 13;
export const TLB_BYTES = 8 * 2 ** TLB_INDEX_BITS;
export const TLB_TAG_SHIFT = 12 + TLB_INDEX_BITS - 1;
export const TLB_HOST_SHIFT = 32 - TLB_TAG_SHIFT;
/** Empty entries of the lower half of a table: bit TLB_TAG_SHIFT is 1. No code TLB entry is all such bytes. */
export const TLB_EMPTY_LOWER = 0x81;
/** Empty entries of the upper half: bit TLB_TAG_SHIFT is 0. */
export const TLB_EMPTY_UPPER = 0x80;

/**
 * What is turned over in a write entry of a guarded page (PAGE_GUARDED): the tag's lowest bit, so that the fast way
 * misses, and bit 2, by which the slow way knows it.
 */
export const TLB_GUARD = 2 ** TLB_TAG_SHIFT + 4;

/** The code TLB: virtual page (u64), address of its first record (u32), 4 bytes unused. */
export const CODE_TLB_INDEX_BITS = 12;
export const CODE_TLB_BYTES = 16 * 2 ** CODE_TLB_INDEX_BITS;

/**
 * A slot holds translations of one exception level: tables for reads and writes, then the code TLB. Those of EL0 are of
 * one address space. Those of EL1 are mostly global and so of all address spaces of a vCPU: the slot is kept when the
 * ASID changes, without what is not global.
 */
export const SLOT_READ = 0;
export const SLOT_WRITE = TLB_BYTES;
export const SLOT_CODE = 2 * TLB_BYTES;
/** Bitmap over VA[32:21]: a block, or a page of 16 or 64 KiB, was entered there since the slot was last emptied. */
export const SLOT_BLOCK_MAP = 2 * TLB_BYTES + CODE_TLB_BYTES;
export const SLOT_BLOCK_MAP_BYTES = 2 ** 12 / 8;
/** u32, set once a block of more than 2 MiB was entered. */
export const SLOT_GIANT = SLOT_BLOCK_MAP + SLOT_BLOCK_MAP_BYTES;
/** u32: the slot is one of EL1. */
export const SLOT_IS_EL1 = SLOT_GIANT + 4;
/**
 * Low words of VA[55:12] of the pages that were entered since the slot was last emptied, of EL1 those that are not global:
 * the last one first. Before it (u32) how many more there is room for: where that is 0 pages may be missing.
 */
export const SLOT_ROOM = SLOT_IS_EL1 + 4;
export const SLOT_PAGES = SLOT_ROOM + 4;
export const SLOT_MOST_PAGES = 512;
export const SLOT_BYTES = SLOT_BLOCK_MAP + 0x1000;
/** Slots of one pCPU. */
export const SLOTS = 16;

/** pCPU header: keys of the slots (VMID << 16 | ASID, -1 free). */
export const PCPU_SLOT_KEYS = 0x40;
/**
 * The other half of each slot's key: the vCPU, and in its low bits what else TLB entries depend on: SCTLR_EL1.M and A,
 * CPACR_EL1.FPEN, and SLOT_OWNER_EL1. Translations are a PE's own (there is no FEAT_TTCNP): vCPUs of one domain may give
 * one ASID to different tables.
 */
export const PCPU_SLOT_VCPUS = 0x80;
export const SLOT_OWNER_EL1 = 16;
/** When each slot was last chosen: the value that the count of choices had. The slot of the least is the next to go. */
export const PCPU_SLOT_TIMES = 0xc0;
export const PCPU_SLOT_CLOCK = 0x20;
/** u32: the pCPU's place in the list, plus 1. */
export const PCPU_MARK = 0x24;
/** The vCPU that the engine is running, 0 while it is in none (u32, Atomics). */
export const PCPU_RUNNING = 0x100;
/** How far this pCPU has followed the log of operations (u32, Atomics; waiters are notified). */
export const PCPU_DONE = 0x140;
/**
 * The host's clock, if it has given one (`EngineClock`): two f64, host time in ms when the counter was 0 and ticks per ms;
 * two u32, addresses of the latest value (0: no clock) and of its lock.
 */
export const PCPU_CLOCK_EPOCH = 0x180;
export const PCPU_CLOCK_TICKS = 0x188;
export const PCPU_CLOCK_LATEST = 0x190;
export const PCPU_CLOCK_LOCK = 0x194;
export const PCPU_SLOTS = 0x1000;
/**
 * One u32 per 4 KiB of the memory: this pCPU's records of the page, or 0. With bit 0 there are none, and its TLBs may have
 * a write entry for the page: at most the one whose offset in the pCPU's area is the rest; where that is 0, several.
 * Behind it a second such map, of records made where CPACR_EL1 traps floating point: those of FP and AdvSIMD instructions
 * raise the trap. A page with records in either has no write entry in the TLBs of the same pCPU.
 */
export const PCPU_CODE_PAGES = PCPU_SLOTS + SLOTS * SLOT_BYTES;
export const CODE_PAGES_SHIFT = 22;
export const CODE_PAGE_WRITE_MAPPED = 1;
/** The records that a word of PCPU_CODE_PAGES tells of, or 0. */
export const recordsIn = (word: number): number => ((word & CODE_PAGE_WRITE_MAPPED) === 0 ? word : 0);
/** A code TLB that stays empty: with it every instruction is looked at before it runs. */
export const PCPU_NO_CODE = PCPU_CODE_PAGES + 2 * 2 ** CODE_PAGES_SHIFT;

/** A predecoded record: u16 handler, u16 RECORD_COUNT, then operands (see interpreter/record.ts). */
export const RECORD_BYTES = 16;
export const RECORD_SHIFT = 4;
/**
 * How often a taken branch led to the instruction, from the page's PAGE_FIRST_COUNT up to ENTRY_HOT, where the host is told;
 * ENTRY_REGION where translated code begins. It lies with what is read next: behind a sleep of some ms every cache line
 * comes from main memory.
 */
export const RECORD_COUNT = 2;
export const ENTRY_HOT = 0x8000;
export const ENTRY_REGION = ENTRY_HOT + 1;
/**
 * Records of a page: one for each instruction, and one that leads to the next page; behind them a u16 for each
 * instruction: the number of the region of translated code that begins there, or 0.
 */
export const PAGE_REGIONS = 1025 * RECORD_BYTES;
/** Behind them: memory offset of the page's instruction words (u32), and whether CPACR_EL1 traps FP there (u32). */
export const PAGE_HOST = PAGE_REGIONS + 1024 * 2;
export const PAGE_TRAPS_FP = PAGE_HOST + 4;
/** Regions of translated code that one pCPU has at a time: slots of the core module's second table. */
export const REGIONS = 0x8000;
/**
 * u32: records of the page that followed in virtual memory when regions were made of both; 0: none. Such a region looks
 * whether it follows still.
 */
export const PAGE_NEXT = PAGE_TRAPS_FP + 4;
/** u32: what the count of an instruction begins with when its record is made. */
export const PAGE_FIRST_COUNT = PAGE_NEXT + 4;
/** u32: address of the only entry of a code TLB that leads to the records; 0: none does; 1: several may. */
export const PAGE_TLB_ENTRY = PAGE_FIRST_COUNT + 4;
export const TLB_ENTRIES_MANY = 1;
/**
 * u32: what the count of an entry begins with anew when a translation was looked for early and not found; 0: none is
 * looked for early. Behind it a bit for each instruction: that has been done.
 */
export const PAGE_LATER = PAGE_TLB_ENTRY + 4;
export const PAGE_LOOKED = PAGE_LATER + 4;
export const PAGE_LOOKED_BYTES = 1024 / 8;
export const PAGE_RECORDS_BYTES = Math.ceil((PAGE_LOOKED + PAGE_LOOKED_BYTES) / 64) * 64;

/** The page of records from which an instruction runs alone. */
export const PCPU_ALONE = PCPU_NO_CODE + CODE_TLB_BYTES;
/** A u16 for each region: how often it left an instruction to the interpreter; at REGION_LEAVES the host is told. */
export const PCPU_LEAVES = PCPU_ALONE + PAGE_RECORDS_BYTES;
export const REGION_LEAVES = 2000;
/**
 * Translations of stage 2, direct-mapped by IPA page, for walks of stage 1: VTTBR_EL2, IPA page + 1, and the leaf descriptor
 * with the address of the 4 KiB page and the level of the leaf in bits 1:0; 8 bytes unused.
 */
export const STAGE2_ENTRY_SHIFT = 5;
export const STAGE2_INDEX_BITS = 8;
export const STAGE2_BYTES = 2 ** (STAGE2_ENTRY_SHIFT + STAGE2_INDEX_BITS);
export const PCPU_STAGE2 = PCPU_LEAVES + 2 * REGIONS;
/**
 * A bit for each value of a hash, set where there may be a region whose first instruction has it: the top FILTER_BITS of
 * `key * FILTER_HASH.key ^ word * FILTER_HASH.word`, of the region's key (see translator/region-table.ts) and first word.
 */
export const PCPU_FILTER = PCPU_STAGE2 + STAGE2_BYTES;
export const FILTER_BITS = 18;
export const FILTER_BYTES = 2 ** FILTER_BITS / 8;
export const FILTER_HASH = { key: 0x9e3779b1, word: 0x85ebca6b } as const;
/** The first page of records that are kept. */
export const PCPU_RECORDS = PCPU_FILTER + FILTER_BYTES;

/** Bytes of a pCPU area that holds the records of `codePages` pages. */
export const pcpuBytes = (codePages: number): number =>
  Math.ceil((PCPU_RECORDS + codePages * PAGE_RECORDS_BYTES) / 0x10000) * 0x10000;
