import { availableParallelism } from 'node:os';
import type { Readable, Writable } from 'node:stream';
import type { BoardOptions, PreparedBoard } from '@dom0less/hypervisor';
import { type StartPcpu, startPcpuThread } from './pcpu-thread.ts';
import type { OpenTranslations } from './translations/open-translations.ts';

/** An input that may be a terminal (`tty.ReadStream`). */
export type Input = Readable & { readonly isTTY?: boolean; setRawMode?(raw: boolean): unknown };
/** An output that may be a terminal (`tty.WriteStream`). */
export type Output = Writable & { readonly isTTY?: boolean };

/** Signals that end the command, with their numbers. */
export const SIGNALS = { SIGHUP: 1, SIGINT: 2, SIGTERM: 15 } as const;
export type EndSignal = keyof typeof SIGNALS;

/** Everything of the process that the command touches, so that it can be embedded and tested. */
export interface CliIo {
  readonly stdin: Input;
  readonly stdout: Output;
  readonly stderr: Output;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** os-release(5) file that tells whether this is Debian; the system's if absent. */
  readonly osRelease?: string;
  /** Has `listener` called for the signals that end the command, instead of what they do by themselves. Gives a way out. */
  onSignal(listener: (signal: EndSignal) => void): () => void;
  /** Has `listener` called, synchronously, when the process ends in whatever way. Gives a way out. */
  onExit(listener: () => void): () => void;
  /** Has `listener` called when the process was stopped and continues (SIGCONT). Gives a way out. */
  onContinue(listener: () => void): () => void;
  /** `Board.prepare` if absent. */
  prepareBoard?(options: BoardOptions): PreparedBoard | Promise<PreparedBoard>;
  /** Opens what is kept of translations; in the user's cache folder if absent. */
  readonly openTranslations?: OpenTranslations;
  /** CPUs that this process may use. */
  readonly hostCpus: number;
  readonly startPcpu: StartPcpu;
  /** Called when a session is over: what the process has compiled may be kept for others. */
  keepCode?(): void;
}

/** Listens to signals of this process; the listener is told which came. */
function onSignals<Signal extends NodeJS.Signals>(
  signals: readonly Signal[],
  listener: (signal: Signal) => void,
): () => void {
  const listeners = signals.map((signal) => [signal, () => listener(signal)] as const);
  for (const [signal, one] of listeners) process.on(signal, one);
  return () => {
    for (const [signal, one] of listeners) process.off(signal, one);
  };
}

function onExit(listener: () => void): () => void {
  process.on('exit', listener);
  return () => process.off('exit', listener);
}

/** The {@link CliIo} of this process. */
export function nodeIo(): CliIo {
  return {
    stdin: process.stdin,
    stdout: process.stdout,
    stderr: process.stderr,
    env: process.env,
    onSignal: (listener) => onSignals(Object.keys(SIGNALS) as EndSignal[], listener),
    onExit,
    onContinue: (listener) => onSignals(['SIGCONT'], listener),
    hostCpus: availableParallelism(),
    startPcpu: startPcpuThread,
  };
}
