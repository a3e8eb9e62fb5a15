/** The commands that run boards. */
import type { Command } from 'commander';
import type { AddCommands } from './command-line.ts';
import type { RunFlags } from './commands/run.ts';
import type { StartFlags } from './commands/start.ts';
import { AFTER_HELP, addBoard, collect } from './options.ts';

const RUN_EXAMPLE = `
Examples:
  dom0less run board.dts --load 0x48000000=Image --load 0x4c000000=initrd.cpio --expect 'domU1=login:'
  dom0less run --boot-script boot.scr --root tftpboot --send 'domU1=# $=uname -a\\n'
${AFTER_HELP}`;

function addSessionOptions(command: Command): Command {
  return command
    .option('--console-log <DIR>', "write each domain's console to DIR/<node name>.log, byte by byte")
    .option('--expect <DOMAIN=REGEX>', "exit 0 as soon as every regex was seen on its domain's console", collect)
    .option('--send <DOMAIN=REGEX=TEXT>', 'type TEXT into DOMAIN when REGEX appears on its console', collect)
    .option('--timeout <SECONDS>', 'exit 1 after that time')
    .option('--seed <N>', "give domains random numbers that follow from N, not the host's")
    .option('--pcpus <N>', 'number of pCPUs, each a thread; as many as the host has CPUs if absent')
    .option('--deterministic', 'time is the count of instructions: the same input gives the same output')
    .option('--strict', 'start nothing if one domain has an error, as Xen does')
    .option('--raw', 'show the domain in focus at a terminal without (XEN) at line starts')
    .option('--json', 'stdout is one JSON object a line: events, and consoles as base64');
}

/** What the commands do, loaded when they run. */
export interface Sessions {
  run(): Promise<Pick<typeof import('./commands/run.ts'), 'runCommand'>>;
  start(): Promise<Pick<typeof import('./commands/start.ts'), 'startCommand'>>;
}

/** `run` and `start`. */
export const addSessions =
  (sessions: Sessions): AddCommands =>
  (root, io, finish) => {
    addSessionOptions(addBoard(root.command('run').description('boot the domains that a host device tree describes')))
      .addHelpText('after', RUN_EXAMPLE)
      .action(async (board: string | undefined, flags: RunFlags) => {
        const { runCommand } = await sessions.run();
        finish(await runCommand(board, flags, io));
      });
    addSessionOptions(
      root
        .command('start')
        .description(
          "boot Debian's arm64 kernel, or the one that DOM0LESS_KERNEL and DOM0LESS_RAMDISK name, in two domUs",
        ),
    )
      .option('--domains <N>', 'how many domUs, 1 to 8; 2 if absent')
      .option('--vcpus <N>', 'vCPUs of each domU, 1 to 8; 1 if absent')
      .option('--kernel <FLAVOUR>', "which of Debian's kernels: cloud, stock, rt or 16k; cloud if absent")
      .option('--backports', "take the kernel from the release's backports: a later one")
      .option('--small-guests', 'boot small guests of our own instead')
      .option('--refresh', "fetch Debian's newest packages although some are cached")
      .addHelpText('after', AFTER_HELP)
      .action(async (flags: StartFlags) => {
        const { startCommand } = await sessions.start();
        finish(await startCommand(flags, io));
      });
  };
