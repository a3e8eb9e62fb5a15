import { type CheckLevels, treeChecks } from '@dom0less/fdt';

/**
 * Applies names of dtc's checks, as -W and -E give them, in their order: with `no-` or `no_` before it, a check is taken
 * out. What is wrong with them is added to `problems`.
 */
export function applyChecks(
  option: string,
  level: 'warning' | 'error',
  names: readonly string[],
  levels: CheckLevels,
  problems: string[],
): void {
  for (const name of names) {
    const negated = treeChecks.includes(name) ? undefined : /^no[-_](.*)$/.exec(name)?.[1];
    if (negated !== undefined && treeChecks.includes(negated)) levels.lower(negated, level);
    else if (treeChecks.includes(name)) levels.raise(name, level);
    else problems.push(`${option} ${name}: there is no such check`);
  }
}
