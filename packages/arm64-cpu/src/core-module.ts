/** The core module, compiled. */
import { coreImage } from './core-image.ts';

/** A compiled core module and its constants: may be posted to other threads. */
export interface CompiledCore {
  readonly module: WebAssembly.Module;
  readonly constants: Uint8Array;
}

let compiled: CompiledCore | undefined;

/** The core module, compiled once on each thread that asks for it; others may get it posted. */
export function compileCore(): CompiledCore {
  if (compiled === undefined) {
    const { module, constants } = coreImage();
    compiled = { module: new WebAssembly.Module(module), constants };
  }
  return compiled;
}
