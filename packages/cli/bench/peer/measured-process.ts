/** A process whose lines are told as they come, with what it used until then. */
import { spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';

/** Processor time in seconds since the process started, and wall time since then. */
export interface Used {
  readonly cpu: number;
  readonly wall: number;
}

export interface Command {
  readonly file: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

/** Clock ticks a second of /proc (USER_HZ, the same on every Linux). */
const TICKS = 100;

/** CPU seconds of a thread; 0 if it has ended since it was listed. */
function threadSeconds(pid: number, task: string): number {
  try {
    return Number(readFileSync(`/proc/${pid}/task/${task}/schedstat`, 'latin1').split(' ')[0]) / 1e9;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ESRCH') return 0;
    throw error;
  }
}

/** CPU seconds of all threads; finer than clock ticks where the kernel tells. */
function cpuSeconds(pid: number): number {
  let fine = 0;
  for (const task of readdirSync(`/proc/${pid}/task`)) fine += threadSeconds(pid, task);
  const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
  // Fields are counted behind the command's name, which may hold anything: utime and stime are the 12th and 13th.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const coarse = (Number(fields[11]) + Number(fields[12])) / TICKS;
  // Threads that ended are counted in ticks only.
  return fine > coarse - 2 / TICKS ? fine : coarse;
}

/** Peak resident memory of a living process in MiB. */
function peakMiB(pid: number): number {
  const line = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'));
  return Number(line?.[1]) / 1024;
}

/** What `onLine` may ask while the process waits to be looked at. */
export interface Watched {
  used(): Used;
  peakMiB(): number;
  /** Ends the process; no further line is told. */
  stop(): void;
}

/** Without certificates that Node 20 would parse before anything else, where some are named: 40 ms for Debian's. */
export const environment = (command: Command): NodeJS.ProcessEnv => {
  const { NODE_EXTRA_CA_CERTS: _, ...env } = process.env;
  return { ...env, ...command.env };
};

/**
 * Runs a command until it ends or `onLine` stops it.
 *
 * @param onLine told each line of its standard output without the line end.
 * @throws {Error} if it neither ends nor is stopped within `timeoutSeconds`, with its last lines.
 */
export function watchProcess(
  command: Command,
  timeoutSeconds: number,
  onLine: (line: string, process: Watched) => void,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const start = performance.now();
    const child = spawn(command.file, command.args, {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: environment(command),
    });
    const tail: string[] = [];
    let text = '';
    let over = false;
    const finish = (error?: Error): void => {
      if (over) return;
      over = true;
      clearTimeout(timer);
      child.kill('SIGKILL');
      child.once('close', () => (error ? reject(error) : resolve()));
    };
    const failed = (why: string): Error => new Error(`${command.file} ${why}; its last lines:\n${tail.join('\n')}`);
    const timer = setTimeout(() => finish(failed(`was not done within ${timeoutSeconds} s`)), timeoutSeconds * 1000);
    const watched: Watched = {
      used: () => ({ cpu: cpuSeconds(child.pid!), wall: (performance.now() - start) / 1000 }),
      peakMiB: () => peakMiB(child.pid!),
      stop: () => finish(),
    };
    const keep = (line: string): void => {
      tail.push(line);
      if (tail.length > 20) tail.shift();
    };
    child.stdout.setEncoding('latin1').on('data', (chunk: string) => {
      text += chunk;
      for (let end = text.indexOf('\n'); end >= 0 && !over; end = text.indexOf('\n')) {
        const line = text.slice(0, end).replace(/\r+$/, '');
        text = text.slice(end + 1);
        keep(line);
        onLine(line, watched);
      }
    });
    child.stderr.setEncoding('latin1').on('data', (chunk: string) => {
      for (const line of chunk.split('\n')) if (line !== '') keep(line);
    });
    child.once('error', (error) => finish(error));
    child.once('close', (code) => {
      if (over) return;
      over = true;
      clearTimeout(timer);
      if (code === 0) resolve();
      else reject(failed(`ended with ${code}`));
    });
  });
}

/** Runs a command for so many seconds, and ends it by SIGTERM. */
export function runFor(command: Command, seconds: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn(command.file, command.args, { stdio: 'ignore', env: environment(command) });
    const timer = setTimeout(() => child.kill('SIGTERM'), seconds * 1000);
    child.once('error', reject);
    child.once('close', () => {
      clearTimeout(timer);
      resolve();
    });
  });
}
