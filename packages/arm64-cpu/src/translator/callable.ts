/** What translated code may call. */
import { helpers as access } from '../core/access.ts';
import { helpers as clock } from '../core/clock.ts';
import { helpers as crc32 } from '../core/crc32.ts';
import { helpers as crypto } from '../core/crypto.ts';
import { helpers as debug } from '../core/debug.ts';
import { helpers as flags } from '../core/flags.ts';
import { helpers as fpArith } from '../core/fp-arith.ts';
import { helpers as fpConvert } from '../core/fp-convert.ts';
import { helpers as fpEstimate } from '../core/fp-estimate.ts';
import { helpers as fpFma } from '../core/fp-fma.ts';
import { helpers as fpRound } from '../core/fp-round.ts';
import type { CoreHelper } from '../core/helper.ts';
import { helpers as maintenance } from '../core/maintenance.ts';
import { helpers as simdClmul } from '../core/simd-clmul.ts';
import { helpers as simdShift } from '../core/simd-shift.ts';
import { helpers as tlb } from '../core/tlb.ts';
import { IMPORTS } from '../interpreter/imports.ts';
import type { FuncRef } from '../wasm/function-builder.ts';
import { REGION_PARAMS, REGION_RESULTS } from './ends.ts';

/** Work on system registers, TLBs and memory, and on no register that regions have in locals. */
const SYSTEM: ReadonlySet<string> = new Set([
  'addressTranslate',
  'debugMode',
  'hostSlow',
  'maintain',
  'maintainAllCode',
  'maintainCode',
  'readCounter',
  'selectContext',
  'sendEvent',
  'synchronize',
  'systemRegister',
  'timerWritten',
  'tlbiAll',
  'tlbiAsid',
  'tlbiVa',
]);

/** Whether a helper may change what the TLB says of memory. */
export const isSystem = (helper: string): boolean => SYSTEM.has(helper);

/** A function of the core module, by its type. */
type Callable = Pick<CoreHelper, 'name' | 'params' | 'results'>;

const system: Callable[] = [
  ...[access, clock, debug, maintenance, tlb].flat(),
  ...IMPORTS.map(([name, params, results]) => ({ name, params, results })),
].filter(({ name }) => SYSTEM.has(name));

/** How a region calls another (see interpreter/run-regions.ts). */
const calls: Callable = { name: 'callRegions', params: [...REGION_PARAMS, 'i64'], results: REGION_RESULTS };

/** Helpers that regions may call: those, and the ones that work on their operands, FPCR and FPSR alone. */
export const CALLABLE: ReadonlyMap<string, Callable> = new Map(
  [calls, flags, system, crc32, crypto, fpArith, fpConvert, fpEstimate, fpFma, fpRound, simdClmul, simdShift]
    .flat()
    .map((h) => [h.name, h] as const),
);

/** Places of the helpers among the imports of every module of regions. */
export const CALLABLE_REFS: ReadonlyMap<string, FuncRef> = new Map(
  [...CALLABLE.values()].map(({ name, params, results }, index) => [name, { name, index, params, results }]),
);
