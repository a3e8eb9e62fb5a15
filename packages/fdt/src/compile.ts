import { type CheckLevels, levelsOf } from './check-levels.ts';
import { checkTree, type TreeWarning } from './check-tree.ts';
import { DtsFiles, type DtsIncludeResolver } from './dts-files.ts';
import { addFixups, addLabelNode } from './dts-generated.ts';
import { DtsLexer } from './dts-lexer.ts';
import { type ParsedDts, parseDtsFile } from './dts-parser.ts';
import type { PhandleFormat } from './dts-phandles.ts';
import { DtsResolver } from './dts-resolve.ts';
import { DtsError, DtsReports, DtsText } from './dts-source.ts';
import type { DtsSourceMap } from './dts-source-map.ts';
import { rawLength } from './dts-tree.ts';
import { preprocess } from './preprocess.ts';
import { DeviceTree } from './tree.ts';

export interface DtsCompileOptions {
  /** Name for error messages and for the include resolver; `input.dts` unless told. */
  readonly filename?: string | undefined;
  /** Reads files named by `/include/`, `/incbin/` and `#include`; without it they are errors. */
  readonly include?: DtsIncludeResolver | undefined;
  /** Folders where included files are looked for (dtc's -i, cpp's -I), in that order. */
  readonly includePaths?: readonly string[] | undefined;
  /** Runs the C preprocessor over the source first. */
  readonly preprocess?: boolean | undefined;
  /** Macros for the preprocessor (cpp's -D). `__DTS__` is defined as in Linux' build. */
  readonly defines?: Readonly<Record<string, string | number>> | undefined;
  /** Makes `/__symbols__`, which overlays need, and gives each labelled node a phandle (dtc's -@). */
  readonly symbols?: boolean | undefined;
  /** Makes an alias of each label (dtc's -A). */
  readonly autoAliases?: boolean | undefined;
  /** The properties that phandles become (dtc's -H); `epapr` unless told. */
  readonly phandles?: PhandleFormat | undefined;
  /** The boot CPU's id (dtc's -b); else it is the `reg` of the first node below /cpus. */
  readonly bootCpu?: number | undefined;
}

export interface DtsCheckOptions extends DtsCompileOptions {
  /** Checks to run that are off unless asked for (dtc's -W). */
  readonly enable?: readonly string[] | undefined;
  /** Checks not to run (dtc's -W no-…), or `all` of them. */
  readonly disable?: readonly string[] | 'all' | undefined;
  /** Does not mind phandles that the source writes as numbers, as decompiled ones do. */
  readonly plainPhandles?: boolean | undefined;
  /** How much each check matters; takes the place of `enable` and `disable`. */
  readonly levels?: CheckLevels | undefined;
  /** Gives a tree although a check found errors (dtc's -f). */
  readonly force?: boolean | undefined;
}

/** What {@link checkDts} finds. */
export interface DtsResult {
  /** Undefined when there are errors, unless all are of checks and it is asked for by `force`. */
  readonly tree: DeviceTree | undefined;
  readonly errors: readonly DtsError[];
  /** What else dtc would warn of; see {@link checkTree}. Not looked for when there are errors of other kinds. */
  readonly warnings: readonly TreeWarning[];
  /** Where nodes and properties were defined; there if `tree` is. */
  readonly sourceMap: DtsSourceMap | undefined;
}

/**
 * Compiles device tree source, version 1, as dtc does: `writeFdt(compileDts(source))` is byte by byte what
 * `dtc -I dts -O dtb` writes. Throws {@link DtsError}, the first of its `errors`, which has file, line and column.
 * Without `preprocess`, directives are not part of the language, but line markers are understood.
 */
export function compileDts(source: string, options: DtsCompileOptions = {}): DeviceTree {
  const reports = new DtsReports();
  const compiled = compile(source, options, reports, () => undefined);
  DtsError.throwFirst(reports.errors);
  return compiled!.tree;
}

