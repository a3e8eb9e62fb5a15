import { basename } from 'node:path';
import { planBoard } from '@dom0less/hypervisor/plan';
import { reportDiagnostics } from '../board-report.ts';
import { paintFor } from '../check/render-text.ts';
import { EXIT, InputError } from '../errors.ts';
import type { CliIo } from '../io.ts';
import { memoryMap } from '../map/model.ts';
import { renderSvg } from '../map/render-svg.ts';
import { renderTerminal } from '../map/render-terminal.ts';
import { saveText } from '../save-text.ts';
import { type InputFlags, readBoardInput } from './board-input.ts';

/** Options of `map`. */
export interface MapFlags extends InputFlags {
  readonly svg?: string;
}

/**
 * `dom0less map BOARD`: draws host and guest memory: who has what, what is free, what overlaps.
 *
 * @returns the exit code.
 * @throws {InputError} if the board can't be read or the picture not be written.
 */
export async function mapCommand(path: string | undefined, flags: MapFlags, io: CliIo): Promise<number> {
  const problems: string[] = [];
  const { tree, modules, files } = readBoardInput(path, flags, problems, io);
  if (tree === undefined || problems.length > 0) throw new InputError(problems);
  const board = planBoard({ tree, modules, assumeModules: files.length === 0, hostCpus: io.hostCpus });
  reportDiagnostics(
    board.diagnostics.filter(({ severity }) => severity === 'error'),
    io,
  );
  const map = memoryMap(board);
  if (flags.svg === undefined) {
    io.stdout.write(renderTerminal(map, paintFor(io.stdout.isTTY === true, io.env)));
    return EXIT.done;
  }
  const picture = renderSvg(map, basename(path ?? flags.bootScript ?? 'board'));
  saveText(picture, { out: flags.svg, force: true }, io);
  return EXIT.done;
}
