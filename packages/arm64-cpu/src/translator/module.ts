/** Makes a WebAssembly module of regions. */
import { ModuleBuilder } from '../wasm/module-builder.ts';
import { regionBody } from './emit.ts';
import type { Region } from './region.ts';
import { CALLABLE } from './sem.ts';

/** A region to be made into code. */
export interface RegionRequest {
  readonly region: Region;
  /** Plain data accesses may be unaligned. */
  readonly unaligned: boolean;
}

/** Name of the export that is the function of request `n`. */
export const regionName = (n: number): string => `r${n}`;

/** The module's bytes. It imports `host.memory` and, of `core`, the helpers that instructions may call. */
export function buildModule(requests: readonly RegionRequest[]): Uint8Array<ArrayBuffer> {
  const b = new ModuleBuilder();
  b.importSharedMemory('host', 'memory', 1, 65536);
  for (const { name, params, results } of CALLABLE.values()) b.importFunction('core', name, [...params], [...results]);
  requests.forEach(({ region, unaligned }, n) => {
    b.export(b.body(regionName(n), ['i32', 'i32'], ['i32'], regionBody(region, unaligned)));
  });
  return b.encode();
}
