/** Measurements as text. */

import type { Boot, Run } from './measure.ts';
import type { Memory } from './memory.ts';
import { BEYOND_GUESTS_MIB, BOOT_ROWS, type BootRow, FURTHER_DOMU_MB, WORKLOAD_GROUPS } from './rows.ts';
import { geometricMean, median, quantile } from './statistics.ts';
import type { Subject } from './subjects.ts';

type Name = Subject['name'];

/** One round: what each subject used for the same thing. Absent: the subject isn't here. */
export type Round<T> = Partial<Readonly<Record<Name, T>>>;

/** Measured rounds of a boot row. */
export interface BootRounds {
  readonly row: BootRow;
  readonly rounds: readonly Round<Boot>[];
}

/** Ratio of a peer to ours over rounds: median and lower quartile. */
export interface Ratio {
  readonly median: number;
  readonly quartile: number;
}

export function ratioOf<T>(rounds: readonly Round<T>[], peer: Name, of: (value: T) => number): Ratio | undefined {
  const ratios = rounds.flatMap((round) => {
    const [mine, theirs] = [round.ours, round[peer]];
    return mine === undefined || theirs === undefined ? [] : [of(theirs) / of(mine)];
  });
  return ratios.length === 0 ? undefined : { median: median(ratios), quartile: quantile(ratios, 0.25) };
}

const middle = <T>(rounds: readonly Round<T>[], name: Name, of: (value: T) => number): number | undefined => {
  const values = rounds.flatMap((round) => (round[name] === undefined ? [] : [of(round[name])]));
  return values.length === 0 ? undefined : median(values);
};

const number = (value: number | undefined, digits: number): string =>
  value === undefined || Number.isNaN(value) ? '–' : value.toFixed(digits);
const ratioText = (ratio: Ratio | undefined): string =>
  ratio === undefined ? '–' : `${ratio.median.toFixed(2)} (${ratio.quartile.toFixed(2)})`;
const verdict = (ratio: number | undefined, must: number, goal: number): string =>
  ratio === undefined ? '' : ratio >= goal ? 'goal' : ratio >= must ? 'met' : 'below';

/** A table in the form of Markdown. */
export function markdown(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}

/** Memory with so many domUs, in MiB. */
export interface MemoryRow extends Memory {
  readonly domains: number;
  /** Peak resident memory until then. */
  readonly peak: number;
}

/** Memory: what is resident beside the guests' RAM, and how much more that is for each further domU. */
export function memoryTable(rows: readonly MemoryRow[]): string {
  const head = [
    'domUs',
    'peak resident',
    'PSS',
    'guest RAM backed',
    'beyond that',
    'must',
    'each further domU',
    'must',
  ];
  const beyond = ({ resident, guests }: MemoryRow): number => resident - guests;
  return markdown(
    head,
    rows.map((row, n) => {
      const before = rows[n - 1];
      const more = before && (beyond(row) - beyond(before)) / (row.domains - before.domains);
      const figures = [row.peak, row.resident, row.guests, beyond(row), BEYOND_GUESTS_MIB].map((v) => v.toFixed(0));
      return [String(row.domains), ...figures, more?.toFixed(0) ?? '', String(FURTHER_DOMU_MB)];
    }),
  );
}

/** Boots: CPU and wall seconds of both, the ratio of each, and what it must be. */
export function bootTable(measured: readonly BootRounds[]): string {
  const head = [
    'domUs',
    'cache',
    'peer',
    'ours CPU s (wall)',
    'peer CPU s (wall)',
    'CPU ratio',
    'wall ratio',
    'must',
    'goal',
    '',
  ];
  const rows = measured.map(({ row, rounds }) => {
    const { domains, cache, peer, must, goal } = row;
    const both = (name: Name): string =>
      `${number(
        middle(rounds, name, (b) => b.cpu),
        2,
      )} (${number(
        middle(rounds, name, (b) => b.wall),
        2,
      )})`;
    const [cpu, wall] = [ratioOf(rounds, peer, (b) => b.cpu), ratioOf(rounds, peer, (b) => b.wall)];
    const least = cpu && wall && Math.min(cpu.median, wall.median);
    const targets = [must.toFixed(1), goal.toFixed(1), verdict(least, must, goal)];
    return [String(domains), cache, peer, both('ours'), both(peer), ratioText(cpu), ratioText(wall), ...targets];
  });
  return markdown(head, rows);
}

/** Workloads: CPU milliseconds of everyone, ratios, and the groups' geometric means against their targets. */
export function workloadTable(
  measured: ReadonlyMap<string, readonly Round<Run>[]>,
  native: ReadonlyMap<string, Run>,
): string {
  const head = [
    'workload',
    'native ms',
    'ours ms',
    'QEMU ms',
    'Xen ms',
    'QEMU / ours',
    'Xen / ours',
    'must',
    'goal',
    '',
  ];
  const rows: string[][] = [];
  for (const group of WORKLOAD_GROUPS) {
    const inGroup = group.workloads.filter((name) => measured.has(name));
    for (const name of inGroup) {
      const rounds = measured.get(name)!;
      const ms = (who: Name): string =>
        number(
          middle(rounds, who, (run) => run.cpu * 1000),
          0,
        );
      const ratios = (['qemu', 'xen'] as const).map((peer) => ratioText(ratioOf(rounds, peer, (run) => run.cpu)));
      const alone = native.get(name);
      rows.push([name, number(alone && alone.cpu * 1000, 0), ms('ours'), ms('qemu'), ms('xen'), ...ratios, '', '', '']);
    }
    for (const { peer, must, goal } of group.targets) {
      const ratios = inGroup.flatMap((name) => ratioOf(measured.get(name)!, peer, (run) => run.cpu)?.median ?? []);
      if (ratios.length === 0) continue;
      const mean = geometricMean(ratios);
      const places = peer === 'qemu' ? [mean.toFixed(2), ''] : ['', mean.toFixed(2)];
      rows.push([
        `**${group.name}**`,
        '',
        '',
        '',
        '',
        ...places,
        must.toFixed(1),
        goal.toFixed(1),
        verdict(mean, must, goal),
      ]);
    }
  }
  return markdown(head, rows);
}

/** The rows of BOOT_ROWS that a measurement of `domains` domUs serves. */
export const rowsOf = (domains: number, cache: BootRow['cache']): readonly BootRow[] =>
  BOOT_ROWS.filter((row) => row.domains === domains && row.cache === cache);
