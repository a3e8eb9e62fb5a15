/**
 * Makes WebAssembly modules of regions. All of them import the same helpers in the same order, so that a function's bytes
 * are the same in whichever module it is: modules are put together from bytes that were made before.
 */
import { type FuncRef, TYPE_CODE } from '../wasm/function-builder.ts';
import { pushName, pushU32 } from '../wasm/leb128.ts';
import { concat, sized } from '../wasm/module-builder.ts';
import { CALLABLE } from './callable.ts';
import { regionBody } from './emit.ts';
import { REGION_PARAMS, REGION_RESULTS } from './ends.ts';
import type { Region } from './region.ts';
import type { Care } from './region-table.ts';

/** A region to be made into code. */
export interface RegionRequest {
  readonly region: Region;
  readonly care: Care;
}

/**
 * How a module gives its functions: as exports (see {@link regionName}), for modules of which there are many; or it puts
 * them into the table `core.regions` from `pack.base` on, which is cheap for many functions and dear for many modules.
 */
export type ModuleForm = 'exports' | 'table';

/** Name of the export that is the function `n` of a module. */
export const regionName = (n: number): string => `r${n}`;

/** The function of a region, as the code section of a module has it. */
export const regionFunction = ({ region, care }: RegionRequest): Uint8Array => sized(regionBody(region, care));

/** Appends a section of `count` items, of which `bytes` are the last. */
function pushSection(out: number[], id: number, count: number, items: readonly number[], more = 0): void {
  const head: number[] = [];
  pushU32(head, count);
  out.push(id);
  pushU32(out, head.length + items.length + more);
  // Too many for the arguments of one call.
  for (const list of [head, items]) for (const byte of list) out.push(byte);
}

/** Header, types and imports, by form; the type of regions is the first. */
const heads = new Map<ModuleForm, readonly number[]>();

function headOf(form: ModuleForm): readonly number[] {
  const known = heads.get(form);
  if (known) return known;
  const types = new Map<string, number>();
  const typeBytes: number[] = [];
  const typeOf = ({ params, results }: Pick<FuncRef, 'params' | 'results'>): number => {
    const key = `${params.join()}>${results.join()}`;
    if (!types.has(key)) {
      types.set(key, types.size);
      const codes = (list: FuncRef['params']): number[] => [list.length, ...list.map((t) => TYPE_CODE[t])];
      typeBytes.push(0x60, ...codes(params), ...codes(results));
    }
    return types.get(key)!;
  };
  typeOf({ params: REGION_PARAMS, results: REGION_RESULTS });
  const imports: number[] = [];
  const named = (module: string, name: string): void => {
    pushName(imports, module);
    pushName(imports, name);
  };
  named('host', 'memory');
  imports.push(0x02, 0x03, 1);
  pushU32(imports, 65536);
  for (const ref of CALLABLE.values()) {
    named('core', ref.name);
    imports.push(0x00);
    pushU32(imports, typeOf(ref));
  }
  if (form === 'table') {
    named('core', 'regions');
    imports.push(0x01, 0x70, 0x00, 1);
    named('pack', 'base');
    imports.push(0x03, TYPE_CODE.i32, 0x00);
  }
  const out = [0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0];
  pushSection(out, 1, types.size, typeBytes);
  pushSection(out, 2, CALLABLE.size + (form === 'table' ? 3 : 1), imports);
  heads.set(form, out);
  return out;
}

function exportBytes(count: number): number[] {
  const bytes: number[] = [];
  for (let n = 0; n < count; n++) {
    pushName(bytes, regionName(n));
    bytes.push(0x00);
    pushU32(bytes, CALLABLE.size + n);
  }
  return bytes;
}

/** An active segment: functions in a row from the table's slot `pack.base` on. */
function elementBytes(count: number): number[] {
  const bytes = [0x00, 0x23, 0, 0x0b];
  pushU32(bytes, count);
  for (let n = 0; n < count; n++) pushU32(bytes, CALLABLE.size + n);
  return bytes;
}

/**
 * The bytes of a module of `count` regions. `bodies`: what {@link regionFunction} gave for each, in any number of pieces;
 * they are the last of the module's bytes. It imports `host.memory` and, of `core`, the helpers that instructions call.
 */
export function buildModule(count: number, bodies: readonly Uint8Array[], form: ModuleForm): Uint8Array<ArrayBuffer> {
  const out = [...headOf(form)];
  pushSection(out, 3, count, new Array<number>(count).fill(0));
  if (form === 'exports') pushSection(out, 7, count, exportBytes(count));
  else pushSection(out, 9, 1, elementBytes(count));
  const codeBytes = bodies.reduce((n, b) => n + b.length, 0);
  pushSection(out, 10, count, [], codeBytes);
  return concat([Uint8Array.from(out), ...bodies]);
}
