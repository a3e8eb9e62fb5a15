import type { ValType } from './expr.ts';
import { type FuncRef, FunctionBuilder, TYPE_CODE } from './function-builder.ts';
import { pushName, pushS32, pushU32 } from './leb128.ts';

interface Defined {
  readonly ref: FuncRef;
  readonly build: (f: FunctionBuilder) => void;
}

/** Indices of the tables: of functions that others put in, and of the module's own. */
export const OTHERS_TABLE = 0;
export const OWN_TABLE = 1;

/** Builds a WebAssembly module: imports first, then functions (declared before any is built, so that they may call each other). */
export class ModuleBuilder {
  readonly #types = new Map<string, number>();
  readonly #typeBytes: number[][] = [];
  readonly #imports: number[][] = [];
  readonly #functions: Defined[] = [];
  readonly #exports: number[][] = [];
  readonly #table: FuncRef[] = [];
  #importedFunctions = 0;
  #othersTable = 0;

  /** Index of the function type `params → results`. */
  type(params: readonly ValType[], results: readonly ValType[]): number {
    const key = `${params.join()}>${results.join()}`;
    let index = this.#types.get(key);
    if (index === undefined) {
      index = this.#typeBytes.length;
      this.#types.set(key, index);
      const bytes = [0x60];
      for (const list of [params, results]) {
        pushU32(bytes, list.length);
        for (const t of list) bytes.push(TYPE_CODE[t]);
      }
      this.#typeBytes.push(bytes);
    }
    return index;
  }

  /** Imports the shared memory `module.name`; any shared memory of at least `minPages` 64 KiB pages fits. */
  importSharedMemory(module: string, name: string, minPages: number, maxPages: number): void {
    const bytes: number[] = [];
    pushName(bytes, module);
    pushName(bytes, name);
    bytes.push(0x02, 0x03);
    pushU32(bytes, minPages);
    pushU32(bytes, maxPages);
    this.#imports.push(bytes);
  }

  importFunction(module: string, name: string, params: ValType[], results: ValType[]): FuncRef {
    if (this.#functions.length > 0) throw new Error('functions are imported before any is defined');
    const bytes: number[] = [];
    pushName(bytes, module);
    pushName(bytes, name);
    bytes.push(0x00);
    pushU32(bytes, this.type(params, results));
    this.#imports.push(bytes);
    return { name, index: this.#importedFunctions++, params, results };
  }

  /** Declares a function; `build` runs when the module is encoded. */
  function(name: string, params: ValType[], results: ValType[], build: (f: FunctionBuilder) => void): FuncRef {
    const ref: FuncRef = { name, index: this.#importedFunctions + this.#functions.length, params, results };
    this.#functions.push({ ref, build });
    return ref;
  }

  export(f: FuncRef, name = f.name): void {
    const bytes: number[] = [];
    pushName(bytes, name);
    bytes.push(0x00);
    pushU32(bytes, f.index);
    this.#exports.push(bytes);
  }

  /** Appends `f` to the function table and gives its index there. */
  tableSlot(f: FuncRef): number {
    return this.#table.push(f) - 1;
  }

  /**
   * Adds a table of `size` empty slots, for others to fill, and exports it. It is OTHERS_TABLE, and the function table of
   * the module itself OWN_TABLE: V8 has less to load for calls by the first.
   */
  exportTable(name: string, size: number): void {
    this.#othersTable = size;
    const bytes: number[] = [];
    pushName(bytes, name);
    bytes.push(0x01, OTHERS_TABLE);
    this.#exports.push(bytes);
  }

  /** The module's bytes. */
  encode(): Uint8Array<ArrayBuffer> {
    const code = this.#functions.map(({ ref, build }) => {
      const f = new FunctionBuilder(ref.params);
      build(f);
      return sized(bodyBytes(f));
    });
    const functionTypes = this.#functions.map(({ ref }) => {
      const bytes: number[] = [];
      pushU32(bytes, this.type(ref.params, ref.results));
      return bytes;
    });
    const chunks: Uint8Array[] = [Uint8Array.of(0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0)];
    section(chunks, 1, this.#typeBytes);
    section(chunks, 2, this.#imports);
    section(chunks, 3, functionTypes);
    section(chunks, 4, [this.#othersTable, this.#table.length].map(tableBytes));
    section(chunks, 7, this.#exports);
    if (this.#table.length > 0) section(chunks, 9, [elementBytes(this.#table)]);
    section(chunks, 10, code);
    return concat(chunks);
  }
}

function tableBytes(size: number): number[] {
  const bytes = [0x70, 0x00];
  pushU32(bytes, size);
  return bytes;
}

/** The functions of OWN_TABLE: an active segment with a table index (core specification 5.5.12). */
function elementBytes(table: readonly FuncRef[]): number[] {
  const bytes = [0x02, OWN_TABLE, 0x41];
  pushS32(bytes, 0);
  bytes.push(0x0b, 0x00);
  pushU32(bytes, table.length);
  for (const f of table) pushU32(bytes, f.index);
  return bytes;
}

function bodyBytes(f: FunctionBuilder): Uint8Array {
  const runs: [number, ValType][] = [];
  for (const t of f.locals) {
    const last = runs.at(-1);
    if (last?.[1] === t) last[0]++;
    else runs.push([1, t]);
  }
  const head: number[] = [];
  pushU32(head, runs.length);
  for (const [n, t] of runs) {
    pushU32(head, n);
    head.push(TYPE_CODE[t]);
  }
  return concat([Uint8Array.from(head), Uint8Array.from(f.body), Uint8Array.of(0x0b)]);
}

/** A function as the code section has it: its size, then its locals and code (core specification 5.5.13). */
export function sized(bytes: Uint8Array): Uint8Array {
  const size: number[] = [];
  pushU32(size, bytes.length);
  return concat([Uint8Array.from(size), bytes]);
}

function section(chunks: Uint8Array[], id: number, items: readonly ArrayLike<number>[]): void {
  if (items.length === 0) return;
  const count: number[] = [];
  pushU32(count, items.length);
  const size: number[] = [];
  pushU32(
    size,
    items.reduce((n, i) => n + i.length, count.length),
  );
  chunks.push(Uint8Array.from([id, ...size, ...count]), ...items.map((i) => Uint8Array.from(i)));
}

/** One array of all the bytes. */
export function concat(chunks: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const out = new Uint8Array(chunks.reduce((n, c) => n + c.length, 0));
  let at = 0;
  for (const c of chunks) {
    out.set(c, at);
    at += c.length;
  }
  return out;
}
