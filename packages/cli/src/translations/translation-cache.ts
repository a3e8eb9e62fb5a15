/**
 * Translations that are kept from run to run: read at the start, added to by what the pCPUs compile, written at the end
 * or while the board idles.
 */
import { createHash } from 'node:crypto';
import type { CodeSurvey, PackPart, TranslationPack } from '@dom0less/arm64-cpu';
import { CacheFolder } from '../cache/cache-folder.ts';
import { nativeCode } from '../cache/native-code.ts';
import { decodeFile, encodeFile } from './cache-file.ts';
import type { Making, Surveyed } from './pack-maker.ts';

export interface TranslationCacheOptions {
  readonly folder: string;
  /** What made the translations, as text: another one's are not taken. Asked for when the threads run already. */
  identity(): string;
  /** What they are for, as text: each has a file of its own. */
  guests(): string;
  /** Bytes that the folder may have; 256 MiB if absent. */
  readonly limit?: number;
  /** Told what goes wrong, which is never more than that translations are not kept. */
  readonly onProblem?: (problem: string) => void;
}

/**
 * Fewer new regions than this, or this share of those that are kept, are not worth a new file; at the end of a run, when
 * there is no time to make machine code anew, fewer than this larger share are not worth that of the file.
 */
const FEWEST = 8;
const LEAST_SHARE = 1 / 16;
const LEAST_SHARE_AT_END = 1 / 4;
/** Machine code for so many more times the regions is worth a new file. */
const MORE_CODE = 1.1;
/**
 * How often it is looked whether the board idles, in ms, and how many instructions its domains execute then at most. While
 * it idles and there is nothing to do it is looked half as often each time, down to once in LONGEST_LOOK_MS.
 */
const LOOK_MS = 500;
const LONGEST_LOOK_MS = 8000;
const IDLE_INSTRUCTIONS = 1_000_000;
/** Of each such time so much may go into the survey and the file, in ms, in pieces between which the thread is free. */
const WORK_MS = 400;
const PIECE_MS = 5;
/** When the domains have executed so many it is looked, once, what of their code ran often and is not translated. */
const SURVEY_INSTRUCTIONS = 100_000_000;

/** What is left of a file that was read: not its bytes, which are some MiB. */
interface Loaded {
  readonly wire: Uint8Array<ArrayBuffer>;
  readonly ages: Uint8Array;
  readonly module: WebAssembly.Module;
  /** Bytes of machine code that the module came with. */
  readonly codeBytes: number;
  readonly regions: Uint32Array<SharedArrayBuffer>;
  readonly used: Uint8Array;
}

const hashOf = (...texts: string[]): string => createHash('sha256').update(texts.join('\0')).digest('hex').slice(0, 32);

const copy = (bytes: Uint8Array): Uint8Array<ArrayBuffer> => new Uint8Array(bytes);

/** How many runs ago each region was last used, as of this run. */
const agesOf = ({ ages, used }: Loaded): Uint8Array =>
  Uint8Array.from(used, (isUsed, row) => (isUsed !== 0 ? 0 : Math.min(255, ages[row]! + 1)));

export class TranslationCache {
  readonly #folder: CacheFolder;
  #name = '';
  #identity = '';
  readonly #options: TranslationCacheOptions;
  #loaded: Loaded | undefined;
  /** What this run has compiled, and how many regions that is. */
  readonly #given: PackPart[] = [];
  #count = 0;
  /** How many regions of this run the file has. */
  #written = 0;
  #making: Making | undefined;
  /** How many regions' machine code the file has. */
  #optimized = 0;
  /** The board that is to be surveyed; undefined when that is done. */
  #surveyed: Surveyed | undefined;
  #survey: CodeSurvey | undefined;
  #works = false;
  #failed = false;

  constructor(options: TranslationCacheOptions) {
    this.#options = options;
    this.#folder = new CacheFolder(options.folder, options.limit);
  }

  /** Regions of this run that no file had. */
  get translated(): number {
    return this.#count;
  }

  /** What earlier runs left; undefined if that is nothing. To be called before anything else. */
  load(): TranslationPack | undefined {
    try {
      return this.#load();
    } catch (error) {
      this.#problem(error);
      return undefined;
    }
  }

  #load(): TranslationPack | undefined {
    this.#identity = this.#options.identity();
    this.#name = hashOf(this.#identity, this.#options.guests());
    const bytes = this.#folder.read(this.#name);
    const kept = bytes && decodeFile(this.#identity, bytes);
    if (kept === undefined) return undefined;
    const regions = new Uint32Array(new SharedArrayBuffer(kept.regions.length));
    new Uint8Array(regions.buffer).set(kept.regions);
    const used = new Uint8Array(new SharedArrayBuffer(kept.ages.length));
    const wire = copy(kept.wire);
    const machine = kept.native.length > 0 ? nativeCode()?.deserialize(copy(kept.native).buffer, wire) : undefined;
    const module = machine ?? new WebAssembly.Module(wire);
    this.#optimized = machine === undefined ? 0 : kept.optimized;
    const codeBytes = machine === undefined ? 0 : kept.native.length;
    this.#loaded = { wire, ages: copy(kept.ages), module, codeBytes, regions, used };
    return { module, form: 'table', regions, used };
  }

