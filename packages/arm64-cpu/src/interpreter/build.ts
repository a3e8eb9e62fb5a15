/** Builds the core module: the interpreter's main function, out-of-line handlers, and the helpers they call. */

import { buildDecode, buildDecodeAlone, buildFillRecord } from '../core/decode.ts';
import type { CoreModule } from '../core/helper.ts';
import { HELPERS } from '../core/index.ts';
import { field, setField } from '../core/memory.ts';
import {
  CODE_TLB_INDEX_BITS,
  CONSTANTS_BASE,
  CONSTANTS_LIMIT,
  PAGE_REGIONS,
  PCPU_LEAVES,
  RECORD_BYTES,
  REGION_LEAVES,
  REGIONS,
} from '../layout.ts';
import { CALLABLE } from '../translator/callable.ts';
import {
  END_BITS,
  END_CHECK,
  END_FAULT,
  END_INTERPRET,
  END_RETURN,
  REGION_PARAMS,
  REGION_RESULTS,
} from '../translator/ends.ts';
import { add, and, type Expr, eq, eqz, i32, i64, load, ltS, node, or, shl, shrU, wrap, xor } from '../wasm/expr.ts';
import type { FuncRef, FunctionBuilder, Var } from '../wasm/function-builder.ts';
import { pushU32 } from '../wasm/leb128.ts';
import { ModuleBuilder, OTHERS_TABLE } from '../wasm/module-builder.ts';
import { buildCold, buildSpMove } from './cold.ts';
import { makeDecodeTable } from './decode-table.ts';
import { COLD_HANDLERS, staticKey } from './handlers.ts';
import { IMPORTS } from './imports.ts';
import { MainFunction, requested } from './main-function.ts';
import { HANDLER_CHECK, HANDLER_DELIVER, type RecordSpec } from './record.ts';

/** Exports of the core module beside `run`. */
const EXPORTS = [
  'selectContext',
  'flushAll',
  'flushVmid',
  'flushAsid',
  'flushVa',
  'flushWritesOf',
  'flushCode',
  'clearRecords',
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
  functions.set(
    'runRegions',
    b.function('runRegions', ['i32', 'i32', 'i32'], ['i32'], (f) => buildRunRegions(f, m, regionType)),
  );
  b.export(b.function('run', ['i32', 'i32'], ['i32'], (f) => new MainFunction(f, m, coldType, specs).build()));
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

/**
 * runRegions(cpu, region, left): runs translated code from one region to the next, until there is none for an address,
 * the budget of `left` instructions is used up or the host asks. Gives what is left << END_BITS | how it ended.
 */
function buildRunRegions(f: FunctionBuilder, m: CoreModule, type: number): void {
  const cpu = f.param(0);
  const [, region, left] = f.params as [Var, Var, Var];
  const target = f.local('i64');
  const code = [0x11];
  pushU32(code, type);
  code.push(OTHERS_TABLE);
  f.block((leave) => {
    f.loop((again) => {
      f.raw([...code, ...target.write, ...left.write], cpu, f.get(left), f.get(region));
      f.if(ltS(f.get(left), i32(0)), () => {
        setField(f, cpu, 'pc', f.get(target));
        const end = f.tmp(xor(f.get(left), i32(-1)));
        f.set(left, shrU(end, i32(END_BITS)));
        const how = f.tmp(and(end, i32(2 ** END_BITS - 1)));
        f.if(eq(how, i32(END_INTERPRET)), () => leaveToInterpreter(f, m, end));
        f.if(eq(how, i32(END_FAULT)), () => f.callVoid(m.fn('deliverFault'), cpu));
        f.if(eq(how, i32(END_RETURN)), () => f.callVoid(m.fn('exceptionReturn'), cpu));
        f.if(field(cpu, 'interruptLines', 'i32'), () => f.callVoid(m.fn('takePending'), cpu));
        f.set(target, field(cpu, 'pc'));
      });
      f.brIf(leave, requested(cpu));
      const index = and(wrap(shrU(f.get(target), i64(12 - 4))), i32((2 ** CODE_TLB_INDEX_BITS - 1) << 4));
      const entry = f.tmp(add(field(cpu, 'tlbCode', 'i32'), index));
      f.brIf(leave, node('i32', [0x52], load('i64', entry), and(f.get(target), i64(~0xffcn))));
      const records = f.tmp(load('i32', entry, 8));
      const at = add(records, shrU(and(wrap(f.get(target)), i32(0xffc)), i32(1)));
      f.set(region, load('i32_16u', at, PAGE_REGIONS));
      f.brIf(leave, eqz(f.get(region)));
      // The same as the entry's, but does not wait for it.
      setField(f, cpu, 'pageVa', and(f.get(target), i64(~0xfffn)));
      setField(f, cpu, 'pageRecords', records);
      f.br(again);
    });
  });
  setField(f, cpu, 'pc', f.get(target));
  f.ret(shl(f.get(left), i32(END_BITS)));
  f.unreachable();
}

/** A region has given `end` in `runRegions`: it left an instruction to the interpreter. Counts that, and returns. */
function leaveToInterpreter(f: FunctionBuilder, m: CoreModule, end: Expr): void {
  const [cpu, region] = [f.param(0), f.get(f.params[1]!)];
  // What moved SP did not look at it.
  f.if(and(field(cpu, 'sp', 'i32'), i32(15)), () => {
    f.callVoid(m.fn('debugMode'), cpu);
    f.if(field(cpu, 'debugActive', 'i32'), () => f.ret(or(and(end, i32(-(2 ** END_BITS))), i32(END_CHECK))));
  });
  const at = f.tmp(add(field(cpu, 'pcpu', 'i32'), shl(region, i32(1))));
  const leaves = f.tmp(add(load('i32_16u', at, PCPU_LEAVES), i32(1)));
  f.store('i32_16', at, leaves, PCPU_LEAVES);
  f.if(eq(leaves, i32(REGION_LEAVES)), () => f.callVoid(m.fn('leftOften'), cpu, region));
  f.ret(end);
}
