import type { CheckLevels, DeviceTree, DtsError, DtsSourceMap, TreeWarning } from '@dom0less/fdt';
import type { BoardDiagnostic, ModuleBytes } from '@dom0less/hypervisor/plan';
import type { Diagnostic } from '@dom0less/multiboot';
import { type LoadedFile, overlaps, readLoads, readTree, SourceError } from '../board-files.ts';
import { reportDiagnostics } from '../board-report.ts';
import { loadBootScript } from '../boot-script.ts';
import { InputError } from '../errors.ts';
import type { CliIo } from '../io.ts';
import { parseAll, parseLoad } from '../option-values.ts';

/** Options that say what is in host memory, as they stand on the command line. */
export interface InputFlags {
  readonly load?: readonly string[];
  readonly bootScript?: string;
  readonly root?: string;
  /** Folders for `#include`. */
  readonly include?: readonly string[];
  readonly json?: boolean;
}

/** A host tree, and what is loaded into host memory. */
export interface BoardInput {
  readonly tree: DeviceTree;
  /** Host physical address to bytes. */
  readonly modules: ReadonlyMap<number, ModuleBytes>;
}

/** What was read of a board. */
export interface ReadInput {
  /** Absent if there is none that can be used. */
  readonly tree?: DeviceTree;
  /** Where the tree's nodes and properties stand, if it is as it was compiled from a source. */
  readonly sourceMap?: DtsSourceMap;
  /** What dtc warns of in the source, if its checks were asked for. */
  readonly warnings: readonly TreeWarning[];
  readonly modules: ReadonlyMap<number, ModuleBytes>;
  readonly files: readonly LoadedFile[];
  /** Why the source of the tree does not compile; each is among the problems too. */
  readonly sourceErrors: readonly DtsError[];
  /** What the boot script prints. */
  readonly output: string;
  /** What the boot script finds. */
  readonly diagnostics: readonly Diagnostic[];
}

/** Adds to `problems` what reading a file finds, and gives `undefined` then. */
function attempt<T>(action: () => T, problems: string[], sourceErrors: DtsError[] = []): T | undefined {
  try {
    return action();
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    if (error instanceof SourceError) sourceErrors.push(...error.errors);
    problems.push(...error.problems);
    return undefined;
  }
}

const isError = ({ severity }: BoardDiagnostic): boolean => severity === 'error';

/**
 * Reads the tree, runs the boot script and loads the files.
 *
 * @param path The host tree; may be absent if there is a boot script.
 * @param checks dtc's checks to make; absent = none.
 * @returns what was read. Problems are added to `problems`.
 */
export function readInput(
  path: string | undefined,
  flags: InputFlags,
  problems: string[],
  checks?: CheckLevels,
): ReadInput {
  const loads = readLoads(parseAll(flags.load ?? [], parseLoad, problems), problems);
  const sourceErrors: DtsError[] = [];
  const board =
    path === undefined
      ? undefined
      : attempt(() => readTree(path, { include: flags.include, checks }), problems, sourceErrors);
  const { bootScript, root } = flags;
  if (root !== undefined && bootScript === undefined)
    problems.push('--root belongs to --boot-script, which is not given');
  if (path === undefined && bootScript === undefined) problems.push('give a BOARD, or a --boot-script that loads one');
  const script =
    bootScript === undefined ? undefined : attempt(() => loadBootScript(bootScript, root, board?.tree), problems);
  const diagnostics = script?.diagnostics ?? [];
  if (diagnostics.some(isError)) problems.push(`${bootScript}: the boot script does not do what it is to do`);
  const files = [...loads, ...(script?.files ?? [])];
  problems.push(...overlaps(files));
  const modules = new Map(files.map(({ address, bytes }) => [address, bytes]));
  const tree = script?.tree ?? board?.tree;
  const sourceMap = script === undefined || tree === board?.tree ? board?.sourceMap : undefined;
  return {
    ...(tree === undefined ? {} : { tree }),
    ...(sourceMap === undefined ? {} : { sourceMap }),
    warnings: sourceMap === undefined ? [] : (board?.warnings ?? []),
    modules,
    files,
    sourceErrors,
    output: script?.output ?? '',
    diagnostics,
  };
}

/** Like {@link readInput}; what the boot script prints and finds is on stderr. */
export function readBoardInput(path: string | undefined, flags: InputFlags, problems: string[], io: CliIo): ReadInput {
  const input = readInput(path, flags, problems);
  io.stderr.write(input.output);
  reportDiagnostics(input.diagnostics, io, flags.json);
  return input;
}