  /** Takes what a pCPU has compiled. */
  add(part: PackPart): void {
    this.#given.push(part);
    this.#count += part.regions[0]!;
  }

  /** Whether there is enough that the file has not. */
  get #wantsMerge(): boolean {
    return this.#hasNew(LEAST_SHARE);
  }

  #hasNew(share: number): boolean {
    const known = Math.max(this.#loaded?.regions[0] ?? 0, this.#written);
    return this.#count - this.#written >= Math.max(FEWEST, known * share);
  }

  /** Whether more is used than the file has machine code for. */
  get #wantsCode(): boolean {
    if (nativeCode() === undefined || this.#loaded === undefined) return false;
    const used = this.#loaded.used.reduce((n, isUsed) => n + isUsed, 0);
    return used > Math.max(this.#optimized, 1) * MORE_CODE;
  }

  /**
   * Makes the file while the board idles. `instructions`: what its domains have executed so far; `surveyed`: where it is
   * read what they have executed. Gives the way out.
   */
  beginIdleWork(instructions: () => number, surveyed: Surveyed): () => void {
    this.#surveyed = surveyed;
    let before = Number.NEGATIVE_INFINITY;
    let wait = LOOK_MS;
    const look = (): void => {
      const now = instructions();
      const idles = now - before < (IDLE_INSTRUCTIONS * wait) / LOOK_MS;
      before = now;
      const survey = this.#surveyed !== undefined && now >= SURVEY_INSTRUCTIONS;
      const wanted = !this.#failed && (survey || this.#wantsMerge || this.#wantsCode);
      wait = idles && !wanted && !this.#works ? Math.min(2 * wait, LONGEST_LOOK_MS) : LOOK_MS;
      timer = setTimeout(look, wait).unref();
      if (!idles || !wanted || this.#works) return;
      this.#works = true;
      (survey ? this.#surveySome() : this.#work())
        .catch((error) => this.#problem(error))
        .finally(() => {
          this.#works = false;
        });
    };
    let timer = setTimeout(look, LOOK_MS).unref();
    return () => clearTimeout(timer);
  }

  #problem(error: unknown): void {
    this.#failed = true;
    this.#options.onProblem?.(`translations can't be kept: ${error instanceof Error ? error.message : error}`);
  }

  /** Some of the survey. */
  async #surveySome(): Promise<void> {
    const { beginSurvey } = await import('./pack-maker.ts');
    this.#survey ??= beginSurvey(this.#surveyed!);
    const begin = performance.now();
    while (performance.now() - begin < WORK_MS) {
      if (!this.#survey.run(PIECE_MS)) {
        this.add(this.#survey.part);
        this.#survey = undefined;
        this.#surveyed = undefined;
        return;
      }
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  /** Some of the work on the file. */
  async #work(): Promise<void> {
    const begin = performance.now();
    const making = await this.#make();
    if (making === undefined) return;
    while (performance.now() - begin < WORK_MS && !making.done) {
      making.optimize(PIECE_MS);
      // The console comes first.
      await new Promise((resolve) => setImmediate(resolve));
    }
    if (making.done && this.#making === making) this.#write(making);
  }

  /** The pack that is under way, or a new one if there is more by now. */
  async #make(): Promise<Making | undefined> {
    if (this.#making && !this.#making.isOutdated(this.#count, this.#wantsMerge)) return this.#making;
    const { Making: Maker, makeMerged } = await import('./pack-maker.ts');
    const loaded = this.#loaded;
    const old = loaded && { regions: loaded.regions, wire: loaded.wire, ages: agesOf(loaded) };
    if (this.#wantsMerge) this.#making = makeMerged(old, this.#given, this.#count);
    else if (old) {
      this.#making = new Maker(old, this.#written, loaded);
    }
    return this.#making;
  }

  #write(making: Making): void {
    const kept = making.keep();
    const isWritten = this.#folder.write(this.#name, encodeFile(this.#identity, kept));
    if (!isWritten) throw new Error(`${this.#options.folder} can't be written, or others may write there`);
    this.#written = making.count;
    this.#optimized = kept.optimized;
    this.#making = undefined;
  }

  /** Writes what is worth it, in some tens of milliseconds: the run is over. */
  async save(): Promise<void> {
    try {
      if (this.#failed || !(this.#wantsMerge || this.#wantsCode)) return;
      if (this.#optimized > 0 && this.#wantsMerge && !this.#hasNew(LEAST_SHARE_AT_END)) return;
      const making = await this.#make();
      if (making?.isWorthIt) this.#write(making);
    } catch (error) {
      this.#problem(error);
    }
  }
}