/** Compiles like {@link compileDts}, and gives errors and dtc's warnings as data, with the place of everything. */
export function checkDts(source: string, options: DtsCheckOptions = {}): DtsResult {
  const { enable, disable, plainPhandles, force = false } = options;
  const all = disable === 'all';
  const levels = options.levels ?? levelsOf(enable, all ? [] : disable);
  const reports = new DtsReports();
  const found: TreeWarning[] = [];
  const compiled = compile(source, options, reports, (tree, plugin, sourceMap) => {
    const failed = new Set(reports.errors.flatMap(({ check }) => check ?? []));
    if (!all) found.push(...checkTree(tree, { plugin, sourceMap, plainPhandles, levels, failed }));
  });
  const isError = ({ check }: DtsError): boolean => check === undefined || levels.of(check) === 'error';
  const errors = reports.errors.filter(isError);
  const lowered = reports.errors.filter((error) => !isError(error) && levels.of(error.check!) === 'warning');
  const warnings = [...lowered.map(asWarning), ...found];
  if (compiled === undefined || (errors.length > 0 && !force)) {
    return { tree: undefined, errors, warnings, sourceMap: undefined };
  }
  return { tree: compiled.tree, errors, warnings, sourceMap: compiled.sourceMap };
}

const asWarning = ({ check, location, problem, nodePath }: DtsError): TreeWarning => ({
  code: check!,
  severity: 'warning',
  path: nodePath ?? '/',
  message: problem,
  location,
});

type Inspect = (tree: DeviceTree, plugin: boolean, sourceMap: DtsSourceMap) => void;

/** @param inspect is called with the tree before anything is added that the source does not say. */
function compile(
  source: string,
  options: DtsCheckOptions,
  reports: DtsReports,
  inspect: Inspect,
): { tree: DeviceTree; sourceMap: DtsSourceMap } | undefined {
  try {
    const files = new DtsFiles(options.include, options.includePaths);
    const file = new DtsText(options.filename ?? 'input.dts', source);
    const text = options.preprocess === true ? preprocess(file, files, options.defines) : file;
    const parsed = parseDtsFile(new DtsLexer(text, files, reports));
    return resolve(parsed, options, reports, inspect);
  } catch (error) {
    if (!(error instanceof DtsError)) throw error;
    reports.errors.push(error);
    return undefined;
  }
}

function resolve(parsed: ParsedDts, options: DtsCheckOptions, reports: DtsReports, inspect: Inspect) {
  const { tree: sourceTree, reservations, reservationLabels, plugin } = parsed;
  const { symbols = false, phandles = 'epapr', bootCpu = guessBootCpu(parsed) } = options;
  const resolver = new DtsResolver(sourceTree, reports, { plugin, symbols, phandles, force: options.force === true });
  const tree = new DeviceTree(resolver.resolve());
  tree.reservations = reservations;
  tree.bootCpuidPhys = bootCpu;
  const { sourceMap } = resolver;
  reservations.forEach((reservation, i) => {
    sourceMap.addReservation(reservation, reservationLabels[i]!.list());
  });
  if (reports.errors.some(({ check }) => check === undefined)) return undefined;
  inspect(tree, plugin, sourceMap);
  if (options.autoAliases === true) addLabelNode(resolver, tree.root, 'aliases', false);
  if (symbols) addLabelNode(resolver, tree.root, '__symbols__', true);
  if (plugin) addFixups(resolver, tree.root);
  return { tree, sourceMap };
}

/** dtc takes the first node below /cpus as the boot CPU, if its `reg` is one cell, as the source has it. */
function guessBootCpu({ tree }: ParsedDts): number {
  const [cpu] = tree.find('/cpus')?.children.values() ?? [];
  const reg = cpu?.properties.get('reg');
  if (reg === undefined || reg.deleted || rawLength(reg.pieces) !== 4) return 0;
  const cell = new Uint8Array(4).fill(0xff);
  let at = 0;
  for (const piece of reg.pieces) {
    if (piece.kind !== 'bytes') continue;
    cell.set(piece.bytes, at);
    at += piece.bytes.length;
  }
  return new DataView(cell.buffer).getUint32(0);
}
