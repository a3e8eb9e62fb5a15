/** Translated code of one pCPU: makes regions of what is run often, and links them to the pages of records they begin on. */
import {
  ENTRY_HOT,
  ENTRY_REGION,
  FILTER_BITS,
  FILTER_BYTES,
  PAGE_FIRST_COUNT,
  PAGE_LATER,
  PAGE_LOOKED,
  PAGE_LOOKED_BYTES,
  PAGE_NEXT,
  PAGE_REGIONS,
  PCPU_FILTER,
  PCPU_LEAVES,
  RECORD_COUNT,
  RECORD_SHIFT,
  REGION_LEAVES,
  REGIONS,
} from '../layout.ts';
import { concat } from '../wasm/module-builder.ts';
import type { TranslationExchange, TranslationPack } from './exchange.ts';
import { buildModule, regionFunction, regionName } from './module.ts';
import { DEFAULT_OPTIONS, type TranslationOptions } from './options.ts';
import { PageSource, type RecordsPage } from './page-source.ts';
import { findRegion, PAGE_BYTES, type Region, type RegionSource } from './region.ts';
import { type Care, contentOf, hashOf, MOST_CARE, type RegionContent, RegionTable, TRAPS_FP } from './region-table.ts';

/** A page of records that the pCPU has, at a place among them. */
export interface CodePage extends RecordsPage {
  readonly index: number;
}

/** A region that waits for its code, and the page that it will be linked to. */
interface Waiting {
  readonly page: CodePage;
  readonly region: Region;
  readonly content: RegionContent;
  /** The page was written or given up before the code was there. */
  cancelled: boolean;
}

/** Regions with numbers in a row, from `base` on. */
interface Loaded {
  readonly table: RegionTable;
  readonly base: number;
  readonly used: Uint8Array | undefined;
}

/** Taken branches to an instruction that another pCPU is about to translate, before it is translated here too. */
const DEFERRED = 1000;
/** Words by which pCPUs tell each other what they are about to translate. */
const CLAIM_WORDS = 8;

/** Where so many branches have led, what was never executed is rare: it is left out. */
const KNOWN_ENOUGH = 100;

/** What is behind a call belongs to the caller's region if branches led there at least one in so many times as to entries. */
const COMES_BACK = 4;

/** A region that leaves no more often than so pays for its leaves: an instruction left takes as long as some hundred others. */
const INSTRUCTIONS_PER_LEAVE = 5000;

/** Slices that a request waits for others at most. */
const PATIENCE = 24;

export class Translator {
  readonly #memory: WebAssembly.Memory;
  readonly #u16: Uint16Array;
  readonly #u32: Uint32Array;
  readonly #source: PageSource;
  readonly #table: WebAssembly.Table;
  readonly #leaves: Uint16Array;
  readonly #core: WebAssembly.ModuleImports;
  readonly #options: Required<TranslationOptions>;
  readonly #exchange: TranslationExchange | undefined;
  /** Packs of many regions. */
  readonly #packs: Loaded[] = [];
  /** All other regions: their numbers by row, and their rows by number, plus 1. */
  #own = new RegionTable();
  #numbers: number[] = [];
  readonly #rows = new Uint16Array(REGIONS);
  #nextNumber = 1;
  /** Modules that regions are in. */
  #modules = 0;
  readonly #filter: Uint32Array;
  /** By index of the page of records: the page, the regions that are linked to it, and whether to look early. */
  readonly #pages: (CodePage | undefined)[] = [];
  readonly #links: number[][] = [];
  /** By index: the page behind it with which regions were made, and the pages that it is such a one of. */
  readonly #nextPages: (CodePage | undefined)[] = [];
  readonly #previous: number[][] = [];
  readonly #early: boolean[] = [];
  /** The first domain of which there is code. */
  #firstVmid: number | undefined;
  #waiting: Waiting[] = [];
  /** Regions that are to be translated once more, for accesses that their first code did not do. */
  readonly #again = new Set<number>();
  /** What the vCPU had executed when a region had last left REGION_LEAVES instructions, by number. */
  readonly #leftAt = new Map<number, number>();
  #waited = 0;
  /** Entries that another pCPU is about to translate: page * 4096 + byte. */
  readonly #deferred = new Map<number, CodePage>();

