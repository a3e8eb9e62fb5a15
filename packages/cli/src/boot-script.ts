import { existsSync } from 'node:fs';
import { basename, dirname, join, normalize } from 'node:path';
import { type DeviceTree, writeFdt } from '@dom0less/fdt';
import { DEFAULT_ENVIRONMENT, type Diagnostic, runBootScript } from '@dom0less/multiboot';
import { type LoadedFile, MAX_LOAD_BYTES } from './board-files.ts';
import { readWhole } from './read-file.ts';

/** U-Boot's limit is the environment's; this is far above any script. */
const MAX_SCRIPT_BYTES = 2 ** 20;

/** What a boot script leaves for the hypervisor. */
export interface ScriptBoard {
  /** Absent if the script starts nothing: a diagnostic says why. */
  readonly tree?: DeviceTree;
  readonly files: readonly LoadedFile[];
  /** What the script prints. */
  readonly output: string;
  readonly diagnostics: readonly Diagnostic[];
}

/** Reads files below `root`, whatever dots their paths have; each once. */
function filesBelow(root: string): (path: string) => Uint8Array | undefined {
  const read = new Map<string, Uint8Array | undefined>();
  return (path) => {
    if (path.includes('\0')) return undefined;
    const file = join(root, normalize(`/${path}`));
    if (!read.has(file))
      read.set(file, existsSync(file) ? readWhole(file, `can't read ${file}`, MAX_LOAD_BYTES) : undefined);
    return read.get(file);
  };
}

/**
 * Runs a boot script of U-Boot for the board.
 *
 * @param root Folder that its files are in; the script's own if absent.
 * @param board Tree that U-Boot has from its own boot. The board's tree is the one that the script starts, unless `board`
 *   is given: then it is that one, with the edits that the script makes to it.
 * @throws {InputError} if a file is there but can't be read.
 */
export function loadBootScript(path: string, root: string | undefined, board: DeviceTree | undefined): ScriptBoard {
  const source = readWhole(path, `can't read ${path}`, MAX_SCRIPT_BYTES);
  const { dtb, boot, modules, files, output, diagnostics } = runBootScript(source, {
    files: filesBelow(root ?? dirname(path)),
    name: basename(path),
    ...(board === undefined ? {} : { boardTree: writeFdt(board) }),
  });
  const ownTree = boot?.dtbAddress === Number.parseInt(DEFAULT_ENVIRONMENT.fdt_addr ?? '', 16);
  const tree = board === undefined || ownTree ? dtb : board;
  const loaded = [...modules].map(([address, bytes]) => {
    const file = files.find((one) => one.address <= address && address < one.address + one.size);
    return { address, bytes, file: file?.path ?? 'the ramdisk of the boot command' };
  });
  return { ...(boot === undefined || tree === undefined ? {} : { tree }), files: loaded, output, diagnostics };
}
