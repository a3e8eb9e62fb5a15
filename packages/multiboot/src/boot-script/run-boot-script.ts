import { type DeviceTree, FdtError, writeFdt } from '@dom0less/fdt';
import type { Diagnostic } from '../diagnostic.ts';
import { hex } from '../property.ts';
import { cutText, unwrapScript } from './commands/shell.ts';
import { COMMANDS } from './commands.ts';
import { DEFAULT_ENVIRONMENT, Environment } from './environment.ts';
import { Interpreter } from './interpreter.ts';
import { type BootCommand, Machine } from './machine.ts';
import { parseHex } from './numbers.ts';
import type { RamFile } from './ram-image.ts';

/** What {@link runBootScript} needs besides the script. */
export interface BootScriptOptions {
  /**
   * The bytes of a file that the script loads, or undefined if it is not there. `path` is what the script says,
   * unchecked; the caller resolves it below a root of its own, and keeps `..` inside. The bytes are not changed.
   */
  files: (path: string) => Uint8Array | undefined;
  /** What diagnostics call the script; `boot script` if absent. */
  name?: string;
  /** Environment variables, besides and before {@link DEFAULT_ENVIRONMENT}; an empty value removes one. */
  env?: Readonly<Record<string, string>>;
  /** Most steps: a command, a turn of a loop, 256 characters of text to be read. 10000 if absent. */
  maxSteps?: number;
  /** PA at which the script itself lies, for scripts that `source` themselves. */
  scriptAddress?: number;
  /** The board's own device tree, which U-Boot got from whoever started it: it lies at ${fdt_addr}. */
  boardTree?: Uint8Array;
}

/** A file that a script loaded. */
export interface LoadedFile {
  path: string;
  /** PA of its first byte. */
  address: number;
  /** Length in bytes. */
  size: number;
  role: 'hypervisor' | 'device-tree' | 'ramdisk' | 'module';
}

/** What a boot script leaves behind. */
export interface BootScriptResult {
  /**
   * Files in the board's memory when the script ends: PA to bytes. Neither the hypervisor nor the device tree is among
   * them, nor are scripts and variables that were used up. A ramdisk of the boot command has no U-Boot header.
   */
  modules: Map<number, Uint8Array>;
  /** The same files with their names, and also the hypervisor and the device tree, by address. */
  files: readonly LoadedFile[];
  /** The device tree that is booted, or worked on last, with all edits and what the boot command adds to /chosen. */
  dtb?: DeviceTree;
  /** What the script starts; absent if it does not get that far. */
  boot?: BootCommand;
  /** What the script prints, shortened if long. */
  output: string;
  /** The path of each is `NAME:LINE:COLUMN`; NAME is `$VARIABLE` for the text of a variable. */
  diagnostics: readonly Diagnostic[];
}

const DEFAULT_STEPS = 10_000;
const DEFAULT_NAME = 'boot script';
/** What stands in place of a file's name for the board's own tree. */
const BOARD_TREE = 'the device tree of the board';

/** Puts the script and the board's own tree into memory. */
const prepare = (machine: Machine, source: string | Uint8Array, name: string, options: BootScriptOptions): void => {
  const { scriptAddress, boardTree } = options;
  const call = { name, place: name, tested: false };
  if (boardTree !== undefined) {
    const address = parseHex(machine.environment.get('fdt_addr') ?? '')?.value ?? 0;
    machine.put(call, {
      start: address,
      size: boardTree.length,
      path: BOARD_TREE,
      bytes: boardTree,
    });
    machine.environment.set('fdtcontroladdr', address.toString(16));
  }
  if (scriptAddress !== undefined) {
    const bytes = typeof source === 'string' ? new TextEncoder().encode(source) : source;
    machine.put(call, { start: scriptAddress, size: bytes.length, path: name, bytes });
    const file = machine.ram.at(scriptAddress);
    if (file !== undefined) file.consumed = true;
  }
};

