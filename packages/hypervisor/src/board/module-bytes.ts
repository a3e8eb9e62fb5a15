/** What a boot loader has put into host memory. */

/**
 * A module that stays where it is, in a file say: what a domain needs of it is read when the domain is loaded, and again
 * when it is started again. Until then it has to stay as it is.
 */
export interface ModuleFile {
  /** Bytes. */
  readonly length: number;
  /**
   * Reads the bytes from `at` on, as many as `into` has room for; `into` may be shared memory.
   *
   * @throws {ModuleReadError} if they can't be read, or are not what they were.
   */
  read(at: number, into: Uint8Array): void;
}

/** A module: its bytes, or where they are. */
export type ModuleBytes = Uint8Array | ModuleFile;

/** A module can't be read any more; the message says of what file, and why. */
export class ModuleReadError extends Error {
  override readonly name = 'ModuleReadError';
}

/** True for a {@link ModuleReadError}, by its name: each entry of the package has a class of its own. */
export const isModuleReadError = (error: unknown): error is ModuleReadError =>
  error instanceof Error && error.name === 'ModuleReadError';

/** Copies bytes of a module from `at` on, as many as `into` has room for. */
export const copyModule = (module: ModuleBytes, at: number, into: Uint8Array): void => {
  if (module instanceof Uint8Array) into.set(module.subarray(at, at + into.length));
  else module.read(at, into);
};

/** The bytes of a module from `start` up to `end`: a view or a copy. */
export const readModule = (module: ModuleBytes, start: number, end: number): Uint8Array => {
  if (module instanceof Uint8Array) return module.subarray(start, end);
  const bytes = new Uint8Array(Math.max(0, Math.min(end, module.length) - start));
  module.read(start, bytes);
  return bytes;
};

/** The first `size` bytes of a module, as a module. */
export const cutModule = (module: ModuleBytes, size: number): ModuleBytes => {
  if (module instanceof Uint8Array) return module.subarray(0, size);
  if (size >= module.length) return module;
  return { length: size, read: (at, into) => module.read(at, into) };
};
