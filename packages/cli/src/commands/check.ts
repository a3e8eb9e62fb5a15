import { CheckLevels, type DtsSourceMap, type TreeWarning } from '@dom0less/fdt';
import { type BoardPlan, planBoard } from '@dom0less/hypervisor/plan';
import { checkXenVersion, parseXenVersion, type Severity } from '@dom0less/multiboot';
import { writeFile } from '../board-files.ts';
import { type CheckFinding, dtcFinding, locateDiagnostic, sourceFinding } from '../check/finding.ts';
import { applyFixes, type Fix, type FixContext, fixFor } from '../check/fixes.ts';
import { jsonReport } from '../check/json-report.ts';
import { paintFor, renderFinding } from '../check/render-text.ts';
import { sarifLog } from '../check/sarif.ts';
import { summaryLines } from '../check/summary.ts';
import { placeIn } from '../check/text-places.ts';
import { applyChecks } from '../dtc-checks.ts';
import { EXIT, InputError } from '../errors.ts';
import type { CliIo } from '../io.ts';
import { parseAll, parsePcpus } from '../option-values.ts';
import { versionText } from '../version.ts';
import { type InputFlags, type ReadInput, readInput } from './board-input.ts';

/** Forms of the result. */
const FORMATS = ['text', 'json', 'sarif'] as const;
type Format = (typeof FORMATS)[number];

/** Options of `check`. */
export interface CheckFlags extends InputFlags {
  readonly format?: string;
  readonly xen?: string;
  readonly strict?: boolean;
  readonly fix?: boolean;
  readonly pcpus?: string;
  readonly deterministic?: boolean;
  /** Names of dtc's checks, with `no-` before those that are not to be made. */
  readonly warning?: readonly string[];
}

/** What a check found. */
interface Checked {
  readonly findings: readonly CheckFinding[];
  /** Absent if there is no tree. */
  readonly board?: BoardPlan;
  readonly sourceMap?: DtsSourceMap;
  /** Whatever keeps options and files from being used. */
  readonly problems: readonly string[];
}

/** Rounds of fixing; one may make room for another. */
const FIX_ROUNDS = 8;

const fixContext = (input: ReadInput): FixContext | undefined => {
  const { tree, sourceMap, modules } = input;
  return tree === undefined || sourceMap === undefined ? undefined : { tree, sourceMap, modules };
};

/** True if images are given: then one that is missing is an error, as it is for a boot. */
const hasImages = ({ load, bootScript }: CheckFlags): boolean => (load ?? []).length > 0 || bootScript !== undefined;

/** @throws {InputError} if it is no number of pCPUs. */
function pcpusOf({ pcpus }: CheckFlags): number | undefined {
  const problems: string[] = [];
  const [count] = parseAll(pcpus === undefined ? [] : [pcpus], parsePcpus, problems);
  if (problems.length > 0) throw new InputError(problems);
  return count;
}

/** @throws {InputError} if there is no check of such a name. */
function levelsOf({ warning = [] }: CheckFlags): CheckLevels {
  const problems: string[] = [];
  const levels = new CheckLevels();
  applyChecks('-W', 'warning', warning, levels, problems);
  if (problems.length > 0) throw new InputError(problems);
  return levels;
}

/** Of dtc's checks, those of addresses and cells, for which the binding of /chosen has rules of its own. */
const OF_ADDRESSES = /addr|^(?:reg|ranges|dma_ranges)_format$/;

/**
 * What dtc warns of, but for what is said already of the same property, or of a node as a whole, and for what is
 * otherwise in the binding: in /chosen, cells are for grandchildren, and domains may have unit addresses.
 */
function dtcFindings(
  warnings: readonly TreeWarning[],
  own: readonly CheckFinding[],
  map?: DtsSourceMap,
): CheckFinding[] {
  const key = (path: string | undefined, property: string | undefined): string => `${path}\0${property ?? ''}`;
  const told = new Set(own.filter(({ severity }) => severity !== 'info').map((one) => key(one.path, one.property)));
  return warnings
    .filter(({ path, property }) => !told.has(key(path, property)))
    .filter(({ path, code }) => !(/^\/chosen(?:\/|$)/.test(path) && OF_ADDRESSES.test(code)))
    .map((warning) => dtcFinding(warning, map));
}

