/** Functions of the module of device code. */
import type { FuncRef, FunctionBuilder, ValType } from '@dom0less/arm64-cpu/wasm';

/** What a function's body may call: functions of the module, and what the host has, by name. */
export type Functions = (name: string) => FuncRef;

export interface DeviceFunction {
  readonly name: string;
  readonly params: readonly ValType[];
  readonly results: readonly ValType[];
  build(f: FunctionBuilder, fn: Functions): void;
}
