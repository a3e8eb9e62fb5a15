import type { ValType } from '../wasm/expr.ts';
import type { FuncRef, FunctionBuilder } from '../wasm/function-builder.ts';

/** What a helper's body may refer to besides its own parameters. */
export interface CoreModule {
  /** Another helper, or an import of the core module, by name. */
  fn(name: string): FuncRef;
  /** Puts constant bytes into the memory that the engine owns and gives their address (8-byte aligned). */
  constant(bytes: Uint8Array): number;
}

/** A function of the core module that instruction semantics call by name (`x.call`). */
export interface CoreHelper {
  readonly name: string;
  readonly params: readonly ValType[];
  readonly results: readonly ValType[];
  build(f: FunctionBuilder, m: CoreModule): void;
}
