/** How a run of the command ended; the process exits with it. */
export const EXIT = {
  /** Done, or all expectations met. */
  done: 0,
  /** An expectation, a domain or the timeout failed. */
  failed: 1,
  /** Bad usage or bad input. */
  usage: 2,
  /** A bug of dom0less. */
  bug: 3,
} as const;

/** Something the user gave can't be used: arguments, files, the tree. Ends the command with exit code 2. */
export class InputError extends Error {
  override readonly name = 'InputError';
  /** All that is wrong, one line each; what to do about it included. */
  readonly problems: readonly string[];

  constructor(problems: readonly string[], options?: ErrorOptions) {
    super(problems.join('\n'), options);
    this.problems = problems;
  }
}

/** A line for an error of the operating system: `can't read board.dtb: no such file (ENOENT)`. */
export function systemProblem(what: string, error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  const plain: Record<string, string> = {
    ENOENT: 'no such file or directory',
    EACCES: 'permission denied',
    EISDIR: 'it is a directory',
    ENOTDIR: 'a part of the path is no directory',
    EEXIST: 'there is a file of that name',
    ENOSPC: 'no space left on the device',
    EROFS: 'the file system is read-only',
  };
  return `${what}: ${plain[code ?? ''] ?? message}${code === undefined ? '' : ` (${code})`}`;
}

/** True for what the operating system refused (a file, a folder), as opposed to a bug. */
export function isSystemError(error: unknown): error is NodeJS.ErrnoException {
  return error instanceof Error && 'syscall' in error;
}
