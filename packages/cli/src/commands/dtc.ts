import { lstatSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  CheckLevels,
  checkDts,
  checkTree,
  DeviceTree,
  DtNode,
  type DtsError,
  type DtsLocation,
  type DtsSourceMap,
  FDT_VERSIONS,
  FdtError,
  type FdtVersion,
  parseFdt,
  printAsm,
  printDts,
  printYaml,
  propStrings,
  sortTree,
  type TreeWarning,
  writeFdt,
} from '@dom0less/fdt';
import { includeFiles, isBlob, MAX_TREE_BYTES, writeFile } from '../board-files.ts';
import { applyChecks } from '../dtc-checks.ts';
import { EXIT, InputError, isSystemError, systemProblem } from '../errors.ts';
import type { CliIo } from '../io.ts';
import { readWhole } from '../read-file.ts';

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
  /** How often -T was given: 1 says lines, 2 lines and columns. */
  readonly annotate?: number;
}

const IN_FORMATS = ['dts', 'dtb', 'fs'] as const;
const OUT_FORMATS = ['dts', 'dtb', 'yaml', 'asm', 'null'] as const;
const PHANDLES = ['legacy', 'epapr', 'both'] as const;
/** What dtc ends with when it can't do its work, and when checks found errors. */
const DTC_EXIT = { failed: 1, checks: 2 } as const;
const STDIO = '-';

/** What the compiler is told by its options. */
interface Settings {
  readonly from: (typeof IN_FORMATS)[number];
  readonly to: (typeof OUT_FORMATS)[number];
  readonly phandles: (typeof PHANDLES)[number];
  readonly version: FdtVersion;
  readonly reserveEntries: number;
  readonly minSize: number;
  readonly padding: number;
  readonly align: number;
  readonly bootCpu: number | undefined;
  readonly levels: CheckLevels;
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
}

/** The format that a file's name tells. */
function formatOf(path: string): 'dts' | 'dtb' | 'yaml' | undefined {
  const extension = /\.(\w+)$/.exec(path)?.[1]?.toLowerCase();
  if (extension === 'dtbo') return 'dtb';
  return extension === 'dts' || extension === 'dtb' || extension === 'yaml' ? extension : undefined;
}

function guessInput(path: string, bytes: Uint8Array | 'folder'): Settings['from'] {
  if (bytes === 'folder') return 'fs';
  if (isBlob(bytes)) return 'dtb';
  return formatOf(path) === 'dtb' ? 'dtb' : 'dts';
}

function guessOutput(out: string | undefined, from: Settings['from']): Settings['to'] {
  return formatOf(out ?? '') ?? (from === 'dts' ? 'dtb' : 'dts');
}

function readSettings(flags: DtcFlags, path: string, input: Uint8Array | 'folder'): Settings {
  const options = new Options();
  const from = options.oneOf('-I', flags.inFormat, IN_FORMATS, guessInput(path, input));
  const to = options.oneOf('-O', flags.outFormat, OUT_FORMATS, guessOutput(flags.out, from));
  const levels = new CheckLevels();
  applyChecks('-W', 'warning', flags.warning ?? [], levels, options.problems);
  applyChecks('-E', 'error', flags.error ?? [], levels, options.problems);
  if ((flags.annotate ?? 0) > 0 && (from !== 'dts' || to !== 'dts'))
    options.problems.push('-T is for source from source: -I dts -O dts');
  if (to === 'yaml' && from !== 'dts') options.problems.push('-O yaml is made of source only: -I dts');
  if (flags.pad !== undefined && flags.space !== undefined) options.problems.push('-p and -S exclude each other');
  const settings: Settings = {
    from,
    to,
    phandles: options.oneOf('-H', flags.phandle, PHANDLES, 'epapr'),
    version: options.oneOf('-V', flags.outVersion, FDT_VERSIONS, 17),
    reserveEntries: options.number('-R', flags.reserve) ?? 0,
    minSize: options.number('-S', flags.space) ?? 0,
    padding: options.number('-p', flags.pad) ?? 0,
    align: options.number('-a', flags.align) ?? 1,
    bootCpu: options.number('-b', flags.bootCpu, 0xffffffff),
    levels,
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
  /** Absent if checks found errors and -f is not given. */
  readonly tree: DeviceTree | undefined;
  readonly sourceMap?: DtsSourceMap | undefined;
  /** Errors of checks of a source. */
  readonly errors: readonly DtsError[];
  readonly warnings: readonly TreeWarning[];
  /** Every file that was read, in that order. */
  readonly files: readonly string[];
}

const usable = (warnings: readonly TreeWarning[], { force }: DtcFlags): boolean =>
  force === true || !warnings.some(({ severity }) => severity === 'error');

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
    levels: settings.levels,
    force: flags.force,
  });
  const { tree, sourceMap, errors, warnings } = result;
  if (errors.some(({ check }) => check === undefined)) throw new InputError(errors.map(({ message }) => message));
  return { tree: usable(warnings, flags) ? tree : undefined, sourceMap, errors, warnings, files };
}

/** Leaves out each `name` that says what its node's name says, as dtc does. */
function dropNames(tree: DeviceTree): void {
  for (const node of tree.root.walk()) {
    const name = node.prop('name')?.value;
    if (name !== undefined && Buffer.compare(name, propStrings(node.baseName)) === 0) node.removeProperty('name');
  }
}

