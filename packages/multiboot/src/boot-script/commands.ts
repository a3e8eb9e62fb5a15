import { BOOT_COMMANDS } from './commands/boot.ts';
import { FDT_COMMANDS } from './commands/fdt.ts';
import { LOAD_COMMANDS } from './commands/load.ts';
import { SHELL_COMMANDS } from './commands/shell.ts';
import type { CommandSet, Refusal } from './interpreter.ts';

const ROWS = [...LOAD_COMMANDS, ...SHELL_COMMANDS, ...FDT_COMMANDS, ...BOOT_COMMANDS];

/** Commands about devices, caches and the screen: what is booted does not depend on them. */
const IGNORED = [
  ...[
    'usb',
    'mmc',
    'scsi',
    'sata',
    'nvme',
    'virtio',
    'pci',
    'ide',
    'mmcinfo',
    'part',
    'ls',
    'fatls',
    'ext4ls',
    'ext2ls',
  ],
  ...['dcache', 'icache', 'sleep', 'version', 'bdinfo', 'coninfo', 'saveenv', 'gpio', 'led', 'wdt', 'cls', 'help'],
  ...[
    'iminfo',
    'imi',
    'md',
    'crc32',
    'ping',
    'net',
    'mii',
    'mdio',
    'clk',
    'regulator',
    'pmic',
    'i2c',
    'fatinfo',
    'date',
  ],
];

const MEMORY: Refusal = { why: 'memory is not changed by hand', remedy: 'prepare the file beforehand, and load it' };
const BOOT: Refusal = { why: 'it does not start a hypervisor', remedy: 'start Xen with booti, bootm or bootefi' };
const FIT: Refusal = { why: 'FIT images are not read', remedy: 'load the files one by one' };

const REFUSED: readonly [string, Refusal][] = [
  ...['cp', 'cp.b', 'cp.l', 'cp.w', 'mw', 'mw.b', 'mw.l', 'mw.w', 'mm', 'nm', 'unzip', 'unlz4', 'zstd', 'lzmadec'].map(
    (name): [string, Refusal] => [name, MEMORY],
  ),
  ...['bootz', 'bootelf', 'bootvx', 'bootp', 'bootflow', 'bootmenu', 'sysboot', 'pxe', 'go', 'reset'].map(
    (name): [string, Refusal] => [name, BOOT],
  ),
  ['imxtract', FIT],
];

/** All commands that a boot script may have. */
export const COMMANDS: CommandSet = {
  known: new Map(ROWS.flatMap((row) => row.names.map((name) => [name, row]))),
  ignored: new Set(IGNORED),
  refused: new Map(REFUSED),
};
