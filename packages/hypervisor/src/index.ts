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
export type { BoardOptions } from './board/prepare.ts';
export { type GuestTreeInput, makeGuestTree } from './domain/guest-tree.ts';
export { type GuestTreeResult, guestTree } from './domain/preview-tree.ts';
export type { PcpuDomain, PcpuInit, PcpuSignals } from './pcpu/init.ts';
export { Pcpu, type StepResult } from './pcpu/pcpu.ts';
export { runPcpu } from './pcpu/run-pcpu.ts';
