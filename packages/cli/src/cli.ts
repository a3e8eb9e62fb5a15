/** The command line of all commands. */
import type { Command } from 'commander';
import { commandLine, type Main } from './command-line.ts';
import type { InputFlags } from './commands/board-input.ts';
import type { CheckFlags } from './commands/check.ts';
import type { DtFlags } from './commands/dt.ts';
import type { DtcFlags } from './commands/dtc.ts';
import type { ExportFlags } from './commands/export.ts';
import type { ImportFlags } from './commands/import.ts';
import type { InitFlags } from './commands/init.ts';
import type { MapFlags } from './commands/map.ts';
import type { CliIo } from './io.ts';
import { AFTER_HELP, addBoard, addInclude, addLoad, collect } from './options.ts';
import { addSessions } from './session-commands.ts';
import { versionText } from './version.ts';

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

/** What is not about running boards. What a command needs is loaded when it runs. */
function addTools(root: Command, io: CliIo, finish: (code: number) => void): void {
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
}

/**
 * Runs the command.
 *
 * @param args Arguments behind the command's name.
 * @returns the exit code: see `EXIT`; 128 + number if a signal ended it. Never throws.
 */
export const main: Main = commandLine([
  addSessions({ run: () => import('./commands/run.ts'), start: () => import('./commands/start.ts') }),
  addTools,
]);
