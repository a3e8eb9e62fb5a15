import type { DeviceTree } from '@dom0less/fdt';
import { formatDiagnostic, parseBootPlan } from '@dom0less/multiboot';
import { readLoads, readTree } from '../board-files.ts';
import { logNames, reportPrepared, resolveExpectations } from '../board-report.ts';
import { ConsoleLogs } from '../console-logs.ts';
import { InputError } from '../errors.ts';
import type { CliIo } from '../io.ts';
import { type Expectation, parseAll, parseExpectation, parseLoad, parseTimeout } from '../option-values.ts';
import { runSession } from '../session.ts';

/** Options that `run` and `start` share, as they stand on the command line. */
export interface SessionFlags {
  readonly consoleLog?: string;
  readonly expect?: readonly string[];
  readonly timeout?: string;
}

/** Options of `run`. */
export interface RunFlags extends SessionFlags {
  readonly load?: readonly string[];
}

/** What {@link SessionFlags} say. */
export interface SessionWishes {
  readonly consoleLog: string | undefined;
  readonly expectations: readonly Expectation[];
  readonly timeout: number | undefined;
}

/** Reads the options; what is wrong with them is added to `problems`. */
export function parseSessionFlags(flags: SessionFlags, problems: string[]): SessionWishes {
  const [timeout] = parseAll(flags.timeout === undefined ? [] : [flags.timeout], parseTimeout, problems);
  const expectations = parseAll(flags.expect ?? [], parseExpectation, problems);
  return { consoleLog: flags.consoleLog, expectations, timeout };
}

/** A host tree, and what is loaded into host memory. */
export interface BoardInput {
  readonly tree: DeviceTree;
  /** Host physical address to bytes. */
  readonly modules: ReadonlyMap<number, Uint8Array>;
}

/**
 * Boots a board and runs it to its end.
 *
 * @returns the exit code.
 * @throws {InputError} if there is nothing that can run, or a wish can't be granted.
 */
export async function runBoard({ tree, modules }: BoardInput, wishes: SessionWishes, io: CliIo): Promise<number> {
  const prepared = io.prepareBoard({ tree, modules });
  const board = reportPrepared(prepared, io);
  const problems: string[] = [];
  const expectations = resolveExpectations(wishes.expectations, prepared.plan, board, problems);
  if (board === undefined) problems.push('no domain can be started');
  if (board === undefined || problems.length > 0) throw new InputError(problems);
  const { consoleLog, timeout } = wishes;
  const logs = consoleLog === undefined ? undefined : new ConsoleLogs(consoleLog, logNames(board.domains));
  try {
    return await runSession(board, io, { expectations, logs, timeout });
  } finally {
    logs?.close();
  }
}

/** Adds to `problems` what reading a file finds, and gives `undefined` then. */
function attempt<T>(action: () => T, problems: string[]): T | undefined {
  try {
    return action();
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    problems.push(...error.problems);
    return undefined;
  }
}

/**
 * `dom0less run BOARD`.
 *
 * @returns the exit code.
 * @throws {InputError} with everything that is wrong with the options and files; the tree's diagnostics were printed.
 */
export async function runCommand(path: string, flags: RunFlags, io: CliIo): Promise<number> {
  const problems: string[] = [];
  const wishes = parseSessionFlags(flags, problems);
  const loads = parseAll(flags.load ?? [], parseLoad, problems);
  const tree = attempt(() => readTree(path), problems);
  const modules = readLoads(loads, problems);
  if (tree !== undefined && problems.length === 0) return runBoard({ tree, modules }, wishes, io);
  if (tree !== undefined) {
    const { plan, diagnostics } = parseBootPlan(tree);
    for (const diagnostic of diagnostics) io.stderr.write(`${formatDiagnostic(diagnostic)}\n`);
    resolveExpectations(wishes.expectations, plan, undefined, problems);
  }
  throw new InputError(problems);
}
