/** Flags of V8 that suit the engine; for all threads of the process. */
import { setFlagsFromString } from 'node:v8';

/** Node before this has relaxed SIMD behind a flag, finished as it is. */
const RELAXED_SIMD_FROM = 22;

/**
 * What a board runs is short: V8's quick compilers are nearly as good as the optimizing ones there, which cost more than they
 * save until code has run for long. Both values are some ten times V8's own.
 */
const LATE_OPTIMIZATION = ['--wasm-tiering-budget=30000000', '--interrupt-budget=600000'];

/** Modules come from our own builders: functions that never run need not be looked at. */
const LESS_WORK = ['--wasm-lazy-validation'];

/** Sets the flags: before the first worker is started. */
export function setEngineFlags(): void {
  // Fused multiply-adds.
  if (Number.parseInt(process.versions.node, 10) < RELAXED_SIMD_FROM)
    setFlagsFromString('--experimental-wasm-relaxed-simd');
  for (const flag of [...LATE_OPTIMIZATION, ...LESS_WORK]) setFlagsFromString(flag);
}
