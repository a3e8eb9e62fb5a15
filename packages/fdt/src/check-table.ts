import type { Check } from './check-context.ts';
import { BASIC_CHECKS } from './checks-basic.ts';
import { BUS_CHECKS } from './checks-bus.ts';
import { LINK_CHECKS } from './checks-links.ts';

/** What only a source can have; the compiler finds it, and says which of these failed. */
const SOURCE_CHECKS: readonly Check[] = [
  { code: 'duplicate_label', severity: 'error', run: () => undefined },
  {
    code: 'phandle_references',
    severity: 'error',
    needs: ['duplicate_node_names', 'explicit_phandles'],
    run: () => undefined,
  },
  { code: 'path_references', severity: 'error', needs: ['duplicate_node_names'], run: () => undefined },
  {
    code: 'omit_unused_nodes',
    severity: 'error',
    needs: ['phandle_references', 'path_references'],
    run: () => undefined,
  },
];

/** In dtc's order: what a check finds out about buses is there for the later ones. */
export const CHECKS: readonly Check[] = [
  ...BASIC_CHECKS.names,
  ...SOURCE_CHECKS,
  ...BASIC_CHECKS.forms,
  ...BASIC_CHECKS.strict,
  ...BUS_CHECKS,
  ...BASIC_CHECKS.places.slice(0, -1),
  ...LINK_CHECKS.providers,
  ...BASIC_CHECKS.places.slice(-1),
  ...LINK_CHECKS.graph,
  {
    code: 'always_fail',
    byDefault: false,
    run: (checked, _context, fail) => fail(checked, 'this check fails for every node'),
  },
];

export const CHECK_BY_CODE: ReadonlyMap<string, Check> = new Map(CHECKS.map((check) => [check.code, check]));

/** The names of all checks, which are dtc's. */
export const treeChecks: readonly string[] = CHECKS.map(({ code }) => code);
