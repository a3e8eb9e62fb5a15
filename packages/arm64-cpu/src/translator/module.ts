/** Makes a WebAssembly module of regions. */
import { ModuleBuilder } from '../wasm/module-builder.ts';
import { emitRegion } from './emit.ts';
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

/** The module's bytes. It imports `host.memory` and, of `core`, the helpers that its instructions call. */
export function buildModule(requests: readonly RegionRequest[]): Uint8Array<ArrayBuffer> {
  const b = new ModuleBuilder();
  b.importSharedMemory('host', 'memory', 1, 65536);
  const names = new Set<string>();
  for (const { region } of requests) {
    for (const { instructions } of region.blocks.values()) {
      for (const { probed } of instructions) for (const name of probed?.usage.helpers ?? []) names.add(name);
    }
  }
  const helpers = new Map(
    [...names].map((name) => {
      const { params, results } = CALLABLE.get(name)!;
      return [name, b.importFunction('core', name, [...params], [...results])] as const;
    }),
  );
  requests.forEach(({ region, unaligned }, n) => {
    const helper = (name: string) => helpers.get(name)!;
    const ref = b.function(regionName(n), ['i32', 'i32'], ['i32'], (f) => emitRegion(f, region, { unaligned, helper }));
    b.export(ref);
  });
  return b.encode();
}
