/** Every helper of the core module. */
import { helpers as access } from './access.ts';
import { helpers as clock } from './clock.ts';
import { helpers as crc32 } from './crc32.ts';
import { helpers as crypto } from './crypto.ts';
import { helpers as debug } from './debug.ts';
import { helpers as entry } from './entry.ts';
import { helpers as exceptions } from './exceptions.ts';
import { helpers as fetch } from './fetch.ts';
import { helpers as flags } from './flags.ts';
import { helpers as fpArith } from './fp-arith.ts';
import { helpers as fpConvert } from './fp-convert.ts';
import { helpers as fpEstimate } from './fp-estimate.ts';
import { helpers as fpFma } from './fp-fma.ts';
import { helpers as fpRound } from './fp-round.ts';
import type { CoreHelper } from './helper.ts';
import { helpers as maintenance } from './maintenance.ts';
import { helpers as memory } from './memory.ts';
import { helpers as simdClmul } from './simd-clmul.ts';
import { helpers as simdShift } from './simd-shift.ts';
import { helpers as tlb } from './tlb.ts';

export const HELPERS: readonly CoreHelper[] = [
  ...memory,
  ...clock,
  ...tlb,
  ...debug,
  ...access,
  ...fetch,
  ...entry,
  ...maintenance,
  ...exceptions,
  ...crc32,
  ...flags,
  ...fpRound,
  ...fpArith,
  ...fpFma,
  ...fpConvert,
  ...fpEstimate,
  ...crypto,
  ...simdClmul,
  ...simdShift,
];
