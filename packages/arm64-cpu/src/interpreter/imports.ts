/** What the core module asks of its host. */

import type { ValType } from '../wasm/expr.ts';

/** Imports of the core module (module `host`): name, parameters, results. What each does: see `EngineHost`. */
export const IMPORTS = [
  ['newCodePage', ['i32', 'i32', 'i32'], ['i32']],
  ['codePageWritten', ['i32', 'i32'], []],
  ['backBlock', ['i32', 'i32'], ['i32']],
  ['mmio', ['i32', 'i32', 'i32', 'i32', 'i32'], ['i32']],
  ['hypercall', ['i32', 'i32', 'i32'], ['i32']],
  ['counter', ['i32'], ['f64']],
  ['hostTime', [], ['f64']],
  ['timerWritten', ['i32'], []],
  ['systemRegister', ['i32', 'i32', 'i32'], ['i32']],
  ['hotEntry', ['i32', 'i32'], []],
  ['leftOften', ['i32', 'i32'], []],
  ['sendEvent', ['i32'], []],
  ['broadcast', ['i32', 'i32', 'i32', 'i32'], []],
  ['synchronize', ['i32'], []],
  ['serve', ['i32'], []],
  ['enter', ['i32'], []],
] as const;

/** The type of the import `name`. */
export function importNamed(name: string): { params: readonly ValType[]; results: readonly ValType[] } {
  const found = IMPORTS.find(([n]) => n === name);
  if (!found) throw new Error(`the core module has no function ${name}`);
  return { params: found[1], results: found[2] };
}
