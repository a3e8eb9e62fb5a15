/**
 * What a board has executed often, though not so often that it was worth being translated meanwhile: made into regions for
 * later runs, which then have them from the start. The counts of the pCPUs' pages of records are read while the pCPUs go on;
 * one that changes at the same moment makes a region more or less.
 */
import {
  CODE_PAGES_SHIFT,
  ENTRY_HOT,
  PAGE_HOST,
  PAGE_NEXT,
  PAGE_RECORDS_BYTES,
  PAGE_TRAPS_FP,
  PCPU_CODE_PAGES,
  PCPU_RECORDS,
  RECORD_BYTES,
  RECORD_COUNT,
  recordsIn,
} from '../layout.ts';
import { concat } from '../wasm/module-builder.ts';
import type { PackPart } from './merge.ts';
import { regionFunction } from './module.ts';
import { DEFAULT_OPTIONS, type TranslationOptions } from './options.ts';
import { PageSource, type RecordsPage } from './page-source.ts';
import { findRegion, PAGE_BYTES, type Region } from './region.ts';
import { contentOf, RegionTable } from './region-table.ts';

/** An engine's area, as `EngineOptions` has it. */
export interface SurveyedPcpu {
  readonly pcpu: number;
  readonly codePages: number;
}

export interface SurveyOptions extends Pick<TranslationOptions, 'threshold' | 'early' | 'size'> {
  /** Taken branches to an instruction that make the code there worth a region in later runs. Default 1000. */
  readonly least?: number;
}

const LEAST = 1000;
const PAGE_INSTRUCTIONS = PAGE_BYTES / 4;

/** A survey of all pages of code that pCPUs have records of. */
export class CodeSurvey {
  readonly #u16: Uint16Array;
  readonly #u32: Uint32Array;
  readonly #source: PageSource;
  readonly #pcpus: readonly SurveyedPcpu[];
  readonly #options: Required<SurveyOptions>;
  readonly #table = new RegionTable();
  readonly #bodies: Uint8Array[] = [];
  #pcpu = 0;
  #index = 0;

  /** `options`: those that the pCPUs' engines translate with. */
  constructor(memory: WebAssembly.Memory, pcpus: readonly SurveyedPcpu[], options: SurveyOptions = {}) {
    this.#u16 = new Uint16Array(memory.buffer);
    this.#u32 = new Uint32Array(memory.buffer);
    this.#source = new PageSource(memory);
    this.#pcpus = pcpus;
    this.#options = { ...DEFAULT_OPTIONS, least: LEAST, ...options };
  }

  /** The regions that were found so far. */
  get part(): PackPart {
    return { regions: this.#table.flat(false), bodies: concat(this.#bodies) };
  }

  /** Surveys pages for so many milliseconds, at least one; whether there are more. */
  run(ms: number): boolean {
    const end = performance.now() + ms;
    for (; this.#pcpu < this.#pcpus.length; this.#pcpu++, this.#index = 0) {
      const { pcpu, codePages } = this.#pcpus[this.#pcpu]!;
      while (this.#index < codePages) {
        const page = this.#pageAt(pcpu, pcpu + PCPU_RECORDS + this.#index++ * PAGE_RECORDS_BYTES);
        if (page) this.#survey(pcpu, page);
        if (page && performance.now() >= end) return true;
      }
    }
    return false;
  }

  /** The page of records at an address, if it is one that the pCPU uses. */
  #pageAt(pcpu: number, records: number): RecordsPage | undefined {
    const hostPage = this.#u32[(records + PAGE_HOST) >>> 2]!;
    if (hostPage === 0) return undefined;
    const trapsFp = this.#u32[(records + PAGE_TRAPS_FP) >>> 2]!;
    const entry = pcpu + PCPU_CODE_PAGES + trapsFp * 2 ** CODE_PAGES_SHIFT + (hostPage >>> 12) * 4;
    return recordsIn(this.#u32[entry >>> 2]!) === records ? { records, hostPage, trapsFp: trapsFp !== 0 } : undefined;
  }

  #survey(pcpu: number, page: RecordsPage): void {
    const { threshold, early, least, size } = this.#options;
    const counts = (page.records + RECORD_COUNT) >>> 1;
    // Where nobody has looked for a translation yet the count begins so high that it says nothing.
    const [worth, most] = [ENTRY_HOT - threshold + least, ENTRY_HOT - early];
    const next = this.#nextOf(pcpu, page);
    // What lies inside a region needs none of its own.
    const inside = new Set<number>();
    for (let n = 0; n < PAGE_INSTRUCTIONS; n++) {
      const count = this.#u16[counts + n * (RECORD_BYTES / 2)]!;
      if (count >= most || count < worth || inside.has(4 * n)) continue;
      const region = findRegion(4 * n, size, this.#source.ofExecuted(page, next, worth, most));
      for (const offset of region.blocks.keys()) inside.add(offset);
      this.#add(region, page.trapsFp);
    }
  }

  /** The page that regions of this one may go on to. */
  #nextOf(pcpu: number, page: RecordsPage): RecordsPage | undefined {
    const records = this.#u32[(page.records + PAGE_NEXT) >>> 2]!;
    const next = records === 0 ? undefined : this.#pageAt(pcpu, records);
    return next?.trapsFp === page.trapsFp ? next : undefined;
  }

  #add(region: Region, trapsFp: boolean): void {
    const first = region.blocks.get(region.entry)!.instructions[0]!;
    if (!first.probed) return;
    const content = contentOf(region, trapsFp, 0);
    if (this.#table.findSame(content, first.word >>> 0) >= 0) return;
    const body = regionFunction({ region, care: 0 });
    this.#table.add(content, body.length);
    this.#bodies.push(body);
  }
}
