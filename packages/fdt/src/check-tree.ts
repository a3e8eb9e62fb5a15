import { type Check, contextOf, type Fail, type TreeWarning } from './check-context.ts';
import { type CheckLevels, levelsOf } from './check-levels.ts';
import { CHECK_BY_CODE, CHECKS } from './check-table.ts';
import type { DtsSourceMap } from './dts-source-map.ts';
import type { DeviceTree } from './tree.ts';

export type { TreeWarning } from './check-context.ts';
export { treeChecks } from './check-table.ts';

export interface CheckTreeOptions {
  /** The tree is an overlay: phandles of the base tree are not known yet. */
  readonly plugin?: boolean | undefined;
  /** Gives warnings their place, and tells references from numbers; `checkDts` passes it. */
  readonly sourceMap?: DtsSourceMap | undefined;
  /** Checks to run that are off unless asked for (dtc's -W). */
  readonly enable?: readonly string[] | undefined;
  /** Checks not to run, with those that build on them (dtc's -W no-…). */
  readonly disable?: readonly string[] | undefined;
  /** Does not mind phandles that the source writes as numbers, as decompiled ones do. */
  readonly plainPhandles?: boolean | undefined;
  /** How much each check matters; takes the place of `enable` and `disable`. */
  readonly levels?: CheckLevels | undefined;
  /** Checks that the compiler made already, and that failed: they are not made again, nor what builds on them. */
  readonly failed?: ReadonlySet<string> | undefined;
}

/**
 * Looks a tree over as dtc does, with its checks; nothing found is an empty list. A check that builds on one that
 * found something is not made. Throws FDT_ERR_BADVALUE for a check of an unknown name.
 */
export function checkTree(tree: DeviceTree, options: CheckTreeOptions = {}): TreeWarning[] {
  const { plugin = false, plainPhandles = false, sourceMap, enable, disable, failed } = options;
  const { levels = levelsOf(enable, disable) } = options;
  const context = contextOf(tree, { plugin, sourceMap, plainPhandles });
  const warnings: TreeWarning[] = [];
  const passed = new Map<string, boolean>();
  for (const code of failed ?? []) passed.set(code, false);
  const run = (check: Check): boolean => {
    const known = passed.get(check.code);
    if (known !== undefined) return known;
    const ready = (check.needs ?? []).map((code) => run(CHECK_BY_CODE.get(code)!)).every(Boolean);
    const level = levels.of(check.code);
    let clean = ready;
    const fail: Fail = ({ path }, message, property) => {
      clean = false;
      if (level !== 'off') warnings.push(warningOf(check.code, level, path, message, property, sourceMap));
    };
    if (ready) for (const checked of context.all) check.run(checked, context, fail);
    passed.set(check.code, clean);
    return clean;
  };
  for (const check of CHECKS) if (levels.of(check.code) !== 'off') run(check);
  return warnings;
}

function warningOf(
  code: string,
  severity: TreeWarning['severity'],
  path: string,
  message: string,
  property: string | undefined,
  sourceMap: DtsSourceMap | undefined,
): TreeWarning {
  const location = (property === undefined ? undefined : sourceMap?.property(path, property)) ?? sourceMap?.node(path);
  return {
    code,
    severity,
    path,
    ...(property === undefined ? {} : { property }),
    message,
    ...(location === undefined ? {} : { location }),
  };
}
