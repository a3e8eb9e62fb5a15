/** Translated code of one pCPU: makes regions of what is run often, and links them to the pages of records they begin on. */
import { ENTRY_HOT, PAGE_ENTRY_COUNTS, PCPU_LEAVES, REGIONS } from '../layout.ts';
import { buildModule, regionName } from './module.ts';
import { findRegion, type Region } from './region.ts';

/** When code is translated, and how much at a time. */
export interface TranslationOptions {
  /** Taken branches to an instruction before the code there is translated: 0 to 32767. Default 3000. */
  readonly threshold?: number;
  /** Regions in a module: so many are waited for, or some slices long. Default 32. */
  readonly batch?: number;
  /** Instructions of a region at most. Default 256. */
  readonly size?: number;
  /** Regions that are kept at most: 1 to 16383. Default 8000. */
  readonly regions?: number;
}

/** A page of records and what it is made from. */
export interface CodePage {
  /** Address of the first record. */
  readonly records: number;
  /** Memory offset of the page's instruction words. */
  readonly hostPage: number;
  /** CPACR_EL1 traps floating point here. */
  readonly trapsFp: boolean;
}

/** A region that is linked to a page, or waits for its code. */
interface Link {
  readonly page: CodePage;
  /** Byte of the page at which it begins. */
  readonly entry: number;
  readonly key: string;
  /** Where its instructions are: begins and ends of straight lines, in bytes. */
  readonly lines: Uint16Array;
  /** The page was written or given up before the code was there. */
  cancelled: boolean;
}

/** A region that waits for its code, and where it will be linked. */
interface Waiting {
  readonly region: Region;
  readonly links: Link[];
}

/** Slices that a request waits for others at most. */
const PATIENCE = 24;

export class Translator {
  readonly #memory: WebAssembly.Memory;
  readonly #view: DataView;
  readonly #table: WebAssembly.Table;
  readonly #leaves: Uint16Array;
  readonly #core: WebAssembly.ModuleImports;
  readonly #options: Required<TranslationOptions>;
  /** Region numbers by content. */
  readonly #numbers = new Map<string, number>();
  /** Content of each region number, and whether its code does unaligned accesses. */
  readonly #known: { readonly key: string; readonly unaligned: boolean }[] = [];
  /** Links by page of records. */
  readonly #links = new Map<number, Link[]>();
  /** Links that wait for their code, by content. */
  readonly #waiting = new Map<string, Waiting>();
  /** Regions that are to be translated once more, for accesses that their first code did not do, by content. */
  readonly #again = new Map<string, Waiting>();
  #nextNumber = 1;
  #waited = 0;

  /** `core`: the exports of the core module, of which regions import the helpers. */
  constructor(memory: WebAssembly.Memory, pcpu: number, core: WebAssembly.Exports, options: TranslationOptions) {
    this.#memory = memory;
    this.#leaves = new Uint16Array(memory.buffer, pcpu + PCPU_LEAVES, REGIONS);
    this.#view = new DataView(memory.buffer);
    this.#core = core as WebAssembly.ModuleImports;
    this.#table = core.regions as WebAssembly.Table;
    const { threshold = 3000, batch = 32, size = 256, regions = 8000 } = options;
    if (!(threshold >= 0 && threshold < ENTRY_HOT)) throw new RangeError(`threshold is ${threshold}, not 0 to 32767`);
    if (!(regions >= 1 && regions < REGIONS)) throw new RangeError(`regions is ${regions}, not 1 to ${REGIONS - 1}`);
    this.#options = { threshold, batch: Math.min(batch, regions), size, regions };
  }

  /** What the counts of a new page's entries begin with. */
  get firstCount(): number {
    return ENTRY_HOT - this.#options.threshold;
  }

