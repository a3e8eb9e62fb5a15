export { AsmError } from './asm/asm-error.ts';
export { type Assembled, type AssembleOptions, assemble } from './asm/assemble.ts';
export { disassemble } from './asm/disassemble.ts';
export { BareMachine, type BareMachineOptions } from './bare-machine.ts';
export { type CompiledCore, compileCore } from './core-module.ts';
export { candidates, type Decoded, decode, type Encoding, encodingNamed } from './decoder.ts';
export { ENCODINGS } from './encodings.ts';
export {
  Engine,
  type EngineClock,
  type EngineHost,
  type EngineOptions,
  type ExitReason,
  exitReason,
} from './engine.ts';
export { EXIT_WAIT } from './interpreter/outcomes.ts';
export { BLOCK_BYTES, BLOCK_SHIFT, BLOCK_TABLE, ENGINE_END, PA_BITS, pcpuBytes } from './layout.ts';
export { kick } from './smp/kick.ts';
export { exclusiveMonitor } from './smp/monitor.ts';
export {
  FEATURE_GIC,
  OSLSR_RESET,
  SP_OFFSET,
  stateOffset,
  V_OFFSET,
  VCPU_BYTES,
  VCPU_FIELDS,
  X_OFFSET,
} from './state.ts';
export { ID_REGISTERS, type IdRegister } from './sysregs/id-registers.ts';
export { HOST_REGISTERS, type HostRegister } from './sysregs/registers.ts';
export { ROWS } from './table/index.ts';
export type { Feature, Fields, PatternField, Row } from './table/row.ts';
export type { TranslationExchange, TranslationPack } from './translator/exchange.ts';
export { bodiesOf, type MergedPack, mergePacks, type PackPart } from './translator/merge.ts';
export type { TranslationOptions } from './translator/options.ts';
export { CodeSurvey, type SurveyedPcpu, type SurveyOptions } from './translator/survey.ts';
export { hostFuses } from './wasm/fused.ts';
