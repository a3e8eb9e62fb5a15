import { setFlagsFromString } from 'node:v8';

/** Node before this has relaxed SIMD behind a flag, finished as it is. */
const RELAXED_SIMD_FROM = 22;

/** Opens what the engine makes use of where it is there (fused multiply-adds); for all threads of the process. */
export function openWasmFeatures(): void {
  if (Number.parseInt(process.versions.node, 10) < RELAXED_SIMD_FROM)
    setFlagsFromString('--experimental-wasm-relaxed-simd');
}
