import { Command, CommanderError } from 'commander';
import type { InputFlags } from './commands/board-input.ts';
import type { CheckFlags } from './commands/check.ts';
import type { DtFlags } from './commands/dt.ts';
import type { DtcFlags } from './commands/dtc.ts';
import type { ExportFlags } from './commands/export.ts';
import type { ImportFlags } from './commands/import.ts';
import type { InitFlags } from './commands/init.ts';
import type { MapFlags } from './commands/map.ts';
import type { RunFlags } from './commands/run.ts';
import type { StartFlags } from './commands/start.ts';
import { EXIT, InputError } from './errors.ts';
import { type CliIo, nodeIo } from './io.ts';
import { exitEvent, jsonLine } from './json-events.ts';
import { versionText } from './version.ts';

const ISSUES = 'report it with the command line and this text';

const AFTER_HELP = `
Exit codes:
  0  done, or all expectations met
  1  an expectation, a domain or the timeout failed
  2  bad usage or bad input
  3  a bug of dom0less`;

const RUN_EXAMPLE = `
Examples:
  dom0less run board.dts --load 0x48000000=Image --load 0x4c000000=initrd.cpio --expect 'domU1=login:'
  dom0less run --boot-script boot.scr --root tftpboot --send 'domU1=# $=uname -a\\n'
${AFTER_HELP}`;

const CHECK_HELP = `
Without --load and --boot-script the images are taken to be as the tree says.

Exit codes:
  0  nothing that counts: no error, with --strict no warning either
  1  there are errors, or with --strict warnings
  2  bad usage or bad input
  3  a bug of dom0less`;

const DTC_HELP = `
Exit codes, as dtc's:
  0  done
  1  bad usage or bad input
  2  a check found errors
  3  a bug of dom0less`;

/** Options that may be given several times. */
const collect = (value: string, before: readonly string[] = []): string[] => [...before, value];

/** The board as an argument, and the options that say what is in host memory. */
const addBoard = (command: Command): Command =>
  addLoad(command.argument('[BOARD]', 'host device tree: .dtb or .dts; may be absent with a boot script'))
    .option('--boot-script <FILE>', 'load files and find the host tree as this script of U-Boot says')
    .option('--root <DIR>', "folder of the boot script's files; its own if absent");

const addLoad = (command: Command): Command =>
  addInclude(command).option(
    '--load <ADDR=FILE>',
    'put FILE at host physical address ADDR (hex or decimal) before the boot',
    collect,
  );

const addInclude = (command: Command): Command =>
  command.option('-I, --include <DIR>', 'look for files that the source includes in DIR too', collect);

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

/** Boards from and for other tools. */
function addExchange(root: Command, io: CliIo, finish: (code: number) => void): void {
  const addOut = (command: Command): Command =>
    command
      .option('-o, --out <FILE>', 'write to FILE; standard output if absent')
      .option('--force', 'replace files that exist')
      .addHelpText('after', AFTER_HELP);
  addOut(
    addInclude(root.command('import'))
      .description("write the source of the board that ImageBuilder's configuration or a script of U-Boot describes")
      .argument('<KIND>', 'imagebuilder or uboot')
      .argument('<FILE>', 'configuration or boot script; it is read, and not run by a shell')
      .option('--root <DIR>', 'folder of the files that it names; its own if absent')
      .option('--board <FILE>', 'host device tree instead of the one that it names'),
  ).action(async (kind: string, file: string, flags: ImportFlags) => {
    const { importCommand } = await import('./commands/import.ts');
    finish(await importCommand(kind, file, flags, io));
  });
  addOut(
    addLoad(
      root
        .command('export')
        .description('write a board for real Xen, and say what a release of Xen does not know')
        .argument('<KIND>', 'uboot, dts or imagebuilder')
        .argument('<BOARD>', 'host device tree: .dtb or .dts')
        .option('--xen <VERSION>', 'release of Xen that is to boot it, e.g. 4.17')
        .option('--dtb <FILE>', 'also write the host tree without /chosen, which the script or ImageBuilder completes')
        .option('--xen-file <FILE>', "name of Xen's image; xen if absent")
        .option('--load-command <TEXT>', 'what loads a file in U-Boot; tftpb if absent'),
    ),
  ).action(async (kind: string, board: string, flags: ExportFlags) => {
    const { exportCommand } = await import('./commands/export.ts');
    finish(await exportCommand(kind, board, flags, io));
  });
}