/** The boot CPU of a tree that does not say: the first node below /cpus. */
function firstCpu(tree: DeviceTree): number {
  const [cpu] = tree.root.children.find(({ name }) => name === 'cpus')?.children ?? [];
  return cpu?.prop('reg')?.value.length === 4 ? cpu.u32('reg')! : 0;
}

function readTreeOf(path: string, input: Uint8Array | 'folder', flags: DtcFlags, settings: Settings): Compiled {
  if (settings.from === 'dts' && input !== 'folder') return compileSource(path, input, flags, settings);
  if (settings.from === 'fs' && input !== 'folder') throw new InputError([`-I fs: ${path} is no folder`]);
  if (settings.from !== 'fs' && input === 'folder') throw new InputError([`-I ${settings.from}: ${path} is a folder`]);
  const tree = input === 'folder' ? new DeviceTree(readFolder(path, '')) : parseFdt(input);
  if (input === 'folder') tree.bootCpuidPhys = firstCpu(tree);
  if (settings.bootCpu !== undefined) tree.bootCpuidPhys = settings.bootCpu;
  const warnings = checkTree(tree, { levels: settings.levels });
  dropNames(tree);
  return { tree: usable(warnings, flags) ? tree : undefined, errors: [], warnings, files: [path] };
}

/** Prints what the checks found. */
function report({ errors, warnings }: Compiled, out: string, flags: DtcFlags, io: CliIo): void {
  const quiet = flags.quiet ?? 0;
  for (const { check, location, problem, nodePath = '/' } of quiet > 1 ? [] : errors) {
    const text = problem.startsWith(`${nodePath}: `) ? problem : `${nodePath}: ${problem}`;
    io.stderr.write(`${placeText(location, out)}ERROR (${check}): ${text}${quote(location)}\n`);
  }
  for (const { code, severity, path, message, location } of warnings) {
    if (quiet > (severity === 'error' ? 1 : 0)) continue;
    const kind = severity === 'error' ? 'ERROR' : 'Warning';
    io.stderr.write(`${placeText(location, out)}${kind} (${code}): ${path}: ${message}${quote(location)}\n`);
  }
}

/** The tree in the format that is asked for; empty for `null`. */
function written(
  tree: DeviceTree,
  sourceMap: DtsSourceMap | undefined,
  main: string,
  flags: DtcFlags,
  settings: Settings,
): Uint8Array | string {
  const ordered = flags.sort === true ? sortTree(tree) : tree;
  const { to, version, reserveEntries, minSize, padding, align } = settings;
  const layout = { version, reserveEntries, minSize, padding, align };
  const annotate = flags.annotate ?? 0;
  switch (to) {
    case 'dts':
      return printDts(ordered, {
        source: sourceMap,
        ...(annotate > 0 ? { annotate: { style: annotate > 1 ? 'ranges' : 'lines', main } } : {}),
      });
    case 'yaml':
      return printYaml(ordered, sourceMap!);
    case 'asm':
      return printAsm(ordered, { ...layout, source: sourceMap });
    case 'dtb':
      return writeFdt(ordered, { ...layout, layout: 'dtc' });
    case 'null':
      return '';
  }
}

/** Spaces in the names of a dependency file are escaped for make. */
const forMake = (name: string): string => name.replaceAll(' ', '\\ ');

/** Compiles and writes. @returns the exit code. */
function runDtc(file: string, flags: DtcFlags, io: CliIo): number {
  const out = flags.out ?? STDIO;
  const input = readInputFile(file);
  const settings = readSettings(flags, file, input);
  const main = file === STDIO ? '<stdin>' : file;
  const compiled = readTreeOf(main, input, flags, settings);
  const { tree, sourceMap, files } = compiled;
  report(compiled, out === STDIO ? '<stdout>' : out, flags, io);
  const quiet = flags.quiet ?? 0;
  if (tree === undefined) {
    io.stderr.write('dom0less: input tree has errors, aborting (use -f to force output)\n');
    return DTC_EXIT.checks;
  }
  const content = written(tree, sourceMap, main, flags, settings);
  if (settings.to === 'dtb' && settings.minSize > 0 && content.length > settings.minSize && quiet < 1) {
    io.stderr.write(`dom0less: the blob has ${content.length} bytes, more than the ${settings.minSize} of -S\n`);
  }
  if (flags.outDependency !== undefined) {
    const words = [`${forMake(out)}:`, ...files.map(forMake)];
    writeFile(flags.outDependency, `${words.join(' ')}\n`, true);
  }
  if (out === STDIO) io.stdout.write(content);
  else writeFile(out, content, true);
  return EXIT.done;
}

/**
 * `dom0less dtc [FILE]`: the device tree compiler with dtc's options and exit codes.
 *
 * @returns the exit code: 1 if the input can't be used, 2 if a check found an error and -f was not given.
 */
export async function dtcCommand(path: string | undefined, flags: DtcFlags, io: CliIo): Promise<number> {
  const file = path ?? STDIO;
  try {
    return runDtc(file, flags, io);
  } catch (error) {
    if (!(error instanceof FdtError) && !(error instanceof InputError)) throw error;
    const problems = error instanceof InputError ? error.problems : [`${file}: ${error.message}`];
    for (const problem of problems) io.stderr.write(`dom0less: ${problem}\n`);
    return DTC_EXIT.failed;
  }
}
