import { Board } from '@dom0less/hypervisor';
import { parseBootPlan } from '@dom0less/multiboot';
import { logNames, reportDiagnostics, resolveDomains } from '../board-report.ts';
import { ConsoleLogs } from '../console-logs.ts';
import { InputError } from '../errors.ts';
import type { CliIo } from '../io.ts';
import { type Expectation, parseAll, parseExpectation, parsePcpus, parseSeed, parseTimeout } from '../option-values.ts';
import { parseSend, type Send } from '../send-option.ts';
import { runSession } from '../session.ts';
import { openTranslations } from '../translations/open-translations.ts';
import { type BoardInput, type InputFlags, readBoardInput } from './board-input.ts';

/** Options that `run` and `start` share, as they stand on the command line. */
export interface SessionFlags {
  readonly consoleLog?: string;
  readonly expect?: readonly string[];
  readonly send?: readonly string[];
  readonly timeout?: string;
  readonly seed?: string;
  readonly json?: boolean;
  readonly strict?: boolean;
  readonly raw?: boolean;
  readonly pcpus?: string;
  readonly deterministic?: boolean;
}

/** Options of `run`. */
export type RunFlags = SessionFlags & InputFlags;

/** What {@link SessionFlags} say. */
export interface SessionWishes {
  readonly consoleLog: string | undefined;
  readonly expectations: readonly Expectation[];
  readonly sends: readonly Send[];
  readonly timeout: number | undefined;
  /** What the domains' entropy follows from; undefined: the host's. */
  readonly seed: number | undefined;
  readonly json: boolean;
  readonly strict: boolean;
  readonly raw: boolean;
  /** Number of pCPUs; absent = as many as the host has, in deterministic mode 1. */
  readonly pcpus: number | undefined;
  readonly deterministic: boolean;
}

/** Reads the options; what is wrong with them is added to `problems`. */
export function parseSessionFlags(flags: SessionFlags, problems: string[]): SessionWishes {
  const [timeout] = parseAll(flags.timeout === undefined ? [] : [flags.timeout], parseTimeout, problems);
  const [seed] = parseAll(flags.seed === undefined ? [] : [flags.seed], parseSeed, problems);
  const expectations = parseAll(flags.expect ?? [], parseExpectation, problems);
  const sends = parseAll(flags.send ?? [], parseSend, problems);
  const [pcpus] = parseAll(flags.pcpus === undefined ? [] : [flags.pcpus], parsePcpus, problems);
  const { consoleLog, json = false, strict = false, raw = false, deterministic = false } = flags;
  return { consoleLog, expectations, sends, timeout, seed, json, strict, raw, pcpus, deterministic };
}

/**
 * Boots a board and runs it to its end.
 *
 * @returns the exit code.
 * @throws {InputError} if there is nothing that can run, or a wish can't be granted.
 */
export async function runBoard(input: BoardInput, wishes: SessionWishes, io: CliIo): Promise<number> {
  const { strict, consoleLog, seed, pcpus, deterministic } = wishes;
  // Deterministic mode takes nothing from the host.
  const hostCpus = deterministic ? 1 : io.hostCpus;
  const options = { ...input, strict, pcpus, hostCpus, deterministic, ...(seed === undefined ? {} : { seed }) };
  // Threads that are there before the board have compiled the engine's code.
  const prepared = io.prepareBoard?.(options) ?? Board.prepare({ ...options, sharesCore: false });
  const { plan, board, diagnostics } = await prepared;
  reportDiagnostics(diagnostics, io, wishes.json);
  const problems: string[] = [];
  const expectations = resolveDomains('--expect', wishes.expectations, { plan, board }, problems);
  const sends = resolveDomains('--send', wishes.sends, { plan, board }, problems);
  if (board === undefined) {
    const why = strict ? 'with --strict, an error of one is an error of all' : 'see above';
    problems.push(`no domain can be started (${why})`);
  }
  if (board === undefined || problems.length > 0) throw new InputError(problems);
  const open = io.openTranslations ?? openTranslations;
  const translations = open({ plan, modules: input.modules, io });
  const logs = consoleLog === undefined ? undefined : new ConsoleLogs(consoleLog, logNames(board.domains));
  try {
    return await runSession(board, io, { ...wishes, plan, expectations, sends, logs, translations });
  } finally {
    logs?.close();
  }
}

/**
 * `dom0less run [BOARD]`.
 *
 * @returns the exit code.
 * @throws {InputError} with everything that is wrong with the options and files; the tree's diagnostics were printed.
 */
export async function runCommand(path: string | undefined, flags: RunFlags, io: CliIo): Promise<number> {
  const problems: string[] = [];
  const wishes = parseSessionFlags(flags, problems);
  const { tree, modules } = readBoardInput(path, flags, problems, io);
  if (tree !== undefined && problems.length === 0) return runBoard({ tree, modules }, wishes, io);
  if (tree !== undefined) {
    const { plan, diagnostics } = parseBootPlan(tree);
    reportDiagnostics(diagnostics, io, wishes.json);
    resolveDomains('--expect', wishes.expectations, { plan }, problems);
    resolveDomains('--send', wishes.sends, { plan }, problems);
  }
  throw new InputError(problems);
}