/** The compiler, with the options of dtc. */
function addDtc(root: Command, io: CliIo, finish: (code: number) => void): void {
  root
    .command('dtc')
    .description('compile, decompile and check device trees, with the options of dtc')
    .argument('[FILE]', 'source, blob, or folder like /proc/device-tree; standard input if absent')
    .option(
      '-q, --quiet',
      'no warnings; twice, no errors of checks either',
      (_: string, before: number) => before + 1,
      0,
    )
    .option('-I, --in-format <FORMAT>', 'dts, dtb or fs; guessed if absent')
    .option('-O, --out-format <FORMAT>', 'dts, dtb, yaml, asm or null; guessed if absent')
    .option('-o, --out <FILE>', 'output; standard output if absent')
    .option('-V, --out-version <VERSION>', 'version of the blob: 1, 2, 3, 16 or 17; 17 if absent')
    .option('-d, --out-dependency <FILE>', 'write what was read, for make')
    .option('-R, --reserve <N>', 'leave room for N more reservations')
    .option('-S, --space <BYTES>', 'make the blob at least so large')
    .option('-p, --pad <BYTES>', 'add so many bytes behind the blob')
    .option('-a, --align <BYTES>', 'make the size of the blob a multiple of that')
    .option('-b, --boot-cpu <ID>', 'the physical id of the CPU that boots')
    .option('-f, --force', 'write output although checks found errors')
    .option('-i, --include <DIR>', 'look for included files in DIR too', collect)
    .option('-s, --sort', 'sort nodes and properties')
    .option('-H, --phandle <FORMAT>', 'legacy, epapr or both')
    .option('-W, --warning <CHECK>', 'make a check, or with no- before its name leave it out', collect)
    .option('-E, --error <CHECK>', 'what that check finds is an error', collect)
    .option('-@, --symbols', 'add __symbols__, for overlays')
    .option('-A, --auto-alias', 'make an alias of each label')
    .option(
      '-T, --annotate',
      'say in comments where each line comes from; twice, with columns',
      (_: string, before: number) => before + 1,
      0,
    )
    .option('-v, --version', 'print the version')
    .addHelpText('after', DTC_HELP)
    .action(async (file: string | undefined, flags: DtcFlags & { readonly version?: true }) => {
      if (flags.version === true) return void io.stdout.write(`${versionText()}\n`);
      const { dtcCommand } = await import('./commands/dtc.ts');
      finish(await dtcCommand(file, flags, io));
    });
}

