import { existsSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { compileDts } from '@dom0less/fdt';
import { readTree } from '../board-files.ts';
import { reportDiagnostics } from '../board-report.ts';
import { loadBootScript } from '../boot-script.ts';
import { EXIT, InputError } from '../errors.ts';
import { boardFile, type ExchangedBoard } from '../exchange/board-file.ts';
import { importImageBuilder } from '../exchange/imagebuilder-import.ts';
import { readAssignments } from '../exchange/shell-assignments.ts';
import { boardSource } from '../init/board-source.ts';
import type { CliIo } from '../io.ts';
import { readWhole } from '../read-file.ts';
import { saveText } from '../save-text.ts';

/** Options of `import`. */
export interface ImportFlags {
  readonly root?: string;
  readonly board?: string;
  /** Folders for `#include` of the board. */
  readonly include?: readonly string[];
  readonly out?: string;
  readonly force?: boolean;
}

const KINDS = ['imagebuilder', 'uboot'] as const;
const MAX_CONFIG_BYTES = 2 ** 20;

interface Imported {
  readonly board: ExchangedBoard;
  readonly problems: readonly string[];
  readonly notes: readonly string[];
}

/** A host for configurations that bring none: that of `init`, without domains, with 4 GiB. */
function defaultHost() {
  const kernel = { path: '', size: 1, known: false };
  const source = boardSource({
    ...{ file: 'board.dts', kernel, ramdisk: undefined, domains: 1, memoryMiB: 3584 },
    ...{ cpus: 1, pcpus: 4, gic: 2 as const, bootargs: '' },
  });
  const tree = compileDts(source);
  const chosen = tree.node('/chosen')!;
  for (const child of [...chosen.children]) chosen.removeChild(child);
  return tree;
}

function fromImageBuilder(file: string, root: string, flags: ImportFlags): Imported {
  const source = new TextDecoder().decode(readWhole(file, `can't read ${file}`, MAX_CONFIG_BYTES));
  const config = readAssignments(source, file);
  const named = config.values.get('DEVICE_TREE');
  const path = flags.board ?? (named === undefined ? undefined : join(root, named));
  const notes: string[] = [];
  if (path === undefined) notes.push('DEVICE_TREE is not given: a host of our own takes its place');
  const tree = path === undefined ? defaultHost() : readTree(path, { include: flags.include }).tree;
  const pathOf = (name: string): string => join(root, name);
  const sizeOf = (name: string): number | undefined => {
    const at = pathOf(name);
    return existsSync(at) && statSync(at).isFile() ? statSync(at).size : undefined;
  };
  const imported = importImageBuilder(tree, config, { sizeOf, pathOf });
  return { board: imported, problems: imported.problems, notes: [...notes, ...imported.notes] };
}

function fromUBoot(file: string, root: string, flags: ImportFlags, io: CliIo): Imported {
  const own = flags.board === undefined ? undefined : readTree(flags.board).tree;
  const { tree, files, output, diagnostics } = loadBootScript(file, root, own);
  io.stderr.write(output);
  reportDiagnostics(diagnostics, io);
  if (tree === undefined) throw new InputError([`${file}: the boot script starts nothing`]);
  const failed = diagnostics.some(({ severity }) => severity === 'error');
  const problems = failed ? [`${file}: the boot script does not do what it is to do`] : [];
  const loads = files.map(({ address, file: name }) => ({ address, file: join(root, name) }));
  return { board: { tree, loads }, problems, notes: [] };
}

/**
 * `dom0less import imagebuilder|uboot FILE`: writes the source of the board that ImageBuilder's configuration or a boot
 * script of U-Boot describes. Neither is run by a shell.
 *
 * @returns the exit code.
 * @throws {InputError} if it can't be read, or is not whole.
 */
export async function importCommand(kind: string, file: string, flags: ImportFlags, io: CliIo): Promise<number> {
  if (!KINDS.some((one) => one === kind)) throw new InputError([`import ${kind}: expected imagebuilder or uboot`]);
  const root = flags.root ?? dirname(file);
  const { board, problems, notes } =
    kind === 'uboot' ? fromUBoot(file, root, flags, io) : fromImageBuilder(file, root, flags);
  for (const note of notes) io.stderr.write(`dom0less: ${note}\n`);
  if (problems.length > 0) throw new InputError(problems);
  saveText(boardFile(board, basename(file), flags.out ?? 'board.dts'), flags, io);
  return EXIT.done;
}
