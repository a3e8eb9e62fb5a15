/** The engine's core module, with V8's machine code of it kept from run to run. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { CompiledCore } from '@dom0less/arm64-cpu';
import { isSystemError } from '../errors.ts';
import { codeFolder } from './code-folder.ts';
import { nativeCode } from './native-code.ts';
import { seal, unseal } from './sealed-file.ts';

/** So many times the machine code that is kept is worth a new file. */
const MORE_CODE = 1.1;
/** A small function of the core. */
const SMALL = 'forgetCode';

const hashOf = (...parts: (string | Uint8Array)[]): string => {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return hash.digest('hex');
};

/** V8 does not serialize a module without optimized code: makes sure that there is some. */
function optimizeOne(module: WebAssembly.Module): void {
  const imports: Record<string, WebAssembly.ModuleImports> = {};
  const memory = new WebAssembly.Memory({ initial: 1, maximum: 65536, shared: true });
  // The instance never runs: whatever it imports need only be there.
  for (const { module: from, name, kind } of WebAssembly.Module.imports(module)) {
    imports[from] = { ...imports[from], [name]: kind === 'memory' ? memory : () => 0 };
  }
  nativeCode()!.optimize(new WebAssembly.Instance(module, imports).exports[SMALL] as () => void);
}

/** The core module of a built command, read but not yet compiled. */
export class KeptCore {
  readonly #wire: Uint8Array<ArrayBuffer>;
  readonly #constants: Uint8Array;
  readonly #identity: string;
  /** Machine code that is kept. */
  #code: Uint8Array<ArrayBuffer> | undefined;
  /** Bytes of it. */
  #codeBytes = 0;
  #core: CompiledCore | undefined;

  private constructor(wire: Uint8Array<ArrayBuffer>, constants: Uint8Array) {
    this.#wire = wire;
    this.#constants = constants;
    this.#identity = JSON.stringify(['core', hashOf(wire), process.versions.v8, process.arch]);
    const bytes = codeFolder().read(this.#name);
    const [code] = (bytes && unseal(this.#identity, 1, bytes)) ?? [];
    if (code) this.#code = new Uint8Array(code);
  }

  /** Undefined where the command is run from its sources. */
  static open(): KeptCore | undefined {
    const read = (name: string): Uint8Array<ArrayBuffer> =>
      new Uint8Array(readFileSync(new URL(name, import.meta.url)));
    try {
      return new KeptCore(read('./core.wasm'), read('./core-constants.bin'));
    } catch (error) {
      if (isSystemError(error)) return undefined;
      throw error;
    }
  }

  get #name(): string {
    return hashOf(this.#identity).slice(0, 32);
  }

  /** Compiles it, if that was not done yet. Flags of V8 are to be the same as when {@link keep} is called. */
  get core(): CompiledCore {
    this.#core ??= this.#compile();
    return this.#core;
  }

  #compile(): CompiledCore {
    const code = this.#code;
    this.#code = undefined;
    const module = code && nativeCode()?.deserialize(code.buffer, this.#wire);
    if (module) this.#codeBytes = code.length;
    return { module: module ?? new WebAssembly.Module(this.#wire), constants: this.#constants };
  }

  /** Keeps machine code of what has run often by now, if that is more than is kept. What can't be written is not kept. */
  keep(): void {
    const native = nativeCode();
    if (native === undefined || this.#core === undefined) return;
    const { module } = this.#core;
    if (this.#codeBytes === 0) optimizeOne(module);
    const code = new Uint8Array(native.serialize(module));
    if (code.length < this.#codeBytes * MORE_CODE) return;
    codeFolder().write(this.#name, seal(this.#identity, [code]));
    this.#codeBytes = code.length;
  }
}
