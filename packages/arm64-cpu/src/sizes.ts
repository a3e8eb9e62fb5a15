/**
 * How much memory the engine claims, and in what pieces: what planning a board needs to know of the engine, without
 * loading it.
 */
export { BLOCK_BYTES, ENGINE_END, PA_BITS, pcpuBytes } from './layout.ts';
export { VCPU_BYTES } from './state.ts';
