import { type DeviceTree, FdtError, parseFdt } from '@dom0less/fdt';
import { type Diagnostic, diagnose, type ParameterArguments } from '../diagnostic.ts';
import type { DiagnosticCode } from '../diagnostic-table.ts';
import { hex } from '../property.ts';
import { endOf } from '../range.ts';
import type { Environment } from './environment.ts';
import { parseHex } from './numbers.ts';
import { type RamFile, RamImage } from './ram-image.ts';

/** What booti, bootm or bootefi starts. */
export interface BootCommand {
  command: 'booti' | 'bootm' | 'bootefi';
  /** PA of the hypervisor's image; it need not be there. */
  kernelAddress: number;
  /** The ramdisk of the command line, without a U-Boot header: PA and bytes. */
  ramdisk?: { address: number; size: number };
  /** PA of the device tree. */
  dtbAddress: number;
}

/** A command as it is met: its name, where it stands, and whether the script asks for its result. */
export interface Call {
  name: string;
  place: string;
  tested: boolean;
}

/** A device tree in memory. */
export interface LoadedTree {
  tree: DeviceTree;
  edited: boolean;
}

/** What a command gives: 0 = done, another number = failed, `usage` = its arguments make no sense. */
export type Outcome = number | 'usage';
/** Carries out a command; `args` are its arguments without its name. */
export type Handler = (machine: Machine, args: readonly string[], call: Call) => Outcome;

/** A row of the table of commands. */
export interface CommandRow {
  names: readonly string[];
  usage: string;
  run: Handler;
}

/** Runs text as a script: what `run` and `source` need. */
export interface Shell {
  run(text: string, name: string, tested: boolean): number;
}

/** A load of a file that is not there, and the address that it was to have. */
export interface MissingFile {
  path: string;
  address: number;
  call: Call;
}

export interface MachineOptions {
  environment: Environment;
  files: (path: string) => Uint8Array | undefined;
  maxSteps: number;
  /** True: a load of a file that is not there succeeds, as if it were the hypervisor. */
  assumePresent: boolean;
}

const MAX_OUTPUT = 2 ** 18;
const MAX_DIAGNOSTICS = 500;
const MAX_SHOWN = 120;
/** Bytes that all values set by `fdt set` may have together. */
const MAX_TREE_EDITS = 2 ** 22;

/** Text of a script for a message: shortened, and without characters that would garble a terminal. */
const clip = (text: string): string =>
  (text.length > MAX_SHOWN ? `${text.slice(0, MAX_SHOWN)}…` : text).replace(/\p{Cc}/gu, ' ');

/** The board as a boot script sees it: memory, device trees, variables, a console. */
export class Machine {
  readonly environment: Environment;
  readonly files: (path: string) => Uint8Array | undefined;
  readonly assumePresent: boolean;
  readonly ram = new RamImage();
  readonly trees = new Map<number, LoadedTree>();
  /** Loads of files that are not there. */
  readonly missing: MissingFile[] = [];
  readonly diagnostics: Diagnostic[] = [];
  readonly #seen = new Set<string>();
  readonly #maxSteps: number;
  #steps = 0;
  #edits = 0;
  output = '';
  /** PA of the tree that `fdt` edits. */
  working: number | undefined;
  /** Why nothing more is run: all is over after `boot` and `limit`, the present script after `exit`. */
  halted: 'boot' | 'exit' | 'limit' | undefined;
  boot: BootCommand | undefined;
  /** PA of what the last boot command was to start, also if it failed. */
  hypervisor: number | undefined;
  shell!: Shell;

  constructor({ environment, files, maxSteps, assumePresent }: MachineOptions) {
    this.environment = environment;
    this.files = files;
    this.assumePresent = assumePresent;
    this.#maxSteps = maxSteps;
  }

