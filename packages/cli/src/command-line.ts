/** The command line: its grammar, and what is said of errors. */
import { Command, CommanderError } from 'commander';
import { EXIT, InputError } from './errors.ts';
import { type CliIo, nodeIo } from './io.ts';
import { exitEvent, jsonLine } from './json-events.ts';
import { AFTER_HELP } from './options.ts';
import { versionText } from './version.ts';

const ISSUES = 'report it with the command line and this text';

/** Adds commands. `finish` is told the exit code. What a command needs is loaded when it runs. */
export type AddCommands = (root: Command, io: CliIo, finish: (code: number) => void) => void;

function program(commands: readonly AddCommands[], io: CliIo, finish: (code: number) => void): Command {
  const root = new Command('dom0less')
    .description('boots domUs from a host device tree, as Xen dom0less does, on an AArch64 engine of its own')
    .version(versionText(), '--version', 'print the version')
    .helpOption('-h, --help', 'print this help')
    .helpCommand(false)
    .addHelpText('after', AFTER_HELP)
    .showHelpAfterError('(dom0less --help tells more)')
    .exitOverride()
    .configureOutput({
      writeOut: (text) => void io.stdout.write(text),
      writeErr: (text) => void io.stderr.write(text),
    });
  for (const add of commands) add(root, io, finish);
  return root;
}

/** What to print for an error that is ours. */
export function bugReport(error: unknown): string {
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return `dom0less: this is a bug of dom0less; please ${ISSUES}:\n${text}\n`;
}

async function exitCodeOf(commands: readonly AddCommands[], args: readonly string[], io: CliIo): Promise<number> {
  let exitCode: number = EXIT.done;
  try {
    await program(commands, io, (code) => {
      exitCode = code;
    }).parseAsync(args, { from: 'user' });
    return exitCode;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.done : EXIT.usage;
    if (error instanceof InputError) {
      for (const problem of error.problems) io.stderr.write(`dom0less: ${problem}\n`);
      return EXIT.usage;
    }
    io.stderr.write(bugReport(error));
    return EXIT.bug;
  }
}

/** Runs one of the `commands`: its arguments are those behind the command's name. Gives the exit code; never throws. */
export type Main = (args: readonly string[], io?: CliIo) => Promise<number>;

/** The command line of these commands. */
export const commandLine =
  (commands: readonly AddCommands[]): Main =>
  async (args, io = nodeIo()) => {
    const code = await exitCodeOf(commands, args, io);
    if (args.includes('--json')) io.stdout.write(jsonLine(exitEvent(code)));
    return code;
  };