/** The command line's grammar. `finish` is told the exit code. What a command needs is loaded when it runs. */
function program(io: CliIo, finish: (code: number) => void): Command {
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
  addSessionOptions(addBoard(root.command('run').description('boot the domains that a host device tree describes')))
    .addHelpText('after', RUN_EXAMPLE)
    .action(async (board: string | undefined, flags: RunFlags) => {
      const { runCommand } = await import('./commands/run.ts');
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
      const { startCommand } = await import('./commands/start.ts');
      finish(await startCommand(flags, io));
    });
  addBoard(root.command('check').description('find what is wrong with a board, without booting it'))
    .option('--format <FORMAT>', 'text, json or sarif; text if absent')
    .option('--xen <VERSION>', 'also say what that version of Xen, e.g. 4.17, does not know')
    .option('--strict', 'one error is an error of all, as with Xen, and warnings count')
    .option('--pcpus <N>', 'number of pCPUs, as for run; as many as the host has CPUs if absent')
    .option('--deterministic', 'as for run --deterministic')
    .option('-W, --warning <CHECK>', "make a check of dtc's, or with no- before its name leave it out", collect)
    .option('--fix', 'repair in the source what is sure')
    .addHelpText('after', CHECK_HELP)
    .action(async (board: string | undefined, flags: CheckFlags) => {
      const { checkCommand } = await import('./commands/check.ts');
      finish(await checkCommand(board, flags, io));
    });
  addLoad(
    root
      .command('dt')
      .description('print the device tree that a domain will get, without booting')
      .argument('<BOARD>', 'host device tree: .dtb or .dts')
      .argument('<DOMAIN>', "the domain's node name"),
  )
    .option('-O, --output <FORMAT>', 'dts or dtb; dts if absent')
    .action(async (board: string, domain: string, flags: DtFlags) => {
      const { dtCommand } = await import('./commands/dt.ts');
      finish(await dtCommand(board, domain, flags, io));
    });
  addLoad(
    root
      .command('explain')
      .description('what each domain gets, whether the tree says so and where, and since which Xen')
      .argument('<BOARD>', 'host device tree: .dtb or .dts')
      .argument('[DOMAIN[.PROPERTY]]', 'a domain, or one of its properties; all domains if absent'),
  )
    .addHelpText('after', AFTER_HELP)
    .action(async (board: string, wanted: string | undefined, flags: InputFlags) => {
      const { explainCommand } = await import('./commands/explain.ts');
      finish(await explainCommand(board, wanted, flags, io));
    });
  addBoard(root.command('map').description('draw host and guest memory: who has what, what is free, what overlaps'))
    .option('--svg <FILE>', 'write a picture instead; - is standard output')
    .addHelpText('after', AFTER_HELP)
    .action(async (board: string | undefined, flags: MapFlags) => {
      const { mapCommand } = await import('./commands/map.ts');
      finish(await mapCommand(board, flags, io));
    });
  root
    .command('init')
    .description('write a commented source of a host with domUs, sizes and addresses computed')
    .option('--kernel <FILE>', 'kernel of all domains')
    .option('--ramdisk <FILE>', 'ramdisk of all domains')
    .option('--domains <N>', 'how many domUs; 2 if absent')
    .option('--memory <MIB>', 'RAM of each; enough for kernel and ramdisk if absent')
    .option('--cpus <N>', 'vCPUs of each; 1 if absent')
    .option('--gic <VERSION>', 'interrupt controller of the host: 2 or 3; 2 if absent')
    .option('--bootargs <TEXT>', 'command line of the kernels; console=ttyAMA0 if absent')
    .option('-o, --out <FILE>', 'the source; standard output if absent')
    .option('--force', 'replace a file that exists')
    .addHelpText('after', AFTER_HELP)
    .action(async (flags: InitFlags) => {
      const { initCommand } = await import('./commands/init.ts');
      finish(await initCommand(flags, io));
    });
  addExchange(root, io, finish);
  addDtc(root, io, finish);
  return root;
}

/** What to print for an error that is ours. */
export function bugReport(error: unknown): string {
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return `dom0less: this is a bug of dom0less; please ${ISSUES}:\n${text}\n`;
}

async function exitCodeOf(args: readonly string[], io: CliIo): Promise<number> {
  let exitCode: number = EXIT.done;
  try {
    await program(io, (code) => {
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

/**
 * Runs the command.
 *
 * @param args Arguments behind the command's name.
 * @returns the exit code: see {@link EXIT}; 128 + number if a signal ended it. Never throws.
 */
export async function main(args: readonly string[], io: CliIo = nodeIo()): Promise<number> {
  const code = await exitCodeOf(args, io);
  if (args.includes('--json')) io.stdout.write(jsonLine(exitEvent(code)));
  return code;
}
