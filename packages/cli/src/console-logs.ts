import { closeSync, mkdirSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { InputError, isSystemError, systemProblem } from './errors.ts';

/**
 * One file per domain with exactly the bytes that the domain wrote. Written synchronously: what a file lacks is in the
 * domain's ring, never in a queue of ours.
 */
export class ConsoleLogs {
  readonly #files = new Map<string, { readonly path: string; readonly descriptor: number }>();

  /**
   * Creates `directory`, and in it an empty `<name>.log` for each domain.
   *
   * @throws {InputError} if the file system refuses.
   */
  constructor(directory: string, names: readonly string[]) {
    const doing = (what: string, action: () => void): void => {
      try {
        action();
      } catch (error) {
        this.close();
        throw isSystemError(error) ? new InputError([systemProblem(what, error)], { cause: error }) : error;
      }
    };
    doing(`--console-log ${directory}: can't create the folder`, () => mkdirSync(directory, { recursive: true }));
    for (const name of names) {
      const path = join(directory, `${name}.log`);
      doing(`--console-log ${directory}: can't write ${path}`, () =>
        this.#files.set(name, { path, descriptor: openSync(path, 'w') }),
      );
    }
  }

  /**
   * Appends what a domain wrote.
   *
   * @throws {InputError} if the file system refuses, e.g. because it is full.
   */
  write(name: string, bytes: Uint8Array): void {
    const file = this.#files.get(name);
    if (file === undefined) throw new Error(`no log was opened for domain ${name}`);
    try {
      for (let at = 0; at < bytes.length; ) at += writeSync(file.descriptor, bytes, at);
    } catch (error) {
      throw isSystemError(error)
        ? new InputError([systemProblem(`can't write ${file.path}`, error)], { cause: error })
        : error;
    }
  }

  close(): void {
    for (const { descriptor } of this.#files.values()) closeSync(descriptor);
    this.#files.clear();
  }
}
