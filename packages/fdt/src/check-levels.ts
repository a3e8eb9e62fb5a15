import { CHECK_BY_CODE, CHECKS } from './check-table.ts';
import { FdtError } from './errors.ts';

/** What a check's findings are. */
export type CheckLevel = 'off' | 'warning' | 'error';

/**
 * How much each check matters. As in dtc, a check is a warning, an error, both (then it is an error), or off; who raises
 * one raises what it builds on, who lowers one lowers what builds on it.
 */
export class CheckLevels {
  readonly #on: Readonly<Record<'warning' | 'error', Set<string>>> = { warning: new Set(), error: new Set() };

  constructor() {
    for (const { code, severity = 'warning', byDefault } of CHECKS)
      if (byDefault !== false) this.#on[severity].add(code);
  }

  /** dtc's -W and -E with a check's name. Throws FDT_ERR_BADVALUE for an unknown one. */
  raise(code: string, level: 'warning' | 'error'): this {
    const { needs = [] } = checkOf(code);
    if (this.#on[level].has(code)) return this;
    for (const need of needs) this.raise(need, level);
    this.#on[level].add(code);
    return this;
  }

  /** dtc's -W and -E with `no-` before a check's name. Throws FDT_ERR_BADVALUE for an unknown one. */
  lower(code: string, level: 'warning' | 'error'): this {
    checkOf(code);
    if (!this.#on[level].delete(code)) return this;
    for (const other of CHECKS) if (other.needs?.includes(code) === true) this.lower(other.code, level);
    return this;
  }

  of(code: string): CheckLevel {
    if (this.#on.error.has(code)) return 'error';
    return this.#on.warning.has(code) ? 'warning' : 'off';
  }
}

function checkOf(code: string): { readonly needs?: readonly string[] } {
  const check = CHECK_BY_CODE.get(code);
  if (check === undefined) {
    throw new FdtError('FDT_ERR_BADVALUE', `there is no check named ${JSON.stringify(code)}`);
  }
  return check;
}

/** The levels after these checks were asked for, and those taken out. */
export function levelsOf(enable: readonly string[] = [], disable: readonly string[] = []): CheckLevels {
  const levels = new CheckLevels();
  for (const code of enable) levels.raise(code, 'warning');
  for (const code of disable) levels.lower(code, 'warning').lower(code, 'error');
  return levels;
}