function check(path: string | undefined, flags: CheckFlags, io: CliIo): Checked {
  const problems: string[] = [];
  const input = readInput(path, flags, problems, levelsOf(flags));
  const { tree, modules, sourceMap, sourceErrors, diagnostics } = input;
  const told = new Set(sourceErrors.map(({ message }) => message));
  const rest = problems.filter((problem) => !told.has(problem));
  const found = [...sourceErrors.map(sourceFinding), ...diagnostics.map((one) => locateDiagnostic(one, undefined))];
  if (tree === undefined) return { findings: found, problems: rest };
  const deterministic = flags.deterministic === true;
  const board = planBoard({
    ...{ tree, modules, strict: flags.strict === true, pcpus: pcpusOf(flags), deterministic },
    ...{ assumeModules: !hasImages(flags), hostCpus: deterministic ? 1 : io.hostCpus },
  });
  const context = fixContext(input);
  const version = flags.xen === undefined ? undefined : parseXenVersion(flags.xen);
  const history = version === undefined ? [] : checkXenVersion(tree, board.plan, version);
  const findings = [...board.diagnostics, ...history].map((diagnostic) => {
    const fix = context && fixFor(diagnostic, context);
    return { ...locateDiagnostic(diagnostic, sourceMap), ...(fix === undefined ? {} : { fix }) };
  });
  const dtc = dtcFindings(input.warnings, findings, sourceMap);
  return { findings: [...found, ...findings, ...dtc], board, problems: rest };
}

const errorsOf = ({ findings }: Checked): number => findings.filter(({ severity }) => severity === 'error').length;

const write = (texts: ReadonlyMap<string, string>): void => {
  for (const [file, text] of texts) writeFile(file, text, true);
};

/** Fixes what is sure, round by round, and gives what is left. A round that makes matters worse is taken back. */
function fixAll(path: string | undefined, flags: CheckFlags, io: CliIo): Checked {
  let checked = check(path, flags, io);
  for (let round = 0; round < FIX_ROUNDS; round++) {
    const fixes = checked.findings.flatMap(({ fix }) => fix ?? []);
    if (fixes.length === 0) break;
    const { texts, applied } = applyFixes(fixes);
    const before = new Map(applied.flatMap(({ edits }) => edits.map(({ file, original }) => [file, original])));
    write(texts);
    const next = check(path, flags, io);
    if (next.board === undefined || errorsOf(next) > errorsOf(checked)) {
      write(before);
      io.stderr.write('dom0less: the fixes would have made more errors and were taken back\n');
      break;
    }
    for (const { description, edits } of applied) io.stderr.write(`dom0less: ${placeOf(edits)}: ${description}\n`);
    checked = next;
  }
  return checked;
}

const placeOf = ([edit]: Fix['edits']): string =>
  edit === undefined ? '' : `${edit.file}:${placeIn(edit.original, edit.start).line}`;

function print(format: Format, checked: Checked, board: string, io: CliIo): void {
  const { findings } = checked;
  if (format === 'sarif') {
    io.stdout.write(`${JSON.stringify(sarifLog(findings, board, versionText()), undefined, 2)}\n`);
  } else if (format === 'json') {
    io.stdout.write(`${JSON.stringify(jsonReport(findings, checked.board, board), undefined, 2)}\n`);
  } else {
    const paint = paintFor(io.stdout.isTTY === true, io.env);
    for (const finding of findings) io.stdout.write(`${renderFinding(finding, paint)}\n`);
    for (const line of summaryLines(findings, checked.board, paint)) io.stdout.write(`${line}\n`);
  }
}

const SEVERITIES: Record<'normal' | 'strict', readonly Severity[]> = {
  normal: ['error'],
  strict: ['error', 'warning'],
};

/**
 * `dom0less check [BOARD]`: everything that `run` would find, without booting, each at its place in the source.
 *
 * @returns the exit code: 1 if something was found that counts.
 * @throws {InputError} if options or files can't be used; what was found all the same is printed.
 */
export async function checkCommand(path: string | undefined, flags: CheckFlags, io: CliIo): Promise<number> {
  const format = FORMATS.find((one) => one === (flags.format ?? 'text'));
  if (format === undefined) throw new InputError([`--format ${flags.format}: expected text, json or sarif`]);
  if (flags.xen !== undefined && parseXenVersion(flags.xen) === undefined) {
    throw new InputError([`--xen ${flags.xen}: expected a release of Xen 4, e.g. 4.17`]);
  }
  const checked = flags.fix === true ? fixAll(path, flags, io) : check(path, flags, io);
  print(format, checked, path ?? flags.bootScript ?? '', io);
  if (checked.problems.length > 0) throw new InputError(checked.problems);
  if (checked.board === undefined) return EXIT.usage;
  const counting = SEVERITIES[flags.strict === true ? 'strict' : 'normal'];
  return checked.findings.some(({ severity }) => counting.includes(severity)) ? EXIT.failed : EXIT.done;
}
