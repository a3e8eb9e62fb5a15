/** Builds the core module: the interpreter's main function, out-of-line handlers, and the helpers they call. */

import { buildDecode, buildDecodeAlone, buildFillRecord } from '../core/decode.ts';
import type { CoreModule } from '../core/helper.ts';
import { HELPERS } from '../core/index.ts';
import { CONSTANTS_BASE, CONSTANTS_LIMIT, RECORD_BYTES, REGIONS } from '../layout.ts';
import { CALLABLE } from '../translator/callable.ts';
import { REGION_PARAMS, REGION_RESULTS } from '../translator/ends.ts';
import type { FuncRef, FunctionBuilder } from '../wasm/function-builder.ts';
import { ModuleBuilder } from '../wasm/module-builder.ts';
import { buildCold, buildSpMove } from './cold.ts';
import { makeDecodeTable } from './decode-table.ts';
import { buildEnterAndRun } from './enter.ts';
import { COLD_HANDLERS, staticKey } from './handlers.ts';
import { IMPORTS } from './imports.ts';
import { MainFunction } from './main-function.ts';
import { HANDLER_CHECK, HANDLER_DELIVER, type RecordSpec } from './record.ts';
import { REGION_RUNNERS } from './run-regions.ts';

/** Exports of the core module beside `enterAndRun`. */
const EXPORTS = [
  'selectContext',
  'flushAll',
  'flushVmid',
  'flushAsid',
  'flushVa',
  'flushWritesOf',
  'forgetCode',
  'clearRecords',
  'voidRecords',
  'fillRecord',
  'fpRecompute',
  'resolve',
  'takePending',
] as const;

/** The core module's bytes and the constants that belong at CONSTANTS_BASE. */
export interface CoreImage {
  readonly module: Uint8Array<ArrayBuffer>;
  readonly constants: Uint8Array;
}

const RESERVED_CONSTANTS = 2 * RECORD_BYTES;

class Constants implements Pick<CoreModule, 'constant'> {
  readonly #bytes = new Uint8Array(CONSTANTS_LIMIT - CONSTANTS_BASE);
  #end = RESERVED_CONSTANTS;

  constructor() {
    const view = new DataView(this.#bytes.buffer);
    view.setUint16(0, HANDLER_CHECK, true);
    view.setUint16(RECORD_BYTES, HANDLER_DELIVER, true);
  }

  constant(bytes: Uint8Array): number {
    const at = Math.ceil(this.#end / 8) * 8;
    if (CONSTANTS_BASE + at + bytes.length > CONSTANTS_LIMIT)
      throw new Error('the constants of the core module are full');
    this.#bytes.set(bytes, at);
    this.#end = at + bytes.length;
    return CONSTANTS_BASE + at;
  }

  get used(): Uint8Array {
    return this.#bytes.slice(0, this.#end);
  }
}

/** The core module, and what was found when it was made. */
export interface BuiltCore extends CoreImage {
  /** Operands of the records of each handler, by its number. */
  readonly specs: ReadonlyMap<number, RecordSpec>;
}

/** Generates the core module. */
export function buildCore(): BuiltCore {
  const b = new ModuleBuilder();
  const constants = new Constants();
  const functions = new Map<string, FuncRef>();
  b.importSharedMemory('host', 'memory', 1, 65536);
  for (const [name, params, results] of IMPORTS)
    functions.set(name, b.importFunction('host', name, [...params], [...results]));
  const m: CoreModule = {
    fn(name) {
      const ref = functions.get(name);
      if (!ref) throw new Error(`the core module has no function ${name}`);
      return ref;
    },
    constant: (bytes) => constants.constant(bytes),
  };
  for (const h of HELPERS) {
    if (functions.has(h.name)) throw new Error(`two helpers are named ${h.name}`);
    functions.set(
      h.name,
      b.function(h.name, [...h.params], [...h.results], (f) => h.build(f, m)),
    );
  }
  const specs = new Map<number, RecordSpec>();
  const cold = new Map<string, { readonly ref: FuncRef; readonly id: number }>();
  for (const h of COLD_HANDLERS) {
    const key = `${h.encoding.index}:${staticKey(h.encoding, h.fields)}`;
    const ref = b.function(h.encoding.row.name, ['i32', 'i32'], ['i32'], (f) => {
      const usual = cold.get(key);
      const own = usual && { ref: usual.ref, spec: specs.get(usual.id)! };
      specs.set(h.id, h.movesSp ? buildSpMove(f, m, h, own) : buildCold(f, m, h));
    });
    b.tableSlot(ref);
    if (!h.movesSp) cold.set(key, { ref, id: h.id });
  }
  const coldType = b.type(['i32', 'i32'], ['i32']);
  const regionType = b.type(REGION_PARAMS, REGION_RESULTS);
  for (const h of REGION_RUNNERS) {
    functions.set(
      h.name,
      b.function(h.name, [...h.params], [...h.results], (f) => h.build(f, m, regionType)),
    );
  }
  const run = b.function('run', ['i32', 'i32'], ['i32'], (f) => new MainFunction(f, m, coldType, specs).build());
  b.export(b.function('enterAndRun', ['i32', 'i32', 'i32'], ['i32'], (f) => buildEnterAndRun(f, m, run)));
  addDecoder(b, functions, m, specs);
  b.exportTable('regions', REGIONS);
  for (const name of new Set<string>([...EXPORTS, ...CALLABLE.keys()])) b.export(m.fn(name));
  const module = b.encode();
  return { module, constants: constants.used, specs };
}

/** The functions that make records: built behind all handlers, whose operands are known then. */
function addDecoder(
  b: ModuleBuilder,
  functions: Map<string, FuncRef>,
  m: CoreModule,
  specs: ReadonlyMap<number, RecordSpec>,
): void {
  const define = (name: string, params: number, results: number, build: (f: FunctionBuilder) => void): void => {
    const i32s = (n: number) => Array.from({ length: n }, () => 'i32' as const);
    functions.set(name, b.function(name, i32s(params), i32s(results), build));
  };
  define('fillRecord', 5, 1, (f) => buildFillRecord(f, m, makeDecodeTable(specs)));
  define('decode', 2, 1, (f) => buildDecode(f, m));
  define('decodeAlone', 3, 1, (f) => buildDecodeAlone(f, m));
}
