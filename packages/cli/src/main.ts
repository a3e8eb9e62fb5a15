#!/usr/bin/env node
/** The `dom0less` command. */
import { availableParallelism } from 'node:os';
import { KeptScript } from './cache/kept-script.ts';
import { keepEngine, prepareThreads, startPcpuThread } from './pcpu-thread.ts';

const args = process.argv.slice(2);
const [command] = args;
const script =
  command === 'run' || command === 'start'
    ? new KeptScript(new URL('./sessions.cjs', import.meta.url), command)
    : undefined;
/** A number on the command line, before that is read with care; `absent` where there is none. */
const numberOf = (option: string, absent: number): number => Number(args[args.indexOf(option) + 1]) || absent;

/** Threads that the session begins with, as far as can be told: of `start` one for each domain, if there are pCPUs. */
function threads(): number {
  if (command === 'run') return 1;
  return Math.min(numberOf('--domains', 2), numberOf('--pcpus', availableParallelism()), availableParallelism());
}

// They load while this thread reads the command line and the board.
if (script) prepareThreads(threads());

/** After a signal, a reader that doesn't read keeps us no longer than this, in ms. */
const SIGNAL_FLUSH_MS = 500;
const FIRST_SIGNAL_CODE = 128;

const flushed = (stream: NodeJS.WriteStream): Promise<void> =>
  new Promise((resolve) => {
    stream.write('', () => resolve());
  });

function keepCode(): void {
  keepEngine();
  script?.keep();
}

async function run(): Promise<void> {
  const { bugReport, main, nodeIo, EXIT } =
    script?.run<typeof import('./sessions.ts')>() ?? (await import('./all-commands.ts'));
  const crash = (error: unknown): void => {
    process.stderr.write(bugReport(error));
    process.exit(EXIT.bug);
  };
  process.on('uncaughtException', crash);
  process.on('unhandledRejection', crash);
  // Readers may leave at any time; a session that runs hears of it by a listener of its own.
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {});
  const exitCode = await main(args, { ...nodeIo(), startPcpu: startPcpuThread, keepCode });
  if (exitCode > FIRST_SIGNAL_CODE) setTimeout(() => process.exit(exitCode), SIGNAL_FLUSH_MS);
  await Promise.all([flushed(process.stdout), flushed(process.stderr)]);
  process.exit(exitCode);
}

void run();
