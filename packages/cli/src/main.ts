#!/usr/bin/env node
/** The `dom0less` command. */
import { KeptScript } from './cache/kept-script.ts';
import { keepEngine, prepareThreads, startPcpuThread } from './pcpu-thread.ts';

const args = process.argv.slice(2);
const [command] = args;
const script =
  command === 'run' || command === 'start'
    ? new KeptScript(new URL('./sessions.cjs', import.meta.url), command)
    : undefined;
// It loads while this thread reads the command line and the board.
if (script) prepareThreads(1);

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
