/** Files that the user names: read at once, or where they are used. */
import { closeSync, fstatSync, openSync, readFileSync, readSync, type Stats, statSync } from 'node:fs';
import { type ModuleFile, ModuleReadError } from '@dom0less/hypervisor/plan';
import { InputError, isSystemError, systemProblem } from './errors.ts';

/** Runs `action`; what the operating system refuses is what is wrong with the file. */
function reading<T>(what: string, action: () => T): T {
  try {
    return action();
  } catch (error) {
    if (isSystemError(error)) throw new InputError([systemProblem(what, error)], { cause: error });
    const tooLarge = (error as NodeJS.ErrnoException).code === 'ERR_FS_FILE_TOO_LARGE';
    if (tooLarge) throw new InputError([`${what}: ${(error as Error).message}`], { cause: error });
    throw error;
  }
}

/** @throws {InputError} if it is no regular file of at most `maxBytes`. */
function checkStatus(status: Stats, what: string, maxBytes: number): void {
  if (status.isDirectory()) throw new InputError([`${what}: it is a directory`]);
  if (!status.isFile()) throw new InputError([`${what}: it is no regular file`]);
  if (status.size > maxBytes) {
    throw new InputError([`${what}: it has ${status.size} bytes; at most ${maxBytes} can be used`]);
  }
}

/** A file's bytes, if it is a regular file of at most `maxBytes`. */
export function readWhole(path: string, what: string, maxBytes: number): Uint8Array {
  return reading(what, () => {
    checkStatus(statSync(path), what, maxBytes);
    return readFileSync(path);
  });
}

/** Bytes that one call reads at most: Node's limit is 2 GiB. */
const MOST_AT_ONCE = 2 ** 30;

/** What tells a file from another, or from what it was. */
const identityOf = ({ dev, ino, size, mtimeMs }: Stats): string => [dev, ino, size, mtimeMs].join();

/** A file in host memory that is read where it is used, and refused when it has changed since. */
export class FileModule implements ModuleFile {
  readonly length: number;
  readonly #path: string;
  readonly #identity: string;

  /**
   * @param what begins the message of what is wrong with the file
   * @throws {InputError} if it can't be read
   */
  constructor(path: string, what: string, maxBytes: number) {
    this.#path = path;
    const status = reading(what, () => {
      // Before it is opened: a pipe would keep us waiting.
      const found = statSync(path);
      checkStatus(found, what, maxBytes);
      closeSync(openSync(path, 'r'));
      return found;
    });
    this.length = status.size;
    this.#identity = identityOf(status);
  }

  read(at: number, into: Uint8Array): void {
    try {
      const file = openSync(this.#path, 'r');
      try {
        this.#readFrom(file, at, into);
      } finally {
        closeSync(file);
      }
    } catch (error) {
      if (!isSystemError(error)) throw error;
      throw new ModuleReadError(systemProblem(`can't read ${this.#path}`, error), { cause: error });
    }
  }

  #readFrom(file: number, at: number, into: Uint8Array): void {
    let isSame = identityOf(fstatSync(file)) === this.#identity;
    for (let done = 0; isSame && done < into.length; ) {
      const got = readSync(file, into, done, Math.min(MOST_AT_ONCE, into.length - done), at + done);
      done += got;
      isSame = got > 0;
    }
    if (!isSame) throw new ModuleReadError(`${this.#path} has changed since the board was made`);
  }
}