  /** Reports a defect once; long texts in it are cut. Gives 1, the result of a command that failed. */
  report<Code extends DiagnosticCode>(place: string, code: Code, ...parameters: ParameterArguments<Code>): 1 {
    const texts: Record<string, unknown> = parameters[0] ?? {};
    for (const [name, value] of Object.entries(texts)) if (typeof value === 'string') texts[name] = clip(value);
    const key = `${place} ${code} ${Object.values(texts).join(' ')}`;
    if (this.#seen.has(key) || this.diagnostics.length >= MAX_DIAGNOSTICS) return 1;
    this.#seen.add(key);
    this.diagnostics.push(diagnose(code, { path: clip(place) }, ...parameters));
    return 1;
  }

  /** Counts work; false, and all is over, once the limit is reached. */
  charge(place: string, steps = 1): boolean {
    this.#steps += steps;
    if (this.#steps > this.#maxSteps && this.halted !== 'limit') {
      this.report(place, 'script-limit', { what: 'the script', limit: `${this.#maxSteps} steps` });
      this.halted = 'limit';
    }
    return this.halted !== 'limit';
  }

  /** Counts bytes that an edit adds to a tree; false if they are too many. */
  chargeEdit(place: string, bytes: number): boolean {
    this.#edits += bytes;
    if (this.#edits <= MAX_TREE_EDITS) return true;
    this.report(place, 'script-limit', { what: 'what fdt adds to the tree', limit: `${MAX_TREE_EDITS} bytes` });
    return false;
  }

  /** True if there is room for more output. */
  get listening(): boolean {
    return this.output.length < MAX_OUTPUT;
  }

  /** Prints a line. */
  print(line: string): void {
    if (this.listening) this.output += `${line}\n`;
  }

  /** Sets an environment variable; gives 0, or 1 if there is no room for it. */
  setVariable(place: string, name: string, value: string): number {
    if (this.environment.set(name, value)) return 0;
    return this.report(place, 'script-limit', { what: `the variable ${name}`, limit: 'the size of the environment' });
  }

  /** Reads an address or a size; reports what is wrong with it. */
  number(call: Call, text: string): number | undefined {
    const number = parseHex(text);
    if (number === undefined) {
      this.report(call.place, 'script-number', { command: call.name, found: text === '' ? 'an empty word' : text });
      return undefined;
    }
    if (number.doubled) this.report(call.place, 'script-number-prefix', { found: text, meant: hex(number.value) });
    return number.value;
  }

  /** Puts bytes into memory; gives 0, or 1 with a diagnostic if they would lie on something else. */
  put(call: Call, file: Omit<RamFile, 'consumed'>): number {
    const end = endOf(file);
    if (end > 2 ** 48) {
      return this.report(call.place, 'script-range', { file: file.path, start: hex(file.start), size: file.size });
    }
    const other = this.ram.conflict(file, file.path);
    if (other !== undefined) {
      const free = this.ram.free(file.size, endOf(other));
      return this.report(call.place, 'script-overlap', {
        file: file.path,
        start: hex(file.start),
        end: hex(end),
        other: other.path,
        otherStart: hex(other.start),
        otherEnd: hex(endOf(other)),
        free: free === undefined ? 'a free address' : hex(free),
      });
    }
    this.ram.add({ ...file, consumed: false });
    this.trees.delete(file.start);
    return 0;
  }

  /** The device tree at an address; undefined, with a diagnostic, if there is none. */
  treeAt(call: Call, address: number): LoadedTree | undefined {
    const known = this.trees.get(address);
    if (known !== undefined) return known;
    const file = this.ram.at(address);
    if (file === undefined) {
      const missing = this.missing.find((one) => one.address === address);
      const why = missing === undefined ? '' : `: ${missing.path} is not there`;
      this.report(call.place, 'script-tree-missing', { address: hex(address), why });
      return undefined;
    }
    this.charge(call.place, file.bytes.length >>> 12);
    try {
      const loaded = { tree: parseFdt(file.bytes), edited: false };
      this.trees.set(address, loaded);
      return loaded;
    } catch (error) {
      if (!(error instanceof FdtError)) throw error;
      const detail = error.message;
      this.report(call.place, 'script-tree-invalid', { file: file.path, address: hex(address), detail });
      return undefined;
    }
  }
}
