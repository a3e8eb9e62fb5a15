import { lstatSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  checkDts,
  checkTree,
  DeviceTree,
  DtNode,
  type DtsLocation,
  FdtError,
  parseFdt,
  printDts,
  sortTree,
  type TreeWarning,
  treeChecks,
  writeFdt,
} from '@dom0less/fdt';
import { includeFiles, isBlob, MAX_TREE_BYTES, readWhole, writeFile } from '../board-files.ts';
import { EXIT, InputError, isSystemError, systemProblem } from '../errors.ts';
import type { CliIo } from '../io.ts';

/** Options of `dtc`, as they stand on the command line. */
export interface DtcFlags {
  readonly inFormat?: string;
  readonly outFormat?: string;
  readonly out?: string;
  readonly outVersion?: string;
  readonly outDependency?: string;
  readonly reserve?: string;
  readonly space?: string;
  readonly pad?: string;
  readonly align?: string;
  readonly bootCpu?: string;
  readonly include?: readonly string[];
  readonly phandle?: string;
  readonly warning?: readonly string[];
  readonly error?: readonly string[];
  readonly sort?: boolean;
  readonly force?: boolean;
  /** How often -q was given: 1 silences warnings, 2 errors of checks too. */
  readonly quiet?: number;
  readonly symbols?: boolean;
  readonly autoAlias?: boolean;
}

const IN_FORMATS = ['dts', 'dtb', 'fs'] as const;
const OUT_FORMATS = ['dts', 'dtb'] as const;
const PHANDLES = ['legacy', 'epapr', 'both'] as const;
const VERSIONS = [16, 17] as const;
const STDIO = '-';

/** What the compiler is told by its options. */
interface Settings {
  readonly from: (typeof IN_FORMATS)[number];
  readonly to: (typeof OUT_FORMATS)[number];
  readonly phandles: (typeof PHANDLES)[number];
  readonly version: (typeof VERSIONS)[number];
  readonly reserveEntries: number;
  readonly minSize: number;
  readonly padding: number;
  readonly align: number;
  readonly bootCpu: number | undefined;
  readonly enable: readonly string[];
  readonly disable: readonly string[];
  /** Checks whose findings are errors. */
  readonly fatal: ReadonlySet<string>;
}

/** Reads options; what is wrong with them is added to `problems`. */
class Options {
  readonly problems: string[] = [];

  oneOf<T extends string | number>(option: string, text: string | undefined, values: readonly T[], fallback: T): T {
    const value = text === undefined ? fallback : values.find((one) => String(one) === text);
    if (value === undefined) this.problems.push(`${option} ${text}: expected ${values.join(', ')}`);
    return value ?? fallback;
  }

  /** A number as C writes it: hexadecimal with 0x, octal with 0, else decimal. */
  number(option: string, text: string | undefined, max = 0x7fffffff): number | undefined {
    if (text === undefined) return undefined;
    const octal = /^0[0-7]+$/.test(text);
    const value = octal ? Number.parseInt(text, 8) : /^(0x[\da-f]+|\d+)$/i.test(text) ? Number(text) : Number.NaN;
    if (value <= max) return value;
    this.problems.push(`${option} ${text}: expected a number of at most ${max}`);
    return undefined;
  }

  /** Names of checks, those with `no-` before them apart. */
  checks(option: string, names: readonly string[]): { on: string[]; off: string[] } {
    const [on, off]: [string[], string[]] = [[], []];
    for (const name of names) {
      const known = treeChecks.includes(name);
      const negated = !known && name.startsWith('no-') && treeChecks.includes(name.slice(3));
      if (negated) off.push(name.slice(3));
      else if (known) on.push(name);
      else this.problems.push(`${option} ${name}: there is no such check`);
    }
    return { on, off };
  }
}

const extensionOf = (path: string): string => /\.(\w+)$/.exec(path)?.[1]?.toLowerCase() ?? '';

function guessInput(path: string, bytes: Uint8Array | 'folder'): Settings['from'] {
  if (bytes === 'folder') return 'fs';
  if (isBlob(bytes)) return 'dtb';
  return extensionOf(path) === 'dtb' ? 'dtb' : 'dts';
}

