import type { DtNode, DtsSourceMap } from '@dom0less/fdt';
import { type BoardPlan, planBoard } from '@dom0less/hypervisor/plan';
import {
  DOMAIN_PROPERTY_SUPPORT,
  type DomainPlan,
  NODE_SUPPORT,
  nearestName,
  showXenVersion,
} from '@dom0less/multiboot';
import { findDomain } from '../board-report.ts';
import { locateDiagnostic } from '../check/finding.ts';
import { type Paint, paintFor, renderFinding } from '../check/render-text.ts';
import { EXIT, InputError } from '../errors.ts';
import { ENTRIES, type ExplainContext, type ExplainEntry } from '../explain/entries.ts';
import { originOf } from '../explain/places.ts';
import type { CliIo } from '../io.ts';
import { showRange } from '../sizes.ts';
import { type InputFlags, readInput } from './board-input.ts';

/** Since which Xen there is something, by the name of an entry. */
function sinceOf(name: string): string {
  if (name.startsWith('dom0less,')) return 'dom0less only';
  const nodes: Readonly<Record<string, string>> = {
    'hard-affinity': 'xen,vcpu',
    'device-tree': 'multiboot,device-tree',
  };
  const support = Object.hasOwn(nodes, name) ? NODE_SUPPORT[nodes[name]!] : DOMAIN_PROPERTY_SUPPORT[name];
  const { since, config } = support ?? { since: NODE_SUPPORT['xen,domain']!.since };
  return `Xen ${showXenVersion(since)}${config === undefined ? '' : `, with ${config}`}`;
}

/** Text in columns; the last is as wide as it is. */
function columns(rows: readonly (readonly string[])[], paint: Paint): string[] {
  const widths = [0, 1, 2].map((n) => Math.max(...rows.map((row) => row[n]!.length)));
  return rows.map(([name, value, origin, since]) => {
    const given = origin !== 'default';
    const shown = value!.padEnd(Math.min(widths[1]!, 56));
    return `  ${paint('bold', name!.padEnd(widths[0]!))}  ${given ? shown : paint('dim', shown)}  ${paint(given ? 'green' : 'dim', origin!.padEnd(widths[2]!))}${paint('dim', `  ${since}`)}`;
  });
}

interface Explained {
  readonly board: BoardPlan;
  readonly sourceMap: DtsSourceMap | undefined;
  readonly nodeOf: (domain: DomainPlan) => DtNode | undefined;
}

const contextOf = ({ board }: Explained, domain: DomainPlan): ExplainContext => ({
  board,
  domain,
  planned: board.planned.find((one) => one.domain.id === domain.id),
});

function placementLines({ planned }: ExplainContext): string[] {
  if (planned === undefined) return [];
  const { banks, placement, kernel, dtb, initrdSize, memory } = planned;
  return [
    ...banks.map(({ start, size }) => `RAM          ${showRange(start, size)}`),
    ...memory.ram.map(({ pa, size }) => `  in host    ${showRange(pa, size)}`),
    `kernel       ${showRange(placement.kernel, Math.max(kernel.fileSize, kernel.imageSize))}`,
    `device tree  ${showRange(placement.dtb, dtb.length)}`,
    ...(placement.initrd === undefined ? [] : [`ramdisk      ${showRange(placement.initrd, initrdSize)}`]),
  ];
}

function explainDomain(explained: Explained, domain: DomainPlan, paint: Paint): string[] {
  const { board, sourceMap, nodeOf } = explained;
  const context = contextOf(explained, domain);
  const at = sourceMap?.node(domain.path);
  const place = at === undefined ? domain.path : `${domain.path}, ${at.file}:${at.line}`;
  const failure = board.failures.get(domain.id);
  const state =
    failure === undefined ? paint('green', 'can be built') : `${paint('red', 'can not be built')}: ${failure}`;
  const rows = ENTRIES.map((entry) => {
    const { given, place: from } = originOf(entry.name, domain, nodeOf(domain), sourceMap);
    return [entry.name, entry.value(context), given ? from! : 'default', sinceOf(entry.name)];
  });
  const placed = placementLines(context);
  return [
    `${paint('bold', domain.name)}: domain ${domain.id} (${place}), ${state}`,
    ...columns(rows, paint),
    ...(placed.length === 0 ? [] : ['  where in the guest (IPA)', ...placed.map((line) => `    ${line}`)]),
  ];
}

