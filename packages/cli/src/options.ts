/** Options that commands share. */
import type { Command } from 'commander';

export const AFTER_HELP = `
Exit codes:
  0  done, or all expectations met
  1  an expectation, a domain or the timeout failed
  2  bad usage or bad input
  3  a bug of dom0less`;

/** Options that may be given several times. */
export const collect = (value: string, before: readonly string[] = []): string[] => [...before, value];

/** The board as an argument, and the options that say what is in host memory. */
export const addBoard = (command: Command): Command =>
  addLoad(command.argument('[BOARD]', 'host device tree: .dtb or .dts; may be absent with a boot script'))
    .option('--boot-script <FILE>', 'load files and find the host tree as this script of U-Boot says')
    .option('--root <DIR>', "folder of the boot script's files; its own if absent");

export const addLoad = (command: Command): Command =>
  addInclude(command).option(
    '--load <ADDR=FILE>',
    'put FILE at host physical address ADDR (hex or decimal) before the boot',
    collect,
  );

export const addInclude = (command: Command): Command =>
  command.option('-I, --include <DIR>', 'look for files that the source includes in DIR too', collect);