  /** `core`: the exports of the core module, of which regions import the helpers. */
  constructor(
    memory: WebAssembly.Memory,
    area: { readonly pcpu: number; readonly codePages: number },
    core: WebAssembly.Exports,
    options: TranslationOptions,
    exchange?: TranslationExchange,
  ) {
    this.#memory = memory;
    this.#leaves = new Uint16Array(memory.buffer, area.pcpu + PCPU_LEAVES, REGIONS);
    this.#u16 = new Uint16Array(memory.buffer);
    this.#u32 = new Uint32Array(memory.buffer);
    this.#source = new PageSource(memory);
    this.#core = core as WebAssembly.ModuleImports;
    this.#table = core.regions as WebAssembly.Table;
    this.#filter = new Uint32Array(memory.buffer, area.pcpu + PCPU_FILTER, FILTER_BYTES / 4).fill(0);
    this.#exchange = exchange;
    const { threshold, early, batch, size, care, regions, modules } = { ...DEFAULT_OPTIONS, ...options };
    if (!(threshold >= 0 && threshold < ENTRY_HOT)) throw new RangeError(`threshold is ${threshold}, not 0 to 32767`);
    if (!(regions >= 1 && regions < REGIONS)) throw new RangeError(`regions is ${regions}, not 1 to ${REGIONS - 1}`);
    this.#options = {
      threshold,
      early: Math.min(early, threshold),
      batch: Math.min(batch, regions),
      size,
      care,
      regions,
      modules,
    };
  }

  /** A page of records is in use from now on, by the domain `vmid` first. Gives what the counts of its entries begin with. */
  opened(page: CodePage, vmid: number): number {
    const { index } = page;
    this.#firstVmid ??= vmid;
    this.#pages[index] = page;
    this.#links[index] = [];
    this.#previous[index] = [];
    this.#setNext(page, undefined);
    // One domain by itself has seldom the same code twice.
    const looked = (page.records + PAGE_LOOKED) >>> 2;
    this.#u32.fill(0, looked, looked + PAGE_LOOKED_BYTES / 4);
    this.#setEarly(page, vmid !== this.#firstVmid || this.#packs.length > 0);
    return this.#firstCount(page);
  }

  #setEarly(page: CodePage, isEarly: boolean): void {
    const { threshold, early } = this.#options;
    this.#early[page.index] = isEarly;
    const later = isEarly && early < threshold ? ENTRY_HOT - (threshold - early) : 0;
    this.#u32[(page.records + PAGE_LATER) >>> 2] = later;
    this.#u32[(page.records + PAGE_FIRST_COUNT) >>> 2] = this.#firstCount(page);
  }

  #firstCount({ index }: CodePage): number {
    return ENTRY_HOT - (this.#early[index] ? this.#options.early : this.#options.threshold);
  }

  /** What the count of an instruction begins with: so many branches before ENTRY_HOT as are left until something is done. */
  #countOf(page: CodePage, offset: number): number {
    const { threshold, early } = this.#options;
    if (this.#early[page.index] && this.#hasLooked(page, offset)) return ENTRY_HOT - (threshold - early);
    return this.#firstCount(page);
  }

  #hasLooked(page: CodePage, offset: number): boolean {
    return (this.#u32[lookedAt(page, offset)]! & lookedBit(offset)) !== 0;
  }

  #setCount(page: CodePage, offset: number, value: number): void {
    this.#u16[countAt(page, offset)] = value;
  }

  /** Has the region of a number begin at an instruction; 0: none. */
  #setRegion(page: CodePage, offset: number, number: number): void {
    this.#u16[(page.records + PAGE_REGIONS + offset / 2) >>> 1] = number;
    this.#setCount(page, offset, number === 0 ? this.#countOf(page, offset) : ENTRY_REGION);
  }

  #setNext(page: CodePage, next: CodePage | undefined): void {
    this.#nextPages[page.index] = next;
    this.#u32[(page.records + PAGE_NEXT) >>> 2] = next?.records ?? 0;
    if (next) this.#previous[next.index]!.push(page.index);
  }

  /**
   * The page behind one that regions may have in common with it, if that is the page at index `nextIndex`: the first one
   * that was seen there.
   */
  #nextOf(page: CodePage, nextIndex: number | undefined): CodePage | undefined {
    const known = this.#nextPages[page.index];
    if (known || nextIndex === undefined) return known?.index === nextIndex ? known : undefined;
    const next = this.#pages[nextIndex];
    return next && next !== page && next.trapsFp === page.trapsFp ? next : undefined;
  }

  /**
   * The count of the instruction at byte `offset` of a page has reached ENTRY_HOT. `nextIndex`: the page of records that
   * follows in virtual memory, if it is known.
   */
  hot(index: number, offset: number, nextIndex?: number): void {
    const page = this.#pages[index]!;
    const next = this.#nextOf(page, nextIndex);
    const number = this.#find(page, offset, next);
    if (number !== 0) return this.#link(page, offset, number, next);
    if (this.#early[index] && !this.#hasLooked(page, offset) && this.#options.early < this.#options.threshold) {
      this.#u32[lookedAt(page, offset)]! |= lookedBit(offset);
      return this.#setCount(page, offset, this.#countOf(page, offset));
    }
    if (this.#isElsewhere(page, offset)) return this.#setCount(page, offset, ENTRY_HOT - DEFERRED);
    // Counted anew unless it gets a region: not to be asked again soon.
    this.#setCount(page, offset, 0);
    const source = this.#sourceOf(page, next);
    const region = findRegion(offset, this.#options.size, source);
    if (!region.blocks.get(offset)!.instructions[0]!.probed) return;
    this.#countAnew(page, region);
    if (region.spans && !this.#nextPages[index]) this.#setNext(page, next);
    this.#waiting.push({
      page,
      region,
      content: contentOf(region, page.trapsFp, this.#options.care),
      cancelled: false,
    });
    if (this.#waiting.length >= this.#options.batch) this.#compile();
  }

  /** What to make regions of: what is rare in the code is left out where that is known. */
  #sourceOf(page: CodePage, next: CodePage | undefined): RegionSource {
    const { threshold, early } = this.#options;
    if (threshold < KNOWN_ENOUGH) return this.#source.of(page, next);
    return this.#source.ofExecuted(page, next, ENTRY_HOT - threshold + threshold / COMES_BACK, ENTRY_HOT - early);
  }

  /** Whether another pCPU is about to translate what begins at byte `entry` of a page: worth to wait for, once. */
  #isElsewhere(page: CodePage, entry: number): boolean {
    const claims = this.#exchange?.claims;
    const place = page.index * 0x1000 + entry;
    if (!claims || this.#deferred.delete(place)) return false;
    let hash = page.trapsFp ? ~entry : entry + 1;
    const first = (page.hostPage + entry) >>> 2;
    const last = Math.min(first + CLAIM_WORDS, (page.hostPage >>> 2) + 1024);
    for (let n = first; n < last; n++) hash = Math.imul(hash ^ this.#u32[n]!, 0x01000193);
    if (hash === 0) return false;
    const slot = (hash ^ (hash >>> 16)) & (claims.length - 1);
    if (Atomics.compareExchange(claims, slot, 0, hash) !== hash) return false;
    this.#deferred.set(place, page);
    return true;
  }

  /** Links what waited for others, as far as it is there now. */
  #linkDeferred(): void {
    for (const [place, page] of this.#deferred) {
      const next = this.#nextPages[page.index];
      const number = this.#pages[page.index] === page ? this.#find(page, place & 0xfff, next) : 0;
      if (number === 0) continue;
      this.#deferred.delete(place);
      this.#link(page, place & 0xfff, number, next);
    }
  }

  /** The number of the region that begins at byte `entry` of a page, by its words; 0 if there is none. */
  #find({ hostPage, trapsFp }: CodePage, entry: number, next: CodePage | undefined): number {
    const key = entry | (trapsFp ? TRAPS_FP : 0);
    const behind = (next?.hostPage ?? 0) >>> 2;
    const row = this.#own.find(this.#u32, hostPage >>> 2, behind, key);
    if (row >= 0) return this.#numbers[row]!;
    for (const { table, base, used } of this.#packs) {
      const found = table.find(this.#u32, hostPage >>> 2, behind, key);
      if (found < 0) continue;
      if (used) used[found] = 1;
      return base + found;
    }
    return 0;
  }

  /** What lies inside a region is no entry of its own, unless branches go on to lead there. */
  #countAnew(page: CodePage, region: Region): void {
    for (const offset of region.blocks.keys()) {
      if (offset === region.entry || offset >= PAGE_BYTES) continue;
      const at = countAt(page, offset);
      if (this.#u16[at]! < ENTRY_HOT) this.#u16[at] = this.#countOf(page, offset);
    }
  }

  #link(page: CodePage, offset: number, number: number, next: CodePage | undefined): void {
    const { table, row } = this.#placeOf(number);
    if (next && table.spans(row) && !this.#nextPages[page.index]) this.#setNext(page, next);
    this.#links[page.index]!.push(number);
    this.#setRegion(page, offset, number);
  }

  /** Between two slices: compiles what has waited long enough, and takes what others have compiled. */
  tick(): void {
    if (this.#waiting.length + this.#again.size > 0 && ++this.#waited > PATIENCE) this.#compile();
    if (!this.#exchange) return;
    let pack = this.#exchange.take();
    if (!pack) return;
    for (; pack; pack = this.#exchange.take()) this.#take(pack);
    this.#linkDeferred();
  }

  /**
   * A region has left REGION_LEAVES instructions to the interpreter, by the time that the vCPU has executed
   * `instructions`. If that was soon enough to matter, it is what is rare in other code: unaligned accesses, say.
   */
  leftOften(number: number, instructions: number): void {
    const { table, row } = this.#placeOf(number);
    if (table.care(row) === MOST_CARE) return;
    const before = this.#leftAt.get(number) ?? -Infinity;
    if (instructions >= before && instructions - before < REGION_LEAVES * INSTRUCTIONS_PER_LEAVE) {
      this.#leftAt.delete(number);
      this.#again.add(number);
      return;
    }
    this.#leftAt.set(number, instructions);
    this.#leaves[number] = 0;
  }

  /** Where the region of a number is told of. */
  #placeOf(number: number): { readonly table: RegionTable; readonly row: number } {
    if (this.#rows[number] !== 0) return { table: this.#own, row: this.#rows[number]! - 1 };
    const pack = this.#packs.find(({ base, table }) => number >= base && number < base + table.count)!;
    return { table: pack.table, row: number - pack.base };
  }

  #compile(): void {
    const waiting = this.#waiting.filter(({ cancelled }) => !cancelled);
    this.#waiting = [];
    this.#waited = 0;
    if (this.#isFull(waiting.length + this.#again.size)) this.#forgetAll();
    const again = [...this.#again].flatMap((number) => this.#requestAgain(number));
    this.#again.clear();
    const bodies: Uint8Array[] = [];
    const first = this.#own.count;
    const firstNumber = this.#nextNumber;
    for (const { page, region, content } of waiting) {
      // It may be there since, or another page waited for the same.
      const row = this.#own.findSame(content, region.blocks.get(region.entry)!.instructions[0]!.word >>> 0);
      if (row < 0) bodies.push(this.#make(region, content));
      this.#link(page, region.entry, row < 0 ? this.#nextNumber - 1 : this.#numbers[row]!, undefined);
    }
    for (const { number, region, content } of again) {
      bodies.push(this.#make(region, content));
      this.#replace(number, this.#nextNumber - 1);
    }
    if (bodies.length > 0) this.#publish(bodies, first, firstNumber);
    this.#linkDeferred();
  }

  /** Compiles the code of regions from row `first` on, and tells others of it. */
  #publish(bodies: readonly Uint8Array[], first: number, firstNumber: number): void {
    const wire = buildModule(bodies.length, bodies, 'exports');
    let module: WebAssembly.Module;
    try {
      module = new WebAssembly.Module(wire);
      this.#enter(module, firstNumber, bodies.length);
    } catch (error) {
      // The runtime has no room for more code: it gets some back.
      if (!(error instanceof RangeError)) throw error;
      this.#forgetAll();
      return;
    }
    if (!this.#exchange) return;
    const regions = this.#own.flat(false, first);
    this.#exchange.give({ module, form: 'exports', regions, bodies: concat(bodies) });
  }

  /** Whether there are no numbers left for so many more regions, or no room for their module. */
  #isFull(more: number): boolean {
    return this.#nextNumber + more > this.#options.regions + 1 || this.#modules >= this.#options.modules;
  }

  /** Gives a region a number, and makes its code. */
  #make(region: Region, content: RegionContent): Uint8Array {
    const body = regionFunction({ region, care: content.care });
    this.#number(content, body.length);
    return body;
  }

  /** Has entries that begin as the region of a row does looked at. */
  #expect(table: RegionTable, row: number): void {
    const hash = hashOf(table.key(row), table.entryWord(row), FILTER_BITS);
    this.#filter[hash >>> 5]! |= 1 << (hash & 31);
  }

  #number(content: RegionContent, codeBytes: number): void {
    const number = this.#nextNumber++;
    const row = this.#own.add(content, codeBytes);
    this.#expect(this.#own, row);
    this.#numbers[row] = number;
    this.#rows[number] = row + 1;
    this.#leaves[number] = 0;
  }

  /** A region that leaves too often, if there is a page that it is linked to. */
  #requestAgain(number: number): { number: number; region: Region; content: RegionContent }[] {
    const { table, row } = this.#placeOf(number);
    const page = this.#pages[this.#links.findIndex((links) => links?.includes(number))];
    if (!page) return [];
    const next = table.spans(row) ? this.#nextPages[page.index] : undefined;
    const source = this.#source.of(page, next, (at) => table.covers(row, at, at + 4));
    const region = findRegion(table.entry(row), this.#options.size, source);
    return [{ number, region, content: contentOf(region, page.trapsFp, (table.care(row) + 1) as Care) }];
  }

  /** Links `number` wherever `old` is linked. */
  #replace(old: number, number: number): void {
    const { table, row } = this.#placeOf(old);
    this.#links.forEach((links, index) => {
      const at = links.indexOf(old);
      if (at < 0) return;
      links[at] = number;
      this.#setRegion(this.#pages[index]!, table.entry(row), number);
    });
  }

  /** Puts the functions of a module into the table. */
  #enter(module: WebAssembly.Module, first: number, count: number): void {
    this.#modules++;
    const { exports } = new WebAssembly.Instance(module, { host: { memory: this.#memory }, core: this.#core });
    for (let n = 0; n < count; n++) this.#table.set(first + n, exports[regionName(n)] as () => void);
  }

  /** Takes what another pCPU has compiled, or an earlier run. */
  #take({ module, form, regions, used }: TranslationPack): void {
    const table = RegionTable.of(regions);
    if (this.#isFull(table.count)) return;
    const base = this.#nextNumber;
    if (form === 'exports') {
      for (let row = 0; row < table.count; row++) this.#number(table.content(row), 0);
      this.#enter(module, base, table.count);
      return;
    }
    const imports = { host: { memory: this.#memory }, core: this.#core, pack: { base } };
    new WebAssembly.Instance(module, imports);
    this.#modules++;
    this.#packs.push({ table, base, used });
    for (let row = 0; row < table.count; row++) this.#expect(table, row);
    this.#leaves.fill(0, base, base + table.count);
    this.#nextNumber += table.count;
    this.#lookEverywhere();
  }

  /** Has pages look early that were opened while there was nothing to find. */
  #lookEverywhere(): void {
    const { threshold, early } = this.#options;
    this.#pages.forEach((page, index) => {
      if (!page || this.#early[index]) return;
      this.#setEarly(page, true);
      for (let offset = 0; offset < PAGE_BYTES; offset += 4) {
        const at = countAt(page, offset);
        const count = this.#u16[at]!;
        // Those that are yet to be decoded begin with the new first count.
        if (count > 1 && count < ENTRY_HOT) this.#u16[at] = Math.min(ENTRY_HOT - 1, count + threshold - early);
      }
    });
  }

  /** Gives up every region: there are no numbers left. */
  #forgetAll(): void {
    this.#leftAt.clear();
    this.#links.forEach((links, index) => {
      const page = this.#pages[index];
      for (const number of links.splice(0)) if (page) this.#unlink(page, number);
    });
    for (let n = 1; n < this.#nextNumber; n++) this.#table.set(n, null);
    this.#nextNumber = 1;
    this.#again.clear();
    this.#modules = 0;
    this.#packs.length = 0;
    this.#filter.fill(0);
    this.#own = new RegionTable();
    this.#numbers = [];
    this.#rows.fill(0);
  }

  #unlink(page: CodePage, number: number): void {
    const { table, row } = this.#placeOf(number);
    const entry = table.entry(row);
    this.#u32[lookedAt(page, entry)]! &= ~lookedBit(entry);
    this.#setRegion(page, entry, 0);
  }

  /** Bytes `from` to `to` of a page are void: so is what was translated from them. */
  changed(index: number, from: number, to: number): void {
    const page = this.#pages[index];
    if (!page) return;
    this.#forget(page, from, to);
    const previous = this.#previous[index]!;
    for (let n = 0; n < previous.length; n++) {
      this.#forget(this.#pages[previous[n]!]!, from + PAGE_BYTES, to + PAGE_BYTES);
    }
  }

  /** Bytes of a page or, from PAGE_BYTES on, of the next: what was translated from them is linked to the page no more. */
  #forget(page: CodePage, from: number, to: number): void {
    const { index } = page;
    for (let n = 0; n < this.#waiting.length; n++) {
      const waiting = this.#waiting[n]!;
      if (waiting.page !== page || waiting.cancelled || !covers(waiting.content.lines, from, to)) continue;
      waiting.cancelled = true;
      this.#setCount(page, waiting.region.entry, this.#countOf(page, waiting.region.entry));
    }
    const links = this.#links[index]!;
    let kept = 0;
    for (let n = 0; n < links.length; n++) {
      const number = links[n]!;
      const { table, row } = this.#placeOf(number);
      if (table.covers(row, from, to)) this.#unlink(page, number);
      else links[kept++] = number;
    }
    links.length = kept;
  }

  /** A page of records was given up; its counts are no longer ours. */
  dropped(index: number): void {
    const page = this.#pages[index];
    if (!page) return;
    for (const waiting of this.#waiting) if (waiting.page === page) waiting.cancelled = true;
    for (const n of this.#previous[index]!) {
      const before = this.#pages[n]!;
      this.#forget(before, PAGE_BYTES, 2 * PAGE_BYTES);
      this.#setNext(before, undefined);
    }
    const next = this.#nextPages[index];
    if (next) this.#previous[next.index] = this.#previous[next.index]!.filter((n) => n !== index);
    this.#nextPages[index] = undefined;
    this.#pages[index] = undefined;
    this.#links[index] = [];
    this.#previous[index] = [];
  }
}

/** Where the record of an instruction counts branches to it. */
const countAt = ({ records }: CodePage, offset: number): number =>
  (records + (offset << (RECORD_SHIFT - 2)) + RECORD_COUNT) >>> 1;

/** Where PAGE_LOOKED has the bit of an instruction. */
const lookedAt = ({ records }: CodePage, offset: number): number => (records + PAGE_LOOKED + 4 * (offset >> 7)) >>> 2;
const lookedBit = (offset: number): number => 1 << ((offset >> 2) & 31);

/** Whether some of the lines has instructions in bytes `from` to `to`. */
function covers(lines: ArrayLike<number>, from: number, to: number): boolean {
  for (let n = 0; n < lines.length; n++) if ((lines[n]! & 0xffff) < to && lines[n]! >>> 16 > from) return true;
  return false;
}