function guessOutput(out: string | undefined, from: Settings['from']): Settings['to'] {
  const extension = extensionOf(out ?? '');
  if (extension === 'dts' || extension === 'dtb') return extension;
  return from === 'dts' ? 'dtb' : 'dts';
}

function readSettings(flags: DtcFlags, path: string, input: Uint8Array | 'folder'): Settings {
  const options = new Options();
  const from = options.oneOf('-I', flags.inFormat, IN_FORMATS, guessInput(path, input));
  const warning = options.checks('-W', flags.warning ?? []);
  const error = options.checks('-E', flags.error ?? []);
  if (flags.pad !== undefined && flags.space !== undefined) options.problems.push('-p and -S exclude each other');
  const settings: Settings = {
    from,
    to: options.oneOf('-O', flags.outFormat, OUT_FORMATS, guessOutput(flags.out, from)),
    phandles: options.oneOf('-H', flags.phandle, PHANDLES, 'epapr'),
    version: options.oneOf('-V', flags.outVersion, VERSIONS, 17),
    reserveEntries: options.number('-R', flags.reserve) ?? 0,
    minSize: options.number('-S', flags.space) ?? 0,
    padding: options.number('-p', flags.pad) ?? 0,
    align: options.number('-a', flags.align) ?? 1,
    bootCpu: options.number('-b', flags.bootCpu, 0xffffffff),
    enable: [...warning.on, ...error.on],
    disable: warning.off,
    fatal: new Set(error.on),
  };
  if (options.problems.length > 0) throw new InputError(options.problems);
  return settings;
}

function readInputFile(path: string): Uint8Array | 'folder' {
  if (path === STDIO) return readFileSync(0);
  try {
    if (lstatSync(path, { throwIfNoEntry: false })?.isDirectory() === true) return 'folder';
  } catch (error) {
    if (!isSystemError(error)) throw error;
    throw new InputError([systemProblem(`can't read ${path}`, error)], { cause: error });
  }
  return readWhole(path, `can't read ${path}`, MAX_TREE_BYTES);
}

/** A tree as the kernel shows it in /proc/device-tree: a folder for each node, a file for each property. */
function readFolder(path: string, name: string): DtNode {
  const node = new DtNode(name);
  for (const entry of readdirSync(path, { withFileTypes: true })) {
    const inside = join(path, entry.name);
    if (entry.isDirectory()) node.addChild(readFolder(inside, entry.name));
    else if (entry.isFile() && entry.name !== 'name') {
      node.setProperty(entry.name, readWhole(inside, `can't read ${inside}`, MAX_TREE_BYTES));
    }
  }
  return node;
}

/** `file:line.column: ` as dtc begins its messages. */
const placeText = (location: DtsLocation | undefined, otherwise: string): string =>
  location === undefined ? `${otherwise}: ` : `${location.file}:${location.line}.${location.column}: `;

/** The line that a message is about, with the place marked. */
function quote(location: DtsLocation | undefined): string {
  if (location === undefined) return '';
  const { sourceLine, column } = location;
  return `\n  ${sourceLine.slice(0, 200)}\n  ${sourceLine.slice(0, Math.min(column - 1, 200)).replace(/[^\t]/g, ' ')}^`;
}

interface Compiled {
  readonly tree: DeviceTree;
  readonly warnings: readonly TreeWarning[];
  /** Every file that was read, in that order. */
  readonly files: readonly string[];
}

function compileSource(path: string, bytes: Uint8Array, flags: DtcFlags, settings: Settings): Compiled {
  const files = [path];
  const result = checkDts(new TextDecoder().decode(bytes), {
    filename: path,
    include: (name, from) => {
      const found = includeFiles(name, from);
      if (typeof found === 'object' && 'file' in found) files.push(found.file);
      return found;
    },
    includePaths: flags.include,
    symbols: flags.symbols,
    autoAliases: flags.autoAlias,
    phandles: settings.phandles,
    bootCpu: settings.bootCpu,
    enable: settings.enable,
    disable: settings.disable,
  });
  if (result.tree === undefined) throw new InputError(result.errors.map(({ message }) => message));
  return { tree: result.tree, warnings: result.warnings, files };
}

