import { type Check, contextOf, type Fail, type TreeWarning } from './check-context.ts';
import { BASIC_CHECKS } from './checks-basic.ts';
import { BUS_CHECKS } from './checks-bus.ts';
import { LINK_CHECKS } from './checks-links.ts';
import type { DtsSourceMap } from './dts-source-map.ts';
import { FdtError } from './errors.ts';
import type { DeviceTree } from './tree.ts';

export type { TreeWarning } from './check-context.ts';

export interface CheckTreeOptions {
  /** The tree is an overlay: phandles of the base tree are not known yet. */
  readonly plugin?: boolean | undefined;
  /** Gives warnings their place, and tells references from numbers; `checkDts` passes it. */
  readonly sourceMap?: DtsSourceMap | undefined;
  /** Checks to run that are off unless asked for (dtc's -W). */
  readonly enable?: readonly string[] | undefined;
  /** Checks not to run, with those that build on them (dtc's -W no-…). */
  readonly disable?: readonly string[] | undefined;
}

/** In dtc's order: what a check finds out about buses is there for the later ones. */
const CHECKS: readonly Check[] = [
  ...BASIC_CHECKS.names,
  ...BASIC_CHECKS.forms,
  ...BASIC_CHECKS.strict,
  ...BUS_CHECKS,
  ...BASIC_CHECKS.places.slice(0, -1),
  ...LINK_CHECKS.providers,
  ...BASIC_CHECKS.places.slice(-1),
  ...LINK_CHECKS.graph,
];
const BY_CODE = new Map(CHECKS.map((check) => [check.code, check]));

/** The names of all checks, which are dtc's. */
export const treeChecks: readonly string[] = CHECKS.map(({ code }) => code);

/**
 * Looks a tree over as dtc does, with its checks; nothing found is an empty list. A check that builds on one that
 * found something is not made. Throws FDT_ERR_BADVALUE for a check of an unknown name.
 */
export function checkTree(tree: DeviceTree, options: CheckTreeOptions = {}): TreeWarning[] {
  const { plugin = false, sourceMap } = options;
  const context = contextOf(tree, plugin, sourceMap);
  const wanted = wantedChecks(options);
  const warnings: TreeWarning[] = [];
  const passed = new Map<string, boolean>();
  const run = (check: Check): boolean => {
    const known = passed.get(check.code);
    if (known !== undefined) return known;
    const ready = (check.needs ?? []).map((code) => run(BY_CODE.get(code)!)).every(Boolean);
    let clean = ready;
    const fail: Fail = ({ path }, message, property) => {
      clean = false;
      if (wanted.has(check)) warnings.push(warningOf(check, path, message, property, sourceMap));
    };
    if (ready) for (const checked of context.all) check.run(checked, context, fail);
    passed.set(check.code, clean);
    return clean;
  };
  for (const check of CHECKS) if (wanted.has(check)) run(check);
  return warnings;
}

function wantedChecks({ enable = [], disable = [] }: CheckTreeOptions): Set<Check> {
  for (const code of [...enable, ...disable]) {
    if (!BY_CODE.has(code)) throw new FdtError('FDT_ERR_BADVALUE', `there is no check named ${JSON.stringify(code)}`);
  }
  const disabled = new Set(disable);
  const isOff = ({ code, needs = [] }: Check): boolean =>
    disabled.has(code) || needs.some((need) => isOff(BY_CODE.get(need)!));
  return new Set(CHECKS.filter((check) => (check.byDefault !== false || enable.includes(check.code)) && !isOff(check)));
}

function warningOf(
  { code, severity }: Check,
  path: string,
  message: string,
  property: string | undefined,
  sourceMap: DtsSourceMap | undefined,
): TreeWarning {
  const location = (property === undefined ? undefined : sourceMap?.property(path, property)) ?? sourceMap?.node(path);
  return {
    code,
    severity: severity ?? 'warning',
    path,
    ...(property === undefined ? {} : { property }),
    message,
    ...(location === undefined ? {} : { location }),
  };
}