function explainProperty(explained: Explained, domain: DomainPlan, entry: ExplainEntry, paint: Paint): string[] {
  const { board, sourceMap, nodeOf } = explained;
  const { name, value, meaning, fallback } = entry;
  const { given, place } = originOf(name, domain, nodeOf(domain), sourceMap);
  const concerned = board.diagnostics.filter((one) => one.domain === domain.nodeName && one.property === name);
  return [
    `${paint('bold', `${domain.name}.${name}`)} = ${value(contextOf(explained, domain))}`,
    `  ${meaning}`,
    `  ${given ? `given in ${place}` : `not given; the default is ${fallback}`}`,
    ...(given ? [`  default: ${fallback}`] : []),
    `  ${name.startsWith('dom0less,') ? 'dom0less only: Xen ignores it' : `since ${sinceOf(name)}`}`,
    ...concerned.flatMap((one) => ['', renderFinding(locateDiagnostic(one, sourceMap), paint).trimEnd()]),
  ];
}

function findEntry(name: string, wanted: string): ExplainEntry {
  const entry = ENTRIES.find((one) => one.name === name);
  if (entry !== undefined) return entry;
  const names = ENTRIES.map((one) => one.name);
  const near = nearestName(name, names);
  throw new InputError([
    `${wanted}: a domain has no property ${name}${near === undefined ? '' : `; did you mean ${near}?`} (known: ${names.join(', ')})`,
  ]);
}

/** Parts `DOMAIN.PROPERTY`; names of nodes may have dots, too. */
function resolve(board: BoardPlan, wanted: string): { domain: DomainPlan; property?: string } {
  const whole = findDomain(board.plan, wanted);
  if (whole !== undefined) return { domain: whole };
  for (let at = wanted.indexOf('.'); at >= 0; at = wanted.indexOf('.', at + 1)) {
    const domain = findDomain(board.plan, wanted.slice(0, at));
    if (domain !== undefined) return { domain, property: wanted.slice(at + 1) };
  }
  const known = board.plan.domains.map(({ nodeName }) => nodeName).join(', ');
  throw new InputError([
    `there is no domain ${wanted.split('.')[0]}; the tree describes ${known === '' ? 'none' : known}`,
  ]);
}

/**
 * `dom0less explain BOARD [DOMAIN[.PROPERTY]]`: what each domain gets, whether the tree says so, where, and since when
 * Xen knows it.
 *
 * @returns the exit code.
 * @throws {InputError} if the board can't be read, or there is no such domain or property.
 */
export async function explainCommand(
  path: string,
  wanted: string | undefined,
  flags: InputFlags,
  io: CliIo,
): Promise<number> {
  const problems: string[] = [];
  const { tree, modules, sourceMap, files } = readInput(path, flags, problems);
  if (tree === undefined || problems.length > 0) throw new InputError(problems);
  const board = planBoard({ tree, modules, assumeModules: files.length === 0, hostCpus: io.hostCpus });
  const explained = { board, sourceMap, nodeOf: (domain: DomainPlan) => tree.node(domain.path) };
  const paint = paintFor(io.stdout.isTTY === true, io.env);
  const print = (lines: readonly string[]): unknown => io.stdout.write(`${lines.join('\n')}\n`);
  if (wanted === undefined) {
    if (board.plan.domains.length === 0) throw new InputError([`${path} describes no domain`]);
    board.plan.domains.forEach((domain, n) =>
      print([...(n > 0 ? [''] : []), ...explainDomain(explained, domain, paint)]),
    );
    return EXIT.done;
  }
  const { domain, property } = resolve(board, wanted);
  if (property === undefined) print(explainDomain(explained, domain, paint));
  else print(explainProperty(explained, domain, findEntry(property, wanted), paint));
  return EXIT.done;
}
