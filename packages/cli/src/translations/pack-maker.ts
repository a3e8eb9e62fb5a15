/** Makes the pack that is kept: merged from what there is, with the machine code of what is used. */
import { bodiesOf, CodeSurvey, mergePacks, type PackPart, type SurveyedPcpu } from '@dom0less/arm64-cpu';
import { nativeCode } from '../cache/native-code.ts';
import type { KeptTranslations } from './cache-file.ts';

/** Runs that a region is kept for without being used. */
const MAX_AGE = 8;
/** Regions of a pack at most: pCPUs have room for as many more of their own. */
const MAX_REGIONS = 12_000;

const NONE = new Uint8Array();

/** A module whose functions are optimized one by one. */
class Optimizer {
  readonly #table = new WebAssembly.Table({ element: 'anyfunc', initial: MAX_REGIONS + 1 });
  readonly #module: WebAssembly.Module;
  readonly #wanted: readonly number[];
  #next = 0;
  #code: { readonly bytes: Uint8Array; readonly of: number } | undefined;

  constructor(module: WebAssembly.Module, ages: Uint8Array) {
    this.#module = module;
    this.#wanted = [...ages.keys()].filter((row) => ages[row] === 0);
    // The instance never runs: whatever it imports need only be there.
    const core: WebAssembly.ModuleImports = { regions: this.#table };
    for (const { name, kind } of WebAssembly.Module.imports(module)) if (kind === 'function') core[name] = () => 0;
    const memory = new WebAssembly.Memory({ initial: 1, maximum: 65536, shared: true });
    new WebAssembly.Instance(module, { host: { memory }, core, pack: { base: 0 } });
  }

  get done(): boolean {
    return this.#next >= this.#wanted.length;
  }

  /** Functions that were optimized. */
  get count(): number {
    return this.#next;
  }

  /** Goes on for so many milliseconds, at least with one function. */
  run(ms: number): void {
    const native = nativeCode()!;
    const end = performance.now() + ms;
    do {
      if (this.done) return;
      native.optimize(this.#table.get(this.#wanted[this.#next++]!) as () => void);
    } while (performance.now() < end);
  }

  get code(): Uint8Array {
    // V8 does not serialize a module without optimized code.
    if (this.#next === 0) this.run(0);
    if (this.#next === 0) return NONE;
    if (this.#code?.of !== this.#next) {
      this.#code = { bytes: new Uint8Array(nativeCode()!.serialize(this.#module)), of: this.#next };
    }
    return this.#code.bytes;
  }
}

/** A file in the making. */
export class Making {
  /** Regions of this run that it has. */
  readonly count: number;
  readonly #pack: OldPack;
  readonly #isNew: boolean;
  readonly #hadCode: number;
  readonly #module: WebAssembly.Module | undefined;
  #optimizer: Optimizer | undefined;

  /** `old`: the pack is one that was read, with its module and the size of the machine code that it came with. */
  constructor(pack: OldPack, count: number, old?: { module: WebAssembly.Module; codeBytes: number }) {
    this.#pack = pack;
    this.count = count;
    this.#isNew = old === undefined;
    this.#hadCode = old?.codeBytes ?? 0;
    this.#module = old?.module;
  }

  /** Whether more has come since it was begun. */
  isOutdated(count: number, wantsMerge: boolean): boolean {
    return wantsMerge && (!this.#isNew || count > this.count * 1.25);
  }

  get done(): boolean {
    return nativeCode() === undefined || this.#optimizer?.done === true;
  }

  /** Makes machine code for some milliseconds. */
  optimize(ms: number): void {
    if (this.done) return;
    this.#optimizer ??= new Optimizer(
      this.#module ?? new WebAssembly.Module(new Uint8Array(this.#pack.wire)),
      this.#pack.ages,
    );
    this.#optimizer.run(ms);
  }

  /** Whether the file would be better than the one that is there. */
  get isWorthIt(): boolean {
    if (this.#isNew) return true;
    if (nativeCode() === undefined) return false;
    this.optimize(0);
    return this.#optimizer!.code.length > this.#hadCode * 1.1;
  }

  keep(): KeptTranslations {
    const { regions, wire, ages } = this.#pack;
    const bytes = new Uint8Array(regions.buffer, regions.byteOffset, regions.byteLength);
    return {
      regions: bytes,
      wire,
      ages,
      native: this.#optimizer?.code ?? NONE,
      optimized: this.#optimizer?.count ?? 0,
    };
  }
}

/** A pack that was read, and for each region how many runs ago it was last used by now. */
export interface OldPack {
  readonly regions: Uint32Array<ArrayBufferLike>;
  readonly wire: Uint8Array;
  readonly ages: Uint8Array;
}

/** One pack of what was read and of `count` regions that this run has compiled. */
export function makeMerged(old: OldPack | undefined, given: readonly PackPart[], count: number): Making {
  const parts = old ? [{ ...old, bodies: bodiesOf(old.regions, old.wire) }, ...given] : given;
  return new Making(mergePacks(parts, MAX_AGE, MAX_REGIONS), count);
}

/** Where it is read what a board has executed: the board's memory, and its pCPUs' areas there. */
export interface Surveyed {
  readonly memory: WebAssembly.Memory;
  readonly pcpus: readonly SurveyedPcpu[];
}

/** Begins to look for what the board has executed often but not translated. */
export const beginSurvey = ({ memory, pcpus }: Surveyed): CodeSurvey => new CodeSurvey(memory, pcpus);
