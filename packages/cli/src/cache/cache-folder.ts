/** A folder of kept files: only its owner may write there, and it stays below a size. */
import { randomUUID } from 'node:crypto';
import {
  closeSync,
  existsSync,
  fstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writevSync,
} from 'node:fs';
import { dirname, join } from 'node:path';

/** Bytes that all files may have together. */
export const FOLDER_BYTES = 256 * 2 ** 20;
const SUFFIX = '.pack';
const TEMPORARY = '.tmp';
/** What a writer left that did not come to its end is removed after so long, in ms. */
const STALE_MS = 3_600_000;

/** What is kept is code that we run: nobody else may have put them there. */
const isOurs = ({ uid, mode }: { uid: number; mode: number }): boolean =>
  process.getuid === undefined || (uid === process.getuid() && (mode & 0o022) === 0);

export class CacheFolder {
  readonly #path: string;
  readonly #limit: number;

  constructor(path: string, limit = FOLDER_BYTES) {
    this.#path = path;
    this.#limit = limit;
  }

  #file(name: string): string {
    return join(this.#path, name + SUFFIX);
  }

  /** A file's bytes; undefined if there is none that can be read and is ours alone to write. */
  read(name: string): Uint8Array | undefined {
    const path = this.#file(name);
    let file: number | undefined;
    try {
      if (!isOurs(statSync(this.#path))) return undefined;
      file = openSync(path, 'r');
      if (!isOurs(fstatSync(file))) return undefined;
      const bytes = readFileSync(file);
      // What is read is kept longest.
      utimesSync(path, new Date(), new Date());
      return bytes;
    } catch {
      return undefined;
    } finally {
      if (file !== undefined) closeSync(file);
    }
  }

  /** Writes a file, whole or not at all; false if it could not be written. */
  write(name: string, pieces: readonly Uint8Array[]): boolean {
    const aside = join(this.#path, `${name}.${randomUUID()}${TEMPORARY}`);
    try {
      makeFolder(this.#path);
      if (!isOurs(statSync(this.#path))) return false;
      const file = openSync(aside, 'wx', 0o600);
      try {
        writeAll(file, pieces);
      } finally {
        closeSync(file);
      }
      renameSync(aside, this.#file(name));
      this.#shrink(name);
      return true;
    } catch {
      this.#remove(aside);
      return false;
    }
  }

  #remove(path: string): void {
    try {
      rmSync(path, { force: true });
    } catch {
      // Then it could not be made either.
    }
  }

  /** Removes what was read longest ago until the rest is below the limit, but not the file `kept`. */
  #shrink(kept: string): void {
    const files = readdirSync(this.#path).flatMap((name) => {
      const path = join(this.#path, name);
      const found = statSync(path, { throwIfNoEntry: false });
      return found === undefined ? [] : [{ name, path, size: found.size, at: found.mtimeMs }];
    });
    for (const { name, path, at } of files) {
      if (name.endsWith(TEMPORARY) && Date.now() - at > STALE_MS) rmSync(path, { force: true });
    }
    const packs = files.filter(({ name }) => name.endsWith(SUFFIX)).sort((a, b) => b.at - a.at);
    const isKept = ({ name }: { name: string }): boolean => name === kept + SUFFIX;
    // What was just written may seem older than what was just read: file systems' clocks are coarse.
    let bytes = packs.find(isKept)?.size ?? 0;
    for (const pack of packs) {
      if (isKept(pack)) continue;
      bytes += pack.size;
      if (bytes > this.#limit) rmSync(pack.path, { force: true });
    }
  }
}

/** Makes a folder and those above it. Node's own way does not come to an end where the file system makes no folders (/proc). */
function makeFolder(path: string): void {
  if (existsSync(path)) return;
  makeFolder(dirname(path));
  try {
    mkdirSync(path, { mode: 0o700 });
  } catch (error) {
    // Somebody else may be quicker.
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
}

function writeAll(file: number, pieces: readonly Uint8Array[]): void {
  let rest = pieces.filter(({ length }) => length > 0);
  while (rest.length > 0) {
    let written = writevSync(file, rest);
    const next: Uint8Array[] = [];
    for (const piece of rest) {
      const taken = Math.min(written, piece.length);
      written -= taken;
      if (taken < piece.length) next.push(piece.subarray(taken));
    }
    rest = next;
  }
}
