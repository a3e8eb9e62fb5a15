import { lstat, readdir, readFile, readlink } from 'node:fs/promises';
import { join } from 'node:path';
import type { CpioEntry } from './cpio.ts';

/** Permission bits of `st_mode` (POSIX `<sys/stat.h>`). */
const PERMISSIONS = 0o7777;

/**
 * Members of an archive that holds the tree under a folder: directories, regular files and links, in an order that
 * depends on names only, each directory before what it holds. Anything else is left out; a link is never followed.
 *
 * @param keep asked for every path relative to `root`; what it refuses is left out, a directory with all in it.
 */
export async function treeEntries(root: string, keep: (path: string) => boolean = () => true): Promise<CpioEntry[]> {
  const entries: CpioEntry[] = [];
  const visit = async (folder: string): Promise<void> => {
    for (const name of (await readdir(join(root, folder))).sort()) {
      const path = folder === '' ? name : `${folder}/${name}`;
      if (!keep(path)) continue;
      const file = join(root, path);
      const status = await lstat(file);
      const mode = status.mode & PERMISSIONS;
      if (status.isSymbolicLink()) entries.push({ type: 'symlink', path, target: await readlink(file) });
      else if (status.isFile()) entries.push({ type: 'file', path, mode, data: await readFile(file) });
      else if (status.isDirectory()) {
        entries.push({ type: 'directory', path, mode });
        await visit(path);
      }
    }
  };
  await visit('');
  return entries;
}
