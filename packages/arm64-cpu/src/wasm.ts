/** A builder of WebAssembly modules: what the core module is made with, for modules that hosts put beside it. */
export {
  add,
  and,
  atomicCode,
  atomicLoad,
  ctz,
  type Expr,
  eq,
  eqz,
  extU,
  f64,
  fop,
  geU,
  i32,
  i64,
  leU,
  load,
  ltU,
  ne,
  node,
  not,
  or,
  select,
  shl,
  shrU,
  sub,
  type ValType,
  wrap,
  xor,
} from './wasm/expr.ts';
export { type FuncRef, FunctionBuilder, type Label, type Var } from './wasm/function-builder.ts';
export { tryLock, unlock } from './wasm/lock.ts';
export { ModuleBuilder } from './wasm/module-builder.ts';