function readTreeOf(path: string, input: Uint8Array | 'folder', flags: DtcFlags, settings: Settings): Compiled {
  if (settings.from === 'dts' && input !== 'folder') return compileSource(path, input, flags, settings);
  if (settings.from === 'fs' && input !== 'folder') throw new InputError([`-I fs: ${path} is no folder`]);
  if (settings.from !== 'fs' && input === 'folder') throw new InputError([`-I ${settings.from}: ${path} is a folder`]);
  const tree = input === 'folder' ? new DeviceTree(readFolder(path, '')) : parseFdt(input);
  if (settings.bootCpu !== undefined) tree.bootCpuidPhys = settings.bootCpu;
  const { enable, disable } = settings;
  return { tree, warnings: checkTree(tree, { enable, disable }), files: [path] };
}

/** Prints what the checks found; true if something of it is an error. */
function report(
  warnings: readonly TreeWarning[],
  out: string,
  flags: DtcFlags,
  settings: Settings,
  io: CliIo,
): boolean {
  let failed = false;
  const quiet = flags.quiet ?? 0;
  for (const { code, severity, path, message, location } of warnings) {
    const isError = severity === 'error' || settings.fatal.has(code);
    failed ||= isError;
    if (quiet > (isError ? 1 : 0)) continue;
    const kind = isError ? 'ERROR' : 'Warning';
    io.stderr.write(`${placeText(location, out)}${kind} (${code}): ${path}: ${message}${quote(location)}\n`);
  }
  return failed;
}

function writeTree(tree: DeviceTree, flags: DtcFlags, settings: Settings, io: CliIo): Uint8Array | string {
  const ordered = flags.sort === true ? sortTree(tree) : tree;
  if (settings.to === 'dts') return printDts(ordered);
  const { version, reserveEntries, minSize, padding, align } = settings;
  const blob = writeFdt(ordered, { layout: 'dtc', version, reserveEntries, minSize, padding, align });
  if (minSize > 0 && blob.length > minSize && (flags.quiet ?? 0) < 1) {
    io.stderr.write(`dom0less: the blob has ${blob.length} bytes, more than the ${minSize} of -S\n`);
  }
  return blob;
}

/** Spaces in the names of a dependency file are escaped for make. */
const forMake = (name: string): string => name.replaceAll(' ', '\\ ');

/**
 * `dom0less dtc [FILE]`: the device tree compiler with dtc's options.
 *
 * @returns the exit code: 1 if a check found an error and -f was not given.
 * @throws {InputError} if the input can't be used.
 */
export async function dtcCommand(path: string | undefined, flags: DtcFlags, io: CliIo): Promise<number> {
  const file = path ?? STDIO;
  const out = flags.out ?? STDIO;
  const outName = out === STDIO ? '<stdout>' : out;
  try {
    const input = readInputFile(file);
    const settings = readSettings(flags, file, input);
    const { tree, warnings, files } = readTreeOf(file === STDIO ? '<stdin>' : file, input, flags, settings);
    if (report(warnings, outName, flags, settings, io) && flags.force !== true) {
      if ((flags.quiet ?? 0) < 2)
        io.stderr.write('dom0less: input tree has errors, aborting (use -f to force output)\n');
      return EXIT.failed;
    }
    const content = writeTree(tree, flags, settings, io);
    if (flags.outDependency !== undefined) {
      const words = [`${forMake(outName)}:`, ...files.map(forMake)];
      writeFile(flags.outDependency, `${words.join(' ')}\n`, true);
    }
    if (out === STDIO) io.stdout.write(content);
    else writeFile(out, content, true);
    return EXIT.done;
  } catch (error) {
    if (error instanceof FdtError) throw new InputError([`${file}: ${error.message}`], { cause: error });
    throw error;
  }
}
