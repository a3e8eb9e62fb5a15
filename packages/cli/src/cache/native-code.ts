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

let native: NativeCode | undefined;

/** Undefined where this is not to be had. */
export function nativeCode(): NativeCode | undefined {
  if (!KNOWN.test(process.versions.v8 ?? '') || 'Bun' in globalThis) return undefined;
  if (native) return native;
  setFlagsFromString('--allow-natives-syntax');
  try {
    native = {
      serialize: new Function('module', 'return %SerializeWasmModule(module)') as NativeCode['serialize'],
      deserialize: new Function(
        'code',
        'wire',
        'return %DeserializeWasmModule(code, wire)',
      ) as NativeCode['deserialize'],
      optimize: new Function('exported', '%WasmTierUpFunction(exported)') as NativeCode['optimize'],
    };
  } finally {
    setFlagsFromString('--no-allow-natives-syntax');
  }
  return native;
}
