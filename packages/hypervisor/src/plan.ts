/** What becomes of a board, without the engine: the same planning that precedes every boot. */
export {
  type BoardDiagnostic,
  BUILD_DIAGNOSTICS,
  type BuildCode,
  type BuildDiagnostic,
  formatBoardDiagnostic,
} from './board/diagnostic.ts';
export { type ModuleBytes, type ModuleFile, ModuleReadError, readModule } from './board/module-bytes.ts';
export { type BoardPlan, type PlanOptions, planBoard } from './board/plan-board.ts';
export type { PlannedDomain } from './domain/plan-domain.ts';
export { type GuestTreeResult, guestTree } from './domain/preview-tree.ts';
