/**
 * V8's machine code of a WebAssembly module as bytes. Node has no function for it, V8 has: reached here for those of its
 * versions with which it was tried. Only the optimizing compiler's code is among the bytes; V8 compiles other functions
 * again when they are first called.
 */
import { setFlagsFromString } from 'node:v8';

export interface NativeCode {
  /** At least one function has been optimized, or V8 aborts. */
  serialize(module: WebAssembly.Module): ArrayBuffer;
  /** Undefined where the bytes are another V8's, or another processor's. They must be whole: V8 looks at their head only. */
  deserialize(code: ArrayBuffer, wire: Uint8Array): WebAssembly.Module | undefined;
  /** Optimizes an exported function, now. */
  optimize(exported: () => void): void;
}

/** Versions of V8 with the three functions as they are called here (Node 20). */
const KNOWN = /^11\.3\./;

/**
 * Has V8 run `body` as a function of `values`. Its own functions can be named while the flag is set only, and V8 may compile
 * a function again that was not called for long: so it is made for each call.
 */
function withNatives<Result>(body: string, values: Record<string, unknown>): Result {
  setFlagsFromString('--allow-natives-syntax');
  try {
    return new Function(...Object.keys(values), body)(...Object.values(values)) as Result;
  } finally {
    setFlagsFromString('--no-allow-natives-syntax');
  }
}

const native: NativeCode = {
  serialize: (module) => withNatives('return %SerializeWasmModule(module)', { module }),
  deserialize: (code, wire) => withNatives('return %DeserializeWasmModule(code, wire)', { code, wire }),
  optimize: (exported) => withNatives('%WasmTierUpFunction(exported)', { exported }),
};

/** Undefined where this is not to be had. */
export function nativeCode(): NativeCode | undefined {
  return KNOWN.test(process.versions.v8 ?? '') && !('Bun' in globalThis) ? native : undefined;
}
