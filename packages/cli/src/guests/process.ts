import { spawn } from 'node:child_process';

/** How a child process ended, and everything that it wrote. */
export interface Finished {
  readonly code: number | undefined;
  readonly stdout: string;
  /** stdout and stderr in the order of their arrival. */
  readonly log: string;
}

/** Options of {@link run}. */
export interface RunOptions {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Runs a program without a shell and without standard input, in the C locale.
 *
 * @throws the system's error (code ENOENT and the like) if it can't be started, and AbortError when `signal` fires.
 */
export function run(file: string, args: readonly string[], options: RunOptions = {}): Promise<Finished> {
  return new Promise((resolve, reject) => {
    const child = spawn(file, args, {
      cwd: options.cwd,
      env: { ...process.env, LC_ALL: 'C', DEBIAN_FRONTEND: 'noninteractive', ...options.env },
      stdio: ['ignore', 'pipe', 'pipe'],
      ...(options.signal === undefined ? {} : { signal: options.signal }),
    });
    let stdout = '';
    let log = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      stdout += text;
      log += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      log += text;
    });
    child.once('error', reject);
    child.once('close', (code) => resolve({ code: code ?? undefined, stdout, log }));
  });
}