  #setCount(page: CodePage, offset: number, value: number): void {
    this.#view.setUint16(page.records + PAGE_ENTRY_COUNTS + offset / 2, value, true);
  }

  /** The count of the instruction at byte `offset` of the page has reached ENTRY_HOT. */
  hot(page: CodePage, offset: number): void {
    // Counted anew unless it gets a region: not to be asked again soon.
    this.#setCount(page, offset, 0);
    const region = this.#find(page, offset);
    if (!region.blocks.get(offset)!.instructions[0]!.probed) return;
    this.#countAnew(page, region);
    const link: Link = { page, entry: offset, key: keyOf(page, region), lines: linesOf(region), cancelled: false };
    this.#linksOf(page).push(link);
    const number = this.#numbers.get(link.key);
    if (number !== undefined) {
      this.#enter(link, number);
      return;
    }
    const waiting = this.#waiting.get(link.key);
    if (waiting) waiting.links.push(link);
    else this.#waiting.set(link.key, { region, links: [link] });
    if (this.#waiting.size >= this.#options.batch) this.#compile();
  }

  #find(page: CodePage, entry: number): Region {
    const wordAt = (at: number): number => this.#view.getUint32(page.hostPage + at, true);
    return findRegion(entry, this.#options.size, wordAt, page.trapsFp);
  }

  /** What lies inside a region is no entry of its own, unless branches go on to lead there. */
  #countAnew(page: CodePage, region: Region): void {
    for (const offset of region.blocks.keys()) {
      if (offset === region.entry) continue;
      const at = page.records + PAGE_ENTRY_COUNTS + offset / 2;
      if (this.#view.getUint16(at, true) < ENTRY_HOT) this.#view.setUint16(at, this.firstCount, true);
    }
  }

  /** Between two slices: compiles what has waited long enough. */
  tick(): void {
    if (this.#waiting.size + this.#again.size === 0) return;
    this.#waited++;
    if (this.#waited > PATIENCE) this.#compile();
  }

  #linksOf(page: CodePage): Link[] {
    let links = this.#links.get(page.records);
    if (!links) {
      links = [];
      this.#links.set(page.records, links);
    }
    return links;
  }

  #enter(link: Link, number: number): void {
    this.#setCount(link.page, link.entry, ENTRY_HOT + number);
  }

  /** A region has left REGION_LEAVES instructions to the interpreter: the accesses may be unaligned ones. */
  leftOften(number: number): void {
    const { key, unaligned } = this.#known[number]!;
    if (unaligned || this.#numbers.get(key) !== number) return;
    const links = this.#linked(key);
    if (links[0]) this.#again.set(key, { region: this.#find(links[0].page, links[0].entry), links });
  }

  #linked(key: string): Link[] {
    return [...this.#links.values()].flat().filter((l) => l.key === key);
  }

  #compile(): void {
    const wanted = this.#waiting.size + this.#again.size;
    if (this.#nextNumber + wanted > this.#options.regions + 1) this.#forgetAll();
    const batch = [
      ...[...this.#waiting].map(([key, w]) => ({ key, ...w, unaligned: false })),
      ...[...this.#again].map(([key, w]) => ({ key, ...w, unaligned: true })),
    ].filter(({ links }) => links.some((l) => !l.cancelled));
    this.#waiting.clear();
    this.#again.clear();
    this.#waited = 0;
    if (batch.length === 0) return;
    const module = new WebAssembly.Module(buildModule(batch));
    const { exports } = new WebAssembly.Instance(module, { host: { memory: this.#memory }, core: this.#core });
    batch.forEach(({ key, links, unaligned }, n) => {
      const number = this.#nextNumber++;
      this.#table.set(number, exports[regionName(n)] as () => void);
      this.#leaves[number] = 0;
      this.#known[number] = { key, unaligned };
      this.#numbers.set(key, number);
      for (const link of links) if (!link.cancelled) this.#enter(link, number);
    });
  }

  /** Gives up every region: there are no numbers left. */
  #forgetAll(): void {
    this.#again.clear();
    for (const [records, links] of this.#links) {
      for (const link of links) if (this.#numbers.has(link.key)) this.#unlink(link);
      this.#links.set(
        records,
        links.filter((l) => !l.cancelled),
      );
    }
    for (let n = 1; n < this.#nextNumber; n++) this.#table.set(n, null);
    this.#nextNumber = 1;
    this.#numbers.clear();
  }

  #unlink(link: Link): void {
    link.cancelled = true;
    this.#setCount(link.page, link.entry, this.firstCount);
  }

  /** Bytes `from` to `to` of a page of records are void: so is what was translated from them. */
  changed(records: number, from: number, to: number): void {
    const links = this.#links.get(records);
    if (!links) return;
    const kept = links.filter(({ lines }) => !covers(lines, from, to));
    if (kept.length === links.length) return;
    for (const link of links) if (!kept.includes(link)) this.#unlink(link);
    this.#links.set(records, kept);
  }

  /** A page of records was given up; its counts are no longer ours. */
  dropped(records: number): void {
    for (const link of this.#links.get(records) ?? []) link.cancelled = true;
    this.#links.delete(records);
  }
}

function linesOf(region: Region): Uint16Array {
  const blocks = [...region.blocks.values()];
  return Uint16Array.from(blocks.flatMap(({ offset, instructions }) => [offset, offset + 4 * instructions.length]));
}

/** Whether some of the lines has instructions in bytes `from` to `to`. */
function covers(lines: Uint16Array, from: number, to: number): boolean {
  for (let n = 0; n < lines.length; n += 2) if (lines[n]! < to && lines[n + 1]! > from) return true;
  return false;
}

/** What the code of a region depends on: the words it is made from and where in their page they are. */
function keyOf(page: CodePage, region: Region): string {
  const parts: (string | number)[] = [page.trapsFp ? 1 : 0, region.entry];
  for (const { offset, instructions } of region.blocks.values()) {
    parts.push(':', offset);
    for (const { word } of instructions) parts.push(word);
  }
  return parts.join();
}
