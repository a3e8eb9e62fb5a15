export { Board, type PreparedBoard } from './board/board.ts';
export {
  type BoardDiagnostic,
  BUILD_DIAGNOSTICS,
  type BuildCode,
  type BuildDiagnostic,
  formatBoardDiagnostic,
} from './board/diagnostic.ts';
export type {
  BoardEvent,
  BoardSummary,
  ConsoleEvent,
  DomainEvent,
  DomainInfo,
  DomainState,
  LogEvent,
} from './board/events.ts';
export { type ModuleBytes, type ModuleFile, ModuleReadError } from './board/module-bytes.ts';
export type { BoardOptions } from './board/prepare.ts';
export {
  type ConsoleFocus,
  ConsoleMux,
  type ConsoleMuxDomain,
  type ConsoleMuxOptions,
  type FocusedStyle,
} from './console/mux/console-mux.ts';
export type { Newlines } from './console/mux/screen.ts';
export type { ConsoleClock } from './console/mux/timestamps.ts';
export type { XenDomainState, XenState, XenTimerState, XenVcpuState } from './console/mux/xen-state.ts';
export { type Panic, PanicDetector } from './console/panic-detector.ts';
export { type GuestTreeInput, makeGuestTree } from './domain/guest-tree.ts';
export { type GuestTreeResult, guestTree } from './domain/preview-tree.ts';
export type { PcpuDomain, PcpuInit, PcpuPool, PcpuSignals } from './pcpu/init.ts';
export { Pcpu, type StepResult } from './pcpu/pcpu.ts';
export { type ConsoleScript, runDeterministic } from './pcpu/run-deterministic.ts';
export { runPcpu } from './pcpu/run-pcpu.ts';
