import { writeFdt } from '@dom0less/fdt';
import { planBoard } from '@dom0less/hypervisor/plan';
import { checkXenVersion, parseXenVersion } from '@dom0less/multiboot';
import { writeFile } from '../board-files.ts';
import { reportDiagnostics } from '../board-report.ts';
import { EXIT, InputError } from '../errors.ts';
import { boardFile, type ExchangedBoard } from '../exchange/board-file.ts';
import { exportImageBuilder } from '../exchange/imagebuilder-export.ts';
import { exportUBoot, hostTree } from '../exchange/uboot-export.ts';
import type { CliIo } from '../io.ts';
import { saveText } from '../save-text.ts';
import { type InputFlags, readBoardInput } from './board-input.ts';

/** Options of `export`. */
export interface ExportFlags extends InputFlags {
  readonly xen?: string;
  readonly out?: string;
  readonly force?: boolean;
  /** File for the host tree that the script edits. */
  readonly dtb?: string;
  readonly xenFile?: string;
  readonly loadCommand?: string;
}

const KINDS = ['uboot', 'dts', 'imagebuilder'] as const;
type Kind = (typeof KINDS)[number];

const DEFAULT_DTB = 'host.dtb';

function textOf(kind: Kind, board: ExchangedBoard, path: string, flags: ExportFlags, io: CliIo): string {
  const { plan } = planBoard({ tree: board.tree, modules: new Map(), assumeModules: true });
  const dtb = flags.dtb ?? DEFAULT_DTB;
  const xen = flags.xenFile ?? 'xen';
  if (kind === 'dts') return boardFile(board, path, flags.out ?? 'board.dts');
  if (kind === 'imagebuilder') {
    const { text, notes } = exportImageBuilder(board, plan, dtb, xen);
    for (const note of notes) io.stderr.write(`dom0less: ${note}\n`);
    return text;
  }
  const made = exportUBoot(board, plan, { xen, dtb, load: flags.loadCommand ?? 'tftpb' });
  if ('problem' in made) throw new InputError([`${path}: ${made.problem}`]);
  return made.script;
}

/**
 * `dom0less export uboot|dts|imagebuilder BOARD`: writes a board for real Xen: as a boot script of U-Boot, as source, or
 * as ImageBuilder's configuration, and says what a release of Xen does not know.
 *
 * @returns the exit code.
 * @throws {InputError} if the board can't be read, has errors, or can't be written so.
 */
export async function exportCommand(kind: string, path: string, flags: ExportFlags, io: CliIo): Promise<number> {
  const wanted = KINDS.find((one) => one === kind);
  const version = flags.xen === undefined ? undefined : parseXenVersion(flags.xen);
  const problems: string[] = [];
  if (wanted === undefined) problems.push(`export ${kind}: expected ${KINDS.join(', ')}`);
  if (flags.xen !== undefined && version === undefined) {
    problems.push(`--xen ${flags.xen}: expected a release of Xen 4, e.g. 4.17`);
  }
  const { tree, modules, files } = readBoardInput(path, flags, problems, io);
  if (tree === undefined || wanted === undefined || problems.length > 0) throw new InputError(problems);
  const { plan, diagnostics } = planBoard({ tree, modules, assumeModules: true });
  const errors = diagnostics.filter(({ severity }) => severity === 'error');
  reportDiagnostics([...errors, ...(version === undefined ? [] : checkXenVersion(tree, plan, version))], io);
  if (errors.length > 0) throw new InputError([`${path} has errors; a board that does not boot is not exported`]);
  const board: ExchangedBoard = { tree, loads: files };
  const text = textOf(wanted, board, path, flags, io);
  if (flags.dtb !== undefined && wanted !== 'dts') writeFile(flags.dtb, writeFdt(hostTree(tree)), flags.force === true);
  saveText(text, flags, io);
  return EXIT.done;
}