/** One run from beginning to end. */
const runOnce = (source: string | Uint8Array, options: BootScriptOptions, assumePresent: boolean): Machine => {
  const environment = new Environment({ ...DEFAULT_ENVIRONMENT, ...options.env });
  const maxSteps = options.maxSteps ?? DEFAULT_STEPS;
  const machine = new Machine({ environment, files: options.files, maxSteps, assumePresent });
  const name = options.name ?? DEFAULT_NAME;
  const interpreter = new Interpreter(machine, COMMANDS);
  prepare(machine, source, name, options);
  const unwrapped = typeof source === 'string' ? { text: cutText(source) } : unwrapScript(source);
  if ('detail' in unwrapped) machine.report(name, 'script-image', { file: name, detail: unwrapped.detail });
  else interpreter.run(unwrapped.text, name, false);
  return machine;
};

/** Says of every file that was not there what that means: nothing for the one that would have been started. */
const reportMissing = (machine: Machine): void => {
  for (const { path, address, call } of machine.missing) {
    if (address === machine.hypervisor) {
      machine.report(call.place, 'script-hypervisor-absent', { file: path, address: hex(address) });
    } else {
      machine.report(call.place, call.tested ? 'script-file-absent' : 'script-file-missing', { file: path });
    }
  }
};

/** A script that went well and starts nothing is not what its author wants. */
const reportNoBoot = (machine: Machine, name: string): void => {
  const failed = machine.diagnostics.some(({ severity }) => severity === 'error');
  if (machine.boot === undefined && !failed) machine.report(name, 'script-boot-missing');
};

/** The bytes of a file in memory, with the edits that `fdt` made. */
const contentOf = (machine: Machine, { start, path, bytes }: RamFile): Uint8Array => {
  const loaded = machine.trees.get(start);
  if (loaded?.edited !== true) return bytes;
  try {
    return writeFdt(loaded.tree);
  } catch (error) {
    if (!(error instanceof FdtError)) throw error;
    machine.report(path, 'script-tree-edit', { command: 'fdt', detail: error.message });
    return bytes;
  }
};

const roleOf = (boot: BootCommand | undefined, dtbAddress: number | undefined, start: number): LoadedFile['role'] => {
  if (start === boot?.kernelAddress) return 'hypervisor';
  if (start === dtbAddress) return 'device-tree';
  return boot?.ramdisk !== undefined && start <= boot.ramdisk.address && boot.ramdisk.address - start <= 64
    ? 'ramdisk'
    : 'module';
};

const collect = (machine: Machine): BootScriptResult => {
  const { boot } = machine;
  const dtbAddress = boot?.dtbAddress ?? machine.working;
  const files: LoadedFile[] = [];
  const modules = new Map<number, Uint8Array>();
  for (const file of machine.ram.files) {
    const { path, start, bytes, consumed } = file;
    const role = roleOf(boot, dtbAddress, start);
    if (consumed || (role === 'module' && path === BOARD_TREE)) continue;
    files.push({ path, address: start, size: bytes.length, role });
    if (role === 'module') modules.set(start, contentOf(machine, file));
    if (role === 'ramdisk') {
      const { address, size } = boot!.ramdisk!;
      modules.set(address, bytes.subarray(address - start, address - start + size));
    }
  }
  const dtb = dtbAddress === undefined ? undefined : machine.trees.get(dtbAddress)?.tree;
  return {
    modules,
    files,
    ...(dtb === undefined ? {} : { dtb }),
    ...(boot === undefined ? {} : { boot }),
    output: machine.output,
    diagnostics: machine.diagnostics,
  };
};

/**
 * Runs a boot script of U-Boot: the commands that load files, edit the device tree and start Xen, as text or as the
 * image that mkimage makes. Nothing is executed but the script itself. The hypervisor, which is whatever the boot
 * command starts, need not exist.
 *
 * Never throws on what scripts, files or trees contain, and always ends; what `options.files` throws is passed on.
 */
export const runBootScript = (source: string | Uint8Array, options: BootScriptOptions): BootScriptResult => {
  let machine = runOnce(source, options, false);
  if (machine.boot === undefined && machine.missing.length > 0) {
    // Perhaps it ended because `load … xen && booti …` found no hypervisor, which is not needed.
    const again = runOnce(source, options, true);
    if (again.boot !== undefined && again.missing.some(({ address }) => address === again.hypervisor)) machine = again;
  }
  reportMissing(machine);
  reportNoBoot(machine, options.name ?? DEFAULT_NAME);
  return collect(machine);
};
