import type { DeviceTree } from '@dom0less/fdt';
import type { BoardDiagnostic } from '@dom0less/hypervisor/plan';
import { overlaps, readLoads, readTree } from '../board-files.ts';
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
  readonly json?: boolean;
}

/** A host tree, and what is loaded into host memory. */
export interface BoardInput {
  readonly tree: DeviceTree;
  /** Host physical address to bytes. */
  readonly modules: ReadonlyMap<number, Uint8Array>;
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

const isError = ({ severity }: BoardDiagnostic): boolean => severity === 'error';

/**
 * Reads the tree, runs the boot script and loads the files.
 *
 * @param path The host tree; may be absent if there is a boot script.
 * @returns what was read; `tree` is absent if there is none that can be used. Problems are added to `problems`, what the
 *   boot script prints and finds is on stderr.
 */
export function readBoardInput(
  path: string | undefined,
  flags: InputFlags,
  problems: string[],
  io: CliIo,
): Partial<BoardInput> & Pick<BoardInput, 'modules'> {
  const loads = readLoads(parseAll(flags.load ?? [], parseLoad, problems), problems);
  const board = path === undefined ? undefined : attempt(() => readTree(path), problems);
  const { bootScript, root } = flags;
  if (root !== undefined && bootScript === undefined)
    problems.push('--root belongs to --boot-script, which is not given');
  if (path === undefined && bootScript === undefined) problems.push('give a BOARD, or a --boot-script that loads one');
  const script =
    bootScript === undefined ? undefined : attempt(() => loadBootScript(bootScript, root, board), problems);
  if (script !== undefined) {
    io.stderr.write(script.output);
    reportDiagnostics(script.diagnostics, io, flags.json);
    if (script.diagnostics.some(isError)) problems.push(`${bootScript}: the boot script does not do what it is to do`);
  }
  const files = [...loads, ...(script?.files ?? [])];
  problems.push(...overlaps(files));
  const tree = script?.tree ?? board;
  const modules = new Map(files.map(({ address, bytes }) => [address, bytes]));
  return tree === undefined ? { modules } : { tree, modules };
}
